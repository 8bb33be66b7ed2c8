"""dg verify, gc: looking after a store."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from deltaloft.cli import failure
from deltaloft.cli.options import Storage, output_options, protection_options, storage_options
from deltaloft.cli.output import Output
from deltaloft.errors import InvalidRequest, NotFound
from deltaloft.place import locate
from deltaloft.sizes import human

if TYPE_CHECKING:
    from deltaloft.bucket import Attributes
    from deltaloft.store import GcResult, UnusedBase, Verified

__all__ = ["gc", "verify"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.command()
@click.argument("url")
@storage_options
@output_options
def verify(url: str, storage: Storage, out: Output) -> int:
    """Read every file below a URL again and prove it by its SHA-256.

    Bases are read from the bucket, once each; when one is damaged, all keys are named that need it.
    Exit code 5 if anything is damaged. With --json there is a line for every file.
    """
    place = locate(url, root=storage.root)
    counts = {"proven": 0, "unproven": 0, "failed": 0}
    codes, size = set(), 0
    with storage.open(place.store) as store, out.progress(url, None) as progress:
        for result in store.verify(place.key, progress=progress):
            counts[_verdict(result)] += 1
            size += result.size or 0
            if result.problem is not None:
                codes.add(out.failed(result.key, result.problem))
            elif out.json:
                record = asdict(result) | {"proven": result.sha256 is not None}
                out.record({name: record[name] for name in record if name != "problem"})
    if place.key and not any(counts.values()):
        return out.failed(url, NotFound(f"{url}: no key begins with that"))
    record = {**counts, "size": size, "requests": store.requests}
    out.record(record, ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return max(codes, default=failure.DONE)


def _verdict(result: Verified) -> str:
    if result.problem is not None:
        return "failed"
    return "unproven" if result.sha256 is None else "proven"


def _duration(context: click.Context, option: click.Parameter, given: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", given, re.ASCII)
    if match is None:
        raise click.BadParameter("a time like 24h, 90m or 7d expected")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@click.command()
@click.argument("url")
@click.option("--delete", is_flag=True, help="Do it; else nothing is changed.")
@click.option("--grace", metavar="TIME", default="24h", show_default=True, callback=_duration,
              help="Leave bases alone that are younger.")  # fmt: skip
@click.option("--alone", is_flag=True, help="Nobody else writes until this is done.")
@protection_options
@storage_options
@output_options
def gc(url: str, delete: bool, grace: timedelta, alone: bool, protection: Attributes,
       storage: Storage, out: Output) -> None:  # fmt: skip
    """Find bases of a store that nothing refers to any more, and delete them with --delete.

    That takes two runs, at least an hour apart: one marks a base, the next deletes it. Bases of
    files that were put with --sse, --acl or --grant are looked for with the same options.
    """
    place = locate(url, root=storage.root)
    if place.key:
        raise InvalidRequest(f"{url}: a whole store expected, found a key in one")
    with storage.open(place.store) as store:
        result = store.gc(delete=delete, grace=grace, alone=alone, attributes=protection)
    out.record({**asdict(result), "freed_size": result.freed_size}, *_gc_lines(result))


def _gc_lines(result: GcResult) -> list[str]:
    would = "" if result.done else "would be "
    groups = {
        f"{would}deleted": result.deleted,
        f"{would}marked, to be deleted by a run in an hour or later": result.marked,
        "marked, to be deleted when that is an hour old": result.waiting,
    }
    seen = f"{result.objects} objects, {result.versions} old versions"
    lines = [
        f"{result.bases} bases, {result.used} in use by {seen}; {result.young} too young, "
        f"{result.protected} protected otherwise"
    ]
    for what, bases in groups.items():
        lines += [f"{base.sha256}  {human(base.size):>9}  {what}" for base in bases]
        if bases:
            lines.append(f"{len(bases)} bases, {_total(bases)}: {what}")
    return lines


def _total(bases: tuple[UnusedBase, ...]) -> str:
    return human(sum(base.size for base in bases))
