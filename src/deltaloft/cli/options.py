"""Options that several commands share, each written once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from deltaloft.bucket import Attributes
from deltaloft.cli.output import Output

if TYPE_CHECKING:
    from deltaloft.store import Store

__all__ = ["Storage", "attribute_options", "level_option", "output_options", "storage_options"]

level_option = click.option(
    "--level",
    type=click.IntRange(1, 9),
    default=6,
    show_default=True,
    help="1 is fast, 9 is small.",
)

Command = Callable[..., int | None]


@dataclass(frozen=True, slots=True)
class Storage:
    """How to reach a bucket."""

    endpoint_url: str | None
    profile: str | None
    region: str | None
    root: str

    def open(self, url: str, *, create: bool = False) -> Store:
        """Open the store at a URL."""
        from deltaloft.store import Store

        return Store.open(
            url,
            create=create,
            profile=self.profile,
            region=self.region,
            endpoint_url=self.endpoint_url,
        )


def storage_options(command: Command) -> Command:
    """Add --endpoint-url, --profile, --region and --root; they arrive as `storage`."""

    @click.option("--endpoint-url", metavar="URL", help="Endpoint of an S3-compatible service.")
    @click.option("--profile", metavar="NAME", help="Profile of the AWS configuration.")
    @click.option("--region", metavar="NAME", help="Region of the bucket.")
    @click.option("--root", metavar="PREFIX", default="", help="The store's root in the bucket.")
    @functools.wraps(command)
    def wrapped(
        endpoint_url: str | None, profile: str | None, region: str | None, root: str, **rest: Any
    ) -> int | None:
        return command(storage=Storage(endpoint_url, profile, region, root), **rest)

    return wrapped


def output_options(command: Command) -> Command:
    """Add --json and --quiet; they arrive as `out`."""

    @click.option("--json", "as_json", is_flag=True, help="Write one JSON object per line.")
    @click.option("--quiet", "-q", is_flag=True, help="Write nothing but failures.")
    @functools.wraps(command)
    def wrapped(as_json: bool, quiet: bool, **rest: Any) -> int | None:
        return command(out=Output(as_json, quiet), **rest)

    return wrapped


def attribute_options(command: Command) -> Command:
    """Add --metadata, --content-type and their like; they arrive as `attributes`."""
    names = [field.name for field in fields(Attributes)]

    @functools.wraps(command)
    def wrapped(**given: Any) -> int | None:
        attributes = Attributes(**{name: given.pop(name) for name in names})
        return command(attributes=attributes, **given)

    for name in reversed(names[1:]):
        option = "--" + name.replace("_", "-")
        help_text = "HTTP header to keep with the file."
        wrapped = click.option(option, metavar="VALUE", help=help_text)(wrapped)
    return click.option(
        "--metadata",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_pairs,
        help="Metadata to keep with the file; may be repeated.",
    )(wrapped)


def _pairs(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> object:
    parted = [each.partition("=") for each in given]
    if not all(name and equals for name, equals, _ in parted):
        raise click.BadParameter("NAME=VALUE expected")
    return {name: value for name, _, value in parted}
