"""What the FILE and DEST of the command line mean, beside a URL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deltaloft.errors import InvalidRequest
from deltaloft.place import Place

__all__ = ["destination", "keys_for"]


def keys_for(files: Sequence[Path], place: Place) -> list[str]:
    """Return the key for each file: the place's own, or below it under the files' names.

    Raises:
        InvalidRequest: a file without a name, or two that have the same.
    """
    if len(files) == 1 and place.key and not place.key.endswith("/"):
        return [place.key]
    below = place.key if not place.key or place.key.endswith("/") else f"{place.key}/"
    names = [file.name for file in files]
    if "-" in map(str, files):
        raise InvalidRequest("-: a key expected, for standard input has no name")
    for name in names:
        if name in ("", "..") or names.count(name) > 1:
            raise InvalidRequest(f"{below}{name}: files with names of their own expected")
    return [below + name for name in names]


def destination(given: str | None, key: str) -> Path:
    """Return the file to write: `given`, or below it, if it is a folder, under the key's name.

    Raises:
        InvalidRequest: the key ends in no name that a file can have.
    """
    folder = Path(given or ".")
    if given is not None and not given.endswith("/") and not folder.is_dir():
        return folder
    name = key.rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name:
        raise InvalidRequest(f"{key!r}: no name for a file; name the destination")
    return folder / name
