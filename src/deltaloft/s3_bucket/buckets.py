"""The buckets of an account."""

from __future__ import annotations

from datetime import datetime

from deltaloft.s3_bucket.connection import connect
from deltaloft.s3_bucket.failures import failing

__all__ = ["buckets"]


def buckets(
    *, profile: str | None = None, region: str | None = None, endpoint_url: str | None = None
) -> list[tuple[str, datetime]]:
    """Return the names of all buckets that belong to whoever asks, and when they were made.

    Raises:
        InvalidRequest: a setting that cannot work.
        StorageError: the endpoint refuses, or does not answer.
    """
    where = endpoint_url or "S3"
    client = connect(where, profile=profile, region=region, endpoint_url=endpoint_url)
    with failing(where):
        pages = client.get_paginator("list_buckets").paginate()
        found = [each for page in pages for each in page.get("Buckets", [])]
    client.close()
    return [(each["Name"], each["CreationDate"]) for each in found]
