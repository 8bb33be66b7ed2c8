"""A process that opens a base; started by the tests, it is told in its arguments what to do.

It says "opening" before it opens, "half" when it has passed on half of the body, and at the end
how many downloads it needed and what it got. Before the first of these it waits for a line.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from deltaloft.base_cache import BaseCache


def main(folder: str, key: str, digest: str, size: int, url: str) -> None:
    """Open one base."""

    @contextmanager
    def fetch() -> Iterator[Iterator[bytes]]:
        with urlopen(url) as answer:
            yield pieces(answer)

    def pieces(answer: object) -> Iterator[bytes]:
        passed_on = 0
        while piece := answer.read1(8192):  # type: ignore[attr-defined]
            yield piece
            if passed_on < size // 2 <= passed_on + len(piece):
                print("half", flush=True)
            passed_on += len(piece)

    cache = BaseCache(Path(folder), key=bytes.fromhex(key) or None)
    sys.stdin.readline()
    print("opening", flush=True)
    with cache.open(digest, size, fetch) as view:
        print(cache.stats.misses, hashlib.sha256(view).hexdigest(), flush=True)


main(*sys.argv[1:4], int(sys.argv[4]), sys.argv[5])
