"""The order of a listing in which X.delta stands for X.

Keys may stand between X and X.delta, as app.zip.asc does, and X has to come out before them. Keys
are therefore gathered until what any of them may wait for is past: mostly one at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from deltaloft.bucket import Listed
from deltaloft.deltaglider.metadata import DELTA_SUFFIX

__all__ = ["groups", "logical_key"]

# Deltas are made of files with certain suffixes; the tool has a list, the proxy a setting. Without
# a letter in them, every app-1.8-… would have to wait for an app-1.8.delta.
_SUFFIX = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,12}", re.ASCII)


def logical_key(key: str) -> str | None:
    """Return X for X.delta, if DeltaGlider could have made it."""
    stem = key.removesuffix(DELTA_SUFFIX)
    name = stem.rpartition("/")[2]
    dot = name.rfind(".")
    ours = stem != key and dot >= 0 and _SUFFIX.fullmatch(name[dot:])
    return stem if ours else None


def groups(listing: Iterable[Listed]) -> Iterator[list[Listed]]:
    """Part a listing where no X on one side can have its X.delta on the other."""
    group: list[Listed] = []
    last = b""
    for listed in listing:
        key = listed.key.encode()
        if group and key > last:
            yield group
            group = []
        if not group:
            last = _last_of_group(listed.key)
        group.append(listed)
    if group:
        yield group


def _last_of_group(key: str) -> bytes:
    """Return the last key that has to be seen before `key` can be passed on.

    That is X.delta, of the shortest X that `key` begins with and that has a suffix.
    """
    encoded = key.encode()
    for match in re.finditer(_SUFFIX.pattern, key, re.ASCII):
        for end in range(match.start() + 2, match.end() + 1):
            stem = key[:end]
            if logical_key(stem + DELTA_SUFFIX) and (stem + DELTA_SUFFIX).encode() >= encoded:
                return (stem + DELTA_SUFFIX).encode()
    return encoded
