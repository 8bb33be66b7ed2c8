"""Listings, with the sizes of files beside those of what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deltaloft import layout
from deltaloft.bucket import Bucket
from deltaloft.store import survey
from deltaloft.store.results import CatalogResult, Entry, described
from deltaloft.store.survey import Survey

__all__ = ["entries", "refreshed"]


def entries(bucket: Bucket, prefix: str, sizes: bool | Callable[[str], bool]) -> Iterator[Entry]:
    """See `Store.list`."""
    if sizes is False:
        for item in bucket.list(prefix):
            if not layout.is_ours(item.key):
                yield Entry(item.key, item.size, None, item.etag, item.modified)
        return
    wanted = None if sizes is True else sizes
    for found in Survey(bucket, prefix, worth=survey.MANY, wanted=wanted).run():
        item = found.listed
        if found.form is None:
            yield Entry(item.key, item.size, None, item.etag, item.modified)
            continue
        name, size, sha256, base = described(found.form, item.size)
        yield Entry(item.key, item.size, size, item.etag, item.modified, name, sha256, base)


def refreshed(bucket: Bucket, prefix: str) -> CatalogResult:
    """See `Store.refresh_catalog`."""
    walk = Survey(bucket, prefix, worth=survey.ALL)
    for _ in walk.run():
        pass
    return CatalogResult(walk.keys, walk.asked, walk.written_pages)
