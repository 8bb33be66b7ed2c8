"""Listings that lie, for ListObjectsV2: what a client must not take for complete."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from deltaloft.testing.exchange import Answer, Forward, Request

__all__ = ["Lie", "ShortPages", "StaleListing"]

Lie = Literal["no token", "token loop", "duplicate page", "truncated forever"]

_ENTRY = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)
_PAGING = re.compile(
    rb"<(IsTruncated|NextContinuationToken|ContinuationToken|KeyCount)>[^<]*</\1>"
    rb"|<(NextContinuationToken|ContinuationToken)/>"
)
_TOKEN = "page-"


class ShortPages:
    """A listing comes in pages of `size` keys, with tokens `page-2`, `page-3`, ...

    The first page asks the server, for at most 1,000 keys; the others come out of that answer.
    So one page can be given a fault of its own: `query={"continuation-token": "page-3"}`.

    `lie` is what is wrong with it:
        "no token"            the first page says that there is more, but not how to get it
        "token loop"          the second page leads to itself
        "duplicate page"      the second page has the keys of the first
        "truncated forever"   every page, the last one too, leads to another
    """

    def __init__(self, size: int, lie: Lie | None = None) -> None:
        if lie is not None and lie not in get_args(Lie):
            raise ValueError(f"lie: one of {', '.join(get_args(Lie))} expected, found {lie!r}")
        self._size = size
        self._lie = lie
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Answer, bytes]] = {}  # prefix -> answer and its body

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        prefix = request.query.get("prefix", "")
        token = request.query.get("continuation-token", f"{_TOKEN}1")
        page = int(token.removeprefix(_TOKEN))
        with self._lock:
            if page == 1:
                answer = forward(request)
                self._known[prefix] = answer, answer.read()
            first, body = self._known[prefix]
        entries = _ENTRY.findall(body)
        shown = 1 if self._lie == "duplicate page" and page == 2 else page
        more = page * self._size < len(entries) or self._lie == "truncated forever"
        following: str | None = f"{_TOKEN}{page + 1}"
        if self._lie == "no token" and more:
            following = None
        elif self._lie == "token loop" and page == 2:
            following = f"{_TOKEN}{page}"
        kept = entries[(shown - 1) * self._size : shown * self._size]
        new = _page(body, kept, more=more, token=following)
        headers = {k: v for k, v in first.headers.items() if k != "transfer-encoding"}
        return replace(first, headers={**headers, "content-length": str(len(new))}, body=[new])

    def __repr__(self) -> str:
        return f"ShortPages(size={self._size}, lie={self._lie!r})"


class StaleListing:
    """A listing lags: each one is answered as the one `lag` listings earlier was, or the first.

    What was listed before is told apart by the parameters of the request.
    """

    def __init__(self, lag: int) -> None:
        self._lag = lag
        self._lock = threading.Lock()
        self._past: dict[str, deque[tuple[Answer, bytes]]] = {}

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        answer = forward(request)
        body = answer.read()
        with self._lock:
            past = self._past.setdefault(request.target, deque(maxlen=self._lag + 1))
            past.append((answer, body))
            old, stale = past[0]
        return replace(old, body=[stale])

    def __repr__(self) -> str:
        return f"StaleListing(lag={self._lag})"


def _page(body: bytes, entries: Sequence[bytes], *, more: bool, token: str | None) -> bytes:
    """Return the listing with these entries, and what it says of further pages."""
    paging = f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(entries)}</KeyCount>"
    if more and token is not None:
        paging += f"<NextContinuationToken>{token}</NextContinuationToken>"
    bare = _PAGING.sub(b"", _ENTRY.sub(b"", body))
    head, end, tail = bare.rpartition(b"</ListBucketResult>")
    return head + paging.encode() + b"".join(entries) + end + tail
