"""Keys that are almost keys, and many who want one at once."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path

import pytest
from origin import KEY, Downloads, base

from deltaloft.base_cache import BaseCache
from deltaloft.base_cache.key import key_from_file
from deltaloft.errors import InvalidRequest


def test_a_pipe_in_the_place_of_the_key_is_not_read(tmp_path: Path) -> None:
    """A pipe that somebody holds open, and says nothing in, neither stops nor confuses us."""
    os.mkfifo(tmp_path / "key", 0o600)
    holder = os.open(tmp_path / "key", os.O_RDWR)
    downloads = Downloads(base("a"))
    try:
        assert downloads.content == downloads.through(BaseCache(tmp_path))
    finally:
        os.close(holder)


def test_what_merely_contains_a_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stray character in the text is an error, not skipped: the key was perhaps another one."""
    text = base64.b64encode(KEY).decode()
    for spoilt in (text[:20] + "!" + text[20:], "*" + text, text[:20] + "\n" + text[20:]):
        monkeypatch.setenv("DG_CACHE_KEY", spoilt)
        with pytest.raises(InvalidRequest, match="DG_CACHE_KEY: base64 of 32 bytes expected"):
            BaseCache.from_environment()


def test_threads_that_race_make_one_key(tmp_path: Path) -> None:
    """Whoever names a key file first has made it for all; nothing is left of the others'."""
    for attempt in range(50):
        path = tmp_path / f"key{attempt}"
        start = threading.Barrier(4)
        keys: list[bytes] = []

        def make(path: Path = path, start: threading.Barrier = start) -> None:
            start.wait(60)
            keys.append(key_from_file(path))  # noqa: B023 - joined before the next attempt

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [keys[0]] * 4 == keys
    assert sorted(f"key{attempt}" for attempt in range(50)) == sorted(os.listdir(tmp_path))  # noqa: PTH208
