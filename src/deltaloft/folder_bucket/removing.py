"""The end of a bucket in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from deltaloft.errors import StorageError
from deltaloft.folder_bucket import FolderBucket

__all__ = ["remove_folder"]

_FOLDERS = ("bodies", "incoming")
_INDEX = "index.sqlite"  # the last to go: with it the folder is a bucket


def remove_folder(path: Path, *, emptied: bool) -> None:
    """Remove a bucket's folder. Nobody else may use it meanwhile.

    Args:
        path: The folder.
        emptied: Remove its objects, too.

    Raises:
        BucketNotFound: it is no bucket.
        InvalidRequest: it holds other things.
        StorageError: it is not empty.
        OSError: the folder cannot be changed.
    """
    bucket = FolderBucket(path)
    if not emptied and next(bucket.list(), None) is not None:
        raise StorageError(f"{bucket.url}: the store is not empty")
    for name in _FOLDERS:
        if (path / name).is_dir():
            shutil.rmtree(path / name)
    (path / "README.txt").unlink(missing_ok=True)
    (path / f"{_INDEX}-journal").unlink(missing_ok=True)
    (path / _INDEX).unlink()
    path.rmdir()
