"""Ar archives, as .deb packages are: where their members lie.

    !<arch> and a line's end
    header of 60 bytes · content, filled up to 2 bytes           for each member

Nothing here is compressed: an ar matters for the archives inside it, as data.tar.gz.
"""

from __future__ import annotations

from deltaloft.containers.part import NotUnderstood, Part

__all__ = ["AR_MAGIC", "ar_parts"]

AR_MAGIC = b"!<arch>\n"

_HEADER_SIZE = 60
_HEADER_END = b"`\n"


def ar_parts(view: memoryview) -> list[Part]:
    """Return the members of an ar, up to its end or to where it stops making sense.

    Raises:
        NotUnderstood: this is no ar.
    """
    if view[: len(AR_MAGIC)] != AR_MAGIC:
        raise NotUnderstood("ar: its magic expected")
    parts: list[Part] = []
    at = len(AR_MAGIC)
    while at + _HEADER_SIZE <= len(view):
        header = bytes(view[at : at + _HEADER_SIZE])
        start, digits = at + _HEADER_SIZE, header[48:58].rstrip(b" ")
        if header[58:] != _HEADER_END or not digits.isdigit():
            break
        size = int(digits)
        if start + size > len(view):
            break
        if size > 0:
            name = header[:16].rstrip(b" ").removesuffix(b"/")
            parts.append(Part(name, start, size, False, size))
        at = start + size + size % 2
    return parts
