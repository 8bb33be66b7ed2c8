"""Files that are there whole or not at all.

    .NAME.XXXXXXXX.dg-part   written, flushed, then renamed to NAME; the folder is flushed too

The temporary stands beside the goal, because a rename does not cross file systems. Should the
process be killed, the temporary stays; the next write of the same name removes those that nobody
holds, or goes on with one of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from deltaloft.interruption import taken_back

__all__ = ["flush_folder", "replacing", "write_all", "write_pieces"]

_SUFFIX = ".dg-part"


@contextmanager
def replacing(
    path: Path,
    *,
    adopt: Callable[[BinaryIO], bool] | None = None,
    keep: Callable[[BaseException], bool] | None = None,
) -> Iterator[BinaryIO]:
    """Lend a file that becomes `path` when the block ends well; on any exception it vanishes.

    A symbolic link is followed, the mode of an existing file is kept. What is no regular file (a
    pipe, /dev/null) is written to directly, for there is nothing to replace.

    Args:
        path: The goal.
        adopt: Asked about each temporary that a killed process of this user left for the same goal.
            One that it says yes to is lent, as it is, instead of a fresh one.
        keep: Asked about the exception that ends the block: may the temporary stay for `adopt`?

    Raises:
        IsADirectoryError: `path` is a folder.
        OSError: the folder is missing or read-only, the disk is full, and so on.
    """
    goal = Path(os.path.realpath(path))
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = path.stat().st_mode
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path}: a file name expected, found a folder")
    if mode is not None and not stat.S_ISREG(mode):
        with path.open("wb") as device:  # by its own name: what /dev/fd/N leads to has none
            yield device
        return
    part, descriptor = _take_abandoned(goal, adopt) or _create_part(goal)
    try:
        with (
            os.fdopen(descriptor, "w+b") as file,
            taken_back(lambda: part.unlink(missing_ok=True)),
        ):
            if mode is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.replace(goal)
    except BaseException as error:
        if keep is None or not keep(error):
            part.unlink(missing_ok=True)
        raise
    flush_folder(goal.parent)


def write_pieces(file: Path | BinaryIO, pieces: Iterable[bytes | memoryview]) -> int:
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


def _take_abandoned(
    goal: Path, adopt: Callable[[BinaryIO], bool] | None
) -> tuple[Path, int] | None:
    """Remove what killed processes left, but for a temporary to go on with."""
    taken = None
    with contextlib.suppress(OSError):  # a folder we may not list has to be tidied by others
        for entry in os.scandir(goal.parent):
            if entry.name.startswith(_part_prefix(goal)) and entry.name.endswith(_SUFFIX):
                part = Path(entry.path)
                descriptor = None if adopt is None or taken else _adopted(part, adopt)
                if descriptor is not None:
                    taken = part, descriptor
                else:
                    _remove_if_unlocked(part)
    return taken


def _adopted(part: Path, adopt: Callable[[BinaryIO], bool]) -> int | None:
    """Return a descriptor that holds the lock on a temporary to go on with."""
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, descriptor)
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = os.fstat(descriptor)
            # Others may put something of theirs where they expect us to look for ours.
            ours = status.st_uid == os.geteuid() and status.st_nlink == 1
            if ours and stat.S_ISREG(status.st_mode):
                with os.fdopen(descriptor, "r+b", closefd=False) as file:
                    if adopt(file):
                        stack.pop_all()
                        return descriptor
    return None


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
