"""dg doctor: what an endpoint can do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from deltaloft.cli import failure
from deltaloft.cli.options import Storage, output_options, storage_options
from deltaloft.cli.output import Output, say
from deltaloft.errors import InvalidRequest
from deltaloft.place import locate

if TYPE_CHECKING:
    from deltaloft.doctor import Report, Unfinished
    from deltaloft.findings import Finding

__all__ = ["doctor"]

_COLOURS = {"yes": "green", "no": "red", "undetermined": "yellow"}


@click.command()
@click.argument("url")
@click.option("--clean", is_flag=True, help="Abort unfinished uploads that are older than a day.")
@storage_options
@output_options
def doctor(url: str, clean: bool, storage: Storage, out: Output) -> int:
    """Try out what the bucket at a URL can do, with small objects that are removed again.

    Each line is a question, its answer (yes, no or undetermined) and what was seen; a * stands
    before what a store cannot do without. The answers are remembered for 30 days, and what depends
    on one that is a no is refused from then on. The exit code is 1 if a * is not a yes.
    """
    from deltaloft.doctor import diagnose

    place = locate(url, root=storage.root)
    if place.key:
        raise InvalidRequest(f"{url}: a bucket or folder expected, found a key (see --root)")
    report = diagnose(
        place.store,
        profile=storage.profile,
        region=storage.region,
        endpoint_url=storage.endpoint_url,
        clean=clean,
        told=_watched(out),
    )
    if not out.json and sys.stdout.isatty() and not out.quiet:
        _show_table(report)
    else:
        for finding in report.findings:
            out.record(asdict(finding), _line(finding))
    for upload in report.unfinished:
        out.record({"unfinished": asdict(upload)}, _upload_line(upload))
    if report.healthy:
        return failure.DONE
    say(f"{report.url}: a store cannot work here, or it was not to be found out")
    return failure.FAILED


def _watched(out: Output) -> Callable[[Finding], None] | None:
    """Tell a person who waits what is being done."""
    if not out.watched:
        return None
    return lambda finding: click.echo(f"\r\033[K{finding.check} …\r", err=True, nl=False)


def _line(finding: Finding) -> str:
    star = "*" if finding.essential else " "
    return f"{star} {finding.answer:<12}  {finding.question:<64}  {finding.detail}".rstrip()


def _upload_line(upload: Unfinished) -> str:
    what = "aborted" if upload.aborted else "unfinished upload"
    return f"{what}: {upload.key}, begun {upload.begun:%Y-%m-%d %H:%M}"


def _show_table(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "question", "answer", "seen", box=None, pad_edge=False)
    for each in report.findings:
        answer = Text(each.answer, style=_COLOURS[each.answer])
        table.add_row("*" if each.essential else "", Text(each.question), answer, Text(each.detail))
    Console().print(table)
