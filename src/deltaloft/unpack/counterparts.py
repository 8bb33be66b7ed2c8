"""Which member of the source a changed member of the target came from.

    1  the same name                                   lib/app.jar        lib/app.jar
    2  but for a hash, and numbers of its folder       app-1.2/7.5f3c09e1.js   app-1.3/7.a80b44d2.js
    3  but for all numbers                             app-1.2/app-1.2.jar     app-1.3/app-1.3.jar
    4  in whatever folder                              src/old/name.py    src/new/name.py
    5  what else is gone from the source, if there is anything new: the same suffix first, and the
       nearest size; the encoder finds the content among them

Where several members have such a name, the one of the nearest size is taken.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deltaloft.buffers import same_bytes
from deltaloft.containers import Part

__all__ = ["Pairing", "pair_up"]

_Sized = tuple[int, int]  # the size of a member, and its number

_NUMBER = re.compile(rb"[0-9]+")

# As auditwheel puts them into the names of libraries, webpack and Next.js into those of chunks; and
# the eight of base 64 that Vite has, of which a word is told by its small letters. Names may be a
# stranger's: what is looked at from any place has an end.
_HASH = re.compile(
    rb"(?<=[-._/])(?:[0-9a-f]{8,64}(?=[-._/]|$)|(?=[a-z_-]{0,7}[0-9A-Z])[0-9A-Za-z_-]{8}(?=\.))"
)


@dataclass(frozen=True, slots=True)
class Pairing:
    """How the members of two containers belong together; members are named by their number.

    Attributes:
        unchanged: Members of the target whose bytes stand in the source, too.
        counterparts: From changed members of the target to those of the source.
        guessed: Members of the target that have theirs by the last part of the name alone.
        gone: Members of the source that stand in no such relation, the likeliest first.
    """

    unchanged: frozenset[int]
    counterparts: dict[int, int]
    guessed: frozenset[int]
    gone: tuple[int, ...]


def pair_up(
    source: memoryview, old: Sequence[Part], target: memoryview, new: Sequence[Part]
) -> Pairing:
    """Find the members of a target in its source."""
    same = _same_bytes(source, old, target, new)
    counterparts: dict[int, int] = {}
    guessed: set[int] = set()
    taken = set(same.values())
    for name_of in (_exact, _without_hash, _without_numbers, _in_any_folder):
        left: defaultdict[bytes, list[int]] = defaultdict(list)
        for number, part in enumerate(old):
            if number not in taken:
                left[name_of(part)].append(number)
        waiting: defaultdict[bytes, list[int]] = defaultdict(list)
        for number, part in enumerate(new):
            if number not in same and number not in counterparts and name_of(part) in left:
                waiting[name_of(part)].append(number)
        found = {n: o for name in waiting for n, o in _by_size(old, left[name], new, waiting[name])}
        counterparts |= found
        taken.update(found.values())
        if name_of is _in_any_folder:
            guessed.update(found)
    known = same.keys() | (counterparts.keys() - guessed)
    alone = [part for number, part in enumerate(new) if number not in known]
    gone = tuple(_by_likeness(old, (n for n in range(len(old)) if n not in taken), alone))
    return Pairing(frozenset(same), counterparts, frozenset(guessed), gone)


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


def _without_hash(part: Part) -> bytes:
    folder, slash, name = _HASH.sub(b"0", part.name).rpartition(b"/")
    return _NUMBER.sub(b"0", folder) + slash + name


def _without_numbers(part: Part) -> bytes:
    return _NUMBER.sub(b"0", _HASH.sub(b"0", part.name))


def _in_any_folder(part: Part) -> bytes:
    return _without_numbers(part).rpartition(b"/")[2]


def _by_size(
    old: Sequence[Part], left: Iterable[int], new: Sequence[Part], waiting: Iterable[int]
) -> Iterable[tuple[int, int]]:
    """Return members of the target with those of the source whose sizes are nearest."""
    before = sorted((old[number].plain_size, number) for number in left)
    after = sorted((new[number].plain_size, number) for number in waiting)
    if len(before) < len(after):
        return ((number, other) for other, number in _nearest(before, after))
    return _nearest(after, before)


def _nearest(few: list[_Sized], many: list[_Sized]) -> Iterator[tuple[int, int]]:
    """Yield each of a few with the nearest of many, both by size, that is left for it."""
    at = 0
    for number, (size, one) in enumerate(few):
        near = bisect_left(many, (size, 0), lo=at)
        if near == len(many) or (near > at and size - many[near - 1][0] <= many[near][0] - size):
            near -= 1
        near = max(at, min(near, len(many) - len(few) + number))  # some are left for the others
        yield one, many[near][1]
        at = near + 1


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
