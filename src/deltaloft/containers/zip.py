"""Zip archives (APPNOTE 6.3.10): jar, whl, apk, nupkg.

    local header · name · extra · data [· data descriptor]       for each member
    central header · name · extra · comment                      for each member: the directory
    [zip64 end record · zip64 locator]
    end record · comment                                         the last bytes of the file

A member is believed where directory and local header agree; one of them alone says too little, for
programs differ in which one they read. An archive whose directory does not hold together, whose
members overlap, or that is followed by other bytes, is not understood at all.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from deltaloft.containers.part import NotUnderstood, Part

__all__ = ["zip_parts"]

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCATOR_MAGIC = b"PK\6\7"

_LONGEST_COMMENT = 0xFFFF
_IN_EXTRA_16, _IN_EXTRA_32 = 0xFFFF, 0xFFFFFFFF
_ZIP64 = 1  # id of the extra field
_STORED, _DEFLATED = 0, 8
_DESCRIPTOR = 1 << 3
# Encrypted, patched, strongly encrypted, directory encrypted.
_UNREADABLE = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 13


@dataclass(frozen=True, slots=True)
class _Directory:
    offset: int
    size: int
    entries: int
    shift: int  # of all offsets, where other bytes were put before the archive
    end: int


@dataclass(frozen=True, slots=True)
class _Entry:
    flags: int
    method: int
    crc: int
    size: int
    plain_size: int
    offset: int
    name: bytes


def zip_parts(view: memoryview) -> list[Part]:
    """Return the members of a zip archive that are stored or deflated, in the order of their bytes.

    Raises:
        NotUnderstood: this is no zip archive, or none that can be trusted.
    """
    try:
        directory = _find_directory(view)
        entries = list(_entries(view, directory))
        spans = [_local_span(view, entry, directory) for entry in entries]
    except struct.error as error:
        raise NotUnderstood("zip: a whole header expected") from error
    parts = []
    last = 0
    for (start, data), entry in sorted(zip(spans, entries, strict=True), key=lambda pair: pair[0]):
        if start < last:
            raise NotUnderstood("zip: members that do not overlap expected")
        last = data + entry.size
        part = _part(entry, data)
        if part is not None:
            parts.append(part)
    if last > directory.offset:
        raise NotUnderstood("zip: members before the directory expected")
    return parts


def _find_directory(view: memoryview) -> _Directory:
    tail_start = max(0, len(view) - _END.size - _LONGEST_COMMENT)
    at = tail_start + bytes(view[tail_start:]).rfind(b"PK\5\6")
    if at < tail_start:
        raise NotUnderstood("zip: an end record expected")
    _, disk, first_disk, here, entries, size, offset, comment = _END.unpack_from(view, at)
    if at + _END.size + comment != len(view):
        raise NotUnderstood("zip: an end record at the end expected")
    # Info-ZIP writes a zip64 record of what came from a pipe, even where the short one tells all.
    short = (disk, first_disk, here, entries, size, offset)
    has_locator = view[max(0, at - _LOCATOR.size) : at][:4] == _LOCATOR_MAGIC
    if has_locator or _IN_EXTRA_16 in short[:4] or _IN_EXTRA_32 in short[4:]:
        at, disk, first_disk, here, entries, size, offset = _find_zip64_end(view, at)
    shift = at - size - offset
    if disk != 0 or first_disk != 0 or here != entries or shift < 0:
        raise NotUnderstood("zip: one file with its directory before the end record expected")
    if entries * _CENTRAL.size > size:
        raise NotUnderstood("zip: a directory with room for its entries expected")
    return _Directory(offset + shift, size, entries, shift, at)


def _find_zip64_end(view: memoryview, end: int) -> tuple[int, int, int, int, int, int, int]:
    """Return where the zip64 end record is, and what it says instead of the short one."""
    locator = end - _LOCATOR.size
    at = locator - _END64.size
    if at < 0:
        raise NotUnderstood("zip: a zip64 end record expected")
    magic, disk, offset, disks = _LOCATOR.unpack_from(view, locator)
    record = _END64.unpack_from(view, at)
    if magic != _LOCATOR_MAGIC or record[0] != b"PK\6\6" or disk != 0 or disks > 1 or offset > at:
        raise NotUnderstood("zip: a zip64 end record right before its locator expected")
    return at, *record[4:]


def _entries(view: memoryview, directory: _Directory) -> Iterator[_Entry]:
    at = directory.offset
    for _ in range(directory.entries):
        header = _CENTRAL.unpack_from(view, at)
        magic, _, _, flags, method, _, _, crc, size, plain_size = header[:10]
        name_size, extra_size, comment_size, disk, _, _, offset = header[10:]
        name_at = at + _CENTRAL.size
        extra_at = name_at + name_size
        at = extra_at + extra_size + comment_size
        if magic != b"PK\1\2" or at > directory.end or disk != 0:
            raise NotUnderstood("zip: an entry of the directory expected")
        sizes = [plain_size, size, offset]
        _fill_from_zip64(view[extra_at : extra_at + extra_size], sizes)
        plain_size, size, offset = sizes
        name = bytes(view[name_at:extra_at])
        yield _Entry(flags, method, crc, size, plain_size, offset + directory.shift, name)
    if at != directory.end:
        raise NotUnderstood("zip: a directory without gaps expected")


def _fill_from_zip64(extra: memoryview, values: list[int]) -> None:
    """Replace values that did not fit into 32 bits, in their order, by those of the extra field."""
    wanted = [number for number, value in enumerate(values) if value == _IN_EXTRA_32]
    at = 0
    while wanted:
        kind, size = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == _ZIP64:
            if size < 8 * len(wanted) or at + size > len(extra):
                raise NotUnderstood("zip: sizes in the zip64 field expected")
            for number, value in zip(
                wanted, struct.unpack_from(f"<{len(wanted)}Q", extra, at), strict=True
            ):
                values[number] = value
            return
        at += size


def _local_span(view: memoryview, entry: _Entry, directory: _Directory) -> tuple[int, int]:
    """Return where a member begins and where its data do, if its local header agrees."""
    start = entry.offset
    if start + _LOCAL.size > directory.offset:
        raise NotUnderstood("zip: a local header before the directory expected")
    header = _LOCAL.unpack_from(view, start)
    magic, _, flags, method, _, _, crc, size, plain_size, name_size, extra_size = header
    name_at = start + _LOCAL.size
    extra_at = name_at + name_size
    data = extra_at + extra_size
    sizes = [plain_size, size]
    _fill_from_zip64(view[extra_at:data], sizes)
    said = (crc, sizes[1], sizes[0])
    # Written before the data were known: the descriptor behind them repeats the directory. macOS
    # knows the plain size already, and says so.
    unsaid = (0, _IN_EXTRA_32) if flags & _DESCRIPTOR else ()
    known = (entry.crc, entry.size, entry.plain_size)
    if (
        magic != b"PK\3\4"
        or (flags, method) != (entry.flags, entry.method)
        or view[name_at:extra_at] != entry.name
        or any(v != right and v not in unsaid for v, right in zip(said, known, strict=True))
        or data + entry.size > directory.offset
    ):
        raise NotUnderstood("zip: a local header that agrees with the directory expected")
    return start, data


def _part(entry: _Entry, data: int) -> Part | None:
    if entry.flags & _UNREADABLE or entry.size == 0:
        return None
    if entry.method == _STORED and entry.size != entry.plain_size:
        return None
    if entry.method not in (_STORED, _DEFLATED):
        return None
    return Part(entry.name, data, entry.size, entry.method == _DEFLATED, entry.plain_size)
