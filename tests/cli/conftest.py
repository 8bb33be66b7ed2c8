"""A folder to work in, with releases and a store in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Commands, release


@pytest.fixture
def dg_(capfd: pytest.CaptureFixture[str]) -> Commands:
    """Return a way to run commands."""
    return Commands(capfd)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a cache beside it and four releases in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for version in range(4):
        (folder / f"app-1.{version}.bin").write_bytes(release(version))
    return folder


@pytest.fixture
def store(here: Path, dg_: Commands) -> Path:
    """A store in ./store with four releases and a tiny file."""
    (here / "tiny").write_bytes(b"tiny")
    files = [f"app-1.{version}.bin" for version in range(4)]
    assert dg_("put", "--create", *files, "tiny", "store/") == 0
    (here / "tiny").unlink()
    return here / "store"
