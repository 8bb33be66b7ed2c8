"""What an endpoint says in trouble: the right error, repeated if it may pass, and in bounds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deltaloft.bucket import Attributes
from deltaloft.errors import (
    AccessDenied,
    BucketNotFound,
    ClockSkewed,
    InvalidRequest,
    StorageError,
    Throttled,
    Unreachable,
    Unsupported,
)
from deltaloft.s3_bucket import S3Bucket
from deltaloft.testing import ErrorAnswer, Fault, FaultyS3, LostAnswer, LostRequest

PLAIN = Attributes()


@pytest.fixture
def ours(behind: S3Bucket, watched_s3: FaultyS3) -> Iterator[S3Bucket]:
    """Return the bucket by way of the double, with the client that deltaloft makes."""
    behind.put("key", b"bytes", PLAIN)
    bucket = S3Bucket(behind.url.removeprefix("s3://"), endpoint_url=watched_s3.url)
    yield bucket
    bucket.client.close()


def read(bucket: S3Bucket) -> bytes:
    """Return the object's bytes."""
    with bucket.get("key") as reading:
        assert reading is not None
        return b"".join(reading.chunks())


PASSING: list[tuple[Fault, type[Exception]]] = [
    (ErrorAnswer(429, "TooManyRequests"), Throttled),
    (ErrorAnswer(429, "SlowDown"), Throttled),
    (ErrorAnswer(503, "SlowDown"), Throttled),
    (ErrorAnswer(503, "ServiceUnavailable"), Throttled),
    (ErrorAnswer(500, "InternalError"), StorageError),
    (ErrorAnswer(502, "BadGateway"), StorageError),
    (ErrorAnswer(400, "RequestTimeout"), Unreachable),
    (LostRequest(), Unreachable),
    (LostRequest(reset=False), Unreachable),
    (LostAnswer(), Unreachable),
]
STAYING: list[tuple[Fault, type[Exception]]] = [
    (ErrorAnswer(403, "AccessDenied"), AccessDenied),
    (ErrorAnswer(403, "SignatureDoesNotMatch"), AccessDenied),
    (ErrorAnswer(400, "ExpiredToken"), AccessDenied),
    (ErrorAnswer(403, "RequestTimeTooSkewed"), ClockSkewed),
    (ErrorAnswer(404, "NoSuchBucket"), BucketNotFound),
    (ErrorAnswer(400, "InvalidArgument"), StorageError),
    (ErrorAnswer(501, "NotImplemented"), Unsupported),
    (ErrorAnswer(400, "KeyTooLongError"), InvalidRequest),
]
CALLS: dict[str, Callable[[S3Bucket], Any]] = {
    "GetObject": read,
    "PutObject": lambda bucket: bucket.put("key", b"bytes", PLAIN),
    "ListObjectsV2": lambda bucket: list(bucket.list()),
}


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(("fault", "error"), PASSING, ids=str)
def test_what_may_pass_is_repeated(
    ours: S3Bucket, faulty_s3: FaultyS3, operation: str, fault: Fault, error: type[Exception]
) -> None:
    """Once, and nobody notices."""
    faulty_s3.inject(operation, fault)
    CALLS[operation](ours)
    assert len(faulty_s3.matching(operation)) == 2


@pytest.mark.parametrize(("fault", "error"), PASSING[:1] + PASSING[2:3] + PASSING[-2:-1], ids=str)
def test_what_does_not_pass_is_repeated_five_times(
    ours: S3Bucket, faulty_s3: FaultyS3, fault: Fault, error: type[Exception]
) -> None:
    """Always, and it is the right error after five tries."""
    faulty_s3.inject("GetObject", fault, times=None)
    with pytest.raises(error) as caught:
        read(ours)
    assert type(caught.value) is error
    assert len(faulty_s3.matching("GetObject")) == 5


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(("fault", "error"), STAYING, ids=str)
def test_what_will_not_pass_is_tried_once(
    ours: S3Bucket, faulty_s3: FaultyS3, operation: str, fault: Fault, error: type[Exception]
) -> None:
    """A refusal stays one, however often it is asked for."""
    faulty_s3.inject(operation, fault, times=None)
    with pytest.raises(error) as caught:
        CALLS[operation](ours)
    assert type(caught.value) is error
    assert len(faulty_s3.matching(operation)) == 1


def test_the_budget_of_a_client_is_shared(ours: S3Bucket, faulty_s3: FaultyS3) -> None:
    """When everything fails, repetitions run out for all requests of a client."""
    faulty_s3.inject("HeadObject", ErrorAnswer(500, "InternalError"), times=None)
    sent = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda seconds: None)
        for _ in range(40):
            before = len(faulty_s3.seen)
            with pytest.raises(StorageError):
                ours.head("key")
            sent.append(len(faulty_s3.seen) - before)
    assert sent[0] == 5
    assert sent[-1] == 1
    assert sum(sent) <= 40 + 100


def test_levels_of_logging_are_left_alone(ours: S3Bucket, faulty_s3: FaultyS3) -> None:
    """Whatever goes wrong, botocore's and urllib3's loggers are as the application wants them."""
    names = ("", "botocore", "boto3", "urllib3", "s3transfer")
    before = [(logging.getLogger(n).level, list(logging.getLogger(n).handlers)) for n in names]
    faulty_s3.inject("GetObject", ErrorAnswer(503, "SlowDown"))
    faulty_s3.inject("GetObject", LostAnswer())
    faulty_s3.inject("GetObject", ErrorAnswer(403, "AccessDenied"))
    with pytest.raises(AccessDenied):
        read(ours)
    after = [(logging.getLogger(n).level, list(logging.getLogger(n).handlers)) for n in names]
    assert before == after
