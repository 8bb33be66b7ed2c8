"""The bytes of a base: mapped where they lie on this machine, else out of the cache.

What the bucket holds under a base's name is looked at once per process before anything is stored
that needs it: one HEAD, or for a local file its SHA-256.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Bucket
from deltaloft.bucket_requests import object_url
from deltaloft.buffers import PAGES_KEPT, give_pages_back, mapped
from deltaloft.errors import DamagedObject

__all__ = ["BaseBytes"]

_PIECE = 1 << 20
_SEEDED = 256 << 20  # bytes; a larger new base is not worth its memory for a later download


class BaseBytes:
    """Where the bases of one store can be read. Several threads may share it."""

    def __init__(self, bucket: Bucket, cache: BaseCache | None) -> None:
        """Without a cache, the one of the environment is opened when it is needed."""
        self._bucket = bucket
        self._cache = cache
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def opened(self, sha256: str, size: int, *, check: bool = False) -> Iterator[memoryview]:
        """Lend the bytes of a base; with `check`, only after a look at what the bucket holds.

        Raises:
            NotFound: the bucket does not hold it.
            DamagedObject: it is not what its name says.
        """
        path = self._bucket.local_path(layout.base_key(sha256))
        if path is not None:
            with mapped(path) as view:
                self._check_size(sha256, len(view), size)
                if check:
                    self._prove(sha256, view)
                yield view
            return

        @contextmanager
        def fetch() -> Iterator[Iterator[bytes]]:
            key = layout.base_key(sha256)
            with self._bucket.get(key) as reading:
                assert reading is not None  # no condition was asked
                self._check_size(sha256, reading.info.size, size)
                yield reading.chunks()
            self._seen.add(sha256)

        with self._opened_cache().open(sha256, size, fetch) as view:
            if check:
                self._look(sha256, size)
            yield view

    def check(self, sha256: str, size: int) -> None:
        """Look at what the bucket holds under a base's name, unless that was done before.

        Raises:
            NotFound: nothing.
            DamagedObject: not what the name says.
        """
        path = self._bucket.local_path(layout.base_key(sha256))
        if path is None:
            self._look(sha256, size)
            return
        with mapped(path) as view:
            self._check_size(sha256, len(view), size)
            self._prove(sha256, view)

    def remember(self, sha256: str, view: memoryview) -> None:
        """Take note of a base just stored, and keep its bytes where they would be downloaded."""
        self._seen.add(sha256)
        local = self._bucket.local_path(layout.base_key(sha256)) is not None
        if local or len(view) > _SEEDED:
            return

        @contextmanager
        def fetch() -> Iterator[Iterator[bytes]]:
            yield (bytes(view[i : i + _PIECE]) for i in range(0, len(view), _PIECE))

        with self._opened_cache().open(sha256, len(view), fetch):
            pass

    def _opened_cache(self) -> BaseCache:
        with self._lock:
            if self._cache is None:
                self._cache = BaseCache.from_environment()
            return self._cache

    def _look(self, sha256: str, size: int) -> None:
        if sha256 not in self._seen:
            self._check_size(sha256, self._bucket.head(layout.base_key(sha256)).size, size)
            self._seen.add(sha256)

    def _prove(self, sha256: str, view: memoryview) -> None:
        if sha256 in self._seen:
            return
        digest = hashlib.sha256()
        for start in range(0, len(view), PAGES_KEPT):
            digest.update(view[start : start + PAGES_KEPT])
            give_pages_back(view)
        found = digest.hexdigest()
        if found != sha256:
            raise DamagedObject(f"{self._url(sha256)}: sha256 {sha256} expected, found {found}")
        self._seen.add(sha256)

    def _check_size(self, sha256: str, found: int, size: int) -> None:
        if found != size:
            raise DamagedObject(f"{self._url(sha256)}: {size} bytes expected, found {found}")

    def _url(self, sha256: str) -> str:
        return object_url(self._bucket.url, layout.base_key(sha256))
