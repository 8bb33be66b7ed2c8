"""ListObjects and ListObjectsV2: the files of a store, with their own sizes.

A store lists key by key, with sizes that it asks for in bulk. So that the next page goes on where
the last one ended, a client keeps a few listings open, by the token that continues them; for a
token that it does not know, and for StartAfter, it begins a listing behind that key. A page of
fewer than a hundred asks for its sizes key by key.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

from deltaloft.errors import DeltaloftError
from deltaloft.s3_client.answers import is_reworked, metadata_of_answer
from deltaloft.s3_client.hearing import Heard
from deltaloft.s3_client.stores import Stores
from deltaloft.store import Entry, Store

__all__ = ["Listings"]

_MOST = 1000
_MANY = 100  # keys of a page that are worth asking the catalog for
_OPEN = 4
_THREADS = 8
_LAST = "\U0010ffff"  # a key that has it comes behind all of sense with the same beginning
_COMMON = {"Bucket", "Delimiter", "EncodingType", "MaxKeys", "Prefix"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a listing is of, apart from where its pages begin and end."""

    bucket: str
    prefix: str
    delimiter: str
    owner: bool
    by_catalog: bool

    def folder(self, key: str) -> str:
        """Return the common prefix that stands for a key; empty if it stands for itself."""
        if not self.delimiter:
            return ""
        name, found, _ = key[len(self.prefix) :].partition(self.delimiter)
        return self.prefix + name + self.delimiter if found else ""


@dataclass(slots=True)
class _Walk:
    """A listing on its way: what it has yielded and nobody has taken yet, and what was heard."""

    entries: Generator[Entry]
    lines: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    next: Entry | None = None

    def peek(self, heard: Heard) -> Entry | None:
        if self.next is None:
            self.next = next(self.entries, None)
            self.lines |= heard.listed()
        return self.next

    def take(self) -> Mapping[str, Any]:
        assert self.next is not None
        line = self.lines.pop(self.next.key, {})
        self.next = None
        return line


@dataclass(slots=True)
class _Page:
    """What a page shows: entries with what the endpoint said of them, and common prefixes."""

    entries: list[tuple[Entry, Mapping[str, Any]]] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""  # the last key or common prefix
    truncated: bool = False

    def __len__(self) -> int:
        return len(self.entries) + len(self.prefixes)


class Listings:
    """The listings of one client. To be closed."""

    def __init__(self, stores: Stores) -> None:
        """List what is in `stores`."""
        self._stores = stores
        self._open: OrderedDict[tuple[_Asked, str], _Walk] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of listings that nobody has gone on with."""
        with self._lock:
            for walk in self._open.values():
                walk.entries.close()
            self._open.clear()

    def list_objects(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """See S3's ListObjects."""
        self._stores.check("ListObjects", params, {*_COMMON, "Marker"})
        marker = params.get("Marker", "")
        page, answer = self._answer("ListObjects", params, marker, owner=True)
        answer["Marker"] = _encoded(marker, params)
        if page.truncated and params.get("Delimiter"):
            answer["NextMarker"] = _encoded(page.last, params)
        return answer

    def list_objects_v2(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """See S3's ListObjectsV2."""
        known = {*_COMMON, "ContinuationToken", "FetchOwner", "StartAfter"}
        self._stores.check("ListObjectsV2", params, known)
        start = params.get("StartAfter", "")
        token = params.get("ContinuationToken")
        after = start if token is None else self._key_of(token)
        owner = params.get("FetchOwner", False)
        page, answer = self._answer("ListObjectsV2", params, after, owner=owner)
        answer["KeyCount"] = len(page)
        if token is not None:
            answer["ContinuationToken"] = token
        if start:
            answer["StartAfter"] = _encoded(start, params)
        if page.truncated:
            token = base64.urlsafe_b64encode(page.last.encode()).decode()
            answer["NextContinuationToken"] = token
        return answer

    def _key_of(self, token: str) -> str:
        try:
            return base64.b64decode(token, altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            words = "The continuation token provided is incorrect"
            self._stores.refuse("ListObjectsV2", "InvalidArgument", words)

    def _answer(
        self, operation: str, params: Mapping[str, Any], after: str, *, owner: bool
    ) -> tuple[_Page, dict[str, Any]]:
        """Return a page after a key, and what both answers have in common."""
        prefix, delimiter = params.get("Prefix", ""), params.get("Delimiter", "")
        most = min(params.get("MaxKeys", _MOST), _MOST)
        asked = _Asked(params["Bucket"], prefix, delimiter, owner, by_catalog=most >= _MANY)
        with self._stores.listing(operation, params["Bucket"], owner=owner) as heard:
            page = self._page(asked, after, max(most, 0), heard)
            metadata = metadata_of_answer(heard.last("ListObjectsV2"))
        answer: dict[str, Any] = {
            "ResponseMetadata": metadata,
            "IsTruncated": page.truncated,
            "Name": params["Bucket"],
            "Prefix": _encoded(prefix, params),
            "MaxKeys": most,
            "EncodingType": "url",
        }
        if delimiter:
            answer["Delimiter"] = _encoded(delimiter, params)
        if page.entries:
            answer["Contents"] = [self._line(*each, params) for each in page.entries]
        if page.prefixes:
            answer["CommonPrefixes"] = [
                {"Prefix": _encoded(each, params)} for each in page.prefixes
            ]
        return page, answer

    def _line(
        self, entry: Entry, heard: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, Any]:
        size = entry.stored_size if entry.logical_size is None else entry.logical_size
        line = {
            name: value
            for name, value in heard.items()
            if not is_reworked(entry.form) or not name.startswith("Checksum")
        }
        return line | {
            "Key": _encoded(self._stores.root + entry.key, params),
            "LastModified": entry.modified,
            "ETag": f'"{entry.etag}"',
            "Size": size,
        }

    def _page(self, asked: _Asked, after: str, most: int, heard: Heard) -> _Page:
        root, store = self._stores.root, self._stores.of(asked.bucket)
        page = _Page()
        if most == 0 or not (asked.prefix.startswith(root) or root.startswith(asked.prefix)):
            return page
        walk = self._walk(asked, after, store)
        while (entry := walk.peek(heard)) is not None:
            key = root + entry.key
            folder = asked.folder(key)
            shown = folder or key
            if shown <= after or (folder and page.last == folder):
                walk.take()
                continue
            if len(page) == most:
                page.truncated = True
                self._keep((asked, page.last), walk)
                break
            page.last = shown
            if folder:
                page.prefixes.append(folder)
                walk.take()
            else:
                page.entries.append((entry, walk.take()))
        if not asked.by_catalog:
            page.entries = self._sized(store, page.entries)
        return page

    def _walk(self, asked: _Asked, after: str, store: Store) -> _Walk:
        """Go on with a listing, or begin one."""
        with self._lock:
            walk = self._open.pop((asked, after), None)
        if walk is not None:
            return walk
        root = self._stores.root

        def shown(key: str) -> bool:
            """Say whether a key stands in the page for itself."""
            return not asked.folder(root + key) and root + key > after

        sizes: Any = shown if after or asked.delimiter else True
        prefix = asked.prefix.removeprefix(root) if asked.prefix.startswith(root) else ""
        entries = store.list(
            prefix,
            start_after=self._behind(asked, after),
            sizes=sizes if asked.by_catalog else False,
        )
        return _Walk(cast("Generator[Entry]", entries))

    def _behind(self, asked: _Asked, after: str) -> str:
        """Return the key of a store behind which a listing goes on."""
        root = self._stores.root
        if not after.startswith(root):
            # A key outside the root comes before all of it, or behind all of it.
            return "" if after < root else _LAST
        if after and after.startswith(asked.prefix) and asked.folder(after) == after:
            after += _LAST  # all of a folder that has been shown
        return after[len(root) :]

    def _keep(self, name: tuple[_Asked, str], walk: _Walk) -> None:
        with self._lock:
            self._open[name] = walk
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)[1].entries.close()

    @staticmethod
    def _sized(
        store: Store, entries: list[tuple[Entry, Mapping[str, Any]]]
    ) -> list[tuple[Entry, Mapping[str, Any]]]:
        """Ask for the sizes of a few files; one that does not tell keeps its stored one."""

        def ask(entry: Entry) -> Entry:
            try:
                stat = store.stat(entry.key)
            except DeltaloftError:
                return entry
            if stat.etag != entry.etag:
                return entry
            return Entry(entry.key, entry.stored_size, stat.size, entry.etag, entry.modified,
                         stat.form)  # fmt: skip

        with ThreadPoolExecutor(_THREADS) as pool:
            asked: Iterator[Entry] = pool.map(ask, [entry for entry, _ in entries])
            return [(entry, line) for entry, (_, line) in zip(asked, entries, strict=True)]


def _encoded(text: str, params: Mapping[str, Any]) -> str:
    """Encode what EncodingType asks for. boto3 asks, and decodes, wherever its caller does not."""
    return quote(text, safe="/~") if params.get("EncodingType") == "url" else text
