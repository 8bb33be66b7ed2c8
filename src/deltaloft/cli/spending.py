"""What transfers moved and took: of one file, and of all."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deltaloft.cli.output import Output
from deltaloft.sizes import human
from deltaloft.store import GetResult, PutResult

if TYPE_CHECKING:
    from deltaloft.transfers import Done

__all__ = ["Totals", "note_spent", "tell"]


def note_spent(result: GetResult, out: Output) -> None:
    """Say what it took to restore a delta; of other files there is nothing to say."""
    if result.base is not None:
        spent, how = result.spent, result.codec or result.form
        known = spent.fetched_size is not None  # of DeltaGlider's deltas it is not
        sizes = human(result.size) + (f" from {human(spent.fetched_size or 0)} fetched" * known)
        times = _times(spent.seconds, spent.cpu_seconds)
        out.note(f"{result.key}: {how} restored {sizes}, {times}")


def tell(done: Done, out: Output, *, dry: bool, err: bool = False) -> None:
    """Say of one transfer that it is done."""
    to = "" if done.target is None else f" to {done.target}"
    line = f"{'(dryrun) ' if dry else ''}{done.verb}: {done.source}{to}"
    out.record(_record(done) | ({"dryrun": True} if dry else {}), line, err=err)


def _record(done: Done) -> dict[str, Any]:
    record = {"verb": done.verb, "source": done.source, "target": done.target, "size": done.size}
    if done.result is not None:
        told = asdict(done.result)
        record |= {name: value for name, value in told.items() if name not in ("key", "source_key")}
    if isinstance(done.result, PutResult):
        record["added_size"] = done.result.added_size
    return record


class Totals:
    """What many transfers add up to. Sizes in bytes."""

    def __init__(self) -> None:
        """Begin to count, and to measure time."""
        self._started, self._processor = time.perf_counter(), time.process_time()
        self._sums = dict.fromkeys(
            ("files", "failed", "size", "stored_size", "added_size", "fetched_size"), 0
        )
        self._last: GetResult | None = None
        self._restored = 0

    def add(self, done: Done) -> None:
        """Count a transfer, or one that failed."""
        sums, result = self._sums, done.result
        sums["files"] += 1
        if done.error is not None:
            sums["failed"] += 1
            return
        sums["size"] += (done.size or 0) if result is None else result.size
        if result is not None:
            sums["stored_size"] += result.stored_size
        if isinstance(result, PutResult):
            sums["added_size"] += result.added_size
        if isinstance(result, GetResult):
            sums["fetched_size"] += result.spent.fetched_size or 0
            if result.base is not None:
                self._last = result
                self._restored += 1

    def tell(self, out: Output, *, requests: int | None, dry: bool) -> None:
        """Write all of it for who reads JSON, with the requests that were sent."""
        seconds, processor = self._taken()
        times = {"seconds": round(seconds, 6), "cpu_seconds": round(processor, 6)}
        record = {**self._sums, "requests": requests, **times}
        out.totals(record | ({"dryrun": True} if dry else {}))

    def note(self, out: Output) -> None:
        """Say what it took to restore deltas, if there were any."""
        if self._last is not None and self._sums["files"] == 1:
            note_spent(self._last, out)
        elif self._last is not None:
            sizes = f"{human(self._sums['size'])} from {human(self._sums['fetched_size'])} fetched"
            files = f"{self._sums['files']:,} files, {self._restored:,} of them deltas"
            out.note(f"{files}: {sizes}, {_times(*self._taken())}")

    def _taken(self) -> tuple[float, float]:
        return time.perf_counter() - self._started, time.process_time() - self._processor


def _times(seconds: float, processor: float) -> str:
    return f"{seconds:.2f} s, {processor:.2f} s of CPU"
