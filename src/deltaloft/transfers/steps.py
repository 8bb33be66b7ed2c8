"""What is to be done, one step for each file.

source    a      b      d        in order of names
target           b  c   d
          copy   |  |   compare: copied if it has changed
                 |  delete, if asked for; held back until both listings have come to their end
                 compare
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from deltaloft.transfers.filters import Filters
from deltaloft.transfers.sides import Item

__all__ = ["Step", "copies", "removals", "synced"]


@dataclass(frozen=True, slots=True)
class Step:
    """One file and what is to be done about it; `there` is what the target has in its place."""

    verb: Literal["copy", "compare", "delete"]
    item: Item
    target_name: str
    there: Item | None = None


def copies(source: Iterable[Item], filters: Filters) -> Iterator[Step]:
    """Yield a copy of each file that is meant."""
    return (Step("copy", each, each.name) for each in source if filters.include(each.name))


def removals(target: Iterable[Item], filters: Filters) -> Iterator[Step]:
    """Yield the removal of each file that is meant."""
    return (Step("delete", each, each.name) for each in target if filters.include(each.name))


def synced(
    source: Iterable[Item],
    target: Iterable[Item],
    filters: Filters,
    *,
    may_delete: Callable[[], bool],
) -> Iterator[Step]:
    """Yield what makes the target like the source: what is missing, then what may have changed.

    Both come in order of names. Removals come last, when both sides have been listed to their end
    and `may_delete` says so: a listing that breaks off, or a folder that could not be read, must
    not look like files that are gone. Filters hold for both sides: what they exclude is neither
    copied nor removed.
    """
    gone: list[Item] = []
    for here, there in _pairs(_meant(source, filters), _meant(target, filters)):
        if here is None:
            assert there is not None  # one of the two always is
            gone.append(there)
        elif there is None:
            yield Step("copy", here, here.name)
        else:
            yield Step("compare", here, here.name, there)
    if may_delete():
        yield from (Step("delete", each, each.name) for each in gone)


def _meant(items: Iterable[Item], filters: Filters) -> Iterator[Item]:
    return (each for each in items if filters.include(each.name))


def _pairs(
    source: Iterator[Item], target: Iterator[Item]
) -> Iterator[tuple[Item | None, Item | None]]:
    """Pair items of one name; an item without its like is paired with None."""
    here, there = next(source, None), next(target, None)
    while here is not None or there is not None:
        first = here is not None and (there is None or here.name.encode() <= there.name.encode())
        last = there is not None and (here is None or there.name.encode() <= here.name.encode())
        yield here if first else None, there if last else None
        here = next(source, None) if first else here
        there = next(target, None) if last else there
