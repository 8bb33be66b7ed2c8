"""If-Match and its three kin, decided on what a HEAD has told (RFC 9110, section 13.2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from botocore.utils import parse_to_aware_datetime

__all__ = ["CONDITIONS", "unmet"]

CONDITIONS = {"IfMatch", "IfModifiedSince", "IfNoneMatch", "IfUnmodifiedSince"}


def unmet(
    params: Mapping[str, Any], etag: str, modified: datetime, *, prefix: str = ""
) -> Literal["PreconditionFailed", "NotModified"] | None:
    """Say what is wrong with an object, under the conditions whose names follow `prefix`."""
    given = {name: params.get(prefix + name) for name in CONDITIONS}
    moment = modified.replace(microsecond=0)
    if given["IfMatch"] is not None:
        if not _matches(given["IfMatch"], etag):
            return "PreconditionFailed"
    elif given["IfUnmodifiedSince"] is not None and moment > _time(given["IfUnmodifiedSince"]):
        return "PreconditionFailed"
    if given["IfNoneMatch"] is not None:
        if _matches(given["IfNoneMatch"], etag):
            return "NotModified"
    elif given["IfModifiedSince"] is not None and moment <= _time(given["IfModifiedSince"]):
        return "NotModified"
    return None


def _matches(given: str, etag: str) -> bool:
    asked = {each.strip().removeprefix("W/").strip('"') for each in given.split(",")}
    return "*" in asked or etag in asked


def _time(value: Any) -> datetime:
    return parse_to_aware_datetime(value)
