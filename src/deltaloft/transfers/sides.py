"""Where files are and go: below a folder of this machine, or below a prefix of a store.

Both sides list their files in order of the names' UTF-8 bytes, as S3 does, so that two listings can
be compared as they come:

    a-b    a/b    a/c/d    ab
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from deltaloft.bucket_requests import object_url
from deltaloft.errors import InvalidRequest, NotFound
from deltaloft.known_files import KnownFiles
from deltaloft.store import Store

__all__ = ["Item", "LocalSide", "Side", "Skipped", "StoreSide"]

# Told of a file that is left out, and why.
Skipped = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a side: its name below the side's root, and its size in bytes if that is known.

    A `foreign` one was stored by other means, so that there is no digest to ask for.
    """

    name: str
    size: int | None
    modified: datetime
    etag: str | None = None
    sha256: str | None = None
    foreign: bool = False


class Side(Protocol):
    """What files are taken from, or put to."""

    def items(self) -> Iterator[Item]:
        """Yield all files, in order of the names' UTF-8 bytes."""

    def place(self, name: str) -> str:
        """Return where a file is, for messages."""

    def sha256(self, item: Item) -> str | None:
        """Return the digest of a file; None if only reading it over the network would tell."""

    def delete(self, name: str) -> None:
        """Remove a file."""


@dataclass(frozen=True, slots=True)
class LocalSide:
    """The files below a folder.

    What is no file, or cannot be read, is left out and `skipped` is told. Of `known` files it need
    not read what it wants to know the digest of.
    """

    root: Path
    skipped: Skipped
    follow_symlinks: bool = True
    known: KnownFiles | None = None

    def items(self) -> Iterator[Item]:
        """Yield all files, those of linked folders too if links are followed.

        A folder that is not there yet has none.
        """
        if self.root.exists():
            yield from self._below("", frozenset())

    def one(self, name: str) -> Item:
        """Return a single file.

        Raises:
            OSError: it is not there.
        """
        return _local_item(name, self.path(name).stat())

    def path(self, name: str) -> Path:
        """Return the path of a name, which may come from a bucket and mean harm.

        Raises:
            InvalidRequest: it would lead out of the folder, or is another file's path too.
        """
        parts = name.split("/")
        if "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
            raise InvalidRequest(f"{name!r}: a name that can be a path below a folder expected")
        return self.root.joinpath(*parts)

    def place(self, name: str) -> str:
        """Return the path."""
        return str(self.root / name)

    def sha256(self, item: Item) -> str | None:
        """Read the file for its digest, unless that is known."""
        path = self.path(item.name)
        if self.known is not None:
            return self.known.sha256(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def delete(self, name: str) -> None:
        """Remove a file; folders stay."""
        self.path(name).unlink()

    def _below(self, prefix: str, above: frozenset[tuple[int, int]]) -> Iterator[Item]:
        folder = self.root / prefix
        identity = (folder.stat().st_dev, folder.stat().st_ino)
        if identity in above:
            self.skipped(str(folder), "a folder that links to one it lies in")
            return
        for name, status in self._sorted(folder, prefix):
            if name.endswith("/"):
                yield from self._below(name, above | {identity})
            else:
                yield _local_item(name, status)

    def _sorted(self, folder: Path, prefix: str) -> list[tuple[str, os.stat_result]]:
        """Return files and folders, with a slash: so `a-b` comes before what is in `a`."""
        found = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    status = self._status(entry)
                    if status is not None:
                        slash = "/" if stat.S_ISDIR(status.st_mode) else ""
                        found.append((f"{prefix}{entry.name}{slash}", status))
        except OSError as error:
            self.skipped(str(folder), error.strerror or str(error))
        return sorted(found, key=lambda each: each[0].encode())

    def _status(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        if entry.is_symlink() and not self.follow_symlinks:
            return None
        reason = None
        try:
            entry.name.encode()
            status = entry.stat()
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                reason = "no file and no folder"
            elif not os.access(entry.path, os.R_OK):
                reason = "not readable"
        except OSError as error:
            reason = error.strerror or str(error)
        except UnicodeEncodeError:
            reason = "its name is not UTF-8"
        if reason is not None:
            self.skipped(os.fsencode(entry.path).decode(errors="replace"), reason)
            return None
        return status


def _local_item(name: str, status: os.stat_result) -> Item:
    return Item(name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


@dataclass(frozen=True, slots=True)
class StoreSide:
    """The keys of a store that begin with a prefix; what follows it is their name."""

    store: Store
    prefix: str

    def items(self, *, markers: bool = False) -> Iterator[Item]:
        """Yield all keys but, unless `markers`, those of no bytes that stand for a folder."""
        for entry in self.store.list(self.prefix):
            name = entry.key[len(self.prefix) :]
            if markers or (name and not (name.endswith("/") and entry.stored_size == 0)):
                told = entry.logical_size, entry.modified, entry.etag, entry.sha256
                yield Item(name, *told, foreign=entry.form == "foreign")

    def one(self, name: str) -> Item:
        """Return a single file: one HEAD.

        Raises:
            NotFound: it is not there.
        """
        found = self.store.stat(self.key(name))
        return Item(name, found.size, found.modified, found.etag, found.sha256)

    def has(self, name: str) -> bool:
        """Say whether there is such a key: one HEAD."""
        try:
            self.store.stat(self.key(name))
        except NotFound:
            return False
        return True

    def key(self, name: str) -> str:
        """Return the key of a name."""
        return self.prefix + name

    def place(self, name: str) -> str:
        """Return the object's URL."""
        return object_url(self.store.url, self.key(name))

    def sha256(self, item: Item) -> str | None:
        """Ask for the digest, unless it is known, or known to be none: one HEAD."""
        if item.foreign:
            return None
        return item.sha256 or self.store.stat(self.key(item.name)).sha256

    def delete(self, name: str) -> None:
        """Remove a key."""
        self.store.delete(self.key(name))
