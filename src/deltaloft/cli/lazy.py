"""Commands that are imported when somebody runs them, so that help and mistakes cost little."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group that knows of its commands where each is and what it does, in one line.

    Args:
        rooms: By module of `deltaloft.cli`, its commands and the first sentence of their help.
        options: Of click's own group.
    """

    def __init__(self, *, rooms: Mapping[str, Mapping[str, str]], **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._homes = {name: room for room, commands in rooms.items() for name in commands}
        self.summaries = {
            name: summary for commands in rooms.values() for name, summary in commands.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is no such."""
        room = self._homes.get(cmd_name)
        if room is None:
            return None
        module = importlib.import_module(f"deltaloft.cli.{room}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self.summaries.items()))
