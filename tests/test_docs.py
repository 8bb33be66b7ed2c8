"""What docs/start.md and the README show is what happens."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from neighbours import awscli, missing

import deltaloft
import deltaloft.codec

ROOT = Path(__file__).parent.parent
START = (ROOT / "docs" / "start.md").read_text()
README = (ROOT / "README.md").read_text()

Paste = Callable[[str, str], str]


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page: language and text."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.fixture
def releases(moto_endpoint: str) -> Iterator[str]:
    """The bucket of the pages; the endpoint it is at."""
    client = boto3.client("s3", endpoint_url=moto_endpoint)
    client.create_bucket(Bucket="releases")
    yield moto_endpoint
    for listed in client.list_objects_v2(Bucket="releases").get("Contents", []):
        client.delete_object(Bucket="releases", Key=listed["Key"])
    client.delete_bucket(Bucket="releases")


@pytest.fixture
def paste(releases: str, tmp_path: Path) -> Paste:
    """Run blocks in an empty folder, where `dg` is this one and S3 is moto; return stdout."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = f'exec {sys.executable} -c "from deltaloft.cli import main; main()" "$@"'
    (programs / "dg").write_text(f"#!/bin/sh\n{command}\n")
    (programs / "dg").chmod(0o755)
    here = tmp_path / "here"
    here.mkdir()
    source = str(Path(deltaloft.__file__).parents[1])
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "AWS_ENDPOINT_URL_S3": releases,
    }
    interpreters = {"sh": ["sh", "-eu", "-c"], "python": [sys.executable, "-W", "error", "-c"]}

    def run(language: str, text: str) -> str:
        command = [*interpreters[language], text]
        done = subprocess.run(
            command, cwd=here, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def test_start_can_be_pasted(paste: Paste, tmp_path: Path) -> None:
    """Every block of docs/start.md works, one after the other."""
    page, _, rest = START.partition("## Without deltaloft")
    printed = [paste(*each) for each in blocks(page)]
    assert len(printed) > 8
    assert "app-1.2.dump" in printed[0]
    assert "delta" in printed[1]
    ((language, restore),) = blocks(rest)
    if shutil.which("xdelta3") is None:
        missing("xdelta3", "xdelta3 not installed (apt-get install xdelta3)")
    (tmp_path / "bin" / "aws").symlink_to(awscli())
    paste(language, restore)


def test_the_readme_keeps_its_word(paste: Paste, tmp_path: Path) -> None:
    """Its commands run with three zips that are nearly the same, and its Python with two files."""
    for version in range(3):
        with zipfile.ZipFile(tmp_path / "here" / f"app-1.{version}.zip", "w") as archive:
            archive.writestr("same", bytes(range(256)) * 400)
            archive.writestr("version", f"1.{version}")
    shown = next(text for language, text in blocks(README) if not language and "$ dg" in text)
    paste("sh", "".join(line[2:] + "\n" for line in shown.splitlines() if line.startswith("$ ")))
    (code,) = (text for language, text in blocks(README) if language == "python")
    paste("python", f"old = b'one ' * 999\nnew = b'two ' + old\n{code}")
    assert (tmp_path / "here" / "copy.zip").read_bytes() == (
        tmp_path / "here" / "app-1.1.zip"
    ).read_bytes()


def test_examples_in_docstrings_are_true() -> None:
    """What `help(deltaloft.encode)` shows is what Python answers."""
    found = doctest.testmod(deltaloft.codec)
    assert found.failed == 0 < found.attempted


def test_the_readme_names_every_command() -> None:
    """A command that the README does not name is not found."""
    from deltaloft.cli.main import dg

    named = set(re.findall(r"^dg ([\w-]+)", README, re.MULTILINE))
    assert set(dg.list_commands(None)) == named  # type: ignore[arg-type]
