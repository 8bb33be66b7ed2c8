"""A store whose S3 fails as told, and a way around the faults to see what is really there.

s3_upstream    moto; in tests marked `both` Ceph RGW, too
behind         a bucket of it, without any fault
through        makes buckets that are the same one, seen through `faulty_s3` or `watched_s3`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from store_fixtures import endpoint_of

from deltaloft.base_cache import BaseCache
from deltaloft.s3_bucket import S3Bucket
from deltaloft.testing import FaultyS3

FreshCache = Callable[[], BaseCache]
Through = Callable[..., S3Bucket]

both = pytest.mark.parametrize("s3_upstream", ["moto", "rgw"], indirect=True)


def writes(s3: FaultyS3) -> list[str]:
    """Return the operations seen that change something."""
    return [each.operation for each in s3.seen if each.request.method not in ("GET", "HEAD")]


@pytest.fixture
def s3_upstream(request: pytest.FixtureRequest) -> str:
    """Return the endpoint behind the double."""
    return endpoint_of(getattr(request, "param", "moto"), request)


@pytest.fixture
def behind(s3_upstream: str, new_s3_bucket: Callable[..., S3Bucket]) -> S3Bucket:
    """Return an empty bucket, reached directly."""
    return new_s3_bucket(s3_upstream)


@pytest.fixture
def through(behind: S3Bucket, watched_s3: FaultyS3) -> Iterator[Through]:
    """Make buckets that are `behind`, seen through the double, by a client that soon gives up."""
    made: list[Any] = []

    def bucket(*, attempts: int = 1, timeout: float = 5) -> S3Bucket:
        config = Config(
            connect_timeout=5,
            read_timeout=timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        made.append(boto3.client("s3", endpoint_url=watched_s3.url, config=config))
        return S3Bucket(behind.url.removeprefix("s3://"), client=made[-1])

    yield bucket
    for client in made:
        client.close()
