"""Files of gigabytes in bounded memory. Slow: `make test-slow`.

The one through S3 takes a Ceph RGW with room for 6 GB, named by S3_LARGE_ENDPOINT.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from neighbours import missing

SIZE = 5 << 30
MEBI = 1 << 20

# Does one thing with a store and prints how much memory it took at most, in kB: its own, and
# the pages of mapped files.
WORK = """
import sys
from pathlib import Path
from deltaloft.store import Store

verb, store, endpoint, key, file = sys.argv[1:]
with Store.open(store, create=True, endpoint_url=endpoint or None) as opened:
    if verb == "put":
        print(opened.put(Path(file), key).form)
    else:
        print(opened.get(key, Path(file)).form)
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM"):
        print(line.split()[1])
"""


def sparse(path: Path, version: int) -> None:
    """Make a file of 5 GiB with a few islands of bytes, two of which tell the version.

    The last island moves with the version: to find it again takes an index over the source.
    """
    with path.open("wb") as file:
        file.truncate(SIZE)
        for place in range(0, SIZE, SIZE // 7):
            file.seek(place)
            file.write(random.Random(place).randbytes(MEBI))
        file.seek(SIZE // 2)
        file.write(b"version %d" % version)
        file.seek(SIZE - (16 + 3 * version) * MEBI)
        file.write(random.Random("moves").randbytes(MEBI))


def worked(
    verb: str, store: Path | str, key: str, file: Path, endpoint: str = ""
) -> tuple[str, int]:
    """Do it in a process of its own; return the form and the memory it took, in bytes."""
    command = [sys.executable, "-c", WORK, verb, str(store), endpoint, key, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    form, most = done.stdout.split()
    return form, int(most) * 1024


@pytest.mark.slow
def test_five_gigabytes_take_no_more_memory_than_a_few_windows(tmp_path: Path) -> None:
    """A file and its next version go in and out; no process takes 256 MB, mapped files included."""
    store, file = tmp_path / "store", tmp_path / "file"
    digests = []
    for version in range(2):
        sparse(file, version)
        with file.open("rb") as opened:
            digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
        form, most = worked("put", store, f"image-{version}", file)
        assert form == "delta"
        assert most < 256_000_000
    for version in range(2):
        form, most = worked("get", store, f"image-{version}", file)
        with file.open("rb") as opened:
            assert hashlib.file_digest(opened, "sha256").hexdigest() == digests[version]
        assert most < 256_000_000


@pytest.mark.slow
def test_five_gigabytes_go_through_s3_in_parts(
    tmp_path: Path, new_s3_bucket: Callable[..., Any]
) -> None:
    """A base of that size would have to be in memory, so the file is stored plain: in 256 MB."""
    endpoint = os.environ.get("S3_LARGE_ENDPOINT")
    if endpoint is None:
        missing("rgw-large", "no Ceph RGW with room for 6 GB: S3_LARGE_ENDPOINT is not set")
    bucket = new_s3_bucket(endpoint)
    file = tmp_path / "file"
    sparse(file, 0)
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    form, most = worked("put", bucket.url, "image", file, endpoint)
    assert ("plain", True) == (form, most < 256_000_000)
    file.unlink()
    form, most = worked("get", bucket.url, "image", file, endpoint)
    assert ("plain", True) == (form, most < 256_000_000)
    with file.open("rb") as opened:
        assert hashlib.file_digest(opened, "sha256").hexdigest() == digest
