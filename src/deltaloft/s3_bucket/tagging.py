"""Tags of one object: GetObjectTagging, PutObjectTagging, DeleteObjectTagging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deltaloft.bucket_requests import check_tags
from deltaloft.errors import StorageError
from deltaloft.s3_bucket.failures import failing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["get_tags", "put_tags"]


def get_tags(client: S3Client, target: Mapping[str, Any], where: str) -> dict[str, str]:
    """Return the tags of the object that `target`, Bucket and Key, names."""
    with failing(where):
        answer = client.get_object_tagging(**target)
    # Ceph 16 leaves the list out after some copies, when there are none.
    try:
        return {each["Key"]: each["Value"] for each in answer.get("TagSet", [])}
    except KeyError as error:
        raise StorageError(f"{where}: tags expected, found one without {error}") from error


def put_tags(
    client: S3Client, target: Mapping[str, Any], tags: Mapping[str, str], where: str
) -> None:
    """Replace the tags of an object."""
    check_tags(where, tags)
    with failing(where):
        if not tags:
            client.delete_object_tagging(**target)
            return
        listed: Any = [{"Key": name, "Value": value} for name, value in tags.items()]
        client.put_object_tagging(**target, Tagging={"TagSet": listed})
