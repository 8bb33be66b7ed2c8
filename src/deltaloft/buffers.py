"""Contiguous bytes of any kind, and files as such."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

__all__ = ["Buffer", "mapped", "mapped_file"]

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
    with path.open("rb") as file, mapped_file(file) as view:
        yield view


@contextmanager
def mapped_file(file: BinaryIO) -> Iterator[memoryview]:
    """Like `mapped`, but of an open file; what its buffer still holds is flushed first."""
    file.flush()
    if file.seek(0, 2) == 0:  # an empty file cannot be mapped
        yield memoryview(b"")
        return
    mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    view = memoryview(mapping)
    try:
        yield view
    finally:
        # The traceback of an exception may hold views of this view: then the mapping goes with it,
        # and a BufferError must not take the exception's place.
        with suppress(BufferError):
            view.release()
            mapping.close()
