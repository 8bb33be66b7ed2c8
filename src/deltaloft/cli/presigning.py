"""dg presign, purge: URLs for whoever has no credentials, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from deltaloft.cli.options import Storage, output_options, storage_options
from deltaloft.cli.output import Output
from deltaloft.errors import InvalidRequest
from deltaloft.place import locate
from deltaloft.sizes import human

if TYPE_CHECKING:
    from deltaloft.s3_client import Client

__all__ = ["presign", "purge"]

_LONGEST = 7 * 24 * 3600  # seconds; S3's limit


@click.command()
@click.argument("url")
@click.option("--expires-in", type=click.IntRange(1, _LONGEST), default=3600, show_default=True,
              metavar="SECONDS", help="How long the URL will do.")  # fmt: skip
@storage_options
@output_options
def presign(url: str, expires_in: int, storage: Storage, out: Output) -> None:
    """Make a URL from which anybody can fetch a file.

    Of a file that is stored as a delta a whole copy is stored for that; dg purge removes it when
    its time is over.
    """
    bucket, key = _parted(url, storage)
    if not key:
        raise InvalidRequest(f"{url}: s3://BUCKET/KEY expected, found no key")
    with _client(url, storage) as client:
        params = {"Bucket": bucket, "Key": key}
        link = client.generate_presigned_url("get_object", Params=params, ExpiresIn=expires_in)
    out.record({"url": link, "expires_in": expires_in}, link)


@click.command()
@click.argument("url")
@storage_options
@output_options
def purge(url: str, storage: Storage, out: Output) -> None:
    """Remove what expired URLs have left behind.

    Those are the copies that dg presign made of deltas in the bucket at s3://BUCKET.
    """
    bucket, key = _parted(url, storage)
    if key not in ("", storage.root.strip("/")):
        raise InvalidRequest(f"{url}: s3://BUCKET expected, found a key in it")
    with _client(url, storage) as client:
        done = client.purge(bucket)
    freed = human(done.freed_size)
    out.record(asdict(done), f"{done.deleted} copies removed, {freed}; {done.kept} still of use")


def _parted(url: str, storage: Storage) -> tuple[str, str]:
    """Return bucket and whole key."""
    if not url.startswith("s3://"):
        raise InvalidRequest(f"{url}: s3://BUCKET expected, nothing else has presigned URLs")
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if key.strip("/") != storage.root.strip("/"):
        locate(url, root=storage.root)  # refuses a key outside the root
    return bucket, key


@contextmanager
def _client(url: str, storage: Storage) -> Iterator[Client]:
    """Open a client whose errors are ours."""
    from deltaloft.s3_bucket.failures import failing
    from deltaloft.s3_client import client

    with (
        failing(url),
        client(
            profile=storage.profile,
            root=storage.root,
            region_name=storage.region,
            endpoint_url=storage.endpoint_url,
        ) as opened,
    ):
        yield opened
