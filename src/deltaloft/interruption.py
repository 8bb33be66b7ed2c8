"""What a process takes back when it has to end while its threads are stuck.

An interrupted thread tidies up as it unwinds. One that waits for an endpoint, or is busy in C, does
not unwind soon enough for somebody who pressed Ctrl-C: then another thread does here what it would
have done, and ends the process. Nobody else calls `take_back_all`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["take_back_all", "taken_back"]

_guard = threading.Lock()
_undoings: dict[object, Callable[[], object]] = {}
_ending = threading.Event()


@contextmanager
def taken_back(undo: Callable[[], object]) -> Iterator[None]:
    """Have `undo` run if the process is ended inside the block; it says nothing of exceptions.

    `undo` may run in another thread, beside the block, and when there is nothing left to undo.

    Raises:
        KeyboardInterrupt: the process is being ended already; `undo` has run.
    """
    token = object()
    with _guard:
        _undoings[token] = undo
    if _ending.is_set():
        undo()
        raise KeyboardInterrupt
    try:
        yield
    finally:
        with _guard:
            del _undoings[token]


def take_back_all(seconds: float) -> None:
    """Undo all that is under way, within `seconds`; the process has to end right after."""
    _ending.set()
    with _guard:
        waiting = list(_undoings.values())
    threads = [threading.Thread(target=_run, args=(undo,), daemon=True) for undo in waiting]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _run(undo: Callable[[], object]) -> None:
    with suppress(Exception):
        undo()
