"""Presigned URLs of deltas, and the copies that they need."""

from __future__ import annotations

import time
import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from contract_script import release

from deltaloft import DamagedObject, Purged

COPIES = ".deltaloft/tmp/"


@pytest.fixture
def releases(s3: Any, bucket: str) -> str:
    """A bucket with two releases."""
    for version in range(2):
        s3.put_object(
            Bucket=bucket,
            Key=f"app/app-1.{version}.bin",
            Body=release(version),
            ContentType="text/x-log",
            ContentEncoding="identity",
            Metadata={"by": "ci"},
        )
    return bucket


def presigned(s3: Any, bucket: str, key: str = "app/app-1.1.bin", seconds: int = 60) -> str:
    """Return a URL that fetches a file."""
    params = {"Bucket": bucket, "Key": key}
    return str(s3.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))


def test_whoever_has_the_url_gets_the_file(s3: Any, plain: Any, releases: str) -> None:
    """The URL of a delta gives the file, its headers and name; the copy says when it is over."""
    before = int(time.time())
    url = presigned(s3, releases)
    with urllib.request.urlopen(url) as answer:
        assert release(1) == answer.read()
        assert "text/x-log" == answer.headers["Content-Type"]
        assert "identity" == answer.headers["Content-Encoding"]
    (copy,) = plain.list_objects_v2(Bucket=releases, Prefix=COPIES)["Contents"]
    assert copy["Key"].endswith("/app-1.1.bin")
    metadata = plain.head_object(Bucket=releases, Key=copy["Key"])["Metadata"]
    assert "ci" == metadata["by"]
    assert before + 60 <= int(metadata["dl-expires"]) <= time.time() + 60


def test_plain_files_need_no_copy(s3: Any, plain: Any, bucket: str) -> None:
    """A file that is stored as itself is presigned where it is, and so is a key without one."""
    s3.put_object(Bucket=bucket, Key="small", Body=b"small")
    with urllib.request.urlopen(presigned(s3, bucket, "small")) as answer:
        assert b"small" == answer.read()
    presigned(s3, bucket, "missing")
    assert 0 == plain.list_objects_v2(Bucket=bucket, Prefix=COPIES)["KeyCount"]


def test_damage_gets_no_url(s3: Any, plain: Any, releases: str) -> None:
    """A delta that cannot be decoded leaves no copy behind."""
    stored = plain.get_object(Bucket=releases, Key="app/app-1.1.bin")
    body = stored["Body"].read()[:-1]
    kept = {"Metadata": stored["Metadata"], "ContentEncoding": stored["ContentEncoding"]}
    plain.put_object(Bucket=releases, Key="app/app-1.1.bin", Body=body, **kept)
    with pytest.raises(DamagedObject):
        presigned(s3, releases)
    assert 0 == plain.list_objects_v2(Bucket=releases, Prefix=COPIES)["KeyCount"]


def test_purging_removes_what_has_expired(s3: Any, plain: Any, releases: str) -> None:
    """Copies go when their URL is over, and not before; files stay."""
    presigned(s3, releases, seconds=1)
    presigned(s3, releases, seconds=600)
    moment = time.time() + 2
    while time.time() < moment:
        time.sleep(0.1)
    size = len(release(1))
    assert Purged(deleted=1, freed_size=size, kept=1) == s3.purge(releases)
    assert Purged(deleted=0, freed_size=0, kept=1) == s3.purge(releases)
    assert 1 == plain.list_objects_v2(Bucket=releases, Prefix=COPIES)["KeyCount"]
    assert release(1) == s3.get_object(Bucket=releases, Key="app/app-1.1.bin")["Body"].read()


def set_clock(s3: Any, ahead: timedelta) -> None:
    """Let the bucket's clock be ahead of ours."""

    def later(parsed: Any, **_: object) -> None:
        headers = parsed["ResponseMetadata"]["HTTPHeaders"]
        headers["date"] = format_datetime(datetime.now(UTC) + ahead, usegmt=True)

    s3.meta.events.register("after-call.s3.HeadObject", later)


@pytest.mark.parametrize("expires", [None, "", "soon", "-1", "9" * 100])
def test_an_expiry_without_sense_is_not_believed(
    s3: Any, plain: Any, bucket: str, expires: str | None
) -> None:
    """A copy that does not say when it is over is kept as long as any URL could live."""
    metadata = {} if expires is None else {"dl-expires": expires}
    plain.put_object(Bucket=bucket, Key=f"{COPIES}x/y", Body=b"y", Metadata=metadata)
    assert Purged(deleted=0, freed_size=0, kept=1) == s3.purge(bucket)
    set_clock(s3, timedelta(days=6))
    assert Purged(deleted=0, freed_size=0, kept=1) == s3.purge(bucket)
    set_clock(s3, timedelta(days=8))
    assert Purged(deleted=1, freed_size=1, kept=0) == s3.purge(bucket)


def test_the_buckets_clock_decides(s3: Any, releases: str) -> None:
    """A copy is over when the bucket says so, however wrong the clock of this machine is."""
    presigned(s3, releases, seconds=600)
    set_clock(s3, timedelta(seconds=700))
    assert 1 == s3.purge(releases).deleted


def test_two_may_purge_at_once(s3: Any, plain: Any, bucket: str) -> None:
    """A copy that somebody else has just removed is no error, and not counted."""
    for number in range(2):
        key, metadata = f"{COPIES}{number}/x", {"dl-expires": "1"}
        plain.put_object(Bucket=bucket, Key=key, Body=b"x", Metadata=metadata)

    def remove(**_: object) -> None:
        plain.delete_object(Bucket=bucket, Key=f"{COPIES}0/x")

    s3.meta.events.register("before-call.s3.HeadObject", remove)
    assert Purged(deleted=1, freed_size=1, kept=0) == s3.purge(bucket)
