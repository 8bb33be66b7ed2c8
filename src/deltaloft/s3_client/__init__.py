"""boto3's S3 client with a store behind it: what is put and got are files, whatever is stored.

    methods      the client: boto3's methods
    writing      PutObject; bodies: what it is given for one
    reading      GetObject, HeadObject; ranges, conditions: what they ask for
    listing      ListObjects, ListObjectsV2
    copying      CopyObject
    deleting     DeleteObject, DeleteObjects
    transfers    upload_file, download_file, copy and their kin
    presigning   URLs, and the copies that those of a delta need
    passing      all else: the wrapped client's
    models       paginators and waiters
    stores       a store for each bucket; attributes, answers: boto3's words <-> ours
    hearing      what the endpoint says besides
    failures     our errors -> boto3's

Work on objects goes through `Store`, which knows how files are kept; what S3 keeps beside them,
tags, ACLs and buckets, through the wrapped client.
"""

from __future__ import annotations

from typing import Any

from deltaloft.base_cache import BaseCache
from deltaloft.errors import InvalidRequest
from deltaloft.s3_bucket.connection import connect
from deltaloft.s3_client.methods import Client
from deltaloft.s3_client.presigning import Purged
from deltaloft.store import CodecPolicy

__all__ = ["Client", "Purged", "client"]


def client(
    service_name: str = "s3",
    *,
    profile: str | None = None,
    root: str = "",
    cache: BaseCache | None = None,
    codec: CodecPolicy | None = None,
    region_name: str | None = None,
    endpoint_url: str | None = None,
    **options: Any,
) -> Client:
    """Make a client, as `boto3.client` does, with a store behind it.

    Args:
        service_name: s3; there is no other.
        profile: A profile of the AWS configuration.
        root: The store's root in each bucket.
        cache: Where downloaded bases are kept; by default the cache of the environment.
        codec: As `Store.open` takes it, for all that is put.
        region_name: As in boto3, like all the rest.
        endpoint_url: The endpoint of an S3-compatible service.
        options: What else `boto3.client` takes: `config`, `verify`, `aws_access_key_id` ... Our
            patience and retries are used where `config` says nothing.

    Raises:
        InvalidRequest: another service, or a setting that cannot work.
    """
    if service_name != "s3":
        raise InvalidRequest(f"service_name: s3 expected, found {service_name!r}")
    wrapped = connect(
        "s3", profile=profile, region=region_name, endpoint_url=endpoint_url, **options
    )
    return Client(wrapped, root=root, cache=cache, codec=codec)
