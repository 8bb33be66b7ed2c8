"""One end of a migration, in words that another machine understands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deltaloft.deltaglider import Limits, Mode
from deltaloft.errors import InvalidRequest
from deltaloft.place import Place
from deltaloft.store import Store
from deltaloft.transfers import Item, LocalSide, Side, Skipped, StoreSide

__all__ = ["Location", "items_of"]


@dataclass(frozen=True, slots=True)
class Location:
    """A prefix of a store, or a folder of this machine, and how to reach it.

    Credentials are no part of it: every machine takes its own from its environment or profile.
    """

    place: Place | Path
    endpoint_url: str | None = None
    profile: str | None = None
    region: str | None = None
    deltaglider: Mode | Limits = "auto"

    @property
    def url(self) -> str:
        """Return where it is, with a slash at the end, for messages."""
        if isinstance(self.place, Path):
            return f"{self.place.absolute().as_uri().rstrip('/')}/"
        return f"{self.place.store.rstrip('/')}/{self.place.key}"

    @property
    def name(self) -> str:
        """Return what tells it from all others: the URL, and whose bucket that is."""
        if self.endpoint_url is None:
            return self.url
        parts = urlsplit(self.endpoint_url)
        return f"{self.url} at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def open(self, skipped: Skipped | None = None) -> Side:
        """Open it; `skipped` is told of files in a folder that cannot be read.

        Raises:
            InvalidRequest: there can be no such store.
            BucketNotFound: there is none.
        """
        if isinstance(self.place, Path):
            return LocalSide(self.place.absolute(), skipped or _ignore)
        store = Store.open(
            self.place.store,
            create=self.place.create,
            profile=self.profile,
            region=self.region,
            endpoint_url=self.endpoint_url,
            deltaglider=self.deltaglider,
        )
        return StoreSide(store, self.place.key)

    def check_apart(self, target: Location) -> None:
        """Refuse a target whose files would be files of the source.

        Raises:
            InvalidRequest: one of the two lies in the other.
        """
        here, there = self.url, target.url
        nested = here.startswith(there) or there.startswith(here)
        if nested and self.endpoint_url == target.endpoint_url:
            raise InvalidRequest(f"{here}, {there}: two places expected, one lies in the other")


def items_of(side: Side) -> Iterator[Item]:
    """Yield all files of a side, folder markers included, with the sizes that its listing tells.

    A store is asked for nothing but its listing, and nothing is written to it: of what is a delta
    there, the size is the delta's.
    """
    if not isinstance(side, StoreSide):
        yield from side.items()
        return
    for entry in side.store.list(side.prefix, sizes=False):
        name = entry.key[len(side.prefix) :]
        if name:
            yield Item(name, entry.stored_size, entry.modified, entry.etag)


def _ignore(place: str, reason: str) -> None:
    """Leave it at that: whoever lists the folder has told."""
