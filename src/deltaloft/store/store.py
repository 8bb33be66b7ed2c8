"""The store: put, get, read, list, stat and delete on one bucket."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bases import BaseIndex
from deltaloft.bucket import Attributes, Bucket
from deltaloft.bucket_requests import object_url
from deltaloft.bucket_url import open_bucket
from deltaloft.buffers import Buffer
from deltaloft.errors import DamagedObject, InvalidRequest, NotFound, UnsupportedFormat
from deltaloft.layout import Delta, Foreign
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.deltas import CodecPolicy
from deltaloft.store.get import Getting
from deltaloft.store.input import opened
from deltaloft.store.object_file import ObjectFile
from deltaloft.store.proof import Progress
from deltaloft.store.put import DeltaPolicy, Putting
from deltaloft.store.results import Entry, FormName, GetResult, PutResult, Stat

__all__ = ["Store"]

_POLICIES = ("auto", "always", "never")
_CODECS = ("auto", "vcdiff")


class Store:
    """Files of one bucket, kept as deltas where that is smaller.

    What `get` returns is what `put` was given, byte for byte, or an error. Several threads may
    share a store, and any number of processes a bucket, without locks.
    """

    def __init__(self, bucket: Bucket, *, cache: BaseCache | None = None) -> None:
        """Work on a bucket that is open already; `open` takes a URL instead."""
        self._bucket = bucket
        self._index = BaseIndex(bucket)
        self._base_bytes = BaseBytes(bucket, cache)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        create: bool = False,
        client: Any = None,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        cache: BaseCache | None = None,
    ) -> Store:
        """Open the store at `s3://bucket`, `s3://bucket/root`, `file:///folder` or a path.

        Args:
            url: Where. What follows the bucket's name is a root: a store of its own, whose bases
                serve nothing outside it.
            create: Make the bucket or folder if there is none.
            client: A boto3 S3 client to use; else one is made from the next three.
            profile: A profile of the AWS configuration.
            region: The bucket's region.
            endpoint_url: The endpoint of an S3-compatible service.
            cache: Where downloaded bases are kept; by default the cache of the environment.

        Raises:
            InvalidRequest: the URL is not one of those.
            BucketNotFound: there is no such bucket or folder, and not `create`.
        """
        bucket = open_bucket(
            url,
            create=create,
            client=client,
            profile=profile,
            region=region,
            endpoint_url=endpoint_url,
        )
        return cls(bucket, cache=cache)

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the bucket; a closed store is of no use."""

    @property
    def url(self) -> str:
        """Return where the store is, for messages."""
        return self._bucket.url

    def put(
        self,
        file: str | Path | Buffer | BinaryIO,
        key: str,
        *,
        delta: DeltaPolicy = "auto",
        codec: CodecPolicy = "auto",
        attributes: Attributes | None = None,
        no_clobber: bool = False,
        level: int = 6,
        progress: Progress | None = None,
    ) -> PutResult:
        """Store a file under `key`; what was there is replaced at once and whole.

        Args:
            file: A path, a buffer that nobody changes meanwhile, or a file object that is read
                from where it stands to its end.
            key: 1 to 1,024 bytes of UTF-8.
            delta: "always" tries a delta whatever the type of the file, "never" stores it plain.
            codec: "vcdiff" keeps to deltas that stock tools read; "auto" looks inside deflate, too,
                and takes what is smaller.
            attributes: The user's metadata and headers; they come back from `stat`.
            no_clobber: Refuse to replace, as far as the endpoint honours conditions.
            level: How hard to encode, from 1 (fast) to 9 (small).
            progress: Told how many bytes more have been read.

        Raises:
            InvalidRequest: a key, attribute or option that can never work.
            InputChanged: the file changed meanwhile; nothing was stored under the key.
            AlreadyExists: `no_clobber`, and the key is taken.
            StorageError: the bucket refused.
            OSError: the file cannot be read, or the disk for temporary files is full.
        """
        layout.check_key(self.url, key)
        attributes = attributes or Attributes()
        layout.check_attributes(object_url(self.url, key), attributes)
        if delta not in _POLICIES:
            raise InvalidRequest(f"delta: one of {', '.join(_POLICIES)} expected, found {delta!r}")
        if codec not in _CODECS:
            raise InvalidRequest(f"codec: one of {', '.join(_CODECS)} expected, found {codec!r}")
        if not 1 <= level <= 9:
            raise InvalidRequest(f"level: 1 to 9 expected, found {level}")
        with opened(file, progress) as given:
            return Putting(
                self._bucket,
                self._index,
                self._base_bytes,
                key,
                given,
                attributes,
                no_clobber,
                level,
                codec,
            ).run(delta)

    def get(
        self, key: str, target: str | Path | BinaryIO, *, progress: Progress | None = None
    ) -> GetResult:
        """Give the file of `key` back, proven by its SHA-256.

        A path is replaced whole, or left as it was. To a file object the bytes flow as they are
        decoded; the last piece is withheld until the digest is right, so that after an error the
        file object has got an incomplete file and never a wrong whole one.

        Raises:
            NotFound: no such key.
            DamagedObject: what is stored cannot give the file back; the message names it.
            UnsupportedFormat: a later deltaloft stored it.
            OSError: the target cannot be written.
        """
        layout.check_key(self.url, key)
        return Getting(self._bucket, self._base_bytes, key, progress).run(target)

    def read(self, key: str) -> bytes:
        """Return the file of `key` as bytes; errors are those of `get`."""
        target = io.BytesIO()
        self.get(key, target)
        return target.getvalue()

    def open_file(self, key: str) -> ObjectFile:
        """Open the file of `key` for reading anywhere in it: one HEAD, then what is read.

        Raises:
            NotFound: no such key.
            DamagedObject: its metadata contradicts itself.
            UnsupportedFormat: a later deltaloft stored it.
        """
        info = self._bucket.head(layout.check_key(self.url, key))
        return ObjectFile(self._bucket, self._base_bytes, info)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield what is stored under keys that start with `prefix`, in order of UTF-8 bytes.

        One request per page of 1,000 keys. On a bucket of this machine `logical_size` is read from
        each object's metadata; on S3 it is None.
        """
        for listed in self._bucket.list(prefix):
            if not layout.is_ours(listed.key):
                size = self._local_size(listed.key)
                yield Entry(listed.key, listed.size, size, listed.etag, listed.modified)

    def stat(self, key: str) -> Stat:
        """Describe what is stored under `key`: one HEAD.

        Raises:
            NotFound: no such key.
            DamagedObject: its metadata contradicts itself.
            UnsupportedFormat: a later deltaloft stored it.
        """
        info = self._bucket.head(layout.check_key(self.url, key))
        form = layout.form_of(info, object_url(self.url, key))
        name: FormName = "plain"
        size, sha256, base = info.size, None, None
        if isinstance(form, Foreign):
            name = "foreign"
        else:
            sha256 = form.sha256
        if isinstance(form, Delta):
            name, size, base = "delta", form.size, form.base
        attributes = layout.user_attributes(info.attributes)
        return Stat(key, name, size, info.size, sha256, base, attributes, info.etag, info.modified)

    def delete(self, key: str) -> None:
        """Remove what is stored under `key`; a missing key is no error. Bases stay."""
        self._bucket.delete(layout.check_key(self.url, key))

    def _local_size(self, key: str) -> int | None:
        if self._bucket.local_path(key) is None:
            return None
        try:
            info = self._bucket.head(key)
            form = layout.form_of(info, object_url(self.url, key))
        except (NotFound, DamagedObject, UnsupportedFormat):
            return None
        return form.size if isinstance(form, Delta) else info.size
