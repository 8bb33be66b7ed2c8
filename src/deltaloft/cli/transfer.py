"""dg cp, mv, sync, rm: the manners of `aws s3`, on a store.

s3://BUCKET/KEY and file:///STORE/KEY are keys of a store, anything else is a path of this machine.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deltaloft.bucket import Attributes
from deltaloft.cli import failure
from deltaloft.cli.file_names import destination
from deltaloft.cli.filtering import FilteringCommand, filter_options
from deltaloft.cli.options import (
    Storage,
    attribute_options,
    level_option,
    output_options,
    storage_options,
)
from deltaloft.cli.output import Output, human, say
from deltaloft.errors import InvalidRequest
from deltaloft.place import locate

if TYPE_CHECKING:
    from deltaloft.transfers import Done, Filters, Item, LocalSide, Options, Side, Step, StoreSide

__all__ = ["cp", "mv", "rm", "sync"]

Command = Callable[..., int | None]


def _transfer_options(command: Command) -> Command:
    """Add what cp, mv and sync share; --dryrun and its like arrive as `options`."""

    @click.option("--dryrun", is_flag=True, help="Say what would be done, and do nothing.")
    @click.option("--delta", type=click.Choice(["auto", "always", "never"]), default="auto",
                  show_default=True, help="Whether to store deltas.")  # fmt: skip
    @level_option
    @click.option("--no-clobber", is_flag=True, help="Replace nothing.")
    @click.option("--no-guess-mime-type", is_flag=True, help="Derive no Content-Type from names.")
    @click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True,
                  help="How many files at a time.")  # fmt: skip
    @attribute_options
    @functools.wraps(command)
    def wrapped(
        dryrun: bool, delta: Any, level: int, no_clobber: bool, no_guess_mime_type: bool,
        jobs: int, attributes: Attributes, **rest: Any,
    ) -> int | None:  # fmt: skip
        from deltaloft.transfers import Options

        options = Options(
            attributes=None if attributes == Attributes() else attributes,
            guess_type=not no_guess_mime_type,
            delta=delta,
            level=level,
            no_clobber=no_clobber,
            dry=dryrun,
            jobs=jobs,
        )
        return command(options=options, **rest)

    return wrapped


@click.command(cls=FilteringCommand)
@click.argument("source")
@click.argument("target")
@click.option("--recursive", is_flag=True, help="All files below SOURCE.")
@click.option("--no-follow-symlinks", is_flag=True, help="Leave links out.")
@filter_options
@_transfer_options
@storage_options
@output_options
def cp(source: str, target: str, recursive: bool, **given: Any) -> int:
    """Copy SOURCE to TARGET: a file, or with --recursive all below a folder or prefix.

    At least one is a URL; a single - is standard input or output. A TARGET that ends in a slash
    keeps the name.
    """
    if "-" in (source, target):
        return _stream(source, target, given["storage"], given["options"], given["out"])
    return _copy(source, target, recursive, **given)


@click.command(cls=FilteringCommand)
@click.argument("source")
@click.argument("target")
@click.option("--recursive", is_flag=True, help="All files below SOURCE.")
@click.option("--no-follow-symlinks", is_flag=True, help="Leave links out.")
@filter_options
@_transfer_options
@storage_options
@output_options
def mv(source: str, target: str, recursive: bool, options: Options, **given: Any) -> int:
    """Move SOURCE to TARGET: like cp, and each file that has arrived is removed where it was."""
    return _copy(source, target, recursive, options=replace(options, move=True), **given)


@click.command(cls=FilteringCommand)
@click.argument("source")
@click.argument("target")
@click.option("--delete", is_flag=True, help="Remove from TARGET what SOURCE does not have.")
@click.option("--size-only", is_flag=True, help="Files of the same size are the same.")
@click.option("--exact-timestamps", is_flag=True,
              help="Where no digest is known, files of another time have changed.")  # fmt: skip
@click.option("--no-follow-symlinks", is_flag=True, help="Leave links out.")
@filter_options
@_transfer_options
@storage_options
@output_options
def sync(source: str, target: str, delete: bool, size_only: bool, exact_timestamps: bool,
         no_follow_symlinks: bool, filters: Filters, options: Options, storage: Storage,
         out: Output) -> int:  # fmt: skip
    """Make TARGET like SOURCE: copy what is missing or has changed below it.

    Files of the same size are compared by their SHA-256 where the store knows it, else by time.
    Nothing is removed but with --delete, and not if some of SOURCE could not be read.
    """
    from deltaloft.transfers import synced

    warnings = _Warnings(out)
    with ExitStack() as stack:
        given = (stack, storage, warnings, not no_follow_symlinks)
        left, right = _below(source, *given), _below(target, *given, writing=not options.dry)
        _check_sides(left, right)
        steps = synced(
            left.items(), _items(right), filters, may_delete=lambda: delete and not warnings.count
        )
        options = replace(options, size_only=size_only, exact_timestamps=exact_timestamps)
        code = _run(steps, left, right, options, out)
    if delete and warnings.count:
        say("nothing was removed, since not all of the source could be read")
    return code or warnings.code


@click.command(cls=FilteringCommand)
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--recursive", is_flag=True, help="All keys below the URLs.")
@click.option("--dryrun", is_flag=True, help="Say what would be done, and do nothing.")
@filter_options
@storage_options
@output_options
def rm(urls: tuple[str, ...], recursive: bool, dryrun: bool, filters: Filters, storage: Storage,
       out: Output) -> int:  # fmt: skip
    """Remove the keys at URLs; one that is not there is no error. Bases stay (see gc)."""
    from deltaloft.transfers import Options, StoreSide, removals

    codes = []
    for url in urls:
        try:
            place = locate(url, root=storage.root)
            with storage.open(place.store) as store:
                if recursive:
                    side = StoreSide(store, _with_slash(place.key), markers=True)
                    steps = removals(side.items(), filters)
                else:
                    side = StoreSide(store, "")
                    steps = _removal_of(place.key)
                codes.append(_run(steps, None, side, Options(dry=dryrun), out))
        except failure.EXPECTED as error:
            codes.append(out.failed(url, error))
    return failure.combined([code for code in codes if code], len(urls))
