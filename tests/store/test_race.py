"""Several processes write at once: whatever the order, everything stays readable."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Bucket
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store

WRITERS = 4
EACH = 5

# Waits for a line, so that all writers start at the same moment.
WRITE = """
import random, sys
from pathlib import Path
from deltaloft.base_cache import BaseCache
from deltaloft.store import Store

url, endpoint, cache, writer, each = sys.argv[1:]
store = Store.open(url, endpoint_url=endpoint or None, cache=BaseCache(Path(cache), key=bytes(32)))
shared = random.Random(1).randbytes(60_000)
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(each)):
    mine = random.Random(f"{writer}-{number}").randbytes(500)
    store.put(shared + mine, f"w{writer}/app-1.{number}.bin")
    store.put(shared + mine, "contested.bin")
"""


def content(writer: int, number: int) -> bytes:
    """Return what a writer puts."""
    return random.Random(1).randbytes(60_000) + random.Random(f"{writer}-{number}").randbytes(500)


def test_first_writers_at_once_leave_everything_readable(bucket: Bucket, tmp_path: Path) -> None:
    """Processes that find an empty store each make a base: no put is lost, none is unreadable."""
    url = bucket.url
    endpoint = "" if isinstance(bucket, FolderBucket) else bucket.client.meta.endpoint_url
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, url, endpoint, tmp_path / f"c{n}", str(n), str(EACH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for n in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    store = Store(bucket, cache=BaseCache(tmp_path / "fresh", key=bytes(32)))
    for n in range(WRITERS):
        for number in range(EACH):
            assert store.read(f"w{n}/app-1.{number}.bin") == content(n, number)
    every = {content(n, number) for n in range(WRITERS) for number in range(EACH)}
    assert store.read("contested.bin") in every
    assert len(list(store.list())) == WRITERS * EACH + 1
    bases = {store.stat(entry.key).base for entry in store.list()}
    assert len(bases) <= WRITERS
