"""A body that is being put: bytes or a file, whole or in parts, more than once if need be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from deltaloft.bucket_requests import view_of
from deltaloft.buffers import Buffer
from deltaloft.errors import InputChanged, InvalidRequest
from deltaloft.s3_bucket.multipart import IN_MEMORY, Part

__all__ = ["Content"]


class Content:
    """A body that can be sent more than once."""

    def __init__(self, body: Buffer | BinaryIO, where: str) -> None:
        """Take bytes, or a file from its position to its end; `where` is for messages.

        Raises:
            InvalidRequest: the file cannot seek.
        """
        self._view = view_of(body)
        self._where = where
        if self._view is not None:
            self.size = len(self._view)
            return
        self._file = cast(BinaryIO, body)
        try:
            self._start = self._file.tell()
            self.size = self._file.seek(0, io.SEEK_END) - self._start
            self._file.seek(self._start)
        except OSError as error:  # io.UnsupportedOperation is one
            raise InvalidRequest(f"{where}: a file that can seek expected") from error

    def whole(self) -> bytes:
        """Return all bytes.

        Raises:
            InputChanged: as `parts` does.
        """
        return b"".join(self._pieces(max(1, self.size)))

    def parts(self, size: int) -> Iterator[Part]:
        """Yield the bytes from the beginning, in parts of `size`.

        A part above 16 MiB is a file that has to be read to its end before the next one is asked
        for.

        Raises:
            InputChanged: the file ends earlier or later than it did.
        """
        if size <= IN_MEMORY:
            yield from self._pieces(size)
            return
        for start in range(0, self.size, size):
            yield cast(BinaryIO, _Slice(self, start, min(size, self.size - start)))
        self._check_end()

    def read(self, place: int, size: int) -> bytes:
        """Return `size` bytes from `place`.

        Raises:
            InputChanged: the file ends earlier than it did.
        """
        if self._view is not None:
            return bytes(self._view[place : place + size])
        if self._file.tell() != self._start + place:
            self._file.seek(self._start + place)
        part = _read(self._file, size)
        if len(part) < size:
            left = self.size - place - len(part)
            raise InputChanged(f"{self._where}: {left} more bytes expected in the file")
        return part

    def _pieces(self, size: int) -> Iterator[bytes]:
        for start in range(0, self.size, size):
            yield self.read(start, min(size, self.size - start))
        self._check_end()

    def _check_end(self) -> None:
        if self._view is None and self._file.read(1):
            raise InputChanged(f"{self._where}: {self.size} bytes expected in the file, found more")


class _Slice(io.RawIOBase):
    """A part of a body as a file."""

    def __init__(self, content: Content, start: int, size: int) -> None:
        super().__init__()
        self._content = content
        self._start = start
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._place = max(0, {0: 0, 1: self._place, 2: self._size}[whence] + offset)
        return self._place

    def readinto(self, buffer: Buffer, /) -> int:  # type: ignore[override]
        with memoryview(buffer).cast("B") as view:
            size = max(0, min(len(view), self._size - self._place))
            view[:size] = self._content.read(self._start + self._place, size)
        self._place += size
        return size


def _read(file: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or up to the end; a raw file may give less at once."""
    part = file.read(size)
    if len(part) in (0, size):
        return part
    rest = [part]
    size -= len(part)
    while size > 0 and (part := file.read(size)):
        rest.append(part)
        size -= len(part)
    return b"".join(rest)
