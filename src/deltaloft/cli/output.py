"""Lines on stdout, words on stderr, and progress where somebody watches."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import click

from deltaloft.cli import failure
from deltaloft.interruption import taken_back

__all__ = ["LeftOut", "Output", "say"]


def say(words: str) -> None:
    """Write a line of words to stderr."""
    click.echo(f"dg: {_printable(words)}", err=True)


class LeftOut:
    """Files of a folder that are left out because they cannot be read, as words on stderr."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, place: str, reason: str) -> None:
        """Say which, and why."""
        self.count += 1
        say(f"{place}: left out: {reason}")

    @property
    def code(self) -> int:
        """Return the exit code that they ask for."""
        return failure.SOME_FAILED if self.count else failure.DONE


def _printable(text: str) -> str:
    """Escape what could confuse a terminal, or look like another line: a key may hold anything."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


@dataclass(frozen=True, slots=True)
class Output:
    """How a command talks: lines or JSON, with or without progress."""

    json: bool
    quiet: bool
    no_progress: bool = False

    def record(self, record: Mapping[str, object], *lines: str, err: bool = False) -> None:
        """Write one result, as a JSON object or as lines of text; `err` when stdout is taken."""
        if self.json:
            click.echo(json.dumps(record, default=_plain), err=err)
        elif not self.quiet:
            click.echo("\n".join(map(_printable, lines)), err=err)

    def totals(self, record: Mapping[str, object]) -> None:
        """Write what all results add up to, where somebody reads JSON."""
        if self.json:
            click.echo(json.dumps(record))

    def note(self, words: str) -> None:
        """Write a line of words to stderr about what was done, for people only."""
        if not (self.quiet or self.json):
            say(words)

    def failed(self, what: str, error: BaseException, *, verb: str | None = None) -> int:
        """Report that one of several things, or the `verb` of one, failed; return its exit code."""
        words, what = failure.words(error), failure.without_secrets(what)
        named = words if f"{what}: " in f"{words}: " else f"{what}: {words}"
        say(named if verb is None else f"{verb}: {named}")
        if self.json:
            name = what if verb is None else f"{verb}: {what}"
            record = {"name": name, "error": type(error).__name__, "message": words}
            click.echo(json.dumps(record))
        return failure.code(error)

    @property
    def watched(self) -> bool:
        """Say whether somebody waits at a terminal and wants to see something move."""
        return sys.stderr.isatty() and not (self.quiet or self.no_progress)

    @contextmanager
    def progress(self, what: str, total: int | None) -> Iterator[Callable[[int], None] | None]:
        """Show a bar for `total` bytes, if stderr is a terminal; None means nobody watches."""
        if not self.watched:
            yield None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        known = () if total is None else (TimeRemainingColumn(),)
        columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, *known, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(what.replace("[", r"\["), total=total)
            with taken_back(bars.stop):  # which gives the terminal its cursor back
                yield lambda size: bars.advance(task, size)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
