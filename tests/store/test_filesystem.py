"""A store as a file system of fsspec, as pandas and pyarrow use it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pandas
import pyarrow.dataset
import pytest
from store_fixtures import Requests

from deltaloft.bucket import Attributes
from deltaloft.errors import InvalidRequest, UnsupportedFormat
from deltaloft.store import Store
from deltaloft.testing import FaultyS3

Given = tuple[str, dict[str, Any]]  # a URL to put keys below, and storage options


@pytest.fixture(params=["folder", "moto"])
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Given:
    """A store of each kind."""
    if request.param == "folder":
        Store.open(str(tmp_path / "store"), create=True)
        return f"dg+file://{tmp_path}/store", {"skip_instance_cache": True}
    endpoint = request.getfixturevalue("moto_endpoint")
    bucket = request.getfixturevalue("new_s3_bucket")(endpoint)
    url = bucket.url.replace("s3://", "dg+s3://")
    return url, {"endpoint_url": endpoint, "skip_instance_cache": True}


def noise(seed: int, size: int) -> bytes:
    """Bytes that resemble nothing else."""
    return random.Random(seed).randbytes(size)


def two_versions(url: str, options: dict[str, Any], size: int) -> bytes:
    """Store a file and its next version, which becomes a delta; return the latter."""
    old = noise(1, size)
    new = old[: size // 2] + b"in between" + old[size // 2 :]
    for name, content in (("v1.bin", old), ("v2.bin", new)):
        with fsspec.open(f"{url}/{name}", "wb", **options) as file:
            file.write(content)
    return new


def test_what_is_written_is_read_and_kept_as_a_delta(given: Given) -> None:
    """A file goes in and out through fsspec.open; its next version takes next to nothing."""
    url, options = given
    new = two_versions(url, options, 200_000)
    with fsspec.open(f"{url}/v2.bin", "rb", **options) as file:
        assert new == file.read()
    fs, path = fsspec.url_to_fs(f"{url}/v2.bin", **options)
    info = fs.info(path)
    assert len(new) == info["size"]
    assert info["stored_size"] < 500


def test_any_part_of_a_delta_can_be_read(given: Given) -> None:
    """Reads at the beginning, across a window's border, at the end and behind it are right."""
    url, options = given
    new = two_versions(url, options, 20 << 20)
    fs, path = fsspec.url_to_fs(f"{url}/v2.bin", **options)
    with fs.open(path, "rb", block_size=1 << 16) as file:
        for start in (0, 5, (16 << 20) - 7, len(new) - 3, len(new), len(new) + 9):
            file.seek(start)
            assert new[start : start + 20] == file.read(20)
    for start, end in ((0, 10), (-10, None), (100, -100), (len(new) - 5, len(new) + 5), (9, 3)):
        assert new[start:end] == fs.cat_file(path, start=start, end=end)


def test_a_part_of_a_plain_object_is_all_that_is_fetched(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any], requests: Requests
) -> None:
    """Reading ten bytes of a foreign object asks for ten bytes, of the version that was opened."""
    bucket = new_s3_bucket(moto_endpoint)
    bucket.client.put_object(Bucket=bucket.url[5:], Key="notes", Body=bytes(range(200)))
    with Store(bucket) as store, store.open_file("notes") as file:
        del requests[:]
        assert bytes(range(50, 60)) == file.read_at(50, 10)
        assert [("GET", "notes")] == requests
        bucket.client.put_object(Bucket=bucket.url[5:], Key="notes", Body=bytes(200))
        with pytest.raises(Exception, match="notes"):
            file.read_at(50, 10)


def test_a_file_object_behaves_like_one(given: Given) -> None:
    """BufferedReader over a key: seek from all ends, tell, readline, and no position below 0."""
    url, options = given
    fs, path = fsspec.url_to_fs(url, **options)
    fs.pipe_file(f"{path}/lines", b"first\nsecond\nthird\n")
    store, place = fs._located(f"{path}/lines")
    with io.BufferedReader(store.open_file(place.key)) as file:
        assert b"first\n" == file.readline()
        assert 13 == file.seek(-6, io.SEEK_END)
        assert b"third\n" == file.read()
        assert 19 == file.tell()
        with pytest.raises(ValueError, match="position"):
            file.seek(-1)


def test_folders_are_what_keys_have_before_a_slash(given: Given) -> None:
    """Listing, finding, globbing, being there and being gone."""
    url, options = given
    fs, root = fsspec.url_to_fs(url, **options)
    for key in ("a/one", "a/b/two", "a-b", "c"):
        fs.pipe_file(f"{root}/{key}", key.encode())
    assert [f"{root}/{n}" for n in ("a", "a-b", "c")] == sorted(fs.ls(root, detail=False))
    assert ["directory", "file"] == sorted(each["type"] for each in fs.ls(f"{root}/a"))
    assert [f"{root}/a/b/two", f"{root}/a/one"] == sorted(fs.find(f"{root}/a"))
    assert [f"{root}/a/one"] == fs.glob(f"{root}/a/o*")
    assert fs.isdir(f"{root}/a")
    assert fs.isfile(f"{root}/a-b")
    assert not fs.exists(f"{root}/b")
    assert 7 == fs.info(f"{root}/a/b/two")["size"]
    fs.rm(f"{root}/a", recursive=True)
    assert [f"{root}/a-b", f"{root}/c"] == sorted(fs.find(root))
    fs.mv(f"{root}/c", f"{root}/d/e")
    assert b"c" == fs.cat_file(f"{root}/d/e")
    assert not fs.exists(f"{root}/c")
    with pytest.raises(FileNotFoundError):
        fs.ls(f"{root}/c")
    with pytest.raises(FileNotFoundError):
        fs.open(f"{root}/c")


def test_an_object_that_nobody_can_read_is_listed(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any], requests: Requests
) -> None:
    """It has no size, its neighbours have theirs, and no object is asked twice."""
    bucket = new_s3_bucket(moto_endpoint)
    bucket.put("d/bad", b"later", Attributes(metadata={"dl-v": "99"}))
    for name in ("a", "c"):
        bucket.put(f"d/{name}", b"good", Attributes())
    url = bucket.url.replace("s3://", "dg+s3://")
    fs, root = fsspec.url_to_fs(url, client=bucket.client, skip_instance_cache=True)
    requests.clear()
    sizes = {each["name"]: each["size"] for each in fs.ls(f"{root}/d")}
    assert {f"{root}/d/a": 4, f"{root}/d/bad": None, f"{root}/d/c": 4} == sizes
    heads = [path for method, path in requests if method == "HEAD"]
    assert ["d/a", "d/bad", "d/c"] == sorted(path for path in heads if path.startswith("d/"))
    assert sizes == {name: each["size"] for name, each in fs.find(f"{root}/d", detail=True).items()}
    with pytest.raises(UnsupportedFormat):
        fs.info(f"{root}/d/bad")


def test_files_of_this_machine_go_in_and_out_whole(given: Given, tmp_path: Path) -> None:
    """Recursive put and get keep the names below the folder."""
    url, options = given
    fs, root = fsspec.url_to_fs(url, **options)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "one").write_bytes(b"1")
    (tmp_path / "in" / "deep" / "two").write_bytes(noise(2, 50_000))
    fs.put(f"{tmp_path}/in/", f"{root}/kept/", recursive=True)
    fs.get(f"{root}/kept/", f"{tmp_path}/out/", recursive=True)
    assert b"1" == (tmp_path / "out" / "one").read_bytes()
    assert noise(2, 50_000) == (tmp_path / "out" / "deep" / "two").read_bytes()


def test_an_error_while_writing_stores_nothing(given: Given) -> None:
    """What a failed block has written is not taken for the file; neither is append half done."""
    url, options = given
    fs, root = fsspec.url_to_fs(url, **options)
    with pytest.raises(ZeroDivisionError), fs.open(f"{root}/half", "wb") as file:
        file.write(bytes(20 << 20))
        raise ZeroDivisionError
    assert not fs.exists(f"{root}/half")
    with pytest.raises(InvalidRequest, match="mode"):
        fs.open(f"{root}/half", "ab")


def test_exclusive_writing_finds_the_key_taken(given: Given) -> None:
    """Mode x replaces nothing."""
    url, options = given
    fs, root = fsspec.url_to_fs(url, **options)
    fs.pipe_file(f"{root}/once", b"first")
    with pytest.raises(FileExistsError), fs.open(f"{root}/once", "xb") as file:
        file.write(b"second")
    assert b"first" == fs.cat_file(f"{root}/once")


def test_pandas_and_pyarrow_read_from_a_store(given: Given) -> None:
    """A table goes in as Parquet and CSV, and comes back whole and by column."""
    url, options = given
    table = pandas.DataFrame({"name": [f"n{i}" for i in range(5000)], "size": range(5000)})
    table.to_parquet(f"{url}/table.parquet", storage_options=options)
    table.to_csv(f"{url}/table.csv", index=False, storage_options=options)
    read = pandas.read_parquet(f"{url}/table.parquet", storage_options=options)
    pandas.testing.assert_frame_equal(table, read)
    read = pandas.read_csv(f"{url}/table.csv", storage_options=options)
    pandas.testing.assert_frame_equal(table, read, check_dtype=False)
    fs, path = fsspec.url_to_fs(f"{url}/table.parquet", **options)
    dataset = pyarrow.dataset.dataset(path, filesystem=fs)
    assert sum(range(5000)) == sum(dataset.to_table(columns=["size"])["size"].to_pylist())


def test_a_copy_moves_no_bytes_and_stays_a_delta(watched_s3: FaultyS3) -> None:
    """Within a bucket fs.copy asks the bucket; to another one the file is given back and put."""
    options = {"endpoint_url": watched_s3.url, "create": True, "skip_instance_cache": True}
    new = two_versions("dg+s3://copied-from", options, 200_000)
    fs, path = fsspec.url_to_fs("dg+s3://copied-from", **options)
    watched_s3.seen.clear()
    fs.copy(f"{path}/v2.bin", f"{path}/copy.bin")
    assert watched_s3.matching("CopyObject", key="copy.bin")
    assert [] == watched_s3.matching("GetObject", key="v2.bin")
    assert [] == watched_s3.matching("PutObject")
    assert fs.info(f"{path}/copy.bin")["stored_size"] < 500
    assert new == fs.cat_file(f"{path}/copy.bin")
    with pytest.raises(FileNotFoundError):
        fs.cp_file(f"{path}/missing", f"{path}/x")
    fs.copy(f"{path}/v2.bin", "copied-to/copy.bin")
    assert new == fs.cat_file("copied-to/copy.bin")
