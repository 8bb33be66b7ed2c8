"""A file that is being put: read once for size, SHA-256 and sketch, then at hand as bytes.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft import sketch
from deltaloft.bucket_requests import view_of
from deltaloft.buffers import Buffer, mapped_file
from deltaloft.errors import InputChanged
from deltaloft.sketch import Sketch, SketchWriter
from deltaloft.store.proof import Progress, ProvenReader

__all__ = ["Input", "fetched", "opened"]

_IN_MEMORY = 64 << 20
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Input:
    """A file's bytes, and what they were when they were read.

    A mapped file that another process truncates ends this process with SIGBUS, as any mapping does.
    """

    view: memoryview
    sha256: str
    content: str  # the row of the sketch over its bytes
    _name: str
    _file: BinaryIO | None = None
    _path: Path | None = None
    _before: os.stat_result | None = None

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return len(self.view)

    def sketch(self) -> Sketch:
        """Return what the file resembles; of an archive, its beginning is unpacked for that."""
        return Sketch(self.content, sketch.inside(self.view))

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
def fetched(fetch: Callable[[BinaryIO], object]) -> Iterator[Input]:
    """Lend what `fetch` writes to a temporary file."""
    with tempfile.TemporaryFile() as file:
        spool = cast("BinaryIO", file)
        fetch(spool)
        spool.seek(0)
        with opened(spool) as given:
            yield given


@contextmanager
def _of_file(file: BinaryIO, path: Path, progress: Progress | None) -> Iterator[Input]:
    before = os.fstat(file.fileno())
    if not stat.S_ISREG(before.st_mode):
        with _spooled(file, str(path), progress) as given:
            yield given
        return
    reader = _Reader()
    kept = bytearray() if before.st_size <= _IN_MEMORY else None
    size = 0
    while size <= before.st_size and (piece := file.read(_PIECE)):
        reader.read(piece)
        size += len(piece)
        if kept is not None:
            kept += piece
        if progress is not None:
            progress(len(piece))
    if size != before.st_size:
        raise InputChanged(f"{path}: {before.st_size} bytes expected, found {size}")
    watched = Input(memoryview(b""), "", "", str(path), file, path, before)
    watched.check_unchanged()
    if kept is not None:
        yield Input(memoryview(kept).toreadonly(), *reader.found(), str(path))
        return
    with mapped_file(file) as view:
        yield Input(view, *reader.found(), str(path), file, path, before)


@contextmanager
def _spooled(stream: BinaryIO, name: str, progress: Progress | None) -> Iterator[Input]:
    with tempfile.TemporaryFile() as spool:
        reader = _Reader()
        while piece := stream.read(_PIECE):
            reader.read(piece)
            spool.write(piece)
            if progress is not None:
                progress(len(piece))
        spool.flush()
        with mapped_file(cast("BinaryIO", spool)) as view:
            file = cast("BinaryIO", spool) if len(view) > _IN_MEMORY else None
            yield Input(view, *reader.found(), name, file)


def _of_buffer(view: memoryview, progress: Progress | None) -> Input:
    if progress is not None:
        progress(len(view))
    reader = _Reader()
    for start in range(0, len(view), _PIECE):
        reader.read(view[start : start + _PIECE])
    return Input(view.toreadonly(), *reader.found(), "buffer")


class _Reader:
    """Digest and sketch in one pass, piece by piece while that is in the processor's cache."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._sketch = SketchWriter()

    def read(self, piece: Buffer) -> None:
        self._digest.update(piece)
        self._sketch.write(piece)

    def found(self) -> tuple[str, str]:
        return self._digest.hexdigest(), self._sketch.row()


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
