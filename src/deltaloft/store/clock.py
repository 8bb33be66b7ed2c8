"""What time it is by the bucket's own clock, and how long things took by ours."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Self

from deltaloft import layout
from deltaloft.bucket import Bucket

__all__ = ["Stopwatch", "bucket_time"]


def bucket_time(bucket: Bucket) -> datetime:
    """Return what time it is, or was a moment ago, for the bucket: one PUT and one HEAD.

    Raises:
        StorageError, OSError: nothing can be written there.
    """
    bucket.put(layout.CLOCK_KEY, b"", layout.index_attributes())
    return bucket.head(layout.CLOCK_KEY).modified


class Stopwatch:
    """Tells how long ago it was made; time that the machine or process slept counts, too.

    Another process can read it, on the same machine and until that starts again.
    """

    def __init__(self) -> None:
        self._started = _clocks()

    def written(self) -> str:
        """Return it as text for `read`; nothing where the system does not tell its starts apart."""
        boot = _boot()
        return "" if boot is None else " ".join([boot, *map(repr, self._started)])

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what was `written`; None if that was before this machine started, or in future."""
        boot, *started = text.split(" ")
        if boot == "" or boot != _boot() or len(started) != len(_clocks()):
            return None
        watch = cls()
        watch._started = tuple(map(float, started))
        ahead = (then > now for now, then in zip(_clocks(), watch._started, strict=True))
        return None if any(ahead) else watch

    def seconds(self) -> float:
        """Return the longest time that any clock of this machine says has passed."""
        return max(now - then for now, then in zip(_clocks(), self._started, strict=True))


def _boot() -> str | None:
    """Return a name for this run of the system; Linux has one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() or None
    except OSError:
        return None


def _clocks() -> tuple[float, ...]:
    # The monotonic clock stands still while Linux sleeps, the clock of the day may be set back.
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    since_boot = time.monotonic() if boot is None else time.clock_gettime(boot)
    return since_boot, time.time()
