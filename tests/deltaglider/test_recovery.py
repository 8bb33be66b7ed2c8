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


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_made_again(
    name: str, glider: Any, folder_bucket: Any, tmp_path: Path
) -> None:
    """A typed error says what was tried; the content is there for who asks for it."""
    store = Store(folder_bucket, deltaglider=Limits(replay_seconds=1))
    glider.put("p/app-0.tar.gz", produced(name, 0, tmp_path))
    later = produced(name, 1, tmp_path)
    glider.put("p/app.tar.gz", later)
    with pytest.raises(ContentOnly, match=rf"ways to make a gzip file of {len(later)} bytes"):
        store.read("p/app.tar.gz")
    content = io.BytesIO()
    result = store.get("p/app.tar.gz", content, inflated=True)
    assert content.getvalue() == gzip.decompress(later)
    assert (result.size, result.sha256) == (len(content.getvalue()), None)


def test_inflated_changes_nothing_else(glider: Any, older: Store) -> None:
    """What was not compressed is the file, proven, also when its inflated content is asked for."""
    glider.put("p/a.tar", archive(0))
    glider.put("p/b.tar", archive(1))
    target = io.BytesIO()
    assert older.get("p/b.tar", target, inflated=True).sha256 is not None
    assert target.getvalue() == archive(1)


def test_a_gzip_file_under_another_name(glider: Any, older: Store) -> None:
    """xdelta3 goes by the first bytes: a .zip that is a gzip file is inflated, too."""
    first, later = (gzip.compress(archive(version), 9, mtime=0) for version in (0, 1))
    glider.put("a.zip", first)
    glider.put("b.zip", later)
    assert older.read("b.zip") == later


def test_the_budget_is_kept(glider: Any, folder_bucket: Any, tmp_path: Path) -> None:
    """With no time at all nothing is tried, and that is said."""
    glider.put("a.tar.gz", produced("gzip -9", 0, tmp_path))
    glider.put("b.tar.gz", produced("gzip -9", 1, tmp_path))
    store = Store(folder_bucket, deltaglider=Limits(replay_seconds=0))
    with pytest.raises(ContentOnly, match=r"0 s of CPU time spent"):
        store.read("b.tar.gz")
