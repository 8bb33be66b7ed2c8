"""Files that are ours alone: created so, and opened without following anybody's link."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path

__all__ = ["create_private", "open_no_link"]


def create_private(path: Path) -> FileIO:
    """Create a file that its owner alone may read, and open it for writing.

    Raises:
        OSError: the name is taken, the folder is read-only, and so on.
    """
    return FileIO(path, "x", opener=_create)


def open_no_link(path: Path) -> FileIO:
    """Open a file for reading, unless it is a symbolic link; never wait for a pipe's other end.

    Raises:
        OSError: it is not there, a link, a folder, and so on.
    """
    return FileIO(path, "r", opener=_open)


def _create(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
