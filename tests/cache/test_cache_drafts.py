"""Entries in the making: waited for while they grow, and never taken for entries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from origin import KEY, Downloads, base, drafts_in

from deltaloft.base_cache import BaseCache

SIZE = 8 << 20


class HeldDownload:
    """A download in a thread of its own that stops half-way until it may go on."""

    def __init__(self, folder: Path, downloads: Downloads) -> None:
        self.half = threading.Event()
        self.go_on = threading.Event()
        self._cache = BaseCache(folder, key=KEY)
        self._downloads = downloads
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self.half.wait(60)

    def __enter__(self) -> HeldDownload:
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._thread.join()

    def _run(self) -> None:
        content = self._downloads.content

        @contextmanager
        def fetch() -> Iterator[Iterator[bytes]]:
            yield pieces()

        def pieces() -> Iterator[bytes]:
            middle = len(content) // 2
            yield content[:middle]
            self.half.set()
            # A megabyte now and then, until it may go on: slow, but not stuck.
            for start in range(middle, len(content), 1 << 20):
                self.go_on.wait(0.2)
                yield content[start : start + (1 << 20)]
            self.go_on.wait(60)

        with self._cache.open(self._downloads.sha256, len(content), fetch):
            pass


def test_a_draft_is_no_entry(tmp_path: Path) -> None:
    """What is being downloaded is neither listed nor counted, and clear() leaves it alone."""
    downloads = Downloads(base("a", SIZE))
    cache = BaseCache(tmp_path, key=KEY)
    with HeldDownload(tmp_path, downloads):
        assert ([], 0) == (cache.entries(), cache.size)
        cache.clear()
        assert 1 == len(drafts_in(tmp_path))
    assert downloads.content == downloads.through(cache)
    assert 0 == downloads.count


def test_clear_removes_what_a_dead_process_left(tmp_path: Path) -> None:
    """After clear() no ciphertext is left that nobody works on."""
    downloads = Downloads(base("a"))
    cache = BaseCache(tmp_path, key=KEY)
    downloads.through(cache)
    (entry,) = cache.entries()
    name = f"{entry.sha256}.{entry.key_id}"
    (tmp_path / name).rename(tmp_path / f"{name}.0123abcd.part")
    (tmp_path / f"{name}.lock").touch()
    cache.clear()
    assert [] == list(tmp_path.iterdir())


def test_a_slow_download_is_waited_for(tmp_path: Path) -> None:
    """Patience is for downloads that do not move; one that grows is shared however slow it is."""
    downloads = Downloads(base("a", 2 * SIZE))
    with HeldDownload(tmp_path, downloads) as held:
        threading.Timer(1.5, held.go_on.set).start()
        assert downloads.content == downloads.through(BaseCache(tmp_path, key=KEY, patience=0.6))
    assert 0 == downloads.count
