"""What is remembered of files saves reading them, and is never believed of another one."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from pathlib import Path

import pytest

from deltaloft.known_files import KnownFiles

FALSE = "f" * 64  # who gives this back has not read the file
REAL_TIME_NS = time.time_ns


def sha256(content: bytes) -> str:
    """Return a digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the digests are."""
    return tmp_path / "cache" / "deltaloft" / "files.sqlite"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of eleven bytes."""
    path = tmp_path / "a private name"
    path.write_bytes(b"some content"[:11])
    return path


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three seconds pass after a file was written."""
    monkeypatch.setattr(time, "time_ns", lambda: REAL_TIME_NS() + 3_000_000_000)


def note_falsely(database: Path, file: Path) -> None:
    """Remember a digest that the file does not have."""
    with KnownFiles(database) as known:
        known.note(file, file.stat(), FALSE, begun=time.time_ns())


@pytest.mark.usefixtures("later")
def test_a_file_is_read_once(database: Path, file: Path) -> None:
    """What was noted is given back, in this process and in the next, unless told otherwise."""
    note_falsely(database, file)
    with KnownFiles(database) as known:
        assert FALSE == known.sha256(file)
        known.note(file, file.stat(), sha256(b"other"), begun=time.time_ns())
        assert sha256(b"other") == known.sha256(file)
    with KnownFiles(database) as known:
        assert sha256(b"other") == known.sha256(file)
    with KnownFiles(database, reread=True) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)
    with KnownFiles(database) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)


def rewritten(file: Path) -> None:
    """Write other bytes of the same size, and put the old times back."""
    before = file.stat()
    file.write_bytes(b"X" * before.st_size)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(file: Path) -> None:
    """Put another file of the same size and mtime in its place."""
    before = file.stat()
    other = file.with_name("other")
    other.write_bytes(b"Y" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)


def touched(file: Path) -> None:
    """Give it another mtime."""
    os.utime(file, (1_000_000_000, 1_000_000_000))


def longer(file: Path) -> None:
    """Write a byte more."""
    file.write_bytes(file.read_bytes() + b"!")


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("change", [rewritten, replaced, touched, longer])
def test_a_file_that_changed_is_read(database: Path, file: Path, change: object) -> None:
    """Size and mtime may be as they were: ctime and inode tell."""
    note_falsely(database, file)
    change(file)  # type: ignore[operator]
    with KnownFiles(database) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)


def test_a_young_file_is_not_remembered(database: Path, file: Path) -> None:
    """Another write within the same second might not show in its times."""
    note_falsely(database, file)
    with KnownFiles(database) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)
    note_falsely(database, file)
    with KnownFiles(database) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("column", ["path", "size", "mtime", "ctime", "inode", "device"])
def test_all_that_is_known_has_to_agree(database: Path, file: Path, column: str) -> None:
    """One number that is another is another file."""
    note_falsely(database, file)
    now = file.stat()
    with sqlite3.connect(database) as connection:
        row = connection.execute("SELECT size, mtime, ctime, inode, device FROM files").fetchone()
        assert (now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino, now.st_dev) == row
        connection.execute(f"UPDATE files SET {column} = {column} + 1")
    with KnownFiles(database) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)


@pytest.mark.usefixtures("later")
def test_a_file_that_changes_meanwhile_is_read(database: Path, file: Path) -> None:
    """What was read before is not taken for what is there after."""
    before = file.stat()
    rewritten(file)
    with KnownFiles(database) as known:
        known.note(file, before, FALSE, begun=time.time_ns())
        assert sha256(file.read_bytes()) == known.sha256(file)


@pytest.mark.usefixtures("later")
def test_names_are_not_written(database: Path, file: Path) -> None:
    """Who gets hold of the file learns no names; nobody else may read it in the first place."""
    note_falsely(database, file)
    assert FALSE.encode() in database.read_bytes()
    assert b"private name" not in database.read_bytes()
    assert (0o600, 0o700) == (
        database.stat().st_mode & 0o777,
        database.parent.stat().st_mode & 0o777,
    )


@pytest.mark.usefixtures("later")
def test_others_are_not_believed(database: Path, file: Path) -> None:
    """A database that others can write to is left alone, and so is a link to one."""
    note_falsely(database, file)
    database.chmod(0o666)
    with KnownFiles(database) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)
    database.chmod(0o600)
    moved = database.rename(database.with_name("moved"))
    database.symlink_to(moved)
    with KnownFiles(database) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)
    with KnownFiles(moved) as known:
        assert FALSE == known.sha256(file)


@pytest.mark.usefixtures("later")
def test_trouble_costs_reading(database: Path, file: Path, tmp_path: Path) -> None:
    """Damaged it is begun anew; where there can be none, all is read."""
    database.parent.mkdir(parents=True)
    database.write_bytes(b"no database at all, " * 99)
    with KnownFiles(database) as known:
        assert sha256(file.read_bytes()) == known.sha256(file)
    note_falsely(database, file)
    with KnownFiles(database) as known:
        assert FALSE == known.sha256(file)
    with KnownFiles(file / "below a file") as known:
        assert sha256(file.read_bytes()) == known.sha256(file)
    with sqlite3.connect(database) as other:
        other.execute("BEGIN EXCLUSIVE")
        with KnownFiles(database) as known:
            assert sha256(file.read_bytes()) == known.sha256(file)
    with pytest.raises(FileNotFoundError), KnownFiles(database) as known:
        known.sha256(tmp_path / "missing")


@pytest.mark.usefixtures("later")
def test_what_nobody_asks_for_is_forgotten(
    database: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three months without a question; what is asked for stays."""
    asked = tmp_path / "asked for"
    asked.write_bytes(b"x")
    for each in (file, asked):
        note_falsely(database, each)
    now = time.time
    for days in (40, 80, 120):
        with monkeypatch.context() as patched:
            patched.setattr(time, "time", lambda days=days: now() + days * 86_400)
            with KnownFiles(database) as known:
                assert FALSE == known.sha256(asked)
    with KnownFiles(database) as known:
        assert FALSE == known.sha256(asked)
        assert sha256(file.read_bytes()) == known.sha256(file)
