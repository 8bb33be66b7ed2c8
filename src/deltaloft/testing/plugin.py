"""Fixtures for pytest, found by it wherever deltaloft is installed.

s3_upstream     endpoint URL of the S3 behind the others: moto. Override it to take another one
faulty_s3       a `FaultyS3`; the test has to inject a fault, and each one has to happen
watched_s3      the same for tests that only look at requests
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deltaloft.testing.proxy import FaultyS3

__all__ = ["faulty_s3", "s3_upstream", "watched_s3"]


@pytest.fixture(scope="session")
def s3_upstream() -> Iterator[str]:
    """The endpoint URL that `faulty_s3` and `watched_s3` forward to."""
    from deltaloft.testing.upstream import moto

    with moto() as url:
        yield url


@pytest.fixture
def watched_s3(s3_upstream: str) -> Iterator[FaultyS3]:
    """An S3 that remembers its requests; faults that are injected have to happen."""
    from deltaloft.testing.proxy import FaultyS3

    with FaultyS3(s3_upstream) as s3:
        yield s3


@pytest.fixture
def faulty_s3(watched_s3: FaultyS3) -> Iterator[FaultyS3]:
    """An S3 that fails as it is told, which has to happen at least once."""
    yield watched_s3
    if not watched_s3.rules:
        pytest.fail("a fault expected, none was injected: watched_s3 is for tests without one")
