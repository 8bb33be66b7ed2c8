"""A put whose outcome is known.

boto3 repeats a PUT whose answer was lost. If it was conditional, the second one meets the object of
the first and is refused with 412 although all is well. So a conditional put, and one in parts,
carries a number of its own in the metadata `dl-write`; a refusal is believed only after a look at
the object that is there:

    the number is ours              the put succeeded
    no_clobber                      AlreadyExists
    if_match, and the ETag is it    Ceph 16 and 18 refuse an ETag in quotes: once more without
    else                            PreconditionFailed

S3 answers 409 ConditionalRequestConflict when another write or delete is under way, Ceph 20
ConcurrentModification; then the put is repeated a few times.
"""

from __future__ import annotations

import io
import random
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.exceptions import ClientError

from deltaloft.bucket import Attributes
from deltaloft.bucket_requests import view_of
from deltaloft.buffers import Buffer
from deltaloft.errors import (
    AlreadyExists,
    InputChanged,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    StorageError,
    Throttled,
)
from deltaloft.s3_bucket.answers import WRITE_ID, put_arguments, unquoted
from deltaloft.s3_bucket.attributes import content_digest
from deltaloft.s3_bucket.failures import code_of, failing, failure, status_of
from deltaloft.s3_bucket.multipart import part_size_for, upload_parts

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Writer"]

# One PutObject up to here: it is atomic everywhere and its conditions are honoured by more
# endpoints than those of CompleteMultipartUpload (Ceph 16 and 18 ignore the latter).
_SINGLE_SIZE = 64 << 20
_TRIES = 6
_CONFLICTS = {"ConditionalRequestConflict", "ConcurrentModification"}


class Writer:
    """Writes the objects of one bucket, and remembers how its endpoint wants ETags."""

    def __init__(self, bucket: str) -> None:
        """Start with what S3 documents: ETags in quotes."""
        self._bucket = bucket
        self._quotes = True

    def put(
        self,
        client: S3Client,
        key: str,
        body: Buffer | BinaryIO,
        attributes: Attributes,
        *,
        if_match: str | None,
        no_clobber: bool,
        where: str,
    ) -> str:
        """Write an object and return its ETag; see `Bucket.put`."""
        content = _Content(body, where)
        conditional = no_clobber or if_match is not None
        write_id = None
        if conditional or content.size > _SINGLE_SIZE:
            write_id = secrets.token_hex(8)
        put = _Put(
            client=client,
            target={"Bucket": self._bucket, "Key": key},
            content=content,
            arguments=put_arguments(attributes, write_id),
            if_match=if_match,
            no_clobber=no_clobber,
            write_id=write_id,
            where=where,
        )
        if conditional and content.size > _SINGLE_SIZE:
            # Before much is sent for nothing; and Ceph 16 and 18 would not look at all.
            put.check()
        etag, self._quotes = put.run(self._quotes)
        return etag


@dataclass(frozen=True, slots=True, kw_only=True)
class _Put:
    """One put, however many requests it takes."""

    client: S3Client
    target: Mapping[str, Any]
    content: _Content
    arguments: Mapping[str, Any]
    if_match: str | None
    no_clobber: bool
    write_id: str | None
    where: str

    def check(self) -> None:
        """Refuse what the object that is there forbids.

        Raises:
            PreconditionFailed: it is not `if_match`, or AlreadyExists: there is one.
        """
        _, found = self._look()
        if found != self.if_match:  # both None is what `no_clobber` wants
            raise self._refused(found)

    def run(self, quotes: bool) -> tuple[str, bool]:
        """Write; return the ETag, and whether the endpoint wants quotes around those it is sent."""
        for attempt in range(_TRIES):
            with failing(self.where):
                try:
                    return self._send(self._condition(quotes)) or self._etag(), quotes
                except ClientError as error:
                    refusal = error
            if code_of(refusal) not in _CONFLICTS:
                if etag := self._ours_after_all(refusal, quotes):
                    return etag, quotes
                quotes = False
            elif attempt + 1 < _TRIES:
                time.sleep(random.uniform(0, 0.05 * 2**attempt))
        raise Throttled(f"{self.where}: other writers were in between {_TRIES} times")

    def _send(self, condition: Mapping[str, Any]) -> str:
        """Send everything once; return the ETag if the endpoint says it."""
        if self.content.size > _SINGLE_SIZE:
            parts = self.content.parts(part_size_for(self.content.size))
            answer = upload_parts(self.client, parts, self.target, self.arguments, condition)
        else:
            body = b"".join(self.content.parts(_SINGLE_SIZE))
            locked: Any = content_digest(body) if "ObjectLockMode" in self.arguments else {}
            answer = self.client.put_object(
                **self.target, Body=body, **self.arguments, **locked, **condition
            )
        return unquoted(answer.get("ETag", ""))

    def _condition(self, quotes: bool) -> dict[str, Any]:
        if self.no_clobber:
            return {"IfNoneMatch": "*"}
        if self.if_match is None:
            return {}
        return {"IfMatch": f'"{self.if_match}"' if quotes else self.if_match}

    def _ours_after_all(self, refusal: ClientError, quotes: bool) -> str | None:
        """Return the ETag if what was refused is there; None if the quotes were refused."""
        code, status = code_of(refusal), status_of(refusal)
        conditional = self.no_clobber or self.if_match is not None
        unmet = conditional and (status == 412 or (status == 404 and code != "NoSuchBucket"))
        twice = code == "NoSuchUpload"  # Complete, sent again because its answer was lost
        if not unmet and not twice:
            raise failure(refusal, self.where) from refusal
        write_id, found = self._look()
        if found and write_id == self.write_id:
            return found
        if twice:
            raise failure(refusal, self.where) from refusal
        if self.no_clobber or found != self.if_match or not quotes:
            raise self._refused(found) from refusal
        return None

    def _etag(self) -> str:
        """Ask for the ETag of what was just written: Ceph 16 does not say it with Complete."""
        write_id, found = self._look()
        if not found or write_id is None or write_id != self.write_id:
            raise StorageError(f"{self.where}: an ETag of what was written expected, found none")
        return found

    def _look(self) -> tuple[str | None, str | None]:
        """Return the write's number and the ETag of the object that is there, None if none is."""
        try:
            with failing(self.where):
                answer = self.client.head_object(**self.target)
        except NotFound:
            return None, None
        metadata = {name.lower(): value for name, value in answer["Metadata"].items()}
        return metadata.get(WRITE_ID), unquoted(answer.get("ETag", ""))

    def _refused(self, found: str | None) -> PreconditionFailed:
        if self.if_match is None:
            return AlreadyExists(f"{self.where}: a free key expected, found an object")
        return PreconditionFailed(
            f"{self.where}: ETag {self.if_match} expected, found {found or 'no object'}"
        )


class _Content:
    """A body that can be sent more than once."""

    def __init__(self, body: Buffer | BinaryIO, where: str) -> None:
        self._view = view_of(body)
        self._where = where
        if self._view is not None:
            self.size = len(self._view)
            return
        self._file = cast(BinaryIO, body)
        try:
            self._start = self._file.tell()
            self.size = self._file.seek(0, io.SEEK_END) - self._start
            self._file.seek(self._start)
        except OSError as error:  # io.UnsupportedOperation is one
            raise InvalidRequest(f"{where}: a file that can seek expected") from error

    def parts(self, size: int) -> Iterator[bytes]:
        """Yield the bytes from the beginning, in parts of `size`.

        Raises:
            InputChanged: the file ends earlier or later than it did.
        """
        if self._view is not None:
            for start in range(0, self.size, size):
                yield bytes(self._view[start : start + size])
            return
        self._file.seek(self._start)
        left = self.size
        while left > 0:
            part = _read(self._file, min(size, left))
            left -= len(part)
            if not part:
                raise InputChanged(f"{self._where}: {left} more bytes expected in the file")
            yield part
        if self._file.read(1):
            raise InputChanged(f"{self._where}: {self.size} bytes expected in the file, found more")


def _read(file: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or up to the end; a raw file may give less at once."""
    part = file.read(size)
    if len(part) in (0, size):
        return part
    rest = [part]
    size -= len(part)
    while size > 0 and (part := file.read(size)):
        rest.append(part)
        size -= len(part)
    return b"".join(rest)
