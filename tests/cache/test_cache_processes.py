"""Processes that share a cache share downloads, and survive each other's death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from origin import KEY, MARKER, Downloads, Origin, base, drafts_in, entries_in, sha256

from deltaloft.base_cache import BaseCache
from deltaloft.encrypted_file import encrypted_size

SIZE = 3 << 20

Start = Callable[..., "Opening"]


class Opening:
    """A process of opening_process.py; it waits for `go` before it opens."""

    def __init__(self, folder: Path, origin: Origin, key: bytes, scratch: Path) -> None:
        script = Path(__file__).with_name("opening_process.py")
        content = origin.content
        self.process = subprocess.Popen(
            [
                *(sys.executable, script, folder, key.hex()),
                *(sha256(content), str(len(content)), origin.url),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(scratch), "NO_PROXY": "127.0.0.1"},
        )

    def go(self) -> None:
        """Let it open the base."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def line(self) -> str:
        """Return the next thing it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def rest(self) -> list[str]:
        """Return what it still has to say until its end."""
        out, _ = self.process.communicate(timeout=60)
        return out.split("\n")[:-1]

    def kill(self) -> None:
        """End it without giving it a chance."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Return a server with one base; it is held up in the middle of each body."""
    origin = Origin(base("a", SIZE))
    yield origin
    origin.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the cache will be."""
    return tmp_path / "cache"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Return the folder for temporary files of the processes."""
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def start(folder: Path, origin: Origin, scratch: Path) -> Iterator[Start]:
    """Start processes; those that are left at the end are ended."""
    started = []

    def opening(*, key: bytes = KEY) -> Opening:
        started.append(Opening(folder, origin, key, scratch))
        return started[-1]

    yield opening
    for each in started:
        if each.process.poll() is None:
            each.kill()
        each.process.communicate()


def test_four_processes_share_one_download(origin: Origin, start: Start) -> None:
    """Whoever comes while a base is being downloaded waits for it, and reads it from disk."""
    openings = [start() for _ in range(4)]
    for opening in openings:
        opening.go()
        assert opening.line() == "opening"
    origin.go_on.set()
    said = sorted(opening.rest()[-1] for opening in openings)
    digest = sha256(origin.content)
    assert said == [f"0 {digest}"] * 3 + [f"1 {digest}"]
    assert origin.requests == 1


def files_below(*folders: Path) -> list[Path]:
    """Return all files below folders, whatever they are."""
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_a_killed_download_blocks_nobody_and_shows_nothing(
    origin: Origin, start: Start, folder: Path, scratch: Path
) -> None:
    """Before and after SIGKILL only ciphertext is on disk; who waited downloads, and tidies up."""
    victim, heir = start(), start()
    victim.go()
    assert [victim.line(), victim.line()] == ["opening", "half"]
    heir.go()
    assert heir.line() == "opening"

    for _ in ("alive", "dead"):
        (draft,) = drafts_in(folder)
        assert SIZE // 4 < draft.stat().st_size < SIZE
        found = [path for path in files_below(folder, scratch) if MARKER in path.read_bytes()]
        assert found == []
        victim.kill()

    origin.go_on.set()
    assert heir.rest()[-1] == f"1 {sha256(origin.content)}"
    assert origin.requests == 2
    assert files_below(folder, scratch) == entries_in(folder)
    assert MARKER not in entries_in(folder)[0].read_bytes()


def test_what_a_killed_process_left_is_removed(origin: Origin, start: Start, folder: Path) -> None:
    """The draft of a dead process goes with the next base that is kept, whichever that is."""
    victim = start()
    victim.go()
    assert [victim.line(), victim.line()] == ["opening", "half"]
    cache = BaseCache(folder, key=KEY)
    Downloads(base("b")).through(cache)
    assert len(drafts_in(folder)) == 1  # it is alive
    assert [entry.sha256 for entry in cache.entries()] == [sha256(base("b"))]
    victim.kill()
    Downloads(base("c")).through(cache)
    assert files_below(folder) == entries_in(folder)
    assert len(entries_in(folder)) == 2


def test_a_stuck_process_is_not_waited_for_for_ever(
    origin: Origin, start: Start, folder: Path
) -> None:
    """When another process's download does not move, the base is fetched into memory only."""
    stuck = start()
    stuck.go()
    assert [stuck.line(), stuck.line()] == ["opening", "half"]
    downloads = Downloads(origin.content)
    assert downloads.through(BaseCache(folder, key=KEY, patience=0.05)) == origin.content
    assert (downloads.count, entries_in(folder), len(drafts_in(folder))) == (1, [], 1)
    origin.go_on.set()
    assert stuck.rest()[-1] == f"1 {downloads.sha256}"
    assert len(entries_in(folder)) == 1


def test_eight_processes_make_one_key(origin: Origin, start: Start, folder: Path) -> None:
    """Processes that need a key at the same time end up with the same one."""
    origin.go_on.set()
    openings = [start(key=b"") for _ in range(8)]
    for opening in openings:
        opening.go()
    digest = sha256(origin.content)
    assert sorted(opening.rest()[-1] for opening in openings) == [f"0 {digest}"] * 7 + [
        f"1 {digest}"
    ]
    assert sorted(path.name[:64] for path in folder.iterdir()) == sorted([digest, "key"])


def test_many_processes_keep_one_budget(folder: Path) -> None:
    """Processes that fill a cache at the same time leave it within its budget, and sound."""
    script = """
import sys
from pathlib import Path
from origin import KEY, Downloads, base
from deltaloft.base_cache import BaseCache
cache = BaseCache(Path(sys.argv[1]), key=KEY, budget=int(sys.argv[2]))
sys.stdin.readline()
for number in range(20):
    downloads = Downloads(base((number * int(sys.argv[3])) % 11))
    assert downloads.through(cache) == downloads.content
"""
    budget = 4 * encrypted_size(100_000)
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, folder, str(budget), str(step)],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        for step in (1, 2, 3, 5)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(120) for process in processes] == [0] * 4
    assert 0 < sum(entry.stat().st_size for entry in entries_in(folder)) <= budget
    assert files_below(folder) == entries_in(folder)
