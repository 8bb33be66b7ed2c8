"""Running `dg`, in this process or another, and releases to run it on."""

from __future__ import annotations

import io
import json
import random
import sys
import zipfile
from typing import Any

import pytest

from deltaloft.cli.main import run

__all__ = ["DG", "Commands", "archive", "one_line", "release"]

DG = [sys.executable, "-c", "from deltaloft.cli import main; main()"]


def release(version: int) -> bytes:
    """Return 100 kB of which the last bytes tell the version."""
    return random.Random(1).randbytes(100_000) + b"version %d" % version


def archive(version: int) -> bytes:
    """Return a zip file whose one member, of words, differs a little from version to version."""
    chance = random.Random(1)
    words = [f"{chance.getrandbits(28):x}" for _ in range(30_000)]
    words[version * 997] = f"release{version}"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("words.txt"), " ".join(words), zipfile.ZIP_DEFLATED)
    return out.getvalue()


class Commands:
    """Runs `dg` in this process; remembers what the last one said."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Capture with `capfd`."""
        self._capfd = capfd
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: object) -> int:
        """Run one command and return its exit code."""
        self._capfd.readouterr()
        code = run([str(each) for each in arguments])
        sys.stdout.flush()
        self.out, self.err = self._capfd.readouterr()
        return code

    def records(self, *arguments: object) -> list[dict[str, Any]]:
        """Run one command with --json; return an object for each line."""
        assert self(*arguments, "--json") == 0
        return [json.loads(line) for line in self.out.splitlines()]

    def transfers(self, *arguments: object) -> list[dict[str, Any]]:
        """Run a command on many files with --json; return what it did, without the totals."""
        *records, totals = self.records(*arguments)
        assert len(records) == totals["files"]
        return records


def one_line(text: str) -> str:
    """Return a message that must be a single line of words from `dg`."""
    assert text.startswith("dg: ")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "Traceback" not in text
    return text
