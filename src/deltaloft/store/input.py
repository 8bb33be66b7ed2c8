"""A file that is being put: read once for size and SHA-256, then at hand as bytes.

up to 64 MiB    read into memory: nobody can change it any more
larger          a file is mapped and watched; a buffer is used where it is
a stream        spooled once into an unlinked temporary file, then as above

Its sketch is made when somebody asks for it: of what is stored plain nobody does, and an archive's
members often say enough.
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
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft import sketch
from deltaloft.bucket_requests import view_of
from deltaloft.buffers import PAGES_KEPT, Buffer, give_pages_back, mapped_file
from deltaloft.errors import InputChanged
from deltaloft.sketch import Sketch, SketchWriter
from deltaloft.store.proof import Progress, ProvenReader

__all__ = ["Input", "fetched", "opened"]

_IN_MEMORY = 64 << 20
_PIECE = 1 << 20


@dataclass(frozen=True)
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

    @cached_property
    def inside(self) -> str:
        """What the file holds, if it is an archive; a tgz is unpacked a little for that."""
        return sketch.inside(self.view)

    @cached_property
    def sketch(self) -> Sketch:
        """What the file resembles: all of it is read, in 0.5 ns a byte."""
        writer = SketchWriter()
        for start in range(0, self.size, PAGES_KEPT):
            writer.write(self.view[start : start + PAGES_KEPT])
            give_pages_back(self.view)
        return Sketch(writer.row(), self.inside)

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
    expected = before.st_size
    is_kept = expected <= _IN_MEMORY
    room = memoryview(bytearray(expected if is_kept else _PIECE))
    digest = hashlib.sha256()
    size = 0
    while size < expected:
        start = size if is_kept else 0
        piece = room[start : start + min(_PIECE, expected - size)]
        read = cast("BufferedReader", file).readinto(piece)
        if not read:
            break
        digest.update(piece[:read])
        size += read
        if progress is not None:
            progress(read)
    size += len(file.read(1))
    if size != expected:
        raise InputChanged(f"{path}: {expected} bytes expected, found {size}")
    watched = Input(memoryview(b""), "", str(path), file, path, before)
    watched.check_unchanged()
    if is_kept:
        yield Input(room.toreadonly(), digest.hexdigest(), str(path))
        return
    with mapped_file(file) as view:
        yield Input(view, digest.hexdigest(), str(path), file, path, before)


@contextmanager
def _spooled(stream: BinaryIO, name: str, progress: Progress | None) -> Iterator[Input]:
    with tempfile.TemporaryFile() as spool:
        digest = hashlib.sha256()
        while piece := stream.read(_PIECE):
            digest.update(piece)
            spool.write(piece)
            if progress is not None:
                progress(len(piece))
        spool.flush()
        with mapped_file(cast("BinaryIO", spool)) as view:
            file = cast("BinaryIO", spool) if len(view) > _IN_MEMORY else None
            yield Input(view, digest.hexdigest(), name, file)


def _of_buffer(view: memoryview, progress: Progress | None) -> Input:
    if progress is not None:
        progress(len(view))
    return Input(view.toreadonly(), hashlib.sha256(view).hexdigest(), "buffer")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
