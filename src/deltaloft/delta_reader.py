"""The windows of a delta, decoded side by side and handed out in order.

    delta ── headers ──→ batch ── unpack ──→ thread ──→ target bytes
                         batch ── unpack ──→ thread ──→ target bytes    ↓ in order
                         batch ── unpack ──→ thread ──→ target bytes

A batch is one window, or many small ones. Sections are unpacked by any thread, large ones each by
another; those that do not stand alone in their order, before the batch. Windows that need only the
source know nothing of each other. A window that copies from earlier target (VCD_TARGET) has to wait
for it, so a delta with such windows is decoded by one thread. At most `threads` + 1 batches are
there at once.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from deltaloft.buffers import Buffer
from deltaloft.errors import InvalidRequest, TargetTooLarge, UnsupportedDelta
from deltaloft.native import VCD_TARGET, Delta, Pinned, Window, fresh_room, pinned
from deltaloft.secondary import PendingSections, SectionUnpacker
from deltaloft.source import borrowed

__all__ = [
    "UNPACK_MAGIC",
    "check_size",
    "decode_into",
    "decode_pieces",
    "is_unpacked",
    "open_delta",
    "side_by_side",
    "usual_threads",
]

UNPACK_MAGIC = b"\xd5unp"

_MOST_THREADS = 8  # beyond that, memory is the limit and not the processors

# Half of what an address can count: CPython takes the last sizes for a mistake, not for too much.
_MOST_BYTES = sys.maxsize // 2

# Below, threads cost more than they save.
_THREADS_FROM = 4 << 20

# A batch of windows that small takes 0.2 ms, ten times what handing it to a thread costs.
_BATCH_TARGET = 1 << 20
_BATCH_WINDOWS = 1024

# Sections of a window with so many bytes are worth a thread each: they take a millisecond.
_LARGE_WINDOW = 1 << 14

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Batch:
    """Windows that follow each other, and where in the target the first one begins."""

    windows: list[tuple[int, Window, PendingSections | None]]
    position: int
    size: int


@contextmanager
def open_delta(delta: Buffer | Path) -> Iterator[Delta]:
    """Lend a delta whose headers have been read and checked.

    Raises:
        MalformedDelta, UnsupportedDelta: as `Delta`.
        UnsupportedDelta: it is a body of unpack/1, with a delta inside.
        OSError: the file cannot be read.
    """
    with borrowed(delta) as buffer:
        if is_unpacked(buffer):
            raise UnsupportedDelta(
                "a VCDIFF delta expected, found unpack/1, whose recipe is not read here"
            )
        with Delta(buffer) as opened:
            yield opened


def is_unpacked(delta: Buffer) -> bool:
    """Say whether these bytes claim to be a body of unpack, of whatever version."""
    view = memoryview(delta)
    return view.c_contiguous and view.cast("B")[: len(UNPACK_MAGIC)] == UNPACK_MAGIC


def check_size(size: int, max_size: int | None) -> None:
    """Refuse a target that is declared larger than the caller allows, or any machine could hold.

    Raises:
        TargetTooLarge: it is.
    """
    most = _MOST_BYTES if max_size is None else min(max_size, _MOST_BYTES)
    if size > most:
        raise TargetTooLarge(f"target of at most {most} bytes expected, found {size} declared")


def usual_threads(threads: int | None, size: int) -> int:
    """Return how many threads to use for `size` bytes, where the caller may have a wish.

    Raises:
        InvalidRequest: fewer than one thread asked for.
    """
    if threads is None:
        return 1 if size < _THREADS_FROM else min(os.cpu_count() or 1, _MOST_THREADS)
    if threads < 1:
        raise InvalidRequest(f"at least 1 thread expected, found {threads}")
    return threads


def decode_into(delta: Delta, source: Pinned, room: Pinned, threads: int | None) -> None:
    """Rebuild the whole target in `room`, which has its size.

    Raises:
        MalformedDelta, UnsupportedDelta, WrongSource: the first window that cannot be decoded.
    """

    def decode(batch: _Batch) -> None:
        position = batch.position
        for number, window, pending in batch.windows:
            sections = pending and pending.unpack()
            segments = room if window.indicator & VCD_TARGET else source
            delta.decode_window(
                number, window, sections, segments=segments, room=room, position=position
            )
            position += window.target_size

    with closing(_decoded(decode, delta, threads)) as done:
        for _ in done:
            pass


def decode_pieces(
    delta: Delta,
    source: Pinned,
    threads: int | None,
    target_so_far: Callable[[], Pinned],
) -> Generator[memoryview]:
    """Yield the target piece by piece; to be closed before the delta and the source are.

    A piece is good until the next one is asked for: its memory is used again, since fresh memory
    would cost more than the decoding.

    Args:
        delta: What to decode.
        source: What it was made from.
        threads: As `usual_threads` takes it.
        target_so_far: Returns all that has been yielded before; only asked for windows that copy
            from earlier target.

    Raises:
        MalformedDelta, UnsupportedDelta, WrongSource: the first window that cannot be decoded;
            the pieces before it have been yielded.
    """
    idle: list[bytearray | mmap.mmap] = []  # who asked may change what he gets: not bytes

    def decode(batch: _Batch) -> tuple[bytearray | mmap.mmap, int]:
        try:
            room = idle.pop()
        except IndexError:
            room = bytearray()
        if len(room) < batch.size:
            room = bytearray()  # before there is another
            room = fresh_room(batch.size)
        position = 0
        with pinned(room) as memory:
            for number, window, pending in batch.windows:
                looks_back = window.indicator & VCD_TARGET and window.segment_size > 0
                delta.decode_window(
                    number,
                    window,
                    pending and pending.unpack(),
                    segments=target_so_far() if looks_back else source,
                    room=memory,
                    position=position,
                )
                position += window.target_size
        return room, batch.size

    with closing(_decoded(decode, delta, threads)) as done:
        for room, size in done:
            with memoryview(room)[:size] as piece:
                yield piece
            idle.append(room)


def _batches(delta: Delta, workers: _Workers | None) -> Iterator[_Batch]:
    """Cut the delta into batches, whose large sections workers begin to unpack."""
    unpacker = SectionUnpacker(delta)
    windows: list[tuple[int, Window, PendingSections | None]] = []
    position = size = 0
    for number, window in enumerate(delta.window_headers()):
        # What a window copies from must be complete before its batch begins.
        waits = window.indicator & VCD_TARGET
        if windows and (waits or size >= _BATCH_TARGET or len(windows) >= _BATCH_WINDOWS):
            yield _Batch(windows, position, size)
            position += size
            windows, size = [], 0
        sections = unpacker.pending(number, window)
        if workers and sections and window.next_offset - window.offset >= _LARGE_WINDOW:
            sections = PendingSections(*map(workers.begin, sections))
        windows.append((number, window, sections))
        size += window.target_size
    if windows:
        yield _Batch(windows, position, size)


def _decoded(
    function: Callable[[_Batch], _Result], delta: Delta, threads: int | None
) -> Generator[_Result]:
    """Yield `function(batch)` for all batches of a delta, like `side_by_side`."""
    threads = usual_threads(threads, delta.target_size)
    if threads == 1 or delta.target_segments:
        yield from map(function, _batches(delta, None))
        return
    with _Workers(threads) as workers:
        yield from workers.in_order(function, _one_ahead(_batches(delta, workers)))


def _one_ahead(batches: Iterator[_Batch]) -> Iterator[_Batch]:
    """Let the sections of the next batch be begun before a thread waits for those of this one."""
    before = next(batches, None)
    for batch in batches:
        assert before is not None
        yield before
        before = batch
    if before is not None:
        yield before


def side_by_side(
    function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int
) -> Generator[_Result]:
    """Yield `function(item)` for all items, in their order, with several threads at work.

    Items are taken as results are: at most `threads` + 1 are on their way at any time. With one
    thread, an item is only taken after the caller is done with the result before it. Once this
    has ended or is closed, no thread is at work any more.
    """
    if threads == 1:
        yield from map(function, items)
        return
    with _Workers(threads) as workers:
        yield from workers.in_order(function, items)


class _Workers:
    """Threads that begin work in the order it comes.

    At the end of the block, what has not begun is dropped, and the rest is waited for.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="deltaloft")
        self._running: list[Future[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait, even through Ctrl-C: it is milliseconds.

        C works on memory that our caller is about to release. Not by pool.shutdown(), since a
        thread whose join() was interrupted counts as ended.
        """
        for future in self._running:
            future.cancel()
        interrupted: KeyboardInterrupt | None = None
        while True:
            try:
                wait(self._running)
                break
            except KeyboardInterrupt as interrupt:
                interrupted = interrupt
        self._pool.shutdown()
        if interrupted is not None:
            raise interrupted

    def begin(self, work: Callable[[], _Result]) -> Callable[[], _Result]:
        """Have work done, and return what waits for its result.

        Work may itself wait for work that was given to `begin` before it: that has begun.
        """
        self._running = [future for future in self._running if not future.done()]
        future = self._pool.submit(work)
        self._running.append(future)
        return future.result

    def in_order(
        self, function: Callable[[_Item], _Result], items: Iterable[_Item]
    ) -> Generator[_Result]:
        """Yield `function(item)` for all items as `side_by_side` does."""
        results: deque[Callable[[], _Result]] = deque()
        for item in items:
            results.append(self.begin(partial(function, item)))
            if len(results) > self._threads:
                yield results.popleft()()
        while results:
            yield results.popleft()()
