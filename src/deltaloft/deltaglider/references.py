"""The sources of DeltaGlider's deltas: its references, through the same cache as our own bases.

A reference is named by its digest there, so the wrong bytes are never used, whoever overwrote the
key meanwhile, and each is downloaded once per machine.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from deltaloft.bucket import Bucket, ObjectInfo
from deltaloft.bucket_requests import object_url
from deltaloft.buffers import mapped
from deltaloft.deltaglider import metadata
from deltaloft.deltaglider.metadata import Delta, Direct, Reference
from deltaloft.errors import DamagedObject, DeltaloftError, NotFound, WrongSource

if TYPE_CHECKING:
    from deltaloft.base_cache import BaseCache

__all__ = ["OpenedReference", "References"]


@dataclass(frozen=True, slots=True)
class OpenedReference:
    """The bytes of a reference, proven, and what its file was called and when it came."""

    view: memoryview
    sha256: str
    source_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Place:
    key: str
    size: int
    source_name: str
    created_at: datetime


class References:
    """Where the references of one bucket can be read. Several threads may share it."""

    def __init__(self, bucket: Bucket, cache: Callable[[], BaseCache]) -> None:
        """Ask `cache` for one when it is needed."""
        self._bucket = bucket
        self._cache = cache
        self._places: dict[tuple[str, tuple[str, ...]], _Place] = {}
        self._lock = threading.Lock()

    @contextmanager
    def opened(self, form: Delta, url: str) -> Iterator[OpenedReference]:
        """Lend the reference of the delta at `url`.

        Raises:
            WrongSource: what stands there now is not what the delta was made from.
            DamagedObject: nothing stands there, or nobody knows what should.
        """
        sha256, place = self._found(form, url)
        path = self._bucket.local_path(place.key)
        if path is not None:
            with mapped(path) as view:
                self._check(sha256, hashlib.sha256(view).hexdigest(), place.key, url)
                yield OpenedReference(view, sha256, place.source_name, place.created_at)
            return
        with self._downloaded(sha256, place, url) as view:
            yield OpenedReference(view, sha256, place.source_name, place.created_at)

    @contextmanager
    def _downloaded(self, sha256: str, place: _Place, url: str) -> Iterator[memoryview]:
        used = False

        @contextmanager
        def fetch() -> Iterator[Iterator[bytes]]:
            with self._bucket.get(place.key) as reading:
                assert reading is not None  # no condition was asked
                yield reading.chunks()

        try:
            with self._cache().open(sha256, place.size, fetch) as view:
                used = True
                yield view
        except (DamagedObject, NotFound) as error:
            if used:
                raise
            with self._lock:
                self._places.clear()
            raise WrongSource(
                f"{url}: reference {self._url(place.key)}: sha256 {sha256} expected ({error})"
            ) from error

    def _found(self, form: Delta, url: str) -> tuple[str, _Place]:
        """Return digest and place of a delta's reference, by one HEAD for each place to look."""
        wanted = form.reference_sha256
        with self._lock:
            known = self._places.get((wanted or "", form.references))
        if known is not None and wanted is not None:
            return wanted, known
        others: list[str] = []
        for key in form.references:
            try:
                info = self._bucket.head(key)
            except NotFound:
                continue
            declared, place = self._declared(info)
            if declared is not None and wanted in (None, declared):
                return self._remembered(form, declared, place)
            if declared is None and wanted is not None:
                return self._remembered(form, wanted, place)
            others.append(f"{self._url(key)}: sha256 {wanted} expected, {declared} found")
        if others:
            raise WrongSource(f"{url}: reference {others[0]}")
        raise DamagedObject(f"{url}: its reference is missing: {self._url(form.references[0])}")

    def _remembered(self, form: Delta, sha256: str, place: _Place) -> tuple[str, _Place]:
        with self._lock:
            self._places[sha256, form.references] = place
        return sha256, place

    def _declared(self, info: ObjectInfo) -> tuple[str | None, _Place]:
        place = _Place(info.key, info.size, "", info.modified)
        try:
            form = metadata.form_of(info, self._url(info.key))
        except DeltaloftError:
            return None, place
        if isinstance(form, Reference):
            created_at = form.created_at or info.modified
            return form.sha256, replace(place, source_name=form.source_name, created_at=created_at)
        return (form.sha256 if isinstance(form, Direct) else None), place

    def _check(self, sha256: str, found: str, key: str, url: str) -> None:
        if found != sha256:
            where = self._url(key)
            raise WrongSource(f"{url}: reference {where}: sha256 {sha256} expected, {found} found")

    def _url(self, key: str) -> str:
        return object_url(self._bucket.url, key)
