"""dg put, get, stat: files and a store."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deltaloft.cli import failure
from deltaloft.cli.file_names import destination, keys_for
from deltaloft.cli.options import (
    Storage,
    attribute_options,
    output_options,
    put_options,
    storage_options,
)
from deltaloft.cli.output import Output
from deltaloft.errors import InvalidRequest
from deltaloft.place import locate
from deltaloft.sizes import human

if TYPE_CHECKING:
    from deltaloft.store import GetResult, PutResult, Stat, Store

__all__ = ["get", "put", "stat"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.argument("url")
@click.option("--create", is_flag=True, help="Make the bucket, or a store of a new folder.")
@put_options
@attribute_options
@storage_options
@output_options
def put(files: Sequence[Path], url: str, create: bool, storage: Storage, out: Output,
        **options: Any) -> int:  # fmt: skip
    """Store FILEs at a URL: below it, if it ends in a slash or there are several, else as it.

    A FILE of - is standard input. Each line names a key, the file's size, what storing it added,
    how much that saved, and the base.
    """
    below = "/" if len(files) > 1 and not url.endswith("/") else ""
    place = locate(url + below, root=storage.root, putting=True, create=create)
    keys = keys_for(files, place)
    codes = []
    with storage.open(place.store, create=place.create) as store:
        for file, key in zip(files, keys, strict=True):
            try:
                _put_one(store, file, key, options, out)
            except failure.EXPECTED as error:
                codes.append(out.failed(str(file), error))
    if place.create and place.store.startswith("file:") and len(codes) < len(files):
        out.note(f"made a store in {place.store}")
    return failure.combined(codes, len(files))


def _put_one(store: Store, file: Path, key: str, options: dict[str, Any], out: Output) -> None:
    stream = str(file) == "-"
    total = None if stream else file.stat().st_size
    with out.progress(key, total) as progress:
        given = sys.stdin.buffer if stream else file
        result = store.put(given, key, progress=progress, **options)
    record = {"file": str(file), **asdict(result), "added_size": result.added_size}
    out.record(record, _put_line(result))


def _put_line(result: PutResult) -> str:
    saved = round(100 * (1 - result.added_size / result.size), 1) if result.size else 0
    base = f"base {result.base[:12]}" if result.base else result.form
    new = " (new)" if result.new_base else ""
    sizes = f"{human(result.size):>9}  {human(result.added_size):>9}  {saved or 0:5.1f} %"
    return f"{result.key}  {sizes}  {base}{new}"


@click.command()
@click.argument("url")
@click.argument("dest", required=False)
@click.option("--inflated", is_flag=True, help="Where DeltaGlider stored a compressed file's "
              "content only, give that content, unproven.")  # fmt: skip
@click.option("--replay-seconds", type=click.FloatRange(0), default=120.0, show_default=True,
              help="CPU time for compressing it again as it was.")  # fmt: skip
@storage_options
@output_options
def get(url: str, dest: str | None, inflated: bool, replay_seconds: float, storage: Storage,
        out: Output) -> None:  # fmt: skip
    """Give the file at a URL back, proven, as DEST: a file, a folder, or - for standard output."""
    from deltaloft.cli.spending import note_spent

    place = locate(url, root=storage.root)
    if not place.key:
        raise InvalidRequest(f"{url}: a key expected (dg cp --recursive gets all below a prefix)")
    target = sys.stdout.buffer if dest == "-" else destination(dest, place.key)
    opened = storage.open(place.store, replay_seconds=replay_seconds)
    with opened as store, out.progress(place.key, None) as progress:
        result = store.get(place.key, target, inflated=inflated, progress=progress)
        sys.stdout.flush()  # before anybody is told that the file is there
    shown = "-" if dest == "-" else str(target)
    out.record({"file": shown, **asdict(result)}, _get_line(result, shown), err=dest == "-")
    note_spent(result, out)


def _get_line(result: GetResult, shown: str) -> str:
    why = "inflated" if result.form == "deltaglider" else "stored by other means"
    proof = f"sha256 {result.sha256}" if result.sha256 else f"not proven: {why}"
    return f"{result.key} -> {shown}  {human(result.size)}  {proof}"


@click.command()
@click.argument("url")
@storage_options
@output_options
def stat(url: str, storage: Storage, out: Output) -> None:
    """Describe what is stored at a URL."""
    place = locate(url, root=storage.root)
    with storage.open(place.store) as store:
        result = store.stat(place.key)
    out.record(asdict(result), *_stat_lines(result))


def _stat_lines(result: Stat) -> list[str]:
    record = asdict(result)
    record["modified"] = result.modified.isoformat()
    record |= {name: value for name, value in record.pop("attributes").items() if value}
    return [
        f"{name.replace('_', ' '):<20} {value}"
        for name, value in record.items()
        if value is not None
    ]
