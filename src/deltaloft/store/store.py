"""The store: put, get, read, list, stat and delete on one bucket."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bases import BaseIndex
from deltaloft.bucket import Attributes, Bucket, ObjectInfo
from deltaloft.bucket_requests import object_url
from deltaloft.bucket_url import open_bucket
from deltaloft.buffers import Buffer
from deltaloft.deltaglider import DeltaGlider, Limits, Mode, StoredDelta
from deltaloft.errors import DamagedObject, InvalidRequest, NotFound, UnsupportedFormat
from deltaloft.layout import Delta, Foreign
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.copy import Copying, described
from deltaloft.store.explain import Explaining
from deltaloft.store.get import Getting
from deltaloft.store.input import opened
from deltaloft.store.object_file import ObjectFile
from deltaloft.store.older import Older, copy_older, get_older, stat_older
from deltaloft.store.proof import Progress
from deltaloft.store.put import DeltaPolicy, Putting
from deltaloft.store.results import CopyResult, Entry, Explanation, GetResult, PutResult, Stat

__all__ = ["Store"]

_POLICIES = ("auto", "always", "never")


class Store:
    """Files of one bucket, kept as deltas where that is smaller.

    What `get` returns is what `put` was given, byte for byte, or an error. Several threads may
    share a store, and any number of processes a bucket, without locks.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        cache: BaseCache | None = None,
        deltaglider: Mode = "auto",
        limits: Limits | None = None,
    ) -> None:
        """Work on a bucket that is open already; `open` takes a URL instead."""
        self._bucket = bucket
        self._indexes: dict[str, BaseIndex] = {}  # by protection
        self._base_bytes = BaseBytes(bucket, cache)
        self._deltaglider = DeltaGlider(
            bucket, self._base_bytes.cache, mode=deltaglider, limits=limits
        )

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
        deltaglider: Mode = "auto",
        limits: Limits | None = None,
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
            deltaglider: "auto" also finds what DeltaGlider stored, see docs/deltaglider.md, at one
                more HEAD for what is not ours; "never" takes the bucket as it is.
            limits: How far to go to make a compressed file of DeltaGlider's again.

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
        return cls(bucket, cache=cache, deltaglider=deltaglider, limits=limits)

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
        if not 1 <= level <= 9:
            raise InvalidRequest(f"level: 1 to 9 expected, found {level}")
        if delta == "always" and layout.is_archived(attributes):
            raise InvalidRequest(
                f"delta: auto or never expected with {attributes.storage_class}, where nothing "
                f"can be read before it is restored"
            )
        self._deltaglider.check_put(key, no_clobber=no_clobber)
        with opened(file, progress) as given:
            return Putting(
                self._bucket,
                self._index_for(attributes),
                self._base_bytes,
                key,
                given,
                attributes,
                no_clobber,
                level,
            ).run(delta)

    def get(
        self,
        key: str,
        target: str | Path | BinaryIO,
        *,
        inflated: bool = False,
        progress: Progress | None = None,
    ) -> GetResult:
        """Give the file of `key` back, proven by its SHA-256.

        A path is replaced whole, or left as it was. To a file object the bytes flow as they are
        decoded; the last piece is withheld until the digest is right, so that after an error the
        file object has got an incomplete file and never a wrong whole one.

        Args:
            key: What to get.
            target: Where to.
            inflated: Of a compressed file whose inflated content DeltaGlider stored, give that
                content. No SHA-256 of it is known.
            progress: Told how many bytes more are done.

        Raises:
            NotFound: no such key.
            DamagedObject: what is stored cannot give the file back; the message names it.
            ContentOnly: with `inflated` it would give its content.
            WrongSource: DeltaGlider's reference was overwritten, the file is lost.
            UnsupportedFormat: a later deltaloft stored it.
            OSError: the target cannot be written.
        """
        layout.check_key(self.url, key)
        try:
            return Getting(self._bucket, self._base_bytes, self._deltaglider, key, progress).run(
                target
            )
        except (NotFound, Older) as missing:
            found = self._older(key, missing)
        return get_older(found, key, target, inflated=inflated, progress=progress)

    def read(self, key: str) -> bytes:
        """Return the file of `key` as bytes; errors are those of `get`."""
        target = io.BytesIO()
        self.get(key, target)
        return target.getvalue()

    def copy(
        self,
        source_key: str,
        target_key: str,
        *,
        target: Store | None = None,
        attributes: Attributes | None = None,
    ) -> CopyResult:
        """Store the file of one key under another, in this store or in `target`.

        In one store the bucket copies what is stored, a delta as a delta; no bytes come here. To
        another store the file is given back, proven, and put.

        Args:
            source_key: What to copy.
            target_key: Where to; what is there is replaced.
            target: The other store, if it is another.
            attributes: The target's; None keeps all of the source's, tags, storage class,
                encryption, ACL and lock included, or fails where the target can not.

        Raises:
            NotFound: no such source.
            InvalidRequest: a key or attribute that can never work, or that the target's kind of
                bucket can not keep.
            Unsupported: the target's endpoint refuses or ignores an attribute.
            ObjectArchived: the source has to be restored first.
            DamagedObject: what is stored cannot give the file back.
            PreconditionFailed, InputChanged: the source was replaced while it was copied.
        """
        target = target or self
        layout.check_key(self.url, source_key)
        layout.check_key(target.url, target_key)
        if attributes is not None:
            layout.check_attributes(object_url(target.url, target_key), attributes)

        def put(file: BinaryIO, key: str, attributes: Attributes) -> PutResult:
            return target.put(file, key, attributes=attributes)

        def look(info: ObjectInfo) -> None:
            found = self._deltaglider.find(source_key, info)
            if isinstance(found, StoredDelta):
                raise Older(found)

        target._deltaglider.check_put(target_key, no_clobber=False)
        copying = Copying(
            self._bucket, self._base_bytes, source_key, target_key, attributes, self.get, put, look
        )
        try:
            return copying.within() if target is self else copying.between()
        except (NotFound, Older) as missing:
            found = self._older(source_key, missing)
        return copy_older(found, source_key, target_key, attributes, put)

    def open_file(self, key: str) -> ObjectFile:
        """Open the file of `key` for reading anywhere in it: one HEAD, then what is read.

        Raises:
            NotFound: no such key.
            DamagedObject: its metadata contradicts itself.
            UnsupportedFormat: a later deltaloft stored it, or DeltaGlider did as a delta: then it
                can only be had whole.
        """
        try:
            info = self._bucket.head(layout.check_key(self.url, key))
        except NotFound as missing:
            url = object_url(self.url, self._older(key, missing).info.key)
            raise UnsupportedFormat(f"{url}: DeltaGlider's, can only be had whole") from missing
        return ObjectFile(self._bucket, self._base_bytes, info)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield what is stored under keys that start with `prefix`, in order of UTF-8 bytes.

        One request per page of 1,000 keys. On a bucket of this machine `logical_size` is read from
        each object's metadata; on S3 it is None.
        """
        for listed in self._deltaglider.listed(self._bucket.list(prefix), prefix):
            if not layout.is_ours(listed.key):
                size = self._local_size(listed.key)
                yield Entry(listed.key, listed.size, size, listed.etag, listed.modified)

    def stat(self, key: str) -> Stat:
        """Describe what is stored under `key`: one HEAD, and one more if it is not ours.

        Raises:
            NotFound: no such key.
            DamagedObject: its metadata contradicts itself.
            UnsupportedFormat: a later deltaloft stored it.
        """
        layout.check_key(self.url, key)
        try:
            info = self._bucket.head(key)
        except NotFound:
            older = self._deltaglider.find(key, None)
            if older is None:
                raise
            return stat_older(older, key, None)
        form = layout.form_of(info, object_url(self.url, key))
        if isinstance(form, Foreign):
            older = self._deltaglider.find(key, info)
            if older is not None:
                return stat_older(older, key, info)
        name, size, sha256, base = described(form, info)
        attributes = layout.user_attributes(info.attributes)
        return Stat(key, name, size, info.size, sha256, base, attributes, info.etag, info.modified)

    def explain(
        self,
        key: str,
        file: str | Path | Buffer | BinaryIO | None = None,
        *,
        measure: bool = False,
    ) -> Explanation:
        """Say which base a file has or would get, why, and what others would cost.

        Nothing is written. Deltas against the best three bases are really made, if these bases are
        on this machine.

        Args:
            key: Whose stored file is explained; or, with `file`, what putting that there would do.
            file: As in `put`.
            measure: Download bases that are not on this machine.

        Raises:
            NotFound: no such key.
            DamagedObject: what is stored cannot give the file back.
            StorageError: the bucket cannot be read.
        """
        layout.check_key(self.url, key)
        if file is not None:
            with opened(file) as given:
                index = self._index_for(Attributes())
                return Explaining(index, self._base_bytes, key, given, measure).of_put()
        stat = self.stat(key)
        with tempfile.TemporaryFile() as stored:
            self.get(key, cast("BinaryIO", stored))
            stored.seek(0)
            with opened(cast("BinaryIO", stored)) as given:
                index = self._index_for(stat.attributes)
                explaining = Explaining(index, self._base_bytes, key, given, measure)
                return explaining.of_stored(stat)

    def delete(self, key: str) -> None:
        """Remove what is stored under `key`; a missing key is no error. Bases stay.

        Raises:
            InvalidRequest: DeltaGlider keeps a reference or another file under this key.
        """
        self._deltaglider.delete(layout.check_key(self.url, key))
        self._bucket.delete(key)

    def _older(self, key: str, missing: NotFound | Older) -> StoredDelta:
        """Return DeltaGlider's delta of a key that is missing, or is older than the delta."""
        if isinstance(missing, Older):
            return missing.found
        found = self._deltaglider.find(key, None)
        if not isinstance(found, StoredDelta):
            raise missing
        return found

    def _index_for(self, attributes: Attributes) -> BaseIndex:
        """Return the index of the bases that a file with these attributes may share."""
        token = layout.protection(attributes)
        # Two threads may both make one; the slower one's is not used.
        return self._indexes.setdefault(token, BaseIndex(self._bucket, attributes))

    def _local_size(self, key: str) -> int | None:
        if self._bucket.local_path(key) is None:
            return None
        try:
            info = self._bucket.head(key)
            form = layout.form_of(info, object_url(self.url, key))
        except (NotFound, DamagedObject, UnsupportedFormat):
            return None
        return form.size if isinstance(form, Delta) else info.size
