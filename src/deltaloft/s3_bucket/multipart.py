"""Uploads in parts, for bodies too large for one request.

boto3's managed transfer would do it, but takes no conditions (`IfMatch` and `IfNoneMatch` are
refused by s3transfer 0.19), returns no ETag and does not go on with what a killed process began.

    parts        16 MiB, up to four in memory and on their way; above 160 GB there would be more
                 than 10,000 of them, so they are larger, read as they are sent, one at a time
    an end       whatever it is, KeyboardInterrupt included: abort, once no part travels any more;
                 then look, for a part may land after the abort and stay: abort again
    SIGKILL      leaves a note (see `unfinished`). The next put of the same size with the same
                 attributes goes on: of the parts that ListParts tells, those whose ETag is the MD5
                 of our bytes are not sent again. Any other put of the key aborts
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from deltaloft.bucket_requests import object_url
from deltaloft.errors import InvalidRequest
from deltaloft.interruption import taken_back
from deltaloft.s3_bucket.answers import unquoted
from deltaloft.s3_bucket.failures import code_of
from deltaloft.s3_bucket.unfinished import Begun, Note

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

__all__ = ["IN_MEMORY", "Part", "abort_upload", "part_size_for", "upload_parts"]

_log = logging.getLogger(__name__)

IN_MEMORY = 16 << 20  # bytes; larger parts are read as they are sent
_PARTS = 10_000  # S3's limit
_LARGEST_PART = 5 << 30  # S3's too
_AT_ONCE = 4
_ABORTS = 3
_PIECE = 1 << 20

_TROUBLE = (ClientError, BotoCoreError, ResponseParserError)

Part = bytes | BinaryIO
_Listed = Mapping[int, tuple[str, int]]  # number -> ETag and size


def part_size_for(size: int, where: str) -> int:
    """Return the size of all parts but the last; some endpoints want them equal.

    Raises:
        InvalidRequest: S3 has no parts large enough.
    """
    if size > _PARTS * _LARGEST_PART:
        raise InvalidRequest(
            f"{where}: at most {_PARTS} parts of {_LARGEST_PART} bytes expected, found {size} bytes"
        )
    return max(IN_MEMORY, -(-size // _PARTS))


def upload_parts(
    client: S3Client,
    parts: Iterable[Part],
    target: Mapping[str, Any],
    arguments: Mapping[str, Any],
    condition: Mapping[str, Any],
    *,
    begun: Begun,
    note: Note,
) -> Mapping[str, Any]:
    """Upload an object in parts and return the answer to CompleteMultipartUpload.

    Raises what boto3 raises.

    Args:
        client: Sends the requests.
        parts: The bytes, all parts but the last of one size.
        target: Bucket and Key.
        arguments: What CreateMultipartUpload takes beside them.
        condition: What CompleteMultipartUpload takes beside them.
        begun: What is to be noted, but for the upload's id, which is another.
        note: What was begun before, to be gone on with. Afterwards, what is left unfinished.
    """
    there: _Listed | None = None
    if note.begun is not None:
        upload_id = note.begun.upload_id
        there = _there(client, {**target, "UploadId": upload_id})
        if there is None:
            abort_upload(client, target, upload_id)
    if there is None:
        upload_id = client.create_multipart_upload(**target, **arguments)["UploadId"]
    try:
        if there is None:
            note.take(
                Begun(upload_id, begun.size, begun.part_size, begun.arguments, begun.write_id)
            )
        upload: dict[str, Any] = {**target, "UploadId": upload_id}
        at_once = _AT_ONCE if begun.part_size <= IN_MEMORY else 1
        with taken_back(lambda: abort_upload(client, target, upload_id)):
            done = _send(client, parts, upload, there or {}, at_once=at_once)
            answer = client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": done}, **condition
            )
    except BaseException:
        if abort_upload(client, target, upload_id):
            note.clear()
        raise
    note.clear()
    return answer


def abort_upload(client: S3Client, target: Mapping[str, Any], upload_id: str) -> bool:
    """Abort an upload and what may still land of it; False, and a warning, if that failed."""
    upload: dict[str, Any] = {**target, "UploadId": upload_id}
    trouble = "parts go on landing"
    for attempt in range(_ABORTS):
        time.sleep(0.2 * attempt)
        try:
            client.abort_multipart_upload(**upload)
        except _TROUBLE as error:
            if _is_gone(error):
                return True
            trouble = type(error).__name__
            break
        try:
            if not client.list_parts(**upload).get("Parts"):
                return True
        except _TROUBLE:
            return True  # gone, as it should be; or we may not look
    where = object_url(f"s3://{target['Bucket']}", target["Key"])
    _log.warning("%s: an upload is left unfinished: %s", where, trouble)
    return False


def _is_gone(error: Exception) -> bool:
    return isinstance(error, ClientError) and code_of(error) == "NoSuchUpload"


def _there(client: S3Client, upload: Mapping[str, Any]) -> _Listed | None:
    """Return what has arrived of an upload; None if it is gone, or we are not told."""
    found: dict[int, tuple[str, int]] = {}
    try:
        for page in client.get_paginator("list_parts").paginate(**upload):
            for part in page.get("Parts", []):
                found[part["PartNumber"]] = part["ETag"], part["Size"]
    except (*_TROUBLE, KeyError, ValueError):
        return None
    return found


def _send(
    client: S3Client,
    parts: Iterable[Part],
    upload: Mapping[str, Any],
    there: _Listed,
    *,
    at_once: int,
) -> list[CompletedPartTypeDef]:
    def send(number: int, part: Part) -> CompletedPartTypeDef:
        answer = client.upload_part(**upload, PartNumber=number, Body=cast(Any, part))
        return {"PartNumber": number, "ETag": answer["ETag"]}

    done: list[CompletedPartTypeDef] = []
    running: set[Future[CompletedPartTypeDef]] = set()
    with ThreadPoolExecutor(at_once) as threads:
        try:
            for number, part in enumerate(parts, 1):
                etag, size = there.get(number, ("", 0))
                if etag and (unquoted(etag), size) == _md5_and_size(part):
                    done.append({"PartNumber": number, "ETag": etag})
                    continue
                running.add(threads.submit(send, number, part))
                while len(running) >= at_once:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    done += [each.result() for each in ended]
            done += [each.result() for each in running]
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return sorted(done, key=lambda part: part["PartNumber"])


def _md5_and_size(part: Part) -> tuple[str, int]:
    """Return what a part's ETag is on most endpoints; elsewhere the part is sent again."""
    digest = hashlib.md5(usedforsecurity=False)
    if isinstance(part, bytes):
        digest.update(part)
        return digest.hexdigest(), len(part)
    size = 0
    while piece := part.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    part.seek(0)
    return digest.hexdigest(), size
