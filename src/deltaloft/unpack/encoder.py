"""From source and target to an unpack/1 body, proven.

    plan           which streams to inflate, each deflated again and compared; there may be none
    delta          from source′ to target′, by an encoder that tries hard, which is cheap beside
                   deflating; without a plan the plain delta, which is there already
    smaller        with differences, where copies lie so that these promise much, as the long ones
                   tell beforehand; and without corrections, where these take as much as all
                   the rest
    proof          the body is decoded, and the target's SHA-256 compared; only streams that hold
                   what the plan has deflated already are not deflated once more

In memory: source′, target′, and target′ approximated. That is what bounds the files that get a
body: `plan.MOST_INFLATED` on each side, and _MOST_APPROXIMATED.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from deltaloft.buffers import Buffer
from deltaloft.delta_reader import side_by_side, usual_threads
from deltaloft.delta_writer import (
    PackedWindow,
    delta_pieces,
    encode_pieces,
    joined,
    pack_window,
    plain_windows,
)
from deltaloft.errors import DeltaloftError
from deltaloft.native.difference import DifferenceBlock
from deltaloft.secondary import SECTIONS, preset_of
from deltaloft.source import DENSEST_LEVEL, LEVELS, Source
from deltaloft.unpack.body import body_head, read_body
from deltaloft.unpack.decoder import decode_unpacked
from deltaloft.unpack.differences import Differences, approximated, packed_blocks, restore
from deltaloft.unpack.plan import Plan, make_plan
from deltaloft.unpack.recipe import Recipe
from deltaloft.unpack.replay import ProvenStream
from deltaloft.unpack.source_memory import joined_source

__all__ = ["encode_unpacked"]

_log = logging.getLogger(__name__)

# Bytes of a target that is approximated only for its differences, with nothing deflated in it.
_MOST_APPROXIMATED = 256 << 20

# A smaller delta has nothing to gain, nor one that is so small a share of its target, measured by
# the time that it takes to look at all of it again.
_SMALLEST_DELTA = 1 << 10
_SMALLEST_SHARE = 1 / (1 << 14)

# From this level on, what was inflated is encoded by the densest index: on botocore's wheels 10 %
# smaller than at level 6, in a tenth of the time that deflating takes.
_DENSE_FROM = 4

# Where less of a source′ was inflated, such an index takes longer than deflating: a quarter of the
# time of encoding a zip of 82 MB with 0.4 MB changed.
_DENSE_SHARE = 1 / 16

# Bytes of instructions of long copies that tell whether target′ is worth approximating by these:
# that takes a quarter to a half of the time that finding all copies does.
_TELLING = 1 << 12
_INSTRUCTIONS = SECTIONS.index("instructions")


@dataclass(frozen=True, slots=True)
class _Sides:
    """What all attempts have in common: source′, target′, and what leads to them."""

    recipe: Recipe
    source: Buffer
    target: bytearray
    threads: int | None


def encode_unpacked(
    source: memoryview,
    target: memoryview,
    plain_delta: memoryview | None,
    *,
    limit: int,
    level: int,
    threads: int | None = None,
    sha256: bytes | None = None,
) -> bytes | None:
    """Return a body that gives `target` back; None if none is smaller than the plain delta.

    Args:
        source: What the reader of the body will have.
        target: What the reader wants. It must not change meanwhile.
        plain_delta: From source to target, by our encoder; None if that is larger than `limit`.
        limit: The largest body that is of use, in bytes.
        level: 1 (fast) to 9 (small), of the deltas.
        threads: As `usual_threads` takes it.
        sha256: The target's, if it is known.
    """
    if plain_delta is not None:
        if len(plain_delta) < max(_SMALLEST_DELTA, _SMALLEST_SHARE * len(target)):
            return None
        limit = min(limit, len(plain_delta) - 1)
    digest = sha256 or hashlib.sha256(target).digest()
    plan = make_plan(source, target)

    def attempt(plan: Plan | None) -> bytes | None:
        return _proven_body(source, target, digest, plan, plain_delta, limit, level, threads)

    corrections = 0 if plan is None else plan.corrections_size
    body = attempt(plan)
    if corrections > 0 and (body is None or 2 * corrections > len(body)):
        bodies = (body, attempt(make_plan(source, target, corrected=False)))
        body = min((each for each in bodies if each is not None), key=len, default=None)
    return body


def _proven_body(
    source: memoryview,
    target: memoryview,
    digest: bytes,
    plan: Plan | None,
    plain_delta: memoryview | None,
    limit: int,
    level: int,
    threads: int | None,
) -> bytes | None:
    """Return a body by this plan, up to `limit` bytes of it."""
    if plan is None and (plain_delta is None or len(target) > _MOST_APPROXIMATED):
        return None
    recipe = Recipe(
        len(source),
        len(target),
        digest,
        0 if plan is None else sum(map(len, plan.inflated)),
        () if plan is None else tuple(plan.source_streams),
        () if plan is None else tuple(plan.target_streams),
    )
    body = _body(source, target, recipe, plan, level, plain_delta, threads)
    if body is None or len(body) > limit:
        return None
    proven = [] if plan is None else plan.proven
    return body if _gives_back(source, body, recipe, proven, threads) else None


def _body(
    source: memoryview,
    target: memoryview,
    recipe: Recipe,
    plan: Plan | None,
    level: int,
    plain_delta: memoryview | None,
    threads: int | None,
) -> bytes | None:
    if plan is None:
        return _smallest(_Sides(recipe, source, bytearray(target), threads), level, plain_delta)
    with joined_source(source, plan.inflated) as room:
        sides = _Sides(recipe, room, _poured(plan.pieces), threads)
        return _smallest(sides, level, None)


def _poured(pieces: list[memoryview]) -> bytearray:
    """Join pieces, and let go of each as it is copied, so that most is there only once."""
    size = sum(map(len, pieces))
    target = bytearray(size)
    with memoryview(target) as view:
        while pieces:
            piece = pieces.pop()
            size -= len(piece)
            view[size : size + len(piece)] = piece
    return target


def _smallest(sides: _Sides, level: int, plain_delta: memoryview | None) -> bytes | None:
    """Return the smallest body; None if there is none but the plain delta, where that is given."""
    inflated = sides.recipe.inflated_size >= _DENSE_SHARE * len(sides.source)
    dense = plain_delta is None and level >= _DENSE_FROM and inflated
    with Source(sides.source, level=DENSEST_LEVEL if dense else level) as source:
        blocks = [] if plain_delta is not None else _quickly_approximated(sides, source)
        if blocks:
            return body_head(sides.recipe, packed_blocks(blocks)) + _delta(sides, source)
        windows = []
        delta: Buffer | None = plain_delta
        if delta is None:
            windows = list(plain_windows(source, sides.target, sides.threads))
            delta = joined(delta_pieces(windows, None))
        blocks, surely = approximated(source.memory, sides.target, delta)
        differing = None
        if blocks:
            head = body_head(sides.recipe, packed_blocks(blocks))
            if len(head) < len(delta):
                differing = head + _delta(sides, source)
    if plain_delta is not None or (differing is not None and surely):
        return differing
    without = body_head(sides.recipe, Differences()) + _packed(windows, source.level, sides.threads)
    return without if differing is None else min(differing, without, key=len)


def _quickly_approximated(sides: _Sides, source: Source) -> list[DifferenceBlock]:
    """Approximate target′ by its long copies alone, if these promise a smaller body surely.

    The first windows tell; if it is not so, target′ stays as it is, and nothing is returned.
    """
    found: list[PackedWindow] = []
    instructions = 0
    with closing(plain_windows(source, sides.target, sides.threads, quickly=True)) as windows:
        for window in windows:
            found.append(window)
            instructions += len(window.sections[_INSTRUCTIONS])
            if instructions >= _TELLING:
                break
        told = _surely_approximated(sides, source, found) if instructions >= _TELLING else []
        if not told:
            return []
        restore(sides.target, told)
        found.extend(windows)
    return _surely_approximated(sides, source, found)


def _surely_approximated(
    sides: _Sides, source: Source, windows: list[PackedWindow]
) -> list[DifferenceBlock]:
    delta = b"".join(delta_pieces(windows, None))
    blocks, surely = approximated(source.memory, sides.target, delta)
    if not surely:
        restore(sides.target, blocks)
        return []
    return blocks


def _packed(windows: list[PackedWindow], level: int, threads: int | None) -> bytes:
    """Pack the sections of windows, which is what costs most of small deltas."""
    preset = preset_of(min(level, LEVELS[-1]), "lzma")
    threads = usual_threads(threads, sum(window.window.target_size for window in windows))

    def pack(window: PackedWindow) -> PackedWindow:
        return pack_window(window.window, [memoryview(each) for each in window.sections], preset)

    with closing(side_by_side(pack, windows, threads)) as packed:
        return joined(delta_pieces(packed, preset))


def _delta(sides: _Sides, source: Source) -> bytes:
    preset = preset_of(min(source.level, LEVELS[-1]), "lzma")
    with closing(encode_pieces(source, sides.target, preset, sides.threads)) as pieces:
        return joined(pieces)


def _gives_back(
    source: memoryview,
    body: bytes,
    recipe: Recipe,
    proven: Sequence[ProvenStream],
    threads: int | None,
) -> bool:
    """Say whether a body holds the recipe and decodes, to the last byte, to the target."""
    view = memoryview(body)
    size = recipe.target_size
    try:
        for _ in decode_unpacked(source, view, max_size=size, threads=threads, proven=proven):
            pass
        return read_body(view).recipe == recipe
    except DeltaloftError as error:
        _log.info("unpack: the body that was made does not give its target back: %s", error)
        return False
