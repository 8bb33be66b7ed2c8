"""Files that DeltaGlider stored as deltas, in the words of the store."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft import layout
from deltaloft.atomic_file import replacing
from deltaloft.bucket import Bucket, ObjectInfo
from deltaloft.bucket_requests import object_url
from deltaloft.deltaglider import DeltaGlider, Direct, StoredDelta, user_attributes
from deltaloft.errors import NotFound
from deltaloft.layout import Foreign
from deltaloft.store.get import Getting, Older
from deltaloft.store.proof import Progress, ProvingWriter
from deltaloft.store.results import GetResult, Stat, described

__all__ = ["OlderFiles", "give"]

_log = logging.getLogger(__name__)


class OlderFiles:
    """DeltaGlider's files, where ours are missing."""

    def __init__(self, bucket: Bucket, deltaglider: DeltaGlider) -> None:
        self._bucket = bucket
        self._deltaglider = deltaglider

    def found(self, key: str, missing: NotFound | Older) -> StoredDelta:
        """Return DeltaGlider's delta of a key that is missing, or is older than the delta.

        Raises:
            NotFound: there is none: `missing` itself.
        """
        if isinstance(missing, Older):
            return missing.found
        found = self._deltaglider.find(key, None)
        if not isinstance(found, StoredDelta):
            raise missing
        return found

    def check(self, key: str, here: ObjectInfo) -> None:
        """Object to a foreign object that is not the file of its key.

        Raises:
            Older: DeltaGlider's delta is.
        """
        found = self._deltaglider.find(key, here)
        if isinstance(found, StoredDelta):
            raise Older(found)

    def get(self, getting: Getting, target: str | Path | BinaryIO, *, inflated: bool) -> GetResult:
        """Get a file, from DeltaGlider where there is none of ours."""
        result = self._got(getting, target, inflated=inflated)
        sizes = result.size, result.stored_size
        proof = "proven" if result.sha256 else "not proven"
        _log.info("get %s: %s, %d bytes from %d, %s", getting.key, result.form, *sizes, proof)
        return result

    def _got(self, getting: Getting, target: str | Path | BinaryIO, *, inflated: bool) -> GetResult:
        key, progress = getting.key, getting.progress
        try:
            return getting.run(target)
        except (NotFound, Older) as missing:
            found = self.found(key, missing)
        if isinstance(target, str | Path):
            with replacing(Path(target)) as file:
                return give(found, key, file, inflated=inflated, progress=progress)
        return give(found, key, target, hold_back=True, inflated=inflated, progress=progress)

    def read(self, getting: Getting) -> bytes:
        """Read a file, from DeltaGlider where there is none of ours."""
        try:
            return getting.read()
        except (NotFound, Older) as missing:
            found = self.found(getting.key, missing)
        target = io.BytesIO()
        give(found, getting.key, target)
        return target.getvalue()

    def head(self, key: str) -> ObjectInfo | StoredDelta:
        """Return what gives the file of a key, in parts or whole."""
        try:
            info = self._bucket.head(key)
            if "dl-v" not in info.attributes.metadata:
                self.check(key, info)
            return info
        except (NotFound, Older) as missing:
            return self.found(key, missing)

    def stat(self, key: str) -> Stat:
        """See `Store.stat`."""
        try:
            info = self._bucket.head(key)
        except NotFound as missing:
            return _described(self.found(key, missing), key, None)
        form = layout.form_of(info, object_url(self._bucket.url, key))
        if isinstance(form, Foreign):
            found = self._deltaglider.find(key, info)
            if found is not None:
                return _described(found, key, info)
        name, size, sha256, base = described(form, info.size)
        attributes = layout.user_attributes(info.attributes)
        return Stat(key, name, size, info.size, sha256, base, attributes, info.etag, info.modified)


def give(
    found: StoredDelta,
    key: str,
    file: BinaryIO,
    *,
    hold_back: bool = False,
    inflated: bool = False,
    progress: Progress | None = None,
) -> GetResult:
    """Write a file of DeltaGlider's, proven, or with `inflated` its content."""
    form = found.form
    limit = None if inflated else form.size
    writer = ProvingWriter(file, limit=limit, hold_back=hold_back, progress=progress)
    is_file = found.write_to(cast("BinaryIO", writer), content=inflated)
    sha256 = form.sha256 if is_file else None
    writer.finish(sha256, found.url)
    base = form.reference_sha256
    return GetResult(key, "deltaglider", writer.size, found.info.size, sha256, base)


def _described(found: StoredDelta | Direct, key: str, here: ObjectInfo | None) -> Stat:
    """Describe a file; `here` is the object at its key, if there is one."""
    base = None
    if isinstance(found, StoredDelta):
        here, size, sha256 = found.info, found.form.size, found.form.sha256
        base = found.form.reference_sha256
    else:
        assert here is not None  # what is direct stands at its key
        size, sha256 = here.size, found.sha256
    attributes = user_attributes(here.attributes)
    return Stat(
        key, "deltaglider", size, here.size, sha256, base, attributes, here.etag, here.modified
    )
