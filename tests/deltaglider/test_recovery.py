"""Compressed files that DeltaGlider cannot give back, given back."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from producers import PRODUCERS, Absent, archive

from deltaloft.deltaglider import Limits
from deltaloft.errors import ContentOnly
from deltaloft.store import Store

# What nothing makes again, and why.
LOST = {
    "gzip, an old file's time": "the time in its header is in no reach of the upload",
    "Node": "its deflate is that of Chromium's zlib",
    "two members": "where one member ended is not known",
}


def produced(name: str, version: int, tmp_path: Path) -> bytes:
    """Return a compressed archive."""
    folder = tmp_path / f"{version}"
    folder.mkdir()
    try:
        return PRODUCERS[name](archive(version), folder)
    except Absent as absent:
        pytest.skip(str(absent))


@pytest.mark.parametrize("name", [name for name in PRODUCERS if name not in LOST])
def test_made_again(name: str, glider: Any, older: Store, tmp_path: Path) -> None:
    """What this program compressed comes back exactly, the first file of a folder and a later."""
    first, later = (produced(name, version, tmp_path) for version in (0, 1))
    assert first != later
    glider.put("p/app-0.tar.gz", first)
    glider.put("p/app.tar.gz", later)
    assert older.read("p/app-0.tar.gz") == first
    assert older.read("p/app.tar.gz") == later
