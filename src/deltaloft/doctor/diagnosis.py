"""All questions in turn, and a report.

.deltaloft/probe/<random>/...    what is tried out; removed on every way out
findings                         the answers, remembered for this endpoint and bucket
unfinished uploads               listed; with `clean`, those older than a day are aborted
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from deltaloft.bucket import PROBE_PREFIX, Bucket
from deltaloft.bucket_url import open_bucket
from deltaloft.doctor.leftovers import Unfinished, remove_probes, unfinished_uploads
from deltaloft.doctor.promises import PROMISES, Trial
from deltaloft.errors import DeltaloftError
from deltaloft.findings import Finding, remember

if TYPE_CHECKING:
    from deltaloft.s3_bucket import S3Bucket

__all__ = ["Report", "diagnose", "examine"]

_log = logging.getLogger(__name__)

_ABANDONED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about a bucket. `endpoint` is None for a folder."""

    url: str
    endpoint: str | None
    date: datetime
    findings: tuple[Finding, ...]
    unfinished: tuple[Unfinished, ...]

    @property
    def healthy(self) -> bool:
        """Say whether a store can work here: all that is essential was seen to be so."""
        return all(each.answer == "yes" for each in self.findings if each.essential)


def diagnose(
    url: str,
    *,
    client: Any = None,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    clean: bool = False,
    told: Callable[[Finding], None] | None = None,
) -> Report:
    """Try out what the bucket at a URL can do; see `examine`. Options are those of `Store.open`."""
    bucket = open_bucket(
        url, client=client, profile=profile, region=region, endpoint_url=endpoint_url
    )
    return examine(bucket, clean=clean, told=told)


def examine(
    bucket: Bucket,
    *,
    clean: bool = False,
    abandoned_after: timedelta = _ABANDONED,
    told: Callable[[Finding], None] | None = None,
) -> Report:
    """Try out what a bucket can do, with objects of a few bytes that are removed again.

    Some 200 requests, and nothing but keys below `.deltaloft/probe/` is written. The answers about
    an S3 endpoint are remembered for 30 days for all processes of this user: what depends on one
    that is a no is refused from now on.

    Args:
        bucket: The bucket.
        clean: Abort unfinished uploads of the bucket's prefix that are older than
            `abandoned_after`, and remove what a killed diagnosis of that age has left.
        abandoned_after: From which age on nobody is taken to be still at it.
        told: Called with each finding as it is found.

    Raises:
        BucketNotFound: there is no such bucket.
        AccessDenied: it may not be listed.
        Unreachable: the endpoint does not answer at all.
    """
    for _ in bucket.list(PROBE_PREFIX):  # is anybody there?
        break
    findings: list[Finding] = []
    for finding in _asked(bucket):
        findings.append(finding)
        if told is not None:
            told(finding)
    endpoint, unfinished = None, tuple[Unfinished, ...]()
    if bucket.url.startswith("s3://"):
        s3_bucket = cast("S3Bucket", bucket)
        endpoint = s3_bucket.client.meta.endpoint_url
        unfinished = tuple(unfinished_uploads(s3_bucket, clean, abandoned_after))
        try:
            answers = {each.check: each.answer for each in findings}
            remember(endpoint, s3_bucket.name, answers)
            s3_bucket.known.forget()
        except OSError as error:
            _log.warning("%s: what was found is not remembered: %s", bucket.url, error)
    if clean:
        remove_probes(bucket, abandoned_after)
    return Report(bucket.url, endpoint, datetime.now(UTC), tuple(findings), unfinished)


def _asked(bucket: Bucket) -> Iterator[Finding]:
    """Ask everything."""
    prefix = f"{PROBE_PREFIX}{secrets.token_hex(8)}/"
    with _tidying(bucket, prefix) as written:
        trial = Trial(bucket, prefix, written)
        for promise in PROMISES:
            yield promise.run(trial)
    if bucket.url.startswith("s3://"):
        from deltaloft.s3_bucket.probing import CHECKS, Probe

        s3_bucket = cast("S3Bucket", bucket)
        probe = Probe(s3_bucket.client, s3_bucket.name, s3_bucket.prefix + prefix)
        try:
            for check in CHECKS:
                yield check.run(probe)
        finally:
            for error in probe.clean():
                _log.warning("%s: a probe is left behind: %s", bucket.url, type(error).__name__)


@contextmanager
def _tidying(bucket: Bucket, prefix: str) -> Iterator[set[str]]:
    """Remove all that is noted in the block, whatever becomes of it."""
    written: set[str] = set()
    try:
        yield written
    finally:
        for key in written:
            try:
                bucket.delete(key)
            except (DeltaloftError, OSError) as error:
                _log.warning("a probe is left behind: %s", error)
