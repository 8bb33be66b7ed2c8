"""How long it takes to make a compressed file again from its content and digest.

    python benchmarks/recovery.py REFERENCE TARGET

Both are gzip, bzip2 or xz files of one folder, as DeltaGlider would have kept them; TARGET is
taken to be uploaded now.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from deltaloft.deltaglider.gzip_header import GzipHints
from deltaloft.deltaglider.inflating import inflated, kind_of
from deltaloft.deltaglider.kin import Kin
from deltaloft.deltaglider.recovery import Budget, Goal, recover
from deltaloft.deltaglider.tar_facts import TarFacts


def main() -> None:
    """Make one file again and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--seconds", type=float, default=120)
    given = parser.parse_args()
    target, reference = (memoryview(path.read_bytes()) for path in (given.target, given.reference))
    kind = kind_of(target)
    if kind is None:
        parser.error(f"{given.target}: gzip, bzip2 or xz expected")
    content = memoryview(inflated(target, kind, most=1 << 40, limit=1 << 40))
    now = datetime.now(UTC)
    inside = TarFacts()
    if kind_of(reference) == kind:
        inside = TarFacts.of(memoryview(inflated(reference, kind, most=1 << 40, limit=1 << 40)))
    kin = Kin(reference, given.reference.name, now, inside)
    sha256 = hashlib.sha256(target).hexdigest()
    before = os.times()
    goal = Goal(kind, len(target), sha256, GzipHints.of(given.target.name, now, content, kin))
    name, _ = recover(content, goal, Budget(given.seconds))
    seconds = sum(now - then for now, then in zip(os.times()[:4], before[:4], strict=True))
    print(f"{given.target.name}: {len(target):,} bytes by {name}, {seconds:.1f} CPU seconds")


if __name__ == "__main__":
    main()
