"""dg mb, rb, get-bucket-acl, put-bucket-acl: buckets as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from deltaloft import buckets
from deltaloft.cli.options import Storage, grant_option, output_options, storage_options
from deltaloft.cli.output import Output
from deltaloft.errors import InvalidRequest

if TYPE_CHECKING:
    from deltaloft.bucket import Acl, Grant

__all__ = ["get_bucket_acl", "mb", "put_bucket_acl", "rb"]


@click.command()
@click.argument("url")
@storage_options
@output_options
def mb(url: str, storage: Storage, out: Output) -> None:
    """Make a bucket, or a store of a folder.

    A folder has to be new or empty. What is there already stays.
    """
    made = buckets.make(url, **_reached(url, storage))
    out.record({"bucket": made}, f"made {made}")


@click.command()
@click.argument("url")
@click.option("--force", is_flag=True, help="Remove all that is in it first.")
@storage_options
@output_options
def rb(url: str, force: bool, storage: Storage, out: Output) -> None:
    """Remove a bucket, or a store with its folder.

    It has to be empty. A bucket whose files are all gone may still hold bases: --force removes
    them, too. One that holds old versions of objects is left as it is.
    """
    buckets.remove(url, emptied=force, **_reached(url, storage))
    out.record({"bucket": url}, f"removed {url}")


@click.command()
@click.argument("url")
@storage_options
@output_options
def get_bucket_acl(url: str, storage: Storage, out: Output) -> None:
    """Show who may do what with a bucket."""
    acl = buckets.get_acl(url, **_reached(url, storage))
    out.record(asdict(acl), *_acl_lines(acl))


@click.command()
@click.argument("url")
@click.option("--acl", metavar="NAME", help="A canned ACL, like public-read.")
@grant_option
@storage_options
@output_options
def put_bucket_acl(
    url: str, acl: str | None, grants: Sequence[Grant], storage: Storage, out: Output
) -> None:
    """Replace the ACL of a bucket.

    By --acl, or by --grant. Its objects keep theirs.
    """
    buckets.set_acl(url, acl=acl, grants=grants, **_reached(url, storage))
    out.record({"bucket": url, "acl": acl}, f"{url}: {acl or f'{len(grants)} grants'}")


def _reached(url: str, storage: Storage) -> dict[str, str | None]:
    """Return how a bucket is reached."""
    if storage.root:
        raise InvalidRequest(f"{url}: --root does not go with a whole bucket")
    return {
        "profile": storage.profile,
        "region": storage.region,
        "endpoint_url": storage.endpoint_url,
    }


def _acl_lines(acl: Acl) -> list[str]:
    lines = [f"{'owner':<14}id={acl.owner}"]
    return [*lines, *(f"{each.permission:<14}{each.grantee}" for each in acl.grants)]
