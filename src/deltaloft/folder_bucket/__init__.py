"""A bucket in a folder of this machine, or of a network drive: no server, S3's meaning.

    README.txt      says what this folder is
    index.sqlite    key -> body, size, ETag, attributes            see `index`
    bodies/         a file for each object, never changed           see `bodies`
    incoming/       bodies that are being written

A put writes its body to the disk for good and then changes the index, in one transaction; then it
removes the body that was replaced. A process that is killed at any point, or a power loss, leaves
the old object or the new one, and perhaps a file that a later put removes. The ETag is the SHA-256
of the body.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from deltaloft.atomic_file import flush_folder, replacing
from deltaloft.bucket import Acl, Attributes, Grant, Listed, ObjectInfo, Version
from deltaloft.bucket_requests import (
    check_attributes,
    check_conditions,
    check_copy,
    check_key,
    check_range,
    check_tags,
    encode_text,
    object_url,
)
from deltaloft.buffers import Buffer
from deltaloft.errors import (
    AlreadyExists,
    BucketNotFound,
    DamagedObject,
    DeltaloftError,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    StorageError,
)
from deltaloft.folder_bucket.bodies import Bodies
from deltaloft.folder_bucket.index import Entry, Index, Transaction

__all__ = ["FolderBucket", "is_bucket"]

_INDEX = "index.sqlite"
_README = "README.txt"
_OURS = {_README, _INDEX, f"{_INDEX}-journal", "bodies", "incoming"}
_PAGE_SIZE = 1000
_README_TEXT = """\
This folder is a store of deltaloft, a bucket in a folder. Please change nothing in here by hand.

index.sqlite   which key has which body, size, ETag and metadata (SQLite 3)
bodies/        a file for each object, named by the SHA-256 of its bytes
incoming/      files that are being written

To read it:   dg ls PATH-OF-THIS-FOLDER
To move it:   copy the whole folder while nobody writes to it
"""


class FolderBucket:
    """The bucket in a folder. Many threads and processes may use it at once."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the bucket in the folder `path`.

        Args:
            path: The folder.
            create: Make it a bucket if it is missing or empty.

        Raises:
            BucketNotFound: there is no folder, or an empty one, and not `create`.
            InvalidRequest: the folder holds other things, or `path` is no folder.
            UnsupportedFormat: a later deltaloft made it.
            OSError: the folder cannot be made or read.
        """
        self._path = path.absolute()
        self._url = self._path.as_uri()
        self._index = Index(self._path / _INDEX, self._url)
        self._bodies = Bodies(self._path)
        self._tidied: set[str] = set()
        try:
            self._check()
        except BucketNotFound:
            if not create:
                raise
            self._create()

    @property
    def url(self) -> str:
        """`file:///path`."""
        return self._url

    @property
    def requests(self) -> None:
        """None: a folder is sent no requests."""
        return None

    @property
    def place(self) -> str:
        """See `Bucket.place`."""
        return self._url

    @contextmanager
    def get(
        self,
        key: str,
        *,
        start: int = 0,
        size: int | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Iterator[_FileReading | None]:
        """See `Bucket.get`."""
        where = object_url(self._url, key)
        check_range(where, start, size)
        entry, file = self._open(key)
        with file:
            info = entry.info
            if if_match is not None and info.etag != if_match:
                raise PreconditionFailed(f"{where}: ETag {if_match} expected, found {info.etag}")
            if info.etag == if_none_match:
                yield None
                return
            if os.fstat(file.fileno()).st_size != info.size:
                raise DamagedObject(
                    f"{where}: {info.size} bytes expected in {self._bodies.path(entry.body)}, "
                    f"found {os.fstat(file.fileno()).st_size}"
                )
            if (start > 0 or size is not None) and start >= info.size:
                raise InvalidRequest(
                    f"{where}: a range within {info.size} bytes expected, found one from {start}"
                )
            end = info.size if size is None else min(info.size, start + size)
            file.seek(start)
            yield _FileReading(info, file, end - start, where)

    def put(
        self,
        key: str,
        body: Buffer | BinaryIO,
        attributes: Attributes,
        *,
        if_match: str | None = None,
        no_clobber: bool = False,
    ) -> str:
        """See `Bucket.put`. A condition that fails from the start costs no reading of the body."""
        where = object_url(self._url, key)
        encoded = check_key(self._url, key)
        check_conditions(where, if_match, no_clobber)
        check_attributes(where, attributes)
        _check_kept(where, attributes)
        tags = dict(attributes.tags or {})
        with self._index.reading() as index:
            _check_condition(index.find(encoded), where, if_match, no_clobber)
        with self._bodies.receiving(body) as received:
            try:
                with self._index.writing() as index:
                    old = index.find(encoded)
                    _check_condition(old, where, if_match, no_clobber)
                    if not self._bodies.path(received.name).exists():
                        raise StorageError(f"{where}: its body was taken for abandoned")
                    shown = replace(attributes, tags=None)
                    info = ObjectInfo(key, received.size, received.sha256, _now(), shown, len(tags))
                    index.store(encoded, Entry(info, received.name, tags))
            except BaseException:
                # A commit that fails may yet have been one: the index has to be asked.
                self._remove_unused(received.name)
                raise
        self._tidy(received.name, old)
        return received.sha256

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        """See `Bucket.head`."""
        if version is not None:
            raise NotFound(f"{object_url(self._url, key)}: no version {version!r}")
        return self._find(key).info

    def versions(self, prefix: str = "") -> Iterator[Version]:
        """Yield nothing: what is replaced is gone."""
        return iter(())

    def copy(
        self, source: ObjectInfo, target_key: str, *, attributes: Attributes | None = None
    ) -> str:
        """See `Bucket.copy`."""
        check_copy(object_url(self._url, target_key), source.key, target_key, attributes)
        entry, file = self._open(source.key)
        with file:
            if entry.info.etag != source.etag:
                where = object_url(self._url, source.key)
                raise PreconditionFailed(f"{where}: replaced while it was copied")
            kept = replace(entry.info.attributes, tags=entry.tags)
            return self.put(target_key, file, kept if attributes is None else attributes)

    def tags(self, key: str) -> dict[str, str]:
        """See `Bucket.tags`."""
        return dict(self._find(key).tags)

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """See `Bucket.set_tags`."""
        where, encoded = object_url(self._url, key), check_key(self._url, key)
        check_tags(where, tags)
        with self._index.writing() as index:
            entry = index.find(encoded)
            if entry is None:
                raise NotFound(f"{where}: no such key")
            info = replace(entry.info, tag_count=len(tags))
            index.store(encoded, replace(entry, info=info, tags=dict(tags)))

    def acl(self, key: str) -> Acl:
        """See `Bucket.acl`: a folder has none."""
        raise InvalidRequest(f"{object_url(self._url, key)}: a folder has no ACLs")

    def set_acl(self, key: str, *, acl: str | None = None, grants: Sequence[Grant] = ()) -> None:
        """See `Bucket.set_acl`: a folder has none."""
        self.acl(key)

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[Listed]:
        """See `Bucket.list`. Each thousand is what was there at one moment."""
        beginning = encode_text(self._url, prefix)
        after = encode_text(self._url, start_after)
        while True:
            with self._index.reading() as index:
                page = index.page(beginning, after, _PAGE_SIZE)
            for entry in page:
                info = entry.info
                yield Listed(info.key, info.size, info.etag, info.modified)
            if len(page) < _PAGE_SIZE:
                return
            after = page[-1].info.key.encode()

    def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        encoded = check_key(self._url, key)
        with self._index.reading() as index:
            if index.find(encoded) is None:
                return
        with self._index.writing() as index:
            old = index.find(encoded)
            index.drop(encoded)
        if old is not None:
            self._remove(old)

    def local_path(self, key: str) -> Path | None:
        """See `Bucket.local_path`."""
        with self._index.reading() as index:
            entry = index.find(check_key(self._url, key))
        return None if entry is None else self._bodies.path(entry.body)

    def _check(self) -> None:
        try:
            names = {each.name for each in self._path.iterdir()}
        except FileNotFoundError as error:
            raise BucketNotFound(f"{self._url}: no such folder") from error
        except NotADirectoryError as error:
            raise InvalidRequest(f"{self._url}: a folder expected, found a file") from error
        if _INDEX in names:
            self._index.check()
        elif all(map(_is_ours, names)):
            raise BucketNotFound(f"{self._url}: no store in this folder")
        else:
            raise InvalidRequest(
                f"{self._url}: a store or an empty folder expected, found other files"
            )

    def _create(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        if not all(_is_ours(each.name) for each in self._path.iterdir()):
            raise InvalidRequest(f"{self._url}: an empty folder expected, found other files")
        self._bodies.create()
        with replacing(self._path / _README) as file:
            file.write(_README_TEXT.encode())
        self._index.create()  # the last step: from here on it is a store
        flush_folder(self._path)

    def _find(self, key: str) -> Entry:
        encoded = check_key(self._url, key)
        with self._index.reading() as index:
            entry = index.find(encoded)
        if entry is None:
            raise NotFound(f"{object_url(self._url, key)}: no such key")
        return entry

    def _open(self, key: str) -> tuple[Entry, BinaryIO]:
        """Open an object that others may replace or delete meanwhile."""
        missing = None
        while True:
            entry = self._find(key)
            try:
                return entry, self._bodies.open(entry.body)
            except FileNotFoundError as error:
                if entry.body == missing:
                    raise DamagedObject(
                        f"{object_url(self._url, key)}: its body "
                        f"{self._bodies.path(entry.body)} is missing"
                    ) from error
                missing = entry.body

    def _remove(self, old: Entry) -> None:
        """Remove the body of an object that is no more. If that fails, a later put will do it."""
        with suppress(OSError):
            self._bodies.remove(old.body)

    def _remove_unused(self, name: str) -> None:
        with suppress(OSError, DeltaloftError), self._index.writing() as index:
            _remove_if_unused(self._bodies, index, name)

    def _tidy(self, name: str, old: Entry | None) -> None:
        """Remove what the put of `name` replaced, and what others left in its subfolder."""
        if old is not None:
            self._remove(old)
        beginning = name[:2]
        if beginning in self._tidied:
            return
        self._tidied.add(beginning)
        with suppress(OSError, DeltaloftError):  # the put has succeeded, whatever comes of this
            self._bodies.remove_unfinished()
            with self._index.reading() as index:
                known = index.bodies(beginning)
            for abandoned in self._bodies.unheld(beginning, known):
                with self._index.writing() as index:
                    _remove_if_unused(self._bodies, index, abandoned)


class _FileReading:
    """An object of a folder being read. Implements `Reading`."""

    def __init__(self, info: ObjectInfo, file: BinaryIO, size: int, where: str) -> None:
        """Read the next `size` bytes of an open file."""
        self._info = info
        self._file = file
        self._left = size
        self._where = where

    @property
    def info(self) -> ObjectInfo:
        """See `Reading.info`."""
        return self._info

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """See `Reading.chunks`."""
        while self._left > 0:
            chunk = self._file.read(min(size, self._left))
            if not chunk:
                raise DamagedObject(
                    f"{self._where}: {self._left} more bytes expected, found the end of the file"
                )
            self._left -= len(chunk)
            yield chunk


def _check_kept(where: str, attributes: Attributes) -> None:
    """Refuse what only a service can do with an object."""
    refused = [
        name
        for name in ("storage_class", "encryption", "acl", "grants", "lock")
        if getattr(attributes, name) not in (None, (), "STANDARD")
    ]
    if refused:
        raise InvalidRequest(f"{where}: a folder has no {', '.join(refused)}")


def _check_condition(
    entry: Entry | None, where: str, if_match: str | None, no_clobber: bool
) -> None:
    if no_clobber and entry is not None:
        raise AlreadyExists(f"{where}: a free key expected, found an object")
    if if_match is not None and (entry is None or entry.info.etag != if_match):
        found = "no object" if entry is None else entry.info.etag
        raise PreconditionFailed(f"{where}: ETag {if_match} expected, found {found}")


def _is_ours(name: str) -> bool:
    # Beside them, what `replacing` makes of the README while another process creates the folder.
    return name in _OURS or name.startswith(f".{_README}.")


def _remove_if_unused(bodies: Bodies, index: Transaction, name: str) -> None:
    if not index.uses(name):
        bodies.remove(name)


def _now() -> datetime:
    # To the microsecond, as the index keeps it.
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time.time_ns() // 1000)


def is_bucket(path: Path) -> bool:
    """Say whether there is a bucket in the folder `path`, whatever its state."""
    # A path may end in a key whose parts are longer than names of folders: pathlib's would raise.
    return os.path.isfile(path / _INDEX)  # noqa: PTH113
