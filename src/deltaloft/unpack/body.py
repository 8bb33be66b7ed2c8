"""The bytes of an unpack/1 body: a recipe and differences in front of a delta.

d5 75 6e 70 · 01                        magic and version
plain size · packed size                of the recipe; integers of RFC 3284
packed size of places · of values       0 and 0 without differences
recipe · places · values                LZMA2 streams, raw, each to its end mark
corrections                             of the streams that no parameters make, in their order
VCDIFF delta                            of source′, to the end of the body
"""

from __future__ import annotations

from dataclasses import dataclass

from deltaloft.delta_reader import UNPACK_MAGIC, is_unpacked
from deltaloft.errors import MalformedDelta, UnsupportedDelta
from deltaloft.unpack.differences import Differences
from deltaloft.unpack.integers import read_integer, write_integers
from deltaloft.unpack.limits import LARGEST_RECIPE
from deltaloft.unpack.packing import Unpacker, pack
from deltaloft.unpack.recipe import Recipe, read_recipe, write_recipe

__all__ = ["Body", "body_head", "read_body"]

_VERSION = 1
_HEAD_SIZE = len(UNPACK_MAGIC) + 1


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of a body."""

    recipe: Recipe
    differences: Differences
    delta: memoryview


def body_head(recipe: Recipe, differences: Differences) -> bytes:
    """Return what stands in front of the delta."""
    plain = write_recipe(recipe, differences.sizes)
    packed = pack(plain, literal_context=0)
    parts = [packed, differences.places, differences.values] if differences.sizes else [packed]
    sizes = [len(plain), *map(len, parts), 0, 0][:4]
    parts += [stream.corrections for stream in recipe.target_streams]
    return b"".join([UNPACK_MAGIC, bytes([_VERSION]), write_integers(sizes), *parts])


def read_body(body: memoryview) -> Body:
    """Read and check what stands in front of the delta.

    Raises:
        MalformedDelta: it breaks the format.
        UnsupportedDelta: a later version of it, or of deflate.
    """
    if not is_unpacked(body) or len(body) < _HEAD_SIZE:
        raise MalformedDelta("unpack: its magic and version expected")
    version = body[len(UNPACK_MAGIC)]
    if version != _VERSION:
        raise UnsupportedDelta(f"unpack: version {_VERSION} expected, found {version}")
    at = _HEAD_SIZE
    sizes = []
    for _ in range(4):
        size, at = read_integer(body, at)
        sizes.append(size)
    plain_size, *packed_sizes = sizes
    parts = []
    for size in packed_sizes:
        if size > len(body) - at:
            raise MalformedDelta("unpack: parts that fit their body expected")
        parts.append(body[at : at + size])
        at += size
    if plain_size > LARGEST_RECIPE:
        raise MalformedDelta(f"unpack: a recipe of at most {LARGEST_RECIPE} bytes expected")
    unpacker = Unpacker(parts[0])
    plain = unpacker.read(plain_size, "recipe")
    unpacker.finish("recipe")
    recipe, blocks, delta = read_recipe(plain, body[at:])
    if not blocks and len(parts[1]) + len(parts[2]) > 0:
        raise MalformedDelta("unpack: blocks for the differences expected")
    return Body(recipe, Differences(blocks, parts[1], parts[2]), delta)
