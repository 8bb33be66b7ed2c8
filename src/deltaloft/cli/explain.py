"""dg explain: which base a file has or would get, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deltaloft.cli.options import Storage, output_options, storage_options
from deltaloft.cli.output import Output
from deltaloft.place import locate
from deltaloft.sizes import human

if TYPE_CHECKING:
    from deltaloft.store import Alternative, Explanation

__all__ = ["explain"]


@click.command()
@click.argument("where", nargs=-1, required=True, metavar="[FILE] URL")
@click.option("--measure", is_flag=True, help="Download bases to measure deltas against them.")
@storage_options
@output_options
def explain(where: Sequence[str], measure: bool, storage: Storage, out: Output) -> None:
    """Say which base the file at a URL has, why, and what others would cost.

    With a FILE, say what putting it at the URL would do; nothing is written. Sizes of deltas are
    estimated (~) from sketches, or measured, for the best three bases on this machine.
    """
    *files, url = where
    if len(files) > 1:
        raise click.UsageError("a URL expected, or one FILE and a URL")
    place = locate(url, root=storage.root)
    with storage.open(place.store) as store:
        result = store.explain(place.key, *map(Path, files), measure=measure)
    out.record(asdict(result), *_lines(result))


def _lines(result: Explanation) -> Iterator[str]:
    base = f", base {result.base[:12]}{' (new)' if result.new_base else ''}" if result.base else ""
    sizes = f"{human(result.size)} as {human(result.stored_size)}"
    yield f"{result.key}  {result.form}  {sizes}{base}: {result.reason}"
    for each in result.alternatives:
        mark = "*" if each.base == result.base else " "
        shown = f"{mark} {each.base[:12]}  {_size(each):>10}  {_alike(each):<28}  {each.stem}"
        yield shown.rstrip()


def _size(each: Alternative) -> str:
    known = each.measured_size
    return f"~{human(each.estimated_size)}" if known is None else human(known)


def _alike(each: Alternative) -> str:
    """Say how much of both files is in both, by their bytes and by what is packed in them."""
    content = "unknown" if each.resemblance is None else f"{each.resemblance:.0%}"
    inside = "" if each.inside is None else f", unpacked {each.inside:.0%}"
    return f"{content} alike{inside}"
