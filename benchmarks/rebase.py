"""How well bases are chosen, and when a new one is made: on real series and on made-up ones.

    python benchmarks/rebase.py FOLDER...      each folder holds the releases of one thing

Releases are taken in order of the numbers in their names. For each pair of a series a delta is
made; from these sizes follows what any choice of bases would have cost. Three tables are printed:

    estimates    how near the sketches come to the sizes of deltas, and what choosing the base by
                 sketch among all earlier releases costs, against choosing the best one
    bases        what a series takes, by several rules of when to make a new base, against the
                 optimum, which knows all releases in advance; "store" is a Store in a folder,
                 with names that say nothing
    speed        SHA-256 and the sketch, in one pass

Sizes are those of level 6; "plain" is the optimum's share of plain storage. In the tables, drift
x% is a series of 200 releases that each change x % of the file; "to 40%" ends there.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from statistics import mean

from deltaloft import bases, codec
from deltaloft.bases import Base
from deltaloft.sketch import Sketch, SketchWriter, inside
from deltaloft.store import Store

Rule = Callable[[Base, int, int], bool]


@dataclass(frozen=True)
class Series:
    """Sizes of releases, of deltas between any two, and what the store took for them, if known."""

    name: str
    sizes: Sequence[int]
    deltas: dict[tuple[int, int], int]
    stored: int | None = None

    def optimum(self) -> int:
        """Return the least that all releases take, when deltas are from the latest base."""
        best = [0] * (len(self.sizes) + 1)
        for base in reversed(range(len(self.sizes))):
            rest = (self.deltas[base, each] for each in range(base + 1, len(self.sizes)))
            totals = accumulate(rest, initial=self.sizes[base])
            best[base] = min(total + best[base + 1 + n] for n, total in enumerate(totals))
        return best[0]

    def by(self, rule: Rule, *, notes: bool = True) -> tuple[int, int, int]:
        """Return what all releases take by a rule, the number of bases, and of notes."""
        entries: dict[int, Base] = {}
        total = written = 0
        for release, size in enumerate(self.sizes):
            found = min(entries, key=lambda base: self.deltas[base, release], default=None)
            delta = 0 if found is None else self.deltas[found, release]
            if found is None or rule(entries[found], size, delta):
                entries[release] = Base(f"{release:064}", size)
                if found is not None and delta <= 0.5 * size:
                    entries[found] = replace(entries[found], excess=0)
                total += size
                continue
            total += delta
            entry = entries[found]
            sha256 = hashlib.sha256(f"{self.name} {release}".encode()).hexdigest()
            entries[found] = bases.noted(entry, size=size, delta_size=delta, sha256=sha256)
            written += entries[found] != entry
        return total, len(entries), written


RULES: dict[str, Rule] = {
    "first base only": lambda base, size, delta: False,
    "delta > 50 %": lambda base, size, delta: delta > 0.5 * size,
    "delta > 40 %": lambda base, size, delta: delta > 0.4 * size,
    "delta > 20 %": lambda base, size, delta: delta > 0.2 * size,
    "ours": lambda base, size, delta: bases.pays(base, size=size, delta_size=delta),
}


def drifting(drift: float, limit: float, *, count: int = 200, size: int = 10**6) -> Series:
    """Make up a series: what a delta adds to 1 % grows with the distance, up to a limit."""
    rng = random.Random(f"{drift} {limit}")
    at = list(accumulate(rng.expovariate(1 / drift) for _ in range(count)))
    deltas = {
        (a, b): round(size * (0.01 + min(limit, at[b] - at[a])))
        for b in range(count)
        for a in range(b)
    }
    name = f"drift {100 * drift:g}%" + (f" to {100 * limit:g}%" if limit < 1 else "")
    return Series(name, [size] * count, deltas)


def in_order(path: Path) -> list[str | int]:
    """Return a key that sorts version 9 before version 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def measured(folder: Path) -> tuple[Series, list[str]]:
    """Make all deltas of a series and store it; return that and its row of estimates."""
    releases = [path.read_bytes() for path in sorted(folder.iterdir(), key=in_order)]
    sizes = list(map(len, releases))
    sketches = [sketch_of(content) for content in releases]
    deltas = {
        (a, b): len(codec.encode(releases[a], releases[b]))
        for b in range(len(releases))
        for a in range(b)
    }
    with tempfile.TemporaryDirectory() as place, Store.open(place, create=True) as store:
        results = [store.put(content, f"{n}/x") for n, content in enumerate(releases)]
    series = Series(folder.name, sizes, deltas, sum(result.added_size for result in results))
    return series, estimates(series, sketches)


def sketch_of(content: bytes) -> Sketch:
    """Return a file's sketch."""
    writer = SketchWriter()
    writer.write(content)
    return Sketch(writer.row(), inside(memoryview(content)))


def estimates(series: Series, sketches: Sequence[Sketch]) -> list[str]:
    """Return a row: pairs, mean delta, mean error of its estimate, and what the choice costs."""
    errors, shares, taken, best = [], [], 0, 0
    for release, size in enumerate(series.sizes[1:], 1):
        known = [Base(f"{n:064}", series.sizes[n], sketch=str(sketches[n])) for n in range(release)]
        found = bases.ranked(known, key="x", size=size, of=sketches[release])
        for each in found:
            real = series.deltas[int(each.base.sha256), release] / size
            errors.append(abs(each.estimated_size / size - real))
            shares.append(real)
        taken += series.deltas[int(found[0].base.sha256), release]
        best += min(series.deltas[n, release] for n in range(release))
    return [
        series.name,
        str(len(errors)),
        f"{mean(shares):.3f}",
        f"{mean(errors):.3f}",
        f"{taken / best:.3f}",
    ]


def speed() -> list[list[str]]:
    """Measure one pass of 64 MiB in pieces of 1 MiB, with and without the sketch."""
    content = random.Random(1).randbytes(64 << 20)
    pieces = [content[place : place + (1 << 20)] for place in range(0, len(content), 1 << 20)]
    rows = []
    for name, sketching in (("SHA-256", False), ("SHA-256 and sketch", True)):
        times = []
        for _ in range(5):
            start = time.process_time()
            digest, writer = hashlib.sha256(), SketchWriter()
            for piece in pieces:
                digest.update(piece)
                if sketching:
                    writer.write(piece)
            times.append(time.process_time() - start)
        rows.append([name, f"{len(content) / min(times) / 1e9:.2f}"])
    return rows


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print Markdown."""
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    found = [measured(folder) for folder in parser.parse_args().folders]
    if found:
        head = ["series", "pairs", "mean delta", "mean error", "chosen / best"]
        table(head, [row for _, row in found])
    made_up = [
        drifting(drift, limit) for limit in (1.0, 0.4) for drift in (0.0005, 0.002, 0.01, 0.03, 0.1)
    ]
    rows = []
    for series in [*(series for series, _ in found), *made_up]:
        optimum = series.optimum()
        costs = [series.by(rule) for rule in RULES.values()]
        store = "" if series.stored is None else f"{series.stored / optimum:.2f}"
        rows.append([
            series.name,
            str(len(series.sizes)),
            f"{optimum / sum(series.sizes):.2f}",
            *(f"{total / optimum:.2f}" for total, _, _ in costs),
            store,
            *map(str, costs[-1][1:]),
        ])  # fmt: skip
    table(["series", "releases", "plain", *RULES, "store", "bases", "notes"], rows)
    table(["pass", "GB/s"], speed())


if __name__ == "__main__":
    main()
