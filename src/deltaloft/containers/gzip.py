"""Gzip files (RFC 1952), of one member or more.

    1f 8b 08 · flags · mtime · xfl · os [· extra] [· name] [· comment] [· crc]     for each member
    deflate stream                                                                 of unknown size
    crc · plain size modulo 2^32

Where a stream ends is known once it has been inflated, so that is what is done here.
"""

from __future__ import annotations

from deltaloft.containers.part import NotUnderstood, Part
from deltaloft.errors import DeltaError
from deltaloft.native.deflate import inflate

__all__ = ["gzip_parts"]

_MAGIC = b"\x1f\x8b\x08"
_HEADER_SIZE = 10
_TRAILER_SIZE = 8
_HAS_CRC, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 1 << 1, 1 << 2, 1 << 3, 1 << 4
_RESERVED = 0xE0
_LONGEST_FIELD = 1 << 16
_MOST_MEMBERS = 1 << 14


def gzip_parts(view: memoryview, *, max_size: int) -> list[Part]:
    """Return the members of a gzip file, inflated.

    What follows the last whole member, or the last one that `max_size` bytes of plain have room
    for, is left out.

    Raises:
        NotUnderstood: this is no gzip file.
    """
    parts: list[Part] = []
    at = 0
    while at < len(view) and len(parts) < _MOST_MEMBERS:
        try:
            start, name = _header(view, at)
            plain, size = inflate(view[start:], max_size=max_size)
        except (NotUnderstood, DeltaError):
            break
        at = start + size + _TRAILER_SIZE
        declared = int.from_bytes(view[at - 4 : at], "little")
        if at > len(view) or declared != len(plain) & 0xFFFFFFFF:
            break
        parts.append(Part(name, start, size, True, len(plain), plain))
        max_size -= len(plain)
    if not parts:
        raise NotUnderstood("gzip: a member expected")
    return parts


def _header(view: memoryview, at: int) -> tuple[int, bytes]:
    """Return where the deflate stream of the member at `at` begins, and the member's name."""
    head = bytes(view[at : at + _HEADER_SIZE])
    if len(head) < _HEADER_SIZE or not head.startswith(_MAGIC) or head[3] & _RESERVED:
        raise NotUnderstood("gzip: a header expected")
    flags = head[3]
    at += _HEADER_SIZE
    name = b""
    if flags & _HAS_EXTRA:
        at += 2 + int.from_bytes(view[at : at + 2], "little")
    if flags & _HAS_NAME:
        name = _text(view, at)
        at += len(name) + 1
    if flags & _HAS_COMMENT:
        at += len(_text(view, at)) + 1
    if flags & _HAS_CRC:
        at += 2
    return at, name


def _text(view: memoryview, at: int) -> bytes:
    text, end, _ = bytes(view[at : at + _LONGEST_FIELD]).partition(b"\0")
    if not end:
        raise NotUnderstood("gzip: a name or comment that ends expected")
    return text
