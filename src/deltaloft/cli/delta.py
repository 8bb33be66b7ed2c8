"""dg encode, decode, merge, inspect: deltas between files, no store."""

from __future__ import annotations

from pathlib import Path

import click

from deltaloft.cli.options import level_option, output_options
from deltaloft.cli.output import Output
from deltaloft.errors import InvalidRequest, naming
from deltaloft.sizes import human

__all__ = ["decode", "encode", "engines", "inspect", "merge"]

_FILE = click.Path(path_type=Path)


def engines() -> list[str]:
    """Return the names of the codec engines that this build has."""
    from deltaloft import xdelta3

    return ["native", f"xdelta3 {xdelta3.version()}"] if xdelta3.available() else ["native"]


@click.command()
@click.argument("source", type=_FILE)
@click.argument("target", type=_FILE)
@click.argument("delta", type=_FILE)
@level_option
@click.option("--unpack", is_flag=True, help="Look inside deflate; only dg decode reads that.")
@output_options
def encode(source: Path, target: Path, delta: Path, level: int, unpack: bool, out: Output) -> None:
    """Write to DELTA what turns the file SOURCE into the file TARGET (VCDIFF, RFC 3284)."""
    from deltaloft import codec

    for each in (source, target):
        if delta.exists() and each.exists() and delta.samefile(each):
            raise InvalidRequest(f"{delta}: another file expected for the delta, found an input")
    delta_size = codec.encode_file(source, target, delta, level=level, unpack=unpack)
    target_size = target.stat().st_size
    record = {"delta": str(delta), "delta_size": delta_size, "target_size": target_size}
    out.record(record, f"{delta}  {human(delta_size)} for {human(target_size)}")


@click.command()
@click.argument("source", type=_FILE)
@click.argument("delta", type=_FILE)
@click.argument("target", type=_FILE)
@click.option("--max-size", type=click.IntRange(0), metavar="BYTES",
              help="Refuse a larger target.")  # fmt: skip
@output_options
def decode(source: Path, delta: Path, target: Path, max_size: int | None, out: Output) -> None:
    """Rebuild TARGET from the file SOURCE and a DELTA, proven as far as the delta can."""
    from deltaloft import codec

    with naming(str(delta)):
        target_size = codec.decode_file(source, delta, target, max_size=max_size)
    record = {"target": str(target), "target_size": target_size}
    out.record(record, f"{target}  {human(target_size)}")


@click.command()
@click.argument("first", type=_FILE)
@click.argument("second", type=_FILE)
@click.argument("delta", type=_FILE)
@level_option
@output_options
def merge(first: Path, second: Path, delta: Path, level: int, out: Output) -> None:
    """Write to DELTA what the deltas FIRST and SECOND do one after the other."""
    from deltaloft import merging

    delta_size = merging.merge_file(first, second, delta, level=level)
    record = {"delta": str(delta), "delta_size": delta_size}
    out.record(record, f"{delta}  {human(delta_size)}")


@click.command()
@click.argument("delta", type=_FILE)
@output_options
def inspect(delta: Path, out: Output) -> None:
    """Describe a DELTA without its source."""
    from deltaloft import inspecting

    with naming(str(delta)):
        inspection = inspecting.inspect(delta)
    out.record({"delta": str(delta), **inspection.as_dict()}, *str(inspection).split("\n"))
