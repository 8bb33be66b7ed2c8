"""What xdelta3 does to its inputs before it compares them: it inflates what looks compressed.

    application header   TARGET/t/SOURCE/s     t, s: G gzip, B bzip2, Y xz, Z compress, or empty
    source               inflated, if it begins with the magic number of one of these
    target               the same; the delta then makes the inflated file, and what the
                         compressed one looked like is lost

xdelta3 goes by the first bytes, not by names, unless it is told -D. Without a header nobody knows.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from deltaloft.errors import DamagedObject, TargetTooLarge, UnsupportedDelta

__all__ = ["Kind", "Marks", "inflated", "inflating", "kind_of", "marks_of"]

Kind = Literal["gzip", "bzip2", "xz"]

_MAGICS: tuple[tuple[bytes, Kind], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
)
_KINDS: dict[str, Kind | None] = {"": None, "G": "gzip", "B": "bzip2", "Y": "xz"}
_PIECE = 1 << 20
# `xz -9` needs 65 MiB to be unpacked; a header may name up to 4 GiB.
_MEMORY_LIMIT = 256 << 20


@dataclass(frozen=True, slots=True)
class Marks:
    """How source and target were compressed before xdelta3 saw them; None means not at all."""

    source: Kind | None
    target: Kind | None


def kind_of(view: memoryview) -> Kind | None:
    """Tell what xdelta3 would take these bytes for."""
    return next((kind for magic, kind in _MAGICS if view[: len(magic)] == magic), None)


def marks_of(app_header: bytes | None) -> Marks | None:
    """Read xdelta3's application header; None when there is none, or it is another program's.

    Raises:
        UnsupportedDelta: an input was compressed by compress(1), or by what we do not know.
    """
    if app_header is None:
        return None
    parts = app_header.decode("latin-1").split("/")
    if len(parts) not in (2, 4):
        return None
    found = []
    for mark in (parts[3] if len(parts) == 4 else "", parts[1]):
        if mark not in _KINDS:
            raise UnsupportedDelta(
                f"an input inflated from gzip (G), bzip2 (B) or xz (Y) expected, found {mark[:8]!r}"
            )
        found.append(_KINDS[mark])
    return Marks(*found)


def inflated(view: memoryview, kind: Kind, *, most: int, limit: int) -> bytearray:
    """Inflate all members of a file, or the first `most` bytes of what they hold, in memory.

    Raises:
        TargetTooLarge: that is more than `limit`.
        DamagedObject: it is not what its first bytes say.
    """
    if most > limit:
        raise TargetTooLarge(f"at most {limit} bytes of inflated source expected, {most} needed")
    found = bytearray()
    if most > 0:
        for piece, _ in inflating(view, kind):
            found += piece[: most - len(found)]
            if len(found) == most:
                break
    return found


def inflating(view: memoryview, kind: Kind) -> Iterator[tuple[bytes, int | None]]:
    """Yield what a file holds in pieces of 1 MiB at most, each with where its member ended.

    That is None for pieces behind which the member goes on.

    Raises:
        DamagedObject: it is not what its first bytes say.
    """
    end = 0
    try:
        while end < len(view):
            for piece, ended in _member(view, end, kind):
                if ended is not None:
                    end = ended if kind != "xz" else _behind_padding(view, ended)
                yield piece, None if ended is None else end
    except (zlib.error, OSError, EOFError, lzma.LZMAError) as error:
        raise DamagedObject(f"{kind}: a whole file expected ({error})") from error


def _member(view: memoryview, start: int, kind: Kind) -> Iterator[tuple[bytes, int | None]]:
    member: Any = _OPEN[kind]()
    place = start
    fed: bytes | memoryview = b""
    while not member.eof:
        if len(fed) == 0 and (kind == "gzip" or member.needs_input):
            fed = view[place : place + _PIECE]
            place += len(fed)
        plain = member.decompress(fed, _PIECE)
        if len(fed) == len(plain) == 0 and not member.eof:
            raise EOFError("it ends too early")
        fed = member.unconsumed_tail if kind == "gzip" else b""
        yield plain, place - len(member.unused_data) if member.eof else None


def _behind_padding(view: memoryview, place: int) -> int:
    while bytes(view[place : place + 4]) == b"\0\0\0\0":
        place += 4
    return place


_OPEN: dict[Kind, Callable[[], object]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT),
}
