"""The bodies of a folder bucket: files that are written once and never change.

    incoming/8c1d…           being written
    bodies/3f/3f2a…-8c1d…    SHA-256 of the bytes, then a number of its own; 3f are its first digits

No two objects share a file, equal as they may be: so whoever replaces or deletes an object is the
only one to remove its file, and nothing has to be counted.

A writer holds a lock (flock) on its file from its first byte until the index knows it. A file
that the index does not know and nobody holds is abandoned: its writer was killed. Where locks do
not work across machines a file may look abandoned though it is not; therefore abandoned files are
removed inside a write transaction of the index, and a writer makes sure inside its own that its
file is still there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft.atomic_file import flush_folder
from deltaloft.bucket_requests import view_of
from deltaloft.buffers import Buffer
from deltaloft.interruption import taken_back

__all__ = ["Bodies", "Received", "is_body_name"]

_CHUNK_SIZE = 1 << 20
_BODY_NAME = re.compile(r"[0-9a-f]{64}-[0-9a-f]{16}", re.ASCII)


def is_body_name(name: object) -> bool:
    """Tell whether a body can have this name; anything else might lead out of the folder."""
    return isinstance(name, str) and _BODY_NAME.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Received:
    """A body that is on the disk for good, but not in the index."""

    name: str
    size: int
    sha256: str


class Bodies:
    """The two folders of files."""

    def __init__(self, folder: Path) -> None:
        """Remember where they are; `create` makes them."""
        self._incoming = folder / "incoming"
        self._bodies = folder / "bodies"

    def create(self) -> None:
        """Make the folders; those that are there stay."""
        self._incoming.mkdir(exist_ok=True)
        self._bodies.mkdir(exist_ok=True)

    def path(self, name: str) -> Path:
        """Return where a body is."""
        return self._bodies / name[:2] / name

    def open(self, name: str) -> BinaryIO:
        """Open a body for reading.

        Raises:
            FileNotFoundError: it was removed, or is lost.
        """
        # A body is never a symbolic link: whoever put one there wants us to read something else.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(self.path(name), flags), "rb")

    def remove(self, name: str) -> None:
        """Remove a body that the index does not know, if it is there."""
        self.path(name).unlink(missing_ok=True)

    @contextmanager
    def receiving(self, body: Buffer | BinaryIO) -> Iterator[Received]:
        """Write a body, and hold it as long as the block lasts: long enough to index it."""
        part, descriptor = self._create()
        with os.fdopen(descriptor, "wb") as file:
            try:
                digest = hashlib.sha256()
                size = 0
                with taken_back(lambda: part.unlink(missing_ok=True)):
                    for chunk in _chunks_of(body):
                        digest.update(chunk)
                        file.write(chunk)
                        size += len(chunk)
                    file.flush()
                    os.fsync(file.fileno())
                name = f"{digest.hexdigest()}-{part.name}"
                self._keep(part, name)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            yield Received(name, size, digest.hexdigest())

    def unheld(self, beginning: str, known: set[str]) -> Iterator[str]:
        """Yield, and hold meanwhile, each body of a subfolder that is not `known` nor held."""
        for path in _files_of(self._bodies / beginning):
            if not is_body_name(path.name) or path.name in known:
                continue
            if file := _hold(path):
                with file:
                    yield path.name

    def remove_unfinished(self) -> None:
        """Remove what killed writers left in `incoming`; no index ever knows these."""
        for path in _files_of(self._incoming):
            if file := _hold(path):
                with file:
                    path.unlink(missing_ok=True)

    def _create(self) -> tuple[Path, int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        while True:
            part = self._incoming / secrets.token_hex(8)
            descriptor = os.open(part, flags, 0o444)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # taken for abandoned before we had the lock
                os.close(descriptor)
                continue
            except OSError:  # no locks here, so nobody removes what looks abandoned
                return part, descriptor
            if os.fstat(descriptor).st_nlink > 0:
                return part, descriptor
            os.close(descriptor)

    def _keep(self, part: Path, name: str) -> None:
        goal = self.path(name)
        goal.parent.mkdir(exist_ok=True)
        flush_folder(self._bodies)
        part.rename(goal)
        flush_folder(goal.parent)


def _chunks_of(body: Buffer | BinaryIO) -> Iterator[Buffer]:
    view = view_of(body)
    if view is None:
        while chunk := cast(BinaryIO, body).read(_CHUNK_SIZE):
            yield chunk
    else:
        with view:
            for start in range(0, len(view), _CHUNK_SIZE):
                yield view[start : start + _CHUNK_SIZE]


def _files_of(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(each.path) for each in entries]
    except FileNotFoundError:
        return []


def _hold(path: Path) -> BinaryIO | None:
    """Lock a file that may be somebody else's; return None if it is held or gone."""
    with ExitStack() as undo:
        try:
            file = undo.enter_context(path.open("rb"))
            # Shared, because network file systems give an exclusive lock to writers only.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return None
        undo.pop_all()
        return file
