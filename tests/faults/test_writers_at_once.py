"""Writers that meet: conditional writes, the index, stopped processes and wrong clocks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from faults_fixtures import FreshCache, Through, both
from store.releases import release, sha256

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bases import BaseIndex
from deltaloft.errors import AlreadyExists, ClockSkewed, StorageError
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store
from deltaloft.testing import Answer, ConditionsIgnored, ErrorAnswer, FaultyS3, Forward, Request


@both
def test_one_of_sixteen_creators_wins(behind: S3Bucket, fresh_cache: FreshCache) -> None:
    """Of sixteen `no_clobber` puts of one fresh key one succeeds, fifteen are AlreadyExists."""
    start = threading.Barrier(16)

    def create(number: int) -> bool:
        store = Store(behind, cache=fresh_cache())
        start.wait()
        try:
            store.put(random.Random(number).randbytes(30_000), "key", no_clobber=True)
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        won = list(threads.map(create, range(16)))
    assert 1 == won.count(True)
    winner = random.Random(won.index(True)).randbytes(30_000)
    assert winner == Store(behind, cache=fresh_cache()).read("key")


def test_an_endpoint_that_ignores_conditions_costs_no_data(
    faulty_s3: FaultyS3, through: Through, fresh_cache: FreshCache
) -> None:
    """Where a second creator succeeds too, one of them is whole, and every other key stays."""
    faulty_s3.inject("PutObject", ConditionsIgnored(), times=None)
    start = threading.Barrier(4)

    def write(number: int) -> None:
        store = Store(through(attempts=5), cache=fresh_cache())
        start.wait()
        for version in range(3):
            store.put(release(version, seed=number), f"{number}/app-{version}")
            store.put(release(version, seed=number), "contested", no_clobber=True)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    store = Store(through(attempts=5), cache=fresh_cache())
    every = [release(version, seed=number) for number in range(4) for version in range(3)]
    assert every == [store.read(f"{n}/app-{version}") for n in range(4) for version in range(3)]
    assert store.read("contested") in every


def test_an_endpoint_that_refuses_conditions(
    faulty_s3: FaultyS3, through: Through, behind: S3Bucket, fresh_cache: FreshCache
) -> None:
    """Where a condition is answered 501, `no_clobber` fails and stores nothing; a put works."""

    def refuse(request: Request, forward: Forward) -> Answer:
        if {"if-match", "if-none-match"} & set(request.headers):
            return ErrorAnswer(501, "NotImplemented")(request, forward)
        return forward(request)

    faulty_s3.inject("PutObject", refuse, times=None)
    store = Store(through(), cache=fresh_cache())
    with pytest.raises(StorageError, match="NotImplemented, HTTP 501"):
        store.put(b"tiny", "key", no_clobber=True)
    assert [] == list(behind.list())
    store.put(release(0), "app-0")
    assert not store.put(release(1), "app-1").new_base
    assert release(1) == Store(behind, cache=fresh_cache()).read("app-1")


# ---- The index -------------------------------------------------------------------------------


def _intruding(bucket: S3Bucket, cache: BaseCache) -> Callable[[Request, Forward], Answer]:
    """Return a fault: somebody else adds a base of their own just before."""
    count = iter(range(100, 200))

    def intrude(request: Request, forward: Forward) -> Answer:
        number = next(count)
        Store(bucket, cache=cache).put(release(0, seed=number), f"other-{number}")
        return forward(request)

    return intrude


def test_an_index_that_others_write_meanwhile_is_merged(
    faulty_s3: FaultyS3, through: Through, behind: S3Bucket, fresh_cache: FreshCache
) -> None:
    """A compare-and-swap that is lost three times is repeated; each entry is there once."""
    intrude = _intruding(behind, fresh_cache())
    faulty_s3.inject("PutObject", intrude, key=layout.INDEX_KEY, times=3)
    Store(through(), cache=fresh_cache()).put(release(0), "app-0")
    expected = {sha256(release(0, seed=number)) for number in (1, 100, 101, 102)}
    found = [base.sha256 for base in BaseIndex(behind).load()]
    assert expected == set(found)
    assert 4 == len(found)


def test_an_index_that_others_always_write_first_costs_its_entry(
    faulty_s3: FaultyS3,
    through: Through,
    behind: S3Bucket,
    fresh_cache: FreshCache,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A compare-and-swap that is always lost ends: the put has succeeded, the log tells why."""
    intrude = _intruding(behind, fresh_cache())
    lost = faulty_s3.inject("PutObject", intrude, key=layout.INDEX_KEY, times=None)
    Store(through(), cache=fresh_cache()).put(release(0), "app-0")
    assert release(0) == Store(behind, cache=fresh_cache()).read("app-0")
    assert "is not in the index" in caplog.text
    assert lost.fired <= 10
    found = [base.sha256 for base in BaseIndex(behind).load()]
    others = [sha256(release(0, seed=number)) for number in range(100, 100 + lost.fired)]
    assert others == [each for each in found if each != sha256(release(0))]


# ---- A writer that stops ---------------------------------------------------------------------

# Puts a file and says how it went.
WRITE = """
import sys
from pathlib import Path
from deltaloft.base_cache import BaseCache
from deltaloft.errors import AlreadyExists
from deltaloft.store import Store

url, endpoint, cache, file = sys.argv[1:]
store = Store.open(url, endpoint_url=endpoint, cache=BaseCache(Path(cache), key=bytes(32)))
try:
    store.put(Path(file), "key", no_clobber=True)
except AlreadyExists:
    print("already exists")
else:
    print("stored")
"""


class Stopped:
    """A process that puts `release(0)`; it is stopped in the middle of one of its requests."""

    def __init__(self, s3: FaultyS3, bucket: S3Bucket, folder: Path, at: str) -> None:
        self._stopped = threading.Event()
        self._started = threading.Event()
        s3.inject("PutObject", self._stop, key=at)
        (folder / "file").write_bytes(release(0))
        command = [
            sys.executable,
            "-c",
            WRITE,
            bucket.url,
            s3.url,
            folder / "cache",
            folder / "file",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._started.set()
        assert self._stopped.wait(60)

    def _stop(self, request: Request, forward: Forward) -> Answer:
        answer = forward(request)  # the process has sent all of it, and hears nothing yet
        self._started.wait(60)
        self.process.send_signal(signal.SIGSTOP)
        self._stopped.set()
        return answer

    def resume(self) -> str:
        """Let it go on; return what it says in the end."""
        self.process.send_signal(signal.SIGCONT)
        said, _ = self.process.communicate(timeout=60)
        return said.strip()


def test_a_writer_that_was_stopped_overwrites_nobody(
    faulty_s3: FaultyS3, behind: S3Bucket, fresh_cache: FreshCache, tmp_path: Path
) -> None:
    """Who is stopped before the key is put, however long, is refused when another was first."""
    stopped = Stopped(faulty_s3, behind, tmp_path, at=layout.BASES_PREFIX + "*")
    Store(behind, cache=fresh_cache()).put(release(0, seed=2), "key", no_clobber=True)
    assert "already exists" == stopped.resume()
    assert release(0, seed=2) == Store(behind, cache=fresh_cache()).read("key")


def test_a_writer_that_was_stopped_loses_nobodys_entry(
    faulty_s3: FaultyS3, behind: S3Bucket, fresh_cache: FreshCache, tmp_path: Path
) -> None:
    """Who is stopped before the index is written adds to what others have written meanwhile."""
    stopped = Stopped(faulty_s3, behind, tmp_path, at="key")
    Store(behind, cache=fresh_cache()).put(release(0, seed=2), "other")
    assert "stored" == stopped.resume()
    store = Store(behind, cache=fresh_cache())
    assert [release(0), release(0, seed=2)] == [store.read("key"), store.read("other")]
    expected = [sha256(release(0, seed=2)), sha256(release(0))]
    assert expected == [base.sha256 for base in BaseIndex(behind).load()]


# ---- A clock that is wrong -------------------------------------------------------------------


@both
@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_a_day_off(
    s3_upstream: str,
    behind: S3Bucket,
    fresh_cache: FreshCache,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
) -> None:
    """Where signatures are checked the error says "clock" and nothing is stored; else it works."""
    right = botocore.auth.get_current_datetime

    def wrong(*arguments: Any, **options: Any) -> datetime:
        return right(*arguments, **options) + timedelta(days=days)

    store = Store(behind, cache=fresh_cache())
    store.put(release(0), "app-0")
    with monkeypatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", wrong)
        if s3_upstream == os.environ.get("S3_ENDPOINT"):
            for act in (lambda: store.put(release(1), "app-1"), lambda: store.read("app-0")):
                with pytest.raises(ClockSkewed, match="clock"):
                    act()
        else:
            store.put(release(1), "app-1", no_clobber=True)
            with pytest.raises(AlreadyExists):
                store.put(release(1), "app-1", no_clobber=True)
    assert release(0) == store.read("app-0")
    stored = [] if s3_upstream == os.environ.get("S3_ENDPOINT") else ["app-1"]
    assert ["app-0", *stored] == [entry.key for entry in store.list()]


def test_a_clock_that_is_refused_is_not_asked_again(
    faulty_s3: FaultyS3, through: Through, fresh_cache: FreshCache
) -> None:
    """RequestTimeTooSkewed is told as the clock's fault, after one request."""
    faulty_s3.inject("PutObject", ErrorAnswer(403, "RequestTimeTooSkewed"))
    with pytest.raises(ClockSkewed, match="clock"):
        Store(through(attempts=5), cache=fresh_cache()).put(b"tiny", "key")
    assert 1 == len(faulty_s3.seen)
