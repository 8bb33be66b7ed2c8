"""Uploads in parts that this machine has begun and not ended, so that the next put goes on.

    <user's state folder>/deltaloft/uploads/<SHA-256 of endpoint, bucket and key>

What S3 tells of an upload says nothing of the metadata it was begun with, nor whether somebody else
is at it. So whoever uploads writes down, in a file that is theirs alone (0600), which upload it is
and with what it was begun, and holds a lock on the file as long as it lives. A file without a lock
is what a killed process left. Where there is no such folder, or another process has the lock, the
upload goes on without a note.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

__all__ = ["Begun", "Note", "digest_of", "is_noted", "noted"]

_log = logging.getLogger(__name__)

_LONGEST = 1 << 16  # bytes; upload ids have a few hundred


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload, and with what it was begun; `size` and `part_size` in bytes.

    `arguments` is a digest of what CreateMultipartUpload was given beside `write_id`.
    """

    upload_id: str
    size: int
    part_size: int
    arguments: str
    write_id: str


class Note:
    """What is known of the unfinished upload to one key; without a descriptor, nothing is kept."""

    def __init__(self, descriptor: int | None, begun: Begun | None) -> None:
        self._descriptor = descriptor
        self.begun = begun

    def take(self, begun: Begun) -> None:
        """Write down what was begun."""
        self.begun = begun
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, json.dumps(asdict(begun)).encode(), 0)

    def clear(self) -> None:
        """Nothing is left of it."""
        self.begun = None


def digest_of(arguments: Mapping[str, Any]) -> str:
    """Return a digest of what an upload is begun with."""
    return hashlib.sha256(json.dumps(arguments, sort_keys=True, default=str).encode()).hexdigest()


def is_noted(endpoint: str, bucket: str, key: str) -> bool:
    """Say whether there may be an unfinished upload, at the price of a look at the disk."""
    with contextlib.suppress(OSError, RuntimeError):
        return _path(endpoint, bucket, key).exists()
    return False


@contextmanager
def noted(endpoint: str, bucket: str, key: str) -> Iterator[Note]:
    """Lend the note about a key; it is gone afterwards, unless something is left unfinished."""
    try:
        path = _path(endpoint, bucket, key)
        descriptor = _locked(path)
    except (OSError, RuntimeError) as trouble:  # RuntimeError: a user without a home
        _log.debug("an upload cannot be gone on with, should it be killed: %s", trouble)
        yield Note(None, None)
        return
    try:
        note = Note(descriptor, _read(descriptor))
        try:
            yield note
        finally:
            if note.begun is None:
                path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _path(endpoint: str, bucket: str, key: str) -> Path:
    name = hashlib.sha256("\n".join((endpoint, bucket, key)).encode()).hexdigest()
    return user_state_path("deltaloft") / "uploads" / name


def _locked(path: Path) -> int:
    """Open a note and lock it, or raise BlockingIOError because another process has."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink > 0:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner removed it before we had the lock


def _read(descriptor: int) -> Begun | None:
    try:
        begun = Begun(**json.loads(os.pread(descriptor, _LONGEST, 0)))
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (begun.upload_id, begun.arguments, begun.write_id)
    sizes = (begun.size, begun.part_size)
    if not all(type(text) is str for text in texts) or not all(type(n) is int for n in sizes):
        return None
    return begun
