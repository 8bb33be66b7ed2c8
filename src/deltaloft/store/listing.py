"""Listings, with the sizes of files beside those of what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from deltaloft import layout
from deltaloft.bucket import Bucket, Listed
from deltaloft.deltaglider import DeltaGlider
from deltaloft.layout import Form
from deltaloft.store import survey
from deltaloft.store.results import CatalogResult, Entry, FormName, StoredBase, described
from deltaloft.store.survey import Survey

__all__ = ["bases", "entries", "refreshed"]

_THREADS = 16
_BATCH = 256


def entries(
    bucket: Bucket,
    deltaglider: DeltaGlider,
    prefix: str,
    start_after: str,
    sizes: bool | Callable[[str], bool],
) -> Iterator[Entry]:
    """See `Store.list`."""
    # DeltaGlider's name of a file is shorter than its object's, so it may be one that comes before.
    after = start_after.encode(errors="surrogatepass")
    if sizes is False:
        listed = bucket.list(prefix, start_after=start_after)
        for key, item in deltaglider.listed(listed, prefix):
            if not layout.is_ours(key) and key.encode() > after:
                yield Entry(key, item.size, None, item.etag, item.modified)
        return
    wanted = None if sizes is True else sizes
    forms: dict[str, Form | None] = {}

    def listing() -> Iterator[Listed]:
        walk = Survey(bucket, prefix, start_after=start_after, worth=survey.MANY, wanted=wanted)
        for found in walk.run():
            forms[found.listed.key] = found.form
            yield found.listed

    def entry(named: tuple[str, Listed]) -> Entry:
        key, item = named
        form = forms.pop(item.key)
        told: tuple[FormName | None, int | None, str | None, str | None] = (None,) * 4
        if key == item.key and form is not None:
            told = described(form, item.size)
        elif key != item.key and (wanted is None or wanted(key)):
            older = deltaglider.delta_at(item.key)  # the catalog knows nothing of it
            if older is not None:
                told = "deltaglider", older.size, older.sha256, older.reference_sha256
        name, size, sha256, base = told
        return Entry(key, item.size, size, item.etag, item.modified, name, sha256, base)

    with ThreadPoolExecutor(_THREADS) as pool:
        found = deltaglider.listed(listing(), prefix)
        named = (each for each in found if each[0].encode() > after)
        while batch := list(islice(named, _BATCH)):
            yield from pool.map(entry, batch)


def bases(bucket: Bucket) -> Iterator[StoredBase]:
    """See `Store.bases`."""
    for item in bucket.list(layout.BASES_PREFIX):
        sha256 = layout.base_digest(item.key)
        if sha256 is not None:
            yield StoredBase(sha256, item.size, item.modified)


def refreshed(bucket: Bucket, prefix: str) -> CatalogResult:
    """See `Store.refresh_catalog`."""
    walk = Survey(bucket, prefix, worth=survey.ALL)
    for _ in walk.run():
        pass
    return CatalogResult(walk.keys, walk.asked, walk.written_pages)
