"""What a get takes: time, processor, and bytes out of the bucket."""

from __future__ import annotations

import time

from deltaloft.store.results import Spent

__all__ = ["Meter"]


class Meter:
    """Runs from when it is made. One thread may use it."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._processor = time.process_time()
        self._fetched: int | None = None

    def fetched(self, size: int) -> None:
        """Count bytes that came out of the bucket."""
        self._fetched = (self._fetched or 0) + size

    def spent(self) -> Spent:
        """Return what has been spent so far."""
        seconds = time.perf_counter() - self._started
        processor = time.process_time() - self._processor
        return Spent(round(seconds, 6), round(processor, 6), self._fetched)
