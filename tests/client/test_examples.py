"""Programs as guides to boto3 show them run unchanged, but for how the client comes about."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from contract_script import release

import deltaloft


@pytest.fixture(autouse=True)
def made_by_boto3(
    moto_endpoint: str, fresh_cache: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let `boto3.client` make our clients."""
    made = []
    wrapped = boto3.client

    def client(service: str, **options: Any) -> deltaloft.Client:
        theirs = wrapped(service, **{"endpoint_url": moto_endpoint, **options})
        made.append(deltaloft.Client(theirs, cache=fresh_cache()))
        return made[-1]

    monkeypatch.setattr(boto3, "client", client)
    yield
    for each in made:
        each.close()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two releases in it, to work in."""
    monkeypatch.chdir(tmp_path)
    for version in range(2):
        (tmp_path / f"app-1.{version}.bin").write_bytes(release(version))
    return tmp_path


def upload(file_name: str, bucket: str, object_name: str | None = None) -> bool:
    """Upload a file; say whether that worked."""
    if object_name is None:
        object_name = os.path.basename(file_name)  # noqa: PTH119 - as programs do
    s3_client = boto3.client("s3")
    try:
        s3_client.upload_file(file_name, bucket, object_name)
    except (ClientError, boto3.exceptions.S3UploadFailedError) as error:
        logging.error(error)
        return False
    return True


class Percentage:
    """Progress as programs print it, in several threads maybe."""

    def __init__(self, size: int) -> None:
        self._size = float(size)
        self._seen = 0
        self._lock = threading.Lock()
        self.shown: list[str] = []

    def __call__(self, amount: int) -> None:
        """Note so many bytes more."""
        with self._lock:
            self._seen += amount
            self.shown.append(f"{self._seen / self._size * 100:.2f}%")


def test_upload(here: Path, bucket: str) -> None:
    """upload_file with a name, without one, to no bucket, with progress and ExtraArgs."""
    assert upload("app-1.0.bin", bucket)
    assert upload("app-1.1.bin", bucket, "releases/app-1.1.bin")
    assert not upload("app-1.1.bin", "no-such-bucket-of-ours")
    s3 = boto3.client("s3")
    progress = Percentage(Path("app-1.1.bin").stat().st_size)
    s3.upload_file(
        "app-1.1.bin",
        bucket,
        "again",
        ExtraArgs={"Metadata": {"mykey": "myvalue"}, "ACL": "public-read"},
        Callback=progress,
    )
    assert "100.00%" == progress.shown[-1]
    assert {"mykey": "myvalue"} == s3.head_object(Bucket=bucket, Key="again")["Metadata"]
    grants = s3.get_object_acl(Bucket=bucket, Key="again")["Grants"]
    assert {"FULL_CONTROL", "READ"} == {each["Permission"] for each in grants}


def test_file_objects(here: Path, bucket: str) -> None:
    """upload_fileobj and download_fileobj with open files."""
    s3 = boto3.client("s3")
    with open("app-1.0.bin", "rb") as f:  # noqa: PTH123 - as programs do
        s3.upload_fileobj(f, bucket, "object")
    with open("copy", "wb") as f:  # noqa: PTH123
        s3.download_fileobj(bucket, "object", f)
    assert release(0) == Path("copy").read_bytes()
    s3.download_file(bucket, "object", "FILE_NAME")
    assert release(0) == Path("FILE_NAME").read_bytes()


def test_a_missing_object(here: Path, bucket: str) -> None:
    """Code that asks for 404 in a ClientError, or for NoSuchKey, finds it."""
    s3 = boto3.client("s3")
    with pytest.raises(ClientError) as missing:
        s3.head_object(Bucket=bucket, Key="missing")
    assert "404" == missing.value.response["Error"]["Code"]
    try:
        s3.get_object(Bucket=bucket, Key="missing")
    except s3.exceptions.NoSuchKey as error:
        assert "NoSuchKey" in str(error)
    else:
        pytest.fail("NoSuchKey expected")


def test_pages(here: Path, bucket: str) -> None:
    """A paginator with PageSize, MaxItems, StartingToken, and a JMESPath."""
    s3 = boto3.client("s3")
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"foo/baz/{number}", Body=b"x" * number * 60)
    paginator = s3.get_paginator("list_objects_v2")
    pages = paginator.paginate(Bucket=bucket, PaginationConfig={"MaxItems": 3, "PageSize": 2})
    listed = [each["Key"] for page in pages for each in page["Contents"]]
    assert ["foo/baz/0", "foo/baz/1", "foo/baz/2"] == listed
    token = pages.resume_token
    rest = paginator.paginate(Bucket=bucket, PaginationConfig={"StartingToken": token})
    assert ["foo/baz/3", "foo/baz/4"] == [each["Key"] for page in rest for each in page["Contents"]]
    large = paginator.paginate(Bucket=bucket, Prefix="foo/baz").search("Contents[?Size > `100`][]")
    assert ["foo/baz/2", "foo/baz/3", "foo/baz/4"] == [each["Key"] for each in large]


def test_presigned_url(here: Path, bucket: str) -> None:
    """A presigned URL fetched by another program, and a presigned POST of boto3's."""
    s3 = boto3.client("s3")
    for version in range(2):
        s3.upload_file(f"app-1.{version}.bin", bucket, f"app-1.{version}.bin")
    response = s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "app-1.1.bin"}, ExpiresIn=3600
    )
    code = "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1]).read())"
    done = subprocess.run([sys.executable, "-c", code, response], check=True, capture_output=True)
    assert release(1) == done.stdout
    post = s3.generate_presigned_post(bucket, "posted")
    assert "posted" == post["fields"]["key"]


def test_waiting_and_copying(here: Path, bucket: str) -> None:
    """Waiters, a managed copy, and the deletion of what a listing says."""
    s3 = boto3.client("s3")
    s3.upload_file("app-1.0.bin", bucket, "mykey")
    s3.get_waiter("object_exists").wait(Bucket=bucket, Key="mykey")
    s3.copy({"Bucket": bucket, "Key": "mykey"}, bucket, "otherkey")
    assert release(0) == s3.get_object(Bucket=bucket, Key="otherkey")["Body"].read()
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": each["Key"]} for each in listed]})
    s3.get_waiter("object_not_exists").wait(Bucket=bucket, Key="mykey")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    names = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert bucket in names
