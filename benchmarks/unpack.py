"""Measure deltas that look inside deflate: their size, and what they cost.

    python benchmarks/unpack.py                               the small pairs of corpus.py
    python benchmarks/unpack.py --corpus DIR --pairs 2        first and last target of each series
    python benchmarks/unpack.py --files OLD NEW [OLD NEW]...  any files
    python benchmarks/unpack.py --help

Prints Markdown; --json keeps every figure. One thread, CPU seconds of this process, best of
--runs. Each target is decoded and compared. The columns:

    xdelta3 -9     the raw delta of Debian's program (-D: as it stands)
    VCDIFF         ours, level 6, and the CPU it takes
    unpack/1       what encode_file(unpack=True) writes, the plain delta included where that is
                   smaller; how many times smaller than xdelta3 -9; the CPU of its encode, the plain
                   one included, and of its decode
    plain MB       what the changed streams hold, and so what is deflated again
    replay MB/s    these by the CPU of the decode
    inflated       with --inflated: `xdelta3 -9` from source′ to target′, of the same streams
"""

from __future__ import annotations

import argparse
import filecmp
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import codec
import corpus

import deltaloft
from deltaloft.buffers import mapped
from deltaloft.delta_reader import is_unpacked
from deltaloft.unpack.body import read_body
from deltaloft.unpack.plan import make_plan

TAGS = re.compile(r"-(?:cp|py)\d")  # behind the version, in the name of a wheel


@dataclass(frozen=True)
class Figures:
    """What one pair took; sizes in bytes, CPU in seconds."""

    pair: str
    target_size: int
    xdelta3_size: int | None
    vcdiff_size: int
    vcdiff_cpu: float
    unpack_size: int
    encode_cpu: float
    decode_cpu: float
    plain_size: int
    inflated_size: int | None


def best_cpu(runs: int, work: Callable[[], object]) -> float:
    """Return the fewest CPU seconds that some work took."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def xdelta3_size(source: Path, target: Path, delta: Path) -> int | None:
    """Let the program encode, with all of the source in its window."""
    if shutil.which("xdelta3") is None:
        return None
    window = str(max(1 << 20, min(source.stat().st_size, (2 << 30) - 1)))
    argv = ["xdelta3", "-e", "-9", "-D", "-f", "-B", window, "-s", source, target, delta]
    subprocess.run(argv, check=True)
    return delta.stat().st_size


def inflated_size(source: Path, target: Path, folder: Path) -> int | None:
    """Measure xdelta3 on what unpack/1 encodes, too."""
    with mapped(source) as old, mapped(target) as new:
        plan = make_plan(old, new)
        if plan is None:
            return None
        before, after = folder / "source-inflated", folder / "target-inflated"
        before.write_bytes(b"".join([bytes(old), *plan.inflated]))
        after.write_bytes(b"".join(plan.pieces))
    return xdelta3_size(before, after, folder / "delta-inflated")


def plain_size(delta: Path) -> int:
    """Return what the streams of a body hold together, those inside others not counted twice."""
    with mapped(delta) as view:
        if not is_unpacked(view):
            return 0
        size = end = 0
        for stream in read_body(view).recipe.target_streams:
            if stream.start >= end:
                size, end = size + stream.end - stream.start, stream.end
        return size


def measure(
    name: str, source: Path, target: Path, folder: Path, options: argparse.Namespace
) -> Figures:
    """Encode, decode, compare one pair."""
    delta, output = folder / "delta", folder / "output"
    raw = xdelta3_size(source, target, delta)

    def encode(*, unpack: bool) -> int:
        return deltaloft.encode_file(source, target, delta, threads=1, unpack=unpack)

    vcdiff_cpu = best_cpu(options.runs, lambda: encode(unpack=False))
    vcdiff_size = delta.stat().st_size
    encode_cpu = best_cpu(options.runs, lambda: encode(unpack=True))
    decode_cpu = best_cpu(
        options.runs, lambda: deltaloft.decode_file(source, delta, output, threads=1)
    )
    if not filecmp.cmp(target, output, shallow=False):
        raise SystemExit(f"{name} came back changed")
    return Figures(
        name,
        target.stat().st_size,
        raw,
        vcdiff_size,
        vcdiff_cpu,
        delta.stat().st_size,
        encode_cpu,
        decode_cpu,
        plain_size(delta),
        inflated_size(source, target, folder) if options.inflated else None,
    )


def table(all_figures: list[Figures]) -> Iterator[str]:
    """Write Markdown: a line for each pair."""
    titles = ["", "target B", "xdelta3 -9 B", "VCDIFF B", "unpack/1 B", "times smaller"]
    titles += ["VCDIFF s", "encode s", "decode s", "plain MB", "replay MB/s", "inflated B"]
    yield "| " + " | ".join(titles) + " |"
    yield "| --- |" + " --: |" * (len(titles) - 1)
    for one in all_figures:
        raw = one.xdelta3_size
        columns = [
            one.pair,
            f"{one.target_size:,}",
            f"{raw:,}" if raw else "",
            f"{one.vcdiff_size:,}",
            f"{one.unpack_size:,}",
            f"{raw / one.unpack_size:.1f}" if raw else "",
            *(f"{value:.2f}" for value in (one.vcdiff_cpu, one.encode_cpu, one.decode_cpu)),
            f"{one.plain_size / 1e6:.1f}",
            f"{one.plain_size / 1e6 / one.decode_cpu:.0f}" if one.plain_size else "",
            f"{one.inflated_size:,}" if one.inflated_size else "",
        ]
        yield "| " + " | ".join(columns) + " |"
    times = [one.xdelta3_size / one.unpack_size for one in all_figures if one.xdelta3_size]
    if times:
        yield f"\nMedian: {median(times):.1f} times smaller than xdelta3 -9."


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure deltas that look inside deflate.")
    parser.add_argument("--corpus", type=Path, help="a folder with pairs.csv (corpus.py makes one)")
    parser.add_argument(
        "--mode", default="ref", help="ref: against the oldest; chain: the previous"
    )
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="per series; 0: all")
    parser.add_argument("--class", dest="classes", default="", help="only these, by comma")
    parser.add_argument("--series", default="", help="only these, by comma")
    parser.add_argument("--files", type=Path, nargs="+", default=[], help="pairs of files instead")
    parser.add_argument("--runs", type=int, default=1, help="the best of these counts (1)")
    parser.add_argument("--inflated", action="store_true", help="measure xdelta3 on inflated, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every figure")
    return parser.parse_args()


def pairs_of(options: argparse.Namespace, folder: Path) -> list[tuple[str, Path, Path]]:
    """Name the pairs to measure."""
    if options.files:
        files = options.files
        return [(new.name, old, new) for old, new in zip(files[::2], files[1::2], strict=True)]
    if options.corpus is None:
        corpus.make_small(folder)
    classes = {name for name in options.classes.split(",") if name}
    chosen = codec.read_pairs(options.corpus or folder, options.mode, classes, options.pairs)
    wanted = {name for name in options.series.split(",") if name}
    return [
        (f"{pair.kind}/{pair.series} {TAGS.split(pair.target.name)[0]}", pair.source, pair.target)
        for pair in chosen
        if not wanted or pair.series in wanted
    ]


def main() -> None:
    """Measure and print."""
    options = parsed()
    found: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="deltaloft-unpack-") as name:
        folder = Path(name)
        for pair, source, target in pairs_of(options, folder):
            print(pair, file=sys.stderr, flush=True)
            found.append(measure(pair, source, target, folder, options))
            if options.json:
                kept = {"machine": codec.machine(), "pairs": [asdict(one) for one in found]}
                options.json.write_text(json.dumps(kept, indent=1) + "\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
