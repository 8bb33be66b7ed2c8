"""The packing half of the door: LZMA2 chunks in a hurry."""

from __future__ import annotations

from deltaloft._vcdiff import ffi, lib
from deltaloft.buffers import Buffer
from deltaloft.native.memory import pinned

__all__ = ["SHRINKING_BLOCK", "LzmaEncoder", "shrinking_blocks"]

SHRINKING_BLOCK: int = lib.VCD_SHRINKING_BLOCK


def shrinking_blocks(data: Buffer, least: int) -> bytes:
    """Return a 1 for each block of `data` whose bytes are uneven, by `least` 100ths, and else a 0.

    A block has SHRINKING_BLOCK bytes, the last one the rest.
    """
    with pinned(data) as memory:
        marks = ffi.new("uint8_t[]", len(memory) // SHRINKING_BLOCK + 1)
        count = lib.vcd_mark_shrinking(memory, len(memory), least, marks)
        return bytes(ffi.buffer(marks, count))


class LzmaEncoder:
    """The scratch space of one thread."""

    def __init__(self) -> None:
        encoder = lib.vcd_lzma_encoder_new()
        if encoder == ffi.NULL:
            raise MemoryError("LZMA encoder")
        self._encoder = ffi.gc(encoder, lib.vcd_lzma_encoder_free)

    def encode(self, data: Buffer) -> bytes:
        """Make chunks of less than 1 GiB, which stand alone and lack the end marker."""
        chunks = ffi.new("uint8_t **")
        size = ffi.new("size_t *")
        with pinned(data) as memory:
            if lib.vcd_lzma_encode(self._encoder, memory, len(memory), chunks, size) != lib.VCD_OK:
                raise MemoryError(f"LZMA of {len(memory)} bytes")
            return bytes(ffi.buffer(chunks[0], size[0]))
