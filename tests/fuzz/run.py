"""Run the fuzzers one after the other, each for a while, and fail on any finding.

    python tests/fuzz/run.py FOLDER [--seconds 60] [--only NAME]

FOLDER holds the programs fuzz_*. Beside them, what is made here:

    seeds/deltas    the source and delta of each of tests/vectors, in the form of fuzz_input.h
    seeds/recipes   their sources and targets, in the form of fuzz_round_trip.c, for fuzz_pack.c too
    seeds/pairs     two deltas to be merged, in the form of fuzz_merge.c
    seeds/streams   their targets deflated, in the form of fuzz_inflate.c and fuzz_corrections.c
    seeds/reuses    the same, in the form of fuzz_reuse.c
    corpus/NAME     what reached something new; it grows from run to run
    findings/NAME-* inputs that broke a promise
    logs/NAME       what the fuzzer said
"""

from __future__ import annotations

import argparse
import os
import re
import struct
import subprocess
import time
import zlib
from pathlib import Path

HERE = Path(__file__).parent
VECTORS = HERE.parent / "vectors"
SEEDS = {
    "fuzz_round_trip": "recipes",
    "fuzz_pack": "recipes",
    "fuzz_merge": "pairs",
    "fuzz_inflate": "streams",
    "fuzz_corrections": "streams",
    "fuzz_reuse": "reuses",
}  # the others read deltas
MAX_SIZE = 4096

# Memory that is read before it was written holds no zeros, which would pass for an empty slot.
ASAN = "max_malloc_fill_size=16777216:malloc_fill_byte=190:detect_stack_use_after_return=1"


def delta_seed(source: bytes, delta: bytes) -> bytes:
    """Write a source and a delta as it stands."""
    return b"\0" + len(source).to_bytes(2, "big") + source + delta


def recipe_seed(source: bytes, target: bytes) -> bytes:
    """Write a source and a target as one literal each."""
    literals = [(0, source), (4, target)]
    steps = (bytes([kind]) + len(data).to_bytes(2, "big") + data for kind, data in literals)
    return b"\x01\x00" + b"\x05" + b"".join(steps)  # windows of 257 bytes, level 6


def stream_seed(plain: bytes) -> bytes:
    """Deflate a target, with fixed codes where its size is odd."""
    strategy = zlib.Z_FIXED if len(plain) % 2 else zlib.Z_DEFAULT_STRATEGY
    stream = zlib.compressobj(6, zlib.DEFLATED, -15, 8, strategy)
    return b"\0" + stream.compress(plain) + stream.flush()


def reuse_seed(stream: bytes) -> bytes:
    """Ask for two ranges of a stream, by zlib's level 6: from the beginning, and further on."""
    ranges = struct.pack(">6H", 0, 0, 100, 40, 40, 60)
    return b"\6\2" + ranges + stream


# Section 3's example of the RFC, framed by the harness: COPY 4 0, ADD 4 wxyz, COPY 4 4, COPY 12 24,
# RUN 4 z, from a segment of 16 bytes at 0. The second time with a code table, without changes.
EXAMPLE = b"\x01\x00\x10\x00\x00" + b"\x06" + bytes([20, 5, 20, 28, 0, 4]) + b"\x00wxyz\x04\x18z"
FRAMED = {
    "framed": b"\x01\x00\x10abcdefghijklmnop" + EXAMPLE,
    "framed-code-table": b"\x03\x00\x10abcdefghijklmnop" + bytes(3) + EXAMPLE,
}


def pair_seed(seed: bytes) -> bytes:
    """Write a framed seed as the first delta, and two windows for its target as the second."""
    kind, source, first = seed[0] | 0x54, seed[1:19], seed[19:]  # windows of 256 bytes
    from_target = b"\x02\x00\x0c\x00\x00" + EXAMPLE[5:]
    return bytes([kind]) + source + len(first).to_bytes(2, "big") + first + EXAMPLE + from_target


def write_seeds(folder: Path) -> None:
    """Turn tests/vectors into inputs; the larger ones are cut by the fuzzer."""
    for name in ("deltas", "recipes", "pairs", "streams", "reuses"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, seed in FRAMED.items():
        (folder / "deltas" / name).write_bytes(seed)
        (folder / "pairs" / name).write_bytes(pair_seed(seed))
    for vector in (source.parent for source in VECTORS.glob("*/source")):
        source, delta = (vector / "source").read_bytes(), (vector / "delta").read_bytes()
        if len(source) <= 0xFFFF:
            (folder / "deltas" / vector.name).write_bytes(delta_seed(source, delta))
        target = vector / "target"
        if target.exists() and max(len(source), target.stat().st_size) <= 0xFFFF:
            seed = recipe_seed(source, target.read_bytes())
            (folder / "recipes" / vector.name).write_bytes(seed)
            stream = stream_seed(target.read_bytes())
            (folder / "streams" / vector.name).write_bytes(stream)
            (folder / "reuses" / vector.name).write_bytes(reuse_seed(stream[1:]))


def run(program: Path, seconds: int) -> bool:
    """Run one fuzzer; say what it did. Returns whether it found nothing."""
    folder, name = program.parent, program.name
    corpus, findings, log = folder / "corpus" / name, folder / "findings", folder / "logs" / name
    for made in (corpus, findings, log.parent):
        made.mkdir(parents=True, exist_ok=True)
    words = [str(program), str(corpus)]
    words.append(str(folder / "seeds" / SEEDS.get(name, "deltas")))
    words += [f"-max_total_time={seconds}", f"-max_len={MAX_SIZE}", "-print_final_stats=1"]
    words += ["-timeout=20", "-rss_limit_mb=2048", "-malloc_limit_mb=512"]
    words.append(f"-artifact_prefix={findings / name}-")
    if SEEDS.get(name) not in ("recipes", "streams", "reuses"):
        words.append(f"-dict={HERE / 'vcdiff.dict'}")
    start = time.monotonic()
    with log.open("w") as output:
        environment = {**os.environ, "ASAN_OPTIONS": ASAN}
        result = subprocess.run(words, stdout=output, stderr=output, env=environment, check=False)
    took = time.monotonic() - start
    said = log.read_text(errors="replace")
    runs = re.search(r"^stat::number_of_executed_units: (\d+)", said, re.MULTILINE)
    reached = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", said)
    edges, features, inputs = reached[-1] if reached else ("0", "0", "0")
    print(
        f"{name}: {runs[1] if runs else '?'} runs in {took:.0f} s, {edges} edges, "
        f"{features} features, {inputs} inputs",
        flush=True,
    )
    if result.returncode != 0:
        print(*said.splitlines()[-60:], sep="\n")
        print(f"{name}: a finding; how to go on from here: {HERE / 'README.md'}")
    return result.returncode == 0


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Run the fuzzers, one after the other.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=60, help="for each of them")
    parser.add_argument("--only", help="the name of one of them")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    programs = sorted(p for p in folder.glob("fuzz_*") if os.access(p, os.X_OK) and p.is_file())
    if arguments.only:
        programs = [p for p in programs if p.name == arguments.only]
    if not programs:
        raise SystemExit(f"{folder}: programs named fuzz_* expected, none found")
    write_seeds(folder / "seeds")
    failed = [program.name for program in programs if not run(program, arguments.seconds)]
    if failed:
        raise SystemExit(f"findings: {', '.join(failed)}")


if __name__ == "__main__":
    main()
