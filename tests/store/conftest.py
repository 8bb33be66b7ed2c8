"""A store in each kind of bucket, and caches of its own for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Bucket
from deltaloft.store import Store


@pytest.fixture
def fresh_cache(tmp_path: Path) -> Callable[[], BaseCache]:
    """Make caches that have nothing in them yet."""
    made: list[BaseCache] = []

    def make() -> BaseCache:
        made.append(BaseCache(tmp_path / f"cache-{len(made)}", key=bytes(32)))
        return made[-1]

    return make


@pytest.fixture
def store(bucket: Bucket, fresh_cache: Callable[[], BaseCache]) -> Store:
    """Return an empty store."""
    return Store(bucket, cache=fresh_cache())
