"""Whatever happens to the disk costs a download, never an error and never wrong bytes."""

from __future__ import annotations

import base64
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from origin import KEY, Downloads, base, drafts_in, entries_in

from deltaloft.base_cache import BaseCache
from deltaloft.encrypted_file import EncryptedWriter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the cache will be."""
    return tmp_path / "cache"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system in memory, or mount it anew with other options."""
    place = tmp_path / "mounted"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")

    def mount(options: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", place], check=False, capture_output=True
        )
        if done.returncode:
            pytest.skip(f"this machine does not let us mount: {done.stderr.decode()}")
        return place

    yield mount
    subprocess.run(["umount", "-l", place], check=False, capture_output=True)


def warnings_in(caplog: pytest.LogCaptureFixture) -> int:
    """Count the lines that an operator would see."""
    return sum(record.levelno >= logging.WARNING for record in caplog.records)


def flip(entry: Path) -> None:
    """Change a bit in the middle."""
    data = bytearray(entry.read_bytes())
    data[len(data) // 2] ^= 1
    entry.write_bytes(data)


def cut(entry: Path) -> None:
    """Lose the end."""
    os.truncate(entry, entry.stat().st_size - 1)


def empty(entry: Path) -> None:
    """Lose everything, as after a power cut."""
    os.truncate(entry, 0)


def exchange(entry: Path) -> None:
    """Put the entry of another base of the same size in its place."""
    other = Downloads(base("other"))
    other.through(BaseCache(entry.parent, key=KEY))
    (theirs,) = entry.parent.glob(f"{other.sha256}.*")
    theirs.replace(entry)


def mix_with_older(entry: Path) -> None:
    """Put the second half of an earlier entry of the same base behind the first half."""
    older = entry.read_bytes()
    entry.unlink()
    Downloads(base("a")).through(BaseCache(entry.parent, key=KEY))
    newer = entry.read_bytes()
    assert newer != older
    entry.write_bytes(newer[: len(newer) // 2] + older[len(newer) // 2 :])


def other_key(entry: Path) -> None:
    """Encrypt the right bytes with a key that is not the one in the name."""
    downloads = Downloads(base("a"))
    with entry.open("wb") as file:
        writer = EncryptedWriter(file, key=bytes(32), sha256=downloads.sha256, size=100_000)
        writer.write(downloads.content)
        writer.finish()


def link(entry: Path) -> None:
    """Point somewhere else."""
    entry.unlink()
    entry.symlink_to("/dev/zero")


def pipe(entry: Path) -> None:
    """Make whoever opens it wait for ever."""
    entry.unlink()
    os.mkfifo(entry)


@pytest.mark.parametrize(
    "damage", [flip, cut, empty, exchange, mix_with_older, other_key, link, pipe]
)
def test_a_damaged_entry_is_fetched_again(
    folder: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    """An entry that does not prove itself is a miss, and the next one is sound again."""
    downloads = Downloads(base("a"))
    downloads.through(BaseCache(folder, key=KEY))
    (entry,) = entries_in(folder)
    damage(entry)
    assert downloads.through(BaseCache(folder, key=KEY)) == downloads.content
    assert (downloads.count, warnings_in(caplog)) == (2, 1)
    assert downloads.through(BaseCache(folder, key=KEY)) == downloads.content
    assert (downloads.count, warnings_in(caplog)) == (2, 1)
    assert drafts_in(folder) == []


def test_an_entry_rolled_back_is_still_the_base(folder: Path) -> None:
    """An earlier entry of the same name holds the same bytes: the name is their digest."""
    downloads = Downloads(base("a"))
    downloads.through(BaseCache(folder, key=KEY))
    (entry,) = entries_in(folder)
    older = entry.read_bytes()
    entry.unlink()
    downloads.through(BaseCache(folder, key=KEY))
    entry.write_bytes(older)
    assert downloads.through(BaseCache(folder, key=KEY)) == downloads.content
    assert downloads.count == 2


def test_a_wrong_size_finds_no_entry_and_spoils_none(folder: Path) -> None:
    """Whoever asks with a size that is not the base's gets the error of its download."""
    downloads = Downloads(base("a"))
    cache = BaseCache(folder, key=KEY)
    downloads.through(cache)
    with (
        pytest.raises(Exception, match="99999 bytes"),
        cache.open(downloads.sha256, 99_999, downloads.fetch),
    ):
        pass
    downloads.through(BaseCache(folder, key=KEY))
    assert downloads.count == 2


def test_a_folder_in_the_place_of_an_entry(folder: Path) -> None:
    """What cannot be replaced is passed by."""
    downloads = Downloads(base("a"))
    downloads.through(BaseCache(folder, key=KEY))
    (entry,) = entries_in(folder)
    entry.unlink()
    (entry / "inside").mkdir(parents=True)
    for count in (2, 3):
        assert downloads.through(BaseCache(folder, key=KEY)) == downloads.content
        assert downloads.count == count
    assert drafts_in(folder) == []


def test_a_full_disk_is_only_slower(
    mounted: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A base that does not fit is lent all the same, and takes no room; a smaller one is kept."""
    folder = mounted("size=256k")
    cache = BaseCache(folder, key=KEY)
    large, small = Downloads(base("large", 1 << 20)), Downloads(base("small", 50_000))
    assert large.through(cache) == large.content
    assert (warnings_in(caplog), list(folder.iterdir())) == (1, [])
    assert [small.through(cache) for _ in range(2)] == [small.content] * 2
    assert small.count == 1


def test_a_disk_without_room_for_a_file_is_only_slower(mounted: Callable[[str], Path]) -> None:
    """Not even a lock or a key can be made."""
    folder = mounted("size=64k,nr_inodes=1")
    downloads = Downloads(base("a"))
    cache = BaseCache(folder)
    assert [downloads.through(cache) for _ in range(2)] == [downloads.content] * 2
    assert downloads.count == 2


def test_a_read_only_disk_is_only_slower(mounted: Callable[[str], Path]) -> None:
    """What is there is lent, what is not is fetched."""
    folder = mounted("size=1m")
    old, new = Downloads(base("old")), Downloads(base("new"))
    old.through(BaseCache(folder))
    mounted("size=1m,remount,ro")
    cache = BaseCache(folder)
    for _ in range(2):
        assert old.through(cache) == old.content
        assert new.through(cache) == new.content
    assert (old.count, new.count) == (1, 2)


def test_a_read_only_disk_without_a_key_is_only_slower(mounted: Callable[[str], Path]) -> None:
    """A key for this process is enough to lend."""
    folder = mounted("size=1m,ro")
    downloads = Downloads(base("a"))
    assert downloads.through(BaseCache(folder)) == downloads.content


def test_a_file_in_the_place_of_the_folder_is_only_slower(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a folder nothing is kept, and the log says so once per base."""
    folder.write_text("not a folder")
    downloads = Downloads(base("a"))
    assert downloads.through(BaseCache(folder)) == downloads.content
    assert warnings_in(caplog) == 1
    assert folder.read_text() == "not a folder"


def test_a_folder_of_somebody_else_is_not_used(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither root nor anybody fills the cache of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    folder.mkdir()
    os.chown(folder, 4242, 4242)
    downloads = Downloads(base("a"))
    assert downloads.through(BaseCache(folder)) == downloads.content
    assert (warnings_in(caplog), list(folder.iterdir())) == (1, [])


def test_a_user_without_a_home_is_only_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no folder can be named, nothing is kept, and no folder called "~" appears."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)  # nobody's, as in some containers
    monkeypatch.chdir(tmp_path)
    downloads = Downloads(base("a"))
    assert downloads.through(BaseCache()) == downloads.content
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_had_is_only_slower(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a lock the base is lent and not kept."""
    downloads = Downloads(base("a"))
    cache = BaseCache(folder, key=KEY)
    downloads.through(cache)
    (entry,) = entries_in(folder)
    entry.unlink()
    (folder / f"{entry.name}.lock").mkdir()
    assert downloads.through(cache) == downloads.content
    assert (warnings_in(caplog), entries_in(folder)) == (1, [])


def test_the_key_file_is_ours_alone(folder: Path) -> None:
    """The key file is made for its owner only, and holds what DG_CACHE_KEY would."""
    downloads = Downloads(base("a"))
    downloads.through(BaseCache(folder))
    path = folder / "key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(path.read_text(), validate=False)) == 32
    downloads.through(BaseCache(folder, key=base64.b64decode(path.read_text())))
    assert downloads.count == 1


def interrupt_the_next_flush(
    monkeypatch: pytest.MonkeyPatch, interruption: Callable[[], object]
) -> None:
    """Let something happen when a key file is written, but has no name yet."""
    flush = os.fsync

    def interrupted(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", flush)
        interruption()
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", interrupted)


def test_a_key_made_meanwhile_wins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who comes second uses the key of the first, at the last moment too."""
    downloads = Downloads(base("a"))
    first: list[str] = []

    def make_a_key() -> None:
        downloads.through(BaseCache(folder, budget=0))
        first.append((folder / "key").read_text())

    interrupt_the_next_flush(monkeypatch, make_a_key)
    downloads.through(BaseCache(folder))
    assert [(folder / "key").read_text()] == first
    downloads.through(BaseCache(folder))
    assert (downloads.count, warnings_in(caplog)) == (2, 0)
    assert sorted(folder.iterdir()) == [*entries_in(folder), folder / "key"]


def test_a_key_tidied_away_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody who takes the nameless key for abandoned does no harm."""
    downloads = Downloads(base("a"))
    other = BaseCache(folder, key=KEY)
    interrupt_the_next_flush(monkeypatch, lambda: Downloads(base("b")).through(other))
    downloads.through(BaseCache(folder))
    downloads.through(BaseCache(folder))
    assert (downloads.count, warnings_in(caplog)) == (1, 0)


def readable(key: Path) -> None:
    """Let the group read it."""
    key.chmod(0o640)


def linked(key: Path) -> None:
    """Put a link in its place."""
    key.rename(key.with_name("elsewhere"))
    key.symlink_to("elsewhere")


def foreign(key: Path) -> None:
    """Give it away."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(key, 4242, 4242)


def torn(key: Path) -> None:
    """Lose a part."""
    os.truncate(key, 20)


def binary(key: Path) -> None:
    """Overwrite it with something else."""
    key.write_bytes(bytes(range(256)) * 4)


@pytest.mark.parametrize("spoil", [readable, linked, foreign, torn, binary])
def test_a_key_file_that_is_not_ours_alone_is_not_used(
    folder: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], None]
) -> None:
    """A key others may know, or no key, is replaced by one for this process; the log says why."""
    downloads = Downloads(base("a"))
    downloads.through(BaseCache(folder))
    secret = (folder / "key").read_text().strip()
    spoil(folder / "key")
    spoiled = os.lstat(folder / "key")
    cache = BaseCache(folder)
    assert [downloads.through(cache) for _ in range(2)] == [downloads.content] * 2
    assert (downloads.count, warnings_in(caplog)) == (2, 1)
    assert os.lstat(folder / "key") == spoiled
    assert secret not in caplog.text


def test_a_damaged_cache_can_just_be_deleted(folder: Path) -> None:
    """A folder that vanishes under a running process is made again."""
    downloads = Downloads(base("a"))
    cache = BaseCache(folder, key=KEY)
    for count in (1, 2):
        assert downloads.through(cache) == downloads.content
        assert downloads.through(cache) == downloads.content
        assert downloads.count == count
        shutil.rmtree(folder)
