"""The index of a folder bucket: one SQLite file that says which key has which body.

    objects   key BLOB (UTF-8, so memcmp is S3's order) | body | size | etag | modified | attributes

A write transaction of this file is the only moment at which an object changes. The journal is the
default one, not WAL, which needs memory that all writers share and so fails on network file
systems. A connection lives for one transaction: nothing to share between threads, nothing that a
fork could damage, no open files between calls (80 µs for a read, 1 ms for a write, measured).

Nobody may open the file by other means in a process that uses it: closing any descriptor of a file
drops all POSIX locks which that process holds on it, SQLite's included.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from deltaloft.bucket import Attributes, ObjectInfo
from deltaloft.errors import (
    BucketNotFound,
    DamagedObject,
    InvalidRequest,
    StorageError,
    Throttled,
    UnsupportedFormat,
)
from deltaloft.folder_bucket.bodies import is_body_name

__all__ = ["Entry", "Index", "Transaction"]

_APPLICATION_ID = 0x646C6674  # "dlft", what file(1) and we know the index by
_VERSION = 1
_BUSY_SECONDS = 60.0
# A disk or folder that refuses is the OSError it would be without SQLite.
_ERRNO = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_READONLY: errno.EROFS,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEMA = (
    "CREATE TABLE objects (key BLOB PRIMARY KEY, body TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,"
    " etag TEXT NOT NULL, modified INTEGER NOT NULL, attributes TEXT NOT NULL) WITHOUT ROWID"
)
_HEADERS = (
    "content_type",
    "content_encoding",
    "content_disposition",
    "content_language",
    "cache_control",
)
_COLUMNS = "key, body, size, etag, modified, attributes"


@dataclass(frozen=True, slots=True)
class Entry:
    """An object, the name of the file that holds its bytes, and its tags."""

    info: ObjectInfo
    body: str
    tags: Mapping[str, str] = field(default_factory=dict)


class Transaction:
    """What can be asked of and done to the index at one moment."""

    def __init__(self, connection: sqlite3.Connection, where: str) -> None:
        """Work on an open transaction; `where` is named when something is wrong."""
        self._connection = connection
        self._where = where

    def find(self, key: bytes) -> Entry | None:
        """Return the object of a key, or None if there is none."""
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM objects WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else _entry_of(row, self._where)

    def page(self, prefix: bytes, after: bytes, count: int) -> list[Entry]:
        """Return the first `count` objects below `prefix` that come after `after`, in order."""
        # 0xff is in no UTF-8, so this is above every key with the prefix.
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM objects WHERE key > ? AND key >= ? AND key < ?"
            " ORDER BY key LIMIT ?",
            (after, prefix, prefix + b"\xff", count),
        )
        return [_entry_of(row, self._where) for row in rows]

    def bodies(self, beginning: str) -> set[str]:
        """Return the names of all bodies in use that begin with so many hexadecimal digits."""
        rows = self._connection.execute(
            "SELECT body FROM objects WHERE body >= ? AND body < ?", (beginning, beginning + "~")
        )
        return {row[0] for row in rows}

    def uses(self, body: str) -> bool:
        """Tell whether an object has this body."""
        return (
            self._connection.execute("SELECT 1 FROM objects WHERE body = ?", (body,)).fetchone()
            is not None
        )

    def store(self, key: bytes, entry: Entry) -> None:
        """Set the object of a key."""
        info = entry.info
        self._connection.execute(
            f"INSERT OR REPLACE INTO objects ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
            (
                key,
                entry.body,
                info.size,
                info.etag,
                (info.modified - _EPOCH) // timedelta(microseconds=1),
                json.dumps(_stored(info.attributes, entry.tags)),
            ),
        )

    def drop(self, key: bytes) -> None:
        """Remove the object of a key."""
        self._connection.execute("DELETE FROM objects WHERE key = ?", (key,))


class Index:
    """The index at `path`. Safe to use from many threads and processes."""

    def __init__(self, path: Path, url: str) -> None:
        """Remember where the index is; nothing is opened yet."""
        self._path = path
        self._url = url

    def create(self) -> None:
        """Make the index; one that is there already stays."""
        # Made by us, because SQLite would ignore a umask that lets a group write.
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _is_blank(connection):
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("COMMIT")

    def check(self) -> None:
        """Make sure that this is an index we can work with.

        Raises:
            BucketNotFound: it is not there, or its creation was broken off.
            InvalidRequest: it is a database of something else.
            UnsupportedFormat: a later deltaloft made it.
        """
        with self.reading():
            pass

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Look at the index as it is at one moment."""
        with self._connected() as connection:
            connection.execute("BEGIN")
            self._check_format(connection)
            yield Transaction(connection, self._url)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Change the index: all of it when the block ends well, else nothing.

        Only one process at a time is in here; the others wait, for up to a minute.

        Raises:
            Throttled: another process writes for longer than that.
        """
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._check_format(connection)
            yield Transaction(connection, self._url)
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; what it raises comes out as our errors."""
        # mode=rw falls back to reading where the file is write-protected, and never creates. It
        # takes more than reading to recover from a writer that was killed, hence not mode=ro.
        uri = f"{self._path.as_uri()}?mode=rw"
        try:
            with closing(
                sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
            ) as connection:
                # EXTRA flushes the folder when the journal is unlinked. With FULL a power loss may
                # bring back the journal, and with it a row whose body has been removed since.
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.execute("PRAGMA trusted_schema = OFF")
                yield connection
        except sqlite3.Error as error:
            self._raise(error)

    def _check_format(self, connection: sqlite3.Connection) -> None:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if _is_blank(connection):
            raise BucketNotFound(f"{self._url}: no store here, its creation was broken off")
        if application != _APPLICATION_ID:
            raise InvalidRequest(f"{self._path}: an index expected, found another database")
        if version != _VERSION:
            raise UnsupportedFormat(
                f"{self._url}: a folder of version {_VERSION} expected, found version {version}; "
                "a later deltaloft made it"
            )

    def _raise(self, error: sqlite3.Error) -> NoReturn:
        code = getattr(error, "sqlite_errorcode", 0)
        match code & 0xFF:  # the rest are details
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                raise Throttled(
                    f"{self._url}: the index is kept busy by other processes"
                ) from error
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                raise DamagedObject(f"{self._url}: the index {self._path} is damaged") from error
            case sqlite3.SQLITE_CANTOPEN if not self._path.exists():
                raise BucketNotFound(f"{self._url}: no store in this folder") from error
            case sqlite3.SQLITE_READONLY if code == sqlite3.SQLITE_READONLY_ROLLBACK:
                raise OSError(
                    errno.EROFS,
                    "a writer was killed here; open the folder once where it can be written",
                    str(self._path),
                ) from error
            case code if code in _ERRNO:
                number = _ERRNO[code]
                raise OSError(number, os.strerror(number), str(self._path)) from error
            case _:
                raise StorageError(f"{self._url}: the index cannot be used: {error}") from error


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Tell whether nobody ever wrote into the database."""
    return not connection.execute("SELECT EXISTS (SELECT 1 FROM sqlite_master)").fetchone()[0]


def _entry_of(row: tuple[Any, ...], where: str) -> Entry:
    """Check a row and read it. The index is a file that anyone may have written."""
    key, body, size, etag, modified, stored = row
    try:
        if not (is_body_name(body) and isinstance(etag, str) and isinstance(size, int)):
            raise ValueError
        given = json.loads(stored)
        tags = _texts(given.pop("tags", {}))
        info = ObjectInfo(
            key=key.decode(),
            size=size,
            etag=etag,
            modified=_EPOCH + timedelta(microseconds=modified),
            attributes=_attributes_of(given),
            tag_count=len(tags),
        )
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise DamagedObject(f"{where}: the index has a row that makes no sense: {key!r}") from error
    return Entry(info, body, tags)


def _stored(attributes: Attributes, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return attributes for the index; what is not set is left out, but for the oldest headers."""
    stored: dict[str, Any] = {name: getattr(attributes, name) for name in _HEADERS}
    stored["metadata"] = dict(attributes.metadata)
    if attributes.expires is not None:
        stored["expires"] = attributes.expires.isoformat()
    if attributes.website_redirect is not None:
        stored["website_redirect"] = attributes.website_redirect
    if tags:
        stored["tags"] = dict(tags)
    return stored


def _attributes_of(stored: dict[str, Any]) -> Attributes:
    metadata = _texts(stored.pop("metadata"))
    expires = stored.pop("expires", None)
    if not all(each is None or isinstance(each, str) for each in stored.values()):
        raise ValueError
    if not stored.keys() <= {*_HEADERS, "website_redirect"}:
        raise ValueError
    return Attributes(
        metadata=metadata,
        expires=None if expires is None else datetime.fromisoformat(expires),
        **stored,
    )


def _texts(stored: Any) -> dict[str, str]:
    texts = dict(stored)
    if not all(isinstance(each, str) for each in (*texts, *texts.values())):
        raise ValueError
    return texts
