"""What a zip or gzip file holds, whatever it was packed by.

    zip, jar, whl    each member, known by CRC-32 and size out of the central directory, counts as
                     much as its bytes would; names, dates and order do not matter
    gzip, tgz        the first 16 MiB of what it unpacks to, as of a file with those bytes

The bytes are hostile until checked. What is not understood has no inside, and is no error.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from deltaloft.native import Sketcher
from deltaloft.sketch.sketch import row

__all__ = ["inside"]

_UNPACKED = 16 << 20  # bytes of a gzip file that are looked at: 40 ms
_PIECE = 64 << 10
_PARTS = 1024  # of a gzip file, which may be many small ones in a row; bgzip's hold 64 KiB each
_MEMBERS = 65_535  # of a zip file; reading that many takes 60 ms
_NOTED = 1 << 30  # bytes that members may claim to be, all together: 30 ms

_GZIP = b"\x1f\x8b\x08"
_END = struct.Struct("<4s4H2IH")  # end of central directory
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64_SIZE = 20
_ENTRY = struct.Struct("<4s6H3I5H2I")  # one member in the central directory
_COMMENT_SIZE = 65_535


def inside(view: memoryview) -> str:
    """Return the row of what a file's bytes hold, for `resemblance`; empty if nothing is known."""
    sketcher = Sketcher()
    note = _note_gzip if bytes(view[:3]) == _GZIP else _note_zip
    return row(sketcher) if note(sketcher, view) else ""


def _note_gzip(sketcher: Sketcher, view: memoryview) -> bool:
    read = 0
    for piece in _unpacked(view):
        sketcher.add(piece)
        read += len(piece)
    return read > 0


def _unpacked(view: memoryview) -> Iterator[bytes]:
    """Yield the first bytes that a gzip file, of one member or several, unpacks to."""
    left = _UNPACKED
    at = parts = 0
    unpacker = zlib.decompressobj(wbits=31)
    while left > 0 and (given := unpacker.unconsumed_tail or view[at : at + _PIECE]):
        if not unpacker.unconsumed_tail:
            at += len(given)
        try:
            piece = unpacker.decompress(given, min(left, _PIECE))
        except zlib.error:  # or it ended, and what follows is padding
            return
        left -= len(piece)
        yield piece
        if unpacker.eof:
            parts += 1
            if parts == _PARTS:
                return
            at -= len(unpacker.unused_data)
            unpacker = zlib.decompressobj(wbits=31)


def _note_zip(sketcher: Sketcher, view: memoryview) -> bool:
    """Note the members of a zip file; False unless its central directory is whole."""
    directory = _central_directory(view)
    if directory is None:
        return False
    start, end, count = directory
    noted = 0
    for _ in range(min(count, _MEMBERS)):
        if start + _ENTRY.size > end:
            return False
        magic, *_, crc, _packed, size, name, extra, comment, _, _, _, _ = _ENTRY.unpack_from(
            view, start
        )
        if magic != b"PK\x01\x02":
            return False
        start += _ENTRY.size + name + extra + comment
        noted += size
        if size and noted <= _NOTED:
            sketcher.note(size << 32 | crc, size)
    return noted > 0


def _central_directory(view: memoryview) -> tuple[int, int, int] | None:
    """Return where the central directory begins and ends, and of how many members it is."""
    tail = bytes(view[-(_COMMENT_SIZE + _END.size) :])
    place = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
    if place < 0:
        return None
    _, _, _, _, count, size, _, _ = _END.unpack_from(tail, place)
    end = len(view) - len(tail) + place
    # A zip file of many members, or a large one, says so again in wider fields before that.
    wide = end - _LOCATOR_64_SIZE - _END_64.size
    if wide >= 0 and bytes(view[wide : wide + 4]) == b"PK\x06\x06":
        _, _, _, _, _, _, _, count, size, _ = _END_64.unpack_from(view, wide)
        end = wide
    return (end - size, end, count) if size <= end else None
