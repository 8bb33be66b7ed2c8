"""What is stored below a prefix, and what each object is: listing, catalog, then a HEAD per key.

    listing    a, b, c, d ...       in order
    catalog    a, b, -, d ...       in the same order, a page at a time; rows of other objects: -
    HEAD             c              in parallel, for what the catalog does not know

Whoever may write hands on what was found out. A row is kept only if, before it was asked for, the
object was two seconds old by the bucket's clock: dates may be in whole seconds, and of two objects
put under one key within the same second one could otherwise be taken for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice

from deltaloft import layout
from deltaloft.bucket import Bucket, Listed
from deltaloft.bucket_requests import object_url
from deltaloft.catalog import Revision, Row
from deltaloft.errors import (
    AccessDenied,
    DamagedObject,
    DeltaloftError,
    NotFound,
    UnsupportedFormat,
)
from deltaloft.layout import Form
from deltaloft.store.clock import bucket_time

__all__ = ["ALL", "MANY", "Found", "Survey"]

# How many rows have to change before a page of the catalog is written anew.
ALL = 1
MANY = 256  # sending up to 4 MB for fewer costs more than it saves

_THREADS = 10  # as many connections as a boto3 client keeps by default
_BATCH = 1000  # keys: a page of a listing
_FEW = 16  # keys that are asked for one by one sooner than a catalog is read
_SAFE_AGE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Found:
    """A listed object, and what it is; or else why that cannot be said."""

    listed: Listed
    form: Form | None
    problem: DeltaloftError | None = None


class Survey:
    """One walk through what is stored below a prefix.

    Attributes:
        keys: How many objects the walk has seen.
        asked: How many of them it had to ask for.
        written_pages: How many pages of the catalog it has written, once it is complete.
    """

    def __init__(
        self,
        bucket: Bucket,
        prefix: str = "",
        *,
        start_after: str = "",
        worth: int | None = None,
        wanted: Callable[[str], bool] | None = None,
    ) -> None:
        """Rewrite pages of the catalog with `worth` rows to change; None: write nothing.

        With `wanted`, nothing is written and only keys are looked into of which it says so. With
        `start_after`, nothing is written either: the walk does not see all that a page covers.
        """
        self._bucket = bucket
        self._prefix = prefix
        self._start_after = start_after
        self._worth = worth if wanted is None and not start_after else None
        self._wanted = wanted
        self._knows_time = False
        self._catalog: Revision | None = None
        self._bucket_time: datetime | None = None  # it is at least so late for the bucket
        self.keys = 0
        self.asked = 0
        self.written_pages = 0

    def run(self) -> Iterator[Found]:
        """Yield what is stored, in order of keys; what is ours is left out.

        Raises:
            StorageError: the listing cannot be completed, or the bucket does not answer. One object
                that cannot be read is no exception, but has a `problem`.
        """
        listing = self._bucket.list(self._prefix, start_after=self._start_after)
        listed = (item for item in listing if not layout.is_ours(item.key))
        with ThreadPoolExecutor(_THREADS) as pool:
            while batch := list(islice(listed, _BATCH)):
                self.keys += len(batch)
                self._pass_time(max(item.modified for item in batch))
                if self._catalog is None and self._is_worth_a_catalog(batch):
                    self._open_catalog()
                for _, part in groupby(batch, self._place_of):
                    yield from self._look(list(part), pool)
        if self._catalog is not None:
            self.written_pages = self._catalog.finish()
            if self._worth == ALL and self._bucket_time is not None:
                self._catalog.tidy(self._bucket_time)

    def _look(self, batch: Sequence[Listed], pool: ThreadPoolExecutor) -> Iterator[Found]:
        """Find out about objects that one page of the catalog covers."""
        catalog = self._catalog
        rows = [None] * len(batch) if catalog is None else catalog.recall(batch)
        missing = [
            item
            for item, row in zip(batch, rows, strict=True)
            if row is None and self._wants(item.key)
        ]
        self.asked += len(missing)
        if self._worth is not None and len(missing) >= self._worth:
            self._ask_time()
        answers = pool.map(self._ask, missing)
        for item, row in zip(batch, rows, strict=True):
            if row is not None:
                found, is_certain = Found(item, row.form), True
            elif self._wants(item.key):
                found, is_certain = next(answers)
            else:
                found, is_certain = Found(item, None), False
            if catalog is not None and found.form is not None and is_certain:
                catalog.note(Row.of(item, found.form), learned=row is None)
            yield found

    def _wants(self, key: str) -> bool:
        return self._wanted is None or self._wanted(key)

    def _ask(self, item: Listed) -> tuple[Found, bool]:
        """Ask for one object; say also whether another survey may rely on the answer."""
        is_old = self._bucket_time is not None and item.modified <= self._bucket_time - _SAFE_AGE
        try:
            info = self._bucket.head(item.key)
            form = layout.form_of(info, object_url(self._bucket.url, item.key))
        except (AccessDenied, DamagedObject, NotFound, UnsupportedFormat) as problem:
            return Found(item, None, problem), False
        is_same = (info.etag, info.size) == (item.etag, item.size)
        return Found(item, form), is_old and is_same

    def _pass_time(self, moment: datetime) -> None:
        known = self._bucket_time
        self._bucket_time = moment if known is None else max(known, moment)

    def _ask_time(self) -> None:
        """Learn how late it is, once, for what is about to be asked for may be rather new."""
        if self._knows_time or self._catalog is None:
            return
        self._knows_time = True
        try:
            self._pass_time(bucket_time(self._bucket))
        except (DeltaloftError, OSError) as error:
            self._catalog.stop(error)

    # ---- The catalog ----

    def _is_worth_a_catalog(self, batch: Sequence[Listed]) -> bool:
        return self._worth == ALL or sum(self._wants(item.key) for item in batch) >= _FEW

    def _open_catalog(self) -> None:
        self._catalog = Revision(self._bucket, self._prefix, self._worth)
        self._pass_time(self._catalog.modified)
        if self._worth == ALL:
            self._ask_time()

    def _place_of(self, item: Listed) -> int:
        return 0 if self._catalog is None else self._catalog.place_of(item.key)
