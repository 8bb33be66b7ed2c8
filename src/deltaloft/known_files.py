"""What files of this machine held when they were last read, so that they need not be read again.

    path · size · mtime · ctime · inode · device  ──>  SHA-256

One SQLite file in the user's cache folder, deltaloft/files-1.sqlite, with a row for each file. It
has no names in it: a row is found by XXH3 of the path, and counts only while all that the file
system says of the file is as it was. Whoever writes to a file changes its ctime, which nobody sets.

A row is written only for a file that had been left alone for two seconds when it was read: times
may be in whole seconds, and a change within the same one would not show. It is only a cache: it can
be deleted at any time, and trouble with it costs reading.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from platformdirs import user_cache_path
from xxhash import xxh3_64_intdigest

__all__ = ["KnownFiles"]

_log = logging.getLogger(__name__)

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS files (path INTEGER PRIMARY KEY, size INTEGER NOT NULL,"
    " mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, inode INTEGER NOT NULL,"
    " device INTEGER NOT NULL, sha256 TEXT NOT NULL, day INTEGER NOT NULL)"
)
_SAFE_AGE = 2_000_000_000  # nanoseconds
_KEPT_DAYS = 90  # without being asked for
_NOTED_DAYS = 30  # a row that is of use is written again this often
_DAY_SECONDS = 86_400
_BATCH = 500  # rows that are written at once
_SIGNED = (1 << 63) - 1  # what SQLite takes for an integer

_Result = TypeVar("_Result")


class _State(NamedTuple):
    """What the file system says of a file."""

    size: int
    mtime: int
    ctime: int
    inode: int
    device: int


class _Row(NamedTuple):
    state: _State
    sha256: str
    day: int  # since 1970, when somebody last asked


class KnownFiles:
    """The digests of files. Close it, or use it in a `with`; several threads may share it."""

    def __init__(self, path: Path | None = None, *, reread: bool = False) -> None:
        """Open nothing yet.

        Args:
            path: The SQLite file; by default the one in the user's cache folder.
            reread: Believe nothing, and find out all again.
        """
        self._path = user_cache_path("deltaloft") / "files-1.sqlite" if path is None else path
        self._reread = reread
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._usable = True
        self._new: dict[int, _Row] = {}

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def sha256(self, path: Path) -> str:
        """Return the digest of a file, which is read unless it is known.

        Raises:
            OSError: it cannot be read.
        """
        known = None if self._reread else self._recall(path)
        if known is not None:
            return known
        begun = time.time_ns()
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.note(path, before, sha256, begun=begun)
        return sha256

    def note(self, path: Path, before: os.stat_result, sha256: str, *, begun: int) -> None:
        """Remember what a file held, as has just been found out.

        If it changed meanwhile that does no harm: it will never again be as it was before.

        Args:
            path: The file.
            before: What the file system said of it before it was read.
            sha256: What was read.
            begun: When reading began: `time.time_ns()`.
        """
        if begun - max(before.st_mtime_ns, before.st_ctime_ns) >= _SAFE_AGE:
            self._add(_key(path), _Row(_state(before), sha256, _today()))

    def close(self) -> None:
        """Write down what is new, and forget what nobody has asked for in three months."""
        with self._lock:
            if self._new:
                self._do(self._write)
                self._do(_forget)
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._usable = False

    def _recall(self, path: Path) -> str | None:
        key, state = _key(path), _state(path.stat())
        with self._lock:
            row = self._new.get(key) or self._do(lambda database: _found(database, key))
        if row is None or row.state != state:
            return None
        if row.day < _today() - _NOTED_DAYS:
            self._add(key, row._replace(day=_today()))
        return row.sha256

    def _add(self, key: int, row: _Row) -> None:
        with self._lock:
            self._new[key] = row
            if len(self._new) >= _BATCH:
                self._do(self._write)

    # ---- The database ----

    def _do(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result | None:
        """Do something with the database; the first trouble with it ends its use."""
        if not self._usable:
            return None
        try:
            if self._connection is None:
                self._connection = _opened(self._path)
            return work(self._connection)
        except (sqlite3.Error, OSError) as error:
            _log.debug("%s: not used: %s", self._path, error)
            self._usable = False
            self._new.clear()
            # Busy or full it may be of use another time; what is no database never will.
            if type(error) is sqlite3.DatabaseError:
                with suppress(OSError):
                    self._path.unlink()
            return None

    def _write(self, database: sqlite3.Connection) -> None:
        rows = [(key, *row.state, row.sha256, row.day) for key, row in self._new.items()]
        with database:
            database.executemany("REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._new.clear()


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Whoever else may write here could have us believe that a changed file is the old one.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError(f"{path}: a file that nobody else can write expected")
    database = sqlite3.connect(path, timeout=1.0, check_same_thread=False)
    try:
        database.execute(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


def _found(database: sqlite3.Connection, key: int) -> _Row | None:
    row = database.execute("SELECT * FROM files WHERE path = ?", (key,)).fetchone()
    return None if row is None else _Row(_State(*row[1:6]), *row[6:])


def _forget(database: sqlite3.Connection) -> None:
    with database:
        database.execute("DELETE FROM files WHERE day < ?", (_today() - _KEPT_DAYS,))


def _key(path: Path) -> int:
    return xxh3_64_intdigest(os.fsencode(path.absolute())) - (1 << 63)


def _state(status: os.stat_result) -> _State:
    return _State(
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino & _SIGNED,
        status.st_dev & _SIGNED,
    )


def _today() -> int:
    return int(time.time()) // _DAY_SECONDS
