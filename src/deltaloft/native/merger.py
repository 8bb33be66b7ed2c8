"""The merging part of the door: the windows of two deltas become those of one."""

from __future__ import annotations

from deltaloft._vcdiff import ffi, lib
from deltaloft.errors import UnsupportedDelta
from deltaloft.native.delta import VCD_ADLER32, Delta, Sections, Window
from deltaloft.native.encoder import section_views

__all__ = ["Merger"]


class Merger:
    """What two deltas say, of which no source is needed. For one thread at a time.

    The deltas must stay open for as long as windows are merged.
    """

    def __init__(self) -> None:
        merger = lib.vcd_merger_new()
        if merger == ffi.NULL:
            raise MemoryError("merger")
        self._merger = ffi.gc(merger, lib.vcd_merger_free)
        self._sections = ffi.new("struct vcd_sections *")
        self._data: list[bytes] = []  # C points into it

    def read_first(
        self, delta: Delta, number: int, window: Window, sections: Sections | None
    ) -> None:
        """Read the next window of the first delta; all of them before any of the second.

        Args:
            delta: The window's.
            number: The window's, from 0, for messages.
            window: From `Delta.window_headers`.
            sections: None when they stand plain in the delta.

        Raises:
            MalformedDelta: instructions break RFC 3284.
            UnsupportedDelta: the sizes of all targets exceed 64 bits.
            MemoryError: 40 bytes are needed for each instruction.
        """
        self._keep(sections)
        delta.read_instructions(
            lambda *read: lib.vcd_merger_read_first(self._merger, *read), number, window, sections
        )

    def read_second(
        self, delta: Delta, number: int, window: Window, sections: Sections | None
    ) -> None:
        """Read the next window of the second delta, like `read_first`.

        Raises:
            WrongSource: it copies from beyond what the first delta makes.
            MalformedDelta, UnsupportedDelta, MemoryError: as `read_first`.
        """
        self._keep(sections)
        delta.read_instructions(
            lambda *read: lib.vcd_merger_read_second(self._merger, *read), number, window, sections
        )

    def merge_window(self, start: int, size: int, adler32: int | None) -> Window:
        """Make up to `size` bytes of the last target, from `start`, one window.

        Args:
            start: In the target of the second delta; the windows there have been read.
            size: At most WINDOW_MAX_SIZE.
            adler32: Of these bytes, if known; kept if the window covers all of them.

        Raises:
            UnsupportedDelta: copies of copies explode.
            MemoryError: there is none for the window's instructions.
        """
        window: Window = ffi.new("struct vcd_window *")
        where = ffi.new("struct vcd_where *")
        result = lib.vcd_merge_window(self._merger, start, size, window, self._sections, where)
        if result == lib.VCD_NO_MEMORY:
            raise MemoryError("merger")
        if result != lib.VCD_OK:
            expected = ffi.string(where.expected).decode("ascii")
            raise UnsupportedDelta(f"expected {expected}; decode and encode again instead")
        if adler32 is not None and window.target_size == size:
            window.indicator |= VCD_ADLER32
            window.adler32 = adler32
        return window

    def sections(self) -> tuple[memoryview, memoryview, memoryview]:
        """Lend the data, instruction and address section until the next window is merged."""
        return section_views(self._sections)

    def _keep(self, sections: Sections | None) -> None:
        if sections is not None:
            self._data.append(sections.data)
