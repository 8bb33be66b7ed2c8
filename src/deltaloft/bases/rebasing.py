"""When a new base pays, although there is one whose deltas are still small enough.

Releases drift away from their base. What a delta is larger than the smallest one from that base is
its excess, which a newer base would have saved. As soon as the excess since the base was made
adds up to 3/4 of a file, the file becomes a base itself:

    delta   |            ___###         # excess: 3/4 of a file in all
            |     ___####  |   new base
            |_____#########|____
            |  least       |    least again
            +--------------+-----------→ releases

A base keeps two numbers in its entry of the index for that: `least` and `excess`. Writing them at
each put would cost a request, so it is written seldom and in larger amounts: an excess of x is
written with a probability of x / STEP, and then as STEP, which is the same on average. So
a base's entry is written four or five times in its life, however many deltas it gets. What decides
about writing is the file's digest, not chance: the same puts write the same. A new base spends the
excess that paid for it, so that files which stay with the old one, as those of an older branch do,
have to pay for their own.

The figures are in docs/bases.md, and `benchmarks/rebase.py` makes them.
"""

from __future__ import annotations

from dataclasses import replace

from deltaloft.bases.entry import Base

__all__ = ["LARGEST_DELTA", "noted", "pays"]

LARGEST_DELTA = 0.5  # of the file; what is larger is worth a new base by itself
_ENOUGH = 0.75  # of the file
_STEP = 0.25  # of the file


def pays(base: Base, *, size: int, delta_size: int) -> bool:
    """Say whether a file of `size` bytes had better become a base, all deltas considered."""
    if delta_size > LARGEST_DELTA * size:
        return True
    if base.least is None:
        return False
    return base.excess + max(0, delta_size - base.least) > _ENOUGH * size


def noted(base: Base, *, size: int, delta_size: int, sha256: str) -> Base:
    """Return the entry as it should be after a delta of the file `sha256`; mostly as it is."""
    excess = delta_size if base.least is None else max(0, delta_size - base.least)
    step = max(1, round(_STEP * size))
    if int(sha256[:16], 16) * step >= excess << 64:
        return base
    if base.least is None:
        return replace(base, least=delta_size)
    return replace(base, excess=base.excess + max(excess, step))
