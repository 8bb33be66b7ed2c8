"""A store as a file system of fsspec, for pandas, pyarrow and all that open URLs through it.

    dg+s3://BUCKET/KEY         pandas.read_parquet("dg+s3://releases/data.parquet")
    dg+file:///STORE/KEY       fsspec.open("dg+file:///srv/store/notes.txt")

Reading fetches ranges; a file that is written is stored, as `Store.put` does, when it is closed.
Folders are what keys have before a slash: they need not be made, and vanish with their last key.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from deltaloft.base_cache import BaseCache
from deltaloft.errors import AccessDenied, AlreadyExists, InvalidRequest, NotFound
from deltaloft.place import Place, locate
from deltaloft.store import Entry, Stat, Store

__all__ = ["FolderFileSystem", "S3FileSystem"]

_BLOCK_SIZE = 16 << 20  # a window of our deltas: less would decode the same window twice


@contextmanager
def _errors_of_files(path: str) -> Iterator[None]:
    """Raise what those who open files look out for."""
    try:
        yield
    except NotFound as error:
        raise FileNotFoundError(path) from error
    except AlreadyExists as error:
        raise FileExistsError(path) from error
    except AccessDenied as error:
        raise PermissionError(path) from error


class _StoreFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """What the file systems of all kinds of stores have in common.

    Args:
        create: Whether writing may make a store.
        delta: As `Store.put` takes it, for what is written.
        level: As `Store.put` takes it, for what is written.
        cache: Where downloaded bases are kept.
        open_options: Of `Store.open`.
        options: Of fsspec's own.
    """

    _scheme = ""

    def __init__(
        self,
        *,
        create: bool = False,
        delta: Any = "auto",
        level: int = 6,
        cache: BaseCache | None = None,
        open_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._create = create
        self._put_options = {"delta": delta, "level": level}
        self._open_options: dict[str, Any] = {"cache": cache, **(open_options or {})}
        self._stores: dict[str, Store] = {}

    def _located(self, path: str, *, putting: bool = False) -> tuple[Store, Place]:
        place = self._place(self._strip_protocol(path), putting)
        store = self._stores.get(place.store)
        if store is None:
            store = Store.open(place.store, create=place.create, **self._open_options)
            self._stores[place.store] = store
        return store, place

    def _place(self, path: str, putting: bool) -> Place:
        raise NotImplementedError

    # ---- What is there ----

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Describe a file, or a folder that has files below it."""
        path = self._strip_protocol(path)
        with _errors_of_files(path):
            store, place = self._located(path)
            try:
                if place.key:
                    return _file(path, store.stat(place.key))
            except NotFound:
                pass
            if not place.key or next(store.list(f"{place.key}/", sizes=False), None) is not None:
                return _folder(path)
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List one level of a folder, or the file itself.

        The size of an object that does not tell it, as it is damaged or of a later format, is None.
        """
        path = self._strip_protocol(path)
        with _errors_of_files(path):
            found = self._level(path) or [self.info(path)]
        return found if detail else [each["name"] for each in found]

    def _level(self, path: str) -> list[dict[str, Any]]:
        store, place = self._located(path)
        prefix = f"{place.key}/" if place.key else ""
        level: dict[str, dict[str, Any]] = {}
        for entry in store.list(prefix):
            name, slash, _ = entry.key[len(prefix) :].partition("/")
            full = f"{path}/{name}"
            if name and full not in level:
                level[full] = _folder(full) if slash else _file(full, entry)
        return list(level.values())

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **options: Any,
    ) -> Any:
        """List all files below a folder, in one listing."""
        if maxdepth is not None or withdirs:
            return super().find(path, maxdepth, withdirs, detail, **options)
        path = self._strip_protocol(path)
        with _errors_of_files(path):
            store, place = self._located(path)
            prefix = f"{place.key}/" if place.key else ""
            found = {
                name: _file(name, entry)
                for entry in store.list(prefix)
                for name in [f"{path}/{entry.key[len(prefix) :]}"]
            }
            if not found and place.key and self.isfile(path):
                found = {path: self.info(path)}
        return found if detail else list(found)

    def created(self, path: str) -> datetime:
        """Return when this version was stored."""
        return self.modified(path)

    def modified(self, path: str) -> datetime:
        """Return when this version was stored."""
        modified: datetime = self.info(path)["LastModified"]
        return modified

    # ---- Files in and out ----

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> AbstractBufferedFile:
        kind = _ReadFile if mode == "rb" else _WrittenFile
        with _errors_of_files(path):
            return kind(
                self,
                path,
                mode,
                block_size or _BLOCK_SIZE,
                autocommit,
                cache_options=cache_options,
                **options,
            )

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return a file, or a part of it."""
        with _errors_of_files(path):
            store, place = self._located(path)
            if start is None and end is None:
                return store.read(place.key)
            with store.open_file(place.key) as file:
                first, last, _step = slice(start, end).indices(file.size)
                return file.read_at(first, last - first)

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        """Write a file of the store to a path, proven."""
        with _errors_of_files(rpath):
            if self.isdir(rpath):
                super().get_file(rpath, lpath)
                return
            store, place = self._located(rpath)
            store.get(place.key, lpath)

    def put_file(self, lpath: str, rpath: str, mode: str = "overwrite", **_: Any) -> None:
        """Store a local file."""
        from pathlib import Path

        if Path(lpath).is_dir():
            return
        with _errors_of_files(rpath):
            self._put(rpath, Path(lpath), no_clobber=mode == "create")

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Store a file of the store under another key too, or in another store."""
        with _errors_of_files(path1):
            store, place = self._located(path1)
            other, target = self._located(path2, putting=True)
            store.copy(place.key, target.key, target=None if other is store else other)

    def _rm(self, path: str) -> None:
        with _errors_of_files(path):
            store, place = self._located(path)
            store.delete(place.key)

    def _put(self, path: str, file: Any, *, no_clobber: bool = False) -> None:
        store, place = self._located(path, putting=True)
        store.put(file, place.key, no_clobber=no_clobber, **self._put_options)

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Do nothing: a folder is there when a key is below it."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Do nothing: a folder is there when a key is below it."""

    def rmdir(self, path: str) -> None:
        """Do nothing: a folder is gone when no key is below it."""


class S3FileSystem(_StoreFileSystem):
    """The stores of S3 buckets.

    Args:
        root: The root of the stores in their buckets, as `Store.open` takes it after the bucket.
        client: A boto3 S3 client; else one is made from the next three.
        profile: A profile of the AWS configuration.
        region: The buckets' region.
        endpoint_url: The endpoint of an S3-compatible service.
        options: As of `_StoreFileSystem` and fsspec.
    """

    protocol = "dg+s3"

    def __init__(
        self,
        *,
        root: str = "",
        client: Any = None,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            open_options={
                "client": client,
                "profile": profile,
                "region": region,
                "endpoint_url": endpoint_url,
            },
            **options,
        )
        self._root = root

    def _place(self, path: str, putting: bool) -> Place:
        return locate(f"s3://{path}", root=self._root, putting=putting, create=self._create)


class FolderFileSystem(_StoreFileSystem):
    """The stores of this machine's folders."""

    protocol = "dg+file"
    root_marker = "/"

    def _place(self, path: str, putting: bool) -> Place:
        return locate(path, putting=putting, create=self._create and putting)


class _ReadFile(AbstractBufferedFile):  # type: ignore[misc]
    """One version of a file, read by ranges."""

    def __init__(self, fs: _StoreFileSystem, path: str, *arguments: Any, **options: Any) -> None:
        store, place = fs._located(path)
        self._file = store.open_file(place.key)
        super().__init__(fs, path, *arguments, size=self._file.size, **options)

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self._file.read_at(start, end - start)

    def close(self) -> None:
        """Give the file back."""
        super().close()
        self._file.close()


class _WrittenFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file that is stored when it is closed, and not at all when its block ends in an error.

    The block of `fs.open`, that is: `fsspec.open` closes its file whatever happens.
    """

    fs: _StoreFileSystem

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.mode not in ("wb", "xb"):
            raise InvalidRequest(f"mode r, w or x expected, found {self.mode.rstrip('b')}")

    def _initiate_upload(self) -> None:
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by commit or discard

    def _upload_chunk(self, final: bool = False) -> bool:
        self._spool.write(self.buffer.getbuffer())
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        """Store what was written."""
        with self._spool, _errors_of_files(self.path):
            self._spool.seek(0)
            self.fs._put(self.path, self._spool, no_clobber=self.mode == "xb")

    def discard(self) -> None:
        """Forget what was written."""
        self._spool.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
            return
        self.closed = True
        if self.offset is not None:
            self.discard()


def _file(name: str, found: Entry | Stat) -> dict[str, Any]:
    size = found.size if isinstance(found, Stat) else found.logical_size
    return {
        "name": name,
        "type": "file",
        "size": size,
        "stored_size": found.stored_size,
        "ETag": found.etag,
        "LastModified": found.modified,
    }


def _folder(name: str) -> dict[str, Any]:
    return {"name": name, "type": "directory", "size": 0}
