"""A deflated stream in the making: plain bytes go in piece by piece, deflated ones come out."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from deltaloft._vcdiff import ffi, lib
from deltaloft.buffers import Buffer
from deltaloft.errors import MalformedDelta
from deltaloft.native.memory import pinned

__all__ = ["Making"]


class Making:
    """One stream in the making, for one thread at a time.

    Args:
        maker: A word for it in errors.
        make: The function of C, bound to what it works on.
        malformed: What an error says was expected, where something of a stranger's does not fit.
    """

    def __init__(self, maker: str, make: Callable[..., Any], malformed: str) -> None:
        self._maker = maker
        self._make = make
        self._malformed = malformed
        self._lock = Lock()
        self._finished = False

    def write(self, plain: Buffer) -> bytes:
        """Take the plain bytes that come next; return what can be said of the deflated by now.

        How the plain bytes are cut into pieces makes no difference to what comes out in all. A
        piece of 64 KiB to 1 MiB keeps memory low and calls few.

        Raises:
            RuntimeError: the stream is finished, or another thread is writing.
            MemoryError: there is none for the deflated bytes; the stream is lost.
            MalformedDelta: what a stranger gave for making it does not fit; the stream is lost.
        """
        return self._made(plain, last=False)

    def finish(self) -> bytes:
        """End the stream; return the rest of its bytes. Raises as `write`."""
        return self._made(b"", last=True)

    def _made(self, plain: Buffer, *, last: bool) -> bytes:
        deflated, size = ffi.new("uint8_t const **"), ffi.new("size_t *")
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(f"a {self._maker} works for one thread at a time")
        try:
            if self._finished:
                raise RuntimeError(f"a {self._maker} that is not finished expected")
            with pinned(plain) as memory:
                result = self._make(memory, len(memory), last, deflated, size)
            self._finished = last or result != lib.DFL_OK
            if result == lib.DFL_MALFORMED:
                raise MalformedDelta(self._malformed)
            if result != lib.DFL_OK:
                raise MemoryError("deflated bytes")
            return bytes(ffi.buffer(deflated[0], size[0]))
        finally:
            if self._finished:
                self._let_go()
            self._lock.release()

    def _let_go(self) -> None:
        """Release what only making the stream needed."""
