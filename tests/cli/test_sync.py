"""dg sync: what it reads, and what it asks for."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import Commands, release

from deltaloft.bucket import Attributes
from deltaloft.testing import FaultyS3

REAL_TIME_NS = time.time_ns


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three seconds pass after files were written."""
    monkeypatch.setattr(time, "time_ns", lambda: REAL_TIME_NS() + 3_000_000_000)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_what_was_read_is_not_read_again(
    store: Path, here: Path, tmp_path: Path, dg_: Commands, direction: str
) -> None:
    """A sync relies on what it knows of unchanged files, and reads all if told to."""
    url = f"file://{store}/up/"
    (here / "files").mkdir()
    for version in range(3):
        (here / f"app-1.{version}.bin").rename(here / "files" / f"app-1.{version}.bin")
    command = ("sync", "files", url) if direction == "up" else ("sync", url, "files")
    assert 0 == dg_("sync", "files", url)
    assert [] == dg_.transfers(*command)
    # No file has this digest: who finds them changed has believed what is remembered.
    with sqlite3.connect(tmp_path / "cache" / "deltaloft" / "files-1.sqlite") as database:
        assert 3 == database.execute("UPDATE files SET sha256 = ?", ("f" * 64,)).rowcount
    assert 3 == len(dg_.transfers(*command, "--dryrun"))
    assert [] == dg_.transfers(*command, "--dryrun", "--reread")
    assert [] == dg_.transfers(*command)


def test_a_change_is_seen_all_the_same(store: Path, here: Path, dg_: Commands) -> None:
    """Other bytes of the same size and with the same mtime are uploaded."""
    url = f"file://{store}/up/"
    command = ("sync", ".", url, "--exclude", "store/*")
    assert 0 == dg_(*command)
    path = here / "app-1.2.bin"
    before = path.stat()
    path.write_bytes(release(7))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [f"{url}app-1.2.bin"] == [record["target"] for record in dg_.transfers(*command)]
    assert 0 == dg_("get", f"{url}app-1.2.bin", "got")
    assert release(7) == Path("got").read_bytes()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_foreign_objects_are_compared_without_a_question(
    here: Path,
    dg_: Commands,
    watched_s3: FaultyS3,
    new_s3_bucket: Callable[..., Any],
    direction: str,
) -> None:
    """The listing knows that they have no digest: a HEAD each is its own, and there are no more."""
    bucket = new_s3_bucket(watched_s3.url)
    (here / "files").mkdir()
    for number in range(5):
        (here / "files" / f"f{number}").write_bytes(b"same size")
        os.utime(here / "files" / f"f{number}", (1_000_000_000, 1_000_000_000))
        bucket.put(f"f{number}", b"SAME SIZE", Attributes())
    sides = ["files", bucket.url] if direction == "up" else [bucket.url, "files"]
    command = ("sync", *sides, "--endpoint-url", watched_s3.url)
    before = len(watched_s3.matching("HeadObject"))
    changed = dg_.transfers(*command, "--dryrun")
    assert 5 == len(watched_s3.matching("HeadObject")) - before
    if direction == "up":  # time decides: the objects are younger
        assert [] == changed
