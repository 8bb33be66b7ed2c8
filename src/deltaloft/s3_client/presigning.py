"""Presigned URLs, and the copies that those of a delta need.

Whoever opens such a URL gets what is stored. For a file that is stored as itself that is the file.
For a delta a whole copy is made, below .deltaloft/tmp/, with the file's headers, its encryption by
KMS, and in its metadata the second after which nobody needs it: `dl-expires`. Purging removes it.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import ClientError

from deltaloft.errors import NotFound
from deltaloft.layout import EXPIRES, TEMPORARY_PREFIX
from deltaloft.s3_client.answers import is_reworked
from deltaloft.s3_client.attributes import HEADERS
from deltaloft.s3_client.stores import Place, Stores
from deltaloft.store import Stat

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Purged", "presigned_url", "purge"]

_log = logging.getLogger(__name__)

_READING = {"get_object": "GetObject", "head_object": "HeadObject"}
_NAME_SIZE = 200  # characters of a key that the copy's keeps, for whoever saves it
_LONGEST = timedelta(days=7)  # S3 lets no URL live longer


@dataclass(frozen=True, slots=True)
class Purged:
    """What became of the copies behind presigned URLs: how many, and bytes."""

    deleted: int
    freed_size: int
    kept: int


def presigned_url(
    stores: Stores, method: str, params: Mapping[str, Any], expires_in: int, http_method: str | None
) -> str:
    """Return a URL that does what `method` of a client would."""
    params = dict(params)
    operation = _READING.get(method)
    if operation is not None and {"Bucket", "Key"} <= set(params):
        place = stores.place(operation, params["Bucket"], params["Key"])
        with stores.failing_as(operation, place):
            stat = _stat(place)
            if stat is not None and is_reworked(stat.form):
                if "VersionId" in params:
                    words = "VersionId is not supported for objects of a store"
                    stores.refuse(operation, "NotImplemented", words)
                params["Key"] = _whole_copy(stores, place, stat, expires_in)
    return stores.client.generate_presigned_url(
        method, Params=params, ExpiresIn=expires_in, HttpMethod=cast("Any", http_method)
    )


def purge(stores: Stores, bucket: str) -> Purged:
    """Remove the copies of a bucket's store whose URLs have expired by the bucket's clock."""
    deleted = freed = kept = 0
    pages = stores.client.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=stores.root + TEMPORARY_PREFIX):
        for line in page.get("Contents", []):
            target: Any = {"Bucket": bucket, "Key": line["Key"]}
            match _is_expired(stores.client, target):
                case True:
                    stores.client.delete_object(**target)
                    deleted += 1
                    freed += line["Size"]
                case False:
                    kept += 1
    return Purged(deleted, freed, kept)


def _stat(place: Place) -> Stat | None:
    try:
        return place.store.stat(place.key)
    except NotFound:
        return None  # the URL will say so


def _whole_copy(stores: Stores, place: Place, stat: Stat, expires_in: int) -> str:
    """Store the file as itself; return its key."""
    name = place.key.rpartition("/")[2][-_NAME_SIZE:]
    key = f"{stores.root}{TEMPORARY_PREFIX}{secrets.token_hex(16)}/{name}"
    given = {theirs: getattr(stat.attributes, ours) for ours, theirs in HEADERS.items()}
    given["Expires"] = stat.attributes.expires
    encryption = stat.attributes.encryption
    if encryption is not None and encryption.method.startswith("aws:"):
        given["ServerSideEncryption"] = encryption.method
        given["SSEKMSKeyId"] = encryption.key_id
    extra: Any = {header: value for header, value in given.items() if value is not None}
    extra["Metadata"] = {
        **stat.attributes.metadata,
        EXPIRES: str(int(time.time()) + expires_in),
    }
    with tempfile.TemporaryFile() as file:
        spool = cast("BinaryIO", file)
        place.store.get(place.key, spool)
        spool.seek(0)
        with create_transfer_manager(stores.client, TransferConfig()) as transfers:
            transfers.upload(spool, place.bucket, key, extra_args=extra).result()
    _log.info("%s: a copy of %d bytes for a presigned URL", key, stat.size)
    return key


def _is_expired(client: S3Client, target: Mapping[str, Any]) -> bool | None:
    """Compare with the moment of a HEAD, which is the bucket's; None if somebody was quicker."""
    try:
        answer: Any = client.head_object(**cast("Any", target))
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(date).timestamp() if date else time.time()
    expires = answer.get("Metadata", {}).get(EXPIRES, "")
    if expires.isascii() and expires.isdecimal() and len(expires) < 16:
        return int(expires) < now
    modified: float = answer["LastModified"].timestamp()
    return modified + _LONGEST.total_seconds() < now
