"""Which pages the catalog has.

A page is named by the SHA-256 of its bytes and covers the keys from its first one up to the first
one of the next page. Whoever writes puts new pages, then the list of pages, then removes what was
replaced. Of two at once one gives up, where the endpoint knows conditions; else the last list
counts, and may name pages that the other removed: those are empty, until somebody fills them.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deltaloft import layout
from deltaloft.bucket import Bucket, Reading
from deltaloft.catalog.page import Row, parsed, written
from deltaloft.errors import DeltaloftError

__all__ = ["Catalog", "Page"]

_log = logging.getLogger(__name__)

_VERSION = 1
_LARGEST = 16 << 20  # bytes of a list or page as it is stored
_ABANDONED = timedelta(hours=1)  # nobody takes so long from the first page to the list

# What keeps a cache from being read or written; it is then left alone.
_TROUBLE = (DeltaloftError, OSError)


@dataclass(frozen=True, slots=True)
class Page:
    """The first key of a page, and its name."""

    first: str
    name: str


class Catalog:
    """The catalog of one store, as it was when it was read. One thread may use it."""

    def __init__(self, bucket: Bucket) -> None:
        """Read the list of pages: one GET. Whatever is wrong with it, there are no pages then."""
        self._bucket = bucket
        self._etag: str | None = None
        self.pages: tuple[Page, ...] = ()
        self.modified = datetime(1970, 1, 1, tzinfo=UTC)
        self.writable = True
        try:
            with bucket.get(layout.CATALOG_KEY) as reading:
                assert reading is not None  # no condition was asked
                self._etag = reading.info.etag
                self.modified = reading.info.modified
                self.pages = self._checked(_body(reading))
        except _TROUBLE as error:
            _log.debug("no catalog: %s", error)
        self._firsts = [page.first for page in self.pages]

    def place_of(self, key: str) -> int:
        """Return the number of the page that covers a key."""
        return max(0, bisect.bisect_right(self._firsts, key) - 1)

    def rows(self, place: int) -> dict[str, Row]:
        """Return the rows of a page by key: one GET. A page that cannot be read has none."""
        if place >= len(self.pages):
            return {}
        name = self.pages[place].name
        try:
            with self._bucket.get(layout.CATALOG_PREFIX + name) as reading:
                assert reading is not None  # no condition was asked
                body = _body(reading)
        except _TROUBLE as error:
            _log.debug("a page of the catalog cannot be read: %s", error)
            return {}
        if hashlib.sha256(body).hexdigest() != name:
            return {}
        return {k: row for k, row in parsed(body).items() if self.place_of(k) == place}

    def put_page(self, rows: Sequence[Row]) -> Page:
        """Write a page that no list names yet.

        Raises:
            StorageError, OSError: the bucket refused.
        """
        body = written(rows)
        name = hashlib.sha256(body).hexdigest()
        self._bucket.put(layout.CATALOG_PREFIX + name, body, layout.index_attributes())
        return Page(rows[0].key, name)

    def replace(self, pages: Sequence[Page]) -> None:
        """Make these the pages, in order of their first keys, and remove those replaced.

        Raises:
            PreconditionFailed: somebody else was quicker.
            StorageError, OSError: the bucket refused.
        """
        content = {"version": _VERSION, "pages": [[page.first, page.name] for page in pages]}
        self._etag = self._bucket.put(
            layout.CATALOG_KEY,
            json.dumps(content, separators=(",", ":")).encode(),
            layout.index_attributes(),
            if_match=self._etag,
            no_clobber=self._etag is None,
        )
        old, self.pages = self.pages, tuple(pages)
        self._firsts = [page.first for page in pages]
        self.remove({page.name for page in old} - {page.name for page in pages})

    def remove(self, names: set[str]) -> None:
        """Remove pages that no list names any more; what cannot be removed stays."""
        for name in names:
            with suppress(*_TROUBLE):
                self._bucket.delete(layout.CATALOG_PREFIX + name)

    def remove_abandoned(self, now: datetime) -> None:
        """Remove pages without a list, an hour after they were written by the bucket's clock."""
        listed = {page.name for page in self.pages}
        with suppress(*_TROUBLE):
            for item in self._bucket.list(layout.CATALOG_PREFIX):
                name = item.key.removeprefix(layout.CATALOG_PREFIX)
                if name not in listed and item.modified < now - _ABANDONED:
                    self.remove({name})

    def _checked(self, body: bytes) -> tuple[Page, ...]:
        """Return the pages of a list, which is hostile; none if it makes no sense."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return ()
        match content:
            case {"version": 1, "pages": list(listed)}:
                pages = tuple(Page(*each) for each in listed if _is_page(each))
                in_order = all(a.first < b.first for a, b in itertools.pairwise(pages))
                return pages if in_order else ()
            case {"version": int(version)} if version != _VERSION:
                self.writable = False  # a later deltaloft's
        return ()


def _is_page(content: object) -> bool:
    match content:
        case [str(), str(name)]:
            return layout.check_digest(name)
    return False


def _body(reading: Reading) -> bytes:
    return b"".join(reading.chunks()) if reading.info.size <= _LARGEST else b""
