"""The cache's folder: entries that come whole, are used, and leave when room is needed.

    key                              the key file, unless DG_CACHE_KEY is set
    SHA256.KEYID                     an entry, an encrypted file; modified when it was last used
    SHA256.KEYID.lock                held while the base is being downloaded, then removed
    SHA256.KEYID.XXXXXXXX.part       its ciphertext so far; abandoned once nobody holds the lock
    WHAT.KEYID.note                  see `notes`; removed after an hour

Nothing here is flushed to disk: an entry torn by a power cut does not prove itself, and is a miss.
Other names in the folder are not ours and stay.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deltaloft.base_cache.draft import Draft
from deltaloft.base_cache.key import key_from_file
from deltaloft.base_cache.notes import Notes, is_note
from deltaloft.base_cache.private_files import open_no_link
from deltaloft.encrypted_file import KEY_SIZE, EncryptedReader, encrypted_size, key_id
from deltaloft.errors import InvalidRequest

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["CacheFolder", "CachedBase"]

_log = logging.getLogger(__name__)

_ENTRY = re.compile(r"(?P<sha256>[0-9a-f]{64})\.(?P<key_id>[0-9a-f]{16})")
_LEFT_OVER = re.compile(rf"(?P<name>key|{_ENTRY.pattern})\.(lock|[0-9a-f]{{8}}\.part)")


@dataclass(frozen=True, slots=True)
class CachedBase:
    """An entry: `stored_bytes` is what it takes on disk, `used` when, in seconds of the epoch."""

    sha256: str
    key_id: str
    stored_bytes: int
    used: float


class CacheFolder:
    """The entries in a folder of at most `budget` bytes. Many processes and threads share it.

    Without a `key`, that of the key file is used; where there can be none, one for this process.
    """

    def __init__(self, path: Path, *, key: bytes | None, budget: int, patience: float) -> None:
        self.path = path
        self.budget = budget
        self._patience = patience
        self._key = key
        self._key_guard = threading.Lock()

    def prepare(self) -> None:
        """Make the folder unless it is there.

        Raises:
            OSError: there is none and none can be made, or it is not ours.
        """
        if not self.path.is_absolute():  # "~", which nobody could expand
            raise FileNotFoundError(f"{self.path}: this user has no home folder")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.path.stat().st_uid != os.geteuid():
            raise PermissionError(f"{self.path}: a folder of our own expected")

    def has_room_for(self, size: int) -> bool:
        """Tell whether a base of `size` bytes may be kept at all."""
        return encrypted_size(size) <= self.budget

    def has(self, sha256: str) -> bool:
        """Tell whether there is an entry, sound or not."""
        return (self.path / self._name(sha256)).exists()

    def read(self, sha256: str, target: memoryview) -> None:
        """Fill `target` with a base and note that it was used.

        Raises:
            NotAuthentic: the entry is not what was once written.
            OSError: it is not there, or cannot be read.
        """
        key = self._own_key()
        path = self.path / self._name(sha256)
        with open_no_link(path) as file:
            reader = EncryptedReader(file, key=key, sha256=sha256, size=len(target))
            reader.read_into(target)
            with suppress(OSError):  # a read-only disk
                os.utime(file.fileno())

    @contextmanager
    def turn(self, sha256: str) -> Iterator[bool]:
        """Wait until no other process downloads this base; False when that cannot be said.

        A process that dies gives its turn back. One that holds it while its draft does not grow
        is waited for no longer than `patience`, twice.
        """
        lock = self._lock(self._name(sha256))
        held = self._acquire(lock, sha256)
        try:
            yield held
        finally:
            if held:
                _remove_and_release(lock)

    def _acquire(self, lock: FileLock, sha256: str) -> bool:
        before = None
        while True:
            try:
                lock.acquire(timeout=self._patience)
                return True
            except TimeoutError:  # filelock's own is one
                now = self._progress(sha256)
                if now == before:
                    _log.warning("cache: another process is stuck in the download of %s", sha256)
                    return False
                before = now
            # Old releases of filelock say NotImplementedError where a file system has no flock.
            except (OSError, NotImplementedError) as trouble:
                _log.warning("cache: nothing is kept, for there is no lock: %s", trouble)
                return False

    def _progress(self, sha256: str) -> list[tuple[str, int]]:
        name = self._name(sha256)
        return sorted((e.name, size) for e, size, _ in self._scan() if e.name.startswith(name))

    def draft(self, sha256: str, size: int) -> Draft:
        """Begin an entry."""
        goal = self.path / self._name(sha256)
        return Draft(goal, key=self._own_key(), sha256=sha256, size=size)

    def entries(self) -> list[CachedBase]:
        """List the entries of all keys, the one not used for longest first."""
        found = []
        for entry, size, used in self._scan():
            if match := _ENTRY.fullmatch(entry.name):
                found.append(CachedBase(match["sha256"], match["key_id"], size, used))
        return sorted(found, key=lambda entry: entry.used)

    def tidy(self) -> None:
        """Remove what was used least recently until the rest fits, and what dead processes left."""
        entries = self.entries()
        excess = sum(entry.stored_bytes for entry in entries) - self.budget
        for entry in entries:
            if excess <= 0:
                break
            self._remove(entry)
            excess -= entry.stored_bytes
        self._remove_notes(is_note)
        self._remove_left_over()

    def clear(self) -> None:
        """Remove all entries; those being downloaded arrive nevertheless. The key stays."""
        for entry in self.entries():
            self._remove(entry)
        self._remove_notes(lambda name, _: is_note(name))
        self._remove_left_over()

    def notes(self) -> Notes:
        """Return the notes beside the entries."""
        return Notes(self.path, self._own_key())

    def _remove(self, entry: CachedBase) -> None:
        with suppress(OSError):  # another process was quicker, or it is no file
            (self.path / f"{entry.sha256}.{entry.key_id}").unlink()
            _log.info("cache: %s left, %d bytes", entry.sha256, entry.stored_bytes)

    def _remove_notes(self, unwanted: Callable[[str, float], bool]) -> None:
        for entry, _, changed in self._scan():
            if unwanted(entry.name, changed):
                with suppress(OSError):
                    (self.path / entry.name).unlink()

    def _remove_left_over(self) -> None:
        left_over: dict[str, list[str]] = {}
        for entry, _, _ in self._scan():
            if match := _LEFT_OVER.fullmatch(entry.name):
                left_over.setdefault(match["name"], []).append(entry.name)
        for name, files in left_over.items():
            with suppress(OSError, NotImplementedError):  # TimeoutError is one: not abandoned
                lock = self._lock(name)
                lock.acquire(blocking=False)
                for file in files:
                    if file.endswith(".part"):
                        (self.path / file).unlink(missing_ok=True)
                _remove_and_release(lock)

    def _scan(self) -> Iterator[tuple[os.DirEntry[str], int, float]]:
        """Yield what is in the folder, with size and time of change; nothing if unreadable."""
        with suppress(OSError), os.scandir(self.path) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    state = entry.stat(follow_symlinks=False)
                    yield entry, state.st_size, state.st_mtime

    def _own_key(self) -> bytes:
        with self._key_guard:
            if self._key is None:
                try:
                    self._key = key_from_file(self.path / "key")
                except (OSError, InvalidRequest) as trouble:
                    _log.warning("cache: a key for this process only: %s", trouble)
                    self._key = secrets.token_bytes(KEY_SIZE)
            return self._key

    def _name(self, sha256: str) -> str:
        return f"{sha256}.{key_id(self._own_key())}"

    def _lock(self, name: str) -> FileLock:
        from filelock import FileLock  # 8 ms that only a download pays

        return FileLock(self.path / f"{name}.lock", mode=0o600)


def _remove_and_release(lock: FileLock) -> None:
    """Release a lock without leaving its file; who waits for it, begins anew or looks again."""
    with suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
    with suppress(OSError):
        lock.release()
