"""The header of a gzip file, guessed from all that is known beside it.

    1f 8b 08 │ flags │ mtime (4) │ XFL │ OS │ what flags announce: mostly a name and a 0

How long it is follows from the size of the file, so only a name of the right length is tried. XFL
and OS are few and told by the program; the reference of the same folder mostly came from the same.
The time is searched, in this order:

    the reference's; none at all
    as far from the newest file inside, or from the upload, as the reference's was from its own
    what reproducible builds write
    near the newest file of the tar inside, and near the upload
    those of all other files inside
    outward from the newest file and the upload for a year, as far as CPU time goes
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice

from deltaloft.deltaglider.kin import Kin
from deltaloft.deltaglider.tar_facts import TarFacts

__all__ = ["GzipHints", "first_headers", "later_headers"]

_FIXED = struct.Struct("<4sIBB")
_EXTRA_FLAG, _NAME_FLAG, _COMMENT_FLAG = 4, 8, 16
_UNIX, _UNKNOWN, _FAT = 3, 255, 0
_OTHER_SYSTEMS = (10, 11, 19, 7)  # Windows as zlib and as NTFS; macOS as zlib, old and new

# The upload comes after the compression; clocks differ by a little.
_SKEW = 120
# What the CPU budget would allow for a small file is no use: nobody waits that long to upload.
_FARTHEST = 366 * 86_400

# Seconds around a likely time that are looked at before other recompressors are tried.
_NEAR = 10
# How far a file's time may be from where the reference's was, in seconds.
_OFF = 2

# What zip can name first, and the day after; npm's; hatch's; and "as old as can be".
_CONSTANTS = (315_532_800, 315_619_200, 499_162_500, 1_580_601_600, 1)


@dataclass(frozen=True, slots=True)
class GzipHints:
    """What is known of a gzip file besides its content.

    Attributes:
        original_name: What the file was called.
        uploaded: When, in seconds since 1970; None if not known.
        inside: What the tar inside tells.
        kin: A file of the same folder.
    """

    original_name: str
    uploaded: int | None = None
    inside: TarFacts = field(default_factory=TarFacts)
    kin: Kin = field(default_factory=Kin)

    @classmethod
    def of(cls, name: str, uploaded: datetime | None, content: memoryview, kin: Kin) -> GzipHints:
        """Gather them."""
        return cls(name, _seconds(uploaded), TarFacts.of(content), kin)

    @property
    def kin_fields(self) -> tuple[int, int, int] | None:
        """Return time, XFL and OS of the kin, if that is a gzip file."""
        head = self.kin.gzip_head
        if len(head) < _FIXED.size:
            return None
        _, time, xfl, system = _FIXED.unpack_from(head)
        return time, xfl, system


def first_headers(hints: GzipHints, size: int, xfl: int) -> Iterator[bytes]:
    """Yield the headers of `size` bytes that need no long search: some hundreds at most.

    `xfl` is what the program that made the stream writes for its level.
    """
    for ending in _endings(hints, size):
        fields = hints.kin_fields
        plain = dict.fromkeys((fields[0], 0) if fields else (0,))
        for time in plain:
            for each, system in _programs(hints, xfl, every=True):
                yield _header(ending, time, each, system)
        near = islice(_times(hints), 4 * _NEAR)
        for time in dict.fromkeys([*_told_times(hints), *_CONSTANTS, *near]):
            for each, system in _programs(hints, xfl, every=False):
                yield _header(ending, time, each, system)


def later_headers(hints: GzipHints, size: int, xfl: int) -> Iterator[bytes]:
    """Yield headers of `size` bytes with one time after the other, the likeliest programs only."""
    for ending in _endings(hints, size):
        for time in chain(hints.inside.times, _times(hints)):
            for each, system in _programs(hints, xfl, every=False):
                yield _header(ending, time, each, system)


def _seconds(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp())


def _header(ending: tuple[int, bytes], time: int, xfl: int, system: int) -> bytes:
    flags, rest = ending
    return _FIXED.pack(b"\x1f\x8b\x08" + bytes([flags]), time, xfl, system) + rest


def _endings(hints: GzipHints, size: int) -> list[tuple[int, bytes]]:
    """Return flags and what follows the fixed fields, such that the header has this size."""
    found = [(_NAME_FLAG if name else 0, name) for name in _names(hints, size)]
    told = _ending_in(hints.kin.gzip_head)
    if told is not None and told not in found and len(told[1]) == size - _FIXED.size:
        found.append(told)
    return found


def _ending_in(header: bytes) -> tuple[int, bytes] | None:
    """Return flags and extra field, name and comment of a header; None if it has none of them."""
    flags = header[3] if len(header) >= _FIXED.size else 0
    if flags & ~(_EXTRA_FLAG | _NAME_FLAG | _COMMENT_FLAG) or flags in (0, _NAME_FLAG):
        return None
    place = _FIXED.size
    if flags & _EXTRA_FLAG:
        place += 2 + int.from_bytes(header[place : place + 2], "little")
    for flag in (_NAME_FLAG, _COMMENT_FLAG):
        if flags & flag:
            place = header.find(b"\0", place) + 1
            if place == 0:
                return None
    return (flags, header[_FIXED.size : place]) if place <= len(header) else None


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
    if hints.inside.top:  # the file was renamed since
        yield from (f"{hints.inside.top}.tar", hints.inside.top)
    # If the kin was packed as X and uploaded as X-linux.tgz, the same may hold here.
    told = _name_in(hints.kin.gzip_head)
    if told:
        yield told
        for stem in _without_suffix(hints.kin.name):
            if stem and stem in told:
                yield from (told.replace(stem, each) for each in _without_suffix(name))
        if hints.kin.inside.top and hints.inside.top:
            yield told.replace(hints.kin.inside.top, hints.inside.top)


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
    fields = hints.kin_fields
    if fields is not None:
        found.append(fields[1:])
    if every or not found:
        found += [(xfl, _UNIX), (xfl, _UNKNOWN), (2, _UNKNOWN)]
    if every:
        found += [(0, _UNIX), (0, _UNKNOWN), (xfl, _FAT), (0, _FAT)]
        found += [(each, system) for system in _OTHER_SYSTEMS for each in (xfl, 0)]
    return list(dict.fromkeys(found))


def _told_times(hints: GzipHints) -> Iterator[int]:
    """Yield the times that lie from the file's own where the kin's lay from its own."""
    fields = hints.kin_fields
    for origin, here in (
        (hints.kin.inside.newest, hints.inside.newest),
        (_seconds(hints.kin.uploaded), hints.uploaded),
    ):
        if fields is not None and fields[0] and origin is not None and here is not None:
            time = here + fields[0] - origin
            found = (time + off for off in sorted(range(-_OFF, _OFF + 1), key=abs))
            yield from (each for each in found if 0 <= each < 2**32)


def _times(hints: GzipHints) -> Iterator[int]:
    """Yield times outward from the newest file inside and from the upload, in turns."""
    low, high = hints.inside.newest, hints.uploaded
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
