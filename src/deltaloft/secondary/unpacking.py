"""Sections unpacked: those that stand alone in any thread, others in their order."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from deltaloft.errors import MalformedDelta, UnsupportedDelta
from deltaloft.native import Delta, Sections, Window
from deltaloft.secondary.chunks import runs_of, unpacked
from deltaloft.secondary.xz import (
    LZMA,
    SECTIONS,
    START_SIZE,
    compressor_name,
    dictionary_of,
)

__all__ = ["PendingSections", "SectionUnpacker"]

# The most that a section of each kind can hold for one byte of target: a byte of ADD; opcode and
# size; an address of 64 bits. What declares more is no delta but a bomb.
_MOST_PER_TARGET_BYTE = (1, 2, 10)

# liblzma makes room for the dictionary that the stream's header names, before any byte is there.
# `xdelta3 -9` names 64 MiB.
_MEMORY_LIMIT = 160 << 20

# Sections stand alone under dictionaries up to this, twice ours: each thread has one.
_MOST_ALONE = 1 << 20


class PendingSections(NamedTuple):
    """The three sections of a window, each to be had once, in any thread."""

    data: Callable[[], bytes]
    instructions: Callable[[], bytes]
    addresses: Callable[[], bytes]

    def unpack(self) -> Sections:
        """Return the plain sections. Raises as `SectionUnpacker.unpack`."""
        return Sections(*(section() for section in self))


class SectionUnpacker:
    """Unpacks the sections of one delta; call it for every window once, in order."""

    def __init__(self, delta: Delta, *, most: int | None = None) -> None:
        """Start at the first window; sections that unpack to more than `most` bytes are refused."""
        self._delta = delta
        self._most = most
        # Made when first needed: a delta may name a compressor and not use it.
        self._streams: list[lzma.LZMADecompressor | None] = [None] * 3
        self._refused = False
        self._alone = _find_alone(delta)

    def unpack(self, number: int, window: Window) -> Sections | None:
        """Return the plain sections of window `number`, or None if they stand plain in the delta.

        Raises:
            UnsupportedDelta: packed by another compressor than LZMA, or by LZMA with a larger
                dictionary than we make room for, or larger than `most`. Where sections do not stand
                alone, those after that one are refused too: the streams have missed a section.
            MalformedDelta: packed bytes are damaged, or are not what was declared.
        """
        pending = self.pending(number, window)
        return None if pending is None else pending.unpack()

    def pending(self, number: int, window: Window) -> PendingSections | None:
        """Like `unpack`, but leave what stands alone to the caller, who need not unpack it."""
        if window.delta_indicator == 0:
            return None
        with self._naming(number, window):
            if self._delta.secondary != LZMA:
                name = compressor_name(self._delta.secondary)
                raise _Refused(f"sections plain or packed by LZMA expected, found {name}")
            return PendingSections(*(self._section(kind, number, window) for kind in range(3)))

    def _section(self, kind: int, number: int, window: Window) -> Callable[[], bytes]:
        place = _places(window)[kind]
        if not window.delta_indicator >> kind & 1:
            return partial(self._delta.part, *place)
        if self._alone[kind] is not None:
            return partial(self._unpack_alone, kind, number, window)
        plain = self._unpack_next(kind, self._delta.view(*place), window.target_size)
        return lambda: plain

    def _unpack_alone(self, kind: int, number: int, window: Window) -> bytes:
        alone = self._alone[kind]
        assert alone is not None
        section = self._delta.view(*_places(window)[kind])
        with self._naming(number, window):
            name = f"packed {SECTIONS[kind]}"
            declared, start = self._declared(kind, section, window.target_size)
            start += START_SIZE if number == alone.first else 0
            runs = runs_of(section[start:], declared)
            if runs is None:  # the delta has changed since it was opened
                raise _NotAsDeclared(f"{name}: chunks that stand alone expected")
            try:
                # No distance reaches back further than the section.
                dictionary = min(max(declared, 1 << 12), alone.dictionary)
                plain = unpacked(section[start:], runs, dictionary)
            except (lzma.LZMAError, EOFError) as error:
                raise _NotAsDeclared(f"{name}: an xz stream expected ({error})") from error
            if len(plain) != declared:
                raise _NotAsDeclared(f"{name}: {declared} plain bytes expected, found {len(plain)}")
            return plain

    def _declared(self, kind: int, section: memoryview, target_size: int) -> tuple[int, int]:
        """Return a packed section's plain size, which may be trusted, and where it ends."""
        name = f"packed {SECTIONS[kind]}"
        declared, start = _read_varint(name, section)
        most = _MOST_PER_TARGET_BYTE[kind] * target_size
        if not 0 < declared <= most:
            raise _NotAsDeclared(f"{name}: 1 to {most} plain bytes expected, {declared} declared")
        if self._most is not None and declared > self._most:
            raise _Refused(f"{name}: at most {self._most} plain bytes expected, found {declared}")
        return declared, start

    def _unpack_next(self, kind: int, section: memoryview, target_size: int) -> bytes:
        if self._refused:
            raise _Refused("all sections before unpacked expected, found one that was not")
        name = f"packed {SECTIONS[kind]}"
        try:
            declared, start = self._declared(kind, section, target_size)
            stream = self._streams[kind]
            if stream is None:
                stream = self._streams[kind] = lzma.LZMADecompressor(
                    lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT
                )
            # One byte more than declared, so that what is too long shows.
            plain = stream.decompress(section[start:], max_length=declared + 1)
        except _Refused:
            self._refused = True
            raise
        except lzma.LZMAError as error:
            if "limit" in str(error):  # LZMA_MEMLIMIT_ERROR has no type of its own in Python
                self._refused = True
                raise _Refused(
                    f"{name}: at most {_MEMORY_LIMIT >> 20} MiB to unpack expected, found more"
                ) from error
            raise _NotAsDeclared(f"{name}: an xz stream expected ({error})") from error
        except EOFError as error:
            raise _NotAsDeclared(f"{name}: a stream that goes on expected, it has ended") from error
        if len(plain) != declared:
            found = "more" if len(plain) > declared else str(len(plain))
            raise _NotAsDeclared(f"{name}: {declared} plain bytes expected, found {found}")
        if stream.unused_data:
            raise _NotAsDeclared(f"{name}: nothing expected after {declared} plain bytes")
        return plain

    @contextmanager
    def _naming(self, number: int, window: Window) -> Iterator[None]:
        try:
            yield
        except _Refused as refused:
            raise UnsupportedDelta(
                f"window {number}: {refused}", window=number, offset=window.offset
            ) from refused.__cause__
        except _NotAsDeclared as error:
            raise MalformedDelta(
                f"window {number}: {error}", window=number, offset=window.offset
            ) from error.__cause__


class _Alone(NamedTuple):
    """A kind of section all of which stand alone: where its stream begins, and what that names."""

    first: int
    dictionary: int


def _find_alone(delta: Delta) -> list[_Alone | None]:
    """Say for each kind of section whether all of them stand alone, as far as they are packed."""
    found: dict[int, _Alone | None] = {}
    if delta.secondary == LZMA and delta.packed_windows > 0:
        for number, window in enumerate(delta.window_headers()):
            for kind, place in enumerate(_places(window)):
                if window.delta_indicator >> kind & 1 and found.get(kind, True):
                    found[kind] = _alone(found.get(kind), number, delta.view(*place))
            if len(found) == 3 and not any(found.values()):
                break
    return [found.get(kind) for kind in range(3)]


def _alone(before: _Alone | None, number: int, section: memoryview) -> _Alone | None:
    """Return what is known of a kind after one more section, or None: that does not stand alone."""
    try:
        declared, start = _read_varint("", section)
    except _NotAsDeclared:
        return None
    if before is None:
        dictionary = dictionary_of(bytes(section[start : start + START_SIZE]))
        if dictionary is None or dictionary > _MOST_ALONE:
            return None
        before = _Alone(number, dictionary)
        start += START_SIZE
    return before if runs_of(section[start:], declared) is not None else None


def _places(window: Window) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return offset and size of the sections."""
    return (
        (window.data_offset, window.data_size),
        (window.instruction_offset, window.instruction_size),
        (window.address_offset, window.address_size),
    )


class _NotAsDeclared(Exception):
    """A packed section is damaged, or holds something else than its head says."""


class _Refused(Exception):
    """A packed section may be well, but we do not unpack it."""


def _read_varint(name: str, section: memoryview) -> tuple[int, int]:
    """Return the RFC's integer at the start of a section, and where it ends."""
    value = 0
    for end, byte in enumerate(section[:10], start=1):
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, end
    raise _NotAsDeclared(f"{name}: a plain size expected")
