"""How fast the cache of bases is: its cipher alone, a first open, a second one.

    python benchmarks/cache.py [--size MIB] [--runs N] [--folder PATH]

Each row is the best of N runs, and the rows take turns. "first open" hashes, encrypts and writes
what it is given from memory; "second open" reads and proves it in a new cache object, out of the
page cache of the kernel. Memory is fresh in both, as it is in a process that opens one base.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from random import Random

from cryptography import __version__ as cryptography_version

from deltaloft.base_cache import BaseCache
from deltaloft.encrypted_file import CHUNK_SIZE, EncryptedReader, EncryptedWriter

PIECE = 1 << 20


class Nowhere(RawIOBase):
    """A file that takes everything and keeps nothing."""

    def write(self, data: memoryview) -> int:
        """Take it."""
        return len(data)


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--size", type=int, default=256, metavar="MIB")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--folder", type=Path, help="where the entries go; a temporary folder")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        measure(Path(folder), given.size << 20, given.runs)


def measure(folder: Path, size: int, runs: int) -> None:
    """Print the best of `runs` for a base of `size` bytes."""
    content = memoryview(b"".join(Random(n).randbytes(PIECE) for n in range(size // PIECE)))
    digest = hashlib.sha256(content).hexdigest()
    key = os.urandom(32)
    plain = folder / "encrypted"
    target = memoryview(bytearray(size))

    @contextmanager
    def fetch() -> Iterator[Iterator[memoryview]]:
        yield (content[start : start + PIECE] for start in range(0, size, PIECE))

    def encrypt(file: object) -> None:
        writer = EncryptedWriter(file, key=key, sha256=digest, size=size)
        writer.write(content)
        writer.finish()

    def decrypt() -> None:
        with plain.open("rb", buffering=0) as file:
            EncryptedReader(file, key=key, sha256=digest, size=size).read_into(target)

    def open_base() -> None:
        with BaseCache(folder / "cache", key=key, budget=2 * size).open(digest, size, fetch):
            pass

    def first_open() -> None:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        open_base()

    with plain.open("wb", buffering=0) as file:
        encrypt(file)
    rows: dict[str, Callable[[], object]] = {
        "SHA-256 alone": lambda: hashlib.sha256(content),
        "encrypt": lambda: encrypt(Nowhere()),
        "decrypt from the page cache": decrypt,
        "first open": first_open,
        "second open": open_base,
    }
    best = dict.fromkeys(rows, float("inf"))
    for _ in range(runs):
        for name, run in rows.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    print(
        f"{size >> 20} MiB, chunks of {CHUNK_SIZE >> 10} KiB, best of {runs}; {platform.machine()}"
    )
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, ", end="")
    print(f"cryptography {cryptography_version}\n")
    print("|  | GB/s | ms |\n| --- | ---: | ---: |")
    for name, seconds in best.items():
        print(f"| {name} | {size / seconds / 1e9:.1f} | {seconds * 1e3:.0f} |")


if __name__ == "__main__":
    main()
