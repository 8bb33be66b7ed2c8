"""How many requests each operation costs, cold and warm: what goes over HTTP is counted."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Bucket
from deltaloft.store import Store

INDEX = ".deltaloft/bases"


def release(version: int) -> bytes:
    """Return 100 kB of which the last bytes tell the version."""
    return random.Random(1).randbytes(100_000) + b"version %d" % version


BASE = ".deltaloft/base/" + hashlib.sha256(release(0)).hexdigest()


class Session:
    """Stores of one bucket as separate processes would see it, and what they send."""

    def __init__(self, bucket: Bucket, requests: list[tuple[str, str]]) -> None:
        """Count in `requests`."""
        self.bucket = bucket
        self._requests = requests

    def store(self, cache: BaseCache) -> Store:
        """Return a store that knows nothing yet."""
        return Store(self.bucket, cache=cache)

    def sent(self) -> list[tuple[str, str]]:
        """Return what was sent since the last call."""
        sent = self._requests[:]
        self._requests.clear()
        return sent


@pytest.fixture
def session(
    s3_endpoint: str,
    new_s3_bucket: Callable[..., Any],
    requests: list[tuple[str, str]],
) -> Iterator[Session]:
    """A fresh bucket, its requests counted."""
    bucket = new_s3_bucket(s3_endpoint)
    requests.clear()
    yield Session(bucket, requests)


def test_the_first_put_of_all(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """An empty bucket: index and bases are looked for once; then base, key and index are put."""
    session.store(fresh_cache()).put(release(0), "app-1.0")
    assert session.sent() == [
        ("GET", INDEX),
        ("GET", ""),
        ("PUT", BASE),
        ("PUT", "app-1.0"),
        ("PUT", INDEX),
    ]


def test_a_warm_put_is_two_requests(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """The index, conditionally, and the key; the base was stored or seen before."""
    store = session.store(fresh_cache())
    store.put(release(0), "app-1.0")
    for version in (1, 2, 0):
        session.sent()
        store.put(release(version), f"app-1.{version}")
        assert session.sent() == [("GET", INDEX), ("PUT", f"app-1.{version}")]


def test_the_first_put_of_a_process(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """A cold cache fetches the base once; a warm one only looks whether it is there."""
    session.store(fresh_cache()).put(release(0), "app-1.0")
    cache = fresh_cache()
    session.sent()
    session.store(cache).put(release(1), "app-1.1")
    assert session.sent() == [("GET", INDEX), ("GET", BASE), ("PUT", "app-1.1")]
    session.store(cache).put(release(2), "app-1.2")
    assert session.sent() == [("GET", INDEX), ("HEAD", BASE), ("PUT", "app-1.2")]


def test_plain_puts_are_one_request(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """What cannot gain, or may not, costs what it costs without us."""
    store = session.store(fresh_cache())
    store.put(b"tiny", "a")
    store.put(release(0), "b.jpg")
    store.put(release(0), "c", delta="never")
    assert session.sent() == [("PUT", "a"), ("PUT", "b.jpg"), ("PUT", "c")]


def test_a_warm_get_is_one_request(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """The base is downloaded once per machine, whoever asks; then each get is one GET."""
    store = session.store(fresh_cache())
    for version in range(10):
        store.put(release(version), f"app-1.{version}")
    store.put(b"tiny", "plain")
    cache = fresh_cache()
    session.sent()
    for version in range(10):
        assert session.store(cache).read(f"app-1.{version}") == release(version)
    assert session.sent() == [
        ("GET", "app-1.0"),
        ("GET", BASE),
        *(("GET", f"app-1.{version}") for version in range(1, 10)),
    ]
    session.store(cache).read("plain")
    assert session.sent() == [("GET", "plain")]


def test_what_this_machine_put_it_need_not_fetch(
    session: Session, fresh_cache: Callable[[], BaseCache]
) -> None:
    """A base that was made here is in the cache from the start."""
    cache = fresh_cache()
    session.store(cache).put(release(0), "app-1.0")
    session.sent()
    assert session.store(cache).read("app-1.0") == release(0)
    assert session.sent() == [("GET", "app-1.0")]


def test_list_and_stat_are_one_request(
    session: Session, fresh_cache: Callable[[], BaseCache]
) -> None:
    """No request per key, none for what is ours; a delete looks for DeltaGlider's delta, too."""
    store = session.store(fresh_cache())
    for version in range(5):
        store.put(release(version), f"app-1.{version}")
    session.sent()
    assert len(list(store.list())) == 5
    assert session.sent() == [("GET", "")]
    store.stat("app-1.1")
    assert session.sent() == [("HEAD", "app-1.1")]
    store.delete("app-1.1")
    assert session.sent() == [("HEAD", "app-1.1.delta"), ("DELETE", "app-1.1")]
