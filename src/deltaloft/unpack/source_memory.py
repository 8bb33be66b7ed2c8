"""source′ as one stretch of memory: the source, and behind it some of its streams, inflated.

    source              | stream 0, inflated | stream 1, inflated | ...
    only the pages that anything copies from     nothing of it ever touches a disk

Anonymous memory: a base comes from an encrypted cache, so its plaintext is spooled into no file.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from deltaloft.errors import DeltaError, WrongSource
from deltaloft.native.deflate import inflate
from deltaloft.unpack.recipe import Recipe, SourceStream

__all__ = ["inflated_source", "joined_source"]


@contextmanager
def joined_source(source: memoryview, inflated: Iterable[bytes]) -> Iterator[memoryview]:
    """Lend source′ made of what was inflated already.

    Raises:
        MemoryError: there is not so much.
    """
    pieces = list(inflated)
    with _anonymous(len(source) + sum(map(len, pieces))) as room:
        room[: len(source)] = source
        at = len(source)
        for piece in pieces:
            room[at : at + len(piece)] = piece
            at += len(piece)
        yield room


@contextmanager
def inflated_source(
    source: memoryview, recipe: Recipe, first: int, end: int
) -> Iterator[memoryview]:
    """Lend source′ for a delta that copies from `first` to `end` of it.

    Raises:
        WrongSource: it has no such streams.
        MemoryError: there is not so much.
    """
    if len(source) != recipe.source_size:
        raise WrongSource(f"source of {recipe.source_size} bytes expected, found {len(source)}")
    if end <= len(source):
        yield source
        return
    with _anonymous(len(source) + recipe.inflated_source_size) as room:
        room[first : len(source)] = source[first:]
        at = len(source)
        for stream in recipe.source_streams:
            inside = stream.offset < len(source)
            deflated = source[stream.offset :] if inside else room[stream.offset : at]
            room[at : at + stream.size] = _inflated(deflated, stream)
            at += stream.size
        yield room


def _inflated(deflated: memoryview, stream: SourceStream) -> bytes:
    try:
        plain, _ = inflate(deflated, max_size=stream.size)
    except DeltaError as error:
        raise WrongSource(
            f"source: a deflate stream of {stream.size} plain bytes expected at {stream.offset}: "
            f"{error}"
        ) from error
    if len(plain) != stream.size:
        raise WrongSource(
            f"source: a deflate stream of {stream.size} plain bytes expected at {stream.offset}, "
            f"found {len(plain)}"
        )
    return plain


@contextmanager
def _anonymous(size: int) -> Iterator[memoryview]:
    try:
        mapping = mmap.mmap(-1, max(1, size))
    except OSError as error:
        raise MemoryError(f"{size} bytes for the source and its inflated streams") from error
    with mapping, memoryview(mapping) as whole, whole[:size] as room:
        yield room
