"""The sketching half of the door: bins that keep the least hash of what they are shown."""

from __future__ import annotations

from deltaloft._vcdiff import ffi, lib
from deltaloft.buffers import Buffer
from deltaloft.native.memory import pinned

__all__ = ["SKETCH_BINS", "Sketcher"]

SKETCH_BINS: int = lib.VCD_SKETCH_BINS


class Sketcher:
    """A row of bins in the making, for one thread."""

    def __init__(self) -> None:
        self._sketch = ffi.new("struct vcd_sketch *")
        lib.vcd_sketch_start(self._sketch)

    def add(self, data: Buffer) -> None:
        """Continue with the next bytes of a file, however they are cut."""
        with pinned(data) as memory:
            lib.vcd_sketch_add(self._sketch, memory, len(memory))

    def note(self, identity: int, size: int) -> None:
        """Take note of content of `size` bytes that 64 bits identify; time grows with `size`."""
        lib.vcd_sketch_note(self._sketch, identity, size)

    def bins(self) -> list[int | None]:
        """Return the least hash, 64 bits, of each bin, None of one that is empty."""
        least = ffi.unpack(self._sketch.least, SKETCH_BINS)
        return [None if each == lib.VCD_SKETCH_EMPTY else each for each in least]
