"""The door to differences: targets that are nearly their source, and the bytes they are off by."""

from __future__ import annotations

from typing import NamedTuple

from deltaloft._vcdiff import ffi, lib
from deltaloft.errors import MalformedDelta
from deltaloft.native.delta import Delta, Sections, Window
from deltaloft.native.memory import Pinned

__all__ = ["Approximator", "DifferenceBlock", "DifferenceReader"]


class DifferenceBlock(NamedTuple):
    """The differences of a stretch of target, as difference.h draws them."""

    places: bytes
    values: bytes


class Approximator:
    """Replaces bytes of a target by those of its source that lie beside a delta's copies.

    For one thread at a time.
    """

    def __init__(self, source: Pinned) -> None:
        approximator = lib.vcd_approximator_new()
        if approximator == ffi.NULL:
            raise MemoryError("approximator")
        self._approximator = ffi.gc(approximator, lib.vcd_approximator_free)
        self._source = source

    def approximate(
        self,
        delta: Delta,
        number: int,
        window: Window,
        sections: Sections | None,
        target: Pinned,
        position: int,
    ) -> None:
        """Approximate the next window, the target of which is at `position` of `target`.

        Raises:
            MalformedDelta, WrongSource: it was not made from this source.
            MemoryError: there is none for the differences.
        """
        assert position + window.target_size <= len(target)
        delta.read_instructions(
            lambda *read: lib.vcd_approximate_window(
                self._approximator,
                *read[:3],
                self._source,
                len(self._source),
                target + position,
                read[3],
            ),
            number,
            window,
            sections,
        )

    def end_block(self) -> DifferenceBlock:
        """Return the differences of all windows since the last block."""
        found = ffi.new("struct vcd_differences *")
        lib.vcd_end_block(self._approximator, found)
        return DifferenceBlock(
            bytes(ffi.buffer(found.places, found.places_size)) if found.places_size else b"",
            bytes(ffi.buffer(found.values, found.values_size)) if found.values_size else b"",
        )


class DifferenceReader:
    """Adds the differences of one block, piece by piece; they may be a stranger's."""

    def __init__(self, block: DifferenceBlock) -> None:
        self._kept = ffi.from_buffer(block.places), ffi.from_buffer(block.values)
        places, values = self._kept
        self._differences = ffi.new(
            "struct vcd_differences *", (places, len(places), values, len(values))
        )
        self._place = ffi.new("struct vcd_difference_place *")

    def add_to(self, piece: memoryview) -> None:
        """Add what belongs to the next bytes of the block.

        Raises:
            MalformedDelta: the differences break their format.
        """
        where = ffi.new("struct vcd_where *")
        with ffi.from_buffer("uint8_t[]", piece, require_writable=True) as room:
            result = lib.vcd_add_differences(self._differences, self._place, room, len(room), where)
        if result != lib.VCD_OK:
            expected = ffi.string(where.expected).decode("ascii")
            raise MalformedDelta(f"differences, byte {where.offset}: expected {expected}")
