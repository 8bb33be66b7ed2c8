"""What a store would hold of a source: a sample of it is put into one, for good measure.

    bytes of the source, family by family
    |---- a ----|-- b --|---------- c ----------|- d -|
        ^              ^              ^              ^       points at equal distances
        a              b              c              d       of each some siblings in a row are put

A family's first file costs what the first of the sample did, and all others what the others did
for each of their bytes. A family is met in proportion to its bytes, so the mean of what families
cost is what the source costs. Siblings in a row tell little of how far releases drift over the
years; what resembles each other across families is only found by chance.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft.base_cache import BaseCache
from deltaloft.errors import DeltaloftError
from deltaloft.folder_bucket import FolderBucket
from deltaloft.migration.journal import Family, Journal
from deltaloft.store import PutOptions, Store
from deltaloft.transfers import Item, LocalSide, Options, Side, StoreSide

__all__ = ["Estimate", "estimate"]

_ROW = 4  # siblings for each point
_USUAL = Options()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What there is in a source, and what a store would hold of it. Sizes as the source lists them.

    `stored_size` is None if nothing could be sampled.
    """

    files: int
    size: int
    sampled_files: int
    sampled_size: int
    stored_size: int | None


@dataclass(slots=True)
class _Sample:
    source: Side
    store: Store
    options: PutOptions
    most_bytes: int
    files: int = 0
    size: int = 0
    costs: list[float] = field(default_factory=list)  # for a byte of the source, at each point

    def take(self, family: Family, siblings: Sequence[Item], points: int) -> None:
        """Put some of a family and note what all of it would cost."""
        put = list(self._put(siblings))
        if not put or (len(put) == 1 and family.files > 1):
            return
        (first_size, first), others = put[0], put[1:]
        cost = float(first)
        if others:
            rate = sum(added for _, added in others) / max(1, sum(size for size, _ in others))
            cost += rate * max(0, family.size - first_size)
        self.costs += [cost / family.size] * points

    def _put(self, siblings: Sequence[Item]) -> Iterator[tuple[int, int]]:
        """Yield what files have as listed, and what they add to the store."""
        for item in siblings:
            size = item.size or 0
            if self.size + size > self.most_bytes:
                return
            with suppress(DeltaloftError, OSError):  # the migration itself will tell
                added = self._put_one(item)
                self.files += 1
                self.size += size
                yield size, added

    def _put_one(self, item: Item) -> int:
        match self.source:
            case LocalSide() as folder:
                path = folder.path(item.name)
                return self.store.put(path, item.name, **self.options).added_size
            case StoreSide() as source:
                with tempfile.TemporaryFile() as file:
                    spool = cast("BinaryIO", file)
                    source.store.get(source.key(item.name), spool)
                    spool.seek(0)
                    return self.store.put(spool, item.name, **self.options).added_size
        return 0


def estimate(
    source: Side,
    journal: Journal,
    *,
    files: int = 24,
    most_bytes: int = 1 << 30,
    options: Options = _USUAL,
) -> Estimate:
    """Put a sample of about so many files into a temporary store, and work out what all would cost.

    Nothing else is written to.

    Args:
        source: Where files come from.
        journal: One that has taken stock of it.
        files: How many to take, at least four.
        most_bytes: How many bytes to take at most, as listed.
        options: How the files would be stored.

    Raises:
        OSError: the disk for temporary files is full.
    """
    totals = journal.totals()
    points = max(1, files // _ROW)
    with tempfile.TemporaryDirectory(prefix="deltaloft-") as name:
        folder = Path(name)
        cache = BaseCache(folder / "cache", key=os.urandom(32))
        bucket = FolderBucket(folder / "store", create=True)
        sample = _Sample(source, Store(bucket, cache=cache), options.put, most_bytes)
        before = 0
        for family in journal.families():
            after = before + family.size
            hits = _points_below(after, totals.listed_size, points)
            hits -= _points_below(before, totals.listed_size, points)
            if hits:
                count = min(family.files, _ROW * hits)
                first = (family.files - count) // 2
                sample.take(family, journal.siblings(family.stem, first=first, count=count), hits)
            before = after
    stored = None
    if sample.costs:
        stored = round(totals.listed_size * sum(sample.costs) / len(sample.costs))
    elif not totals.listed_size:
        stored = 0
    return Estimate(totals.files, totals.listed_size, sample.files, sample.size, stored)


def _points_below(place: int, size: int, points: int) -> int:
    """Return how many of the points lie before a place; they are in the middle of equal parts."""
    return min(points, (2 * points * place + size) // (2 * size)) if size else 0
