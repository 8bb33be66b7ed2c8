"""From source and target to an unpack/1 body, proven.

    plan       which streams to inflate; nothing changed that deflates again: no body
    delta      from source′ to target′
    proof      the body is decoded, and compared with the target; where a stream went on in another
               way than it began, plan again and deflate each to its end this time

In memory: source′ and target′, as a whole. That is what bounds the files that get a body.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import ExitStack, closing

from deltaloft.delta_writer import encode_pieces
from deltaloft.errors import DeltaloftError
from deltaloft.native import pinned
from deltaloft.secondary import preset_of
from deltaloft.source import Source
from deltaloft.unpack.body import body_head
from deltaloft.unpack.decoder import decode_unpacked
from deltaloft.unpack.plan import Plan, make_plan
from deltaloft.unpack.recipe import Recipe
from deltaloft.unpack.source_memory import joined_source

__all__ = ["encode_unpacked"]

_log = logging.getLogger(__name__)


def encode_unpacked(
    source: memoryview, target: memoryview, *, level: int, threads: int | None
) -> bytes | None:
    """Return a body that gives `target` back, or None if looking inside deflate finds nothing."""
    for thorough in (False, True):
        plan = make_plan(source, target, thorough=thorough)
        if plan is None:
            return None
        body = _encode(source, target, plan, level, threads)
        if _gives_back(source, target, body, threads):
            return body
        _log.info("unpack: a stream does not deflate again as it began; each is tried to its end")
    _log.error("unpack: the body that was made decodes to other bytes")
    return None


def _encode(
    source: memoryview, target: memoryview, plan: Plan, level: int, threads: int | None
) -> bytes:
    recipe = Recipe(
        len(source),
        len(target),
        hashlib.sha256(target).digest(),
        tuple(plan.source_streams),
        tuple(plan.target_streams),
    )
    with ExitStack() as stack:
        inflated = b"".join(plan.pieces)
        room = stack.enter_context(joined_source(source, plan.inflated))
        prepared = stack.enter_context(Source(room, level=level))
        memory = stack.enter_context(pinned(inflated))
        preset = preset_of(level, "lzma")
        pieces = stack.enter_context(closing(encode_pieces(prepared, memory, preset, threads)))
        return b"".join([body_head(recipe), *pieces])


def _gives_back(
    source: memoryview, target: memoryview, body: bytes, threads: int | None
) -> bool:
    """Say whether a body decodes to `target`, byte for byte."""
    at = 0
    try:
        with closing(
            decode_unpacked(source, memoryview(body), max_size=len(target), threads=threads)
        ) as pieces:
            for piece in pieces:
                if target[at : at + len(piece)] != piece:
                    return False
                at += len(piece)
    except DeltaloftError as error:
        _log.info("unpack: %s", error)
        return False
    return at == len(target)
