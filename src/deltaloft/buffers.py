"""Contiguous bytes of any kind, and files as such."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

__all__ = ["PAGES_KEPT", "Buffer", "give_pages_back", "mapped", "mapped_file", "same_bytes"]

# Bytes of a mapped file to read before its pages are given back.
PAGES_KEPT = 64 << 20

_COMPARED = 1 << 18  # bytes at once: both copies stay in the processor's cache

# Whatever lends contiguous bytes. collections.abc.Buffer says it better, from Python 3.12 on.
# A string, because CPython 3.11 cannot subscript array.
Buffer: TypeAlias = "bytes | bytearray | memoryview | mmap.mmap | array[int]"


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """Lend the bytes of a file, read-only and without copying them.

    A file that another process truncates while it is mapped ends this process with SIGBUS, as any
    mapping does.

    Raises:
        OSError: the file cannot be opened, or is not a regular file.
    """
    _check_kind(path)
    with path.open("rb") as file, mapped_file(file) as view:
        yield view


def _check_kind(path: Path) -> None:
    """Refuse a pipe before it is opened, which would wait for a writer, and an endless device."""
    status = path.stat()
    usual = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)  # open() tells of folders
    if not usual and not path.samefile(os.devnull):
        raise OSError(errno.EINVAL, "a regular file expected, found a pipe or a device", str(path))


@contextmanager
def mapped_file(file: BinaryIO) -> Iterator[memoryview]:
    """Like `mapped`, but of an open file; what its buffer still holds is flushed first."""
    file.flush()
    if file.seek(0, 2) == 0:  # an empty file cannot be mapped
        yield memoryview(b"")
        return
    mapping = _FileMapping(file.fileno(), 0, access=mmap.ACCESS_READ)
    view = memoryview(mapping)
    try:
        yield view
    finally:
        # The traceback of an exception may hold views of this view: then the mapping goes with it,
        # and a BufferError must not take the exception's place.
        with suppress(BufferError):
            view.release()
            mapping.close()


def give_pages_back(buffer: Buffer) -> None:
    """Give the pages of a file's mapping back, if the buffer is one, or a view of one.

    Without this, a process that has read through a mapping looks as large as the file, and tools
    that limit memory end it. The bytes stay at hand: pages that are read again are mapped again,
    mostly out of the system's cache. Any thread may read them meanwhile.
    """
    mapping = buffer.obj if isinstance(buffer, memoryview) else buffer
    if isinstance(mapping, _FileMapping) and len(mapping) > PAGES_KEPT:
        mapping.madvise(mmap.MADV_DONTNEED)


def same_bytes(one: memoryview, other: memoryview) -> bool:
    """Say whether two views of bytes are equal.

    `==` does so too, but takes 5 ns a byte; copies of pieces are compared at memory's speed.
    """
    if len(one) != len(other):
        return False
    return all(
        bytes(one[at : at + _COMPARED]) == bytes(other[at : at + _COMPARED])
        for at in range(0, len(one), _COMPARED)
    )


class _FileMapping(mmap.mmap):
    """The mapping of a file that is only read, where every byte can be had again."""
