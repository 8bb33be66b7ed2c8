"""The door to corrections: what makes the stream of any program, besides its plain bytes.

plain, deflated  ── correct() ──→ corrections     of any program
plain            ── Restorer(corrections) ──→ deflated
"""

from __future__ import annotations

from threading import Lock

from deltaloft._vcdiff import ffi, lib
from deltaloft.buffers import Buffer
from deltaloft.errors import MalformedDelta
from deltaloft.native.memory import pinned

__all__ = ["Restorer", "correct", "restore"]


def correct(plain: Buffer, deflated: Buffer, *, most: int) -> bytes | None:
    """Find corrections that make the stream `deflated` of `plain`.

    Whether they make the very stream is not proven: whoever needs it restores and compares.

    Args:
        plain: What the stream holds, from its first byte to its last.
        deflated: The whole stream, without what stands before and behind it.
        most: Bytes that they may have to be of use.

    Returns:
        They, or None: there are none, or more than `most` bytes of them.
    """
    corrections = bytearray(most)
    size = ffi.new("size_t *")
    with pinned(plain) as source, pinned(deflated) as target, pinned(corrections) as room:
        result = lib.dfl_correct(source, len(source), target, len(target), room, most, size)
    if result == lib.DFL_NO_MEMORY:
        raise MemoryError("corrector")
    return bytes(memoryview(corrections)[: size[0]]) if result == lib.DFL_OK else None


class Restorer:
    """One stream in the making, for one thread at a time.

    Args:
        corrections: What `correct` found, or a stranger's; they are kept.
    """

    def __init__(self, corrections: bytes) -> None:
        self._corrections = ffi.from_buffer("uint8_t[]", corrections)
        restorer = lib.dfl_restorer_new(self._corrections, len(corrections))
        if restorer == ffi.NULL:
            raise MemoryError("restorer")
        self._restorer = ffi.gc(restorer, lib.dfl_restorer_free, size=1 << 20)
        self._lock = Lock()
        self._finished = False

    def write(self, plain: Buffer) -> bytes:
        """Return what can be said of the deflated bytes by now; pieces make no difference.

        Raises:
            MalformedDelta: the corrections are not for these plain bytes; the stream is lost.
            RuntimeError: the stream is finished, or another thread is writing.
            MemoryError: there is none for the deflated bytes; the stream is lost.
        """
        return self._restore(plain, last=False)

    def finish(self) -> bytes:
        """End the stream; return the rest of its bytes. Raises as `write`."""
        return self._restore(b"", last=True)

    def _restore(self, plain: Buffer, *, last: bool) -> bytes:
        deflated, size = ffi.new("uint8_t const **"), ffi.new("size_t *")
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("a restorer works for one thread at a time")
        try:
            if self._finished:
                raise RuntimeError("a restorer that is not finished expected")
            self._finished = last
            with pinned(plain) as memory:
                result = lib.dfl_restore(self._restorer, memory, len(memory), last, deflated, size)
            self._finished |= result != lib.DFL_OK
            if result == lib.DFL_NO_MEMORY:
                raise MemoryError("deflated bytes")
            if result != lib.DFL_OK:
                raise MalformedDelta("corrections of this deflate stream expected, found others")
            return bytes(ffi.buffer(deflated[0], size[0]))
        finally:
            self._lock.release()


def restore(plain: Buffer, corrections: bytes) -> bytes:
    """Make the stream of all of `plain`. Raises as `Restorer`."""
    restorer = Restorer(corrections)
    return b"".join((restorer.write(plain), restorer.finish()))
