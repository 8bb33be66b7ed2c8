"""Ctrl-C while an endpoint does not answer: a real process, a real signal, nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from commands import DG, release

from deltaloft import Store
from deltaloft.testing import Answer, Delay, Fault, FaultyS3, Forward, Request, Stall

BUCKET = "s3://interrupted"
STUCK_SECONDS = 25  # one try of ours waits for longer, and there are five


class Announced:
    """A fault that says when it has begun."""

    def __init__(self, fault: Fault) -> None:
        self.begun = threading.Event()
        self._fault = fault

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        self.begun.set()
        return self._fault(request, forward)


@pytest.fixture
def s3(faulty_s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """An S3 with a bucket of its own, which the environment names."""
    for name, value in faulty_s3.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET[5:])
    yield faulty_s3
    for listed in client.list_objects_v2(Bucket=BUCKET[5:]).get("Contents", []):
        client.delete_object(Bucket=BUCKET[5:], Key=listed["Key"])
    client.delete_bucket(Bucket=BUCKET[5:])


def interrupted(fault: Announced, *arguments: str) -> None:
    """Run `dg`, press Ctrl-C once the fault has begun, and see it end with a word."""
    process = subprocess.Popen(
        [*DG, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert fault.begun.wait(60)
        time.sleep(0.3)  # so that the other threads are under way too
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=STUCK_SECONDS)
    finally:
        process.kill()
    # click begins a new line behind the ^C of a terminal
    assert (130, "dg: interrupted\n") == (process.returncode, err.lstrip())


def left_in(folder: Path) -> set[str]:
    """Return the names of all files, hidden ones too."""
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


def test_uploads_are_aborted(s3: FaultyS3, here: Path) -> None:
    """cp --recursive with parts on their way: no unfinished upload and no object stays."""
    (here / "many").mkdir()
    for name in ("one", "two"):
        with (here / "many" / name).open("wb") as file:
            file.truncate(65 << 20)
    fault = Announced(Delay(600))
    s3.inject("UploadPart", fault, times=None)
    interrupted(fault, "cp", "--recursive", "--delta", "never", "many", f"{BUCKET}/up/")
    client = boto3.client("s3")
    assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET[5:])
    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET[5:])
    assert 2 <= len(s3.matching("AbortMultipartUpload"))


def test_downloads_leave_no_files(s3: FaultyS3, here: Path) -> None:
    """sync with bodies that stop in the middle: the folder has nothing in it."""
    with Store.open(BUCKET) as store:
        for version in range(3):
            store.put(release(version), f"app-{version}", delta="never")
    fault = Announced(Stall(1000))
    s3.inject("GetObject", fault, key="app-*", times=None)
    interrupted(fault, "sync", BUCKET, "down")
    assert set() == left_in(here / "down")


def test_a_get_leaves_no_file(s3: FaultyS3, here: Path, tmp_path: Path) -> None:
    """get of a large file with its parts stuck, and of a delta with its base stuck."""
    before = left_in(here)
    with Store.open(BUCKET) as store:
        store.put(bytes(40 << 20), "large", delta="never")
        store.put(release(0), "app-0")
        store.put(release(1), "app-1")
    fault = Announced(Stall(1000))
    s3.inject("GetObject", fault, key="large", skip=1, times=None)
    interrupted(fault, "get", f"{BUCKET}/large", "out")
    cache = tmp_path / "cache"
    for entry in cache.rglob("*"):
        if entry.is_file() and entry.name != "key":
            entry.unlink()
    fault = Announced(Stall(1000))
    s3.inject("GetObject", fault, key=".deltaloft/base/*", times=None)
    interrupted(fault, "get", f"{BUCKET}/app-1", "out")
    assert before == left_in(here)
    assert not [name for name in left_in(cache) if name.endswith(".part")]
