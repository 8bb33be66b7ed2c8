"""When a new base pays: series that drift away from their base."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

import pytest

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bases import Base, noted, pays
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store

SIZE = 1_000_000


class Series:
    """Sizes of deltas between releases that each change a part of the file, up to `most` of it."""

    def __init__(self, drift: float, *, count: int = 200, most: float = 1.0) -> None:
        rng = random.Random(f"{drift} {most}")
        self._at = list(accumulate(rng.expovariate(1 / drift) for _ in range(count)))
        self._most = most
        self.count = count

    def delta(self, source: int, target: int) -> int:
        """Return the size of a delta, never less than 1 % of the file."""
        return round(SIZE * (0.01 + min(self._most, self._at[target] - self._at[source])))

    def optimum(self) -> int:
        """Return the least that all releases can take, known only in hindsight."""
        best = [0] * (self.count + 1)
        for base in reversed(range(self.count)):
            deltas = accumulate(
                (self.delta(base, each) for each in range(base + 1, self.count)), initial=0
            )
            best[base] = SIZE + min(
                total + best[base + 1 + place] for place, total in enumerate(deltas)
            )
        return best[0]

    def stored(self) -> tuple[int, list[int]]:
        """Return what all releases take by our rule, and how often each base was noted."""
        entry, base, total, notes = Base("0" * 64, SIZE), 0, SIZE, [0]
        for release in range(1, self.count):
            size = self.delta(base, release)
            if pays(entry, size=SIZE, delta_size=size):
                entry, base = Base(f"{release:064}", SIZE), release
                total += SIZE
                notes.append(0)
                continue
            total += size
            sha256 = hashlib.sha256(b"%d" % release).hexdigest()
            fresh = noted(entry, size=SIZE, delta_size=size, sha256=sha256)
            notes[-1] += fresh != entry
            entry = fresh
        return total, notes


@pytest.mark.parametrize("most", [0.4, 1.0])
@pytest.mark.parametrize("drift", [0.0005, 0.002, 0.01, 0.03, 0.1])
def test_close_to_the_optimum_in_hindsight(drift: float, most: float) -> None:
    """Slow or fast, without end or up to a limit: at most a quarter above what is possible."""
    series = Series(drift, most=most)
    total, _ = series.stored()
    assert total <= 1.25 * series.optimum()


def test_one_base_for_ever_would_be_worse() -> None:
    """The series above are such that the first base alone costs more than twice as much."""
    series = Series(0.01, most=0.4)
    first = SIZE + sum(series.delta(0, each) for each in range(1, series.count))
    assert first > 2 * series.stored()[0]


@pytest.mark.parametrize("drift", [0.0005, 0.01, 0.1])
def test_a_base_is_noted_a_few_times_in_its_life(drift: float) -> None:
    """Each note costs a request, so there are at most five, however many deltas."""
    _, notes = Series(drift).stored()
    assert max(notes) <= 5


def test_a_series_that_does_not_drift_keeps_its_base() -> None:
    """Deltas that are all of one size leave nothing for a new base to save."""
    entry = Base("0" * 64, SIZE)
    for release in range(1000):
        sha256 = hashlib.sha256(b"%d" % release).hexdigest()
        entry = noted(entry, size=SIZE, delta_size=300_000, sha256=sha256)
        assert not pays(entry, size=SIZE, delta_size=300_000)
    assert 300_000 == entry.least
    assert 0 == entry.excess


def test_more_than_half_of_the_file_is_always_a_new_base() -> None:
    """As far as a delta may go, whatever is known of the base."""
    assert not pays(Base("0" * 64, SIZE), size=SIZE, delta_size=SIZE // 2)
    assert pays(Base("0" * 64, SIZE), size=SIZE, delta_size=SIZE // 2 + 1)


def drifting(count: int) -> Sequence[bytes]:
    """Return releases of 200 kB, each with a sixteenth of the one before replaced."""
    rng = random.Random(1)
    releases = [bytearray(rng.randbytes(200_000))]
    for number in range(1, count):
        content = bytearray(releases[-1])
        place = number * 5 % 16 * 12_500
        content[place : place + 12_500] = rng.randbytes(12_500)
        releases.append(content)
    return [bytes(content) for content in releases]


def test_a_drifting_series_in_a_store(tmp_path: Path, fresh_cache: Callable[[], BaseCache]) -> None:
    """New bases are made before deltas reach half of the file; every release comes back."""
    bucket = FolderBucket(tmp_path / "bucket", create=True)
    releases = drifting(24)
    results = []
    for number, content in enumerate(releases):
        with Store(bucket, cache=fresh_cache()) as store:
            results.append(store.put(content, f"v{number}/app.bin"))
    assert 3 <= sum(result.new_base for result in results) <= 5
    largest = max(result.stored_size for result in results)
    assert largest < 0.4 * len(releases[0])
    with bucket.get(layout.INDEX_KEY) as reading:
        assert reading is not None
        entries = json.loads(b"".join(reading.chunks()))["bases"]
    assert all(12_500 <= entry["least"] < 50_000 for entry in entries[:-1])
    assert not any("excess" in entry for entry in entries[:-1])
    store = Store(bucket)
    for number, content in enumerate(releases):
        assert content == store.read(f"v{number}/app.bin")
