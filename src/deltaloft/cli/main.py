"""The group of commands, and the one place where exceptions end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import click

from deltaloft.cli import (
    buckets,
    care,
    commands,
    delta,
    doctor,
    explain,
    failure,
    presigning,
    transfer,
)
from deltaloft.cli.output import say

__all__ = ["dg", "main", "run"]


def _show_version(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    click.echo(f"dg {version('deltaloft')} (engines: {', '.join(delta.engines())})")
    context.exit()


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
              help="Show the version and the codec's engines.")  # fmt: skip
def dg() -> None:
    """Keep versions of a file as small deltas, in S3 or in a folder.

    A URL is s3://BUCKET/KEY, file:///STORE/KEY, or a plain path STORE/KEY.

    Exit codes: 0 done, 1 failed, 2 usage, 3 some of many failed, 4 not found, 5 integrity,
    130 interrupted.
    """


for _command in (
    *(commands.put, commands.get, commands.ls, commands.stat),
    *(transfer.cp, transfer.mv, transfer.sync, transfer.rm),
    *(buckets.mb, buckets.rb, buckets.get_bucket_acl, buckets.put_bucket_acl),
    *(presigning.presign, presigning.purge),
    *(explain.explain, doctor.doctor, care.gc, care.verify),
    *(delta.encode, delta.decode, delta.merge, delta.inspect),
):
    dg.add_command(_command)


def main() -> None:
    """Run `dg` with the arguments of this process and end it."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; return the exit code, words of failure being on stderr."""
    try:
        code = dg.main(list(arguments), prog_name="dg", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read stdout has gone. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failure.FAILED
    except failure.ENDINGS as error:
        say(failure.words(error))
        return failure.code(error)
    return int(code or failure.DONE)
