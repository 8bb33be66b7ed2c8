"""A file that is being put: read once for its size and SHA-256, then at hand as bytes.

up to 64 MiB    read into memory: nobody can change it any more
larger          a file is mapped and watched; a buffer is used where it is
a stream        spooled once into an unlinked temporary file, then as above
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft.bucket_requests import view_of
from deltaloft.buffers import Buffer, mapped_file
from deltaloft.errors import InputChanged
from deltaloft.store.proof import Progress, ProvenReader, ProvingWriter

__all__ = ["Input", "opened"]

_IN_MEMORY = 64 << 20
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Input:
    """A file's bytes, and what they were when they were read.

    A mapped file that another process truncates ends this process with SIGBUS, as any mapping does.
    """

    view: memoryview
    sha256: str
    _name: str
    _file: BinaryIO | None = None
    _path: Path | None = None
    _before: os.stat_result | None = None

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return len(self.view)

    def body(self) -> Buffer | BinaryIO:
        """Return what to upload: bytes, or a file that breaks off should it have changed."""
        if self._file is None:
            return self.view
        reader = ProvenReader(self._file, size=self.size, sha256=self.sha256, name=self._name)
        return cast("BinaryIO", reader)

    def check_unchanged(self) -> None:
        """Compare a file's inode, size and time of change with what they were.

        Raises:
            InputChanged: they differ.
        """
        if self._file is None or self._before is None:
            return
        now = [os.fstat(self._file.fileno())]
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):  # an unlinked file has not changed
                now.append(self._path.stat())
        if any(_identity(each) != _identity(self._before) for each in now):
            raise InputChanged(f"{self._name}: it changed while it was being read")


@contextmanager
def opened(
    file: str | Path | Buffer | BinaryIO, progress: Progress | None = None
) -> Iterator[Input]:
    """Lend a file's bytes. A stream is read from where it stands to its end and left open.

    A buffer must not change before the block ends.

    Raises:
        InputChanged: a file changed while it was being read.
        OSError: it cannot be read.
    """
    if isinstance(file, str | Path):
        path = Path(file)
        with path.open("rb") as handle, _of_file(handle, path, progress) as given:
            yield given
        return
    view = view_of(file)
    if view is None:
        with _spooled(cast("BinaryIO", file), "stream", progress) as given:
            yield given
    else:
        yield _of_buffer(view, progress)


@contextmanager
def _of_file(file: BinaryIO, path: Path, progress: Progress | None) -> Iterator[Input]:
    before = os.fstat(file.fileno())
    if not stat.S_ISREG(before.st_mode):
        with _spooled(file, str(path), progress) as given:
            yield given
        return
    digest = hashlib.sha256()
    kept = bytearray() if before.st_size <= _IN_MEMORY else None
    size = 0
    while size <= before.st_size and (piece := file.read(_PIECE)):
        digest.update(piece)
        size += len(piece)
        if kept is not None:
            kept += piece
        if progress is not None:
            progress(len(piece))
    if size != before.st_size:
        raise InputChanged(f"{path}: {before.st_size} bytes expected, found {size}")
    watched = Input(memoryview(b""), "", str(path), file, path, before)
    watched.check_unchanged()
    if kept is not None:
        yield Input(memoryview(kept).toreadonly(), digest.hexdigest(), str(path))
        return
    with mapped_file(file) as view:
        yield Input(view, digest.hexdigest(), str(path), file, path, before)


@contextmanager
def _spooled(stream: BinaryIO, name: str, progress: Progress | None) -> Iterator[Input]:
    with tempfile.TemporaryFile() as spool:
        writer = ProvingWriter(spool, progress=progress)
        while piece := stream.read(_PIECE):
            writer.write(piece)
        with mapped_file(cast("BinaryIO", spool)) as view:
            file = cast("BinaryIO", spool) if len(view) > _IN_MEMORY else None
            yield Input(view, writer.hexdigest(), name, file)


def _of_buffer(view: memoryview, progress: Progress | None) -> Input:
    if progress is not None:
        progress(len(view))
    return Input(view.toreadonly(), hashlib.sha256(view).hexdigest(), "buffer")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
