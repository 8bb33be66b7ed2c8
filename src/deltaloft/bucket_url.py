"""From a URL to a bucket.

s3://bucket[/prefix]    an S3 bucket, or what is below a prefix of it
file:///path            a folder, percent-encoded as URLs are
path                    a folder
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from deltaloft.bucket import Bucket
from deltaloft.errors import InvalidRequest

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["open_bucket"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?=//)", re.ASCII)
_FORMS = "s3://bucket, s3://bucket/prefix, file:///path or a path expected"


def open_bucket(
    url: str | Path,
    *,
    create: bool = False,
    client: S3Client | None = None,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
) -> Bucket:
    """Open the bucket a URL names. The last four options are those of `S3Bucket`.

    An S3 bucket is not asked for anything before its first use, unless `create` makes sure of it.

    Raises:
        InvalidRequest: the URL is none of ours, or an option does not go with it.
        BucketNotFound: the folder is not there, and not `create`.
    """
    url = os.fspath(url)
    match = _SCHEME.match(url)
    # The scheme alone is repeated: what follows may hold a password or a signature.
    scheme = match[1].lower() if match else None
    if scheme == "s3":
        from deltaloft.s3_bucket import S3Bucket

        name, _, prefix = url[len("s3://") :].partition("/")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name, re.ASCII):
            raise InvalidRequest(f"s3 URL: {_FORMS}, found no bucket name after s3://")
        bucket = S3Bucket(
            name,
            client=client,
            prefix=prefix,
            profile=profile,
            region=region,
            endpoint_url=endpoint_url,
        )
        if create:
            bucket.create()
        return bucket
    if scheme not in (None, "file"):
        hint = "; an endpoint goes into endpoint_url" if scheme in ("http", "https") else ""
        raise InvalidRequest(f"{_FORMS}, found a URL of {scheme}{hint}")
    if any(option is not None for option in (client, profile, region, endpoint_url)):
        raise InvalidRequest("an s3:// URL expected with client, profile, region or endpoint_url")
    from deltaloft.folder_bucket import FolderBucket

    return FolderBucket(_folder_of(url, scheme), create=create)


def _folder_of(url: str, scheme: str | None) -> Path:
    if scheme is None:
        if not url or "\0" in url:
            raise InvalidRequest(f"{_FORMS}, found {url!r}")
        return Path(url)
    host, slash, path = url[len("file://") :].partition("/")
    decoded = unquote_to_bytes(path)
    if host not in ("", "localhost") or not slash or b"\0" in decoded:
        raise InvalidRequest("file URL: one like file:///path expected, with three slashes")
    return Path(os.fsdecode(b"/" + decoded))
