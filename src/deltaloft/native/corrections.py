"""The door to corrections: what makes the stream of any program, besides its plain bytes.

plain, deflated  ── correct() ──→ corrections     of any program
plain            ── Restorer(corrections) ──→ deflated
"""

from __future__ import annotations

from functools import partial

from deltaloft._vcdiff import ffi, lib
from deltaloft.buffers import Buffer
from deltaloft.native.making import Making
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


class Restorer(Making):
    """A stream of any program that is made again, by one thread at a time.

    Args:
        corrections: What `correct` found, or a stranger's; they are kept.
    """

    def __init__(self, corrections: bytes) -> None:
        self._corrections = ffi.from_buffer("uint8_t[]", corrections)
        restorer = lib.dfl_restorer_new(self._corrections, len(corrections))
        if restorer == ffi.NULL:
            raise MemoryError("restorer")
        restorer = ffi.gc(restorer, lib.dfl_restorer_free, size=1 << 20)
        malformed = "corrections of this deflate stream expected, found others"
        super().__init__("restorer", partial(lib.dfl_restore, restorer), malformed)


def restore(plain: Buffer, corrections: bytes) -> bytes:
    """Make the stream of all of `plain`. Raises as `Restorer`."""
    restorer = Restorer(corrections)
    return b"".join((restorer.write(plain), restorer.finish()))
