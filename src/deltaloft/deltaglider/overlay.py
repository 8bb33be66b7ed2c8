"""A DeltaGlider bucket seen as files: which object gives which key.

    stands in the bucket          is
    K, ours                       K; nothing else is looked at
    K, foreign, and K.delta       the younger of the two, K on a tie
    K.delta alone                 K
    P/reference.bin               nobody's file, if DeltaGlider says that it is its reference

DeltaGlider itself always prefers K, and so gives an old file for a newer one. What is asked besides
K is one HEAD, and only when K is missing, or foreign and nothing says that there is no K.delta.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from deltaloft.bucket import Bucket, Listed, ObjectInfo
from deltaloft.bucket_requests import object_url
from deltaloft.deltaglider import metadata
from deltaloft.deltaglider.absences import Absences
from deltaloft.deltaglider.inflating import Kind
from deltaloft.deltaglider.listing import groups, logical_key
from deltaloft.deltaglider.metadata import DELTA_SUFFIX, Delta, Direct, Reference, folder_of
from deltaloft.deltaglider.references import References
from deltaloft.deltaglider.stored_delta import Limits, StoredDelta
from deltaloft.errors import (
    AlreadyExists,
    DamagedObject,
    InvalidRequest,
    NotFound,
    UnsupportedFormat,
)

if TYPE_CHECKING:
    from deltaloft.base_cache import BaseCache

__all__ = ["DeltaGlider", "Mode"]

# "auto" looks for DeltaGlider's objects where ours are missing; "never" takes the bucket as it is.
Mode = Literal["auto", "never"]

_VCDIFF = b"\xd6\xc3\xc4"
_LONGEST_KEY = 1024


class DeltaGlider:
    """What DeltaGlider left in a bucket. Several threads may share it."""

    def __init__(
        self,
        bucket: Bucket,
        cache: Callable[[], BaseCache],
        mode: Mode | Limits = "auto",
    ) -> None:
        """Look at `bucket`; with mode "never" nothing is found and nothing is asked.

        Raises:
            InvalidRequest: no such mode.
        """
        if mode not in ("auto", "never") and not isinstance(mode, Limits):
            raise InvalidRequest(f"deltaglider: one of auto, never expected, found {mode!r}")
        self._bucket = bucket
        self._on = mode != "never"
        self._limits = mode if isinstance(mode, Limits) else Limits()
        self._references = References(bucket, cache)
        self._made_by: dict[tuple[str, Kind], str] = {}
        self._absences = Absences(bucket.list)

    # ---- Reading ----

    def find(self, key: str, here: ObjectInfo | None) -> StoredDelta | Direct | None:
        """Return what gives the file of `key`; None if that is what stands there, or nothing.

        `here` is the foreign object at `key`, None if there is no object. `Direct` proves it.

        Raises:
            NotFound: what stands there is DeltaGlider's own, and no file.
            DamagedObject: a delta that lost its metadata.
            UnsupportedFormat: the proxy encrypted it.
        """
        if not self._on:
            return None
        form = None if here is None else metadata.form_of(here, self._url(key))
        if isinstance(form, Reference):
            raise NotFound(f"{self._url(key)}: no such file; DeltaGlider keeps its reference here")
        if isinstance(form, Delta) and key.endswith(DELTA_SUFFIX):
            name = self._url(key.removesuffix(DELTA_SUFFIX))
            raise NotFound(f"{self._url(key)}: no such file; DeltaGlider keeps {name} here")
        beside = self._beside(key, here)
        if beside is not None and (here is None or beside.modified > here.modified):
            return self._stored(beside)
        if isinstance(form, Delta):
            assert here is not None
            return self._stored(here)
        return form

    def at(self, key: str, here: ObjectInfo) -> StoredDelta | Direct | None:
        """Return what the object at `key` is by itself; a reference is one that can be proven."""
        if not self._on:
            return None
        form = metadata.form_of(here, self._url(key))
        if isinstance(form, Delta):
            return self._stored(here)
        if isinstance(form, Reference):
            return None if form.sha256 is None else Direct(form.sha256)
        return form

    def delta_at(self, key: str) -> Delta | None:
        """Ask what DeltaGlider says of its delta at `key`; None if it does not say so."""
        form = self._form_at(key)
        return form if isinstance(form, Delta) else None

    def listed(self, listing: Iterable[Listed], prefix: str) -> Iterator[tuple[str, Listed]]:
        """Yield a file's key and the object that gives it, in order of the keys' UTF-8 bytes.

        What ends in .delta is taken for DeltaGlider's where a reference of DeltaGlider's stands in
        the folder, or where the first of its kind in the folder says so: two HEADs per folder.
        """
        if not self._on:
            yield from ((each.key, each) for each in listing)
            return
        folders: dict[str, bool] = {}
        for group in groups(self._absences.watched(listing, prefix)):
            found: dict[str, Listed] = {}
            for each in group:
                if metadata.is_reference_name(each.key) and self._is_reference(each.key):
                    continue
                key = each.key
                if logical_key(key) is not None and self._is_folder(key, folders):
                    key = logical_key(key) or key
                other = found.get(key)
                if other is None or self._prevails(other, each):
                    found[key] = each
            for key in sorted(found, key=str.encode):
                if key.startswith(prefix):
                    yield key, found[key]

    # ---- Writing ----

    def check_put(self, key: str, *, no_clobber: bool) -> None:
        """Refuse a put that would destroy DeltaGlider's files, or one that is not to clobber.

        Raises:
            InvalidRequest: the key is where DeltaGlider keeps another file or a reference.
            AlreadyExists: `no_clobber`, and DeltaGlider keeps a file of this name.
        """
        self._check_owner(key)
        if self._on and no_clobber and self._beside(key, None) is not None:
            raise AlreadyExists(f"{self._url(key)}: a new key expected; DeltaGlider keeps a file")

    def delete(self, key: str) -> None:
        """Remove DeltaGlider's delta of `key`, so that what is deleted does not come back.

        Raises:
            InvalidRequest: the key is where DeltaGlider keeps another file or a reference.
        """
        self._check_owner(key)
        if not self._on or not _may_be_delta(key):
            return
        stored = key + DELTA_SUFFIX
        try:
            info = self._bucket.head(stored)
            ours = isinstance(metadata.form_of(info, self._url(stored)), Delta)
        except NotFound:
            return
        except (DamagedObject, UnsupportedFormat):
            ours = True
        if ours:
            self._bucket.delete(stored)

    # ---- What stands where ----

    def _stored(self, info: ObjectInfo) -> StoredDelta:
        form = metadata.form_of(info, self._url(info.key))
        assert isinstance(form, Delta)
        return StoredDelta(self._bucket, self._references, info, form, self._limits, self._made_by)

    def _beside(self, key: str, here: ObjectInfo | None) -> ObjectInfo | None:
        """Return DeltaGlider's delta of `key`, if there is one."""
        if not _may_be_delta(key) or (here is not None and self._absences.known(key)):
            return None
        stored = key + DELTA_SUFFIX
        try:
            info = self._bucket.head(stored)
        except NotFound:
            if here is not None:
                self._absences.missed(key)
            return None
        try:
            if isinstance(metadata.form_of(info, self._url(stored)), Delta):
                return info
        except (DamagedObject, UnsupportedFormat):
            if here is None or info.modified > here.modified:
                raise
        if here is None and "dl-v" not in info.attributes.metadata:
            self._check_kept_metadata(info)
        return None

    def _check_kept_metadata(self, info: ObjectInfo) -> None:
        """Refuse a delta without metadata: nobody knows what file it was to make."""
        if info.size < len(_VCDIFF) or metadata.form_of(info, self._url(info.key)) is not None:
            return
        with self._bucket.get(info.key, size=len(_VCDIFF)) as reading:
            head = b"".join(reading.chunks()) if reading is not None else b""
        if head == _VCDIFF and self._is_reference(folder_of(info.key) + "reference.bin"):
            raise DamagedObject(f"{self._url(info.key)}: a delta that lost its metadata")

    def _check_owner(self, key: str) -> None:
        if not self._on or not (key.endswith(DELTA_SUFFIX) or metadata.is_reference_name(key)):
            return
        try:
            form = metadata.form_of(self._bucket.head(key), self._url(key))
        except NotFound:
            return
        except (DamagedObject, UnsupportedFormat):
            return
        if isinstance(form, Reference):
            what = "the reference that its deltas here are made from"
        elif isinstance(form, Delta) and key.endswith(DELTA_SUFFIX):
            what = self._url(key.removesuffix(DELTA_SUFFIX))
        else:
            return
        raise InvalidRequest(f"{self._url(key)}: DeltaGlider keeps {what} under this key")

    def _is_reference(self, key: str) -> bool:
        return isinstance(self._form_at(key), Reference)

    def _is_folder(self, key: str, known: dict[str, bool]) -> bool:
        """Say whether the deltas beside `key`, which is one, are DeltaGlider's."""
        folder = folder_of(key)
        if folder not in known:
            known.clear()  # a listing comes back to a folder at most after what is below it
            known[folder] = self._is_reference(folder + "reference.bin") or isinstance(
                self._form_at(key), Delta
            )
        return known[folder]

    def _form_at(self, key: str) -> metadata.Form | None:
        try:
            return metadata.form_of(self._bucket.head(key), self._url(key))
        except (NotFound, DamagedObject, UnsupportedFormat):
            return None

    def _prevails(self, first: Listed, second: Listed) -> bool:
        """Say whether the delta `second` gives the file, and not `first`, of the same name."""
        try:
            ours = "dl-v" in self._bucket.head(first.key).attributes.metadata
        except NotFound:
            return True
        return not ours and second.modified > first.modified

    def _url(self, key: str) -> str:
        return object_url(self._bucket.url, key)


def _may_be_delta(key: str) -> bool:
    return len(key.encode(errors="surrogatepass")) + len(DELTA_SUFFIX) <= _LONGEST_KEY
