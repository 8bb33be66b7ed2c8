"""The store: put, get, read, list, stat and delete on one bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, Unpack

from deltaloft import layout
from deltaloft.bases import BaseIndex
from deltaloft.bucket import Attributes, Bucket
from deltaloft.bucket_requests import object_url
from deltaloft.bucket_url import open_bucket
from deltaloft.buffers import Buffer
from deltaloft.deltaglider import DeltaGlider, Limits, Mode
from deltaloft.store import verbs
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.get import Getting
from deltaloft.store.marks import Marks
from deltaloft.store.older import OlderFiles
from deltaloft.store.options import (
    CodecPolicy,
    DeltaPolicy,
    PutOptions,
    check_options,
    codec_policy,
)
from deltaloft.store.proof import Progress
from deltaloft.store.results import (
    CatalogResult,
    CopyResult,
    Entry,
    Explanation,
    GcResult,
    GetResult,
    PutResult,
    Stat,
    StoredBase,
    Verified,
)

if TYPE_CHECKING:
    from deltaloft.base_cache import BaseCache

__all__ = ["Store"]


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
        deltaglider: Mode | Limits = "auto",
        codec: CodecPolicy | None = None,
    ) -> None:
        """Work on a bucket that is open already; `open` takes a URL instead."""
        self._bucket = bucket
        self._codec = codec_policy(codec)
        self._indexes: dict[str, BaseIndex] = {}  # by protection
        self._base_bytes = BaseBytes(bucket, cache)
        self._marks = Marks(bucket, self._base_bytes)
        self._deltaglider = DeltaGlider(bucket, self._base_bytes.cache, deltaglider)
        self._older = OlderFiles(bucket, self._deltaglider)

    @classmethod
    def open(
        cls,
        url: str | Path,
        *,
        create: bool = False,
        client: Any = None,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        cache: BaseCache | None = None,
        deltaglider: Mode | Limits = "auto",
        codec: CodecPolicy | None = None,
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
            deltaglider: "auto" also finds what DeltaGlider stored, at a HEAD more for what is not
                ours, unless a listing has ruled it out; "never" takes the bucket as it is.
                `Limits` are "auto" with limits.
            codec: What a `put` keeps to that does not say; by default DG_CODEC, or else "auto".

        Raises:
            InvalidRequest: the URL is not one of those.
            BucketNotFound: there is no such bucket or folder, and not `create`.
        """
        reached = {"profile": profile, "region": region, "endpoint_url": endpoint_url}
        bucket = open_bucket(url, create=create, client=client, **reached)
        return cls(bucket, cache=cache, deltaglider=deltaglider, codec=codec)

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the bucket; a closed store is of no use."""

    @property
    def url(self) -> str:
        """Return where the store is, for messages."""
        return self._bucket.url

    @property
    def requests(self) -> int | None:
        """Return how many requests were sent so far; None where nobody counts them."""
        return self._bucket.requests

    def put(
        self,
        file: str | Path | Buffer | BinaryIO,
        key: str,
        *,
        delta: DeltaPolicy = "auto",
        codec: CodecPolicy | None = None,
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
                and takes what is smaller. None is as the store was opened.
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
        codec = self._codec if codec is None else codec_policy(codec)
        check_options(delta, level, attributes)
        self._deltaglider.check_put(key, no_clobber=no_clobber)
        where = self._bucket, self._index_for(attributes), self._base_bytes
        with verbs.opened(file, progress) as given:
            putting = verbs.Putting(*where, key, given, attributes, no_clobber, level, codec)
            return putting.run(delta)

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

        A large file that a killed process was fetching to the same path is gone on with. So is one
        that ended in Unreachable or Throttled: what came is kept beside the path.

        With `inflated`, a compressed file whose content DeltaGlider stored comes as that content.

        Raises:
            NotFound: no such key.
            PreconditionFailed: the object was replaced meanwhile, twice, or once after bytes of it
                had gone to the file object.
            DamagedObject: what is stored cannot give the file back; the message names it. It is
                ContentOnly, where `inflated` would give the content.
            WrongSource: DeltaGlider's reference was overwritten.
            UnsupportedFormat: a later deltaloft stored it.
            OSError: the target cannot be written.
        """
        getting = self._getting(key, progress)
        result = self._older.get(getting, target, inflated=inflated)
        return replace(result, spent=getting.meter.spent())

    def read(self, key: str) -> bytes:
        """Return the file of `key` as bytes; errors are those of `get`."""
        return self._older.read(self._getting(key, None))

    def _getting(self, key: str, progress: Progress | None) -> Getting:
        layout.check_key(self.url, key)
        return Getting(self._bucket, self._base_bytes, self._deltaglider.find, key, progress)

    def copy(
        self,
        source_key: str,
        target_key: str,
        *,
        target: Store | None = None,
        attributes: Attributes | None = None,
        **options: Unpack[PutOptions],
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
            options: As `put` takes them, for a file that is put. `no_clobber` looks first; inside a
                store two copies may meet; the form stays, whatever `delta` and `codec` say.

        Raises:
            NotFound: no such source.
            AlreadyExists: `no_clobber`, and the target's key is taken.
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
        ours = self._bucket, self._base_bytes
        keys = source_key, target_key
        ways = self.get, target.put
        copying = verbs.Copying(*ours, *keys, attributes, options, *ways, self._marks, self._older)
        no_clobber = options.get("no_clobber", False)
        target._deltaglider.check_put(target_key, no_clobber=no_clobber)
        if no_clobber:
            verbs.check_free(target._bucket, target_key)
        return copying.run(within=target is self)

    def open_file(self, key: str) -> verbs.ObjectFile:
        """Open the file of `key` for reading anywhere in it: one HEAD, then what is read.

        What DeltaGlider stored as a delta is given back whole when it is read first.

        Raises:
            NotFound: no such key.
            DamagedObject: its metadata contradicts itself.
            UnsupportedFormat: a later deltaloft stored it.
        """
        found = self._older.head(layout.check_key(self.url, key))
        return verbs.ObjectFile(self._bucket, self._base_bytes, found)

    def list(
        self,
        prefix: str = "",
        *,
        start_after: str = "",
        sizes: bool | Callable[[str], bool] = True,
    ) -> Iterator[Entry]:
        """Yield what is stored under keys that start with `prefix` and come after `start_after`.

        In order of UTF-8 bytes; one request per page of 1,000 keys. Logical sizes come from the
        catalog and, where it does not know, from a HEAD per key, some at a time; what a listing
        from the beginning of `prefix` brings to light is written to it, if it is much and we may.
        They are None without `sizes`, and where that is a function which says no of a key.
        """
        return verbs.entries(self._bucket, self._deltaglider, prefix, start_after, sizes)

    def refresh_catalog(self, prefix: str = "") -> CatalogResult:
        """Bring the catalog up to date, so that listings need no request per key.

        Objects that are younger than two seconds are left out. Without the right to write it only
        finds out how much there would be to do.
        """
        return verbs.refreshed(self._bucket, prefix)

    def bases(self) -> Iterator[StoredBase]:
        """Yield the bases, in order of their digests: one request per 1,000 of them."""
        return verbs.bases(self._bucket)

    def verify(self, prefix: str = "", *, progress: Progress | None = None) -> Iterator[Verified]:
        """Read everything below `prefix` again, prove it, and yield what became of each object.

        Objects without a base come first; then base by base, each of which is read once. Memory is
        that for the largest base and a few deltas, however many keys there are.

        Raises:
            StorageError: the bucket does not answer; what was yielded is not all.
        """
        return verbs.Verifying(self._bucket, self._deltaglider, progress).run(prefix)

    def gc(
        self,
        *,
        delete: bool = False,
        grace: timedelta = timedelta(hours=24),
        alone: bool = False,
        attributes: Attributes | None = None,
    ) -> GcResult:
        """Look for bases that nothing refers to any more; with `delete`, mark and delete them.

        It takes two runs at least an hour apart: the first marks a base, the second deletes it if
        it still is of no use. Others may write meanwhile.

        Args:
            delete: Do it; else only say what would be done.
            grace: Leave bases alone that are younger than this, by the bucket's clock.
            alone: Nobody else writes until this is done: a bucket will do that ignores conditions.
            attributes: Look after the bases of files that were put with the encryption, ACL and
                grants of these; by default, of those put without any.

        Raises:
            InvalidRequest: a negative `grace`.
            UnsupportedFormat, DamagedObject, AccessDenied: an object does not tell which base it
                needs; nothing is deleted.
            StorageError: a listing could not be completed, or the bucket ignores conditions.
        """
        index = self._index_for(attributes or Attributes())
        return verbs.Collecting(self._bucket, index, grace=grace, delete=delete, alone=alone).run()

    def stat(self, key: str) -> Stat:
        """Describe what is stored under `key`: one HEAD, and mostly one more if it is not ours.

        Raises:
            NotFound: no such key.
            DamagedObject: its metadata contradicts itself.
            UnsupportedFormat: a later deltaloft stored it.
        """
        return self._older.stat(layout.check_key(self.url, key))

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
        stat = self.stat(key) if file is None else None
        given_back = partial(self.get, key)
        with verbs.fetched(given_back) if file is None else verbs.opened(file) as given:
            index = self._index_for(Attributes() if stat is None else stat.attributes)
            explaining = verbs.Explaining(index, self._base_bytes, key, given, measure)
            return explaining.of_put() if stat is None else explaining.of_stored(stat)

    def delete(self, key: str) -> None:
        """Remove what is stored under `key`; a missing key is no error. Bases stay.

        DeltaGlider's delta goes, too; a key under which it keeps something else is refused.
        """
        self._deltaglider.delete(layout.check_key(self.url, key))
        self._bucket.delete(key)

    def _index_for(self, attributes: Attributes) -> BaseIndex:
        """Return the index of the bases that a file with these attributes may share."""
        # Two threads may both make one; the slower one's is not used.
        index = BaseIndex(self._bucket, attributes)
        return self._indexes.setdefault(layout.protection(attributes), index)
