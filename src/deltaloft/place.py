"""What a URL or path means: a store, and a key in it.

    s3://BUCKET/KEY       the bucket is the store; with --root, what lies below that prefix
    file:///STORE/KEY     the longest leading part that is a store; the rest is the key,
    STORE/KEY             taken literally, wherever its slashes are

A folder becomes a store by the first put: an empty one by itself; with --create also one that is
not there, namely the first that is missing. Of new/v1/app.bin that is `new`; the key is v1/app.bin.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from deltaloft.errors import BucketNotFound, InvalidRequest

__all__ = ["Place", "locate"]


@dataclass(frozen=True, slots=True)
class Place:
    """A store's URL and a key in it, which may be empty or end in a slash: then it is a prefix.

    `create` says that there is no store yet, but may be one.
    """

    store: str
    key: str
    create: bool = False


def locate(url: str, *, root: str = "", putting: bool = False, create: bool = False) -> Place:
    """Part a URL into store and key.

    Raises:
        InvalidRequest: it lies outside the root, or is no URL that we know.
        BucketNotFound: no leading part of a path is a store.
    """
    if not url:
        raise InvalidRequest("s3://BUCKET/KEY, file:///STORE/KEY or a path expected, found nothing")
    if url.startswith("s3://"):
        return _in_s3(url, root.strip("/"), create)
    if root:
        raise InvalidRequest(f"{url}: --root goes with s3:// only")
    if url.startswith("s3:"):
        raise InvalidRequest(f"{url}: s3://BUCKET/KEY expected, with two slashes")
    if "://" in url and not url.startswith("file://"):
        # The scheme alone is repeated: what follows may hold a password or a signature.
        scheme = url.partition("://")[0]
        raise InvalidRequest(
            f"s3://BUCKET/KEY, file:///STORE/KEY or a path expected, found a URL of {scheme}"
        )
    return _in_folder(url, putting, create)


def _in_s3(url: str, root: str, create: bool) -> Place:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if root:
        if not f"{key}/".startswith(f"{root}/"):
            raise InvalidRequest(f"{url}: a key below the root {root}/ expected")
        key = key[len(root) + 1 :]
    return Place(f"s3://{bucket}/{root}", key, create)


def _in_folder(url: str, putting: bool, create: bool) -> Place:
    from deltaloft.folder_bucket import is_bucket

    for folder, key in _partings(url):
        if is_bucket(folder):
            return Place(folder.absolute().as_uri(), key)
    folder, key = next(each for each in _partings(url) if _exists(each[0]))
    if putting and folder.is_dir() and not any(folder.iterdir()):
        return Place(folder.absolute().as_uri(), key, create=True)
    if not create:
        raise BucketNotFound(
            f"{url}: no store here or above (dg mb or put --create makes one; a bucket is s3://BUCKET)"
        )
    # What ends in no slash names a file: its folder is the last that can become a store.
    makeable = [each for each in _partings(url) if each[1] or url.endswith("/")]
    missing = [each for each, _ in makeable if not _exists(each)]
    chosen = missing[-1] if missing else makeable[0][0]
    folder, key = next(each for each in makeable if each[0] == chosen)
    return Place(folder.absolute().as_uri(), key, create=True)


def _exists(folder: Path) -> bool:
    return os.path.exists(folder)  # noqa: PTH110 - of a name too long, pathlib's raises


def _partings(url: str) -> Iterator[tuple[Path, str]]:
    """Yield each way to part a path into folder and key, the longest folder first."""
    path = url.removeprefix("file://")
    # In a URL the folder's part is encoded; keys are shown as they are, and taken so.
    decoded = unquote if path != url else str
    yield Path(decoded(path)), ""
    for end in range(len(path) - 1, -1, -1):
        if path[end] == "/":
            yield Path(decoded(path[:end]) or "/"), path[end + 1 :]
    if not path.startswith("/"):
        yield Path(), path
