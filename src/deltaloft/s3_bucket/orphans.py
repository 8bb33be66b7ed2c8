"""Uploads in parts that nobody finished, whoever began them; `unfinished` knows our own.

Their parts are paid for and in no listing of objects. Age is reckoned by the endpoint's own clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deltaloft.errors import StorageError
from deltaloft.s3_bucket.failures import code_of, failing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Upload", "abort", "list_uploads"]


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    begun: datetime
    age: timedelta


def list_uploads(client: S3Client, bucket: str, prefix: str, where: str) -> Iterator[Upload]:
    """Yield the unfinished uploads of keys that begin with `prefix`.

    Raises:
        StorageError: the listing does not end, or makes no sense.
    """
    asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    seen: set[tuple[str, str]] = set()
    while True:
        with failing(where):
            page = client.list_multipart_uploads(**asked)
        headers = page["ResponseMetadata"]["HTTPHeaders"]
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        for each in page.get("Uploads", []):
            key, begun = each["Key"], each["Initiated"]
            if not key.startswith(prefix):
                raise StorageError(f"{where}: uploads below {prefix!r} expected, found another")
            yield Upload(key, each["UploadId"], begun, now - begun)
        if not page.get("IsTruncated"):
            return
        marker = page.get("NextKeyMarker", ""), page.get("NextUploadIdMarker", "")
        if not any(marker) or marker in seen:
            raise StorageError(f"{where}: more uploads expected, found no way to them")
        seen.add(marker)
        asked |= {"KeyMarker": marker[0], "UploadIdMarker": marker[1]}


def abort(client: S3Client, bucket: str, upload: Upload, where: str) -> None:
    """Abort an upload; one that is gone already is no error."""
    with failing(where):
        try:
            client.abort_multipart_upload(Bucket=bucket, Key=upload.key, UploadId=upload.upload_id)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise
