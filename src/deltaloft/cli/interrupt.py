"""Ctrl-C: the main thread unwinds at once; threads that are stuck get a few seconds.

first Ctrl-C     KeyboardInterrupt in the main thread, which waits for its threads to tidy up
3 s later,       what they would tidy up is taken back here, in 5 s more at most, and the
or the second    process ends with 130
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["deadline_for_interruption"]

_PATIENCE = 2.0  # seconds; a part on a slow line still ends by itself
_TAKING_BACK = 5.0


@contextmanager
def deadline_for_interruption() -> Iterator[None]:
    """See to it that a SIGINT inside the block ends the process soon, threads or not.

    The deadline holds behind the block too: Python waits for threads once more before it ends.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # who started us in the background wants no Ctrl-C
        return
    came, news = os.pipe()  # locks have no business in a handler of signals
    interrupted = told = False

    def end() -> None:
        from deltaloft.interruption import take_back_all

        os.read(came, 1)
        select.select([came], [], [], _PATIENCE)
        take_back_all(_TAKING_BACK)
        if not told:
            os.write(sys.stderr.fileno(), b"dg: interrupted\n")
        os._exit(130)

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        os.write(news, b"!")
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    threading.Thread(target=end, daemon=True).start()
    signal.signal(signal.SIGINT, handle)
    yield
    told = interrupted
