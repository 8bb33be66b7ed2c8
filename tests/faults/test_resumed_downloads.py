"""A large download that was cut off is gone on with, if it can be proven; nothing of it stays."""

from __future__ import annotations

import fcntl
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from deltaloft.bucket import Attributes
from deltaloft.errors import Unreachable
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store
from deltaloft.testing import Answer, FaultyS3, Forward, LostRequest, Request

MEBI = 1 << 20
SIZE = 64 * MEBI
BROKEN_AT = 40 * MEBI  # 62 % of it
Through = Callable[..., S3Bucket]

GET = """
import sys
from pathlib import Path
from deltaloft.store import Store

url, endpoint, target = sys.argv[1:]
Store.open(url, endpoint_url=endpoint).get("key", Path(target))
"""


def version(number: int) -> bytes:
    """Return a large file; two versions differ everywhere."""
    return random.Random(number).randbytes(MEBI) * (SIZE // MEBI)


def beyond(request: Request) -> bool:
    """Say whether a request is for what lies behind the break."""
    return int(request.headers["range"][6:].partition("-")[0]) >= BROKEN_AT


def left_in(folder: Path) -> list[Path]:
    """Return the temporaries in a folder."""
    return sorted(folder.glob(".*.dg-part"))


def fetched(double: FaultyS3) -> int:
    """Return how many bytes came since the last call."""
    sent = sum(each.sent for each in double.matching("GetObject"))
    double.seen.clear()
    return sent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the target is to be."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


def broken_off(behind: S3Bucket, folder: Path, *, foreign: bool = False) -> Path:
    """Let a download end at 62 % because the line is dead; return the temporary it leaves."""
    if foreign:
        behind.put("key", version(1), Attributes())
    else:
        Store(behind).put(version(1), "key", delta="never")
    with FaultyS3(behind.client.meta.endpoint_url) as double:

        def dead(request: Request, forward: Forward) -> Answer:
            return LostRequest()(request, forward) if beyond(request) else forward(request)

        double.inject("GetObject", dead, times=None)
        config = Config(retries={"total_max_attempts": 1})
        client = boto3.client("s3", endpoint_url=double.url, config=config)
        from_here = S3Bucket(behind.url.removeprefix("s3://"), client=client)
        with pytest.raises(Unreachable):
            Store(from_here).get("key", folder / "file")
    (left,) = left_in(folder)
    return left


@pytest.mark.parametrize("s3_upstream", ["moto", "rgw"], indirect=True)
@pytest.mark.parametrize("foreign", [False, True])
def test_killed_and_run_again(
    behind: S3Bucket, through: Through, watched_s3: FaultyS3, folder: Path, foreign: bool
) -> None:
    """Killed at 62 %, the next run fetches no more than 45 %, and no litter is left."""
    if foreign:
        behind.put("key", version(1), Attributes())
    else:
        Store(behind).put(version(1), "key", delta="never")

    def silent(request: Request, forward: Forward) -> Answer:
        if beyond(request):
            request.pause()
        return forward(request)

    with FaultyS3(behind.client.meta.endpoint_url) as double:
        double.inject("GetObject", silent, times=None)
        process = subprocess.Popen(
            [sys.executable, "-c", GET, behind.url, double.url, str(folder / "file")]
        )
        until = time.monotonic() + 60
        while not (left := left_in(folder)) or done(left[0]) < BROKEN_AT:
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert left_in(folder) == left
    Store(through()).get("key", folder / "file")
    assert (folder / "file").read_bytes() == version(1)
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert fetched(watched_s3) <= 0.45 * SIZE


def done(part: Path) -> int:
    """Return how far the mark of a temporary says it is."""
    with part.open("rb") as file:
        file.seek(SIZE)
        mark = file.read()
    return int(json.loads(mark)["done"]) if mark else 0


def test_a_dead_line_leaves_what_came(
    behind: S3Bucket, through: Through, watched_s3: FaultyS3, folder: Path
) -> None:
    """After Unreachable the temporary stays for the next run, also by way of a symbolic link."""
    broken_off(behind, folder)
    (folder.parent / "link").symlink_to("folder/file")
    Store(through()).get("key", folder.parent / "link")
    assert (folder / "file").read_bytes() == version(1)
    assert (folder.parent / "link").is_symlink()
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert fetched(watched_s3) == SIZE - BROKEN_AT


def test_another_version_begins_anew(
    behind: S3Bucket, through: Through, watched_s3: FaultyS3, folder: Path
) -> None:
    """What came of a version that is replaced is thrown away, whatever the form of the new one."""
    store = Store(through())
    for content, delta in ((version(2), "never"), (b"short", "never"), (version(3), "always")):
        broken_off(behind, folder)
        Store(behind).put(content, "key", delta=delta)  # type: ignore[arg-type]
        watched_s3.seen.clear()
        store.get("key", folder / "file")
        assert (folder / "file").read_bytes() == content
        assert [path.name for path in folder.iterdir()] == ["file"]
        statuses = [each.status for each in watched_s3.matching("GetObject", key="key")]
        assert 412 == statuses[0]
        assert 412 not in statuses[1:]


def test_another_object_begins_anew(
    behind: S3Bucket, through: Through, watched_s3: FaultyS3, folder: Path
) -> None:
    """What came of one key is not used for another, though its bytes would be the same."""
    broken_off(behind, folder)
    Store(behind).put(version(1), "other", delta="never")
    Store(through()).get("other", folder / "file")
    assert (folder / "file").read_bytes() == version(1)
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert fetched(watched_s3) == SIZE


def flipped(part: Path, folder: Path) -> None:
    """Change a byte that came."""
    with part.open("r+b") as file:
        file.seek(12_345_678)
        file.write(b"\0\0\0\0")


def zeroed(part: Path, folder: Path) -> None:
    """Lose bytes, as a power failure may."""
    with part.open("r+b") as file:
        file.seek(BROKEN_AT - 4096)
        file.write(bytes(4096))


def cut(part: Path, folder: Path) -> None:
    """Lose the mark."""
    os.truncate(part, SIZE - 5)


def forged(part: Path, folder: Path) -> None:
    """Say that more came than did."""
    with part.open("r+b") as file:
        file.seek(SIZE)
        mark = json.loads(file.read())
        file.seek(SIZE)
        file.write(json.dumps({**mark, "done": SIZE - 1}).encode().ljust(512))


def nonsense(part: Path, folder: Path) -> None:
    """Put something else where the mark is."""
    with part.open("r+b") as file:
        file.seek(SIZE)
        file.write(b'{"object": {}, "etag": [], "size": "x", "done": null, "sha256": 1}'.ljust(512))


def linked(part: Path, folder: Path) -> None:
    """Keep a second name for it, by which it can be changed behind our back."""
    os.link(part, folder.parent / "second")


def of_another_user(part: Path, folder: Path) -> None:
    """Let it belong to somebody else."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(part, 12345, -1)


def symlink(part: Path, folder: Path) -> None:
    """Put a symbolic link in its place."""
    part.rename(folder.parent / "elsewhere")
    part.symlink_to("../elsewhere")


@pytest.mark.parametrize(
    "tampered", [flipped, zeroed, cut, forged, nonsense, linked, of_another_user, symlink]
)
def test_what_cannot_be_proven_begins_anew(
    behind: S3Bucket,
    through: Through,
    watched_s3: FaultyS3,
    folder: Path,
    tampered: Callable[[Path, Path], None],
) -> None:
    """Nothing proves a foreign object: what is left of one counts only if it is as we left it."""
    tampered(broken_off(behind, folder, foreign=True), folder)
    Store(through()).get("key", folder / "file")
    assert (folder / "file").read_bytes() == version(1)
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert fetched(watched_s3) == SIZE


def test_what_somebody_is_writing_is_left_alone(
    behind: S3Bucket, through: Through, watched_s3: FaultyS3, folder: Path
) -> None:
    """Two processes that get the same file do not write to the same temporary."""
    left = broken_off(behind, folder)
    with left.open("rb") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        Store(through()).get("key", folder / "file")
        assert left_in(folder) == [left]
    assert (folder / "file").read_bytes() == version(1)
    assert fetched(watched_s3) == SIZE


def test_ctrl_c_leaves_nothing(behind: S3Bucket, folder: Path) -> None:
    """Whoever interrupts a download does not want it."""
    Store(behind).put(version(1), "key", delta="never")

    def interrupt(more: int) -> None:
        nonlocal came
        came += more
        if came > BROKEN_AT:
            raise KeyboardInterrupt

    came = 0
    with pytest.raises(KeyboardInterrupt):
        Store(behind).get("key", folder / "file", progress=interrupt)
    assert list(folder.iterdir()) == []


def test_progress_of_what_is_gone_on_with(behind: S3Bucket, folder: Path) -> None:
    """Progress ends at the size of the file, whatever came before."""
    broken_off(behind, folder)
    seen: list[int] = []
    Store(behind).get("key", folder / "file", progress=seen.append)
    assert (seen[0], sum(seen)) == (BROKEN_AT, SIZE)


def test_a_device_takes_a_large_object(behind: S3Bucket, folder: Path) -> None:
    """What is no file is written to from beginning to end, and no mark is put on it."""
    Store(behind).put(version(1), "key", delta="never")
    os.mkfifo(folder / "pipe")
    with subprocess.Popen(["sha256sum", folder / "pipe"], stdout=subprocess.PIPE) as reader:
        found = Store(behind).get("key", folder / "pipe").sha256
        assert reader.stdout is not None
        assert reader.stdout.read().split()[0].decode() == found
    assert [path.name for path in folder.iterdir()] == ["pipe"]


def test_a_full_disk_leaves_the_old_file(behind: S3Bucket, folder: Path) -> None:
    """No room for a large file: an error, no litter, and what was there stays."""
    Store(behind).put(version(1), "key", delta="never")
    (folder / "file").write_bytes(b"before")

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (BROKEN_AT, BROKEN_AT))

    endpoint = behind.client.meta.endpoint_url
    run = subprocess.run(
        [sys.executable, "-c", GET, behind.url, endpoint, str(folder / "file")],
        preexec_fn=small,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "OSError: [Errno 27] File too large" in run.stderr
    assert (folder / "file").read_bytes() == b"before"
    assert [path.name for path in folder.iterdir()] == ["file"]
