"""What killed processes left behind: uploads that nobody finished, and probes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from deltaloft.bucket import PROBE_PREFIX, Bucket
from deltaloft.errors import DeltaloftError

if TYPE_CHECKING:
    from deltaloft.s3_bucket import S3Bucket

__all__ = ["Unfinished", "remove_probes", "unfinished_uploads"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload in parts that was never finished. `aborted` says that this diagnosis ended it."""

    key: str
    upload_id: str
    begun: datetime
    aborted: bool


def unfinished_uploads(bucket: S3Bucket, clean: bool, after: timedelta) -> Iterator[Unfinished]:
    """Yield the unfinished uploads of the bucket's prefix; with `clean`, abort those that old."""
    from deltaloft.s3_bucket.orphans import abort, list_uploads

    try:
        for each in list_uploads(bucket.client, bucket.name, bucket.prefix, bucket.url):
            ended = clean and each.age >= after
            if ended:
                abort(bucket.client, bucket.name, each, bucket.url)
            key = each.key.removeprefix(bucket.prefix)
            yield Unfinished(key, each.upload_id, each.begun, ended)
    except DeltaloftError as error:
        _log.warning("unfinished uploads cannot be listed: %s", error)


def remove_probes(bucket: Bucket, after: timedelta) -> None:
    """Remove what a killed diagnosis of that age has left."""
    now = datetime.now(UTC)
    for listed in bucket.list(PROBE_PREFIX):
        if now - listed.modified >= after:
            with suppress(DeltaloftError):
                bucket.delete(listed.key)
