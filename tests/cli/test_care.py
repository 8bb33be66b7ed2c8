"""dg verify and gc: what they print, and their exit codes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import Commands, one_line, release

from deltaloft import folder_bucket
from deltaloft.bucket import Attributes
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store

BASE = hashlib.sha256(release(0)).hexdigest()


def test_verify_says_what_is_proven(store: Path, dg_: Commands) -> None:
    """A line with numbers; with --json a line for every file before it."""
    FolderBucket(store).put("foreign", b"x", Attributes())
    assert dg_("verify", "store") == 0
    assert dg_.out == "5 proven, 1 unproven, 0 failed\n"
    assert dg_.err == ""
    *files, counts = dg_.records("verify", "store")
    size = 4 * len(release(0)) + len(b"tiny") + len(b"x")
    sums = {"proven": 5, "unproven": 1, "failed": 0, "size": size, "requests": None}
    assert sums == counts
    assert {"foreign"} == {record["key"] for record in files if not record["proven"]}
    assert {"app-1.1.bin"} == {record["key"] for record in dg_.records("verify", "store/app-1.1")
                               if "key" in record}  # fmt: skip


def test_verify_names_what_is_damaged(store: Path, dg_: Commands) -> None:
    """Exit code 5, a line for each key that a damaged base takes along."""
    bucket = FolderBucket(store)
    base = f".deltaloft/base/{BASE}"
    bucket.put(base, b"not the base", bucket.head(base).attributes)
    assert dg_("verify", "store") == 5
    assert dg_.out == "1 proven, 0 unproven, 4 failed\n"
    lines = dg_.err.splitlines()
    assert 4 == len(lines)
    assert all(BASE in line for line in lines)
    assert dg_("verify", "--json", "store") == 5
    failed = [json.loads(line) for line in dg_.out.splitlines()]
    assert [f"app-1.{version}.bin" for version in range(4)] == sorted(
        record["name"] for record in failed if "error" in record
    )


def test_verify_wants_something_to_verify(store: Path, dg_: Commands) -> None:
    """No key begins with that: exit code 4. An empty store is fine."""
    assert dg_("verify", "store/nothing") == 4
    assert "nothing" in one_line(dg_.err)


@pytest.fixture
def old(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store whose only base is of no use any more, and a day old."""
    with Store.open(str(store)) as opened:
        for entry in list(opened.list()):
            opened.delete(entry.key)
    move_on(monkeypatch, days=2)
    return store


def move_on(monkeypatch: pytest.MonkeyPatch, **passed: float) -> None:
    """Let the folder's clock show a later time."""
    moment = datetime.now(UTC) + timedelta(**passed)
    monkeypatch.setattr(folder_bucket, "_now", lambda: moment)


def test_gc_says_what_it_would_do(old: Path, dg_: Commands) -> None:
    """Nothing is done without --delete."""
    assert dg_("gc", "store") == 0
    assert dg_.out.splitlines() == [
        "1 bases, 0 in use by 0 objects, 0 old versions; 0 too young, 0 protected otherwise",
        f"{BASE}   100.0 kB  would be marked, to be deleted by a run in an hour or later",
        "1 bases, 100.0 kB: would be marked, to be deleted by a run in an hour or later",
    ]
    assert (old / "bodies" / BASE[:2]).is_dir()
    (record,) = dg_.records("gc", "store")
    assert ([{"sha256": BASE, "size": 100_009}], False) == (record["marked"], record["done"])


def test_gc_deletes_in_two_runs(old: Path, dg_: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first marks, the second deletes."""
    assert dg_("gc", "--delete", "store") == 0
    move_on(monkeypatch, days=2, hours=2)
    (record,) = dg_.records("gc", "--delete", "store")
    assert ([{"sha256": BASE, "size": 100_009}], 100_009) == (
        record["deleted"],
        record["freed_size"],
    )
    assert not list(FolderBucket(old).list(".deltaloft/base/"))


def test_gc_takes_a_whole_store_and_a_time(store: Path, dg_: Commands) -> None:
    """Anything else is a mistake of usage."""
    assert dg_("gc", "store/app") == 2
    assert "whole store" in one_line(dg_.err)
    assert dg_("gc", "--grace", "soon", "store") == 2
    assert "24h" in one_line(dg_.err)
    assert dg_("gc", "--grace", "90m", "store") == 0


def test_gc_finds_protected_bases(
    dg_: Commands, moto_endpoint: str, new_s3_bucket: Callable[..., Any]
) -> None:
    """The options a file was put with find its base when the file is gone; others do not."""
    url = new_s3_bucket(moto_endpoint).url
    where = ("--endpoint-url", moto_endpoint)
    sealed = ("--sse", "aws:kms", "--sse-kms-key-id", "testkey-1")
    assert 0 == dg_("put", "app-1.0.bin", f"{url}/sealed.bin", *sealed, *where)
    assert 0 == dg_("rm", f"{url}/sealed.bin", *where)
    (record,) = dg_.records("gc", url, "--grace", "0s", *where)
    assert ([], 1) == (record["marked"], record["protected"])
    (record,) = dg_.records("gc", url, "--grace", "0s", *sealed, *where)
    assert [BASE] == [base["sha256"] for base in record["marked"]]
    assert 2 == dg_("gc", url, "--sse-kms-key-id", "testkey-1", *where)
    assert "goes with --sse" in one_line(dg_.err)
