"""Lend the plaintext of a base: from the memory of this process, from disk, or downloaded.

    open ── memory, if a reader of this process has it
          └ disk, if there is an entry that proves itself
             └ our turn: one download per base, whatever the number of threads and processes
                └ disk again, for another process may have brought it meanwhile
                   └ fetch: into memory, through SHA-256, and encrypted to disk as it comes

Trouble with the disk costs time, never more: the base is then fetched into memory only.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from platformdirs import user_cache_path

from deltaloft.base_cache.draft import Draft
from deltaloft.base_cache.folder import CachedBase, CacheFolder
from deltaloft.base_cache.plaintext import Plaintext
from deltaloft.base_cache.settings import DEFAULT_BUDGET, settings_from
from deltaloft.buffers import Buffer
from deltaloft.encrypted_file import KEY_SIZE, NotAuthentic
from deltaloft.errors import DamagedObject, InvalidRequest

__all__ = ["BaseCache", "CacheStats", "Fetch"]

Fetch = Callable[[], AbstractContextManager[Iterator[bytes]]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What this process asked of a cache: `misses` are the opens that fetched their base."""

    hits: int = 0
    misses: int = 0
    fetched_bytes: int = 0


@dataclass(slots=True)
class _Shared:
    """A base that `users` opens want; who holds `guard` brings its plaintext, if it is missing."""

    guard: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    plaintext: Plaintext | None = None


class BaseCache:
    """The bases of a machine's user, encrypted in a folder. Many threads and processes share it.

    Args:
        folder: Where the entries are; by default the user's cache folder.
        key: 32 bytes. By default that of the folder's key file, which is made on first use; where
            that cannot be, or others may read it, a key for this process only.
        budget: How many bytes the entries may take; what was not used for longest leaves first.
        patience: How many seconds to wait for another process whose download does not move.

    Raises:
        InvalidRequest: the key has another size.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        key: bytes | None = None,
        budget: int = DEFAULT_BUDGET,
        patience: float = 30.0,
    ) -> None:
        if key is not None and len(key) != KEY_SIZE:
            raise InvalidRequest(f"a cache key of {KEY_SIZE} bytes expected, found {len(key)}")
        path = folder.absolute() if folder else _default_folder()
        self._folder = CacheFolder(path, key=key, budget=budget, patience=patience)
        self._guard = threading.Lock()  # of all below
        self._shared: dict[tuple[str, int], _Shared] = {}
        self._stats = CacheStats()

    @classmethod
    def from_environment(cls) -> Self:
        """Make a cache as DG_CACHE_DIR, DG_CACHE_KEY and DG_CACHE_SIZE say.

        Raises:
            InvalidRequest: one of them makes no sense.
        """
        settings = settings_from(os.environ)
        return cls(settings.folder, key=settings.key, budget=settings.budget)

    @property
    def folder(self) -> Path:
        """Where the entries are; it may not be there yet."""
        return self._folder.path

    @property
    def budget(self) -> int:
        """How many bytes the entries may take."""
        return self._folder.budget

    @property
    def stats(self) -> CacheStats:
        """What happened so far, in this process."""
        with self._guard:
            return self._stats

    @property
    def size(self) -> int:
        """How many bytes the entries take on disk, those of other keys included."""
        return sum(entry.stored_bytes for entry in self.entries())

    def entries(self) -> list[CachedBase]:
        """List the entries, those of other keys included, the one not used for longest first."""
        return self._folder.entries()

    def keep(self, sha256: str, size: int, pieces: Iterable[Buffer]) -> None:
        """Keep a base that is at hand elsewhere, so that nobody has to fetch it to `open` it.

        Its bytes are proven as those of a download, and not held in memory. Where these are other
        bytes, another process is stuck or the disk refuses, nothing is kept.
        """
        with suppress(OSError):
            self._folder.prepare()
            if self._folder.has(sha256) or not self._folder.has_room_for(size):
                return
            with self._folder.turn(sha256) as ours:
                if not ours or self._folder.has(sha256):
                    return
                digest = hashlib.sha256()
                with self._folder.draft(sha256, size) as draft:
                    for piece in pieces:
                        digest.update(piece)
                        draft.write(piece)
                    if digest.hexdigest() == sha256:
                        draft.keep()
            self._folder.tidy()

    def note(self, name: str, text: str) -> None:
        """Leave a note for the next process, for an hour at most; nothing if the disk refuses."""
        with suppress(OSError):
            self._folder.prepare()
            self._folder.notes().write(name, text)

    def noted(self, name: str) -> str | None:
        """Return a note that a process with the same key left."""
        with suppress(OSError):
            self._folder.prepare()
            return self._folder.notes().read(name)
        return None

    def clear(self) -> None:
        """Remove all entries and notes. Views that are lent stay valid; the key file stays."""
        self._folder.clear()

    @contextmanager
    def open(self, sha256: str, size: int, fetch: Fetch) -> Iterator[memoryview]:
        """Lend the bytes of a base, read-only and in memory, until the block ends.

        `fetch` lends the bytes in pieces, from wherever they are durable; it runs at most once,
        and only when neither this process nor the disk has the base. What it raises comes out of
        here. It must not open the same base.

        Raises:
            DamagedObject: what `fetch` brought has another SHA-256 or size; nothing of it is kept.
            InvalidRequest: that is no SHA-256, or no size.
            MemoryError: there is no memory for `size` bytes.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", sha256) or size < 0:
            raise InvalidRequest(f"base {sha256!r} of {size} bytes: a SHA-256 and a size expected")
        shared = self._join(sha256, size)
        try:
            with shared.guard:
                if shared.plaintext is None:
                    shared.plaintext = self._load(sha256, size, fetch)
                else:
                    self._count(hits=1)
            with shared.plaintext.lent() as view:
                yield view
        finally:
            self._leave(sha256, size, shared)

    def _join(self, sha256: str, size: int) -> _Shared:
        with self._guard:
            shared = self._shared.setdefault((sha256, size), _Shared())
            shared.users += 1
            return shared

    def _leave(self, sha256: str, size: int, shared: _Shared) -> None:
        with self._guard:
            shared.users -= 1
            if shared.users:
                return
            del self._shared[sha256, size]
        if shared.plaintext is not None:
            shared.plaintext.close()

    def _count(self, *, hits: int = 0, misses: int = 0, fetched_bytes: int = 0) -> None:
        with self._guard:
            old = self._stats
            self._stats = CacheStats(
                old.hits + hits, old.misses + misses, old.fetched_bytes + fetched_bytes
            )

    def _load(self, sha256: str, size: int, fetch: Fetch) -> Plaintext:
        plaintext = Plaintext(size)
        try:
            self._fill(plaintext.writable, sha256, fetch)
        except BaseException:
            plaintext.close()
            raise
        return plaintext

    def _fill(self, target: memoryview, sha256: str, fetch: Fetch) -> None:
        try:
            self._folder.prepare()
        except OSError as trouble:
            _log.warning("cache: nothing is kept: %s", trouble)
            self._download(target, sha256, fetch, None)
            return
        if self._read(target, sha256):
            return
        if not self._folder.has_room_for(len(target)):
            _log.info("cache: %s is not kept: %d bytes are over budget", sha256, len(target))
            self._download(target, sha256, fetch, None)
            return
        with self._folder.turn(sha256) as ours:
            if self._read(target, sha256, complain=True):
                return
            if not ours:
                self._download(target, sha256, fetch, None)
                return
            with self._folder.draft(sha256, len(target)) as draft:
                self._download(target, sha256, fetch, draft)
        self._folder.tidy()

    def _read(self, target: memoryview, sha256: str, *, complain: bool = False) -> bool:
        try:
            self._folder.read(sha256, target)
        except FileNotFoundError:
            return False
        except (NotAuthentic, OSError) as trouble:
            if complain:
                _log.warning("cache: the entry of %s is of no use: %s", sha256, trouble)
            return False
        self._count(hits=1)
        return True

    def _download(self, target: memoryview, sha256: str, fetch: Fetch, draft: Draft | None) -> None:
        """Fill `target` from `fetch`, prove it, and only then keep the draft."""
        self._count(misses=1)
        digest = hashlib.sha256()
        read = 0
        with fetch() as pieces:
            for piece in pieces:
                start, read = read, read + len(piece)
                digest.update(piece)
                self._count(fetched_bytes=len(piece))
                if read > len(target):
                    break  # more than enough to tell
                target[start:read] = piece
                if draft is not None:
                    draft.write(piece)
        found = digest.hexdigest()
        if (read, found) != (len(target), sha256):
            raise DamagedObject(
                f"base {sha256}: {len(target)} bytes with this sha256 expected, "
                f"{read} bytes with sha256 {found} read"
            )
        if draft is not None:
            draft.keep()


def _default_folder() -> Path:
    try:
        return user_cache_path("deltaloft") / "bases"
    except RuntimeError:  # a user without a home; older platformdirs answer with the same path
        return Path("~/.cache/deltaloft/bases")
