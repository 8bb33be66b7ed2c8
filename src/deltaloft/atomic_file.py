"""Files that are there whole or not at all.

    .NAME.XXXXXXXX.dg-part   written, flushed, then renamed to NAME; the folder is flushed too

The temporary stands beside the goal, because a rename does not cross file systems. Should the
process be killed, the temporary stays; the next write of the same name removes those that nobody
holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["flush_folder", "replacing", "write_all", "write_pieces"]

_SUFFIX = ".dg-part"


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Lend a file that becomes `path` when the block ends well; on any exception it vanishes.

    A symbolic link is followed, the mode of an existing file is kept. What is no regular file (a
    pipe, /dev/null) is written to directly, for there is nothing to replace.

    Raises:
        IsADirectoryError: `path` is a folder.
        OSError: the folder is missing or read-only, the disk is full, and so on.
    """
    goal = Path(os.path.realpath(path))
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = goal.stat().st_mode
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path}: a file name expected, found a folder")
    if mode is not None and not stat.S_ISREG(mode):
        with goal.open("wb") as device:
            yield device
        return
    _remove_abandoned(goal)
    part, descriptor = _create_part(goal)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            if mode is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.replace(goal)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    flush_folder(goal.parent)


def write_pieces(file: Path | BinaryIO, pieces: Iterable[bytes]) -> int:
    """Write the pieces to a file and return how many bytes they are.

    A Path appears whole or not at all. A file object gets the bytes from its position on; it is
    neither flushed nor closed.
    """
    if isinstance(file, Path):
        with replacing(file) as part:
            return write_pieces(part, pieces)
    size = 0
    for piece in pieces:
        with memoryview(piece) as view:
            write_all(file, view)
        size += len(piece)
    return size


def write_all(file: BinaryIO, piece: memoryview) -> None:
    """Write all of `piece`: an unbuffered file may take less than it is given at once."""
    written = 0
    while written < len(piece):
        with piece[written:] as left:
            written += file.write(left)


def _part_prefix(goal: Path) -> str:
    # The name is cut, so that it stays below the usual limit of 255 bytes.
    return "." + os.fsdecode(os.fsencode(goal.name)[:200]) + "."


def _create_part(goal: Path) -> tuple[Path, int]:
    """Create a temporary that we hold a lock on, which says that it is not abandoned."""
    while True:
        part = goal.with_name(f"{_part_prefix(goal)}{secrets.token_hex(4)}{_SUFFIX}")
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink > 0:
                return part, descriptor
        os.close(descriptor)  # another writer took it for abandoned before we had the lock


def _remove_abandoned(goal: Path) -> None:
    with contextlib.suppress(OSError):  # a folder we may not list has to be tidied by others
        for entry in os.scandir(goal.parent):
            if entry.name.startswith(_part_prefix(goal)) and entry.name.endswith(_SUFFIX):
                _remove_if_unlocked(Path(entry.path))


def _remove_if_unlocked(part: Path) -> None:
    with contextlib.suppress(OSError), part.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()


def flush_folder(folder: Path) -> None:
    """Make names that were created or removed in `folder` survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
