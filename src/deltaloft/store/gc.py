"""Delete bases that nothing refers to, while others write. docs/gc.md proves that it is safe.

    run 1     base has no reference, is older than the grace period     mark it in the index
    an hour   whoever reads the index from now on leaves it alone
    run 2     still has none, mark is an hour old                       delete it, renew the mark
    an hour   a second collection may still be about to delete it
    run 3     base is gone, mark is an hour old                         forget it

A mark is the number of a run. The object .deltaloft/retiring/<number> is written after the marks,
so that its date, by the bucket's own clock, is one at which they stood in the index.

Whatever cannot be read might refer to any base: then nothing is deleted.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypedDict

from deltaloft import layout
from deltaloft.bases import Base, BaseIndex
from deltaloft.bucket import Bucket, Listed, Version
from deltaloft.bucket_requests import object_url
from deltaloft.errors import (
    AccessDenied,
    DamagedObject,
    DeltaloftError,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    StorageError,
    UnsupportedFormat,
)
from deltaloft.layout import Delta
from deltaloft.store import survey
from deltaloft.store.clock import Stopwatch, bucket_time
from deltaloft.store.results import GcResult, UnusedBase
from deltaloft.store.survey import Survey

__all__ = ["Collecting"]

_log = logging.getLogger(__name__)

_MARK_AGE = timedelta(hours=1)
_LOOK_AGE = 30.0  # seconds from the last look at a mark to the deletion
_NEW_ENTRIES = 1000  # bases unknown to the index that get into it, marked, in one run
_THREADS = 10
_BATCH = 1000


class _Condition(TypedDict, total=False):
    if_match: str
    no_clobber: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there was when the run began: the bases stored, the index, the marks' dates.

    `marks` are those of all bases in the index, empty where there is none.
    """

    now: datetime
    bases: dict[str, Listed]
    marks: dict[str, str]
    dates: dict[str, datetime]

    def is_settled(self, sha256: str) -> bool:
        """Say whether the mark of a base is so old that every writer has seen it."""
        date = self.dates.get(self.marks.get(sha256, ""))
        return date is not None and date <= self.now - _MARK_AGE

    def is_marked(self, sha256: str) -> bool:
        """Say whether a base has a mark with a date."""
        return self.marks.get(sha256, "") in self.dates


class Collecting:
    """One collection of a store's bases."""

    def __init__(
        self, bucket: Bucket, index: BaseIndex, *, grace: timedelta, delete: bool, alone: bool
    ) -> None:
        """See `Store.gc`.

        Raises:
            InvalidRequest: a negative `grace`.
        """
        if grace < timedelta(0):
            raise InvalidRequest(f"grace: no negative time expected, found {grace}")
        self._bucket = bucket
        self._index = index
        self._grace = grace
        self._delete = delete
        self._alone = alone
        self._marks_prefix = layout.marks_prefix(index.protection)
        self._objects = 0
        self._versions = 0

    def run(self) -> GcResult:
        """Look at everything, then delete and mark."""
        if self._delete and not self._alone:
            self._check_conditions()
        seen = self._look()
        referred = self._referred()
        unused = [sha256 for sha256 in seen.bases if sha256 not in referred]
        past = [each for each in unused if seen.bases[each].modified <= seen.now - self._grace]
        old = self._under_our_protection(past)
        settled = [sha256 for sha256 in old if seen.is_settled(sha256)]
        fresh = self._to_mark([sha256 for sha256 in old if not seen.is_marked(sha256)], seen)
        deleted = settled
        if self._delete:
            deleted = [sha256 for sha256 in settled if self._deleted(sha256, seen)]
            self._write_marks(seen, {*fresh, *deleted}, referred)
        waiting = [each for each in old if each not in {*fresh, *deleted}]

        def named(digests: Sequence[str]) -> tuple[UnusedBase, ...]:
            return tuple(UnusedBase(sha256, seen.bases[sha256].size) for sha256 in digests)

        _log.info(
            "gc %s: %d of %d bases in use, %d deleted, %d marked, %d waiting%s",
            self._bucket.url,
            len(seen.bases) - len(unused),
            len(seen.bases),
            len(deleted),
            len(fresh),
            len(waiting),
            "" if self._delete else " (nothing was done)",
        )
        return GcResult(
            done=self._delete,
            objects=self._objects,
            versions=self._versions,
            bases=len(seen.bases),
            used=len(seen.bases) - len(unused),
            young=len(unused) - len(past),
            protected=len(past) - len(old),
            marked=named(fresh),
            waiting=named(waiting),
            deleted=named(deleted),
        )

    # ---- What there is ----

    def _check_conditions(self) -> None:
        """Make sure that marks cannot be overwritten by who has not seen them.

        Raises:
            StorageError: the bucket ignores conditions, or does not know any.
        """
        expected = f"{self._bucket.url}: a bucket that honours conditions expected"
        self._bucket.put(layout.CLOCK_KEY, b"", layout.index_attributes())
        conditions: tuple[_Condition, ...] = ({"if_match": "0" * 32}, {"no_clobber": True})
        for condition in conditions:
            try:
                self._bucket.put(layout.CLOCK_KEY, b"", layout.index_attributes(), **condition)
            except PreconditionFailed:
                continue
            except StorageError as error:
                raise StorageError(f"{expected}, or nobody else who writes: {error}") from error
            name = next(iter(condition))
            raise StorageError(f"{expected}, or nobody else who writes; it ignores {name}")

    def _look(self) -> _Seen:
        # In this order: the time is not later than any of the rest.
        now = self._now()
        marks = {base.sha256: base.retiring for base in self._index.load(retiring=True)}
        prefix = self._marks_prefix
        dated = self._bucket.list(prefix)
        dates = {item.key.removeprefix(prefix): item.modified for item in dated}
        listed = self._bucket.list(layout.BASES_PREFIX)
        named = ((layout.base_digest(item.key), item) for item in listed)
        bases = {sha256: item for sha256, item in named if sha256 is not None}
        return _Seen(now, bases, marks, dates)

    def _now(self) -> datetime:
        """Return the bucket's time; a dry run that may not write takes it from what it can see."""
        try:
            return bucket_time(self._bucket)
        except (StorageError, OSError):
            if self._delete:
                raise
            never = datetime(1970, 1, 1, tzinfo=UTC)
            return max((item.modified for item in self._bucket.list()), default=never)

    def _referred(self) -> set[str]:
        """Return the bases that any object refers to, or any version that could be had again.

        Raises:
            StorageError, DamagedObject: something cannot be listed or read.
        """
        walk = Survey(self._bucket, worth=survey.MANY)
        referred = set()
        for found in walk.run():
            if isinstance(found.form, Delta):
                referred.add(found.form.base)
            elif found.problem is not None and type(found.problem) is not NotFound:
                raise _refusal(found.problem)
        self._objects = walk.keys
        # After the objects: what was replaced meanwhile is a version by now.
        with ThreadPoolExecutor(_THREADS) as pool:
            versions = (each for each in self._bucket.versions() if not layout.is_ours(each.key))
            while batch := list(islice(versions, _BATCH)):
                self._versions += len(batch)
                referred.update(base for base in pool.map(self._base_of, batch) if base)
        return referred

    def _base_of(self, version: Version) -> str | None:
        try:
            info = self._bucket.head(version.key, version=version.version)
            form = layout.form_of(info, object_url(self._bucket.url, version.key))
        except NotFound as error:
            if type(error) is NotFound:
                return None
            raise
        except (AccessDenied, DamagedObject, UnsupportedFormat) as error:
            raise _refusal(error) from error
        return form.base if isinstance(form, Delta) else None

    def _under_our_protection(self, digests: Sequence[str]) -> list[str]:
        """Return the bases that writers look for in our index: one HEAD for each."""

        def is_ours(sha256: str) -> bool:
            try:
                stored = self._bucket.head(layout.base_key(sha256)).attributes
            except NotFound:
                return False  # another collection was quicker
            return layout.base_protection(stored) == self._index.protection

        with ThreadPoolExecutor(_THREADS) as pool:
            ours = pool.map(is_ours, digests)
            return [sha256 for sha256, yes in zip(digests, ours, strict=True) if yes]

    # ---- What to do ----

    def _to_mark(self, digests: Sequence[str], seen: _Seen) -> list[str]:
        """Leave some for later runs where marking all would push too much out of the index."""
        known = [sha256 for sha256 in digests if sha256 in seen.marks]
        unknown = [sha256 for sha256 in digests if sha256 not in seen.marks]
        return known + unknown[:_NEW_ENTRIES]

    def _deleted(self, sha256: str, seen: _Seen) -> bool:
        """Delete a base, if it still is what it was and has the mark it had."""
        item = seen.bases[sha256]
        watch = Stopwatch()
        mark = self._index.marks().get(sha256)
        try:
            modified = self._bucket.head(item.key).modified
        except NotFound:
            return False
        # A HEAD tells whole seconds where a listing may tell more.
        is_same = abs(modified - item.modified) < timedelta(seconds=1)
        if mark != seen.marks[sha256] or not is_same or watch.seconds() > _LOOK_AGE:
            return False
        self._bucket.delete(item.key)
        _log.info("base %s deleted: %d bytes", sha256, item.size)
        return True

    def _write_marks(self, seen: _Seen, marked: set[str], referred: set[str]) -> None:
        """Mark bases, and what was just deleted anew; take back marks that were wrong or are done.

        Where somebody changed a mark meanwhile, it stays as they left it.
        """
        number = uuid.uuid4().hex
        used: set[str] = set()

        def change(entries: Sequence[Base]) -> Iterator[Base]:
            used.clear()
            for entry in entries:
                changed: Base | None = entry
                if entry.retiring == seen.marks.get(entry.sha256, ""):
                    changed = self._changed(entry, seen, marked, referred, number)
                if changed is not None:
                    used.add(changed.retiring)
                    yield changed
            missing = marked - {entry.sha256 for entry in entries}
            for sha256 in sorted(missing & seen.bases.keys()):
                used.add(number)
                yield Base(sha256, seen.bases[sha256].size, retiring=number)

        if marked or any(seen.marks.values()):
            self._index.change(lambda entries: list(change(entries)))
        if number in used:
            self._bucket.put(self._marks_prefix + number, b"", layout.index_attributes())
        for unused in seen.dates.keys() - used:
            self._bucket.delete(self._marks_prefix + unused)

    def _changed(
        self, entry: Base, seen: _Seen, marked: set[str], referred: set[str], number: str
    ) -> Base | None:
        sha256 = entry.sha256
        if sha256 in marked:
            return replace(entry, retiring=number)
        if not entry.retiring:
            return entry
        if sha256 in seen.bases:
            return replace(entry, retiring="") if sha256 in referred else entry
        if seen.is_settled(sha256):
            return None  # deleted an hour ago
        return entry if seen.is_marked(sha256) else replace(entry, retiring=number)


def _refusal(problem: DeltaloftError) -> DeltaloftError:
    """Say why nothing is deleted, in an error of the same kind."""
    return type(problem)(f"nothing is collected, for what it needs is not known: {problem}")
