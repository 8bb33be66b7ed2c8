"""--include and --exclude, which count in the order in which they are given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from deltaloft.transfers.filters import Filters

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
    @click.option("--include", multiple=True, metavar="PATTERN",
                  help="Take such names in again; the last pattern that matches decides.")  # fmt: skip
    @functools.wraps(command)
    def wrapped(include: tuple[str, ...], exclude: tuple[str, ...], **rest: Any) -> int | None:
        parted = [(yes, *each.partition(":")[::2]) for yes, given in ((True, include), (False, exclude))
                  for each in given]  # fmt: skip
        ordered = sorted(parted, key=lambda each: int(each[1]))
        return command(filters=Filters(tuple((yes, text) for yes, _, text in ordered)), **rest)

    return wrapped
