"""cp, mv, sync and rm leave what the real `aws s3` leaves: the same keys, the same files.

Every command runs twice on equal ground: by `aws s3` on one bucket and folder, by `dg` on others.
"""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from commands import Commands
from neighbours import awscli

from deltaloft.store import Store

Tree = dict[str, bytes]

FILES = {
    "a.txt": b"a",
    "a-b": b"sorts before a/",
    "a/one.txt": b"one",
    "a/deep/two.bin": b"two",
    "logs/x.log": b"log",
    "logs/keep.txt": b"keep",
    "odd name+%41&é.txt": b"odd",
    "empty": b"",
}
KEYS = {
    "pre/a.txt": b"from the bucket",
    "pre/sub/b.txt": b"b",
    "pre/sub/c.log": b"c",
    "pre-sibling/d.txt": b"d",
    "pre.txt": b"no slash",
    "folder/": b"",
    "folder/e": b"e",
    "top": b"top",
}


@dataclass(frozen=True)
class Ground:
    """A bucket and a folder, and who works on them."""

    client: Any
    bucket: str
    folder: Path
    read: Callable[[str], bytes]

    def keys(self) -> Tree:
        """What is in the bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        listed = [each["Key"] for page in pages for each in page.get("Contents", [])]
        return {key: self.read(key) for key in listed if not key.startswith(".deltaloft/")}

    def files(self) -> Tree:
        """What is in the folder."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture(scope="session")
def aws() -> str:
    """The real awscli."""
    return awscli()


@pytest.fixture
def grounds(moto_endpoint: str, tmp_path: Path) -> Iterator[tuple[Ground, Ground]]:
    """Two buckets and folders with the same in them."""
    client: Any = boto3.client("s3", endpoint_url=moto_endpoint)
    made = []
    for name in ("aws", "dg"):
        bucket = f"test-{name}-{uuid.uuid4().hex[:12]}"
        client.create_bucket(Bucket=bucket)
        for key, content in KEYS.items():
            client.put_object(Bucket=bucket, Key=key, Body=content)
        folder = tmp_path / name
        for file, content in FILES.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (1_600_000_000, 1_600_000_000))
        opened = Store.open(f"s3://{bucket}", endpoint_url=moto_endpoint)

        def read(key: str, bucket: str = bucket, opened: Store = opened) -> bytes:
            if bucket.startswith("test-dg"):
                return opened.read(key)
            return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())

        made.append(Ground(client, bucket, folder, read))
    yield made[0], made[1]


@pytest.fixture
def both(
    aws: str, grounds: tuple[Ground, Ground], moto_endpoint: str, dg_: Commands,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[int, int]]:  # fmt: skip
    """Run a command on both grounds and compare what is there afterwards."""

    def run(*arguments: str) -> tuple[int, int]:
        theirs, ours = grounds
        given = [each.replace("BUCKET", theirs.bucket) for each in arguments]
        command = [aws, "--endpoint-url", moto_endpoint, "s3", *given, "--only-show-errors"]
        done = subprocess.run(command, cwd=theirs.folder, capture_output=True, check=False)
        monkeypatch.chdir(ours.folder)
        given = [each.replace("BUCKET", ours.bucket) for each in arguments]
        code = dg_(*given, "--endpoint-url", moto_endpoint)
        assert theirs.keys() == ours.keys(), done.stderr
        assert theirs.files() == ours.files(), done.stderr
        return done.returncode, code

    return run


UNCHANGED = [
    ("cp", "a.txt", "s3://BUCKET/new/", "--dryrun"),
    ("sync", ".", "s3://BUCKET/pre", "--delete", "--dryrun"),
    ("rm", "s3://BUCKET/pre", "--recursive", "--dryrun"),
    ("mv", "s3://BUCKET/top", "here", "--dryrun"),
    ("rm", "s3://BUCKET/never-there"),
    ("cp", "s3://BUCKET/none/", "there", "--recursive"),
    ("cp", ".", "s3://BUCKET/f", "--recursive", "--include", "*.txt", "--exclude", "*"),
]

CHANGED = [
    # names: a slash at the end keeps the source's
    ("cp", "a.txt", "s3://BUCKET/new/"),
    ("cp", "a.txt", "s3://BUCKET/new"),
    ("cp", "a.txt", "s3://BUCKET"),
    ("cp", "a.txt", "s3://BUCKET/"),
    ("cp", "odd name+%41&é.txt", "s3://BUCKET/x/"),
    ("cp", "empty", "s3://BUCKET/x/"),
    ("cp", "s3://BUCKET/pre/a.txt", "."),
    ("cp", "s3://BUCKET/pre/a.txt", "renamed"),
    ("cp", "s3://BUCKET/pre/a.txt", "a"),
    ("cp", "s3://BUCKET/pre/a.txt", "new/dir/"),
    ("cp", "s3://BUCKET/pre/a.txt", "new/dir/name"),
    ("cp", "s3://BUCKET/top", "s3://BUCKET/copied/"),
    ("cp", "s3://BUCKET/top", "s3://BUCKET/copied"),
    # all below a folder or prefix, and not its siblings
    ("cp", "a", "s3://BUCKET/new", "--recursive"),
    ("cp", "a/", "s3://BUCKET/new/", "--recursive"),
    ("cp", ".", "s3://BUCKET", "--recursive"),
    ("cp", "s3://BUCKET/pre", "got", "--recursive"),
    ("cp", "s3://BUCKET/pre/", "got/", "--recursive"),
    ("cp", "s3://BUCKET", "got", "--recursive"),
    ("cp", "s3://BUCKET/pre", "s3://BUCKET/copied", "--recursive"),
    # filters: the last one that matches decides, and * matches slashes
    ("cp", ".", "s3://BUCKET/f", "--recursive", "--exclude", "*", "--include", "*.txt"),
    ("cp", ".", "s3://BUCKET/f", "--recursive", "--exclude", "a/*", "--include", "a/deep/*"),
    ("cp", ".", "s3://BUCKET/f", "--recursive", "--exclude", "logs/*", "--include=logs/k*"),
    ("cp", ".", "s3://BUCKET/f", "--recursive", "--exclude", "?.txt", "--exclude", "[e-l]*"),
    ("cp", "s3://BUCKET/pre", "got", "--recursive", "--exclude", "*.log"),
    # moving
    ("mv", "a.txt", "s3://BUCKET/moved/"),
    ("mv", "s3://BUCKET/top", "."),
    ("mv", "s3://BUCKET/top", "s3://BUCKET/other"),
    ("mv", "a", "s3://BUCKET/moved", "--recursive"),
    ("mv", "s3://BUCKET/pre", "got", "--recursive", "--exclude", "*.log"),
    ("mv", "s3://BUCKET/pre", "s3://BUCKET/moved", "--recursive"),
    # removing
    ("rm", "s3://BUCKET/top"),
    ("rm", "s3://BUCKET/pre", "--recursive"),
    ("rm", "s3://BUCKET/pre/", "--recursive", "--exclude", "*", "--include", "sub/*"),
    ("rm", "s3://BUCKET/folder", "--recursive"),
    ("rm", "s3://BUCKET", "--recursive", "--exclude", "pre*"),
    # syncing
    ("sync", ".", "s3://BUCKET/pre"),
    ("sync", ".", "s3://BUCKET/pre", "--delete"),
    ("sync", ".", "s3://BUCKET/pre", "--delete", "--exclude", "sub/*"),
    ("sync", "a", "s3://BUCKET/pre/", "--delete", "--exclude", "*", "--include", "*.bin"),
    ("sync", "s3://BUCKET/pre", "."),
    ("sync", "s3://BUCKET/pre", ".", "--delete"),
    ("sync", "s3://BUCKET/pre", "a", "--delete", "--exclude", "deep/*"),
    ("sync", "s3://BUCKET/pre", "new"),
    ("sync", "s3://BUCKET/pre", "s3://BUCKET/pre-sibling", "--delete"),
    ("sync", "s3://BUCKET/pre", "s3://BUCKET/synced"),
]


@pytest.mark.parametrize("command", CHANGED, ids=" ".join)
def test_the_same_is_left(
    command: tuple[str, ...], both: Callable[..., tuple[int, int]], grounds: tuple[Ground, Ground]
) -> None:
    """A command succeeds for both, and changes something."""
    before = grounds[1].keys(), grounds[1].files()
    assert (0, 0) == both(*command)
    assert before != (grounds[1].keys(), grounds[1].files())


@pytest.mark.parametrize("command", UNCHANGED, ids=" ".join)
def test_nothing_is_changed(
    command: tuple[str, ...], both: Callable[..., tuple[int, int]], grounds: tuple[Ground, Ground]
) -> None:
    """A command with nothing to do, or --dryrun, succeeds for both and changes nothing."""
    before = grounds[1].keys(), grounds[1].files()
    assert (0, 0) == both(*command)
    assert before == (grounds[1].keys(), grounds[1].files())


@pytest.mark.parametrize(
    "command",
    [
        ("cp", "never-there", "s3://BUCKET/x"),
        ("cp", "a", "s3://BUCKET/x"),
        ("cp", "s3://BUCKET/never-there", "x"),
        ("cp", "never-there", "s3://BUCKET/x", "--recursive"),
        ("sync", "never-there", "s3://BUCKET/x", "--delete"),
        ("cp", "a.txt", "b.txt"),
        ("mv", "s3://BUCKET/top", "s3://BUCKET/top"),
    ],
    ids=" ".join,
)
def test_failure_is_failure(
    command: tuple[str, ...], both: Callable[..., tuple[int, int]], grounds: tuple[Ground, Ground]
) -> None:
    """What cannot be done changes nothing and has another code than 0, for both."""
    before = grounds[1].keys(), grounds[1].files()
    theirs, ours = both(*command)
    assert 0 not in (theirs, ours)
    assert before == (grounds[1].keys(), grounds[1].files())


def test_the_second_sync_does_nothing(
    both: Callable[..., tuple[int, int]], grounds: tuple[Ground, Ground], dg_: Commands,
    moto_endpoint: str,
) -> None:  # fmt: skip
    """After a sync, up and down, there is nothing left to do."""
    where = ["--endpoint-url", moto_endpoint]
    url = f"s3://{grounds[1].bucket}/up"
    both("sync", ".", "s3://BUCKET/up")
    assert [] == dg_.transfers("sync", ".", url, *where)
    both("sync", "s3://BUCKET/pre", "down")
    assert [] == dg_.transfers("sync", f"s3://{grounds[1].bucket}/pre", "down", *where)
    both("sync", "s3://BUCKET/up", "up again")
    assert [] == dg_.transfers("sync", url, "up again", *where)


def test_sync_compares_contents_where_the_store_knows_them(
    both: Callable[..., tuple[int, int]], grounds: tuple[Ground, Ground], dg_: Commands,
    moto_endpoint: str,
) -> None:  # fmt: skip
    """Same size: older files with other bytes are copied, newer ones with the same are not."""
    where = ["--endpoint-url", moto_endpoint]
    ours = grounds[1]
    url = f"s3://{ours.bucket}/up"
    both("sync", ".", "s3://BUCKET/up")
    (ours.folder / "a.txt").write_bytes(b"b")
    os.utime(ours.folder / "a.txt", (1_500_000_000, 1_500_000_000))
    os.utime(ours.folder / "a-b", (4_000_000_000, 4_000_000_000))
    assert [f"{url}/a.txt"] == [each["target"] for each in dg_.transfers("sync", ".", url, *where)]
    assert b"b" == ours.keys()["up/a.txt"]
    assert [] == dg_.transfers("sync", ".", url, *where)


LISTED = [
    ("s3://BUCKET",),
    ("s3://BUCKET/",),
    ("s3://BUCKET/pre",),
    ("s3://BUCKET/pre/",),
    ("s3://BUCKET/pre/sub",),
    ("s3://BUCKET/folder/",),
    ("s3://BUCKET/pre", "--recursive", "--summarize"),
    ("s3://BUCKET", "--recursive"),
    ("s3://BUCKET/pre/", "--summarize"),
    ("s3://BUCKET/none",),
]


@pytest.mark.parametrize("command", LISTED, ids=" ".join)
def test_the_same_is_listed(
    command: tuple[str, ...], aws: str, grounds: tuple[Ground, Ground], moto_endpoint: str,
    dg_: Commands,
) -> None:  # fmt: skip
    """Keys, folders, sizes and totals are those of `aws s3 ls`; ours has stored sizes besides."""
    bucket = grounds[0].bucket
    given = [each.replace("BUCKET", bucket) for each in command]
    theirs = subprocess.run(
        [aws, "--endpoint-url", moto_endpoint, "s3", "ls", *given],
        capture_output=True,
        text=True,
        check=False,
    )
    code = dg_("ls", *given, "--endpoint-url", moto_endpoint)
    assert (theirs.returncode == 0) == (code == 0)
    ours = [re.sub(r"^(\S+ \S+ +\d+) +\d+", r"\1", line) for line in dg_.out.splitlines()]
    ours = [line for line in ours if "Total Stored" not in line]
    # a page of aws has its folders first
    assert sorted(each.split() for each in theirs.stdout.splitlines()) == sorted(
        each.split() for each in ours
    )


def test_the_same_buckets_are_listed(
    aws: str, grounds: tuple[Ground, Ground], moto_endpoint: str, dg_: Commands
) -> None:
    """Without a URL, ls lists buckets, by date and name."""
    command = [aws, "--endpoint-url", moto_endpoint, "s3", "ls"]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True)
    assert dg_("ls", "--endpoint-url", moto_endpoint) == 0
    assert grounds[0].bucket in dg_.out
    assert [each.split() for each in theirs.stdout.splitlines()] == [
        each.split() for each in dg_.out.splitlines()
    ]
    assert dg_("ls", "--endpoint-url", "nonsense") == 2
    assert dg_("ls", "--endpoint-url", "http://127.0.0.1:9") == 1


def test_between_a_bucket_and_a_folder(
    new_s3_bucket: Callable[..., Any], moto_endpoint: str, store: Path, dg_: Commands
) -> None:
    """The endpoint and the root are the bucket's; the folder beside it takes no notice."""
    bucket = new_s3_bucket(moto_endpoint)
    options = ["--endpoint-url", moto_endpoint, "--root", "team"]
    url, folder = f"{bucket.url}/team/kept/", store.as_uri()
    assert 0 == dg_("cp", f"{folder}/", url, "--recursive", *options)
    assert 0 == dg_("mv", f"{url}tiny", f"{folder}/back/", *options)
    assert b"tiny" == Store.open(folder).read("back/tiny")
    there = Store.open(f"{bucket.url}/team", endpoint_url=moto_endpoint)
    assert [f"kept/app-1.{n}.bin" for n in range(4)] == [each.key for each in there.list()]
