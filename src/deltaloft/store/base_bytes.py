"""The bytes of a base: mapped where they lie on this machine, else out of the cache.

What the bucket holds under a base's name is looked at before anything is stored that needs it, but
not again within half an hour: one HEAD, or for a local file its SHA-256. The next process need not
ask either, for the cache has a note: see docs/gc.md.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deltaloft import layout
from deltaloft.bucket import Bucket
from deltaloft.bucket_requests import object_url
from deltaloft.buffers import PAGES_KEPT, give_pages_back, mapped
from deltaloft.download import downloading
from deltaloft.errors import DamagedObject, NotFound, PreconditionFailed
from deltaloft.store.clock import Stopwatch

if TYPE_CHECKING:
    from deltaloft.base_cache import BaseCache

__all__ = ["BaseBytes"]

_PIECE = 1 << 20
# From a look at a base to the next. Ten minutes on, a key is there or somebody looks again; no base
# that was not marked is deleted within an hour (docs/gc.md).
_SEEN_SECONDS = 1800.0


def _ignore(size: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at a base told, and how long ago it began."""

    protection: str
    watch: Stopwatch


class BaseBytes:
    """Where the bases of one store can be read. Several threads may share it."""

    def __init__(self, bucket: Bucket, cache: BaseCache | None) -> None:
        """Without a cache, the one of the environment is opened when it is needed."""
        self._bucket = bucket
        self._cache = cache
        self._seen: dict[str, _Look] = {}
        self._lock = threading.Lock()

    @contextmanager
    def opened(
        self,
        sha256: str,
        size: int,
        *,
        check: bool = False,
        download: bool = True,
        fetched: Callable[[int], object] = _ignore,
    ) -> Iterator[memoryview]:
        """Lend the bytes of a base; with `check`, only after a look at what the bucket holds.

        `fetched` is told the size of what had to be downloaded for it.

        Raises:
            NotFound: the bucket does not hold it, or this machine, and not `download`.
            DamagedObject: it is not what its name says.
        """
        watch = Stopwatch()
        path = self._bucket.local_path(layout.base_key(sha256))
        if path is not None:
            with mapped(path) as view:
                self._check_size(sha256, len(view), size)
                if check:
                    self._prove(sha256, view, watch)
                yield view
            return

        @contextmanager
        def fetch() -> Iterator[Iterator[bytes]]:
            if not download:
                raise NotFound(f"{self._url(sha256)}: not on this machine")
            with downloading(self._bucket, layout.base_key(sha256)) as reading:
                self._check_size(sha256, reading.info.size, size)
                yield reading.chunks()
            fetched(size)
            self._take_note(sha256, layout.base_protection(reading.info.attributes), watch)

        with ExitStack() as stack:
            try:
                view = stack.enter_context(self.cache().open(sha256, size, fetch))
            except PreconditionFailed:  # stored once more while it was read: the same bytes
                view = stack.enter_context(self.cache().open(sha256, size, fetch))
            if check:
                self._look(sha256, size, watch)
            yield view

    def check(self, sha256: str, size: int) -> None:
        """Look at what the bucket holds under a base's name, unless that was done just before.

        Raises:
            NotFound: nothing.
            DamagedObject: not what the name says.
        """
        watch = Stopwatch()
        path = self._bucket.local_path(layout.base_key(sha256))
        if path is None:
            # Not by a note: who puts a file again to repair what it was the base of, needs it put.
            self._look(sha256, size, watch, by_note=False)
            return
        with mapped(path) as view:
            self._check_size(sha256, len(view), size)
            self._prove(sha256, view, watch)

    @property
    def are_mapped(self) -> bool:
        """Say whether bases are files of this machine, which take no memory."""
        return self._bucket.url.startswith("file:")

    def is_at_hand(self, sha256: str) -> bool:
        """Say whether a base can be read without a download."""
        if self._bucket.local_path(layout.base_key(sha256)) is not None:
            return True
        return any(entry.sha256 == sha256 for entry in self.cache().entries())

    def protection(self, sha256: str, size: int) -> str:
        """Return the token of a base's protection: at most one HEAD.

        Raises:
            NotFound: the bucket does not hold it.
            DamagedObject: it is not what its name says.
        """
        if self._bucket.local_path(layout.base_key(sha256)) is not None:
            return ""  # a folder protects nothing
        self._look(sha256, size, Stopwatch())
        return self._seen[sha256].protection

    def remember(self, sha256: str, view: memoryview, protection: str, *, watch: Stopwatch) -> None:
        """Take note of a base just stored, and keep its bytes where they would be downloaded.

        `watch` was started before the index was read.
        """
        self._take_note(sha256, protection, watch)
        if self._bucket.local_path(layout.base_key(sha256)) is None:
            self.cache().keep(sha256, len(view), _pieces(view))

    def cache(self) -> BaseCache:
        """Return the cache, opened when it is first needed."""
        from deltaloft.base_cache import BaseCache  # with cryptography: 10 ms

        with self._lock:
            if self._cache is None:
                self._cache = BaseCache.from_environment()
            return self._cache

    def _was_seen(self, sha256: str) -> bool:
        last = self._seen.get(sha256)
        return last is not None and last.watch.seconds() < _SEEN_SECONDS

    def _look(self, sha256: str, size: int, watch: Stopwatch, *, by_note: bool = True) -> None:
        """Make sure that a base has been seen; `watch` tells when we began to want that."""
        if self._was_seen(sha256):
            return
        if by_note and (noted := self._noted(sha256)) is not None:
            self._seen[sha256] = noted
            if self._was_seen(sha256):
                return
        info = self._bucket.head(layout.base_key(sha256))
        self._check_size(sha256, info.size, size)
        self._take_note(sha256, layout.base_protection(info.attributes), watch)

    def _take_note(self, sha256: str, protection: str, watch: Stopwatch) -> None:
        """Remember a look, and let the next process know of it."""
        self._seen[sha256] = _Look(protection, watch)
        is_local = self._bucket.local_path(layout.base_key(sha256)) is not None
        if not is_local and (began := watch.written()):
            self.cache().note(self._note(sha256), f"{protection}\n{began}")

    def _noted(self, sha256: str) -> _Look | None:
        """Return the last look of another process, unless the machine was started since."""
        text = self.cache().noted(self._note(sha256))
        if text is None:
            return None
        protection, _, began = text.partition("\n")
        watch = Stopwatch.read(began)
        return None if watch is None else _Look(protection, watch)

    def _note(self, sha256: str) -> str:
        return f"{sha256} {self._bucket.place}"

    def _prove(self, sha256: str, view: memoryview, watch: Stopwatch) -> None:
        if self._was_seen(sha256):
            return
        digest = hashlib.sha256()
        for start in range(0, len(view), PAGES_KEPT):
            digest.update(view[start : start + PAGES_KEPT])
            give_pages_back(view)
        found = digest.hexdigest()
        if found != sha256:
            raise DamagedObject(f"{self._url(sha256)}: sha256 {sha256} expected, found {found}")
        self._seen[sha256] = _Look("", watch)  # what is on this machine has none

    def _check_size(self, sha256: str, found: int, size: int) -> None:
        if found != size:
            raise DamagedObject(f"{self._url(sha256)}: {size} bytes expected, found {found}")

    def _url(self, sha256: str) -> str:
        return object_url(self._bucket.url, layout.base_key(sha256))


def _pieces(view: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(view), _PIECE):
        yield view[start : start + _PIECE]
        if start % PAGES_KEPT == 0:
            give_pages_back(view)
