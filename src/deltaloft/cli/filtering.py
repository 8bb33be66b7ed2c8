"""--include and --exclude, which count in the order in which they are given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

__all__ = ["FilteringCommand", "filter_options"]

Command = Callable[..., int | None]

_NAMES = ("--include", "--exclude")


class FilteringCommand(click.Command):
    """A command that remembers where among its arguments each filter stood.

    click hands the values of an option over in order, but says nothing of the order among two: so
    each pattern gets its place as a prefix.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments after numbering the patterns among them."""
        end = args.index("--") if "--" in args else len(args)
        marked = list(args)
        for place, each in enumerate(args[:end]):
            name, equals, pattern = each.partition("=")
            if name in _NAMES and equals:
                marked[place] = f"{name}={place}:{pattern}"
            elif name in _NAMES and place + 1 < end:
                marked[place + 1] = f"{place}:{args[place + 1]}"
        return super().parse_args(ctx, marked)


def filter_options(command: Command) -> Command:
    """Add --include and --exclude to a FilteringCommand; they arrive as `filters`."""

    @click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave such names out.")
    @click.option("--include", multiple=True, metavar="PATTERN", help="Take such names in again.")
    @functools.wraps(command)
    def wrapped(include: tuple[str, ...], exclude: tuple[str, ...], **rest: Any) -> int | None:
        from deltaloft.transfers import Filters

        given = [(True, each) for each in include] + [(False, each) for each in exclude]
        parted = [(int(each.partition(":")[0]), yes, each.partition(":")[2]) for yes, each in given]
        return command(filters=Filters(tuple(each[1:] for each in sorted(parted))), **rest)

    return wrapped
