"""Buckets to test against: a folder, moto, and Ceph RGW where one runs.

    bucket        a fresh, empty bucket of each kind in turn
    new_bucket    makes more of the same kind
    s3_endpoint   each S3 server in turn, for what concerns S3 only
    fresh_cache   makes caches that have nothing in them yet
    requests      what was sent over HTTP since the test began: (method, key), retries included

Ceph RGW is taken from the environment: S3_ENDPOINT, and for TLS S3_TLS_ENDPOINT with AWS_CA_BUNDLE.
Without it those tests are skipped, or fail if DELTALOFT_TEST_REQUIRE lists `rgw`.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from neighbours import missing

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Bucket
from deltaloft.folder_bucket import FolderBucket

Requests = list[tuple[str, str]]


@pytest.fixture(scope="session", autouse=True)
def aws_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Credentials and settings for tests, and none of whoever runs them."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_CONFIG_FILE", os.devnull)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "testsecret"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            environment.setenv(name, os.environ.get(name, value))
        yield


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """A moto server in this process."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def endpoint_of(kind: str, request: pytest.FixtureRequest) -> str:
    """Return the URL of an S3 server: `moto`, `rgw` or `rgw-tls`."""
    if kind == "moto":
        return str(request.getfixturevalue("moto_endpoint"))
    name = "S3_ENDPOINT" if kind == "rgw" else "S3_TLS_ENDPOINT"
    if name not in os.environ:
        missing("rgw", f"no Ceph RGW: {name} is not set")
    return os.environ[name]


@pytest.fixture(params=["moto", "rgw", "rgw-tls"])
def s3_endpoint(request: pytest.FixtureRequest) -> str:
    """The URL of an S3 server."""
    return endpoint_of(request.param, request)


@pytest.fixture(params=["moto", "rgw"])
def http_endpoint(request: pytest.FixtureRequest) -> str:
    """The URL of an S3 server without TLS, so that a proxy can follow what is said."""
    return endpoint_of(request.param, request)


@pytest.fixture(params=["rgw", "rgw-tls"])
def rgw_endpoint(request: pytest.FixtureRequest) -> str:
    """The URL of an S3 server that checks signatures, which moto does not."""
    return endpoint_of(request.param, request)


@pytest.fixture
def tls_endpoint(request: pytest.FixtureRequest) -> str:
    """The URL of an S3 server with a certificate of its own."""
    return endpoint_of("rgw-tls", request)


@pytest.fixture
def requests() -> Requests:
    """What was sent by the S3 buckets of this test."""
    return []


@pytest.fixture
def new_s3_bucket(requests: Requests) -> Iterator[Callable[..., Any]]:
    """Make S3 buckets at an endpoint; they are removed after the test."""
    from deltaloft.s3_bucket import S3Bucket

    made: list[S3Bucket] = []

    def make(endpoint_url: str, *, prefix: str = "") -> S3Bucket:
        name = f"test-{uuid.uuid4().hex[:16]}"
        bucket = S3Bucket(name, prefix=prefix, endpoint_url=endpoint_url)
        bucket.create()
        made.append(S3Bucket(name, client=bucket.client))
        record(bucket, requests)
        return bucket

    yield make
    for bucket in made:
        for listed in bucket.list():
            bucket.delete(listed.key)
        name = bucket.url.removeprefix("s3://")
        uploads = bucket.client.list_multipart_uploads(Bucket=name).get("Uploads", [])
        bucket.client.delete_bucket(Bucket=name)
        bucket.client.close()
        assert uploads == []


def record(bucket: Any, requests: Requests) -> None:
    """Note every request of an S3 bucket from now on, as (method, key)."""

    def note(request: Any, **_: object) -> None:
        path = unquote(urlsplit(request.url).path).removeprefix("/")
        requests.append((request.method, path.partition("/")[2]))

    bucket.client.meta.events.register("before-send.s3", note)


@pytest.fixture(params=["folder", "moto", "rgw", "rgw-tls"])
def new_bucket(
    request: pytest.FixtureRequest, tmp_path: Path, new_s3_bucket: Callable[..., Any]
) -> Callable[[], Bucket]:
    """Make fresh buckets of one kind."""
    if request.param == "folder":
        return lambda: FolderBucket(tmp_path / uuid.uuid4().hex, create=True)
    endpoint = endpoint_of(request.param, request)
    return lambda: new_s3_bucket(endpoint)


@pytest.fixture
def new_folder_bucket(tmp_path: Path) -> Callable[[], Bucket]:
    """Make fresh buckets in folders."""
    return lambda: FolderBucket(tmp_path / uuid.uuid4().hex, create=True)


@pytest.fixture
def new_locked_bucket() -> Iterator[Callable[[str], Any]]:
    """Make buckets with S3 Object Lock at an endpoint; after the test all locks are lifted."""
    from deltaloft.s3_bucket import S3Bucket

    made: list[S3Bucket] = []

    def make(endpoint_url: str) -> S3Bucket:
        name = f"test-{uuid.uuid4().hex[:16]}"
        bucket = S3Bucket(name, endpoint_url=endpoint_url)
        bucket.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        made.append(bucket)
        return bucket

    yield make
    for bucket in made:
        name, client = bucket.url.removeprefix("s3://"), bucket.client
        for each in client.list_object_versions(Bucket=name).get("Versions", []):
            version = {"Bucket": name, "Key": each["Key"], "VersionId": each["VersionId"]}
            client.put_object_legal_hold(**version, LegalHold={"Status": "OFF"})
            client.delete_object(**version, BypassGovernanceRetention=True)
        client.delete_bucket(Bucket=name)
        client.close()


@pytest.fixture
def bucket(new_bucket: Callable[[], Bucket]) -> Bucket:
    """Return a fresh, empty bucket."""
    return new_bucket()


@pytest.fixture
def fresh_cache(tmp_path: Path) -> Callable[[], BaseCache]:
    """Make caches that have nothing in them yet."""
    made: list[BaseCache] = []

    def make() -> BaseCache:
        made.append(BaseCache(tmp_path / f"cache-{len(made)}", key=bytes(32)))
        return made[-1]

    return make
