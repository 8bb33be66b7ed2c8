"""Which base to encode against: ranked by sketches, and where these cannot tell, by trial.

    candidates in doubt      those whose estimates are too near to the best to tell apart: up to 3
    of them, at hand         in the bucket's folder or in the cache
    several at hand          a sample of the file is encoded against each, fast: the smallest wins
    one at hand              that one: a download is not worth what the estimate cannot see
    none                     the best estimate, and a download

Where the members of an archive are known to a base, or nearly all, they decide alone, and its own
bytes are not sketched.

A sample is 16 pieces of 256 KiB, or a file that is no larger than that, at level 1 and without
the secondary compressor: 10 ms each for a file of 16 MB, whose encode takes 50, and 35 for one of
160 MB, whose encode takes 5,000.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from deltaloft import bases, codec
from deltaloft.bases import Base, Candidate
from deltaloft.errors import IntegrityError, NotFound
from deltaloft.sketch import Sketch
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.input import Input
from deltaloft.store.results import Reason

__all__ = ["candidates_for", "chosen", "reason", "trial_size"]

_log = logging.getLogger(__name__)

_PIECES = 16
_PIECE = 256 << 10
_ENOUGH = 0.9  # of the file that its members say a base has; what its own bytes can add is the rest


def candidates_for(
    known: Sequence[Base], given: Input, *, key: str, unpacking: bool = True
) -> list[Candidate]:
    """Rank bases of the index for a file, by what the codec can use: also inside, or not."""
    if unpacking and given.inside:
        members = Sketch("", given.inside)
        ranked = bases.ranked(known, key=key, size=given.size, of=members, unpacking=True)
        if ranked and ranked[0].inside is not None and ranked[0].shared >= _ENOUGH:
            return ranked
    return bases.ranked(known, key=key, size=given.size, of=given.sketch, unpacking=unpacking)


def chosen(
    candidates: Sequence[Candidate], given: Input, base_bytes: BaseBytes
) -> Candidate | None:
    """Choose among ranked candidates; None when no base is close."""
    in_doubt = bases.in_doubt(candidates)
    at_hand = [each for each in in_doubt if base_bytes.is_at_hand(each.base.sha256)]
    if len(at_hand) > 1:
        sizes = [(trial_size(each.base, given, base_bytes), each) for each in at_hand]
        found = [(size, each) for size, each in sizes if size is not None]
        return min(found, key=lambda pair: pair[0])[1] if found else at_hand[0]
    return next(iter(at_hand or in_doubt), None)


def reason(candidate: Candidate) -> Reason:
    """Say what speaks for a candidate."""
    is_known = candidate.resemblance is not None or candidate.inside is not None
    return "most content in common" if is_known else "same name"


def trial_size(base: Base, given: Input, base_bytes: BaseBytes) -> int | None:
    """Return about how large a delta of the whole file would be; None if the base is not there."""
    sample = _sample(given.view)
    try:
        with base_bytes.opened(base.sha256, base.size, download=False) as source:
            delta = codec.encode(source, sample, level=1, secondary="none")
    except (NotFound, IntegrityError) as error:
        _log.warning("base %s is not tried: %s", base.sha256, error)
        return None
    return round(len(delta) * given.size / len(sample)) if len(sample) else 0


def _sample(view: memoryview) -> memoryview:
    if len(view) <= _PIECES * _PIECE:
        return view
    last = len(view) - _PIECE
    starts = [last * each // (_PIECES - 1) for each in range(_PIECES)]
    return memoryview(b"".join(view[start : start + _PIECE] for start in starts))
