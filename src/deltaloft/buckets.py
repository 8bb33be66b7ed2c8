"""Buckets as a whole: how they come and go, and who may do what with them.

s3://bucket          made and removed in S3; has an ACL
file:///path, path   a folder that becomes, or was, a store; has none
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from deltaloft.bucket import Acl, Bucket, Grant
from deltaloft.bucket_url import open_bucket
from deltaloft.errors import InvalidRequest
from deltaloft.layout import is_ours

if TYPE_CHECKING:
    from deltaloft.s3_bucket import S3Bucket

__all__ = ["get_acl", "make", "remove", "set_acl"]


def make(
    url: str,
    *,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
) -> str:
    """Make a bucket, or a store of a folder that is new or empty; what is there already, stays.

    Returns:
        The bucket's own URL.

    Raises:
        InvalidRequest: the URL names more than a bucket, or a folder that holds other things.
        AccessDenied: it belongs to somebody else, or we may make none.
    """
    _check(url)
    return open_bucket(
        url, create=True, profile=profile, region=region, endpoint_url=endpoint_url
    ).url


def remove(
    url: str,
    *,
    emptied: bool = False,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
) -> None:
    """Remove a bucket, or a store with its folder.

    Args:
        url: Which.
        emptied: Remove all that is in it first: files, then what is deltaloft's own.
        profile: A profile of the AWS configuration.
        region: The bucket's region.
        endpoint_url: The endpoint of an S3-compatible service.

    Raises:
        BucketNotFound: there is none.
        StorageError: it is not empty, or holds old versions of objects.
    """
    _check(url)
    bucket = open_bucket(url, profile=profile, region=region, endpoint_url=endpoint_url)
    if url.startswith("s3://"):
        from deltaloft.s3_bucket.whole import remove_bucket

        remove_bucket(_in_s3(bucket), emptied=emptied, last=is_ours)
    else:
        from deltaloft.folder_bucket.removing import remove_folder

        remove_folder(
            Path(os.fsdecode(unquote_to_bytes(urlsplit(bucket.url).path))), emptied=emptied
        )


def get_acl(
    url: str,
    *,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
) -> Acl:
    """Return who may do what with a bucket.

    Raises:
        InvalidRequest: a folder, which has no ACL.
        BucketNotFound: there is none.
    """
    from deltaloft.s3_bucket.whole import bucket_acl

    _check(url)
    bucket = open_bucket(url, profile=profile, region=region, endpoint_url=endpoint_url)
    return bucket_acl(_in_s3(bucket))


def set_acl(
    url: str,
    *,
    acl: str | None = None,
    grants: Sequence[Grant] = (),
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
) -> None:
    """Replace the ACL of a bucket by a canned one, like `public-read`, or by grants.

    Raises:
        InvalidRequest: not one of the two, or a folder, which has no ACL.
        BucketNotFound: there is none.
    """
    from deltaloft.s3_bucket.whole import set_bucket_acl

    _check(url)
    bucket = open_bucket(url, profile=profile, region=region, endpoint_url=endpoint_url)
    set_bucket_acl(_in_s3(bucket), acl, grants)


def _check(url: str) -> None:
    if url.startswith("s3://") and url.removeprefix("s3://").partition("/")[2].strip("/"):
        raise InvalidRequest(f"{url}: a whole bucket expected, found a key in one")


def _in_s3(bucket: Bucket) -> S3Bucket:
    from deltaloft.s3_bucket import S3Bucket

    if not isinstance(bucket, S3Bucket):
        raise InvalidRequest(f"{bucket.url}: s3://BUCKET expected, a folder has no ACL")
    return bucket
