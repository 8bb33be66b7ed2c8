"""Uploads in parts, for bodies too large for one request.

boto3's managed transfer would do it, but takes no conditions (`IfMatch` and `IfNoneMatch` are
refused by s3transfer 0.19) and returns no ETag. Up to four parts are in memory and on their way.
Whatever goes wrong, a KeyboardInterrupt included, the upload is aborted once no part travels any
more; what only SIGKILL leaves behind is a matter for the bucket's lifecycle rules.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from deltaloft.bucket_requests import object_url
from deltaloft.s3_bucket.failures import code_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

__all__ = ["part_size_for", "upload_parts"]

_log = logging.getLogger(__name__)

_PART_SIZE = 16 << 20
_PARTS = 10_000  # S3's limit
_AT_ONCE = 4


def part_size_for(size: int) -> int:
    """Return the size of all parts but the last; some endpoints want them equal."""
    return max(_PART_SIZE, -(-size // _PARTS))


def upload_parts(
    client: S3Client,
    parts: Iterable[bytes],
    target: Mapping[str, Any],
    arguments: Mapping[str, Any],
    condition: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Upload an object in parts and return the answer to CompleteMultipartUpload.

    Raises what boto3 raises.

    Args:
        client: Sends the requests.
        parts: The bytes, all parts but the last of one size.
        target: Bucket and Key.
        arguments: What CreateMultipartUpload takes beside them.
        condition: What CompleteMultipartUpload takes beside them.
    """
    upload_id = client.create_multipart_upload(**target, **arguments)["UploadId"]
    upload: dict[str, Any] = {**target, "UploadId": upload_id}
    try:
        done = _send(client, parts, upload)
        return client.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": done}, **condition
        )
    except BaseException:
        try:
            client.abort_multipart_upload(**upload)
        except (ClientError, BotoCoreError) as error:
            if not (isinstance(error, ClientError) and code_of(error) == "NoSuchUpload"):
                where = object_url(f"s3://{target['Bucket']}", target["Key"])
                _log.warning("%s: an upload is left unfinished: %s", where, type(error).__name__)
        raise


def _send(
    client: S3Client, parts: Iterable[bytes], upload: Mapping[str, Any]
) -> list[CompletedPartTypeDef]:
    def send(number: int, part: bytes) -> CompletedPartTypeDef:
        answer = client.upload_part(**upload, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    done: list[CompletedPartTypeDef] = []
    running: set[Future[CompletedPartTypeDef]] = set()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        try:
            for number, part in enumerate(parts, 1):
                running.add(threads.submit(send, number, part))
                while len(running) >= _AT_ONCE:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    done += [each.result() for each in ended]
            done += [each.result() for each in running]
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return sorted(done, key=lambda part: part["PartNumber"])
