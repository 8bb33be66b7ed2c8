"""A store in each kind of bucket."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Bucket
from deltaloft.store import Store


@pytest.fixture
def store(bucket: Bucket, fresh_cache: Callable[[], BaseCache]) -> Store:
    """Return an empty store."""
    return Store(bucket, cache=fresh_cache())
