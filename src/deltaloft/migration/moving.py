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
from deltaloft.errors import AlreadyExists, DamagedObject, DeltaloftError, InvalidRequest
from deltaloft.migration.location import Location
from deltaloft.store import CopyResult, PutResult, Stat
from deltaloft.transfers import Item, LocalSide, Options, Side, StoreSide, with_guessed_type

__all__ = ["Check", "Moved", "Mover", "move_elsewhere"]

Check = Literal["read", "sent"]

_USUAL = Options()


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
    options: Options = _USUAL

    def move(self, items: Sequence[Item]) -> list[Moved]:
        """Move some files one after the other, and say of each what became of it."""
        return [self._moved(item) for item in items]

    def _moved(self, item: Item) -> Moved:
        listed_size = item.size or 0
        try:
            put = self._put(item)
            self._check(item, put)
        except (DeltaloftError, OSError, MemoryError) as error:
            return Moved(item.name, listed_size, error=error)
        return Moved(
            item.name, listed_size, put.size, put.stored_size, put.form, put.sha256, put.base
        )

    def _put(self, item: Item) -> CopyResult | PutResult | Stat:
        """Transfer a file; with `no_clobber`, one that is there already will do."""
        try:
            return self._transfer(item)
        except AlreadyExists:
            there = self.target.store.stat(self.target.key(item.name))
            if there.sha256 is None or there.sha256 != self.source.sha256(item):
                raise
            return there

    def _transfer(self, item: Item) -> CopyResult | PutResult:
        key, how = self.target.key(item.name), self.options.put
        match self.source:
            case StoreSide() as source:
                there = self.target.store
                return source.store.copy(source.key(item.name), key, target=there, **how)
            case LocalSide() as folder:
                attributes = with_guessed_type(Attributes(), item.name)
                path = folder.path(item.name)
                return self.target.store.put(path, key, attributes=attributes, **how)
        raise InvalidRequest("a store or a folder expected as source")

    def _check(self, item: Item, put: CopyResult | PutResult | Stat) -> None:
        if isinstance(self.source, StoreSide):
            self._compare(self.source.place(item.name), self.source.sha256(item), put)
        if self.check == "read":
            with Path(os.devnull).open("wb") as nowhere:
                read = self.target.store.get(put.key, nowhere)
            self._compare(self.target.place(item.name), read.sha256 or "none", put)

    def _compare(self, place: str, sha256: str | None, put: CopyResult | PutResult | Stat) -> None:
        if sha256 is not None and sha256 != put.sha256:
            raise DamagedObject(f"{place}: sha256 {put.sha256} was put, {sha256} is there")


@lru_cache(maxsize=4)
def _mover(source: Location, target: Location, check: Check, options: Options) -> Mover:
    opened = target.open()
    assert isinstance(opened, StoreSide)  # whoever sent the work has made sure
    return Mover(source.open(), opened, check, options)


def move_elsewhere(
    source: Location, target: Location, check: Check, options: Options, items: Sequence[Item]
) -> list[Moved]:
    """Move files in a process that knows nothing but these words; it keeps both ends open."""
    return _mover(source, target, check, options).move(items)
