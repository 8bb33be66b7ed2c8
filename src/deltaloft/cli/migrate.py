"""dg migrate: everything below a prefix or folder into a store."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deltaloft.cli import failure
from deltaloft.cli.filtering import FilteringCommand, filter_options
from deltaloft.cli.options import Storage, output_options, put_options, storage_options
from deltaloft.cli.output import LeftOut, Output
from deltaloft.errors import BucketNotFound
from deltaloft.place import Place, locate
from deltaloft.sizes import human

if TYPE_CHECKING:
    from deltaloft.migration import Check, Crew, Estimate, Journal, Location, Moved, Totals
    from deltaloft.transfers import Filters, Options, Side

__all__ = ["migrate"]

Command = Callable[..., int | None]


@dataclass(frozen=True, slots=True)
class _Ends:
    """Source and target of a migration, and how its work is done."""

    source: Location
    target: Location
    check: Check
    jobs: int
    scheduler: str | None
    options: Options

    @contextmanager
    def crew(self, journal: Journal, source: Side) -> Iterator[Crew]:
        """Open the target, and lend who moves files there."""
        from deltaloft.migration import cluster, threads
        from deltaloft.transfers import StoreSide

        target = self.target.open()
        assert isinstance(target, StoreSide)  # _ends has made it a Place
        how: Any = {"check": self.check, "options": self.options}
        if self.scheduler is None:
            lent = threads(source, target, jobs=self.jobs, **how)
        else:
            lent = cluster(self.scheduler, self.source, self.target, **how)
        with target.store:
            journal.check_target(target)
            with lent as crew:
                yield crew


def _end_options(command: Command) -> Command:
    """Add SOURCE, TARGET and what says how to reach them; they arrive as `ends`."""

    @click.argument("source")
    @click.argument("target")
    @click.option("--source-endpoint-url", metavar="URL", help="That of SOURCE, if another.")
    @click.option("--source-profile", metavar="NAME", help="That for SOURCE, if another.")
    @click.option("--source-region", metavar="NAME", help="That of SOURCE, if another.")
    @click.option("--source-root", metavar="PREFIX", default="", help="SOURCE's root, if a store.")
    @click.option("--create", is_flag=True, help="Make the target's bucket or folder.")
    @click.option("--check", type=click.Choice(["read", "sent"]), default="read", show_default=True,
                  help="Read each file back from TARGET, or trust its endpoint.")  # fmt: skip
    @click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True,
                  help="How many files at a time.")  # fmt: skip
    @click.option("--scheduler", metavar="ADDRESS", help="Let a Dask cluster do it.")
    @click.option("--replay-seconds", type=click.FloatRange(0), default=120.0, show_default=True,
                  help="CPU time for compressing one of DeltaGlider's files again.")  # fmt: skip
    @put_options
    @storage_options
    @functools.wraps(command)
    def wrapped(
        source: str, target: str, create: bool, check: Check, jobs: int, scheduler: str | None,
        storage: Storage, source_root: str, replay_seconds: float, delta: Any, codec: Any,
        level: int, no_clobber: bool, **given: Any,
    ) -> int | None:  # fmt: skip
        from deltaloft.transfers import Options

        reached = {name: given.pop(f"source_{name}") for name in _REACHING}
        reached = {name: value for name, value in reached.items() if value is not None}
        if reached and not source.startswith("s3://"):
            raise click.UsageError("--source-endpoint-url and its like go with an s3:// SOURCE")
        storage_there = replace(storage, **reached)
        left = _location(_source(source, source_root), storage_there, replay_seconds)
        place = locate(target, root=storage.root, putting=True, create=create)
        right = _location(replace(place, key=_with_slash(place.key)), storage)
        left.check_apart(right)
        options = Options(delta=delta, codec=codec, level=level, no_clobber=no_clobber)
        return command(ends=_Ends(left, right, check, jobs, scheduler, options), **given)

    return wrapped


_REACHING = ("endpoint_url", "profile", "region")


@click.command(cls=FilteringCommand)
@_end_options
@click.option("--journal", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where it is written down what has arrived.")  # fmt: skip
@click.option("--dryrun", is_flag=True, help="Store a sample elsewhere, and say what all would be.")
@click.option("--sample", type=click.IntRange(1), default=24, show_default=True,
              help="How many files --dryrun takes.")  # fmt: skip
@filter_options
@output_options
def migrate(ends: _Ends, journal: Path | None, dryrun: bool, sample: int, filters: Filters,
            out: Output) -> int:  # fmt: skip
    """Move all below SOURCE, a prefix or folder, to TARGET, a prefix of a store. SOURCE stays.

    Each file is proven at TARGET. The same command again goes on where the last one ended, however
    that was, and tries what failed once more; then the exit code is 3.
    """
    from deltaloft.migration import Journal, default_journal, items_of

    source, target, left_out = ends.source.name, ends.target.name, LeftOut()
    path = None if dryrun else journal or default_journal(source, target)
    side = ends.source.open(left_out)
    with Journal(path, source, target) as opened:
        opened.take_stock(item for item in items_of(side) if filters.include(item.name))
        if dryrun:
            code = _estimate(opened, side, sample, ends.options, out)
        else:
            with ends.crew(opened, side) as crew:
                code = _run(opened, crew, ends, out)
    return code or left_out.code


def _run(journal: Journal, crew: Crew, ends: _Ends, out: Output) -> int:
    """Move what waits, say of each file what became of it, and report."""
    from deltaloft.migration import migrate as moving

    before = journal.totals()
    with out.progress("migrated", before.waiting_size) as progress:
        for moved in moving(journal, crew):
            if moved.error is not None:
                out.failed(ends.source.url + moved.name, moved.error, verb="migrate")
            else:
                record = {name: value for name, value in asdict(moved).items() if name != "error"}
                source, target = ends.source.url + moved.name, ends.target.url + moved.name
                out.record(
                    {"source": source, "target": target, **record}, _moved_line(moved, target)
                )
            if progress is not None:
                progress(moved.listed_size)
    totals = journal.totals()
    arrived = totals.done - before.done
    out.record({"arrived": arrived, **asdict(totals)}, _totals_line(totals, arrived))
    return failure.SOME_FAILED if totals.failed else failure.DONE


def _moved_line(moved: Moved, target: str) -> str:
    assert moved.size is not None and moved.stored_size is not None  # it has arrived
    stored = f"{moved.form}, {human(moved.size)} as {human(moved.stored_size)}"
    return f"{moved.name} -> {target}: {stored}"


def _totals_line(totals: Totals, arrived: int) -> str:
    failed = f", {totals.failed:,} failed" if totals.failed else ""
    stored = f"{human(totals.size)} stored as {human(totals.stored_size)}, bases included"
    there = f"{totals.done:,} of {totals.files:,} files are there"
    return f"{there}, {arrived:,} of them moved now{failed}; {stored}"


def _estimate(journal: Journal, side: Side, sample: int, options: Options, out: Output) -> int:
    """Say what a store would hold of the source."""
    from deltaloft.migration import estimate

    found = estimate(side, journal, files=sample, options=options)
    out.record({**asdict(found), "dryrun": True}, _estimate_line(found))
    return failure.DONE


def _estimate_line(found: Estimate) -> str:
    there = f"(dryrun) {found.files:,} files, {human(found.size)}"
    if found.stored_size is None:
        return f"{there}; no sample could be read, so nothing is known of what would be stored"
    part = found.stored_size / found.size if found.size else 1.0
    return (
        f"{there}; about {human(found.stored_size)} ({part:.0%}) would be stored, going by "
        f"{found.sampled_files:,} files, {human(found.sampled_size)}"
    )


def _source(given: str, root: str) -> Place | Path:
    """Return what SOURCE is: below a store, or else a folder of files."""
    try:
        place = locate(given, root=root)
    except BucketNotFound:
        if "://" in given:
            raise
        if not Path(given).is_dir():
            raise BucketNotFound(f"{given}: no such folder, and no store there or above") from None
        return Path(given).absolute()
    return replace(place, key=_with_slash(place.key))


def _location(place: Place | Path, storage: Storage, replay_seconds: float = 120.0) -> Location:
    from deltaloft.deltaglider import Limits
    from deltaloft.migration import Location

    reads_older = storage.deltaglider == "auto"
    deltaglider = Limits(replay_seconds) if reads_older else storage.deltaglider
    if isinstance(place, Path) or not place.store.startswith("s3://"):
        return Location(place, deltaglider=deltaglider)
    return Location(
        place,
        endpoint_url=storage.endpoint_url,
        profile=storage.profile,
        region=storage.region,
        deltaglider=deltaglider,
    )


def _with_slash(prefix: str) -> str:
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
