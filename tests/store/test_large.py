"""Files of gigabytes in bounded memory. Slow: `make test-slow`."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pytest

SIZE = 5 << 30
MEBI = 1 << 20

# Does one thing with a folder store and prints how much memory of its own it took at most, in kB:
# RssAnon, for pages of mapped files are the system's to take back.
WORK = """
import sys, threading, time
from pathlib import Path
from deltaloft.store import Store

def anonymous():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])

most = 0
def watch():
    global most
    while True:
        most = max(most, anonymous())
        time.sleep(0.01)

verb, store, key, file = sys.argv[1:]
threading.Thread(target=watch, daemon=True).start()
with Store.open(store, create=True) as opened:
    if verb == "put":
        print(opened.put(Path(file), key).form)
    else:
        print(opened.get(key, Path(file)).form)
print(most)
"""


def sparse(path: Path, version: int) -> None:
    """Make a file of 5 GiB with a few islands of bytes, one of which tells the version."""
    with path.open("wb") as file:
        file.truncate(SIZE)
        for place in range(0, SIZE, SIZE // 7):
            file.seek(place)
            file.write(random.Random(place).randbytes(MEBI))
        file.seek(SIZE // 2)
        file.write(b"version %d" % version)


def worked(verb: str, store: Path, key: str, file: Path) -> tuple[str, int]:
    """Do it in a process of its own; return the form and the memory it took, in bytes."""
    command = [sys.executable, "-c", WORK, verb, str(store), key, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    form, most = done.stdout.split()
    return form, int(most) * 1024


@pytest.mark.slow
def test_five_gigabytes_take_no_more_memory_than_a_few_windows(tmp_path: Path) -> None:
    """A file and its next version go in and out; no process takes as much as an eighth of one."""
    store, file = tmp_path / "store", tmp_path / "file"
    digests = []
    for version in range(2):
        sparse(file, version)
        with file.open("rb") as opened:
            digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
        form, most = worked("put", store, f"image-{version}", file)
        assert form == "delta"
        # An index over the source may take 0.3 of its size; here nothing makes one necessary.
        assert most < SIZE / 8
    for version in range(2):
        form, most = worked("get", store, f"image-{version}", file)
        with file.open("rb") as opened:
            assert hashlib.file_digest(opened, "sha256").hexdigest() == digests[version]
        assert most < SIZE / 8
