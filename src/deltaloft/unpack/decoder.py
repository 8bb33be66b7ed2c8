"""From an unpack/1 body to the target.

    body ── recipe ─────→ source′      the named streams inflated behind the source
         ├─ delta ──────→ target′      window by window
         ├─ differences ─────┘         added to them
         └─────────────→ target       streams deflated again as the bytes flow by

Memory: source′ as far as windows copy from it, 16 MiB of target′ a thread, and streams of up to
8 MiB on their way through a Deflater; target′ as a whole is never there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from deltaloft.buffers import PAGES_KEPT, give_pages_back
from deltaloft.delta_reader import check_size, decode_pieces, open_delta, usual_threads
from deltaloft.errors import MalformedDelta, WrongSource
from deltaloft.native import Delta, Pinned, pinned
from deltaloft.unpack.body import Body, read_body
from deltaloft.unpack.differences import BLOCK_SIZE, Differences, added
from deltaloft.unpack.limits import most_plain
from deltaloft.unpack.recipe import Recipe
from deltaloft.unpack.replay import ProvenStream, replayed
from deltaloft.unpack.source_memory import inflated_source

__all__ = ["decode_unpacked"]


def decode_unpacked(
    source: memoryview,
    body: memoryview,
    *,
    max_size: int | None,
    threads: int | None,
    proven: Sequence[ProvenStream] = (),
) -> Generator[bytes]:
    """Yield the target piece by piece; it is proven once the last piece has been asked for.

    Args:
        source: What the body was made from.
        body: Recipe, differences and delta.
        max_size: The largest target to make; None for what the format allows.
        threads: As `usual_threads` takes it.
        proven: The target's streams, if the caller has just deflated them: only the plain bytes
            are compared.

    Raises:
        MalformedDelta: the body breaks its format, or asks for more than the format allows.
        UnsupportedDelta: a later version of it, or of deflate.
        TargetTooLarge: it declares a target larger than `max_size`.
        WrongSource: it was made from something else, or is damaged.
        MemoryError: source′ does not fit into memory.
    """
    parts = read_body(body)
    recipe = parts.recipe
    check_size(recipe.target_size, max_size)
    digest = hashlib.sha256()
    size = read = 0
    threads = usual_threads(threads, recipe.target_size)
    with (
        _inflated_target(source, parts, threads) as (inflated, sources),
        closing(replayed(inflated, recipe.target_streams, sources, threads, proven)) as pieces,
    ):
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            read += len(piece)
            if read >= PAGES_KEPT:
                give_pages_back(source)
                read = 0
            if size > recipe.target_size:
                break
            yield piece
    if size != recipe.target_size or digest.digest() != recipe.target_sha256:
        raise WrongSource("unpack: the target's size and SHA-256 expected, found others")


@contextmanager
def _inflated_target(
    source: memoryview, parts: Body, threads: int
) -> Iterator[tuple[Iterator[memoryview], list[memoryview]]]:
    """Lend the pieces of target′, each good until the next is asked for, and the source streams.

    Raises:
        MalformedDelta, UnsupportedDelta, WrongSource, MemoryError: as `decode_unpacked`.
    """
    recipe = parts.recipe
    if len(source) != recipe.source_size:
        raise WrongSource(f"source of {recipe.source_size} bytes expected, found {len(source)}")
    with ExitStack() as stack:
        delta = stack.enter_context(open_delta(parts.delta))
        first, end = _check_delta(delta, recipe)
        _check_blocks(delta, parts.differences)
        room, streams = stack.enter_context(inflated_source(source, recipe, first, end))
        memory = stack.enter_context(pinned(room))
        windows = decode_pieces(delta, memory, threads, _no_target_so_far)
        yield added(stack.enter_context(closing(windows)), parts.differences), streams


def _check_delta(delta: Delta, recipe: Recipe) -> tuple[int, int]:
    """Return what the delta copies from: the stretch of source′ from the first to the last byte."""
    if delta.target_segments:
        raise MalformedDelta("unpack: a delta without VCD_TARGET expected")
    if delta.target_size > recipe.target_size + most_plain(recipe.target_size):
        raise MalformedDelta("unpack: a delta that makes less expected")
    if recipe.target_streams and recipe.target_streams[-1].end > delta.target_size:
        raise MalformedDelta("unpack: streams inside the delta's target expected")
    segments = [
        (window.segment_position, window.segment_position + window.segment_size)
        for window in delta.window_headers()
        if window.segment_size > 0
    ]
    first = min((start for start, _ in segments), default=0)
    end = max((end for _, end in segments), default=0)
    if end > recipe.source_size + recipe.inflated_size:
        raise MalformedDelta("unpack: a delta of the source and its streams expected")
    return min(first, recipe.source_size), end


def _check_blocks(delta: Delta, differences: Differences) -> None:
    blocks = len(differences.sizes)
    if blocks not in (0, max(1, -(-delta.target_size // BLOCK_SIZE))):
        raise MalformedDelta("unpack: differences for all of the delta's target expected")


def _no_target_so_far() -> Pinned:
    raise MalformedDelta("unpack: a delta without VCD_TARGET expected")
