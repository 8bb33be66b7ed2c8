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

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from deltaloft.buffers import Buffer

__all__ = ["Attributes", "Bucket", "Listed", "ObjectInfo", "Reading"]


@dataclass(frozen=True, slots=True)
class Attributes:
    """What travels with an object's bytes.

    `metadata` is the user metadata of S3: lower-case ASCII names without the `x-amz-meta-`, ASCII
    values. The others are the HTTP headers of their names; None means not set.
    """

    metadata: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    content_encoding: str | None = None
    content_disposition: str | None = None
    content_language: str | None = None
    cache_control: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing. `size` is the stored size in bytes; `etag` is without quotes."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the bucket says of one stored object. `size` and `etag` as in `Listed`."""

    key: str
    size: int
    etag: str
    modified: datetime
    attributes: Attributes


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

    def head(self, key: str) -> ObjectInfo:
        """Describe an object without its bytes.

        Raises:
            NotFound: no such key.
        """

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[Listed]:
        """Yield all objects whose keys start with `prefix` and come after `start_after`."""

    def delete(self, key: str) -> None:
        """Remove an object; a missing key is no error."""

    def local_path(self, key: str) -> Path | None:
        """Return a file that holds just the object's bytes, if there is one on this machine.

        The file is read-only to the caller and may be unlinked, but never changes. Where there is
        one, the store maps it instead of caching a copy.
        """
