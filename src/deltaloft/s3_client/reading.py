"""GetObject, HeadObject, GetObjectAttributes and downloads: the file, not what is stored for it.

A whole file is given back and proven before the answer is returned: up to 8 MiB in memory, more in
an unlinked temporary file. A range is read when it is asked for, and nothing proves it.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from botocore.response import StreamingBody
from botocore.utils import parse_to_aware_datetime

from deltaloft.bucket_requests import object_url
from deltaloft.errors import PreconditionFailed
from deltaloft.s3_client.answers import described, is_reworked, metadata_of_answer
from deltaloft.s3_client.conditions import CONDITIONS, unmet
from deltaloft.s3_client.failures import UNMET
from deltaloft.s3_client.hearing import Heard
from deltaloft.s3_client.ranges import PartReader, range_within
from deltaloft.s3_client.stores import Place, Stores
from deltaloft.store import Stat

__all__ = ["get_object", "get_object_attributes", "head_object"]

_IN_MEMORY = 8 << 20
_TRIES = 4  # an object that is replaced this often while it is read
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}
_READ = {"Bucket", "Key", "Range", *CONDITIONS, *_OVERRIDES}


def head_object(stores: Stores, params: Mapping[str, Any]) -> dict[str, Any]:
    """See S3's HeadObject."""
    stores.check("HeadObject", params, _READ)
    place = stores.place("HeadObject", params["Bucket"], params["Key"])
    with stores.doing("HeadObject", place) as heard:
        stat = place.store.stat(place.key)
        answer = _answer(stores, "HeadObject", params, stat, heard)
        _part(stores, "HeadObject", params, stat, answer)
        return answer


def get_object(stores: Stores, params: Mapping[str, Any]) -> dict[str, Any]:
    """See S3's GetObject."""
    stores.check("GetObject", params, _READ)
    place = stores.place("GetObject", params["Bucket"], params["Key"])
    with stores.doing("GetObject", place) as heard:
        for _ in range(_TRIES):
            stat = place.store.stat(place.key)
            answer = _answer(stores, "GetObject", params, stat, heard)
            part = _part(stores, "GetObject", params, stat, answer)
            body = _whole(place, stat) if part is None else _range(place, stat, *part)
            if body is not None:
                answer["Body"] = StreamingBody(cast("Any", body), answer["ContentLength"])
                return answer
        url = object_url(place.store.url, place.key)
        raise PreconditionFailed(f"{url}: replaced {_TRIES} times while it was read")


def get_object_attributes(stores: Stores, params: Mapping[str, Any]) -> dict[str, Any]:
    """See S3's GetObjectAttributes. A delta tells no checksums and parts: they are the delta's."""
    known = {"Bucket", "Key", "ObjectAttributes", "MaxParts", "PartNumberMarker"}
    stores.check("GetObjectAttributes", params, known)
    place = stores.place("GetObjectAttributes", params["Bucket"], params["Key"])
    with stores.doing("GetObjectAttributes", place):
        stat = place.store.stat(place.key)
    answer = cast("dict[str, Any]", stores.client.get_object_attributes(**cast("Any", params)))
    if "ObjectSize" in answer:
        answer["ObjectSize"] = stat.size
    if is_reworked(stat.form):
        answer.pop("Checksum", None)
        answer.pop("ObjectParts", None)
    return answer


def _answer(
    stores: Stores, operation: str, params: Mapping[str, Any], stat: Stat, heard: Heard
) -> dict[str, Any]:
    """Return all fields but the body, if the conditions hold."""
    condition = unmet(params, stat.etag, stat.modified)
    if condition in ("If-Match", "If-Unmodified-Since"):
        stores.refuse(operation, "PreconditionFailed", UNMET, Condition=condition)
    if condition is not None:
        stores.refuse(operation, "304", "Not Modified")
    answer = described(stat, heard.about(stat.etag, "HeadObject"))
    for name, header in _OVERRIDES.items():
        if name in params:
            value = params[name]
            answer[header] = parse_to_aware_datetime(value) if header == "Expires" else value
    return answer


def _part(
    stores: Stores, operation: str, params: Mapping[str, Any], stat: Stat, answer: dict[str, Any]
) -> tuple[int, int] | None:
    """Return the range that is asked for, having written it into the answer; None for all."""
    if "Range" not in params:
        return None
    try:
        part = range_within(params["Range"], stat.size)
    except ValueError as error:
        stores.refuse(operation, "InvalidArgument", str(error))
    if part is None:
        more = {"ActualObjectSize": str(stat.size), "RangeRequested": params["Range"]}
        stores.refuse(operation, "InvalidRange", "The requested range is not satisfiable", **more)
    start, end = part
    answer["ContentLength"] = end - start
    answer["ContentRange"] = f"bytes {start}-{end - 1}/{stat.size}"
    answer["ResponseMetadata"] = metadata_of_answer(answer, 206)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    headers["content-length"] = str(end - start)
    headers["content-range"] = answer["ContentRange"]
    return part


def _whole(place: Place, stat: Stat) -> BinaryIO | None:
    """Return the whole file, or None if it is not the one that `stat` tells of."""
    spool = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - lent
    try:
        result = place.store.get(place.key, spool)
        same = (result.sha256, result.size) == (stat.sha256, stat.size)
        if result.sha256 is None:
            same = same and place.store.stat(place.key).etag == stat.etag
    except BaseException:
        spool.close()
        raise
    if not same:
        spool.close()
        return None
    spool.seek(0)
    return spool


def _range(place: Place, stat: Stat, start: int, end: int) -> BinaryIO | None:
    """Return a part of the file, or None if it is not the one that `stat` tells of."""
    file = place.store.open_file(place.key)
    if file.etag != stat.etag:
        file.close()
        return None
    return cast("BinaryIO", io.BufferedReader(PartReader(file, start, end)))
