"""A migration done: families in their order, errands to a crew, results into the journal.

    family a    1 ──> 2 3 4 5        the first file goes ahead, alone: what follows finds a base
    family b    1 ──> 2 3
    ─────────────────────> time

Files that follow go side by side. Errands are taken from the journal as hands become free, so
memory does not grow with the number of files.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from itertools import groupby, islice

from deltaloft.errors import Unreachable
from deltaloft.migration.crew import Crew
from deltaloft.migration.journal import Journal
from deltaloft.migration.moving import Moved
from deltaloft.transfers import Item

__all__ = ["migrate"]

_WINDOW = 4  # errands for each hand that are under way or wait for the first of their family


@dataclass(frozen=True, slots=True)
class _Errand:
    items: tuple[Item, ...]
    stem: str
    leads: bool = False


@dataclass(slots=True)
class _Work:
    crew: Crew
    running: dict[Future[list[Moved]], _Errand] = field(default_factory=dict)
    held: dict[str, list[_Errand]] = field(default_factory=dict)  # by the family that is led

    def is_full(self) -> bool:
        count = len(self.running) + sum(map(len, self.held.values()))
        return count >= _WINDOW * self.crew.hands

    def take(self, errand: _Errand) -> None:
        if errand.leads:
            self.held[errand.stem] = []
        elif errand.stem in self.held:
            self.held[errand.stem].append(errand)
            return
        self.running[self.crew.pool.submit(self.crew.move, errand.items)] = errand

    def ended(self, future: Future[list[Moved]]) -> list[Moved]:
        """Return what an errand brought, and let those go that waited for it."""
        errand = self.running.pop(future)
        if errand.leads:
            for follower in self.held.pop(errand.stem):
                self.take(follower)
        try:
            return future.result()
        except self.crew.lost as error:
            lost = Unreachable(f"the worker that moved it is gone: {type(error).__name__}")
            return [Moved(item.name, item.size or 0, error=lost) for item in errand.items]


def migrate(journal: Journal, crew: Crew) -> Iterator[Moved]:
    """Move all files that wait, and yield what became of each, in the order in which that is known.

    Each is in the journal before it is yielded. One that fails does not keep others from being
    moved; it waits for the next run. Whoever stops listening stops the migration.

    Raises:
        OSError: the journal cannot be written.
    """
    errands, work = _errands(journal, crew.batch), _Work(crew)
    try:
        while True:
            while not work.is_full() and (errand := next(errands, None)) is not None:
                work.take(errand)
            if not work.running:
                return
            done, _ = wait(work.running, return_when=FIRST_COMPLETED)
            for future in done:
                results = work.ended(future)
                for moved in results:
                    journal.note(moved)
                yield from results
    finally:
        for future in [each for each in work.running if not each.cancel()]:
            if future.exception() is None:
                for moved in future.result():
                    journal.note(moved)


def _errands(journal: Journal, batch: int) -> Iterator[_Errand]:
    for stem, family in groupby(journal.waiting(), key=_stem_of):
        items = (item for _, item in family)
        if not journal.has_arrived(stem):
            yield _Errand((next(items),), stem, leads=True)
        while some := tuple(islice(items, batch)):
            yield _Errand(some, stem)


def _stem_of(waiting: tuple[str, Item]) -> str:
    return waiting[0]
