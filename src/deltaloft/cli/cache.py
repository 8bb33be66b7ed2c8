"""dg cache: the bases that this machine keeps."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from deltaloft.cli.options import output_options
from deltaloft.cli.output import Output
from deltaloft.sizes import human

__all__ = ["cache"]


@click.command()
@click.option("--clear", is_flag=True, help="Remove all entries.")
@output_options
def cache(clear: bool, out: Output) -> None:
    """Show the bases kept on this machine: when each was last used, its size on disk, its digest.

    DG_CACHE_DIR, DG_CACHE_SIZE and DG_CACHE_KEY say where, how much and with which key.
    """
    from deltaloft.base_cache import BaseCache

    opened = BaseCache.from_environment()
    before = opened.entries()
    if clear:
        opened.clear()
    for entry in () if clear else before:
        used = datetime.fromtimestamp(entry.used, UTC)
        record = {"sha256": entry.sha256, "stored_size": entry.stored_bytes, "used": used}
        time = used.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        out.record(record, f"{time}  {human(entry.stored_bytes):>9}  {entry.sha256}")
    left = opened.entries()
    size = sum(entry.stored_bytes for entry in left)
    record = {
        "folder": str(opened.folder),
        "bases": len(left),
        "size": size,
        "budget": opened.budget,
        "removed": len(before) - len(left) if clear else 0,
    }
    what = f"{len(left)} bases, {human(size)} of at most {human(opened.budget)}"
    out.record(record, f"{what} in {opened.folder}")
