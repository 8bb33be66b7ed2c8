"""dg cp, mv, sync, rm: the manners of `aws s3`, on a store.

s3://BUCKET/KEY and file:///STORE/KEY are keys of a store, anything else is a path of this machine.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from deltaloft.bucket import Attributes
from deltaloft.cli import failure
from deltaloft.cli.filtering import FilteringCommand, filter_options
from deltaloft.cli.options import (
    Storage,
    attribute_options,
    output_options,
    put_options,
    storage_options,
)
from deltaloft.cli.output import Output, say
from deltaloft.cli.sides import Sides, is_url, with_slash
from deltaloft.errors import InvalidRequest
from deltaloft.place import locate

if TYPE_CHECKING:
    from deltaloft.store import PutResult
    from deltaloft.transfers import Filters, Options, Side, Step

__all__ = ["cp", "mv", "rm", "sync"]

Command = Callable[..., int | None]


def _transfer_options(command: Command) -> Command:
    """Add what cp, mv and sync share, sides included; --dryrun and its like arrive as `options`."""

    @click.argument("source")
    @click.argument("target")
    @click.option("--no-follow-symlinks", is_flag=True, help="Leave links out.")
    @filter_options
    @click.option("--dryrun", is_flag=True, help="Say what would be done, and do nothing.")
    @put_options
    @click.option("--no-guess-mime-type", is_flag=True, help="Derive no Content-Type from names.")
    @click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True,
                  help="How many files at a time.")  # fmt: skip
    @attribute_options
    @storage_options
    @output_options
    @functools.wraps(command)
    def wrapped(
        dryrun: bool, delta: Any, codec: Any, level: int, no_clobber: bool,
        no_guess_mime_type: bool, jobs: int, attributes: Attributes, **rest: Any,
    ) -> int | None:  # fmt: skip
        from deltaloft.transfers import Options

        options = Options(
            attributes=None if attributes == Attributes() else attributes,
            guess_type=not no_guess_mime_type,
            delta=delta,
            codec=codec,
            level=level,
            no_clobber=no_clobber,
            dry=dryrun,
            jobs=jobs,
        )
        return command(options=options, **rest)

    return wrapped


@click.command(cls=FilteringCommand)
@click.option("--recursive", is_flag=True, help="All files below SOURCE.")
@_transfer_options
def cp(source: str, target: str, recursive: bool, **given: Any) -> int:
    """Copy SOURCE to TARGET: a file, or with --recursive all below a folder or prefix.

    At least one is a URL; a single - is standard input or output. A TARGET that ends in a slash
    keeps the name.
    """
    if "-" in (source, target):
        return _stream(source, target, given["storage"], given["options"], given["out"])
    return _copy(source, target, recursive, **given)


@click.command(cls=FilteringCommand)
@click.option("--recursive", is_flag=True, help="All files below SOURCE.")
@_transfer_options
def mv(source: str, target: str, recursive: bool, options: Options, **given: Any) -> int:
    """Move SOURCE to TARGET: like cp, and each file that has arrived is removed where it was."""
    return _copy(source, target, recursive, options=replace(options, move=True), **given)


@click.command(cls=FilteringCommand)
@click.option("--delete", is_flag=True, help="Remove from TARGET what SOURCE does not have.")
@click.option("--size-only", is_flag=True, help="Files of the same size are the same.")
@click.option("--exact-timestamps", is_flag=True,
              help="Where no digest is known, files of another time have changed.")  # fmt: skip
@click.option("--reread", is_flag=True,
              help="Read files again that have not changed since they were last read.")  # fmt: skip
@_transfer_options
def sync(source: str, target: str, delete: bool, size_only: bool, exact_timestamps: bool,
         reread: bool, no_follow_symlinks: bool, filters: Filters, options: Options,
         storage: Storage, out: Output) -> int:  # fmt: skip
    """Make TARGET like SOURCE: copy what is missing or has changed below it.

    Files of the same size are compared by their SHA-256 where the store knows it, else by time. A
    file that has not changed since a sync read it is not read again.
    Nothing is removed but with --delete, and not if some of SOURCE could not be read.
    """
    from deltaloft.transfers import synced

    _check_kinds(source, target)
    options = replace(options, size_only=size_only, exact_timestamps=exact_timestamps)
    follow = {"follow_symlinks": not no_follow_symlinks, "reread": reread}
    with Sides(storage, source, target, **follow) as sides:
        left, right = sides.below(source), sides.below(target, writing=not options.dry)
        sides.check_apart(left, filters)

        def may_delete() -> bool:
            if delete and sides.left_out.count:
                say("nothing is removed, since not all of the source could be read")
            return delete and not sides.left_out.count

        steps = synced(left.items(), right.items(), filters, may_delete=may_delete)
        code = _run(steps, left, right, options, out, requests=sides.requests)
        return code or sides.left_out.code


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
    from deltaloft.cli.spending import tell
    from deltaloft.transfers import Done, Options, removals

    options = Options(dry=dryrun)
    codes = []
    for url in urls:
        try:
            place = locate(url, root=storage.root)
            with Sides(storage, url) as sides:
                side = sides.store(place, with_slash(place.key) if recursive else place.key)
                if not (recursive or place.key):
                    raise InvalidRequest(f"{url}: a key expected; --recursive removes all below")
                if recursive:
                    steps = removals(side.items(markers=True), filters)
                    codes.append(_run(steps, None, side, options, out, requests=sides.requests))
                    continue
                if not dryrun:
                    side.delete("")
                tell(Done("delete", side.place(""), None, None), out, dry=dryrun)
        except failure.EXPECTED as error:
            codes.append(out.failed(url, error))
    return failure.combined([code for code in codes if code], len(urls))


def _copy(
    source: str,
    target: str,
    recursive: bool,
    *,
    no_follow_symlinks: bool,
    filters: Filters,
    options: Options,
    storage: Storage,
    out: Output,
) -> int:
    from deltaloft.transfers import Step, copies

    _check_kinds(source, target)
    with Sides(storage, source, target, follow_symlinks=not no_follow_symlinks) as sides:
        if recursive:
            left = sides.below(source)
            right = sides.below(target, writing=not options.dry)
            sides.check_apart(left, filters)
            steps = copies(left.items(), filters)
            code = _run(steps, left, right, options, out, requests=sides.requests)
        else:
            left, item = sides.one(source)
            right, name = sides.target(target, item.name)
            one = [Step("copy", item, name)] if filters.include(item.name) else []
            code = _run(one, left, right, options, out)
        return code or sides.left_out.code


def _stream(source: str, target: str, storage: Storage, options: Options, out: Output) -> int:
    from deltaloft.cli.spending import note_spent, tell
    from deltaloft.store import GetResult
    from deltaloft.transfers import Done

    _check_kinds(source, target)
    up = source == "-"
    place = locate(target if up else source, root=storage.root, putting=up)
    result: PutResult | GetResult | None = None
    with storage.open(place.store, create=place.create) as store:
        if up and not options.dry:
            given = sys.stdin.buffer
            result = store.put(given, place.key, attributes=options.attributes, **options.put)
        elif not options.dry:
            result = store.get(place.key, sys.stdout.buffer)
            sys.stdout.flush()  # before anybody is told that the file is there
    size = None if result is None else result.size
    done = Done("upload" if up else "download", source, target, size, result=result)
    tell(done, out, dry=options.dry, err=not up)
    if isinstance(result, GetResult):
        note_spent(result, out)
    return failure.DONE


def _run(
    steps: Iterable[Step],
    source: Side | None,
    target: Side,
    options: Options,
    out: Output,
    *,
    requests: Callable[[], int | None] | None = None,
) -> int:
    """Do the steps, say how each ended, and return the exit code of all.

    Of many, that is those with `requests`, there is a line more for what they add up to.
    """
    from deltaloft.cli.spending import Totals, tell
    from deltaloft.transfers import run

    codes, count = [], 0
    totals = Totals()
    total = None
    if out.watched:  # when the bar is full can be told only after everything has been listed
        steps = list(steps)
        total = sum(step.item.size or 0 for step in steps if step.verb != "delete")
    with out.progress("transferred", total) as progress:
        for done in run(steps, source, target, options, progress=progress):
            count += 1
            totals.add(done)
            if done.error is not None:
                codes.append(out.failed(done.source, done.error, verb=done.verb))
                continue
            tell(done, out, dry=options.dry)
    if requests is not None:
        totals.tell(out, requests=requests(), dry=options.dry)
    totals.note(out)
    return failure.combined(codes, count)


def _check_kinds(source: str, target: str) -> None:
    if not (is_url(source) or is_url(target)):
        raise InvalidRequest(
            f"{source}, {target}: at least one s3://BUCKET/KEY or file:///STORE/KEY expected"
        )
