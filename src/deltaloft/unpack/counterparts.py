"""Which member of the source a changed member of the target came from.

    1  the same name                                   lib/app.jar        lib/app.jar
    2  the same name but for numbers                   app-1.2/RECORD     app-1.3/RECORD
    3  what else is gone from the source, if there is anything new: the same suffix first, and the
       nearest size; the encoder finds the content among them

Where several members have the same name, but for numbers, they are taken in their order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deltaloft.buffers import same_bytes
from deltaloft.containers import Part

__all__ = ["Pairing", "pair_up"]

_NUMBER = re.compile(rb"[0-9]+")


@dataclass(frozen=True, slots=True)
class Pairing:
    """How the members of two containers belong together; members are named by their number.

    Attributes:
        unchanged: Members of the target whose bytes stand in the source, too.
        counterparts: From changed members of the target to those of the source.
        gone: Members of the source that stand in no such relation, the likeliest first.
    """

    unchanged: frozenset[int]
    counterparts: dict[int, int]
    gone: tuple[int, ...]


def pair_up(
    source: memoryview, old: Sequence[Part], target: memoryview, new: Sequence[Part]
) -> Pairing:
    """Find the members of a target in its source."""
    same = _same_bytes(source, old, target, new)
    counterparts: dict[int, int] = {}
    taken = set(same.values())
    for name_of in (_exact, _without_numbers):
        waiting: defaultdict[bytes, list[int]] = defaultdict(list)
        for number in reversed(range(len(old))):
            if number not in taken:
                waiting[name_of(old[number])].append(number)
        for number, part in enumerate(new):
            if number not in same and number not in counterparts:
                candidates = waiting.get(name_of(part))
                if candidates:
                    counterparts[number] = candidates.pop()
                    taken.add(counterparts[number])
    alone = [new[n] for n in range(len(new)) if n not in same and n not in counterparts]
    left = [n for n in range(len(old)) if n not in taken]
    return Pairing(frozenset(same), counterparts, tuple(_by_likeness(old, left, alone)))


def _same_bytes(
    source: memoryview, old: Sequence[Part], target: memoryview, new: Sequence[Part]
) -> dict[int, int]:
    """Return the members whose bytes stand in both, target's number first."""
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    by_name = {part.name: number for number, part in enumerate(old)}
    for number, part in enumerate(old):
        by_size[part.size].append(number)
    same: dict[int, int] = {}
    for number, part in enumerate(new):
        candidates = by_size.get(part.size, [])
        first = by_name.get(part.name)
        # Many members of one size are no reason to compare each with each.
        for other in ([first] if first in candidates else []) + candidates[:_MOST_COMPARED]:
            there = source[old[other].offset : old[other].end]
            if same_bytes(there, target[part.offset : part.end]):
                same[number] = other
                break
    return same


_MOST_COMPARED = 16


def _exact(part: Part) -> bytes:
    return part.name


def _without_numbers(part: Part) -> bytes:
    return _NUMBER.sub(b"0", part.name)


def _by_likeness(old: Sequence[Part], left: Iterable[int], alone: Sequence[Part]) -> list[int]:
    """Sort members that are gone by how much one of the new ones looks like them."""
    if not alone:
        return []
    sizes: defaultdict[bytes, list[int]] = defaultdict(list)
    for part in alone:
        sizes[_suffix(part)].append(part.plain_size)

    def unlikeness(number: int) -> tuple[bool, int]:
        part = old[number]
        near = sizes.get(_suffix(part))
        # Of one suffix at most a few are looked at: this is a guess, not a search.
        distances = [abs(size - part.plain_size) for size in (near or [])[:_MOST_COMPARED]]
        return near is None, min(distances, default=part.plain_size)

    return sorted(left, key=unlikeness)


def _suffix(part: Part) -> bytes:
    return part.name.rpartition(b"/")[2].rpartition(b".")[2]
