"""The reading half of the door: deltas, their windows, and targets.

    Delta        ── open, close ──→ headers read and checked, custom code table
    exception    ←────────────────  enum vcd_result, struct vcd_where

A `Delta` does not change once it is open, so threads may share it; close it when the last of them
is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Protocol, Self

from deltaloft._vcdiff import ffi, lib
from deltaloft.buffers import Buffer
from deltaloft.errors import DeltaError, MalformedDelta, UnsupportedDelta, WrongSource
from deltaloft.native.memory import Pinned

__all__ = ["VCD_ADLER32", "VCD_SOURCE", "VCD_TARGET", "Counts", "Delta", "Sections", "Window"]

# Bits of Win_Indicator, as in format.h.
VCD_SOURCE = 0x01
VCD_TARGET = 0x02
VCD_ADLER32 = 0x04


class Window(Protocol):
    """One window's header: struct vcd_window, whose comments say what the fields mean."""

    offset: int
    next_offset: int
    segment_position: int
    segment_size: int
    target_size: int
    data_offset: int
    data_size: int
    instruction_offset: int
    instruction_size: int
    address_offset: int
    address_size: int
    adler32: int
    indicator: int
    delta_indicator: int


class Sections(NamedTuple):
    """The three sections of a window, as plain as instructions need them."""

    data: bytes
    instructions: bytes
    addresses: bytes


class Counts(NamedTuple):
    """What the instructions of one window add up to: struct vcd_counts."""

    adds: int
    add_bytes: int
    runs: int
    run_bytes: int
    source_copies: int
    source_copy_bytes: int
    target_copies: int
    target_copy_bytes: int


class Delta:
    """A delta whose header and window headers have been read and checked.

    Attributes:
        size: Of the delta, in bytes.
        secondary: Id of the secondary compressor, 0 for none.
        code_table: NEAR and SAME size of the custom code table, or None for the default one.
        app_header: What the application header holds, or None when there is none.
        windows: How many there are.
        target_size: Of all windows together.
        source_size: What a source must have at least.
        target_segments: How many windows copy from earlier windows.
        packed_windows: How many have a section under the secondary compressor.

    Raises:
        MalformedDelta: a header breaks RFC 3284, or sections do not add up.
        UnsupportedDelta: another version than 0, or a code table we do not read.
        TypeError, BufferError: as `pinned`.
    """

    def __init__(self, delta: Buffer) -> None:
        self._table = ffi.NULL
        self._memory = ffi.from_buffer("uint8_t[]", delta)
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        where = ffi.new("struct vcd_where *")
        header = ffi.new("struct vcd_header *")
        summary = ffi.new("struct vcd_summary *")
        self.size = len(self._memory)
        result = lib.vcd_read_header(self._memory, self.size, header, where)
        if result != lib.VCD_OK:
            _fail(result, where, None, where.offset)
        result = lib.vcd_read_summary(self._memory, self.size, summary, where)
        if result != lib.VCD_OK:
            _fail(result, where, where.window, where.offset)
        self.code_table = self._read_code_table(header, where)
        self.secondary: int = header.secondary
        self.app_header = self.part(header.app_offset, header.app_size) if header.has_app else None
        self._first_window: int = header.size
        self.windows: int = summary.windows
        self.target_size: int = summary.target_size
        self.source_size: int = summary.source_size
        self.target_segments: int = summary.target_segments
        self.packed_windows: int = summary.packed_windows

    def _read_code_table(self, header: Any, where: Any) -> tuple[int, int] | None:
        if header.code_table_size == 0:
            return None
        table = ffi.new("struct vcd_code_table **")
        result = lib.vcd_code_table_new(self._memory, self.size, header, table, where)
        if result != lib.VCD_OK:
            _fail(result, where, None, where.offset)
        self._table = table[0]
        start = header.code_table_offset
        return self._memory[start], self._memory[start + 1]

    def close(self) -> None:
        """Let go of the buffer and of what C holds; the second time does nothing."""
        table, self._table = self._table, ffi.NULL
        lib.vcd_code_table_free(table)
        ffi.release(self._memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def window_headers(self) -> Iterator[Window]:
        """Yield the windows in their order."""
        where = ffi.new("struct vcd_where *")
        offset = self._first_window
        for number in range(self.windows):
            window = ffi.new("struct vcd_window *")
            result = lib.vcd_read_window(self._memory, self.size, offset, window, where)
            if result != lib.VCD_OK:  # the delta has changed since it was opened
                _fail(result, where, number, where.offset)
            yield window
            offset = window.next_offset

    def part(self, offset: int, size: int) -> bytes:
        """Copy `size` bytes out of the delta; the place comes from a header, so it is inside."""
        return bytes(ffi.buffer(self._memory + offset, size))

    def view(self, offset: int, size: int) -> memoryview:
        """Lend what `part` copies, until the delta is closed."""
        return memoryview(ffi.buffer(self._memory))[offset : offset + size]

    def decode_window(
        self,
        number: int,
        window: Window,
        sections: Sections | None,
        *,
        segments: Pinned,
        room: Pinned,
        position: int,
    ) -> None:
        """Rebuild one target window at `position` of `room`.

        Args:
            number: The window's, from 0, for messages.
            window: From `window_headers`.
            sections: None when they stand plain in the delta.
            segments: What the window's segment is a part of: the source, or the target so far.
            room: Where the target goes. May be `segments` too.
            position: Where in `room` the window begins.

        Raises:
            MalformedDelta: instructions break RFC 3284.
            WrongSource: the segment lies outside `segments`, or the Adler-32 differs.
        """
        segment = ffi.NULL
        if window.segment_size > 0:
            if window.segment_position + window.segment_size > len(segments):
                raise WrongSource(
                    f"window {number}: source of at least "
                    f"{window.segment_position + window.segment_size} bytes expected, "
                    f"found {len(segments)}",
                    window=number,
                )
            segment = segments + window.segment_position
        if position + window.target_size > len(room):  # the delta has changed since it was opened
            raise MalformedDelta(
                f"window {number}: target window larger than its header said", window=number
            )
        self.read_instructions(
            lambda *read: lib.vcd_decode_window(*read[:3], segment, room + position, read[3]),
            number,
            window,
            sections,
        )

    def count_instructions(self, number: int, window: Window, sections: Sections | None) -> Counts:
        """Count and check the instructions of one window, whose bytes are not needed.

        Raises:
            MalformedDelta: instructions break RFC 3284.
        """
        counts = ffi.new("struct vcd_counts *")
        self.read_instructions(
            lambda *read: lib.vcd_inspect_window(*read[:3], counts, read[3]),
            number,
            window,
            sections,
        )
        return Counts(*(getattr(counts, name) for name in Counts._fields))

    def read_instructions(
        self,
        reader: Callable[[Any, Any, Any, Any], int],
        number: int,
        window: Window,
        sections: Sections | None,
    ) -> None:
        """Call a reader of C with a window, its plain sections, the code table and `where`.

        Raises:
            MalformedDelta, UnsupportedDelta, WrongSource, MemoryError: what the reader answers.
        """
        where = ffi.new("struct vcd_where *")
        plain, _keep_alive = self._plain(window, sections)
        result = reader(window, plain, self._table, where)
        if result != lib.VCD_OK:
            _fail(result, where, number, self._offset(window, sections, where))

    def _plain(self, window: Window, sections: Sections | None) -> tuple[Any, Any]:
        """Return struct vcd_sections, and what must live as long as it."""
        if sections is None:
            data = self._memory + window.data_offset
            instructions = self._memory + window.instruction_offset
            addresses = self._memory + window.address_offset
            sizes = window.data_size, window.instruction_size, window.address_size
        else:
            data, instructions, addresses = (
                ffi.from_buffer("uint8_t[]", section) for section in sections
            )
            sizes = len(data), len(instructions), len(addresses)
        plain = ffi.new(
            "struct vcd_sections *",
            (data, sizes[0], instructions, sizes[1], addresses, sizes[2]),
        )
        return plain, (data, instructions, addresses)

    @staticmethod
    def _offset(window: Window, sections: Sections | None, where: Any) -> int | None:
        # Behind a compressor there is no place in the delta that we could name.
        return None if sections else window.instruction_offset + int(where.offset)


def _fail(result: int, where: Any, window: int | None, offset: int | None) -> NoReturn:
    """Raise what `result` means."""
    expected = ffi.string(where.expected).decode("ascii")
    place = "header" if window is None else f"window {window}"
    if offset is not None:
        place += f", byte {offset}"
    message = f"{place}: expected {expected}"
    if result == lib.VCD_NO_MEMORY:
        raise MemoryError(message)
    if result == lib.VCD_WRONG_SOURCE:
        raise WrongSource(message, window=window)
    kinds: dict[int, type[DeltaError]] = {
        lib.VCD_MALFORMED: MalformedDelta,
        lib.VCD_UNSUPPORTED: UnsupportedDelta,
    }
    raise kinds[result](message, window=window, offset=offset)
