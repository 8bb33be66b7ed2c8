"""The versions of objects that are no longer current, where a bucket keeps them.

An endpoint that answers 501 to ListObjectVersions cannot have any. Whatever else goes wrong is an
error: who asks wants to know what may be deleted. Hence nobody is asked whether the bucket is
versioned, either: an answer that got lost on the way would look like a no.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deltaloft.bucket import Version
from deltaloft.bucket_requests import object_url
from deltaloft.errors import StorageError
from deltaloft.s3_bucket.failures import code_of, failing, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["noncurrent"]


def noncurrent(client: S3Client, name: str, prefix: str, where: str) -> Iterator[Version]:
    """Yield all versions below a prefix but the current ones, in order of keys as they are stored.

    Raises:
        StorageError: the listing contradicts itself, or cannot be had.
    """
    last = b""
    for page in _pages(client, name, prefix, where):
        for item in page.get("Versions", []):
            try:
                key, version, is_latest = item["Key"], item["VersionId"], item["IsLatest"]
            except KeyError as error:
                raise StorageError(f"{where}: a listing of versions without {error}") from error
            if not key.startswith(prefix) or key.encode() < last:
                raise StorageError(
                    f"{object_url(where, key)}: versions in order and of one prefix expected, "
                    "found this key out of place"
                )
            last = key.encode()
            if not is_latest:
                yield Version(key, version)


def _pages(client: S3Client, name: str, prefix: str, where: str) -> Iterator[Mapping[str, Any]]:
    asked: dict[str, Any] = {"Bucket": name, "Prefix": prefix}
    seen: set[tuple[str, str]] = set()
    while True:
        with failing(where):
            try:
                page = client.list_object_versions(**asked)
            except ClientError as error:
                if not seen and (code_of(error) == "NotImplemented" or status_of(error) == 501):
                    return
                raise
        if "IsTruncated" not in page:
            raise StorageError(f"{where}: a listing of versions expected, found another answer")
        yield page
        if not page["IsTruncated"]:
            return
        marker = page.get("NextKeyMarker", ""), page.get("NextVersionIdMarker", "")
        if not marker[0] or marker in seen:
            raise StorageError(
                f"{where}: more pages of the versions expected, found no way to the next"
            )
        seen.add(marker)
        asked |= {"KeyMarker": marker[0], "VersionIdMarker": marker[1]}
