"""Attributes as boto3's parameters give them.

Those parameters of PutObject and CopyObject that are about an object rather than its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.utils import parse_to_aware_datetime

from deltaloft.bucket import Attributes, Encryption, Grant, Lock
from deltaloft.errors import InvalidRequest

__all__ = ["HEADERS", "WRITTEN", "attributes_given"]

# ours -> boto3's
HEADERS = {
    "content_type": "ContentType",
    "content_encoding": "ContentEncoding",
    "content_disposition": "ContentDisposition",
    "content_language": "ContentLanguage",
    "cache_control": "CacheControl",
}
_GRANTS = {
    "GrantFullControl": "FULL_CONTROL",
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWriteACP": "WRITE_ACP",
}
_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*(?:"([^"]*)"|([^",]*))\s*')

WRITTEN = {
    *HEADERS.values(),
    *_GRANTS,
    "ACL",
    "BucketKeyEnabled",
    "Expires",
    "Metadata",
    "ObjectLockLegalHoldStatus",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "SSEKMSKeyId",
    "ServerSideEncryption",
    "StorageClass",
    "Tagging",
    "WebsiteRedirectLocation",
}


def attributes_given(params: Mapping[str, Any]) -> Attributes:
    """Return the attributes in parameters that botocore's validator has let pass.

    Raises:
        InvalidRequest: tags or grants that S3 does not read, or words that do not go together.
    """
    headers = {ours: params.get(theirs) or None for ours, theirs in HEADERS.items()}
    storage_class = params.get("StorageClass")
    return Attributes(
        metadata={name.lower(): value for name, value in params.get("Metadata", {}).items()},
        expires=_time(params.get("Expires")),
        website_redirect=params.get("WebsiteRedirectLocation"),
        tags=_tags(params.get("Tagging")),
        storage_class=None if storage_class == "STANDARD" else storage_class,
        encryption=_encryption(params),
        acl=params.get("ACL"),
        grants=_grants(params),
        lock=_lock(params),
        **headers,
    )


def _time(value: Any) -> datetime | None:
    return None if value is None else parse_to_aware_datetime(value).astimezone(UTC)


def _tags(query: str | None) -> dict[str, str] | None:
    if not query:
        return None
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise InvalidRequest("Tagging: a query string like name=value&name=value expected") from (
            error
        )
    if len(dict(pairs)) != len(pairs):
        raise InvalidRequest("Tagging: each name once expected")
    return dict(pairs)


def _grants(params: Mapping[str, Any]) -> tuple[Grant, ...]:
    grants = []
    for name, permission in _GRANTS.items():
        for grantee in params[name].split(",") if name in params else ():
            match = _GRANTEE.fullmatch(grantee)
            if match is None:
                raise InvalidRequest(f'{name}: id="…", uri="…" or emailAddress="…" expected')
            grants.append(Grant(permission, f"{match[1]}={match[2] or match[3]}"))
    return tuple(grants)


def _encryption(params: Mapping[str, Any]) -> Encryption | None:
    method = params.get("ServerSideEncryption")
    if method is not None:
        return Encryption(method, params.get("SSEKMSKeyId"), params.get("BucketKeyEnabled"))
    if "SSEKMSKeyId" in params or "BucketKeyEnabled" in params:
        raise InvalidRequest("ServerSideEncryption expected with SSEKMSKeyId or BucketKeyEnabled")
    return None


def _lock(params: Mapping[str, Any]) -> Lock | None:
    mode, until = params.get("ObjectLockMode"), _time(params.get("ObjectLockRetainUntilDate"))
    held = params.get("ObjectLockLegalHoldStatus") == "ON"
    return Lock(mode, until, held) if mode or until or held else None
