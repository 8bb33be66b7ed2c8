"""CopyObject, for files of any size. What a copy keeps is what S3 says, not what a store does.

metadata, headers, Expires    the source's, or with MetadataDirective=REPLACE those given
tags                          the source's, or with TaggingDirective=REPLACE those given
all else                      as given: no ACL, storage class or encryption comes along
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import unquote

from deltaloft.bucket import Attributes
from deltaloft.errors import InvalidRequest
from deltaloft.s3_client.answers import metadata_of_answer
from deltaloft.s3_client.attributes import HEADERS, WRITTEN, attributes_given
from deltaloft.s3_client.conditions import CONDITIONS, unmet
from deltaloft.s3_client.failures import UNMET
from deltaloft.s3_client.stores import Place, Stores
from deltaloft.store import Stat

__all__ = ["COPIED", "copy_object"]

COPIED = {
    *WRITTEN,
    *(f"CopySource{name}" for name in CONDITIONS),
    "Bucket",
    "CopySource",
    "Key",
    "MetadataDirective",
    "TaggingDirective",
}
_REPLACED = {*HEADERS.values(), "Expires", "Metadata"}
# Without one of these a copy onto itself changes nothing.
_CHANGES = {"ServerSideEncryption", "StorageClass", "WebsiteRedirectLocation"}


def copy_object(
    stores: Stores, params: Mapping[str, Any], source_stores: Stores | None = None
) -> dict[str, Any]:
    """See S3's CopyObject."""
    source_stores = source_stores or stores
    given = params.get("CopySource")
    # boto3 takes a dictionary, too, where S3's own description has a text.
    checked = {**params, "CopySource": "bucket/key"} if isinstance(given, Mapping) else params
    stores.check("CopyObject", checked, COPIED)
    target = stores.place("CopyObject", params["Bucket"], params["Key"])
    source = _source(source_stores, params["CopySource"])
    replacing = params.get("MetadataDirective") == "REPLACE"
    if source == target and not replacing and not _CHANGES & set(params):
        stores.refuse(
            "CopyObject",
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or "
            "encryption attributes.",
        )
    with stores.doing("CopyObject", source) as heard:
        stat = source.store.stat(source.key)
        condition = unmet(params, stat.etag, stat.modified, prefix="CopySource")
        if condition is not None:
            named = f"x-amz-copy-source-{condition}"
            stores.refuse("CopyObject", "PreconditionFailed", UNMET, Condition=named)
        attributes = _attributes(source_stores, source, stat, params)
        result = source.store.copy(
            source.key,
            target.key,
            target=None if target.store is source.store else target.store,
            attributes=attributes,
        )
        answer = heard.about(result.etag, "CopyObject", "PutObject", "CompleteMultipartUpload")
        told = answer.get("CopyObjectResult", {})
        modified = told.get("LastModified") or target.store.stat(target.key).modified
        kept: dict[str, Any] = {
            name: answer[name]
            for name in ("VersionId", "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")
            if name in answer
        }
        copied = {"ETag": f'"{result.etag}"', "LastModified": modified}
        return {
            **kept,
            "CopyObjectResult": copied,
            "ResponseMetadata": metadata_of_answer(answer),
        }


def _source(stores: Stores, given: Any) -> Place:
    """Return where the source is: `bucket/key`, percent-encoded, or a dictionary."""
    if isinstance(given, str):
        path, _, version = given.partition("?versionId=")
        bucket, _, key = unquote(path).removeprefix("/").partition("/")
    else:
        bucket, key, version = given["Bucket"], given["Key"], given.get("VersionId", "")
    if version:
        words = "CopySource: VersionId is not supported for objects of a store"
        stores.refuse("CopyObject", "NotImplemented", words)
    if not bucket or not key:
        stores.refuse("CopyObject", "InvalidArgument", "CopySource: bucket/key expected")
    return stores.place("CopyObject", bucket, key)


def _attributes(stores: Stores, source: Place, stat: Stat, params: Mapping[str, Any]) -> Attributes:
    wanted = attributes_given(params)
    replacing = params.get("MetadataDirective") == "REPLACE"
    if not replacing and _REPLACED & set(params):
        names = ", ".join(sorted(_REPLACED & set(params)))
        raise InvalidRequest(f"{names}: MetadataDirective=REPLACE expected")
    if not replacing:
        kept = {name: getattr(stat.attributes, name) for name in (*HEADERS, "expires", "metadata")}
        wanted = replace(wanted, **kept)
    if params.get("TaggingDirective") != "REPLACE":
        if wanted.tags is not None:
            raise InvalidRequest("Tagging: TaggingDirective=REPLACE expected")
        found = stores.client.get_object_tagging(Bucket=source.bucket, Key=source.whole_key)
        tags = {each["Key"]: each["Value"] for each in cast("Any", found).get("TagSet", [])}
        wanted = replace(wanted, tags=tags or None)
    return wanted
