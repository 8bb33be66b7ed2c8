"""dg verify: looking after a store."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from deltaloft.cli import failure
from deltaloft.cli.options import Storage, output_options, storage_options
from deltaloft.cli.output import Output
from deltaloft.errors import NotFound
from deltaloft.place import locate

if TYPE_CHECKING:
    from deltaloft.store import Verified

__all__ = ["verify"]


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
    codes = set()
    with storage.open(place.store) as store, out.progress(url, None) as progress:
        for result in store.verify(place.key, progress=progress):
            counts[_verdict(result)] += 1
            if result.problem is not None:
                codes.add(out.failed(result.key, result.problem))
            elif out.json:
                record = asdict(result) | {"proven": result.sha256 is not None}
                out.record({name: record[name] for name in record if name != "problem"}, "")
    if place.key and not any(counts.values()):
        return out.failed(url, NotFound(f"{url}: no key begins with that"))
    out.record(counts, ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return max(codes, default=failure.DONE)


def _verdict(result: Verified) -> str:
    if result.problem is not None:
        return "failed"
    return "unproven" if result.sha256 is None else "proven"
