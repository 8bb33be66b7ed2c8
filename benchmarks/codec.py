"""Compare codecs on pairs of artifacts: delta size, CPU, memory; every delta decoded and compared.

    python benchmarks/codec.py                          the small pairs of corpus.py
    python benchmarks/codec.py --corpus DIR --pairs 2   the first and last target of each series
    python benchmarks/codec.py --help

Prints Markdown; --json keeps every single figure. All engines see the same pairs and take turns (A
B C A B C), each call in a process of its own, one at a time; medians are shown. How each figure
comes about is told in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import corpus

REFERENCE = "xdelta3 -9"
MEASURE = Path(__file__).with_name("measure.py")


@dataclass(frozen=True)
class Engine:
    """A codec as it is called: a module in this process's Python, or a command."""

    name: str
    encode: str  # a module and its level, or a command line over {source} {target} {delta}
    decode: str = ""  # a command line over {source} {delta} {output}; "" for a module
    usual: bool = True  # taken when --engines is not given

    @property
    def in_process(self) -> bool:
        """Say whether it is a module."""
        return not self.decode

    @property
    def program(self) -> str:
        """Name the module or the command."""
        return self.encode.split()[0]

    @property
    def installed(self) -> bool:
        """Say whether it can be measured here."""
        if not self.in_process:
            return shutil.which(self.program) is not None
        probe = f"import {self.program} as e; assert getattr(e, 'available', bool)() or e.encode"
        argv = [sys.executable, "-c", probe]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0


XDELTA3_DECODE = "xdelta3 -d -D -f -s {source} {delta} {output}"
ZSTD_DECODE = "zstd -q -f -d --long=31 --patch-from={source} {delta} -o {output}"

ENGINES = [
    Engine("deltaloft fast", "deltaloft 1"),
    Engine("deltaloft", "deltaloft 6"),
    Engine("deltaloft max", "deltaloft 9"),
    Engine("xdelta3 engine", "deltaloft.xdelta3 9"),
    Engine(REFERENCE, "xdelta3 -e -9 -D -f -s {source} {target} {delta}", XDELTA3_DECODE),
    Engine("xdelta3 -1", "xdelta3 -e -1 -D -f -s {source} {target} {delta}", XDELTA3_DECODE),
    Engine(
        "zstd -3",
        "zstd -q -f -3 --long=31 --single-thread --patch-from={source} {target} -o {delta}",
        ZSTD_DECODE,
    ),
    Engine(
        "zstd -19",
        "zstd -q -f -19 --long=31 --single-thread --patch-from={source} {target} -o {delta}",
        ZSTD_DECODE,
        usual=False,
    ),
]


@dataclass(frozen=True)
class Pair:
    """A source and a target, and where they stand in the corpus."""

    kind: str
    series: str
    source: Path
    target: Path


@dataclass(frozen=True)
class Run:
    """What one engine took for one pair, once; memory in bytes, CPU in seconds."""

    engine: str
    kind: str
    series: str
    target: str
    target_size: int
    delta_size: int
    encode_cpu: float
    decode_cpu: float
    encode_memory: int | None
    decode_memory: int | None


def read_pairs(folder: Path, mode: str, classes: set[str], per_series: int) -> list[Pair]:
    """Read pairs.csv: class,series,mode,reference,target, paths relative to the folder."""
    series: dict[tuple[str, str], list[Pair]] = {}
    with (folder / "pairs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["mode"] == mode and (not classes or row["class"] in classes):
                source, target = folder / row["reference"], folder / row["target"]
                pair = Pair(row["class"], row["series"], source, target)
                series.setdefault((pair.kind, pair.series), []).append(pair)
    return [pair for pairs in series.values() for pair in spread(pairs, per_series)]


def spread(pairs: list[Pair], count: int) -> list[Pair]:
    """Choose `count` pairs, the first and the last among them; 0 for all."""
    if count == 0 or count >= len(pairs):
        return pairs
    if count == 1:
        return pairs[-1:]
    return [pairs[i * (len(pairs) - 1) // (count - 1)] for i in range(count)]


def measured(*words: str) -> tuple[float, int | None]:
    """Let measure.py do it; CPU seconds, and bytes of memory."""
    argv = [sys.executable, str(MEASURE), *words]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
    numbers = json.loads(done.stdout)
    return numbers["cpu_seconds"], numbers["memory"]


def run(engine: Engine, pair: Pair, folder: Path) -> Run:
    """Encode, decode, compare."""
    delta, output = folder / "delta", folder / "output"
    if engine.in_process:
        words = [*engine.encode.split(), str(pair.source), str(pair.target), str(delta)]
        encode_cpu, encode_memory = measured("encode", *words)
        decode_cpu, decode_memory = measured("decode", *words)
    else:
        paths = {"source": pair.source, "target": pair.target, "delta": delta, "output": output}
        encode, decode = (
            [word.format(**paths) for word in line.split()]
            for line in (engine.encode, engine.decode)
        )
        encode_cpu, encode_memory = measured("command", *encode)
        decode_cpu, decode_memory = measured("command", *decode)
        if not filecmp.cmp(pair.target, output, shallow=False):
            raise SystemExit(f"{engine.name}: {pair.target} came back changed")
        output.unlink()
    made = Run(
        engine.name,
        pair.kind,
        pair.series,
        pair.target.name,
        pair.target.stat().st_size,
        delta.stat().st_size,
        encode_cpu,
        decode_cpu,
        encode_memory,
        decode_memory,
    )
    delta.unlink()
    return made


def warm(pair: Pair) -> None:
    """Read both files, so that no engine pays for the disk."""
    for path in (pair.source, pair.target):
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass


def measure(engines: list[Engine], pairs: list[Pair], rounds: int) -> Iterator[Run]:
    """Let all engines take turns on each pair."""
    with tempfile.TemporaryDirectory(prefix="deltaloft-benchmark-") as name:
        for number, pair in enumerate(pairs, 1):
            where = f"{number}/{len(pairs)} {pair.kind}/{pair.series} {pair.target.name}"
            print(where, file=sys.stderr, flush=True)
            warm(pair)
            for _ in range(rounds):
                for engine in engines:
                    yield run(engine, pair, Path(name))


def medians(runs: Iterable[Run]) -> dict[str, float]:
    """Take the median of each figure over the runs of one engine on one pair."""
    chosen = list(runs)
    figures = {}
    for name in ("target_size", "delta_size", "encode_cpu", "decode_cpu"):
        figures[name] = median(getattr(run, name) for run in chosen)
    for name in ("encode_memory", "decode_memory"):
        values = [value for run in chosen if (value := getattr(run, name)) is not None]
        figures[name] = median(values) if values else float("nan")
    return figures


def totals(parts: list[dict[str, float]]) -> dict[str, float]:
    """Add up sizes and seconds of several pairs; of memory, take the largest."""
    names = ("target_size", "delta_size", "encode_cpu", "decode_cpu")
    added = {name: sum(part[name] for part in parts) for name in names}
    largest = {
        name: max(part[name] for part in parts) for name in ("encode_memory", "decode_memory")
    }
    return added | largest


def table(groups: dict[str, dict[str, dict[str, float]]]) -> Iterator[str]:
    """Write one Markdown table: a line for each group and engine."""
    titles = ["", "engine", "target MB", "delta B", f"to `{REFERENCE}`"]
    titles += ["encode MB/s", "decode MB/s", "encode MiB", "decode MiB"]
    yield "| " + " | ".join(titles) + " |"
    yield "| --- | --- |" + " --: |" * 7
    for group, engines in groups.items():
        base = engines.get(REFERENCE, {}).get("delta_size")
        for engine, figures in engines.items():
            size, delta = figures["target_size"], figures["delta_size"]
            columns = [
                group,
                engine,
                f"{size / 1e6:.1f}",
                f"{delta:.0f}",
                f"{delta / base:.3f}" if base else "",
                *(f"{size / 1e6 / figures[name]:.4g}" for name in ("encode_cpu", "decode_cpu")),
                *(f"{figures[name] / 2**20:.1f}" for name in ("encode_memory", "decode_memory")),
            ]
            yield "| " + " | ".join(columns) + " |"
            group = ""  # noqa: PLW2901 - named once


def grouped(runs: list[Run], by: str) -> dict[str, dict[str, dict[str, float]]]:
    """Sum up per pair, series or class: group -> engine -> figures."""
    pairs: dict[tuple[str, str, str], dict[str, list[Run]]] = {}
    for one in runs:
        engines = pairs.setdefault((one.kind, one.series, one.target), {})
        engines.setdefault(one.engine, []).append(one)
    collected: dict[str, dict[str, list[dict[str, float]]]] = {}
    for (kind, series, target), engines in pairs.items():
        group = {"pair": f"{kind}/{series} {target}", "series": f"{kind}/{series}", "class": kind}[
            by
        ]
        for engine, chosen in engines.items():
            collected.setdefault(group, {}).setdefault(engine, []).append(medians(chosen))
    return {
        group: {engine: totals(parts) for engine, parts in engines.items()}
        for group, engines in collected.items()
    }


def machine() -> dict[str, str]:
    """Describe where this runs."""
    processor = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0].split(":")[1].strip() if names else processor
    return {
        "processor": processor,
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def versions(engines: list[Engine]) -> dict[str, str]:
    """Ask each program which version it is."""
    found = {}
    for program in dict.fromkeys(engine.program for engine in engines):
        if program == "deltaloft":
            words = "from importlib.metadata import version; print(version('deltaloft'))"
            argv = [sys.executable, "-c", words]
        elif program == "deltaloft.xdelta3":
            argv = [sys.executable, "-c", "from deltaloft import xdelta3; print(xdelta3.version())"]
        else:
            argv = [program, "-V"]
        done = subprocess.run(argv, check=False, text=True, capture_output=True)
        lines = (done.stdout + done.stderr).strip().splitlines()
        found[program] = lines[0].split(",")[0] if lines and done.returncode == 0 else "unknown"
    return found


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare codecs on pairs of artifacts.")
    names = ", ".join(engine.name for engine in ENGINES)
    parser.add_argument("--corpus", type=Path, help="a folder with pairs.csv (corpus.py makes one)")
    parser.add_argument(
        "--mode", default="ref", help="ref: against the oldest; chain: the previous"
    )
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="per series; 0: all")
    parser.add_argument("--class", dest="classes", default="", help="only these, by comma")
    parser.add_argument("--runs", type=int, default=3, help="medians are over these (3)")
    parser.add_argument("--engines", default="", help=f"by comma: {names}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every figure")
    return parser.parse_args()


def chosen_engines(names: str) -> list[Engine]:
    """Choose by name, or the usual ones; say which are not installed."""
    known = {engine.name: engine for engine in ENGINES}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"engines: {', '.join(known)} expected, {', '.join(unknown)} given")
    engines = [known[name] for name in wanted] or [e for e in ENGINES if e.usual]
    for engine in engines:
        if not engine.installed:
            print(f"{engine.name}: not installed, left out", file=sys.stderr)
    return [engine for engine in engines if engine.installed]


def main() -> None:
    """Measure and print."""
    options = parsed()
    engines = chosen_engines(options.engines)
    classes = {name for name in options.classes.split(",") if name}
    with tempfile.TemporaryDirectory(prefix="deltaloft-corpus-") as name:
        folder = options.corpus
        if folder is None:
            folder = Path(name)
            corpus.make_small(folder)
        pairs = read_pairs(folder, options.mode, classes, options.pairs)
        runs = list(measure(engines, pairs, options.runs))
    command_line = " ".join(["benchmarks/codec.py", *sys.argv[1:]])
    date = time.strftime("%Y-%m-%d")
    facts = {"seed": str(corpus.SEED), **machine(), **versions(engines)}
    print(f"`{command_line}`, {date}, medians of {options.runs}\n")
    print("; ".join(f"{name} {value}" for name, value in facts.items()))
    for by in ("class", "series", "pair"):
        print(f"\n### Per {by}\n", *table(grouped(runs, by)), sep="\n")
    if options.json:
        kept = [asdict(one) for one in runs]
        content = {"command": command_line, "date": date, "facts": facts, "runs": kept}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
