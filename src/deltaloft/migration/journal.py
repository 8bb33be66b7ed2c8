"""What there is to move and what has arrived: one SQLite file, whose owner may be killed.

    migration   source | target | listing     one row: which move this is, and how often listed
    files       name | stem, second, place    in this order they are moved: see below
                     | size, modified, etag   as listed; a file that has changed is moved again
                     | listing                the last one it was in: what is gone does not count
                     | state                  waiting, done, failed
                     | file_size, stored_size, sha256, base, problem      what became of it

Files of one stem are a family, and siblings resemble each other: they are moved one after the
other, oldest first, so that each finds a base in what is there already. S3 tells times in seconds;
within one, numbers in names count as numbers: 1.9 comes before 1.10.

A row is written when a file has arrived and has been proven, at once; power that fails costs at
most the last few rows, whose files are moved again. Who opens a journal has it alone.
"""

from __future__ import annotations

import errno
import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from platformdirs import user_state_path

from deltaloft.bases import stem
from deltaloft.errors import InvalidRequest
from deltaloft.migration.moving import Moved
from deltaloft.transfers import Item, StoreSide

__all__ = ["Family", "Journal", "Totals", "default_journal"]

_APPLICATION_ID = 0x646C6D67  # "dlmg"
_VERSION = 1
_PAGE = 500
_PROBES = 3  # files that are looked for: one may have been deleted since
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SCHEMA = (
    "CREATE TABLE migration (source TEXT NOT NULL, target TEXT NOT NULL, listing INTEGER NOT NULL)",
    "CREATE TABLE files (name TEXT PRIMARY KEY, stem TEXT NOT NULL, second INTEGER NOT NULL,"
    " place TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL, etag TEXT,"
    " listing INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', file_size INTEGER,"
    " stored_size INTEGER, sha256 TEXT, base TEXT, problem TEXT) WITHOUT ROWID",
    "CREATE INDEX families ON files (stem, second, place, name)",
)
_LISTED = """
    INSERT INTO files (name, stem, second, place, size, modified, etag, listing)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET
        state = CASE WHEN size = excluded.size AND modified = excluded.modified
                     AND etag IS excluded.etag THEN state ELSE 'waiting' END,
        stem = excluded.stem, second = excluded.second, place = excluded.place,
        size = excluded.size, modified = excluded.modified, etag = excluded.etag,
        listing = excluded.listing
"""
_MOVED = """
    UPDATE files SET state = ?, file_size = ?, stored_size = ?, sha256 = ?, base = ?, problem = ?
    WHERE name = ?
"""
_FULL = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS}


@dataclass(frozen=True, slots=True)
class Family:
    """Files of one stem: how many, and of how many bytes in all, as listed."""

    stem: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Where a migration stands.

    `files` of `listed_size` bytes were in the last listing of the source: `done` have arrived,
    `failed` were tried and have not, the others wait. Those done have `size` bytes, and the target
    holds `stored_size` for them, of which `base_size` are bases that they became.
    """

    files: int
    listed_size: int
    done: int
    failed: int
    waiting_size: int
    size: int
    stored_size: int
    base_size: int


def default_journal(source: str, target: str) -> Path:
    """Return where a move from one place to another is remembered if nobody says."""
    name = hashlib.sha256(f"{source}\n{target}".encode()).hexdigest()[:32]
    return user_state_path("deltaloft") / "migrations" / f"{name}.sqlite"


class Journal:
    """The journal of one migration. Close it, or use it in a `with`; one thread may use it."""

    def __init__(self, path: Path | None, source: str, target: str) -> None:
        """Open the journal of a move from one place to another, or begin one.

        Args:
            path: The file; None for one that is forgotten when it is closed.
            source: Where files come from, by the name of a `Location`.
            target: Where they go.

        Raises:
            InvalidRequest: it is no journal, or that of another move.
            BlockingIOError: somebody else has it open.
            OSError: it cannot be read or written.
        """
        self._path = path
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # names may be secrets
        with self._trouble():
            self._connection = sqlite3.connect(
                path or "", timeout=1.0, isolation_level=None, check_same_thread=False
            )
        try:
            self._listing = self._begin(source, target)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let others have it."""
        self._connection.close()

    # ---- What there is ----

    def take_stock(self, items: Iterable[Item]) -> None:
        """Write down what the source has now, all or nothing.

        A file that is as it was when it arrived remains done.
        """
        listing = self._listing + 1
        with self._trouble():
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(_LISTED, (_row(item, listing) for item in items))
                self._connection.execute("UPDATE migration SET listing = ?", (listing,))
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        self._listing = listing

    def waiting(self) -> Iterator[tuple[str, Item]]:
        """Yield stem and file of all that is not done, by families, each oldest first.

        What is noted meanwhile changes nothing: a file that fails does not come again.
        """
        after: tuple[object, ...] = ("", 0, "", "")
        while True:
            rows = self._rows(
                "SELECT stem, second, place, name, size, modified, etag FROM files"
                " WHERE listing = ? AND state != 'done'"
                " AND (stem, second, place, name) > (?, ?, ?, ?)"
                " ORDER BY stem, second, place, name LIMIT ?",
                (self._listing, *after, _PAGE),
            )
            for row in rows:
                yield row[0], _item(*row[3:])
            if len(rows) < _PAGE:
                return
            after = rows[-1][:4]

    def has_arrived(self, stem: str) -> bool:
        """Say whether some file of a family is at the target."""
        query = "SELECT 1 FROM files WHERE stem = ? AND state = 'done' LIMIT 1"
        return bool(self._rows(query, (stem,)))

    def check_target(self, target: StoreSide) -> None:
        """Look for some of what has arrived: at another endpoint, or in a new bucket, it has not.

        Raises:
            InvalidRequest: there is none of it.
        """
        query = "SELECT name FROM files WHERE listing = ? AND state = 'done' LIMIT ?"
        names = [name for (name,) in self._rows(query, (self._listing, _PROBES))]
        if names and not any(target.has(name) for name in names):
            where = target.place(names[0])
            raise InvalidRequest(
                f"{self._path}: {where} has arrived by this journal, but is not there; "
                f"another journal begins anew"
            )

    def families(self) -> Iterator[Family]:
        """Yield all families, in order of their stems."""
        query = "SELECT stem, COUNT(*), SUM(size) FROM files WHERE listing = ? GROUP BY stem"
        with self._trouble():
            for row in self._connection.execute(query, (self._listing,)):
                yield Family(*row)

    def siblings(self, stem: str, *, first: int, count: int) -> list[Item]:
        """Return some files of a family: `count` in a row, without the `first` ones."""
        query = (
            "SELECT name, size, modified, etag FROM files WHERE listing = ? AND stem = ?"
            " ORDER BY stem, second, place, name LIMIT ? OFFSET ?"
        )
        return [_item(*row) for row in self._rows(query, (self._listing, stem, count, first))]

    # ---- What became of it ----

    def note(self, moved: Moved) -> None:
        """Write down what became of a file."""
        problem = None if moved.error is None else f"{type(moved.error).__name__}: {moved.error}"
        state = "done" if problem is None else "failed"
        found = moved.size, moved.stored_size, moved.sha256, moved.base, problem
        with self._trouble():
            self._connection.execute(_MOVED, (state, *found, moved.name))

    def totals(self) -> Totals:
        """Add up."""
        ((files, listed_size, done, failed, waiting_size, size, stored_size),) = self._rows(
            "SELECT COUNT(*), TOTAL(size), TOTAL(state = 'done'), TOTAL(state = 'failed'),"
            " TOTAL(size * (state != 'done')), TOTAL(file_size * (state = 'done')),"
            " TOTAL(stored_size * (state = 'done')) FROM files WHERE listing = ?",
            (self._listing,),
        )
        ((base_size,),) = self._rows(
            "SELECT TOTAL(file_size) FROM (SELECT DISTINCT base, file_size FROM files"
            " WHERE listing = ? AND state = 'done' AND base = sha256)",
            (self._listing,),
        )
        stored_size += base_size
        found = files, listed_size, done, failed, waiting_size, size, stored_size, base_size
        return Totals(*map(int, found))

    # ---- SQLite ----

    def _begin(self, source: str, target: str) -> int:
        """Make sure that this is the journal of this move; return the number of its listing."""
        with self._trouble():
            # Alone, so without the memory that processes share: WAL works on network disks then.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            (found,) = self._connection.execute("PRAGMA application_id").fetchone()
            (tables,) = self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            if tables and found != _APPLICATION_ID:
                raise InvalidRequest(f"{self._path}: a journal of dg migrate expected")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("BEGIN IMMEDIATE")
            if not tables:
                for statement in _SCHEMA:
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")
                self._connection.execute("INSERT INTO migration VALUES (?, ?, 0)", (source, target))
            self._connection.execute("COMMIT")
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            raise InvalidRequest(f"{self._path}: version {_VERSION} expected, found {version}")
        ((old_source, old_target, listing),) = self._rows("SELECT * FROM migration", ())
        if (old_source, old_target) != (source, target):
            raise InvalidRequest(
                f"{self._path}: the journal of {source} to {target} expected, "
                f"found that of {old_source} to {old_target}"
            )
        return int(listing)

    def _rows(self, query: str, given: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._trouble():
            return self._connection.execute(query, given).fetchall()

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """Turn what SQLite raises into what a file raises."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                words = "another migration has this journal open"
                raise BlockingIOError(errno.EAGAIN, words, str(self._path)) from error
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                words = "a journal of dg migrate expected, found another or a damaged file"
                raise InvalidRequest(f"{self._path}: {words}") from error
            raise OSError(_FULL.get(code, errno.EIO), str(error), str(self._path)) from error


def _row(item: Item, listing: int) -> tuple[object, ...]:
    modified = (item.modified - _EPOCH) // _MICROSECOND
    place = re.sub(r"[0-9]+", lambda number: number[0].lstrip("0").zfill(20), item.name)
    second = max(0, modified // 1_000_000)
    family = stem(item.name)
    return item.name, family, second, place, item.size or 0, modified, item.etag, listing


def _item(name: str, size: int, modified: int, etag: str | None) -> Item:
    return Item(name, size, _EPOCH + modified * _MICROSECOND, etag)
