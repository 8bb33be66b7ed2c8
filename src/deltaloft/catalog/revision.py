"""The catalog while somebody walks through the keys in order: read, and where it pays written anew.

    old pages    [a ... f] [g ... m] [n ... z]
    the walk         │ rows of these are recalled or learned, others are of no use any more
    new pages    [a ... f] [g . k] [l . m] [n ... z]        kept, cut in two, kept

One page is in memory at a time. What cannot be written is left as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from deltaloft.bucket import Bucket, Listed
from deltaloft.catalog.catalog import Catalog, Page
from deltaloft.catalog.page import PAGE_ROWS, Row
from deltaloft.errors import DeltaloftError

__all__ = ["Revision"]

_log = logging.getLogger(__name__)

_KEY_BYTES = 8 << 20  # of a page: with long keys it has fewer rows


@dataclass(slots=True)
class _Draft:
    """A page that the walk is in: what it said, and what it will say."""

    place: int
    old: dict[str, Row]
    rows: list[Row] = field(default_factory=list)
    key_bytes: int = 0
    learned: int = 0
    is_cut: bool = False


class Revision:
    """One walk through a catalog; `prefix` is what the keys of the walk begin with."""

    def __init__(self, bucket: Bucket, prefix: str, worth: int | None) -> None:
        """Rewrite pages with at least `worth` rows to change; None: write nothing."""
        self._catalog = Catalog(bucket)
        self._prefix = prefix
        self._worth = worth if self._catalog.writable else None
        self._pages: list[Page] = []
        self._draft: _Draft | None = None
        self.modified = self._catalog.modified

    def place_of(self, key: str) -> int:
        """Return the number of the page that covers a key; it never falls in the order of keys."""
        return self._catalog.place_of(key)

    def recall(self, listed: Sequence[Listed]) -> list[Row | None]:
        """Return what is known of objects that one page covers, and move on to that page."""
        place = self.place_of(listed[0].key)
        draft = self._draft
        if draft is None or draft.place != place:
            self._close()
            self._pass_over(0 if draft is None else draft.place + 1, place)
            draft = self._draft = _Draft(place, self._catalog.rows(place))
        elif draft.learned and (len(draft.rows) >= PAGE_ROWS or draft.key_bytes >= _KEY_BYTES):
            self._cut(draft)
        rows = (draft.old.get(item.key) for item in listed)
        return [
            row if row is not None and row.describes(item) else None
            for item, row in zip(listed, rows, strict=True)
        ]

    def note(self, row: Row, *, learned: bool) -> None:
        """Put a row into the page that the walk is in."""
        if self._draft is not None and self._worth is not None:
            self._draft.rows.append(row)
            self._draft.key_bytes += len(row.key)
            self._draft.learned += learned

    def finish(self) -> int:
        """Write what pays, now that the walk is complete; return how many pages that were."""
        last = self._draft
        self._close()
        self._pass_over(0 if last is None else last.place + 1, len(self._catalog.pages))
        if self._worth is None or tuple(self._pages) == self._catalog.pages:
            return 0
        new = {page.name for page in self._pages} - {page.name for page in self._catalog.pages}
        try:
            self._catalog.replace(self._pages)
        except (DeltaloftError, OSError) as error:
            self.stop(error)
            return 0
        return len(new)

    def tidy(self, now: datetime) -> None:
        """Remove what walks that were broken off have left; `now` by the bucket's clock."""
        if self._worth is not None:
            self._catalog.remove_abandoned(now)

    def stop(self, error: Exception) -> None:
        """Write nothing any more, and take back what no list names yet."""
        _log.debug("the catalog is not written: %s", error)
        if self._worth is not None:
            self._worth = None
            listed = {page.name for page in self._catalog.pages}
            self._catalog.remove({page.name for page in self._pages} - listed)

    def _pass_over(self, start: int, end: int) -> None:
        """Leave pages out of which the walk saw no key. After a walk of all keys they are empty."""
        if self._prefix:
            self._pages += self._catalog.pages[start:end]

    def _close(self) -> None:
        """Be done with a page: keep it, or write it anew."""
        draft, self._draft = self._draft, None
        if draft is None or self._worth is None:
            return
        recalled = len(draft.rows) - draft.learned
        walked = sum(key.startswith(self._prefix) for key in draft.old)
        if draft.is_cut or draft.learned + walked - recalled >= self._worth:
            self._write(self._merged(draft.old.values(), draft.rows))
        else:
            self._pages += self._catalog.pages[draft.place : draft.place + 1]

    def _cut(self, draft: _Draft) -> None:
        """Write the first part of a page that has grown too large."""
        last = draft.rows[-1].key
        self._write(
            self._merged((row for key, row in draft.old.items() if key <= last), draft.rows)
        )
        draft.old = {key: row for key, row in draft.old.items() if key > last}
        draft.rows, draft.key_bytes, draft.is_cut = [], 0, True

    def _merged(self, old: Iterable[Row], rows: Iterable[Row]) -> list[Row]:
        """Return what was walked through, and the old rows that are none of the walk's business."""
        kept = (row for row in old if not row.key.startswith(self._prefix))
        return sorted((*kept, *rows), key=lambda row: row.key)

    def _write(self, rows: Sequence[Row]) -> None:
        if self._worth is None or not rows:
            return
        try:
            self._pages.append(self._catalog.put_page(rows))
        except (DeltaloftError, OSError) as error:
            self.stop(error)
