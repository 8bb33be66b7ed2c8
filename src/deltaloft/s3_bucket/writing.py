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

import random
import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from deltaloft.bucket import Attributes
from deltaloft.buffers import Buffer
from deltaloft.errors import (
    AlreadyExists,
    NotFound,
    PreconditionFailed,
    StorageError,
    Throttled,
)
from deltaloft.s3_bucket.answers import WRITE_ID, put_arguments, unquoted
from deltaloft.s3_bucket.attributes import content_digest
from deltaloft.s3_bucket.content import Content
from deltaloft.s3_bucket.failures import code_of, failing, failure, status_of
from deltaloft.s3_bucket.known import Known
from deltaloft.s3_bucket.multipart import abort_upload, part_size_for, upload_parts
from deltaloft.s3_bucket.unfinished import Begun, Note, digest_of, is_noted, noted

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

    def __init__(self, bucket: str, known: Known) -> None:
        """Start with what S3 documents, ETags in quotes, and what is known of the endpoint."""
        self._bucket = bucket
        self._known = known
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
        content = Content(body, where)
        part_size = part_size_for(content.size, where)
        in_parts = content.size > _SINGLE_SIZE
        place = (client.meta.endpoint_url, self._bucket, key)
        target = {"Bucket": self._bucket, "Key": key}
        conditional = no_clobber or if_match is not None
        if conditional:
            self._known.check(client, where, no_clobber=no_clobber, in_parts=in_parts)
        with ExitStack() as stack:
            note = Note(None, None)
            if in_parts or is_noted(*place):
                note = stack.enter_context(noted(*place))
            begun = Begun(
                upload_id="",
                size=content.size,
                part_size=part_size,
                arguments=digest_of(put_arguments(attributes, None)),
                write_id=secrets.token_hex(8),
            )
            if (left := note.begun) is not None:
                same = replace(begun, upload_id=left.upload_id, write_id=left.write_id) == left
                if in_parts and same:
                    begun = left
                elif abort_upload(client, target, left.upload_id) or in_parts:
                    note.clear()
            write_id = begun.write_id if conditional or in_parts else None
            put = _Put(
                client=client,
                target=target,
                content=content,
                arguments=put_arguments(attributes, write_id),
                if_match=if_match,
                no_clobber=no_clobber,
                write_id=write_id,
                where=where,
                begun=begun,
                note=note,
            )
            if conditional and in_parts:
                # Before much is sent for nothing; and Ceph 16 and 18 would not look at all.
                put.check()
            etag, self._quotes = put.run(self._quotes)
            return etag


@dataclass(frozen=True, slots=True, kw_only=True)
class _Put:
    """One put, however many requests it takes."""

    client: S3Client
    target: Mapping[str, Any]
    content: Content
    arguments: Mapping[str, Any]
    if_match: str | None
    no_clobber: bool
    write_id: str | None
    where: str
    begun: Begun
    note: Note

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
            answer = upload_parts(
                self.client,
                self.content.parts(self.begun.part_size),
                self.target,
                self.arguments,
                condition,
                begun=self.begun,
                note=self.note,
            )
        else:
            body = self.content.whole()
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
