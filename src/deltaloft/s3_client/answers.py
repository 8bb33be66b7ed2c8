"""What an answer says of the file, where the endpoint spoke of what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deltaloft.s3_client.attributes import HEADERS
from deltaloft.store import Stat

__all__ = ["described", "is_reworked", "metadata_of_answer", "of_write"]


def is_reworked(form: str | None) -> bool:
    """Say whether what is stored is something else than the file."""
    return form not in ("plain", "foreign", None)


def described(stat: Stat, heard: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of HeadObject for a file; `heard` is the answer about what is stored."""
    answer = heard | {
        "AcceptRanges": "bytes",
        "LastModified": stat.modified,
        "ContentLength": stat.size,
        "ETag": f'"{stat.etag}"',
        "Metadata": dict(stat.attributes.metadata),
        "ResponseMetadata": metadata_of_answer(heard),
    }
    answer.pop("ContentRange", None)
    given = {theirs: getattr(stat.attributes, ours) for ours, theirs in HEADERS.items()}
    given["ContentType"] = given["ContentType"] or answer.get("ContentType")
    for name, value in given.items():
        answer.pop(name, None)
        if value is not None:
            answer[name] = value
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    headers["content-length"] = str(stat.size)
    headers.pop("content-encoding", None)
    if stat.attributes.content_encoding is not None:
        headers["content-encoding"] = stat.attributes.content_encoding
    return answer


def of_write(etag: str, form: str, heard: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to PutObject."""
    answer = _without_checksums(heard) if is_reworked(form) else heard
    for name in ("Bucket", "Key", "Location"):  # what only the end of an upload in parts says
        answer.pop(name, None)
    return answer | {"ETag": f'"{etag}"', "ResponseMetadata": metadata_of_answer(heard)}


def metadata_of_answer(heard: Mapping[str, Any], status: int = 200) -> dict[str, Any]:
    """Return ResponseMetadata without what is ours; of our own making if nothing was heard."""
    metadata: Any = heard.get("ResponseMetadata", {"RetryAttempts": 0})
    headers = {
        name: value
        for name, value in metadata.get("HTTPHeaders", {}).items()
        if not name.startswith(("x-amz-meta-dl-", "x-amz-checksum-"))
    }
    return {**metadata, "HTTPStatusCode": status, "HTTPHeaders": headers}


def _without_checksums(heard: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was computed from a delta."""
    return {name: value for name, value in heard.items() if not name.startswith("Checksum")}
