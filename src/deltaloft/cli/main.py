"""The group of commands, and the one place where exceptions end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from deltaloft.cli import failure
from deltaloft.cli.garbage import search_later, search_no_more
from deltaloft.cli.interrupt import deadline_for_interruption
from deltaloft.cli.lazy import LazyGroup
from deltaloft.cli.output import say

__all__ = ["dg", "main", "run"]

# The commands of each module, and what `dg --help` says of them.
_ROOMS = {
    "buckets": {
        "get-bucket-acl": "Show who may do what with a bucket.",
        "mb": "Make a bucket, or a store of a folder.",
        "put-bucket-acl": "Replace the ACL of a bucket.",
        "rb": "Remove a bucket, or a store with its folder.",
    },
    "care": {
        "gc": "Find bases that nothing refers to any more.",
        "verify": "Read every file again and prove it.",
    },
    "cache": {"cache": "Show or clear the bases kept on this machine."},
    "commands": {
        "get": "Give a file back, proven.",
        "put": "Store files.",
        "stat": "Describe what is stored at a URL.",
    },
    "completion": {"completion": "Print what makes a shell complete dg."},
    "delta": {
        "decode": "Rebuild a file from another and a delta.",
        "encode": "Write the delta between two files.",
        "inspect": "Describe a delta.",
        "merge": "Make one delta of two.",
    },
    "doctor": {"doctor": "Try out what a bucket can do."},
    "explain": {"explain": "Say which base a file has or would get, and why."},
    "listing": {"ls": "List buckets, or what is stored in one."},
    "migrate": {"migrate": "Bring a bucket or folder into a store."},
    "presigning": {
        "presign": "Make a URL from which anybody can fetch a file.",
        "purge": "Remove what expired URLs have left behind.",
    },
    "stats": {"stats": "Sum up what is stored and what deltas save."},
    "transfer": {
        "cp": "Copy files, as aws s3 does.",
        "mv": "Move files.",
        "rm": "Remove keys.",
        "sync": "Make a folder or prefix like another.",
    },
}


def _show_version(context: click.Context, option: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from importlib.metadata import version

    from deltaloft.cli.delta import engines

    click.echo(f"dg {version('deltaloft')} (engines: {', '.join(engines())})")
    context.exit()


@click.group(cls=LazyGroup, rooms=_ROOMS, no_args_is_help=False,
             context_settings={"help_option_names": ["-h", "--help"]})  # fmt: skip
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
              help="Show the version and the codec's engines.")  # fmt: skip
def dg() -> None:
    """Keep versions of a file as small deltas, in S3 or in a folder.

    A URL is s3://BUCKET/KEY, file:///STORE/KEY, or a plain path STORE/KEY.

    Exit codes: 0 done, 1 failed, 2 usage, 3 some of many failed, 4 not found, 5 integrity,
    130 interrupted.
    """


def main() -> None:
    """Run `dg` with the arguments of this process and end it."""
    search_later()
    _open_standard_streams()
    with deadline_for_interruption():
        code = run(sys.argv[1:])
    search_no_more()
    sys.exit(code)


def _open_standard_streams() -> None:
    """Put something in place of standard streams that are closed: using them is an error.

    Else a file that is opened later would become one of them.
    """
    for number, (name, flags) in enumerate(
        (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_RDWR))
    ):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _give_up_unwritten() -> None:
    """Write what waits for stdout, or drop it: Python would complain when it flushes at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: Sequence[str]) -> int:
    """Run one command; return the exit code, words of failure being on stderr."""
    try:
        code = dg.main(list(arguments), prog_name="dg", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read stdout has gone
        _give_up_unwritten()
        return failure.FAILED
    except failure.ENDINGS as error:
        say(failure.words(error))
        _give_up_unwritten()
        return failure.code(error)
    return int(code or failure.DONE)
