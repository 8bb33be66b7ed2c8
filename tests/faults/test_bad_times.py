"""Throttling, credentials that expire, endpoints that want no checksums: and what stays of it."""

from __future__ import annotations

import logging
import random
import traceback
from pathlib import Path

import pytest
from faults_fixtures import FreshCache, Through
from store.releases import release, sha256

from deltaloft import layout
from deltaloft.bases import BaseIndex
from deltaloft.errors import AccessDenied, DamagedObject, Throttled
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store
from deltaloft.testing import ChecksumsRefused, Cut, ErrorAnswer, FaultyS3, FlippedBit

SECRET = "a-secret-that-nobody-may-see"


def test_throttling_leaves_no_trace(
    faulty_s3: FaultyS3,
    through: Through,
    behind: S3Bucket,
    fresh_cache: FreshCache,
    tmp_path: Path,
) -> None:
    """However long an endpoint throttles: once it is over, the same store works as ever."""
    Store(behind, cache=fresh_cache()).put(release(0), "app-0")
    store = Store(through(), cache=fresh_cache())
    throttled = faulty_s3.inject("*", ErrorAnswer(503, "SlowDown"), times=None)
    for _ in range(20):
        for act in (
            lambda: store.put(release(1), "app-1"),
            lambda: store.put(b"tiny", "plain", no_clobber=True),
            lambda: store.get("app-0", tmp_path / "target"),
            lambda: store.stat("app-0"),
            lambda: list(store.list()),
            lambda: store.delete("app-0"),
        ):
            with pytest.raises(Throttled):
                act()
    assert {503} == {each.status for each in faulty_s3.seen}
    throttled.times = throttled.fired
    assert not (tmp_path / "target").exists()
    assert ["app-0"] == [entry.key for entry in store.list()]
    assert release(0) == store.read("app-0")
    put = store.put(release(1), "app-1")
    assert (sha256(release(0)), False) == (put.base, put.new_base)
    assert release(1) == store.read("app-1")
    assert [sha256(release(0))] == [base.sha256 for base in BaseIndex(behind).load()]


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart", "GetObject"])
def test_credentials_that_expire_are_told_without_secrets(
    faulty_s3: FaultyS3,
    behind: S3Bucket,
    through: Through,
    fresh_cache: FreshCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    operation: str,
) -> None:
    """In the middle of a transfer: AccessDenied and why; no secret in words, logs or files."""
    caplog.set_level(logging.DEBUG, "deltaloft")
    Store(behind, cache=fresh_cache()).put(release(0), "app-0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)
    store = Store(through(attempts=3), cache=fresh_cache())
    expired = ErrorAnswer(400, "ExpiredToken", "The provided token has expired")
    if operation == "GetObject":
        faulty_s3.inject(operation, Cut(after=50_000), key=layout.BASES_PREFIX + "*")
    faulty_s3.inject(
        operation,
        expired,
        key=layout.BASES_PREFIX + "*" if operation == "GetObject" else "*",
        skip=1 if operation == "UploadPart" else 0,
    )
    with pytest.raises(AccessDenied, match="the credentials have expired") as raised:
        if operation == "GetObject":
            store.get("app-0", tmp_path / "target")
        elif operation == "UploadPart":
            store.put(random.Random(1).randbytes(1 << 20) * 100, "large", delta="never")
        else:
            store.put(b"tiny", "small")
    assert SECRET not in str(raised.value)
    assert SECRET not in caplog.text
    assert SECRET not in "".join(
        line
        for each in (raised.value, raised.value.__cause__)
        for line in traceback.format_exception_only(each)
    )
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [] == [path for path in files if SECRET.encode() in path.read_bytes()]
    assert ["app-0"] == [listed.key for listed in behind.list() if not layout.is_ours(listed.key)]


def test_an_endpoint_that_wants_no_checksums(
    faulty_s3: FaultyS3, behind: S3Bucket, fresh_cache: FreshCache
) -> None:
    """None of the newer ones is sent unasked, whole or in parts; ours is enforced all the same."""
    faulty_s3.inject("*", ChecksumsRefused(), method="P*", times=None)
    name = behind.url.removeprefix("s3://")
    store = Store(S3Bucket(name, endpoint_url=faulty_s3.url), cache=fresh_cache())
    large = random.Random(1).randbytes(1 << 20) * 80
    for content, key in ((b"tiny", "tiny"), (release(0), "app"), (large, "large.mp4")):
        store.put(content, key)
        assert content == store.read(key)
    assert [] != faulty_s3.matching("UploadPart")
    faulty_s3.inject("GetObject", FlippedBit(2), key="tiny")
    with pytest.raises(DamagedObject):
        store.read("tiny")
