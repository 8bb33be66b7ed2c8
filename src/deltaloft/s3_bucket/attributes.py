"""Attributes as boto3 takes them and as answers give them back.

Tags, ACL and grants go along with a write and do not come back with a read; see `tagging` and
`acl`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from deltaloft.bucket import Attributes, Encryption, Grant, Lock

__all__ = ["arguments_of", "attributes_of", "content_digest", "grant_arguments", "tag_count_of"]

_UNSET_TYPE = "binary/octet-stream"  # what S3 says of an object without a Content-Type
_HEADERS = {
    "content_type": "ContentType",
    "content_encoding": "ContentEncoding",
    "content_disposition": "ContentDisposition",
    "content_language": "ContentLanguage",
    "cache_control": "CacheControl",
    "website_redirect": "WebsiteRedirectLocation",
    "storage_class": "StorageClass",
}
_GRANTS = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "READ_ACP": "GrantReadACP",
    "WRITE_ACP": "GrantWriteACP",
}
_LOCK_MODES = ("GOVERNANCE", "COMPLIANCE")


def arguments_of(attributes: Attributes) -> dict[str, Any]:
    """Return attributes as PutObject, CreateMultipartUpload and CopyObject take them."""
    given: dict[str, Any] = {theirs: getattr(attributes, ours) for ours, theirs in _HEADERS.items()}
    given["Metadata"] = dict(attributes.metadata)
    given["Expires"] = attributes.expires
    if attributes.tags:  # with %20: Ceph takes a plus for a plus
        given["Tagging"] = urlencode(attributes.tags, quote_via=quote, safe="")
    given["ACL"] = attributes.acl
    if encryption := attributes.encryption:
        given["ServerSideEncryption"] = encryption.method
        given["SSEKMSKeyId"] = encryption.key_id
        given["BucketKeyEnabled"] = encryption.bucket_key
    if lock := attributes.lock:
        given["ObjectLockMode"] = lock.mode
        given["ObjectLockRetainUntilDate"] = lock.until
        given["ObjectLockLegalHoldStatus"] = "ON" if lock.legal_hold else None
    given |= grant_arguments(attributes.grants)
    return {name: value for name, value in given.items() if value is not None}


def content_digest(body: bytes) -> dict[str, str]:
    """Return the Content-MD5 without which S3 takes no object with a lock."""
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return {"ContentMD5": base64.b64encode(digest).decode()}


def grant_arguments(grants: tuple[Grant, ...]) -> dict[str, str]:
    """Return grants as boto3's arguments, one for each permission."""
    given: dict[str, list[str]] = {}
    for grant in grants:
        kind, _, who = grant.grantee.partition("=")
        given.setdefault(_GRANTS[grant.permission], []).append(f'{kind}="{who}"')
    return {name: ",".join(grantees) for name, grantees in given.items()}


def attributes_of(answer: Mapping[str, Any], metadata: Mapping[str, str]) -> Attributes:
    """Return the attributes that the answer to a GET or HEAD tells, beside checked `metadata`."""
    headers: Any = {ours: answer.get(theirs) or None for ours, theirs in _HEADERS.items()}
    if headers["content_type"] == _UNSET_TYPE:
        headers["content_type"] = None
    if headers["storage_class"] == "STANDARD":  # AWS does not say it, Ceph does if it was asked for
        headers["storage_class"] = None
    if encoding := headers["content_encoding"]:
        headers["content_encoding"] = _without_transfer(encoding)
    return Attributes(
        metadata=metadata,
        expires=_time(answer.get("Expires")),
        encryption=_encryption_of(answer),
        lock=_lock_of(answer),
        **headers,
    )


def tag_count_of(answer: Mapping[str, Any]) -> int:
    """Return how many tags the object has; a service that does not say has none."""
    count = answer.get("TagCount", 0)
    return count if isinstance(count, int) else 0


def _encryption_of(answer: Mapping[str, Any]) -> Encryption | None:
    method = answer.get("ServerSideEncryption")
    if not isinstance(method, str) or not method.startswith("aws:"):
        return Encryption(method) if method == "AES256" else None
    bucket_key = True if answer.get("BucketKeyEnabled") is True else None
    return Encryption(method, answer.get("SSEKMSKeyId") or None, bucket_key)


def _lock_of(answer: Mapping[str, Any]) -> Lock | None:
    mode, until = answer.get("ObjectLockMode"), _time(answer.get("ObjectLockRetainUntilDate"))
    held = answer.get("ObjectLockLegalHoldStatus") == "ON"
    if mode not in _LOCK_MODES or until is None:
        return Lock(legal_hold=True) if held else None
    return Lock(mode, until, held)


def _time(value: object) -> datetime | None:
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _without_transfer(encoding: str) -> str | None:
    # Ceph 18 stores what only concerned the transfer: "zstd,aws-chunked".
    kept = [each.strip() for each in encoding.split(",")]
    return ",".join(each for each in kept if each and each != "aws-chunked") or None
