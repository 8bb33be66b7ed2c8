"""Tar archives (POSIX.1-2017 pax and ustar, and GNU's long names): where their members lie.

    header of 512 bytes · content, filled up to 512 bytes        for each member
    two blocks of zeros

Nothing here is compressed: a tar matters for the archives inside it.
"""

from __future__ import annotations

from deltaloft.containers.part import NotUnderstood, Part

__all__ = ["tar_parts"]

_BLOCK = 512
_LARGEST_NAME = 1 << 16
_REGULAR = b"\0", b"0"
_GNU_NAME, _PAX = b"L", b"x"


def tar_parts(view: memoryview) -> list[Part]:
    """Return the regular files of a tar, up to its end or to where it stops making sense.

    Raises:
        NotUnderstood: this is no tar.
    """
    parts: list[Part] = []
    at = 0
    long_name = b""
    while at + _BLOCK <= len(view):
        header = bytes(view[at : at + _BLOCK])
        try:
            size = _size(header)
        except NotUnderstood:
            break
        start, kind = at + _BLOCK, header[156:157]
        if start + size > len(view):
            break
        if kind in (_GNU_NAME, _PAX):
            long_name = _long_name(kind, bytes(view[start : start + min(size, _LARGEST_NAME)]))
        else:
            if kind in _REGULAR and size > 0:
                parts.append(Part(long_name or _name(header), start, size, False, size))
            long_name = b""
        at = start + -(-size // _BLOCK) * _BLOCK
    if at == 0:
        raise NotUnderstood("tar: a header expected")
    return parts


def _size(header: bytes) -> int:
    """Return the size of a member whose header's checksum is right."""
    checksum = _number(header[148:156])
    # The checksum counts its own field as spaces.
    if header[257:262] != b"ustar" or checksum != sum(header) - sum(header[148:156]) + 8 * 32:
        raise NotUnderstood("tar: a header expected")
    return _number(header[124:136])


def _number(field: bytes) -> int:
    if field[0] & 0x80:  # GNU: in base 256
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits.translate(None, b"01234567"):  # int() would take signs, too
        raise NotUnderstood("tar: an octal number expected")
    return int(digits or b"0", 8)


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[263:265] == b"00" else b""
    return prefix + b"/" + name if prefix else name


def _long_name(kind: bytes, content: bytes) -> bytes:
    if kind == _GNU_NAME:
        return content.rstrip(b"\0")
    _, found, rest = content.partition(b" path=")
    return rest.partition(b"\n")[0] if found else b""
