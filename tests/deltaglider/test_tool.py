"""DeltaGlider itself writes, we read: also what it cannot read back."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pandas
import pytest
from deltaglider_vectors import VECTORS, Vector
from producers import PRODUCERS, SIZES, Absent, archive

from deltaloft.base_cache import BaseCache
from deltaloft.errors import ContentOnly, DamagedObject
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store

# A few of all that tests/deltaglider/test_recovery.py tries.
COMPRESSED = (
    *("gzip -9, name and time", "Python tarfile w:gz", "Python gzip.open, text", "bzip2 -1"),
    *("xz -0", "Node", "pigz -1", "flate2"),
)


@pytest.fixture
def tree(tmp_path: Path) -> dict[str, bytes]:
    """Files in folders below `tree`, by the key that each is to have."""
    files = {"notes.txt": b"notes", "deep/er/empty.txt": b""}
    for version in (0, 1):
        files[f"zip/app-{version}.zip"] = archive(version)
        for name in COMPRESSED:
            folder = tmp_path / f"{version} {name}"
            folder.mkdir()
            try:
                made = PRODUCERS[name](archive(version, size=SIZES.get(name, 220)), folder)
            except Absent:
                continue
            suffix = {"bzip2 -1": "bz2", "xz -0": "xz"}.get(name, "gz")
            files[f"{name.split()[0]}{len(name)}/app-{version}.tar.{suffix}"] = made
    for key, data in files.items():
        path = tmp_path / "tree" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return files


@pytest.fixture
def written(
    tree: dict[str, bytes],
    deltaglider: Callable[..., str],
    new_s3_bucket: Any,
    moto_endpoint: str,
    tmp_path: Path,
) -> Store:
    """Our store over a bucket into which the tool has copied the tree."""
    bucket = new_s3_bucket(moto_endpoint)
    deltaglider("cp", "-r", tmp_path / "tree", f"{bucket.url}/")
    return Store(bucket, cache=BaseCache(tmp_path / "cache", key=bytes(32)))


def test_what_it_wrote(
    tree: dict[str, bytes],
    written: Store,
    deltaglider: Callable[..., str],
    moto_endpoint: str,
    tmp_path: Path,
) -> None:
    """Every file of a recursive upload comes back exactly, the compressed ones included."""
    assert sorted(tree, key=str.encode) == [entry.key for entry in written.list()]
    raw = Store.open(written.url, endpoint_url=moto_endpoint, deltaglider="never")
    archives = sorted(f"{key}.delta" for key in tree if ".tar." in key)
    assert archives == [each.key for each in raw.list(sizes=False) if ".tar." in each.key]
    for key, data in tree.items():
        assert data == written.read(key), key
        assert hashlib.sha256(data).hexdigest() == written.stat(key).sha256
    # It told us so itself: of what was compressed it gives nothing back.
    with pytest.raises(Exception, match="returned non-zero exit status 1"):
        deltaglider("cp", f"{written.url}/xz5/app-0.tar.xz", tmp_path / "back")


def test_through_fsspec(
    tmp_path: Path, deltaglider: Callable[..., str], new_s3_bucket: Any, moto_endpoint: str
) -> None:
    """A table that it stored as a delta, compressed and not, is read by pandas in place."""
    bucket = new_s3_bucket(moto_endpoint)
    table = pandas.DataFrame({"name": [f"n{i}" for i in range(3000)], "size": range(3000)})
    for name in ("t1", "t2"):
        table["size"] += 1
        table.to_csv(tmp_path / f"{name}.csv.gz", index=False)
        with tarfile.open(tmp_path / f"{name}.tar", "w") as tar:
            tar.add(tmp_path / f"{name}.csv.gz", f"{name}.csv.gz")
        for each in (f"csv/{name}.csv.gz", f"tar/{name}.tar"):
            deltaglider("cp", tmp_path / each.partition("/")[2], f"{bucket.url}/{each}")
    url = bucket.url.replace("s3://", "dg+s3://")
    options = {"endpoint_url": moto_endpoint, "skip_instance_cache": True}
    read = pandas.read_csv(f"{url}/csv/t2.csv.gz", storage_options=options)
    pandas.testing.assert_frame_equal(table, read, check_dtype=False)
    fs, root = fsspec.url_to_fs(url, **options)
    assert (tmp_path / "t2.tar").stat().st_size == fs.info(f"{root}/tar/t2.tar")["size"]
    with fs.open(f"{root}/tar/t2.tar") as file, tarfile.open(fileobj=file) as tar:
        assert ["t2.csv.gz"] == tar.getnames()


def test_moving_into_our_form(
    tree: dict[str, bytes], written: Store, new_s3_bucket: Any, moto_endpoint: str, tmp_path: Path
) -> None:
    """A copy is a file of ours, in the same store or another; then the old one can go."""
    other = Store(new_s3_bucket(moto_endpoint), cache=BaseCache(tmp_path / "2", key=bytes(32)))
    for key in ("zip/app-0.zip", "xz5/app-1.tar.xz"):
        assert tree[key] == written.read(written.copy(key, f"new/{key}").key)
        assert tree[key] == other.read(written.copy(key, key, target=other).key)
        assert "deltaglider" not in (written.stat(f"new/{key}").form, other.stat(key).form)
        written.put(tree[key], key)  # in its old place, too
        assert "deltaglider" != written.stat(key).form
        written.delete(key)
        assert key not in [entry.key for entry in written.list()]


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name: str, folder_bucket: FolderBucket, older: Store) -> None:
    """What DeltaGlider wrote once, every later version of ours reads."""
    vector = Vector.read(VECTORS[name])
    vector.into(folder_bucket)
    assert sorted(vector.files) == [entry.key for entry in older.list()]
    for key, sha256 in vector.files.items():
        if (name, key) == ("members", "app-1.tar.gz"):  # where one member ended is not known
            with pytest.raises(ContentOnly):
                older.read(key)
        else:
            assert sha256 == hashlib.sha256(older.read(key)).hexdigest()


def test_a_vector_without_its_reference(folder_bucket: FolderBucket, older: Store) -> None:
    """The vectors can fail: without the reference none of a later file is readable."""
    vector = Vector.read(VECTORS["dialects"])
    vector.into(folder_bucket)
    folder_bucket.delete("reference.bin")
    with pytest.raises(DamagedObject):
        older.read(sorted(vector.files)[-1])
