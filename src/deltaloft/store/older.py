"""Files that DeltaGlider stored as deltas, in the words of the store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft.atomic_file import replacing
from deltaloft.bucket import Attributes, ObjectInfo
from deltaloft.deltaglider import Direct, StoredDelta, user_attributes
from deltaloft.store.proof import Progress, ProvingWriter
from deltaloft.store.results import CopyResult, GetResult, PutResult, Stat

__all__ = ["Older", "copy_older", "get_older", "stat_older"]


class Older(Exception):
    """What stands at a key is not its file: `found` is."""

    def __init__(self, found: StoredDelta) -> None:
        super().__init__(found.info.key)
        self.found = found


def get_older(
    found: StoredDelta,
    key: str,
    target: str | Path | BinaryIO,
    *,
    inflated: bool,
    progress: Progress | None,
) -> GetResult:
    """Give a file back as `Store.get` promises."""
    if isinstance(target, str | Path):
        with replacing(Path(target)) as file:
            return _to(found, key, file, inflated, progress, hold_back=False)
    return _to(found, key, target, inflated, progress, hold_back=True)


def _to(
    found: StoredDelta,
    key: str,
    file: BinaryIO,
    inflated: bool,
    progress: Progress | None,
    *,
    hold_back: bool,
) -> GetResult:
    form, base = found.form, found.form.reference_sha256
    limit = None if inflated else form.size
    writer = ProvingWriter(file, limit=limit, hold_back=hold_back, progress=progress)
    is_file = found.write_to(cast("BinaryIO", writer), content=inflated)
    sha256 = form.sha256 if is_file else None
    writer.finish(sha256, found.url)
    return GetResult(key, "deltaglider", writer.size, found.info.size, sha256, base)


def copy_older(
    found: StoredDelta,
    source_key: str,
    target_key: str,
    attributes: Attributes | None,
    put: Callable[[BinaryIO, str, Attributes], PutResult],
) -> CopyResult:
    """Copy a file as `Store.copy` promises: proven, and put as one of ours."""
    kept = user_attributes(found.info.attributes) if attributes is None else attributes
    with tempfile.TemporaryFile() as file:
        spool = cast("BinaryIO", file)
        get_older(found, source_key, spool, inflated=False, progress=None)
        spool.seek(0)
        result = put(spool, target_key, kept)
    return CopyResult(
        source_key,
        result.key,
        result.form,
        result.size,
        result.stored_size,
        result.sha256,
        result.base,
        result.etag,
        in_place=False,
    )


def stat_older(found: StoredDelta | Direct, key: str, here: ObjectInfo | None) -> Stat:
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
