"""One file from source to target, and the proof that it is there.

    source ──get──> spool ──put──> target ──get──> (nowhere)
       sha256 =?  sha256 of what was put  =?  sha256 of what came back

The first comparison is made where the source knows a digest: a store of ours or DeltaGlider's does,
other objects do not, and a folder's file is read only once. The second one is left out with
`check="sent"`; then what is known of the target is that it accepted what had been proven before.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from deltaloft.bucket import Attributes
from deltaloft.errors import DamagedObject, DeltaloftError, InvalidRequest
from deltaloft.migration.location import Location
from deltaloft.store import CopyResult, PutResult
from deltaloft.transfers import Item, LocalSide, Side, StoreSide, with_guessed_type

__all__ = ["Check", "Moved", "Mover", "move_elsewhere"]

Check = Literal["read", "sent"]


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that arrived at the target, or the error that kept it from that.

    `listed_size` is what the source's listing said, `size` the file's, `stored_size` that of the
    target's object; what `base` it has is stored once for all.
    """

    name: str
    listed_size: int
    size: int | None = None
    stored_size: int | None = None
    form: str | None = None
    sha256: str | None = None
    base: str | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Mover:
    """Moves files from a side to a store; several threads may share it."""

    source: Side
    target: StoreSide
    check: Check = "read"

    def move(self, items: Sequence[Item]) -> list[Moved]:
        """Move some files one after the other, and say of each what became of it."""
        return [self._moved(item) for item in items]

    def _moved(self, item: Item) -> Moved:
        listed_size = item.size or 0
        try:
            put = self._transfer(item)
            self._check(item, put)
        except (DeltaloftError, OSError, MemoryError) as error:
            return Moved(item.name, listed_size, error=error)
        return Moved(
            item.name, listed_size, put.size, put.stored_size, put.form, put.sha256, put.base
        )

    def _transfer(self, item: Item) -> CopyResult | PutResult:
        key = self.target.key(item.name)
        match self.source:
            case StoreSide() as source:
                return source.store.copy(source.key(item.name), key, target=self.target.store)
            case LocalSide() as folder:
                attributes = with_guessed_type(Attributes(), item.name)
                return self.target.store.put(folder.path(item.name), key, attributes=attributes)
        raise InvalidRequest("a store or a folder expected as source")

    def _check(self, item: Item, put: CopyResult | PutResult) -> None:
        if isinstance(self.source, StoreSide):
            self._compare(self.source.place(item.name), self.source.sha256(item), put)
        if self.check == "read":
            with Path(os.devnull).open("wb") as nowhere:
                read = self.target.store.get(put.key, nowhere)
            self._compare(self.target.place(item.name), read.sha256 or "none", put)

    def _compare(self, place: str, sha256: str | None, put: CopyResult | PutResult) -> None:
        if sha256 is not None and sha256 != put.sha256:
            raise DamagedObject(f"{place}: sha256 {put.sha256} was put, {sha256} is there")


@lru_cache(maxsize=4)
def _mover(source: Location, target: Location, check: Check) -> Mover:
    opened = target.open()
    assert isinstance(opened, StoreSide)  # whoever sent the work has made sure
    return Mover(source.open(), opened, check)


def move_elsewhere(
    source: Location, target: Location, check: Check, items: Sequence[Item]
) -> list[Moved]:
    """Move files in a process that knows nothing but these words; it keeps both ends open."""
    return _mover(source, target, check).move(items)
