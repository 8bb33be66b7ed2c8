"""The index of bases, and the choice of one.

    .deltaloft/bases    {"version": 1, "bases": [[<sha256>, <size>, <stem>], ...]}, oldest first

The index is a cache of what lies below .deltaloft/base/: lost or damaged, it is made again from a
listing. Writers agree by compare-and-swap where the endpoint knows conditions; where it does not,
the last writer wins. An entry lost that way costs bytes, for its base will not be chosen again, and
never data, for a delta names its base itself.

A stem is a name without its version, so that releases of one thing share it:

    botocore-1.44.0-py3-none-any.whl          botocore--py3-none-any.whl
    releases/v2.1.0-rc.1/app_2.1.0-rc.1.zip   releases//app_.zip
"""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from deltaloft import layout
from deltaloft.bucket import Attributes, Bucket, Reading
from deltaloft.bucket_requests import object_url
from deltaloft.errors import (
    AccessDenied,
    NotFound,
    PreconditionFailed,
    StorageError,
    Throttled,
    Unreachable,
    UnsupportedFormat,
)

__all__ = ["Base", "BaseIndex", "choose", "stem"]

_log = logging.getLogger(__name__)

_VERSION = 1
_LONGEST = 8192  # entries, about 1 MB; the oldest make room
_INDEX_SIZE = 16 << 20  # bytes; what is longer is not of our making
_STEMS_READ = 200  # bases whose names a rebuild asks for, one request each
_ATTEMPTS = 10
_LARGEST_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Base:
    """A base as the index knows it; `size` in bytes."""

    sha256: str
    size: int
    stem: str


# ---- The choice ------------------------------------------------------------------------------

_WORD = r"(?:(?:a|b|c|r|p|v)\d+|(?:rc|alpha|beta|pre|dev|post|final|snapshot|build|git)\d*)"
_NUMBER = rf"(?:v?\d+{_WORD}*|\d{{8}}t\d+z?|(?=[a-f]*\d)[0-9a-f]{{7,64}})"
_VERSION_RUN = re.compile(
    rf"(?<![^\W_]){_NUMBER}(?:[-._+~](?:{_NUMBER}|{_WORD})(?![^\W_]))*(?![^\W_])",
    re.IGNORECASE | re.ASCII,
)


def stem(key: str) -> str:
    """Return the key without its version numbers, percent-encoded, the last 64 characters of it.

    A version is a run of numbers (`1.44.0`, `v2`, `2.0rc1`, `20240131`), words such as `rc`, `dev`
    or `SNAPSHOT` that follow one, and hashes of seven or more digits. A number behind a letter, as
    in `py3` or `x86`, belongs to the name.
    """
    return quote(_VERSION_RUN.sub("", key), safe="/+ ~")[-layout.STEM_SIZE :].strip()


def choose(bases: Sequence[Base], *, key: str, size: int) -> Base | None:
    """Choose the base that a file of `size` bytes for `key` most likely resembles.

    `bases` are in the order of the index. First comes whose size is within a factor of four, then
    who shares the stem of the whole key, then of the file name alone, then the newest.
    """
    wanted = stem(key)
    name = wanted.rpartition("/")[2]

    def rank(place: int) -> tuple[bool, bool, bool, int]:
        base = bases[place]
        alike = base.size <= 4 * size and size <= 4 * base.size
        return alike, base.stem == wanted, base.stem.rpartition("/")[2] == name, place

    return bases[max(range(len(bases)), key=rank)] if bases else None


# ---- The index -------------------------------------------------------------------------------


class BaseIndex:
    """The index of one store, as far as this process has seen it. Several threads may share it."""

    def __init__(self, bucket: Bucket, user: Attributes | None = None) -> None:
        """Remember where the index is; nothing is read yet.

        Args:
            bucket: Where the bases are.
            user: What the files are put with whose bases these are; see `layout.protection`.
        """
        self._bucket = bucket
        self._user = user or Attributes()
        self._protection = layout.protection(self._user)
        self._key = layout.index_key(self._protection)
        self._lock = threading.Lock()
        self._bases: tuple[Base, ...] = ()
        self._gone: set[str] = set()
        self._etag: str | None = None
        self._known = False

    def load(self) -> tuple[Base, ...]:
        """Read the index, oldest base first: one GET, conditional when it was read before.

        Where there is none, or a damaged one, it is made from a listing and written.

        Raises:
            UnsupportedFormat: a later deltaloft wrote it.
            StorageError: the bucket cannot be read.
        """
        with self._lock:
            if not self._read():
                self._rebuild()
            return tuple(base for base in self._bases if base.sha256 not in self._gone)

    def add(self, base: Base) -> None:
        """Append a base that is stored. Failure to write is logged: it loses an entry, not data."""
        with self._lock:
            self._gone.discard(base.sha256)
            try:
                self._merge((base,))
            except StorageError as error:
                _log.warning("base %s is not in the index: %s", base.sha256, error)

    def forget(self, sha256: str) -> None:
        """Stop offering a base that is gone or damaged; the next `add` writes that down."""
        with self._lock:
            self._gone.add(sha256)

    def _read(self) -> bool:
        """Refresh what is known; False if there is nothing, or nothing that can be used."""
        try:
            with self._bucket.get(self._key, if_none_match=self._etag) as reading:
                if reading is None:
                    return True
                self._etag = reading.info.etag
                bases = _parsed(_body(reading), object_url(self._bucket.url, self._key))
        except NotFound:
            self._etag = None
            return self._known  # an endpoint may have lost it; what we saw is better than nothing
        if bases is None:
            return False
        self._bases = bases
        self._known = True
        return True

    def _rebuild(self) -> None:
        found = tuple(self._scan())
        self._bases = found
        self._known = True
        if found:
            _log.warning("index of bases made again from a listing: %d bases", len(found))
            try:
                self._merge(found)
            except StorageError as error:
                _log.warning("the index of bases cannot be written: %s", error)

    def _scan(self) -> Iterator[Base]:
        listed = sorted(
            (item for item in self._bucket.list(layout.BASES_PREFIX)),
            key=lambda item: (item.modified, item.key),
        )[-_LONGEST:]
        for place, item in enumerate(listed):
            sha256 = layout.base_digest(item.key)
            if sha256 is None:
                continue
            known = ""
            if place >= len(listed) - _STEMS_READ:
                try:
                    attributes = self._bucket.head(item.key).attributes
                except NotFound:
                    continue
                if layout.base_protection(attributes) != self._protection:
                    continue
                known = layout.base_stem(attributes)
            elif self._protection:
                continue
            yield Base(sha256, item.size, known)

    def _merge(self, added: Sequence[Base]) -> None:
        """Write the index with `added` at its end, whatever others write meanwhile."""
        for attempt in range(_ATTEMPTS):
            fresh = {base.sha256 for base in added}
            kept = [b for b in self._bases if b.sha256 not in fresh | self._gone]
            merged = (*kept, *added)[-_LONGEST:]
            try:
                self._etag = self._write(merged, conditional=True)
            except (PreconditionFailed, Throttled):
                time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))
                self._etag = None
                self._read()
                continue
            except (AccessDenied, NotFound, Unreachable):
                raise
            except StorageError:  # some endpoints answer 501 to any condition
                self._etag = self._write(merged, conditional=False)
            self._bases = merged
            return
        raise PreconditionFailed(
            f"{self._bucket.url}/{self._key}: {_ATTEMPTS} writes met those of others"
        )

    def _write(self, bases: Sequence[Base], *, conditional: bool) -> str:
        content = {"version": _VERSION, "bases": [[b.sha256, b.size, b.stem] for b in bases]}
        return self._bucket.put(
            self._key,
            json.dumps(content, separators=(",", ":")).encode(),
            layout.protected(layout.index_attributes(), self._user),
            if_match=self._etag if conditional else None,
            no_clobber=conditional and self._etag is None,
        )


def _body(reading: Reading) -> bytes:
    """Return the index's bytes; nothing at all when it is too long to be one."""
    return b"".join(reading.chunks()) if reading.info.size <= _INDEX_SIZE else b""


def _parsed(body: bytes, url: str) -> tuple[Base, ...] | None:
    """Return the bases of an index, which is hostile until checked; None if it is damaged."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or type(content.get("version")) is not int:
        _log.warning("%s: damaged, a JSON object with a version expected", url)
        return None
    if content["version"] != _VERSION:
        raise UnsupportedFormat(f"{url}: version {_VERSION} expected, found {content['version']}")
    entries = content.get("bases")
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        _log.warning("%s: damaged, a list of bases expected", url)
        return None
    return tuple(Base(*entry) for entry in entries[-_LONGEST:])


def _is_entry(entry: object) -> bool:
    match entry:
        case [str(sha256), int(size), str(known)]:
            return (
                layout.check_digest(sha256)
                and type(size) is int
                and 0 <= size <= _LARGEST_SIZE
                and len(known) <= layout.STEM_SIZE
            )
    return False
