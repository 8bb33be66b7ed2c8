"""What a delta says of itself, down to its instructions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from deltaloft import unpack
from deltaloft.buffers import Buffer
from deltaloft.delta_reader import is_unpacked, open_delta
from deltaloft.errors import UnsupportedDelta
from deltaloft.inspection import Inspection, WindowInspection
from deltaloft.native import VCD_ADLER32, VCD_SOURCE, VCD_TARGET, Delta, Window
from deltaloft.secondary import SECTIONS, SectionUnpacker, compressor_name
from deltaloft.source import borrowed

__all__ = ["inspect"]

# A section that unpacks to more is left uncounted: no delta makes `inspect` take much memory.
_MOST_INSPECTED = 64 << 20


def inspect(delta: Buffer | Path) -> Inspection:
    """Read what a delta says of itself, down to its instructions; no source is needed.

    A body of unpack/1 is a recipe, which comes as `unpack`, and a delta, which is all the rest.
    Sections under a compressor that we do not read, or larger than 64 MiB when unpacked, are left
    uncounted.

    Raises:
        MalformedDelta: the delta breaks RFC 3284.
        UnsupportedDelta: it has another version, or a code table that we do not read.
    """
    with borrowed(delta) as body:
        if is_unpacked(body):
            recipe, inside = unpack.inspect_unpacked(memoryview(body).cast("B"))
            return replace(_inspect(inside), unpack=recipe)
        return _inspect(body)


def _inspect(delta: Buffer) -> Inspection:
    with open_delta(delta) as opened:
        unpacker = SectionUnpacker(opened, most=_MOST_INSPECTED)
        return Inspection(
            size=opened.size,
            target_size=opened.target_size,
            source_size=opened.source_size,
            secondary=compressor_name(opened.secondary) if opened.secondary else None,
            code_table=opened.code_table,
            app_header=opened.app_header,
            windows=tuple(
                _inspect_window(opened, unpacker, number, window)
                for number, window in enumerate(opened.window_headers())
            ),
        )


def _inspect_window(
    delta: Delta, unpacker: SectionUnpacker, number: int, window: Window
) -> WindowInspection:
    try:
        counts = delta.count_instructions(number, window, unpacker.unpack(number, window))
    except UnsupportedDelta:
        counts = None
    segment: Literal["source", "target"] | None = None
    if window.indicator & (VCD_SOURCE | VCD_TARGET):
        segment = "source" if window.indicator & VCD_SOURCE else "target"
    return WindowInspection(
        number=number,
        offset=window.offset,
        size=window.next_offset - window.offset,
        segment=segment,
        segment_position=window.segment_position,
        segment_size=window.segment_size,
        target_size=window.target_size,
        data_size=window.data_size,
        instruction_size=window.instruction_size,
        address_size=window.address_size,
        packed=tuple(
            name for bit, name in enumerate(SECTIONS) if window.delta_indicator >> bit & 1
        ),
        adler32=window.adler32 if window.indicator & VCD_ADLER32 else None,
        counts=counts,
    )
