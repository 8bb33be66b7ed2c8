"""dg stats: what a store holds and what it saves."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deltaloft.cli.options import Storage, output_options, storage_options
from deltaloft.cli.output import Output
from deltaloft.place import locate
from deltaloft.sizes import human

if TYPE_CHECKING:
    from deltaloft.statistics import Summary

__all__ = ["stats"]


@click.command()
@click.argument("url", default=".")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write a page with charts too.")  # fmt: skip
@storage_options
@output_options
def stats(url: str, html: Path | None, storage: Storage, out: Output) -> None:
    """Sum up what is stored below a URL and what deltas save, by prefix and by base."""
    from deltaloft.atomic_file import write_pieces
    from deltaloft.statistics import page, summarized

    place = locate(url, root=storage.root)
    with storage.open(place.store) as store:
        summary = summarized(store, place.key)
    if html is not None:
        write_pieces(html, [page(summary, made=datetime.now(UTC)).encode()])
    record = {
        **{name: value for name, value in asdict(summary).items() if name not in _LONG},
        "stored_size": summary.stored_size,
        "saved_size": summary.saved_size,
        "saved_share": round(summary.saved_share, 4),
    }
    out.record(record, *_lines(summary))


_LONG = ("history", "drift")


def _lines(summary: Summary) -> list[str]:
    totals = summary.totals
    lines = [
        f"{totals.keys:,} keys, {totals.deltas:,} of them deltas on {len(summary.bases):,} bases",
        f"{human(totals.logical_size):>9}  in files",
        f"{human(summary.stored_size):>9}  stored, bases included",
        f"{human(summary.saved_size):>9}  saved, {summary.saved_share:z.1%}",
    ]
    if summary.unused_bases:
        size = human(summary.unused_size)
        lines.append(f"{size:>9}  in {summary.unused_bases:,} bases that no key needs (dg gc)")
    lines += ["", "files      stored     keys  prefix"]
    for name, of in sorted(summary.prefixes.items()):
        sizes = f"{human(of.logical_size):<9}  {human(of.stored_size):<9}"
        lines.append(f"{sizes}  {of.keys:<4,}  {name or '/'}")
    lines += ["", "files      base       deltas     keys  base"]
    for use in summary.bases:
        size = "missing" if use.size is None else human(use.size)
        of = use.totals
        sizes = f"{human(of.logical_size):<9}  {size:<9}  {human(of.stored_size):<9}"
        lines.append(f"{sizes}  {of.keys:<4,}  {use.sha256[:12]}")
    return lines
