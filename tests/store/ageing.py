"""A bucket whose clock stands still until a test moves it on, and that counts what is asked of it.

It stands before a real bucket. Dates are in whole seconds, as in many answers of S3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deltaloft.bucket import Bucket

__all__ = ["AgeingBucket"]


class _Reading:
    def __init__(self, reading: Any, info: Any) -> None:
        self.info = info
        self.chunks = reading.chunks


class AgeingBucket:
    """Stands before `bucket`; `calls` counts, a thousand keys of a listing for one."""

    def __init__(self, bucket: Bucket) -> None:
        """Begin at a moment of long ago."""
        self._bucket = bucket
        self._now = datetime(2020, 1, 1, tzinfo=UTC)
        self._dates: dict[str, datetime] = {}
        self.calls: Counter[str] = Counter()
        self.before: Callable[[str, str], None] = lambda call, key: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bucket, name)

    def grow_older(self, **passed: float) -> None:
        """Let time pass."""
        self._now += timedelta(**passed)

    def _counted(self, call: str, key: str) -> None:
        self.calls[call] += 1
        self.before(call, key)

    def _dated(self, described: Any) -> Any:
        return replace(described, modified=self._dates.get(described.key, self._now))

    @contextmanager
    def get(self, key: str, **options: Any) -> Iterator[Any]:
        """See `Bucket.get`."""
        self._counted("get", key)
        with self._bucket.get(key, **options) as reading:
            yield reading and _Reading(reading, self._dated(reading.info))

    def put(self, key: str, body: Any, attributes: Any, **conditions: Any) -> str:
        """See `Bucket.put`."""
        self._counted("put", key)
        etag = self._bucket.put(key, body, attributes, **conditions)
        self._dates[key] = self._now
        return etag

    def head(self, key: str, **options: Any) -> Any:
        """See `Bucket.head`."""
        self._counted("head", key)
        return self._dated(self._bucket.head(key, **options))

    def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        self._counted("delete", key)
        self._bucket.delete(key)

    def list(self, prefix: str = "", **options: Any) -> Iterator[Any]:
        """See `Bucket.list`."""
        for place, listed in enumerate(self._bucket.list(prefix, **options)):
            if place % 1000 == 0:
                self._counted("list", prefix)
            yield self._dated(listed)
