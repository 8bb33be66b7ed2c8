"""Options that several commands share, each written once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from deltaloft.bucket import Attributes, Encryption, Grant
from deltaloft.cli.garbage import search_as_usual
from deltaloft.cli.output import Output

if TYPE_CHECKING:
    from deltaloft.deltaglider import Mode
    from deltaloft.store import Store

__all__ = [
    "Storage",
    "attribute_options",
    "grant_option",
    "level_option",
    "output_options",
    "protection_options",
    "put_options",
    "storage_options",
]

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
    deltaglider: Mode

    def open(self, url: str, *, create: bool = False, replay_seconds: float = 120.0) -> Store:
        """Open the store at a URL."""
        from deltaloft.cli.warnings import show_warnings
        from deltaloft.deltaglider import Limits
        from deltaloft.store import Store

        show_warnings()
        reads_older = self.deltaglider == "auto"
        store = Store.open(
            url,
            create=create,
            profile=self.profile,
            region=self.region,
            endpoint_url=self.endpoint_url,
            deltaglider=Limits(replay_seconds) if reads_older else self.deltaglider,
        )
        search_as_usual()
        return store


def storage_options(command: Command) -> Command:
    """Add --endpoint-url, --profile and their like; they arrive as `storage`."""

    @click.option("--endpoint-url", metavar="URL", help="Endpoint of an S3-compatible service.")
    @click.option("--profile", metavar="NAME", help="Profile of the AWS configuration.")
    @click.option("--region", metavar="NAME", help="Region of the bucket.")
    @click.option("--root", metavar="PREFIX", default="", help="The store's root in the bucket.")
    @click.option("--deltaglider", type=click.Choice(["auto", "never"]), default="auto",
                  show_default=True, help="Whether to read what DeltaGlider stored.")  # fmt: skip
    @functools.wraps(command)
    def wrapped(**given: Any) -> int | None:
        mine = {field.name: given.pop(field.name) for field in fields(Storage)}
        return command(storage=Storage(**mine), **given)

    return wrapped


def put_options(command: Command) -> Command:
    """Add --delta, --codec, --level and --no-clobber; they arrive as `delta` and so on."""

    @click.option("--delta", type=click.Choice(["auto", "always", "never"]), default="auto",
                  show_default=True, help="Whether to store deltas.")  # fmt: skip
    @click.option("--codec", type=click.Choice(["auto", "vcdiff"]),
                  help="vcdiff keeps to deltas that stock tools read and that restore quickly; "
                  "auto takes what is smaller. Without it DG_CODEC counts, else auto.")  # fmt: skip
    @level_option
    @click.option("--no-clobber", is_flag=True, help="Replace nothing; a taken key is a failure.")
    @functools.wraps(command)
    def wrapped(**given: Any) -> int | None:
        return command(**given)

    return wrapped


def output_options(command: Command) -> Command:
    """Add --json, --quiet and --no-progress; they arrive as `out`."""

    @click.option("--json", "as_json", is_flag=True, help="Write one JSON object per line.")
    @click.option("--quiet", "-q", "--only-show-errors", "quiet", is_flag=True,
                  help="Write nothing but failures.")  # fmt: skip
    @click.option("--no-progress", is_flag=True, help="Show no bars, on a terminal either.")
    @functools.wraps(command)
    def wrapped(as_json: bool, quiet: bool, no_progress: bool, **rest: Any) -> int | None:
        return command(out=Output(as_json, quiet, no_progress), **rest)

    return wrapped


def protection_options(command: Command) -> Command:
    """Add --sse, --acl and --grant; they arrive as `protection`, attributes with nothing else."""

    @click.option("--sse", metavar="METHOD", help="AES256, aws:kms or aws:kms:dsse.")
    @click.option("--sse-kms-key-id", metavar="KEY", help="The key for --sse aws:kms.")
    @click.option("--acl", metavar="NAME", help="A canned ACL, like public-read.")
    @grant_option
    @functools.wraps(command)
    def wrapped(
        sse: str | None, sse_kms_key_id: str | None, acl: str | None, grants: Any, **rest: Any
    ) -> int | None:
        if sse_kms_key_id is not None and sse is None:
            raise click.UsageError("--sse-kms-key-id goes with --sse aws:kms")
        encryption = None if sse is None else Encryption(sse, sse_kms_key_id)
        given = Attributes(encryption=encryption, acl=acl, grants=grants)
        return command(protection=given, **rest)

    return wrapped


_HEADERS = ("content_type", "content_encoding", "content_disposition", "content_language",
            "cache_control", "website_redirect")  # fmt: skip


def attribute_options(command: Command) -> Command:
    """Add --metadata, --content-type, --tag and their like; they arrive as `attributes`."""

    @click.option("--metadata", metavar="NAME=VALUE", multiple=True, callback=_pairs,
                  help="Metadata to keep with the file; may be repeated.")  # fmt: skip
    @click.option("--tag", "tags", metavar="NAME=VALUE", multiple=True, callback=_pairs,
                  help="Tag of the object; may be repeated.")  # fmt: skip
    @click.option("--expires", metavar="TIME", callback=_time,
                  help="HTTP header to keep with the file, as 2031-05-06T07:08:09Z.")  # fmt: skip
    @click.option("--storage-class", metavar="NAME", help="Like STANDARD_IA; the default is S3's.")
    @protection_options
    @functools.wraps(command)
    def wrapped(protection: Attributes, **given: Any) -> int | None:
        names = [field.name for field in fields(Attributes) if field.name in given]
        attributes = replace(protection, **{name: given.pop(name) for name in names})
        return command(attributes=attributes, **given)

    for name in reversed(_HEADERS):
        option = "--" + name.replace("_", "-")
        help_text = "HTTP header to keep with the file."
        wrapped = click.option(option, metavar="VALUE", help=help_text)(wrapped)
    return wrapped


def _pairs(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> object:
    parted = [each.partition("=") for each in given]
    if not all(name and equals for name, equals, _ in parted):
        raise click.BadParameter("NAME=VALUE expected")
    return {name: value for name, _, value in parted}


def _grants(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> object:
    return tuple(Grant(who.partition("=")[0], who.partition("=")[2]) for who in given)


grant_option = click.option(
    "--grant",
    "grants",
    metavar="PERMISSION=GRANTEE",
    multiple=True,
    callback=_grants,
    help="Like READ=uri=http://...; may be repeated.",
)


def _time(context: click.Context, option: click.Parameter, given: str | None) -> datetime | None:
    try:
        return None if given is None else datetime.fromisoformat(given)
    except ValueError as error:
        raise click.BadParameter("a time like 2031-05-06T07:08:09Z expected") from error
