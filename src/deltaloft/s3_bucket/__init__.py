"""A bucket of S3 or of an S3-compatible service, through botocore, which is most of boto3.

    connection   a client with our timeouts and retries
    failures     boto3's exceptions -> ours
    answers      what an answer says of an object
    versions     what is no longer current
    reading      a body that survives a broken line
    writing      a put whose outcome is known, conditions and lost answers included
    multipart    large bodies
    copying      a copy that stays inside the bucket
    attributes   ours <-> boto3's; tagging, acl: those that have calls of their own
    honouring    does the endpoint keep what it is given?
    buckets      which buckets there are
    whole        a bucket's end, and its ACL
    known        what dg doctor has found out; probing, orphans: how it does

A call costs one request, beyond these: a listing one per thousand keys, a put above 64 MiB one per
part and three more, a HEAD of a missing key a second one the first time, to see whether the bucket
is there at all, and a refused condition another one to see why. A GET answered 404 without a word
of S3's is believed only if a HEAD says so, too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from deltaloft.bucket import Acl, Attributes, Grant, Listed, ObjectInfo, Version
from deltaloft.bucket_requests import (
    check_attributes,
    check_conditions,
    check_copy,
    check_key,
    check_range,
    encode_text,
    object_url,
)
from deltaloft.buffers import Buffer
from deltaloft.errors import (
    AccessDenied,
    BucketNotFound,
    InvalidRequest,
    NotFound,
    StorageError,
)
from deltaloft.s3_bucket.acl import get_acl, put_acl
from deltaloft.s3_bucket.answers import info_of, range_of, size_of, unquoted, whole_of
from deltaloft.s3_bucket.connection import connect
from deltaloft.s3_bucket.copying import Copying
from deltaloft.s3_bucket.failures import code_of, failing, failure, status_of
from deltaloft.s3_bucket.honouring import Honouring
from deltaloft.s3_bucket.known import Known
from deltaloft.s3_bucket.listing import listed_objects
from deltaloft.s3_bucket.reading import S3Reading
from deltaloft.s3_bucket.tagging import get_tags, put_tags
from deltaloft.s3_bucket.versions import noncurrent
from deltaloft.s3_bucket.writing import Writer

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["S3Bucket"]


class S3Bucket:
    """The objects of an S3 bucket, or those below a prefix of it. Many threads may use it."""

    def __init__(
        self,
        name: str,
        *,
        client: S3Client | None = None,
        prefix: str = "",
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
    ) -> None:
        """Name a bucket; nothing is sent before the first call.

        Args:
            name: The bucket.
            client: A boto3 client, used as it is. Without one, a client is made from the next
                three and, where they are None, from the environment and the AWS configuration.
            prefix: Keys begin with this and a slash in the bucket, unknown to callers.
            profile: A profile of the AWS configuration.
            region: The bucket's region.
            endpoint_url: Where an S3-compatible service answers.

        Raises:
            InvalidRequest: there is no name, or options stand beside a client.
        """
        if not name or "/" in name:
            raise InvalidRequest(f"a bucket name expected, found {name!r}")
        if client is not None and any((profile, region, endpoint_url)):
            raise InvalidRequest(
                f"s3://{name}: a client or profile, region and endpoint URL expected, found both"
            )
        root = prefix.strip("/")
        self._name = name
        self._url = object_url(f"s3://{name}", root) if root else f"s3://{name}"
        self._prefix = f"{root}/" if root else ""
        self._options: Any = {"profile": profile, "region": region, "endpoint_url": endpoint_url}
        self._client = client
        self._client_lock = threading.Lock()
        self._requests: int | None = None if client is not None else 0
        self._seen = False  # has the bucket answered as one that exists?
        self.known = Known(name)
        self._writer = Writer(name, self.known)
        self._honouring = Honouring(name, self._prefix)

    @property
    def url(self) -> str:
        """`s3://name`, or `s3://name/prefix`."""
        return self._url

    @property
    def place(self) -> str:
        """See `Bucket.place`."""
        return f"{self.client.meta.endpoint_url} {self._url}"

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._name

    @property
    def prefix(self) -> str:
        """What all keys begin with in the bucket: nothing, or `some/prefix/`."""
        return self._prefix

    @property
    def client(self) -> S3Client:
        """The client, made when it is first asked for.

        Raises:
            InvalidRequest: an option, or the AWS configuration, cannot work.
        """
        with self._client_lock:
            if self._client is None:
                self._client = connect(self._url, **self._options)
                self._client.meta.events.register("before-send.s3", self._count)
            return self._client

    @property
    def requests(self) -> int | None:
        """See `Bucket.requests`; None with a client of somebody else's, who may send more."""
        return self._requests

    def _count(self, **_: object) -> None:
        with self._client_lock:
            assert self._requests is not None
            self._requests += 1

    def create(self) -> None:
        """Make the bucket; one that is there, and ours to use, stays.

        Raises:
            AccessDenied: it belongs to somebody else, or we may make none.
        """
        try:
            with failing(self._url):
                self.client.head_bucket(Bucket=self._name)
            return
        except NotFound:
            pass
        region = self.client.meta.region_name
        # us-east-1 is where S3 makes buckets by itself, and refuses to be named.
        place: Any = (
            {"CreateBucketConfiguration": {"LocationConstraint": region}}
            if region not in (None, "us-east-1", "aws-global")
            else {}
        )
        try:
            self.client.create_bucket(Bucket=self._name, **place)
        except ClientError as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":  # by somebody as quick as we
                raise failure(error, self._url) from error

    @contextmanager
    def get(
        self,
        key: str,
        *,
        start: int = 0,
        size: int | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Iterator[S3Reading | None]:
        """See `Bucket.get`. One request; more only when the body breaks off."""
        where, stored = self._object(key)
        check_range(where, start, size)
        ranged = start > 0 or size is not None
        asked: dict[str, Any] = {"Bucket": self._name, "Key": stored}
        if ranged:
            last = "" if size is None else start + size - 1
            asked["Range"] = f"bytes={start}-{last}"
        if if_match is not None:
            asked["IfMatch"] = f'"{if_match}"'
        if if_none_match is not None:
            asked["IfNoneMatch"] = f'"{if_none_match}"'

        def ask_again(start: int, size: int, etag: str) -> Mapping[str, Any]:
            again: dict[str, Any] = {
                "Range": f"bytes={start}-{start + size - 1}",
                "IfMatch": f'"{etag}"',
            }
            with failing(where):
                return self.client.get_object(Bucket=self._name, Key=stored, **again)

        with failing(where):
            try:
                answer = self.client.get_object(**asked)
            except ClientError as error:
                if code_of(error) == "404":
                    self.head(key)  # raises if the key is missing; S3 would have said so itself
                if if_none_match is None or status_of(error) != 304:
                    raise
                answer = None
        self._seen = True
        if answer is None:
            yield None
            return
        with ExitStack() as closing:
            closing.callback(answer["Body"].close)
            whole = range_of(answer, start, size, where) if ranged else whole_of(answer, where)
            info = info_of(answer, key, whole, where)
            promised = size_of(answer, where)
            reading = S3Reading(
                info,
                answer["Body"],
                start=start,
                size=promised if size is None else min(size, promised),
                where=where,
                ask=ask_again,
            )
            closing.callback(reading.close)
            yield reading

    def put(
        self,
        key: str,
        body: Buffer | BinaryIO,
        attributes: Attributes,
        *,
        if_match: str | None = None,
        no_clobber: bool = False,
    ) -> str:
        """See `Bucket.put`. In memory are at most 64 MiB of a file object.

        Raises:
            InputChanged: the file object grew or shrank while it was read.
            Throttled: other writers of the key get in between, again and again.
        """
        where, stored = self._object(key)
        check_conditions(where, if_match, no_clobber)
        check_attributes(where, attributes)
        self._honouring.ensure(self.client, attributes, where)
        etag = self._writer.put(
            self.client,
            stored,
            body,
            attributes,
            if_match=if_match,
            no_clobber=no_clobber,
            where=where,
        )
        self._seen = True
        if attributes.tags and "-" in etag and self.tags(key) != attributes.tags:
            self.set_tags(key, attributes.tags)  # Ceph 16 drops those of an upload in parts
        return etag

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        """See `Bucket.head`."""
        where, stored = self._object(key)
        named: Any = {} if version is None else {"VersionId": version}
        try:
            with failing(where):
                answer = self.client.head_object(Bucket=self._name, Key=stored, **named)
        except NotFound:
            self._look_for_bucket()
            raise
        self._seen = True
        return info_of(answer, key, size_of(answer, where), where)

    def copy(
        self, source: ObjectInfo, target_key: str, *, attributes: Attributes | None = None
    ) -> str:
        """See `Bucket.copy`. Two requests, GetObjectAcl and CopyObject; `copying` tells of more."""
        source_url, stored = self._object(source.key)
        where, target = self._object(target_key)
        check_copy(where, source.key, target_key, attributes)
        if attributes is not None:
            check_attributes(where, attributes)
            self._honouring.ensure(self.client, attributes, where)
        places = self._target(stored), self._target(target)
        return Copying(self.client, source, *places, source_url, where).run(attributes)

    def tags(self, key: str) -> dict[str, str]:
        """See `Bucket.tags`."""
        where, stored = self._object(key)
        return get_tags(self.client, self._target(stored), where)

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """See `Bucket.set_tags`."""
        where, stored = self._object(key)
        put_tags(self.client, self._target(stored), tags, where)

    def acl(self, key: str) -> Acl:
        """See `Bucket.acl`."""
        where, stored = self._object(key)
        return get_acl(self.client, self._target(stored), where)

    def set_acl(self, key: str, *, acl: str | None = None, grants: Sequence[Grant] = ()) -> None:
        """See `Bucket.set_acl`."""
        where, stored = self._object(key)
        put_acl(self.client, self._target(stored), acl, grants, where)

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[Listed]:
        """See `Bucket.list`. One request per page, sent when the page is needed.

        Raises:
            StorageError: the listing contradicts itself, so that it may lack keys.
        """
        beginning = self._prefix + prefix
        encode_text(self._url, beginning)
        asked: dict[str, Any] = {"Bucket": self._name, "Prefix": beginning}
        last = encode_text(self._url, self._prefix + start_after if start_after else "")
        if last:
            asked["StartAfter"] = self._prefix + start_after
        for item in listed_objects(self.client, asked, self._url):
            try:
                listed = Listed(
                    item["Key"].removeprefix(self._prefix),
                    int(item["Size"]),
                    unquoted(item["ETag"]),
                    item["LastModified"],
                )
            except KeyError as error:
                raise StorageError(f"{self._url}: a listing without {error}") from error
            encoded = item["Key"].encode()
            if not item["Key"].startswith(beginning) or encoded <= last:
                raise StorageError(
                    f"{object_url(self._url, listed.key)}: a listing in order, without repetition "
                    "and of one prefix expected, found this key out of place"
                )
            last = encoded
            if listed.key:  # some tools make an object of the prefix itself, a "folder"
                yield listed

    def versions(self, prefix: str = "") -> Iterator[Version]:
        """See `Bucket.versions`. One request per thousand, current ones included."""
        for found in noncurrent(self.client, self._name, self._prefix + prefix, self._url):
            key = found.key.removeprefix(self._prefix)
            if key:
                yield Version(key, found.version)

    def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        where, stored = self._object(key)
        try:
            with failing(where):
                self.client.delete_object(Bucket=self._name, Key=stored)
        except BucketNotFound:
            raise
        except NotFound:
            return

    def local_path(self, key: str) -> Path | None:
        """Return None: S3 is elsewhere."""
        return None

    def _object(self, key: str) -> tuple[str, str]:
        """Return an object's URL and the key it is stored under."""
        return object_url(self._url, key), check_key(self._url, key, prefix=self._prefix).decode()

    def _target(self, stored: str) -> dict[str, str]:
        return {"Bucket": self._name, "Key": stored}

    def _look_for_bucket(self) -> None:
        """Find out what a 404 without a body means, unless the bucket has answered before.

        Raises:
            BucketNotFound: there is no bucket.
        """
        if self._seen:
            return
        try:
            with failing(self._url):
                self.client.head_bucket(Bucket=self._name)
        except NotFound as error:
            raise BucketNotFound(f"{self._url}: no such bucket") from error
        except AccessDenied:
            return  # whoever may only read objects is not told
        self._seen = True
