"""The Range of a GET, and the part of a file that it names."""

from __future__ import annotations

import io
import re
from typing import Any

from deltaloft.store.object_file import ObjectFile

__all__ = ["PartReader", "range_within"]

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_PIECE = 8 << 20  # bytes that one request brings


def range_within(text: str, size: int) -> tuple[int, int] | None:
    """Return where a range starts and ends in a file of `size` bytes; None if it is outside.

    Raises:
        ValueError: not one range of bytes.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None or match[1] == match[2] == "":
        raise ValueError(f"Range: one like bytes=0-99, bytes=100- or bytes=-99, found {text!r}")
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
    else:
        start = int(match[1])
        end = size if match[2] == "" else min(size, int(match[2]) + 1)
        if match[2] != "" and int(match[2]) < start:
            raise ValueError(f"Range: the end not before the start expected, found {text!r}")
    return (start, end) if start < end else None


class PartReader(io.RawIOBase):
    """A part of a file, from its start to its end. Its first piece is read at once."""

    def __init__(self, file: ObjectFile, start: int, end: int) -> None:
        """Read `file` from `start` to `end`, and close it in the end."""
        super().__init__()
        self._file = file
        self._next = start
        self._end = end
        self._piece = memoryview(b"")
        self._fetch()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, room: Any, /) -> int:
        """Fill `room` with what comes next."""
        if not self._piece:
            self._fetch()
        view = memoryview(room).cast("B")
        size = min(len(view), len(self._piece))
        view[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()

    def _fetch(self) -> None:
        piece = self._file.read_at(self._next, min(_PIECE, self._end - self._next))
        self._next += len(piece)
        self._piece = memoryview(piece)
