"""The windows of a target, encoded side by side and handed out in order.

    target   |  window 0   |  window 1   |  window 2   |       16 MiB each
                   |             |             |
              C: copies, sections, Adler-32               any thread, any order
              LZMA over each section, where it pays       the same thread
                   |             |             |
    delta    header | window | window | window            in order

What comes out depends on source, target and options alone, not on the number of threads. With one
thread a window is in memory, with more of them `threads` + 1 stretches of 16 MiB.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from deltaloft.buffers import PAGES_KEPT, Buffer, give_pages_back
from deltaloft.delta_reader import side_by_side, usual_threads
from deltaloft.native import WINDOW_MAX_SIZE, Encoder, Pinned, Window, header, pinned, window_header
from deltaloft.secondary import LzmaFraming, pack
from deltaloft.source import Source

__all__ = [
    "PackedWindow",
    "delta_pieces",
    "encode_pieces",
    "joined",
    "pack_window",
    "plain_windows",
]

# The least that is tried again when a window ended early, because its copies lay too far apart.
_SMALLEST_RETRY = 1 << 16

# Gaps between long copies are not parsed, nor is any source read again.
_QUICK_LEVEL = 3


@dataclass(frozen=True, slots=True)
class PackedWindow:
    """A window and its sections, which are packed where `plain_sizes` has a size.

    Plain ones are lent by who made the window, until it makes the next.
    """

    window: Window
    sections: list[bytes | memoryview]
    plain_sizes: list[int | None]

    def owned(self) -> PackedWindow:
        """Return the same with sections that stay."""
        return replace(self, sections=[bytes(section) for section in self.sections])


def pack_window(window: Window, sections: Sequence[memoryview], preset: int | None) -> PackedWindow:
    """Take the sections of a window, packed by a preset of xz where that pays."""
    packed = [None if preset is None else pack(section, preset) for section in sections]
    return PackedWindow(
        window,
        [s if p is None else p for s, p in zip(sections, packed, strict=True)],
        [None if p is None else len(s) for s, p in zip(sections, packed, strict=True)],
    )


def joined(pieces: Iterable[bytes | memoryview]) -> bytes:
    """Return all pieces as one, each of which may be gone when the next is there."""
    whole = io.BytesIO()
    for piece in pieces:
        whole.write(piece)
    return whole.getvalue()  # no copy


def delta_pieces(
    windows: Iterable[PackedWindow], preset: int | None
) -> Generator[bytes | memoryview]:
    """Yield a delta of these windows piece by piece, beginning with its header.

    A piece may be gone when the next is asked for, like the windows.
    """
    yield header(has_lzma=preset is not None)
    framing = None if preset is None else LzmaFraming()
    for packed in windows:
        heads, flags = [b"", b"", b""], 0
        for kind, plain_size in enumerate(packed.plain_sizes):
            if framing is not None and plain_size is not None:
                heads[kind] = framing.head(kind, plain_size)
                flags |= 1 << kind
        framed = list(zip(heads, packed.sections, strict=True))
        sizes = [len(head) + len(section) for head, section in framed]
        yield window_header(packed.window, flags, sizes)
        for parts in framed:
            yield from parts


def encode_pieces(
    source: Source, target: Buffer, preset: int | None, threads: int | None
) -> Generator[bytes | memoryview]:
    """Yield the delta piece by piece, as `delta_pieces`; to be closed before the source is.

    Args:
        source: What the reader of the delta will have.
        target: What the reader wants.
        preset: Of xz, for the sections; None leaves them plain.
        threads: As `usual_threads` takes it.
    """
    with pinned(target) as memory:
        threads = usual_threads(threads, len(memory))
        windows = _encoded_windows(source, memory, preset, threads, source.level)
        yield from delta_pieces(_giving_pages_back(windows, source.buffer, target), preset)


def plain_windows(
    source: Source, target: Buffer, threads: int | None, *, quickly: bool = False
) -> Generator[PackedWindow]:
    """Yield what `encode_pieces` would, as windows whose sections are plain.

    Args:
        source, target, threads: As `encode_pieces`.
        quickly: Only find what long copies there are, but by the source's index.
    """
    level = _QUICK_LEVEL if quickly else source.level
    with pinned(target) as memory:
        threads = usual_threads(threads, len(memory))
        for window in _encoded_windows(source, memory, None, threads, level):
            yield window.owned()


def _giving_pages_back(
    windows: Iterable[PackedWindow], source: Buffer, target: Buffer
) -> Iterator[PackedWindow]:
    done = 0
    for window in windows:
        yield window
        done += window.window.target_size
        if done >= PAGES_KEPT:
            give_pages_back(source)
            give_pages_back(target)
            done = 0


def _encoded_windows(
    source: Source, target: Pinned, preset: int | None, threads: int, level: int
) -> Iterator[PackedWindow]:
    # An empty target has a window too: without one, xdelta3 takes the delta for cut off.
    starts = range(0, max(1, len(target)), WINDOW_MAX_SIZE)
    threads = min(threads, len(starts))
    encoders = deque(Encoder(source.memory, level) for _ in range(threads))

    def windows_from(start: int, encoder: Encoder) -> Iterator[PackedWindow]:
        size = min(WINDOW_MAX_SIZE, len(target) - start)
        return _encode_stretch(encoder, source, target, start, size, preset)

    if threads == 1:  # one window in memory, and not all of a stretch
        for start in starts:
            yield from windows_from(start, encoders[0])
        return

    def encode(start: int) -> list[PackedWindow]:
        encoder = encoders.pop()  # there is one for each thread
        try:
            return [window.owned() for window in windows_from(start, encoder)]
        finally:
            encoders.append(encoder)

    for windows in side_by_side(encode, starts, threads):
        windows.reverse()
        while windows:  # each may go once it is written
            yield windows.pop()


def _encode_stretch(
    encoder: Encoder, source: Source, target: Pinned, start: int, size: int, preset: int | None
) -> Iterator[PackedWindow]:
    """Encode a stretch of target as one window, or more if it has copies too far apart for one."""
    end = start + size
    while True:
        window = encoder.encode_window(source.index, target, start, size)
        if window is None:
            window = encoder.encode_window(source.build_index(), target, start, size)
        assert window is not None  # with an index, it always is encoded
        yield pack_window(window, encoder.sections(), preset)
        start += window.target_size
        if start == end:
            return
        # The next try is twice what fitted, so that a scattered target is not parsed over and over.
        size = min(end - start, max(2 * window.target_size, _SMALLEST_RETRY))
