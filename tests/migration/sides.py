"""Sources and targets for migrations, and a migration from one to the other in one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaloft.bucket import Bucket
from deltaloft.migration import Check, Journal, Moved, items_of, migrate, threads
from deltaloft.store import Store
from deltaloft.transfers import Side, StoreSide

__all__ = ["base_count", "moved", "opened_journal", "side_of"]

_NAMES = "file:///source/", "file:///target/"


def side_of(bucket: Bucket, prefix: str = "") -> StoreSide:
    """Return a prefix of the store in a bucket."""
    return StoreSide(Store(bucket), prefix)


@contextmanager
def opened_journal(path: Path | None, source: Side) -> Iterator[Journal]:
    """Open a journal and take stock."""
    with Journal(path, *_NAMES) as journal:
        journal.take_stock(items_of(source))
        yield journal


def moved(
    source: Side, target: StoreSide, path: Path | None = None, *, check: Check = "read"
) -> dict[str, Moved]:
    """Migrate, and return what became of each file by its name."""
    with opened_journal(path, source) as journal, threads(source, target, check=check) as crew:
        return {each.name: each for each in migrate(journal, crew)}


def base_count(bucket: Bucket) -> int:
    """Return how many bases a store has."""
    return sum(1 for _ in bucket.list(".deltaloft/base/"))
