"""The bytes of an unpack/1 body: a recipe in front of a delta.

    d5 75 6e 70 · 01              magic and version
    plain size · packed size      of the recipe; integers of RFC 3284
    recipe                        LZMA2, raw
    VCDIFF delta                  from source′ to target′, to the end of the body
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass

from deltaloft.errors import MalformedDelta, UnsupportedDelta
from deltaloft.unpack.integers import read_integer, write_integer
from deltaloft.unpack.limits import MOST_STREAMS
from deltaloft.unpack.recipe import Recipe, read_recipe, write_recipe

__all__ = ["Body", "body_head", "is_unpacked", "read_body"]

_MAGIC = b"\xd5unp"
_VERSION = 1
_HEAD_SIZE = len(_MAGIC) + 1

# The format's dictionary: what a reader sets aside.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 1 << 20, "pb": 0, "lc": 0}]
# Five integers for a source stream and a target stream, of up to 7 bytes each.
_LARGEST_RECIPE = 4096 + 5 * 7 * MOST_STREAMS


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of a body."""

    recipe: Recipe
    delta: memoryview


def is_unpacked(body: memoryview) -> bool:
    """Say whether these bytes claim to be such a body, of whatever version."""
    return body[: len(_MAGIC)] == _MAGIC


def body_head(recipe: Recipe) -> bytes:
    """Return what stands in front of the delta."""
    plain = write_recipe(recipe)
    packed = lzma.compress(plain, format=lzma.FORMAT_RAW, filters=_FILTERS)
    sizes = write_integer(len(plain)) + write_integer(len(packed))
    return _MAGIC + bytes([_VERSION]) + sizes + packed


def read_body(body: memoryview) -> Body:
    """Read and check what stands in front of the delta.

    Raises:
        MalformedDelta: it breaks the format.
        UnsupportedDelta: a later version of it.
    """
    if not is_unpacked(body) or len(body) < _HEAD_SIZE:
        raise MalformedDelta("unpack: its magic and version expected")
    version = body[len(_MAGIC)]
    if version != _VERSION:
        raise UnsupportedDelta(f"unpack: version {_VERSION} expected, found {version}")
    plain_size, at = read_integer(body, _HEAD_SIZE)
    packed_size, at = read_integer(body, at)
    if plain_size > _LARGEST_RECIPE or packed_size > len(body) - at:
        raise MalformedDelta("unpack: a recipe that fits its body expected")
    plain = _unpacked(body[at : at + packed_size], plain_size)
    return Body(read_recipe(plain), body[at + packed_size :])


def _unpacked(packed: memoryview, size: int) -> bytes:
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    try:
        # One byte more than declared, so that what is too long shows.
        plain = decompressor.decompress(packed, max_length=size + 1)
        if not decompressor.eof and len(plain) == size:
            plain += decompressor.decompress(b"", max_length=1)  # the end mark
    except (lzma.LZMAError, EOFError) as error:
        raise MalformedDelta(f"unpack: a recipe packed by LZMA2 expected ({error})") from error
    if len(plain) != size or not decompressor.eof or decompressor.unused_data:
        raise MalformedDelta(f"unpack: a recipe of {size} bytes expected")
    return plain
