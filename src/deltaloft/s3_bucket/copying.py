"""A copy inside one bucket: the service moves the bytes.

    no attributes given   CopyObject takes body, metadata, headers and tags along, at one moment;
                          what it does not take, storage class, encryption, redirect, ACL and lock,
                          is read before and given again
    attributes given      CopyObject with all of them in the place of the old
    above 5 GiB           the same in parts, by UploadPartCopy

The source is pinned by `x-amz-copy-source-if-match`. Ceph 16 and moto ignore that, so the source is
looked at again afterwards wherever parts of two versions could have met. Tags and locks that are
given are looked at, too: Ceph 16 drops tags that come with a copy or an upload in parts, and any
Ceph a legal hold. An error in a 200, which CopyObject may answer, is an error to boto3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from deltaloft.bucket import Attributes, Lock
from deltaloft.errors import PreconditionFailed, StorageError
from deltaloft.s3_bucket.acl import get_acl
from deltaloft.s3_bucket.answers import unquoted
from deltaloft.s3_bucket.attributes import arguments_of, attributes_of
from deltaloft.s3_bucket.failures import code_of, failing, failure, status_of
from deltaloft.s3_bucket.tagging import get_tags, put_tags

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from deltaloft.bucket import ObjectInfo

__all__ = ["Copying"]

_LARGEST_COPY = 5 << 30  # bytes; S3's limit for one CopyObject
_PART_SIZE = 512 << 20
_PARTS = 10_000
_AT_ONCE = 4

# Arguments for what CopyObject leaves behind.
_NOT_TAKEN_ALONG = {
    "WebsiteRedirectLocation",
    "StorageClass",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
    "GrantFullControl",
    "GrantRead",
    "GrantReadACP",
    "GrantWriteACP",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "ObjectLockLegalHoldStatus",
}


@dataclass(frozen=True, slots=True)
class Copying:
    """One copy of what `info` tells of. `source` and `target` are Bucket and Key."""

    client: S3Client
    info: ObjectInfo
    source: Mapping[str, Any]
    target: Mapping[str, Any]
    where_source: str
    where: str

    def run(self, attributes: Attributes | None) -> str:
        """Copy and return the target's ETag; see `Bucket.copy`."""
        whole = self.info.size <= _LARGEST_COPY
        wanted = self._kept(with_tags=not whole) if attributes is None else attributes
        if not whole:
            etag = self._copy_parts(wanted)
        else:
            etag = self._copy(wanted, replacing=attributes is not None)
            if attributes is not None and self.source != self.target:
                self._check()
        if attributes is not None or not whole:
            self._set_tags(wanted)
        if wanted.lock is not None:
            self._set_lock(wanted.lock)
        return etag

    def _check(self) -> None:
        """Make sure that the source still is what it was.

        Raises:
            PreconditionFailed: it is not.
        """
        with failing(self.where_source):
            found = unquoted(self.client.head_object(**self.source).get("ETag", ""))
        if found != self.info.etag:
            raise self._changed()

    def _changed(self) -> PreconditionFailed:
        return PreconditionFailed(f"{self.where_source}: replaced while it was copied")

    def _kept(self, *, with_tags: bool) -> Attributes:
        """Return what the target needs to be told so that it gets all the source has."""
        kept, lock = self.info.attributes, self.info.attributes.lock
        if lock and lock.until and lock.until <= datetime.now(UTC):  # S3 takes no date of the past
            kept = replace(kept, lock=Lock(legal_hold=True) if lock.legal_hold else None)
        if with_tags and self.info.tag_count:
            kept = replace(kept, tags=get_tags(self.client, self.source, self.where_source))
        try:
            acl = get_acl(self.client, self.source, self.where_source)
        except StorageError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and status_of(cause) in (405, 501):
                return kept  # a service without ACLs
            raise
        if any(grant.grantee != f"id={acl.owner}" for grant in acl.grants):
            kept = replace(kept, grants=acl.grants)
        return kept

    def _copy(self, attributes: Attributes, *, replacing: bool) -> str:
        given = arguments_of(attributes)
        directives: dict[str, Any] = {}
        if replacing:
            directives = {"MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE"}
        else:
            given = {name: value for name, value in given.items() if name in _NOT_TAKEN_ALONG}
        with self._failing():
            answer = self.client.copy_object(
                **self.target,
                CopySource={"Bucket": self.source["Bucket"], "Key": self.source["Key"]},
                CopySourceIfMatch=f'"{self.info.etag}"',
                **directives,
                **given,
            )
        return self._etag(answer.get("CopyObjectResult"))

    def _copy_parts(self, attributes: Attributes) -> str:
        size = max(_PART_SIZE, -(-self.info.size // _PARTS))
        with self._failing():
            created = self.client.create_multipart_upload(**self.target, **arguments_of(attributes))
            upload: dict[str, Any] = {**self.target, "UploadId": created["UploadId"]}

            def copy(number: int) -> dict[str, Any]:
                first = (number - 1) * size
                last = min(first + size, self.info.size) - 1
                answer = self.client.upload_part_copy(
                    **upload,
                    PartNumber=number,
                    CopySource={"Bucket": self.source["Bucket"], "Key": self.source["Key"]},
                    CopySourceIfMatch=f'"{self.info.etag}"',
                    CopySourceRange=f"bytes={first}-{last}",
                )
                return {"PartNumber": number, "ETag": self._etag(answer.get("CopyPartResult"))}

            try:
                with ThreadPoolExecutor(_AT_ONCE) as threads:
                    parts: Any = list(threads.map(copy, range(1, -(-self.info.size // size) + 1)))
                self._check()
                answer = self.client.complete_multipart_upload(
                    **upload, MultipartUpload={"Parts": parts}
                )
            except BaseException:
                self._abort(upload)
                raise
            # Ceph 16 does not say it with Complete.
            etag = unquoted(answer.get("ETag", ""))
            return etag or unquoted(self.client.head_object(**self.target)["ETag"])

    def _abort(self, upload: Mapping[str, Any]) -> None:
        try:
            self.client.abort_multipart_upload(**upload)
        except (ClientError, BotoCoreError):
            return

    def _set_tags(self, attributes: Attributes) -> None:
        wanted = dict(attributes.tags or {})
        if not wanted and not self.info.tag_count:
            return
        if get_tags(self.client, self.target, self.where) != wanted:
            put_tags(self.client, self.target, wanted, self.where)

    def _set_lock(self, lock: Lock) -> None:
        with failing(self.where):
            found = attributes_of(self.client.head_object(**self.target), {}).lock
            if found == lock:
                return
            if lock.legal_hold:
                self.client.put_object_legal_hold(**self.target, LegalHold={"Status": "ON"})
            if lock.mode is not None and lock.until is not None:
                retention: Any = {"Mode": lock.mode, "RetainUntilDate": lock.until}
                self.client.put_object_retention(**self.target, Retention=retention)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Blame the source for its own: that it is gone, or another."""
        with failing(self.where):
            try:
                yield
            except ClientError as error:
                if status_of(error) == 412:
                    raise self._changed() from error
                if code_of(error) in ("NoSuchKey", "InvalidObjectState"):
                    raise failure(error, self.where_source) from error
                raise

    def _etag(self, result: Mapping[str, Any] | None) -> str:
        etag = unquoted((result or {}).get("ETag", ""))
        if not etag:
            raise StorageError(f"{self.where}: an ETag of the copy expected, found none")
        return etag
