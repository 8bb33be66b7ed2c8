"""Where DeltaGlider has nothing: what a listing of late did not show need not be asked for.

    name of K         1.8, app-2024            DeltaGlider goes by suffixes, and this is none
    listing of P      a/1  a/2  b/x.delta  b/y │ …      so far: nothing in a/, something in b/
    many HEADs of F/… in vain                           a page of the listing of F/ instead

This is only for objects that stand at their key, where a delta may be younger. Who finds nothing at
a key asks for the delta, always. So what may be missed is a newer version, for a minute;
DeltaGlider itself never gives it where another object stands at its key.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from deltaloft.bucket import Listed
from deltaloft.deltaglider.listing import logical_key
from deltaloft.deltaglider.metadata import DELTA_SUFFIX, folder_of
from deltaloft.errors import StorageError

__all__ = ["SECONDS", "Absences"]

SECONDS = 60.0
# A listing's page of 1,000 keys costs as much as 12 HEADs on AWS.
_IN_VAIN = 12
_PAGE = 1000
_MOST_FOLDERS = 10_000
_KEPT = 8


@dataclass(slots=True)
class _Walk:
    """A listing as far as it went. `folders` have keys in .delta."""

    prefix: str
    begun: float = field(default_factory=time.monotonic)
    folders: set[str] = field(default_factory=set)
    last: bytes = b""
    whole: bool = False

    def shows_none(self, key: str) -> bool:
        """Say whether it has gone past the delta of `key`, in a folder without any."""
        stored = key + DELTA_SUFFIX
        return (
            stored.startswith(self.prefix)
            and (self.whole or stored.encode() <= self.last)
            and folder_of(key) not in self.folders
            and time.monotonic() - self.begun < SECONDS
        )


class Absences:
    """What is known to be missing in one bucket. Several threads may share it.

    Args:
        listing: Lists the bucket below a prefix.
    """

    def __init__(self, listing: Callable[[str], Iterable[Listed]]) -> None:
        self._listing = listing
        self._walks: deque[_Walk] = deque(maxlen=_KEPT)
        self._asked: Counter[str] = Counter()  # by folder, HEADs in vain
        self._lock = threading.Lock()

    def watched(self, listing: Iterable[Listed], prefix: str) -> Iterator[Listed]:
        """Pass a listing on and remember what it does not show."""
        walk = _Walk(prefix)
        with self._lock:
            self._walks.append(walk)
        for listed in listing:
            self._note(walk, listed)
            yield listed
        walk.whole = True

    def known(self, key: str) -> bool:
        """Say whether there is no delta of `key`, without asking for it."""
        if logical_key(key + DELTA_SUFFIX) is None:
            return True
        with self._lock:
            if self._asked[folder_of(key)] >= _IN_VAIN:
                self._look(folder_of(key))
            return any(walk.shows_none(key) for walk in self._walks)

    def missed(self, key: str) -> None:
        """Count a HEAD that found no delta of `key`."""
        with self._lock:
            if len(self._asked) > _MOST_FOLDERS:
                self._asked.clear()
            self._asked[folder_of(key)] += 1

    def _look(self, folder: str) -> None:
        """List one page of a folder, and count from nothing again."""
        del self._asked[folder]
        walk = _Walk(folder)
        try:
            page = list(islice(self._listing(folder), _PAGE))
        except StorageError:  # who may not list goes on asking
            return
        for listed in page:
            self._note(walk, listed)
        walk.whole = len(page) < _PAGE
        self._walks.append(walk)

    def _note(self, walk: _Walk, listed: Listed) -> None:
        if listed.key.endswith(DELTA_SUFFIX):
            walk.folders.add(folder_of(listed.key))
            if len(walk.folders) > _MOST_FOLDERS:
                walk.begun -= SECONDS  # too much to remember: nothing follows from it any more
                walk.folders.clear()
        walk.last = listed.key.encode()
