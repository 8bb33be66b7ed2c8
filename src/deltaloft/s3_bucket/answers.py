"""What an answer of S3 says of an object, checked: an answer may come from anywhere.

An error in XML that arrives with status 200 has no ETag and no Last-Modified, which every object
has: it is never taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deltaloft.bucket import Attributes, ObjectInfo
from deltaloft.errors import StorageError
from deltaloft.s3_bucket.attributes import arguments_of, attributes_of, tag_count_of

__all__ = ["WRITE_ID", "info_of", "put_arguments", "range_of", "size_of", "unquoted", "whole_of"]

WRITE_ID = "dl-write"  # metadata: tells a writer whose answer was lost that the object is its own
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


def info_of(answer: Mapping[str, Any], key: str, size: int, where: str) -> ObjectInfo:
    """Return what the answer to a GET or HEAD says of the object.

    Raises:
        StorageError: it is no answer about an object.
    """
    etag, modified = unquoted(answer.get("ETag", "")), answer.get("LastModified")
    if not etag or not isinstance(modified, datetime):
        raise StorageError(
            f"{where}: an object with ETag and date expected, found another kind of answer"
        )
    metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
    metadata.pop(WRITE_ID, None)
    attributes = attributes_of(answer, metadata)
    return ObjectInfo(key, size, etag, modified, attributes, tag_count_of(answer))


def put_arguments(attributes: Attributes, write_id: str | None) -> dict[str, Any]:
    """Return attributes as PutObject and CreateMultipartUpload take them."""
    arguments = arguments_of(attributes)
    if write_id is not None:
        arguments["Metadata"][WRITE_ID] = write_id
    return arguments


def size_of(answer: Mapping[str, Any], where: str) -> int:
    """Return how many bytes of body an answer promises.

    Raises:
        StorageError: it does not say, so that a body cut short would pass for a whole one.
    """
    size = answer.get("ContentLength")
    if not isinstance(size, int) or size < 0:
        raise StorageError(f"{where}: an answer with a Content-Length expected, found none")
    return size


def whole_of(answer: Mapping[str, Any], where: str) -> int:
    """Check that an answer holds a whole object; return its size.

    Raises:
        StorageError: it holds a part that nobody asked for, or does not say how much.
    """
    if found := answer.get("ContentRange"):
        raise StorageError(f"{where}: the whole object expected, found {found!r} of it")
    return size_of(answer, where)


def range_of(answer: Mapping[str, Any], start: int, size: int | None, where: str) -> int:
    """Check that an answer holds just the range asked for; return the size of the whole object.

    HTTP lets a server answer with the whole object; that is of use where the range begins with it.

    Raises:
        StorageError: it holds something else.
    """
    promised = size_of(answer, where)
    text = answer.get("ContentRange", "")
    if start == 0 and not text and answer["ResponseMetadata"]["HTTPStatusCode"] == 200:
        return promised
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None:
        raise StorageError(f"{where}: the range from {start} expected, found an answer without it")
    first, last, whole = map(int, match.groups())
    end = whole if size is None else min(start + size, whole)
    if (first, last + 1, promised) != (start, end, end - start):
        raise StorageError(
            f"{where}: {end - start} bytes from {start} expected, found {promised} of {text}"
        )
    return whole


def unquoted(etag: str) -> str:
    """Return an ETag without its quotes, which Ceph 18 forgets now and then."""
    return etag.removeprefix('"').removesuffix('"')
