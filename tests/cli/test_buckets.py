"""mb, rb, bucket ACLs, presign and purge."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from commands import Commands, one_line, release

AUTHENTICATED = "uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers"


@pytest.fixture
def s3(moto_endpoint: str) -> Iterator[Any]:
    """boto3's client."""
    client = boto3.client("s3", endpoint_url=moto_endpoint)
    yield client
    client.close()


@pytest.fixture
def at(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a bucket that is not there yet, on the endpoint of the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_endpoint)
    return f"s3://test-{uuid.uuid4().hex[:16]}"


def names(s3: Any) -> list[str]:
    """Return the buckets that are there."""
    return [f"s3://{each['Name']}" for each in s3.list_buckets()["Buckets"]]


def test_a_bucket_comes_and_goes(s3: Any, at: str, dg_: Commands) -> None:
    """mb makes a bucket, once; rb removes one that is empty, and says so if there is none."""
    assert dg_("mb", at) == 0
    assert dg_("mb", at) == 0
    assert at in names(s3)
    assert dg_("rb", at) == 0
    assert at not in names(s3)
    assert dg_("rb", at) == 4
    assert "no such bucket" in one_line(dg_.err)


def test_a_bucket_with_files_is_kept(s3: Any, at: str, dg_: Commands) -> None:
    """rb removes files, and bases after them, only when it is told to."""
    assert dg_("mb", at) == 0
    assert dg_("put", "app-1.0.bin", "app-1.1.bin", f"{at}/") == 0
    assert dg_("rb", at) == 1
    assert "not empty" in one_line(dg_.err)
    assert dg_("get", f"{at}/app-1.1.bin", "back") == 0
    assert release(1) == Path("back").read_bytes()
    assert dg_("rb", "--force", at) == 0
    assert at not in names(s3)


def test_old_versions_are_kept(s3: Any, at: str, dg_: Commands) -> None:
    """rb --force leaves a bucket alone whose old versions it would not remove."""
    assert dg_("mb", at) == 0
    bucket = at.removeprefix("s3://")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert dg_("rb", "--force", at) == 1
    assert "old versions" in one_line(dg_.err)
    assert b"new" == s3.get_object(Bucket=bucket, Key="k")["Body"].read()


def test_a_folder_comes_and_goes(dg_: Commands) -> None:
    """A folder is made a store and removed, with its files only by --force, and nothing else."""
    assert dg_("mb", "made") == 0
    assert dg_("put", "app-1.0.bin", "made/") == 0
    assert dg_("rb", "made") == 1
    assert "not empty" in one_line(dg_.err)
    assert dg_("rb", "--force", "made") == 0
    assert not Path("made").exists()
    Path("other").mkdir()
    Path("other/file").write_bytes(b"mine")
    assert dg_("rb", "--force", "other") != 0
    assert b"mine" == Path("other/file").read_bytes()


def test_only_whole_buckets(at: str, dg_: Commands) -> None:
    """A key, or a root, in the place of a bucket is a mistake."""
    for command in ("mb", "rb", "get-bucket-acl"):
        assert dg_(command, f"{at}/key") == 2
        assert dg_(command, at, "--root", "team") == 2
    assert dg_("get-bucket-acl", "folder-without-acl") != 0


def test_bucket_acls(s3: Any, at: str, dg_: Commands) -> None:
    """An ACL is shown as it is, and replaced by a canned one or by grants, but not by both."""
    assert dg_("mb", at) == 0
    (private,) = dg_.records("get-bucket-acl", at)
    assert ["FULL_CONTROL"] == [each["permission"] for each in private["grants"]]
    assert dg_("put-bucket-acl", at, "--acl", "public-read") == 0
    (public,) = dg_.records("get-bucket-acl", at)
    assert {"FULL_CONTROL", "READ"} == {each["permission"] for each in public["grants"]}
    assert dg_("put-bucket-acl", at, "--grant", f"WRITE={AUTHENTICATED}") == 0
    assert dg_("get-bucket-acl", at) == 0
    assert f"WRITE         {AUTHENTICATED}" in dg_.out.splitlines()
    for wrong in ([], ["--acl", "private", "--grant", f"READ={AUTHENTICATED}"],
                  ["--grant", "SHOUT=id=1"], ["--grant", 'READ=id=1",uri="x']):  # fmt: skip
        assert dg_("put-bucket-acl", at, *wrong) == 2
        one_line(dg_.err)


def test_presign_and_purge(s3: Any, at: str, dg_: Commands) -> None:
    """The URL of a delta is all that stdout has, fetches the file, and leaves a copy to purge."""
    assert dg_("mb", at) == 0
    assert dg_("put", "app-1.0.bin", "app-1.1.bin", f"{at}/") == 0
    assert dg_("presign", f"{at}/app-1.1.bin") == 0
    with urllib.request.urlopen(dg_.out.strip()) as answer:
        assert release(1) == answer.read()
    (kept,) = dg_.records("purge", at)
    assert {"deleted": 0, "freed_size": 0, "kept": 1} == kept
    bucket = at.removeprefix("s3://")
    (copy,) = s3.list_objects_v2(Bucket=bucket, Prefix=".deltaloft/tmp/")["Contents"]
    s3.copy_object(
        Bucket=bucket,
        Key=copy["Key"],
        CopySource=f"{bucket}/{copy['Key']}",
        MetadataDirective="REPLACE",
        Metadata={"dl-expires": "1"},
    )
    (purged,) = dg_.records("purge", at)
    assert {"deleted": 1, "freed_size": len(release(1)), "kept": 0} == purged


def test_presign_says_what_it_needs(at: str, dg_: Commands) -> None:
    """A folder, a bucket without a key, no bucket, and a week and a second are refused."""
    assert dg_("presign", "folder/key") == 2
    assert dg_("presign", at) == 2
    assert dg_("presign", f"{at}/key", "--expires-in", "604801") == 2
    assert dg_("presign", f"{at}/elsewhere", "--root", "team") == 2
    assert dg_("purge", f"{at}/key") == 2
    assert dg_("purge", at) == 4


def test_presign_below_a_root(s3: Any, at: str, dg_: Commands) -> None:
    """With --root, the copy lies in the store of that root, and is purged from there."""
    assert dg_("mb", at) == 0
    root = ["--root", "team"]
    assert dg_("put", "app-1.0.bin", "app-1.1.bin", f"{at}/team/", *root) == 0
    assert dg_("presign", f"{at}/team/app-1.1.bin", *root) == 0
    with urllib.request.urlopen(dg_.out.strip()) as answer:
        assert release(1) == answer.read()
    assert "/team/.deltaloft/tmp/" in dg_.out
    assert [1] == [each["kept"] for each in dg_.records("purge", f"{at}/team", *root)]
    assert [0] == [each["kept"] for each in dg_.records("purge", at)]
