"""A client over a fresh bucket."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from deltaloft import Client
from deltaloft.base_cache import BaseCache


@pytest.fixture
def plain(moto_endpoint: str) -> Iterator[Any]:
    """boto3's own client."""
    config = Config(retries={"total_max_attempts": 1})
    client = boto3.client("s3", endpoint_url=moto_endpoint, config=config)
    yield client
    client.close()


@pytest.fixture
def new_client(
    moto_endpoint: str, fresh_cache: Callable[[], BaseCache]
) -> Iterator[Callable[..., Any]]:
    """Make clients that know nothing yet."""
    made = []

    def make(**options: Any) -> Any:
        wrapped = boto3.client("s3", endpoint_url=moto_endpoint)
        made.append(Client(wrapped, cache=fresh_cache(), **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def s3(new_client: Callable[..., Any]) -> Any:
    """A client with a store behind it; what it does is not typed as a test wants to do wrong."""
    return new_client()


@pytest.fixture
def bucket(plain: Any) -> str:
    """The name of a fresh bucket."""
    name = f"test-{uuid.uuid4().hex[:16]}"
    plain.create_bucket(Bucket=name)
    return name
