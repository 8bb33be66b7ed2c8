"""Measure corrections: what streams of other programs take, and the CPU to find and use them.

    python benchmarks/corrections.py FILE [FILE]...

Each file is deflated by the programs of tests/codec/make_stream_vectors.py, which says what has to
be installed, and by zlib with settings of which we have no parameters. Prints Markdown. CPU seconds
of one thread, one run.
"""

from __future__ import annotations

import argparse
import sys
import time
import zlib
from importlib import import_module
from pathlib import Path

from deltaloft.native.corrections import correct, restore

# In place of this folder, whose deflate.py is not libdeflate's.
sys.path[0] = str(Path(__file__).parent.parent / "tests" / "codec")
streams = import_module("make_stream_vectors").streams


def odd_zlib(plain: bytes) -> dict[str, bytes]:
    """Deflate by zlib as few do."""
    settings = {
        "zlib 6, memLevel 5": (6, 15, 5, zlib.Z_DEFAULT_STRATEGY),
        "zlib 6, window of 4 KiB": (6, 12, 8, zlib.Z_DEFAULT_STRATEGY),
        "zlib 6, filtered": (6, 15, 8, zlib.Z_FILTERED),
        "zlib 6, fixed codes": (6, 15, 8, zlib.Z_FIXED),
    }
    made = {}
    for name, (level, window, mem_level, strategy) in settings.items():
        stream = zlib.compressobj(level, zlib.DEFLATED, -window, mem_level, strategy)
        made[name] = stream.compress(plain) + stream.flush()
    return made


def main() -> None:
    """Print a table for each file."""
    parser = argparse.ArgumentParser(
        description="What corrections of other programs' streams take."
    )
    parser.add_argument("files", nargs="+", type=Path)
    for file in parser.parse_args().files:
        plain = file.read_bytes()
        print(f"\n{file.name}, {len(plain):,} bytes\n")
        print("| by | deflated B | corrections B | % of deflated | % of plain | find s | use s |")
        print("| --- | --: | --: | --: | --: | --: | --: |")
        for name, deflated in {**odd_zlib(plain), **streams(plain)}.items():
            start = time.process_time()
            corrections = correct(plain, deflated, most=len(deflated))
            found = time.process_time()
            if corrections is None:
                print(f"| {name} | {len(deflated):,} | none | | | {found - start:.2f} | |")
                continue
            assert deflated == restore(plain, corrections)
            used = time.process_time()
            size = len(corrections)
            print(
                f"| {name} | {len(deflated):,} | {size:,} | {100 * size / len(deflated):.2f} "
                f"| {100 * size / len(plain):.2f} | {found - start:.2f} | {used - found:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
