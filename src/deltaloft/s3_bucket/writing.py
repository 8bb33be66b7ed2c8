"""A put whose outcome is known.

boto3 repeats a PUT whose answer was lost. If it was conditional, the second one meets the object of
the first and is refused with 412 although all is well. So a conditional put, and one in parts,
carries a number of its own in the metadata `dl-write`; a refusal is believed only after a look at
the object that is there:

    the number is ours              the put succeeded
    no_clobber                      AlreadyExists
    if_match, and the ETag is it    Ceph 16 and 18 refuse an ETag in quotes: once more without
    else                            PreconditionFailed

S3 answers 409 ConditionalRequestConflict when another write or delete is under way; then the put
is repeated a few times.
"""

from __future__ import annotations

import io
import random
import secrets
import time
from collections.abc import Iterator, Mapping
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
from deltaloft.s3_bucket.failures import code_of, failing, failure, status_of
from deltaloft.s3_bucket.multipart import part_size_for, upload_parts

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Writer"]

# One PutObject up to here: it is atomic everywhere and its conditions are honoured by more
# endpoints than those of CompleteMultipartUpload (Ceph 16 and 18 ignore the latter).
_SINGLE_SIZE = 64 << 20
_TRIES = 6


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
        if conditional and content.size > _SINGLE_SIZE:
            # Before much is sent for nothing; and Ceph 16 and 18 would not look at all.
            self._look_first(client, key, if_match, where)
        arguments = put_arguments(attributes, write_id)
        quotes = self._quotes
        for attempt in range(_TRIES):
            condition = _condition(if_match, no_clobber, quotes)
            with failing(where):
                try:
                    etag = self._send(client, key, content, arguments, condition)
                    break
                except ClientError as error:
                    refusal = error
            if code_of(refusal) == "ConditionalRequestConflict":
                time.sleep(random.uniform(0, 0.05 * 2**attempt))
                continue
            if not _needs_a_look(refusal, conditional):
                raise failure(refusal, where) from refusal
            found_id, found = self._look(client, key, where)
            if found is not None and found_id == write_id:
                return found
            if code_of(refusal) == "NoSuchUpload":
                raise failure(refusal, where) from refusal
            if no_clobber or found != if_match or not quotes:
                raise _refused(if_match, found, where) from refusal
            quotes = False
        else:
            raise Throttled(f"{where}: other writers were in between {_TRIES} times")
        self._quotes = quotes
        if etag:
            return etag
        found_id, found = self._look(client, key, where)
        if found is None or write_id is None or found_id != write_id:
            raise StorageError(f"{where}: an ETag of what was written expected, found none")
        return found

    def _send(
        self,
        client: S3Client,
        key: str,
        content: _Content,
        arguments: Mapping[str, Any],
        condition: Mapping[str, Any],
    ) -> str:
        if content.size <= _SINGLE_SIZE:
            body = b"".join(content.parts(_SINGLE_SIZE))
            answer = client.put_object(
                Bucket=self._bucket, Key=key, Body=body, **arguments, **condition
            )
            return unquoted(answer.get("ETag", ""))
        etag = upload_parts(
            client,
            content.parts(part_size_for(content.size)),
            bucket=self._bucket,
            key=key,
            arguments=arguments,
            condition=condition,
        )
        return unquoted(etag)

    def _look_first(self, client: S3Client, key: str, if_match: str | None, where: str) -> None:
        _, found = self._look(client, key, where)
        if found != if_match:  # for `no_clobber` both are None when all is well
            raise _refused(if_match, found, where)

    def _look(self, client: S3Client, key: str, where: str) -> tuple[str | None, str | None]:
        """Return the write's number and the ETag of the object that is there, None if none is."""
        try:
            with failing(where):
                found = client.head_object(Bucket=self._bucket, Key=key)
        except NotFound:
            return None, None
        metadata = {name.lower(): value for name, value in found["Metadata"].items()}
        return metadata.get(WRITE_ID), unquoted(found.get("ETag", ""))


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
            if not part or (left > 0 and len(part) < size):
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


def _condition(if_match: str | None, no_clobber: bool, quotes: bool) -> dict[str, Any]:
    if no_clobber:
        return {"IfNoneMatch": "*"}
    if if_match is None:
        return {}
    return {"IfMatch": f'"{if_match}"' if quotes else if_match}


def _refused(if_match: str | None, found: str | None, where: str) -> PreconditionFailed:
    if if_match is None:
        return AlreadyExists(f"{where}: a free key expected, found an object")
    return PreconditionFailed(f"{where}: ETag {if_match} expected, found {found or 'no object'}")


def _needs_a_look(refusal: ClientError, conditional: bool) -> bool:
    """Tell whether the refusal may be of a write that has happened, or of quotes."""
    code, status = code_of(refusal), status_of(refusal)
    if code == "NoSuchUpload":  # Complete, sent again because its answer was lost
        return True
    return conditional and (status == 412 or (status == 404 and code != "NoSuchBucket"))
