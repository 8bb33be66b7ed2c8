"""If-Match and its three kin, decided on what a HEAD has told (RFC 9110, section 13.2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.utils import parse_to_aware_datetime

__all__ = ["CONDITIONS", "unmet"]

CONDITIONS = {"IfMatch", "IfModifiedSince", "IfNoneMatch", "IfUnmodifiedSince"}


def unmet(
    params: Mapping[str, Any], etag: str, modified: datetime, *, prefix: str = ""
) -> str | None:
    """Return the header that an object does not meet, of those whose parameters follow `prefix`."""
    given = {name: params.get(prefix + name) for name in CONDITIONS}
    moment = modified.replace(microsecond=0)
    if given["IfMatch"] is not None:
        if not _matches(given["IfMatch"], etag):
            return "If-Match"
    elif given["IfUnmodifiedSince"] is not None and moment > _time(given["IfUnmodifiedSince"]):
        return "If-Unmodified-Since"
    if given["IfNoneMatch"] is not None:
        if _matches(given["IfNoneMatch"], etag):
            return "If-None-Match"
    elif given["IfModifiedSince"] is not None and moment <= _time(given["IfModifiedSince"]):
        return "If-Modified-Since"
    return None


def _matches(given: str, etag: str) -> bool:
    asked = {each.strip().removeprefix("W/").strip('"') for each in given.split(",")}
    return "*" in asked or etag in asked


def _time(value: Any) -> datetime:
    return parse_to_aware_datetime(value)
