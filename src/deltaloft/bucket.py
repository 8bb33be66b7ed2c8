"""What the store asks of a bucket: a handful of calls with S3's meaning.

Two rooms implement it: `s3_bucket` over boto3 and `folder_bucket` over a local directory. The
tests in tests/store/test_bucket.py hold both to the same promises:

    put      atomic: a reader sees the old object or the whole new one, metadata included
    get      one version: body and `ObjectInfo` belong together
    list     every key below the prefix, in order of UTF-8 bytes, or an error; never a part
    delete   idempotent: a missing key is no error

Keys are S3's: 1 to 1,024 bytes of UTF-8. Errors are those of `deltaloft.errors`; each names the
object's URL and never a credential. A bucket may be used from several threads at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from deltaloft.buffers import Buffer

__all__ = [
    "PROBE_PREFIX",
    "Acl",
    "Attributes",
    "Bucket",
    "Encryption",
    "Grant",
    "Listed",
    "Lock",
    "ObjectInfo",
    "Reading",
    "Version",
]

PROBE_PREFIX = ".deltaloft/probe/"  # where an endpoint is tried out; nothing below it is kept


@dataclass(frozen=True, slots=True)
class Encryption:
    """Server-side encryption under keys that the service keeps.

    `method` is `AES256`, `aws:kms` or `aws:kms:dsse`; `key_id` and `bucket_key` go with the latter
    two and are the service's defaults when None.
    """

    method: str
    key_id: str | None = None
    bucket_key: bool | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission for somebody, in the words of S3's headers.

    `permission` is FULL_CONTROL, READ, READ_ACP or WRITE_ACP, `grantee` like `id=…`, `uri=…` or
    `emailAddress=…`.
    """

    permission: str
    grantee: str


@dataclass(frozen=True, slots=True)
class Acl:
    """Who may do what with an object. `owner` is a canonical user id."""

    owner: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Lock:
    """What keeps a version from being removed, in a bucket made with S3 Object Lock.

    `mode` is GOVERNANCE or COMPLIANCE and goes with `until`; a legal hold stands by itself.
    """

    mode: str | None = None
    until: datetime | None = None
    legal_hold: bool = False


@dataclass(frozen=True, slots=True)
class Attributes:
    """What travels with an object's bytes, with S3's meaning; None means not set.

    `metadata` is the user metadata of S3: lower-case ASCII names without the `x-amz-meta-`, ASCII
    values. The next five and `expires` are the HTTP headers of their names.

    To write, all are taken or refused before anything is sent. What is read from a bucket lacks
    `tags`, `acl` and `grants`: ask for them with `Bucket.tags` and `Bucket.acl`.
    """

    metadata: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    content_encoding: str | None = None
    content_disposition: str | None = None
    content_language: str | None = None
    cache_control: str | None = None
    expires: datetime | None = None
    website_redirect: str | None = None
    tags: Mapping[str, str] | None = None
    storage_class: str | None = None
    encryption: Encryption | None = None
    acl: str | None = None
    grants: tuple[Grant, ...] = ()
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing. `size` is the stored size in bytes; `etag` is without quotes."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the bucket says of one stored object. `size` and `etag` as in `Listed`.

    `tag_count` says whether asking for the tags is worth a request.
    """

    key: str
    size: int
    etag: str
    modified: datetime
    attributes: Attributes
    tag_count: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object that is no longer the current one."""

    key: str
    version: str


class Reading(Protocol):
    """An object being read: its info at once, its bytes as they come."""

    @property
    def info(self) -> ObjectInfo:
        """What the bucket said with the first byte; `size` is the whole object's."""

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield the body in pieces of at most `size` bytes, exactly as many as were promised.

        Raises:
            Unreachable: the body broke off short.
        """


class Bucket(Protocol):
    """A place for objects."""

    @property
    def url(self) -> str:
        """`s3://name` or `file:///path`, for messages; a key is appended after a slash."""

    @property
    def requests(self) -> int | None:
        """How many requests were sent so far, repeated ones included; None: nobody counts them."""

    @property
    def place(self) -> str:
        """Where that is, endpoint included: different for any two buckets of this machine."""

    def get(
        self,
        key: str,
        *,
        start: int = 0,
        size: int | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> AbstractContextManager[Reading | None]:
        """Read an object, or `size` bytes of it from `start`; None if it still is `if_none_match`.

        Raises:
            NotFound: no such key.
            PreconditionFailed: the ETag is not `if_match`.
            InvalidRequest: the range begins past the end of the object.
        """

    def put(
        self,
        key: str,
        body: Buffer | BinaryIO,
        attributes: Attributes,
        *,
        if_match: str | None = None,
        no_clobber: bool = False,
    ) -> str:
        """Write an object and return its ETag.

        A file object is read from its position to its end, in bounded memory; it must be seekable.
        The conditions hold as far as the endpoint honours them (see docs/buckets.md): nothing
        stored may depend on that.

        Raises:
            PreconditionFailed: the ETag is not `if_match`, or the key is gone.
            AlreadyExists: `no_clobber` and the key is taken.
        """

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        """Describe an object, or one of its noncurrent versions, without its bytes.

        Raises:
            NotFound: no such key.
        """

    def copy(
        self, source: ObjectInfo, target_key: str, *, attributes: Attributes | None = None
    ) -> str:
        """Write the bytes of `source`, as `head` or `get` told it, under another key.

        Returns the target's ETag. Without `attributes` the target gets all of the source's, tags,
        ACL and lock included; with them it gets those and nothing else. Source and target may be
        one key if `attributes` are given. What is copied does not pass through this machine.

        Raises:
            NotFound: the source is gone.
            PreconditionFailed: the source was replaced; the target may hold a mixture where an
                endpoint ignores conditions on a copy's source, and is to be written again.
            ObjectArchived: the source has to be restored first.
        """

    def tags(self, key: str) -> dict[str, str]:
        """Return an object's tags.

        Raises:
            NotFound: no such key.
        """

    def set_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags; none at all removes them. Its ETag stays.

        Raises:
            NotFound: no such key.
        """

    def acl(self, key: str) -> Acl:
        """Return who may do what with an object.

        Raises:
            NotFound: no such key.
            InvalidRequest: this kind of bucket has no ACLs.
        """

    def set_acl(self, key: str, *, acl: str | None = None, grants: Sequence[Grant] = ()) -> None:
        """Replace an object's ACL by a canned one, like `public-read`, or by grants.

        Raises:
            NotFound: no such key.
            InvalidRequest: not one of the two, or this kind of bucket has no ACLs.
        """

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[Listed]:
        """Yield all objects whose keys start with `prefix` and come after `start_after`."""

    def versions(self, prefix: str = "") -> Iterator[Version]:
        """Yield the noncurrent versions of all objects whose keys start with `prefix`.

        Deleted objects have only those. A bucket that keeps no versions has none.
        """

    def delete(self, key: str) -> None:
        """Remove an object; a missing key is no error."""

    def local_path(self, key: str) -> Path | None:
        """Return a file that holds just the object's bytes, if there is one on this machine.

        The file is read-only to the caller and may be unlinked, but never changes. Where there is
        one, the store maps it instead of caching a copy.
        """
