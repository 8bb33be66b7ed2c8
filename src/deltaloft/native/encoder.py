"""The making half of the door: indexes over sources, and encoders of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deltaloft._vcdiff import ffi, lib
from deltaloft.native.delta import Window
from deltaloft.native.memory import Pinned

__all__ = ["WINDOW_MAX_SIZE", "Encoder", "Index", "header", "section_views", "window_header"]

WINDOW_MAX_SIZE: int = lib.VCD_WINDOW_MAX_SIZE

# "VCD" with the high bits set, version 0; then Hdr_Indicator and the compressor's id.
_MAGIC = b"\xd6\xc3\xc4\x00"
_VCD_DECOMPRESS = 0x01
_LZMA = 2


class Index:
    """An index over a source, which must outlive it, for one level.

    It is of use when `fill` has read all of the source; then threads may share it.
    """

    def __init__(self, source: Pinned, level: int) -> None:
        index = lib.vcd_index_new(source, len(source), level)
        if index == ffi.NULL:
            raise MemoryError(f"index over a source of {len(source)} bytes")
        self.pointer = ffi.gc(index, lib.vcd_index_free, size=len(source) * 9 // 32)

    def fill(self, most: int) -> int:
        """Read `most` more bytes of the source and return how many are left."""
        left: int = lib.vcd_index_fill(self.pointer, most)
        return left


class Encoder:
    """The scratch space of one thread: against one source, which must outlive it, at one level."""

    def __init__(self, source: Pinned, level: int) -> None:
        encoder = lib.vcd_encoder_new(source, len(source), level)
        if encoder == ffi.NULL:
            raise MemoryError("encoder")
        self._encoder = ffi.gc(encoder, lib.vcd_encoder_free)
        self._sections = ffi.new("struct vcd_sections *")

    def encode_window(
        self, index: Index | None, target: Pinned, start: int, size: int
    ) -> Window | None:
        """Encode up to `size` bytes of `target` from `start` as one window.

        Returns None when an index is needed for it.
        """
        window: Window = ffi.new("struct vcd_window *")
        result = lib.vcd_encode_window(
            self._encoder,
            ffi.NULL if index is None else index.pointer,
            target,
            len(target),
            start,
            size,
            window,
            self._sections,
        )
        if result == lib.VCD_NEEDS_INDEX:
            return None
        if result == lib.VCD_NO_MEMORY:
            raise MemoryError("encoder")
        return window

    def sections(self) -> tuple[memoryview, memoryview, memoryview]:
        """Lend the data, instruction and address section until the next window is encoded."""
        return section_views(self._sections)


def section_views(sections: Any) -> tuple[memoryview, memoryview, memoryview]:
    """Lend what struct vcd_sections points to."""
    return (
        _view(sections.data, sections.data_size),
        _view(sections.instructions, sections.instructions_size),
        _view(sections.addresses, sections.addresses_size),
    )


def _view(pointer: Any, size: int) -> memoryview:
    return memoryview(ffi.buffer(pointer, size)) if size > 0 else memoryview(b"")


def header(*, has_lzma: bool) -> bytes:
    """Write the header of a delta whose windows may have sections packed by LZMA."""
    return _MAGIC + (bytes([_VCD_DECOMPRESS, _LZMA]) if has_lzma else b"\x00")


def window_header(window: Window, flags: int, sizes: Sequence[int]) -> bytes:
    """Write a window's header for sections as they will follow.

    Args:
        window: From `Encoder.encode_window` or `Merger.merge_window`.
        flags: Delta_Indicator: which sections are packed.
        sizes: Of data, instructions and addresses as they will be, packed or plain.
    """
    window.delta_indicator = flags
    window.data_size, window.instruction_size, window.address_size = sizes
    room = ffi.new("uint8_t[]", lib.VCD_WINDOW_HEADER_MAX_SIZE)
    return bytes(ffi.buffer(room, lib.vcd_write_window_header(window, room)))
