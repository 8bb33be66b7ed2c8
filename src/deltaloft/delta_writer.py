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

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from deltaloft.delta_reader import side_by_side, usual_threads
from deltaloft.native import WINDOW_MAX_SIZE, Encoder, Pinned, Window, header, window_header
from deltaloft.secondary import LzmaFraming, pack
from deltaloft.source import Source

__all__ = ["encode_pieces"]

# The least that is tried again when a window ended early, because its copies lay too far apart.
_SMALLEST_RETRY = 1 << 16


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A window and its sections, which are packed where `plain_sizes` has a size."""

    window: Window
    sections: list[bytes]
    plain_sizes: list[int | None]


def encode_pieces(
    source: Source, target: Pinned, preset: int | None, threads: int | None
) -> Generator[bytes, None, None]:
    """Yield the delta piece by piece.

    Args:
        source: What the reader of the delta will have.
        target: What the reader wants.
        preset: Of xz, for the sections; None leaves them plain.
        threads: As `usual_threads` takes it.
    """
    yield header(has_lzma=preset is not None)
    framing = None if preset is None else LzmaFraming()
    for encoded in _encoded_windows(source, target, preset, usual_threads(threads, len(target))):
        sections, flags = encoded.sections, 0
        for kind, plain_size in enumerate(encoded.plain_sizes):
            if framing is not None and plain_size is not None:
                sections[kind] = framing.frame(kind, plain_size, sections[kind])
                flags |= 1 << kind
        yield window_header(encoded.window, flags, sections)
        yield from sections


def _encoded_windows(
    source: Source, target: Pinned, preset: int | None, threads: int
) -> Iterator[_Encoded]:
    # An empty target has a window too: without one, xdelta3 takes the delta for cut off.
    starts = range(0, max(1, len(target)), WINDOW_MAX_SIZE)
    threads = min(threads, len(starts))
    encoders = deque(Encoder(source.memory, source.level) for _ in range(threads))

    def windows_from(start: int, encoder: Encoder) -> Iterator[_Encoded]:
        size = min(WINDOW_MAX_SIZE, len(target) - start)
        return _encode_stretch(encoder, source, target, start, size, preset)

    if threads == 1:  # one window in memory, and not all of a stretch
        for start in starts:
            yield from windows_from(start, encoders[0])
        return

    def encode(start: int) -> list[_Encoded]:
        encoder = encoders.pop()  # there is one for each thread
        try:
            return list(windows_from(start, encoder))
        finally:
            encoders.append(encoder)

    for windows in side_by_side(encode, starts, threads):
        yield from windows


def _encode_stretch(
    encoder: Encoder, source: Source, target: Pinned, start: int, size: int, preset: int | None
) -> Iterator[_Encoded]:
    """Encode a stretch of target as one window, or more if it has copies too far apart for one."""
    end = start + size
    while True:
        window = encoder.encode_window(source.index, target, start, size)
        if window is None:
            window = encoder.encode_window(source.build_index(), target, start, size)
        assert window is not None  # with an index, it always is encoded
        sections: list[bytes] = []
        plain_sizes: list[int | None] = []
        for section in encoder.sections():
            packed = None if preset is None else pack(section, preset)
            sections.append(bytes(section) if packed is None else packed)
            plain_sizes.append(None if packed is None else len(section))
        yield _Encoded(window, sections, plain_sizes)
        start += window.target_size
        if start == end:
            return
        # The next try is twice what fitted, so that a scattered target is not parsed over and over.
        size = min(end - start, max(2 * window.target_size, _SMALLEST_RETRY))
