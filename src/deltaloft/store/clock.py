"""What time it is by the bucket's own clock, and how long things took by ours."""

from __future__ import annotations

import time
from datetime import datetime

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
    """Tells how long ago it was made; time that the machine or process slept counts, too."""

    def __init__(self) -> None:
        self._started = _clocks()

    def seconds(self) -> float:
        """Return the longest time that any clock of this machine says has passed."""
        return max(now - then for now, then in zip(_clocks(), self._started, strict=True))


def _clocks() -> tuple[float, ...]:
    # The monotonic clock stands still while Linux sleeps, the clock of the day may be set back.
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    since_boot = time.monotonic() if boot is None else time.clock_gettime(boot)
    return since_boot, time.time()
