"""dg ls: buckets, keys and folders, as aws s3 ls has them.

no URL, or s3://       all buckets
s3://BUCKET/pre        what begins with `pre`, one level of folders: pre.txt, pre/
s3://BUCKET/pre/       what is in the folder
--recursive            all keys, whole
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from deltaloft.cli import failure
from deltaloft.cli.options import Storage, output_options, storage_options
from deltaloft.cli.output import Output
from deltaloft.errors import NotFound
from deltaloft.place import locate
from deltaloft.sizes import human

if TYPE_CHECKING:
    from deltaloft.store import Entry, Store

__all__ = ["ls"]


@click.command()
@click.argument("url", default="s3://")
@click.option("--recursive", is_flag=True, help="Show all keys, not one level of folders.")
@click.option("--human-readable", is_flag=True, help="Write 1.2 MB for 1234567.")
@click.option("--summarize", is_flag=True, help="Count the keys and add up their sizes.")
@storage_options
@output_options
def ls(url: str, recursive: bool, human_readable: bool, summarize: bool, storage: Storage,
       out: Output) -> int:  # fmt: skip
    """List the keys that begin with a URL: time, the file's size, its stored size, key.

    Without a URL, list the buckets.
    """
    if url == "s3://":
        return _list_buckets(storage, out)
    place = locate(url, root=storage.root)
    totals = _Totals()
    with storage.open(place.store) as store:
        for item in _listing(store, place.key, recursive):
            totals.add(item)
            start = 0 if recursive else place.key.rfind("/") + 1
            out.record(*_listed(item, start, human_readable))
    if place.key and not totals.lines:
        return out.failed(url, NotFound(f"{url}: no key begins with that"))
    if summarize:
        out.record(totals.record(), *totals.shown(human_readable))
    return failure.DONE


def _list_buckets(storage: Storage, out: Output) -> int:
    from deltaloft.s3_bucket.buckets import buckets

    for name, created in buckets(
        profile=storage.profile, region=storage.region, endpoint_url=storage.endpoint_url
    ):
        out.record({"bucket": name, "created": created}, f"{_time(created)}  {name}")
    return failure.DONE


@dataclass(slots=True)
class _Totals:
    """What was listed. A foreign object is as large as what is stored."""

    lines: int = 0
    keys: int = 0
    size: int = 0
    stored_size: int = 0

    def add(self, item: Entry | str) -> None:
        self.lines += 1
        if not isinstance(item, str):
            self.keys += 1
            self.size += item.stored_size if item.logical_size is None else item.logical_size
            self.stored_size += item.stored_size

    def record(self) -> dict[str, object]:
        return {
            "total_keys": self.keys,
            "total_size": self.size,
            "total_stored_size": self.stored_size,
        }

    def shown(self, human_readable: bool) -> list[str]:
        size, stored = _size(self.size, human_readable), _size(self.stored_size, human_readable)
        return [
            "",
            f"Total Objects: {self.keys}",
            f"   Total Size: {size}",
            f" Total Stored: {stored}",
        ]


def _listing(store: Store, prefix: str, recursive: bool) -> Iterator[Entry | str]:
    """Yield entries and, unless `recursive`, one string for each folder right below."""
    level = prefix.rpartition("/")[0]
    start = len(level) + 1 if level else 0
    previous = None
    for entry in store.list(prefix, sizes=lambda key: recursive or "/" not in key[start:]):
        name, slash, _ = entry.key[start:].partition("/")
        if recursive or not slash:
            yield entry
        elif name != previous:
            previous = name
            yield entry.key[:start] + name + slash


def _listed(item: Entry | str, start: int, readable: bool) -> tuple[dict[str, object], str]:
    if isinstance(item, str):
        return {"prefix": item}, f"{'PRE':>19}  {'':>12}  {'':>12}  {item[start:]}"
    logical = "" if item.logical_size is None else _size(item.logical_size, readable)
    stored = _size(item.stored_size, readable)
    line = f"{_time(item.modified)}  {logical:>12}  {stored:>12}  {item.key[start:]}"
    return asdict(item), line


def _size(size: int, readable: bool) -> str:
    return human(size) if readable else str(size)


def _time(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
