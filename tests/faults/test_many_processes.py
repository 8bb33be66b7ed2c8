"""Many at once: uploads of one name, readers of one base, and what a thousand of them leave."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from faults_fixtures import FreshCache, both
from store.releases import release, sha256

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Bucket
from deltaloft.folder_bucket import FolderBucket
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store
from deltaloft.testing import Answer, FaultyS3, Forward, Request

# Does a few puts or gets in threads, all at once; prints the SHA-256 of what a get returned.
WORK = """
import hashlib, sys
from concurrent.futures import ThreadPoolExecutor
from deltaloft.store import Store

verb, url, endpoint, threads, folder, *keys = sys.argv[1:]
store = Store.open(url, endpoint_url=endpoint)

def put(key):
    store.put(f"{folder}/{key}".replace("/app", "-app"), key)

def get(key):
    return hashlib.sha256(store.read(key)).hexdigest() + " " + key

print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(int(threads)) as pool:
    said = list(pool.map({"put": put, "get": get}[verb], keys))
for line in filter(None, said):
    print(line)
"""


class Workers:
    """Processes with one cache and some keys each; they begin together."""

    def __init__(
        self, verb: str, bucket: S3Bucket, endpoint: str, folder: Path, *, threads: int = 1
    ) -> None:
        self._command = [sys.executable, "-c", WORK, verb, bucket.url, endpoint, str(threads)]
        self._folder = folder

    def run(self, shares: list[list[str]]) -> list[str]:
        """Let a process work on each share; return the lines that they print."""
        cache = {"DG_CACHE_DIR": str(self._folder / "cache")}
        processes = [
            subprocess.Popen(
                [*self._command, str(self._folder), *keys],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **cache},
            )
            for keys in shares
        ]
        ready = [each.stdout.readline() for each in processes if each.stdout]
        for each in processes:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        said = [each.communicate(timeout=100)[0] for each in processes]
        assert ["ready\n"] * len(shares) == ready
        assert [0] * len(shares) == [each.returncode for each in processes]
        return [line for text in said for line in text.splitlines()]


@both
def test_forty_uploads_of_one_name(
    s3_upstream: str, behind: S3Bucket, fresh_cache: FreshCache, tmp_path: Path
) -> None:
    """Forty versions of app.zip, put by 4 processes of 8 threads, are all there, and small."""
    keys = [f"v{number}/app.zip" for number in range(40)]
    for number in range(40):
        (tmp_path / f"v{number}-app.zip").write_bytes(release(number % 10, seed=1) + b"%d" % number)
    workers = Workers("put", behind, s3_upstream, tmp_path, threads=8)
    assert [] == workers.run([keys[n::4] for n in range(4)])
    store = Store(behind, cache=fresh_cache())
    assert sorted(keys) == [entry.key for entry in store.list()]
    for number, key in enumerate(keys):
        assert release(number % 10, seed=1) + b"%d" % number == store.read(key)
    # Who finds no base yet makes one: at worst every thread of the first moment.
    assert len({store.stat(key).base for key in keys}) <= 32


@both
def test_a_base_is_downloaded_once_per_machine(
    watched_s3: FaultyS3, behind: S3Bucket, fresh_cache: FreshCache, tmp_path: Path
) -> None:
    """Ten puts and ten gets of siblings, by 4 processes each, need one download of their base."""
    first = Store(behind, cache=fresh_cache())
    first.put(release(0), "v0/app.zip")
    base = layout.base_key(sha256(release(0)))
    keys = [f"v{number}/app.zip" for number in range(1, 11)]
    for number, key in enumerate(keys, 1):
        (tmp_path / key.replace("/", "-")).write_bytes(release(number))
    shares = [keys[n::4] for n in range(4)]
    Workers("put", behind, watched_s3.url, tmp_path, threads=3).run(shares)
    assert 1 == len(watched_s3.matching("GetObject", key=base))
    said = Workers("get", behind, watched_s3.url, tmp_path, threads=3).run(shares)
    expected = [f"{sha256(release(number))} {key}" for number, key in enumerate(keys, 1)]
    assert sorted(expected) == sorted(said)
    fetched = watched_s3.matching("GetObject", key=f"{layout.BASES_PREFIX}*")
    assert [(base, len(release(0)))] == [(each.key, each.sent) for each in fetched]


@pytest.mark.parametrize(("kind", "gets"), [("folder", 1000), ("s3", 150)])
def test_a_thousand_gets_leave_nothing_behind(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    gets: int,
) -> None:
    """After many gets to paths there are as many descriptors, threads and files as after a few."""
    scratch, target = tmp_path / "scratch", tmp_path / "target"
    scratch.mkdir()
    target.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    bucket: Bucket = (
        FolderBucket(tmp_path / "bucket", create=True)
        if kind == "folder"
        else request.getfixturevalue("behind")
    )
    store = Store(bucket, cache=BaseCache(tmp_path / "cache", key=bytes(32)))
    small = random.Random(1).randbytes(20_000)
    contents = {"a": small, "b": small[:-1] + b"!", "plain": b"tiny"}
    for key, content in contents.items():
        store.put(content, key)
    keys = list(contents)

    def left() -> tuple[int, int, list[str]]:
        files = [path.name for path in (*scratch.iterdir(), *target.iterdir())]
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), sorted(files)

    for key in 10 * keys:  # a server and a pool have found out how many connections they need
        store.get(key, target / key)
    before = left()
    for number in range(gets):
        key = keys[number % 3]
        store.get(key, target / key)
    assert before == left()
    assert contents == {key: (target / key).read_bytes() for key in keys}


def test_an_interrupted_upload_leaves_nothing(
    faulty_s3: FaultyS3, behind: S3Bucket, tmp_path: Path
) -> None:
    """Ctrl-C in the middle of an upload in parts: 130, the upload aborted, no temporary file."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (tmp_path / "film.mp4").write_bytes(random.Random(1).randbytes(1 << 20) * 100)
    started = threading.Event()

    def interrupt(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        started.wait(60)
        process.send_signal(signal.SIGINT)
        return answer

    faulty_s3.inject("UploadPart", interrupt, query={"partNumber": "2"})
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "from deltaloft.cli import main; main()", "put"),
            *(tmp_path / "film.mp4", f"{behind.url}/film.mp4", "--endpoint-url", faulty_s3.url),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    started.set()
    out, said = process.communicate(timeout=60)
    assert (130, "", "dg: interrupted") == (process.returncode, out, said.strip())
    assert 1 == len(faulty_s3.matching("AbortMultipartUpload"))
    name = behind.url.removeprefix("s3://")
    assert "Uploads" not in behind.client.list_multipart_uploads(Bucket=name)
    assert [] == list(behind.list())
    assert [] == list(scratch.iterdir())
