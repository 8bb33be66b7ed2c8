"""Two deltas become one.

    first    source → a       windows read, all of them
    second   a → b            windows read, one by one
                              ↓ in order
    merged   source → b       for each window of second one, or more where xdelta3's limits ask

Neither source nor a is needed, and neither target is made: what is merged are instructions.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from deltaloft.atomic_file import write_pieces
from deltaloft.buffers import Buffer
from deltaloft.delta_reader import open_delta
from deltaloft.delta_writer import PackedWindow, delta_pieces, joined, pack_window
from deltaloft.errors import WrongSource, naming
from deltaloft.native import VCD_ADLER32, WINDOW_MAX_SIZE, Delta, Merger, Window
from deltaloft.secondary import Secondary, SectionUnpacker, preset_of

__all__ = ["merge", "merge_file"]


def merge(
    first: Buffer | Path,
    second: Buffer | Path,
    *,
    level: int = 6,
    secondary: Secondary = "lzma",
) -> bytes:
    """Combine two deltas, source→a and a→b, into one, source→b.

    Neither source nor a is needed. Time and memory grow with the number of instructions and the
    bytes that the deltas add, not with the targets. Each window of `second` that has an Adler-32
    and at most 16 MiB of target keeps it, so that decoding proves the result; that a is what
    `second` was made from cannot be told otherwise than by its size.

    Args:
        first: A VCDIFF delta that makes a.
        second: A VCDIFF delta that needs a.
        level: 1 (fast) to 9 (small): how hard the sections are packed.
        secondary: "lzma" packs each section that shrinks by 3 %; "none" writes plain sections.

    Raises:
        MalformedDelta: either delta breaks RFC 3284; `.window` and `.offset` say where.
        UnsupportedDelta: either has sections that we do not unpack, or their copies of copies would
            take more than 64 steps for each instruction: then decode and encode instead.
        WrongSource: second needs more of a than first makes.
        InvalidRequest: no such level or secondary compressor.
        MemoryError: 40 bytes are needed for each instruction, besides what the deltas add.
    """
    with _merging(first, second, level, secondary) as pieces:
        return joined(pieces)


def merge_file(
    first: Buffer | Path,
    second: Buffer | Path,
    delta: Path | BinaryIO,
    *,
    level: int = 6,
    secondary: Secondary = "lzma",
) -> int:
    """Write the delta of `merge` to a file, window by window, and return its size.

    A Path appears whole or not at all. A file object gets the bytes from its position on; it is
    neither flushed nor closed.

    Raises:
        MalformedDelta, UnsupportedDelta, WrongSource, InvalidRequest, MemoryError: as `merge`.
        OSError: the delta cannot be written.
    """
    with _merging(first, second, level, secondary) as pieces:
        return write_pieces(delta, pieces)


@contextmanager
def _merging(
    first: Buffer | Path, second: Buffer | Path, level: int, secondary: str
) -> Iterator[Iterator[bytes | memoryview]]:
    """Lend the pieces of the merged delta, and close what they come from behind them."""
    preset = preset_of(level, secondary)
    with ExitStack() as stack:
        with naming("first delta"):
            to_a = stack.enter_context(open_delta(first))
        with naming("second delta"):
            to_b = stack.enter_context(open_delta(second))
        if to_b.source_size > to_a.target_size:
            raise WrongSource(
                f"first delta: a target of at least {to_b.source_size} bytes expected, "
                f"found {to_a.target_size}"
            )
        yield stack.enter_context(closing(delta_pieces(_windows(to_a, to_b, preset), preset)))


def _windows(first: Delta, second: Delta, preset: int | None) -> Generator[PackedWindow]:
    merger = Merger()
    with naming("first delta"):
        unpacker = SectionUnpacker(first)
        for number, window in enumerate(first.window_headers()):
            merger.read_first(first, number, window, unpacker.unpack(number, window))
    unpacker = SectionUnpacker(second)
    position = 0
    for number, window in enumerate(second.window_headers()):
        with naming("second delta"):
            merger.read_second(second, number, window, unpacker.unpack(number, window))
        for merged in _parts(merger, position, window):
            yield pack_window(merged, merger.sections(), preset)
        position += window.target_size
    if position == 0:  # without a window, xdelta3 takes the delta for cut off
        yield pack_window(merger.merge_window(0, 0, None), merger.sections(), preset)


def _parts(merger: Merger, start: int, window: Window) -> Iterator[Window]:
    """Merge what a window of the second delta makes, in one window if that can be."""
    adler32 = window.adler32 if window.indicator & VCD_ADLER32 else None
    end = start + window.target_size
    while start < end:
        size = min(end - start, WINDOW_MAX_SIZE)
        merged = merger.merge_window(start, size, adler32 if size == window.target_size else None)
        yield merged
        start += merged.target_size
