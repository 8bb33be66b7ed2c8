"""What one process leaves for the next beside the entries."""

from __future__ import annotations

import os
import time
from pathlib import Path

from deltaloft.base_cache import BaseCache

KEY = bytes(range(32))


def note_in(folder: Path) -> Path:
    """Return the only note of a folder."""
    (found,) = folder.glob("*.note")
    return found


def test_a_note_is_read_by_whoever_has_the_key(tmp_path: Path) -> None:
    """The latest text comes back under its name, with the key, and under no other."""
    BaseCache(tmp_path, key=KEY).note("here", "first")
    BaseCache(tmp_path, key=KEY).note("here", "second")
    assert "second" == BaseCache(tmp_path, key=KEY).noted("here")
    assert BaseCache(tmp_path, key=KEY).noted("there") is None
    assert BaseCache(tmp_path, key=bytes(32)).noted("here") is None
    assert 0o600 == note_in(tmp_path).stat().st_mode & 0o777
    assert b"here" not in note_in(tmp_path).read_bytes()


def test_a_note_that_somebody_changed_is_none(tmp_path: Path) -> None:
    """Every bit of it, its length and its name are proven; a link or a pipe is not followed."""
    cache = BaseCache(tmp_path, key=KEY)
    cache.note("there", "other text")
    other = note_in(tmp_path).read_bytes()
    note_in(tmp_path).unlink()
    cache.note("here", "text")
    path = note_in(tmp_path)
    right = path.read_bytes()
    wrong = [bytes(b ^ (n == at) for n, b in enumerate(right)) for at in range(len(right))]
    for content in [*wrong, right[:-1], right + b"x", b"", other]:
        path.write_bytes(content)
        assert cache.noted("here") is None
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.noted("here") is None
    path.unlink()
    os.mkfifo(path)
    assert cache.noted("here") is None


def test_notes_leave(tmp_path: Path) -> None:
    """An old one with the next base that is kept, all of them with the entries."""
    cache = BaseCache(tmp_path, key=KEY)
    cache.note("old", "text")
    hour = time.time() - 3601
    os.utime(note_in(tmp_path), (hour, hour))
    cache.note("new", "text")
    cache._folder.tidy()
    assert [None, "text"] == [cache.noted("old"), cache.noted("new")]
    cache.clear()
    assert cache.noted("new") is None


def test_a_disk_that_refuses_means_no_note(tmp_path: Path) -> None:
    """It is no error: the next process asks the bucket."""
    (tmp_path / "file").write_text("no folder")
    cache = BaseCache(tmp_path / "file", key=KEY)
    cache.note("here", "text")
    assert cache.noted("here") is None
