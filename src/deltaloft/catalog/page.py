"""Rows of the catalog, and a page of them.

    [<key>, <ETag>, <stored size>, <modified>]                                           foreign
    [<key>, <ETag>, <stored size>, <modified>, <sha256>]                                 plain
    [<key>, <ETag>, <stored size>, <modified>, <sha256>, <size>, <base>, <base size>]    delta

`modified` is the listing's date in microseconds since 1970, and with key, ETag and stored size it
says which object the row is about. The ETag alone would not do: it may be a digest of the body, and
deltas from two bases may have the same bytes.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deltaloft import layout
from deltaloft.bucket import Listed
from deltaloft.layout import Delta, Foreign, Form, Plain

__all__ = ["PAGE_ROWS", "Row", "parsed", "written"]

PAGE_ROWS = 50_000  # about 80 bytes each, compressed: what 50 pages of a listing are about

_VERSION = 1
_LARGEST = 128 << 20  # bytes; a page that inflates to more is not of our making
_LARGEST_SIZE = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """What one object was found to be; `modified` in microseconds since 1970."""

    key: str
    etag: str
    stored_size: int
    modified: int
    form: Form

    @classmethod
    def of(cls, listed: Listed, form: Form) -> Row:
        """Note what a listed object was found to be."""
        return cls(listed.key, listed.etag, listed.size, _microseconds(listed), form)

    def describes(self, listed: Listed) -> bool:
        """Say whether the row was made from this very object."""
        return (self.etag, self.stored_size, self.modified, self.key) == (
            listed.etag,
            listed.size,
            _microseconds(listed),
            listed.key,
        )


def written(rows: Iterable[Row]) -> bytes:
    """Return a page's bytes. No two pages are alike, so that who removes one removes its own."""
    keys = [_listed(row) for row in rows]
    content = {"version": _VERSION, "id": uuid.uuid4().hex, "keys": keys}
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 6)


def parsed(body: bytes) -> dict[str, Row]:
    """Return a page's rows by key. A page is hostile: what makes no sense is left out, silently."""
    try:
        inflate = zlib.decompressobj()
        content = json.loads(inflate.decompress(body, _LARGEST))
    except (ValueError, RecursionError, zlib.error):
        return {}
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        return {}
    keys = content.get("keys")
    rows = map(_row, keys if isinstance(keys, list) else ())
    return {row.key: row for row in rows if row is not None}


def _microseconds(listed: Listed) -> int:
    return (listed.modified - _EPOCH) // _MICROSECOND


def _listed(row: Row) -> list[str | int]:
    whole: list[str | int] = [row.key, row.etag, row.stored_size, row.modified]
    match row.form:
        case Plain(sha256):
            whole += [sha256]
        case Delta() as delta:
            whole += [delta.sha256, delta.size, delta.base, delta.base_size]
    return whole


def _row(content: object) -> Row | None:
    match content:
        case [str(key), str(etag), int(stored_size), int(modified), *rest]:
            form = _form(rest)
            if form is not None and _are_sizes(stored_size, modified):
                return Row(key, etag, stored_size, modified, form)
    return None


def _form(rest: list[object]) -> Form | None:
    match rest:
        case []:
            return Foreign()
        case [str(sha256)] if layout.check_digest(sha256):
            return Plain(sha256)
        case [str(sha256), int(size), str(base), int(base_size)] if (
            layout.check_digest(sha256)
            and layout.check_digest(base)
            and _are_sizes(size, base_size)
        ):
            return Delta(sha256, size=size, base=base, base_size=base_size)
    return None


def _are_sizes(*numbers: int) -> bool:
    return all(type(each) is int and 0 <= each <= _LARGEST_SIZE for each in numbers)
