"""The header of a gzip file, guessed from all that is known beside it.

    1f 8b 08 │ flags │ mtime (4) │ XFL │ OS │ name, if flags say so, and a 0

How long it is follows from the size of the file, so only a name of the right length is tried. XFL
and OS are few and told by the program; the reference of the same folder mostly came from the same.
The time is searched: none at all, the reference's, then outward from the newest file of the tar
inside and from the upload. (An sdist of setuptools has the time one second before its newest file.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

__all__ = ["GzipHints", "first_headers", "later_headers", "newest_in_tar"]

_FIXED = struct.Struct("<4sIBB")
_NAME_FLAG = 8
_UNIX, _UNKNOWN, _FAT = 3, 255, 0
_OTHER_SYSTEMS = (10, 11, 19, 7)  # Windows as zlib and as NTFS; macOS as zlib, old and new

# The upload comes after the compression; clocks differ by a little.
_SKEW = 120
# What the CPU budget would allow for a small file is no use: nobody waits that long to upload.
_FARTHEST = 366 * 86_400

# Seconds around a likely time that are looked at before other recompressors are tried.
_NEAR = 10

_TAR_BLOCK = 512


@dataclass(frozen=True, slots=True)
class GzipHints:
    """What is known of a gzip file besides its content.

    Attributes:
        original_name: What the file was called.
        uploaded: When, in seconds since 1970; None if not known.
        newest: The youngest member of the tar inside, likewise.
        reference: The first bytes of a gzip file of the same folder, or nothing.
        reference_name: What that was called.
    """

    original_name: str
    uploaded: int | None = None
    newest: int | None = None
    reference: bytes = b""
    reference_name: str = ""

    @classmethod
    def of(
        cls,
        original_name: str,
        created_at: datetime | None,
        content: memoryview,
        reference: memoryview,
        reference_name: str,
    ) -> GzipHints:
        """Gather them."""
        head = bytes(reference[:1024])
        return cls(
            original_name,
            None if created_at is None else int(created_at.timestamp()),
            newest_in_tar(content),
            head if head[:3] == b"\x1f\x8b\x08" and len(head) >= _FIXED.size else b"",
            reference_name,
        )

    @property
    def reference_fields(self) -> tuple[int, int, int] | None:
        """Return time, XFL and OS of the reference."""
        if not self.reference:
            return None
        _, time, xfl, system = _FIXED.unpack_from(self.reference)
        return time, xfl, system


def first_headers(hints: GzipHints, size: int, xfl: int) -> Iterator[bytes]:
    """Yield the headers of `size` bytes that need no long search: two hundred at most.

    `xfl` is what the program that made the stream writes for its level.
    """
    for name in _names(hints, size):
        fields = hints.reference_fields
        times = dict.fromkeys((fields[0], 0) if fields else (0,))
        for time in times:
            for each, system in _programs(hints, xfl, every=True):
                yield _header(name, time, each, system)
        near = islice(_times(hints), 4 * _NEAR)
        for time in near:
            for each, system in _programs(hints, xfl, every=False):
                yield _header(name, time, each, system)


def later_headers(hints: GzipHints, size: int, xfl: int) -> Iterator[bytes]:
    """Yield headers of `size` bytes with one time after the other, the likeliest programs only."""
    for name in _names(hints, size):
        for time in _times(hints):
            for each, system in _programs(hints, xfl, every=False):
                yield _header(name, time, each, system)


def newest_in_tar(content: memoryview) -> int | None:
    """Return the youngest member's time; None if this is no tar, or has no sensible times."""
    newest = 0
    place = 0
    for _ in range(100_000):  # members looked at; a time that is found too low costs only search
        head = bytes(content[place : place + _TAR_BLOCK])
        if len(head) < _TAR_BLOCK or head[257:262] != b"ustar":
            break
        try:
            size = int(head[124:136].strip(b" \0") or b"0", 8)
            newest = max(newest, int(head[136:148].strip(b" \0") or b"0", 8))
        except ValueError:
            break
        place += _TAR_BLOCK * (1 + -(-max(size, 0) // _TAR_BLOCK))
    return newest if 0 < newest < 2**32 else None


def _header(name: bytes, time: int, xfl: int, system: int) -> bytes:
    flags = _NAME_FLAG if name else 0
    return _FIXED.pack(b"\x1f\x8b\x08" + bytes([flags]), time, xfl, system) + name


def _names(hints: GzipHints, size: int) -> list[bytes]:
    """Return the names, with their 0, that make a header of this size; b"" stands for none."""
    room = size - _FIXED.size
    if room == 0:
        return [b""]
    found: dict[bytes, None] = {}
    for name in _spellings(hints):
        for coding in ("latin-1", "utf-8"):
            try:
                found[name.encode(coding) + b"\0"] = None
            except UnicodeEncodeError:
                continue
    return [name for name in found if len(name) == room and name.count(b"\0") == 1]


def _spellings(hints: GzipHints) -> Iterator[str]:
    name = hints.original_name
    yield from _without_suffix(name)
    yield name
    # If the reference was packed as X and uploaded as X-linux.tgz, the same may hold here.
    told = _name_in(hints.reference)
    if told:
        yield told
        for stem in _without_suffix(hints.reference_name):
            if stem and stem in told:
                yield from (told.replace(stem, each) for each in _without_suffix(name))


def _without_suffix(name: str) -> Iterator[str]:
    stem, dot, suffix = name.rpartition(".")
    if dot and suffix.lower() in ("tgz", "taz"):
        yield f"{stem}.tar"
    if dot:
        yield stem


def _name_in(header: bytes) -> str:
    if len(header) < _FIXED.size or header[3] != _NAME_FLAG:
        return ""
    return header[_FIXED.size :].partition(b"\0")[0].decode("latin-1")


def _programs(hints: GzipHints, xfl: int, *, every: bool) -> list[tuple[int, int]]:
    """Return pairs of XFL and OS: GNU gzip, pigz and zlib; Python; Java, and so on."""
    found: list[tuple[int, int]] = []
    fields = hints.reference_fields
    if fields is not None:
        found.append(fields[1:])
    if every or not found:
        found += [(xfl, _UNIX), (xfl, _UNKNOWN), (2, _UNKNOWN)]
    if every:
        found += [(0, _UNIX), (0, _UNKNOWN), (xfl, _FAT), (0, _FAT)]
        found += [(each, system) for system in _OTHER_SYSTEMS for each in (xfl, 0)]
    return list(dict.fromkeys(found))


def _times(hints: GzipHints) -> Iterator[int]:
    """Yield times outward from the newest file inside and from the upload, in turns."""
    low, high = hints.newest, hints.uploaded
    ways: list[range] = []
    if low is not None and (high is None or low <= high):
        middle = low + _FARTHEST if high is None else (low + high) // 2 + 1
        ways += [range(low, middle), range(low - 1, low - _FARTHEST, -1)]
        if high is not None:
            ways += [range(high, middle - 1, -1), range(high + 1, high + _SKEW)]
    elif high is not None:
        ways += [range(high, high - _FARTHEST, -1), range(high + 1, high + _SKEW)]
    for step in range(_FARTHEST):
        for way in ways:
            if step < len(way) and 0 <= way[step] < 2**32:
                yield way[step]
