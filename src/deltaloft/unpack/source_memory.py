"""source′ as one stretch of memory: the source, and behind it some of its streams, inflated.

    source              | stream 0, inflated | stream 1, inflated | ...
    only the pages that anything copies from     nothing of it ever touches a disk

Anonymous memory: a base comes from an encrypted cache, so its plaintext is spooled into no file.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deltaloft.buffers import give_pages_back
from deltaloft.errors import MalformedDelta, WrongSource
from deltaloft.native.deflate import Inflater
from deltaloft.unpack.recipe import Recipe

__all__ = ["inflated_source", "joined_source"]


@contextmanager
def joined_source(source: memoryview, inflated: list[bytes]) -> Iterator[memoryview]:
    """Lend source′ made of what was inflated already, which is let go of meanwhile.

    Raises:
        MemoryError: there is not so much.
    """
    size = len(source) + sum(map(len, inflated))
    with _anonymous(size) as room:
        room[: len(source)] = source
        give_pages_back(source)
        while inflated:
            piece = inflated.pop()
            size -= len(piece)
            room[size : size + len(piece)] = piece
            del piece  # which may be all of it
        yield room


@contextmanager
def inflated_source(
    source: memoryview, recipe: Recipe, first: int, end: int
) -> Iterator[tuple[memoryview, list[memoryview]]]:
    """Lend source′ for a delta that copies from `first` to `end` of it, and its streams, deflated.

    Raises:
        WrongSource: it has no such streams.
        MemoryError: there is not so much.
    """
    if end <= len(source) and all(stream.reused is None for stream in recipe.target_streams):
        yield source, []
        return
    with _anonymous(len(source) + recipe.inflated_size) as room:
        room[first : len(source)] = source[first:]
        yield room, _inflate_all(source, recipe, room)


def _inflate_all(source: memoryview, recipe: Recipe, room: memoryview) -> list[memoryview]:
    """Fill the rest of source′ behind the source; return the streams as they stand."""
    streams = []
    start = end = 0  # of the stream before: where it is inflated, and where it ended
    at = len(source)
    for stream in recipe.source_streams:
        offset = (start if stream.inside else end) + stream.distance
        if not 0 <= offset < at:
            raise WrongSource(f"source: a deflate stream inside it expected, not at {offset}")
        deflated = source[offset:] if offset < len(source) else room[offset:at]
        made, read = _inflate_into(room[at:], deflated, offset)
        streams.append(deflated[:read])
        start, end = at, offset + read
        at += made
    if at != len(room):
        raise WrongSource(
            f"source: deflate streams of {recipe.inflated_size} plain bytes expected, "
            f"found {at - len(source)}"
        )
    return streams


def _inflate_into(room: memoryview, deflated: memoryview, offset: int) -> tuple[int, int]:
    """Inflate the stream at `offset` of source′; return its size, inflated and as it stands."""
    inflater = Inflater()
    beyond = b""
    try:
        made, read = inflater.read_into(deflated, room)
        if not inflater.finished:
            # Its end may be all that is left: a byte more would show that it goes on.
            beyond, more = inflater.read(deflated[read:], 1)
            read += more
    except MalformedDelta as error:
        raise WrongSource(f"source: a deflate stream expected at {offset}: {error}") from error
    if beyond or not inflater.finished:
        raise WrongSource(
            f"source: a deflate stream that ends expected at {offset}, within {len(room)} "
            "plain bytes"
        )
    return made, read


@contextmanager
def _anonymous(size: int) -> Iterator[memoryview]:
    try:
        mapping = mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"{size} bytes for the source and its inflated streams") from error
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without: filling it costs five times as much
            mapping.madvise(mmap.MADV_HUGEPAGE)
    view = memoryview(mapping)
    try:
        yield view[:size]
    finally:
        # The traceback of an exception may hold views of this view: then the memory goes with it.
        with suppress(BufferError):
            view.release()
            mapping.close()
