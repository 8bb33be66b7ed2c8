"""A client with our patience: 5 s to connect, 30 s per read, five tries with back-off.

An endpoint that is not AWS's own gets checksums only where S3 requires them. boto3 sends a CRC32
as a trailer over https by default; Ceph 16 refuses that with 411, Ceph 18 keeps `aws-chunked` as
the object's Content-Encoding. Nothing is lost: what we store has a SHA-256 of its own.

boto3's standard retries repeat what may pass (no answer, 429, 500, 502, 503, 504, SlowDown,
RequestTimeout) with jitter, out of a budget that all requests of a client share.

The client is botocore's, which is boto3's but for `upload_file` and its like: boto3 takes 50 ms
more to import, for resources and managed transfers that nobody here asks for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import InvalidRegionError
from botocore.session import Session

from deltaloft.errors import InvalidRequest
from deltaloft.s3_bucket.failures import failing
from deltaloft.s3_bucket.models import read_fast

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["connect", "is_aws"]

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=32,
)
_OF_AWS = "https://s3.amazonaws.com"
_COMPATIBLE = _CONFIG.merge(
    Config(
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
)


def connect(
    where: str,
    *,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    config: Config | None = None,
    **options: Any,
) -> S3Client:
    """Make a client. What is None comes from the environment and the AWS configuration.

    `options` are further ones of boto3; what `config` says goes before what we would.

    Raises:
        InvalidRequest: a setting that cannot work.
    """
    if endpoint_url is not None:
        _check_endpoint(endpoint_url)
    ours = _config_for(endpoint_url or _named_by_environment() or _OF_AWS)
    options |= {"endpoint_url": endpoint_url, "region_name": region}
    with failing(where):
        session = Session(profile=profile)
        read_fast(session)
        try:
            client = session.create_client("s3", config=ours.merge(config or Config()), **options)
        except InvalidRegionError:  # a ValueError, too
            raise
        except ValueError as error:  # what botocore says of an endpoint without sense
            raise InvalidRequest(f"{where}: an endpoint like https://host expected") from error
        # Without an argument the profile may name one, or forbid to ask: the client knows.
        fitting = _config_for(client.meta.endpoint_url)
        if fitting is not ours:
            client.close()
            config = fitting.merge(config or Config())
            client = session.create_client("s3", config=config, **options)
        return cast("S3Client", client)


def _named_by_environment() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _check_endpoint(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise InvalidRequest("endpoint URL: one like https://host or http://host:port expected")
    if "@" in url:  # boto3 would repeat it in every error
        raise InvalidRequest("endpoint URL: one without user and password expected")


def is_aws(endpoint_url: str) -> bool:
    """Tell AWS's own endpoints from those of compatible services."""
    return "amazonaws" in (urlsplit(endpoint_url).hostname or "").split(".")


def _config_for(endpoint_url: str) -> Config:
    return _CONFIG if is_aws(endpoint_url) else _COMPATIBLE
