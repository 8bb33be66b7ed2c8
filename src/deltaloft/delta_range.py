"""A slice of the target, from the windows that cover it.

    target    | window 0 | window 1 | window 2 | window 3 |
                               [--- slice ---]
    decoded              | window 1 | window 2 |

A body of unpack/1 has no windows of the target: all of it is decoded, and the slice kept.

Windows that copy from earlier target (VCD_TARGET) need the windows under their segment too, and so
on. Sections under LZMA that do not stand alone, as ours do, are unpacked from the first window on,
but only what is needed is decoded.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from deltaloft import unpack
from deltaloft.buffers import Buffer
from deltaloft.delta_reader import (
    check_size,
    is_unpacked,
    open_delta,
    side_by_side,
    usual_threads,
)
from deltaloft.errors import InvalidRequest
from deltaloft.native import VCD_TARGET, Delta, Window, fresh_bytes, pinned
from deltaloft.secondary import PendingSections, SectionUnpacker
from deltaloft.source import Source, borrowed

__all__ = ["decode_range"]


@dataclass(frozen=True, slots=True)
class _Needed:
    """The windows to decode, and the stretch of target that they lie in."""

    numbers: Collection[int]
    start: int
    end: int


def decode_range(
    source: Buffer | Path | Source,
    delta: Buffer | Path,
    start: int,
    size: int,
    *,
    max_size: int | None = None,
    threads: int | None = None,
) -> bytes:
    """Rebuild `size` bytes of the target, from `start` on, without the rest of it.

    Only the windows that cover the slice are decoded and proven by their Adler-32. Memory is needed
    for those: 16 MiB each in deltas of ours. Sections packed by DJW or FGK are not read.

    Of a body of unpack/1 all is decoded and proven by its SHA-256, which takes as long as `decode`,
    and memory for the slice and for the streams on their way.

    Args:
        source: What the delta was made from.
        delta: A VCDIFF delta, or a body of unpack/1.
        start: Where in the target the slice begins.
        size: Of the slice; it must lie inside the target.
        max_size: The most bytes of target to make for it; None for no limit but memory.
        threads: How many windows to decode at once, as `decode` takes it.

    Raises:
        InvalidRequest: the slice does not lie inside the target.
        MalformedDelta, UnsupportedDelta, WrongSource, MemoryError: as `decode`.
        TargetTooLarge: the windows that cover the slice declare more than `max_size` bytes, or a
            body of unpack/1 does for the whole target.
    """
    end = start + size
    with ExitStack() as stack:
        body = stack.enter_context(borrowed(delta))
        if is_unpacked(body):
            old = memoryview(stack.enter_context(borrowed(source))).cast("B")
            return _unpacked_slice(old, memoryview(body).cast("B"), start, end, max_size, threads)
        opened = stack.enter_context(open_delta(body))
        _check_inside(start, end, opened.target_size)
        needed = _needed(opened, start, end)
        check_size(needed.end - needed.start, max_size)
        memory = stack.enter_context(pinned(stack.enter_context(borrowed(source))))
        # Nobody else has seen these bytes. What is not needed of them is never written, nor read.
        made = fresh_bytes(needed.end - needed.start)
        room = stack.enter_context(pinned(made))

        def decode(item: tuple[int, Window, PendingSections | None, int]) -> None:
            number, window, sections, position = item
            looks_back = window.indicator & VCD_TARGET and window.segment_size > 0
            if looks_back:  # the room begins later than the target
                window.segment_position -= needed.start
            opened.decode_window(
                number,
                window,
                sections and sections.unpack(),
                segments=room if looks_back else memory,
                room=room,
                position=position - needed.start,
            )

        at_once = 1 if opened.target_segments else usual_threads(threads, len(made))
        windows = _windows(opened, needed)
        for _ in stack.enter_context(closing(side_by_side(decode, windows, at_once))):
            pass
    return made[start - needed.start : end - needed.start]


def _check_inside(start: int, end: int, target_size: int) -> None:
    if not 0 <= start <= end <= target_size:
        raise InvalidRequest(
            f"a range inside the target's {target_size} bytes expected, "
            f"found {end - start} bytes from {start}"
        )


def _unpacked_slice(
    source: memoryview,
    body: memoryview,
    start: int,
    end: int,
    max_size: int | None,
    threads: int | None,
) -> bytes:
    """Decode all, for only all of it can be proven, and keep the slice."""
    _check_inside(start, end, unpack.inspect_unpacked(body)[0].target_size)
    kept, place = bytearray(), 0
    with closing(
        unpack.decode_unpacked(source, body, max_size=max_size, threads=threads)
    ) as pieces:
        for piece in pieces:
            kept += piece[max(0, start - place) : max(0, end - place)]
            place += len(piece)
    return bytes(kept)


def _windows(
    delta: Delta, needed: _Needed
) -> Iterator[tuple[int, Window, PendingSections | None, int]]:
    """Yield the needed windows with their sections and their positions in the target."""
    unpacker = SectionUnpacker(delta)
    position = 0
    for number, window in enumerate(delta.window_headers()):
        if position >= needed.end:
            return
        sections = unpacker.pending(number, window)
        if number in needed.numbers:
            yield number, window, sections, position
        position += window.target_size


def _needed(delta: Delta, start: int, end: int) -> _Needed:
    """Find the windows that the bytes from `start` to `end` are made of."""
    starts = array("Q", [0])  # where each window begins, and the end of the last one
    segments: dict[int, tuple[int, int]] = {}
    for number, window in enumerate(delta.window_headers()):
        if starts[-1] >= end:
            break
        if window.indicator & VCD_TARGET and window.segment_size > 0:
            segments[number] = (
                window.segment_position,
                window.segment_position + window.segment_size,
            )
        starts.append(starts[-1] + window.target_size)
    if start == end:
        return _Needed(range(0), start, end)
    first, last = _covering(starts, start, end)
    numbers: Sequence[int] = range(first, last + 1)
    if segments:
        numbers = _with_segments(starts, segments, first, last)
    return _Needed(frozenset(numbers), starts[numbers[0]], starts[last + 1])


def _covering(starts: array[int], start: int, end: int) -> tuple[int, int]:
    """Return the first and the last window that have bytes from `start` to `end`."""
    return bisect_right(starts, start) - 1, bisect_left(starts, end) - 1


def _with_segments(
    starts: array[int], segments: dict[int, tuple[int, int]], first: int, last: int
) -> list[int]:
    """Add the windows under the segments of windows, and so on; in time linear to the windows.

    Segments lie in earlier windows: on the way from the last window to the first, all that needs a
    window has been seen when it is reached.
    """
    tops, bottoms = Counter([last]), Counter([first])
    covered = 0
    numbers = []
    for number in range(last, -1, -1):
        covered += tops[number]
        if covered:
            numbers.append(number)
            if number in segments:
                lower, upper = _covering(starts, *segments[number])
                tops[upper] += 1
                bottoms[lower] += 1
        covered -= bottoms[number]
    return numbers[::-1]
