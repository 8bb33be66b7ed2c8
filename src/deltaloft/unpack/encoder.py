"""From source and target to an unpack/1 body, proven.

    plan           which streams to inflate; none if nothing changed that deflates again
    delta          from source′ to target′; without a plan the plain delta, which is there already
    differences    where they make it smaller: a second delta, to what source′ nearly predicts
    proof          the body is decoded and compared with the target; where a stream went on in
                   another way than it began, once more, and each is deflated to its end first

In memory: source′, target′, and target′ approximated. That is what bounds the files that get a
body: `plan.MOST_INFLATED` on each side, and _MOST_APPROXIMATED.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import ExitStack, closing
from dataclasses import dataclass

from deltaloft.buffers import Buffer, same_bytes
from deltaloft.delta_writer import encode_pieces
from deltaloft.errors import DeltaloftError
from deltaloft.secondary import preset_of
from deltaloft.source import Source
from deltaloft.unpack.body import body_head
from deltaloft.unpack.decoder import decode_unpacked
from deltaloft.unpack.differences import Differences, approximated, packed_blocks
from deltaloft.unpack.plan import Plan, make_plan
from deltaloft.unpack.recipe import Recipe
from deltaloft.unpack.source_memory import joined_source

__all__ = ["encode_unpacked"]

_log = logging.getLogger(__name__)

# Bytes of a target that is approximated only for its differences, with nothing deflated in it.
_MOST_APPROXIMATED = 256 << 20

# A smaller delta has nothing to gain; nor has a plain one that is so small a share of its target,
# measured by the time that it takes to look at all of it again.
_SMALLEST_DELTA = 2 << 10
_SMALLEST_SHARE = 1 / (1 << 14)

# Differences that are fewer bytes than this share of the delta gained nothing.
_LEAST_DIFFERENCES = 1 / 16


@dataclass(frozen=True, slots=True)
class _Encoding:
    """What all attempts have in common."""

    source: memoryview
    target: memoryview
    sha256: bytes | None
    level: int
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
        if len(plain_delta) < _SMALLEST_DELTA:
            return None
        limit = min(limit, len(plain_delta) - 1)
    encoding = _Encoding(source, target, sha256, level, threads)
    for thorough in (False, True):
        plan = make_plan(source, target, thorough=thorough)
        body = _differing(encoding, plain_delta) if plan is None else _inflated(encoding, plan)
        if body is None or len(body) > limit:
            return None
        if _gives_back(encoding, body):
            return body
        _log.info("unpack: the target does not come back as it was; all streams are tried")
    _log.error("unpack: the body that was made decodes to other bytes")
    return None


def _inflated(encoding: _Encoding, plan: Plan) -> bytes:
    with ExitStack() as stack:
        room = stack.enter_context(joined_source(encoding.source, plan.inflated))
        source = stack.enter_context(Source(room, level=encoding.level))
        target = bytearray().join(plan.pieces)
        recipe = _recipe(encoding, plan)
        plan.pieces.clear()
        plan.inflated.clear()
        delta = _delta(encoding, source, target)
        without = body_head(recipe, Differences()) + delta
        withal = _with_differences(encoding, recipe, source, target, delta)
        return without if withal is None or len(without) <= len(withal) else withal


def _differing(encoding: _Encoding, plain_delta: memoryview | None) -> bytes | None:
    """Return a body for a file with nothing to inflate: it lives on differences alone."""
    if plain_delta is None:
        return None
    small = len(plain_delta) < _SMALLEST_SHARE * len(encoding.target)
    if small or len(encoding.target) > _MOST_APPROXIMATED:
        return None
    recipe = _recipe(encoding, Plan())
    with Source(encoding.source, level=encoding.level) as source:
        return _with_differences(encoding, recipe, source, bytearray(encoding.target), plain_delta)


def _with_differences(
    encoding: _Encoding, recipe: Recipe, source: Source, target: bytearray, delta: Buffer
) -> bytes | None:
    """Return a body with differences, if it may be smaller; `target` is approximated then."""
    if len(delta) < _SMALLEST_DELTA:
        return None
    blocks = approximated(source.memory, target, delta)
    size = sum(len(block.places) + len(block.values) for block in blocks)
    if size < _LEAST_DIFFERENCES * len(delta):
        return None
    head = body_head(recipe, packed_blocks(blocks))
    return None if len(head) >= len(delta) else head + _delta(encoding, source, target)


def _recipe(encoding: _Encoding, plan: Plan) -> Recipe:
    return Recipe(
        len(encoding.source),
        len(encoding.target),
        encoding.sha256 or hashlib.sha256(encoding.target).digest(),
        tuple(plan.source_streams),
        tuple(plan.target_streams),
    )


def _delta(encoding: _Encoding, source: Source, target: bytearray) -> bytes:
    preset = preset_of(encoding.level, "lzma")
    with closing(encode_pieces(source, target, preset, encoding.threads)) as pieces:
        return b"".join(pieces)


def _gives_back(encoding: _Encoding, body: bytes) -> bool:
    """Say whether a body decodes to the target, byte for byte."""
    target = encoding.target
    at = 0
    try:
        with closing(
            decode_unpacked(
                encoding.source,
                memoryview(body),
                max_size=len(target),
                threads=encoding.threads,
            )
        ) as pieces:
            for piece in pieces:
                if not same_bytes(target[at : at + len(piece)], memoryview(piece)):
                    return False
                at += len(piece)
    except DeltaloftError as error:
        _log.info("unpack: %s", error)
        return False
    return at == len(target)
