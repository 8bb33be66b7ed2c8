"""The index of bases.

    .deltaloft/bases    {"version": 2, "bases": [{...}, ...]}, oldest first; see `entry`

The index is a cache of what lies below .deltaloft/base/: lost or damaged, it is made again from a
listing. Writers agree by compare-and-swap where the endpoint knows conditions; where it does not,
the last writer wins. An entry lost that way costs bytes, for its base will not be chosen again, and
never data, for a delta names its base itself.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from deltaloft import layout
from deltaloft.bases import entry
from deltaloft.bases.entry import Base
from deltaloft.bucket import Attributes, Bucket, Reading
from deltaloft.bucket_requests import object_url
from deltaloft.errors import (
    AccessDenied,
    NotFound,
    PreconditionFailed,
    StorageError,
    Throttled,
    Unreachable,
    UnsupportedFormat,
)

__all__ = ["BaseIndex"]

_log = logging.getLogger(__name__)

_LONGEST = 8192  # entries, about 2 MB; the oldest make room
_INDEX_SIZE = 16 << 20  # bytes; what is longer is not of our making
_HEADS_READ = 200  # bases whose stems and sketches a rebuild asks for, one request each
_ATTEMPTS = 10


class BaseIndex:
    """The index of one store, as far as this process has seen it. Several threads may share it."""

    def __init__(
        self, bucket: Bucket, user: Attributes | None = None, *, token: str | None = None
    ) -> None:
        """Remember where the index is; nothing is read yet.

        Args:
            bucket: Where the bases are.
            user: What the files are put with whose bases these are; see `layout.protection`.
            token: Instead of `user`, the token of that, to ask for `marks` only.
        """
        self._bucket = bucket
        self._user = user or Attributes()
        self._protection = layout.protection(self._user) if token is None else token
        self._key = layout.index_key(self._protection)
        self._lock = threading.Lock()
        self._bases: tuple[Base, ...] = ()
        self._gone: set[str] = set()
        self._etag: str | None = None
        self._known = False

    @property
    def protection(self) -> str:
        """Return the token of the protection that the bases have in common."""
        return self._protection

    def load(self, *, retiring: bool = False) -> tuple[Base, ...]:
        """Read the index, oldest base first: one GET, conditional when it was read before.

        Where there is none, or a damaged one, it is made from a listing and written. Bases that are
        `retiring` are in it only when asked for.

        Raises:
            UnsupportedFormat: a later deltaloft wrote it.
            StorageError: the bucket cannot be read.
        """
        with self._lock:
            if not self._read():
                self._rebuild()
            usable = (base for base in self._bases if base.sha256 not in self._gone)
            return tuple(base for base in usable if retiring or not base.retiring)

    def marks(self) -> dict[str, str]:
        """Return which bases the index marks as retiring, and how, as it stands in the bucket now.

        Where there is no index, or a damaged one, nothing is marked.
        """
        with self._lock:
            is_there = self._read() and self._etag is not None
            bases = self._bases if is_there else ()
            return {base.sha256: base.retiring for base in bases if base.retiring}

    def is_retiring(self, sha256: str) -> bool:
        """Say whether a base must not be used, as far as the last `load` knows."""
        with self._lock:
            return any(base.retiring and base.sha256 == sha256 for base in self._bases)

    def add(self, base: Base, *, paid_by: Base | None = None) -> None:
        """Append a base that is stored. Failure to write is logged: it loses an entry, not data.

        The excess of the base that it was `paid_by` is spent then.
        """
        with self._lock:
            self._gone.discard(base.sha256)
            try:
                self._rewrite(lambda known: _with(_spent(known, paid_by), [base]))
            except StorageError as error:
                _log.warning("base %s is not in the index: %s", base.sha256, error)

    def note(self, sha256: str, change: Callable[[Base], Base]) -> None:
        """Change the entry of one base. Failure to write is logged: it loses a note, not data."""
        try:
            self.change(lambda known: [change(b) if b.sha256 == sha256 else b for b in known])
        except StorageError as error:
            _log.warning("base %s: its entry in the index stays as it was: %s", sha256, error)

    def change(self, change: Callable[[Sequence[Base]], Iterable[Base]]) -> None:
        """Write what `change` makes of the entries, by compare-and-swap.

        It is called again, with what others wrote, for as long as they come in between.

        Raises:
            UnsupportedFormat: a later deltaloft wrote the index.
            StorageError: it cannot be written.
        """
        with self._lock:
            self._rewrite(change)

    def forget(self, sha256: str) -> None:
        """Stop offering a base that is gone or damaged; the next `add` writes that down."""
        with self._lock:
            self._gone.add(sha256)

    def _read(self) -> bool:
        """Refresh what is known; False if there is nothing, or nothing that can be used."""
        try:
            with self._bucket.get(self._key, if_none_match=self._etag) as reading:
                if reading is None:
                    return True
                self._etag = reading.info.etag
                bases = _parsed(_body(reading), object_url(self._bucket.url, self._key))
        except NotFound:
            self._etag = None
            return self._known  # an endpoint may have lost it; what we saw is better than nothing
        if bases is None:
            return False
        self._bases = bases
        self._known = True
        return True

    def _rebuild(self) -> None:
        found = tuple(self._scan())
        self._bases = found
        self._known = True
        if found:
            _log.warning("index of bases made again from a listing: %d bases", len(found))
            try:
                self._rewrite(lambda known: _with(known, found))
            except StorageError as error:
                _log.warning("the index of bases cannot be written: %s", error)

    def _scan(self) -> Iterator[Base]:
        listed = sorted(
            (item for item in self._bucket.list(layout.BASES_PREFIX)),
            key=lambda item: (item.modified, item.key),
        )[-_LONGEST:]
        for place, item in enumerate(listed):
            sha256 = layout.base_digest(item.key)
            if sha256 is None:
                continue
            stem = sketch = ""
            if place >= len(listed) - _HEADS_READ:
                try:
                    attributes = self._bucket.head(item.key).attributes
                except NotFound:
                    continue
                if layout.base_protection(attributes) != self._protection:
                    continue
                stem, sketch = layout.base_stem(attributes), layout.base_sketch(attributes)
            elif self._protection:
                continue
            yield Base(sha256, item.size, stem, sketch)

    def _rewrite(self, change: Callable[[Sequence[Base]], Iterable[Base]]) -> None:
        """Write what `change` makes of the index, whatever others write meanwhile."""
        for attempt in range(_ATTEMPTS):
            kept = [base for base in self._bases if base.sha256 not in self._gone]
            changed = tuple(change(kept))[-_LONGEST:]
            try:
                self._etag = self._write(changed, conditional=True)
            except (PreconditionFailed, Throttled):
                time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))
                self._etag = None
                self._read()
                continue
            except (AccessDenied, NotFound, Unreachable):
                raise
            except StorageError:  # some endpoints answer 501 to any condition
                if any(base.retiring for base in self._bases):
                    raise  # not this one: who marks bases has made sure that conditions work
                self._etag = self._write(changed, conditional=False)
            self._bases = changed
            return
        raise PreconditionFailed(
            f"{self._bucket.url}/{self._key}: {_ATTEMPTS} writes met those of others"
        )

    def _write(self, bases: Sequence[Base], *, conditional: bool) -> str:
        return self._bucket.put(
            self._key,
            entry.written(bases),
            layout.protected(layout.index_attributes(), self._user),
            if_match=self._etag if conditional else None,
            no_clobber=conditional and self._etag is None,
        )


def _body(reading: Reading) -> bytes:
    """Return the index's bytes; nothing at all when it is too long to be one."""
    return b"".join(reading.chunks()) if reading.info.size <= _INDEX_SIZE else b""


def _parsed(body: bytes, url: str) -> tuple[Base, ...] | None:
    """Return the bases of an index, which is hostile until checked; None if it is damaged."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or type(content.get("version")) is not int:
        _log.warning("%s: damaged, a JSON object with a version expected", url)
        return None
    if content["version"] not in entry.VERSIONS:
        latest = entry.VERSIONS[-1]
        raise UnsupportedFormat(f"{url}: version {latest} expected, found {content['version']}")
    bases = entry.parsed(content.get("bases"), content["version"])
    if bases is None:
        _log.warning("%s: damaged, a list of bases expected", url)
        return None
    return bases[-_LONGEST:]


def _with(known: Sequence[Base], added: Sequence[Base]) -> tuple[Base, ...]:
    """Return the entries with `added` at their end, each base once."""
    fresh = {base.sha256 for base in added}
    return (*(base for base in known if base.sha256 not in fresh), *added)


def _spent(known: Sequence[Base], base: Base | None) -> Sequence[Base]:
    """Return the entries without the excess of one base."""
    if base is None:
        return known
    return [replace(each, excess=0) if each.sha256 == base.sha256 else each for each in known]
