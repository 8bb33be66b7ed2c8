"""Files that change while they are put, and targets that refuse what is given back."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from releases import change, flipped, release

from deltaloft.bucket import Bucket
from deltaloft.errors import (
    DamagedObject,
    InputChanged,
)
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store


class Meddling(FolderBucket):
    """A bucket at whose first call something happens to a file."""

    def __init__(self, path: Path, meddle: Any) -> None:
        """Call `meddle` with the key before each put."""
        super().__init__(path, create=True)
        self.meddle = meddle

    def put(self, key: str, body: Any, *arguments: Any, **options: Any) -> str:
        """See `Bucket.put`."""
        self.meddle(key)
        return super().put(key, body, *arguments, **options)


def test_a_file_that_changes_while_it_is_uploaded_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file is read again for its upload; what changed meanwhile leaves nothing behind."""
    monkeypatch.setattr("deltaloft.store.input._IN_MEMORY", 1000)
    path = tmp_path / "file"

    def overwrite(_: str) -> None:
        with path.open("r+b") as file:
            file.seek(100_000)
            file.write(b"changed")

    def truncate(_: str) -> None:
        os.truncate(path, 200_000)

    for meddle in (overwrite, truncate):
        for delta in ("never", "auto"):
            path.write_bytes(release(0))
            folder = tmp_path / f"{meddle.__name__}-{delta}"
            store = Store(Meddling(folder, meddle))
            with pytest.raises(InputChanged, match=str(path)):
                store.put(path, "key", delta=delta)  # type: ignore[arg-type]
            assert list(FolderBucket(folder).list()) == []


def test_a_file_that_changes_while_it_is_read_is_not_stored(tmp_path: Path) -> None:
    """Growing, shrinking and being replaced in the middle of the first pass are all noticed."""
    path = tmp_path / "file"

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"more")

    def shrink() -> None:
        os.truncate(path, 1_500_000)

    def replaced() -> None:
        (tmp_path / "other").write_bytes(release(1, blocks=600))
        (tmp_path / "other").replace(path)

    for meddle in (grow, shrink, replaced):
        path.write_bytes(release(0, blocks=600))
        store = Store(FolderBucket(tmp_path / meddle.__name__, create=True))
        pending = [meddle]
        with pytest.raises(InputChanged, match=str(path)):
            store.put(path, "key", progress=lambda _, pending=pending: pending and pending.pop()())
        assert list(store.list()) == []


def test_a_file_in_memory_may_change_once_it_was_read(tmp_path: Path) -> None:
    """Up to 64 MiB are read once: what is stored is what was read, whatever happens after."""
    path = tmp_path / "file"
    path.write_bytes(release(0))
    store = Store(Meddling(tmp_path / "bucket", lambda _: os.truncate(path, 0)))
    store.put(path, "key")
    assert store.read("key") == release(0)


def test_a_folder_cannot_be_put_or_replaced(store: Store, tmp_path: Path) -> None:
    """Folders and missing files are the OSError they always are."""
    with pytest.raises(IsADirectoryError):
        store.put(tmp_path, "key")
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "nothing", "key")
    store.put(b"x", "key")
    with pytest.raises(IsADirectoryError):
        store.get("key", tmp_path)
    with pytest.raises(FileNotFoundError):
        store.get("key", tmp_path / "missing" / "file")


def test_progress_counts_every_byte_once(store: Store, tmp_path: Path) -> None:
    """Whoever watches a put or a get is told of as many bytes as the file has."""
    path = tmp_path / "file"
    path.write_bytes(release(0))
    for given in (path, release(1), io.BytesIO(release(2))):
        done: list[int] = []
        store.put(given, "key", progress=done.append)
        assert sum(done) == len(release(0))
        done = []
        store.get("key", tmp_path / "out", progress=done.append)
        assert sum(done) == len(release(0))


def test_a_pipe_gets_no_whole_file_before_it_is_proven(store: Store, bucket: Bucket) -> None:
    """The last piece waits for the digest: a reader of a damaged file sees that it ends early."""
    store.put(release(0, blocks=600), "plain", delta="never")
    change(bucket, "plain", body=flipped(release(0, blocks=600), 5))
    target = io.BytesIO()
    with pytest.raises(DamagedObject):
        store.get("plain", target)
    assert len(target.getvalue()) < len(release(0, blocks=600))
