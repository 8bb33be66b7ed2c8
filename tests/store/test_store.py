"""What goes in comes out, byte for byte, from every kind of bucket."""

from __future__ import annotations

import io
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from releases import BLOCK, all_bytes, release, sha256, stored

from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import (
    AlreadyExists,
    InvalidRequest,
    NotFound,
)
from deltaloft.store import Store


def test_releases_come_back_and_are_small(store: Store, bucket: Bucket, tmp_path: Path) -> None:
    """Five releases cost little more than one, and each comes back byte for byte."""
    for version in range(5):
        result = store.put(release(version), f"app-1.{version}.bin")
        assert result.form == "delta"
        assert result.new_base == (version == 0)
        assert result.base == sha256(release(0))
    assert all_bytes(bucket) < len(release(0)) + 5 * 2 * BLOCK * 3
    for version in range(5):
        target = tmp_path / "out.bin"
        result = store.get(f"app-1.{version}.bin", target)
        assert target.read_bytes() == release(version)
        assert result.sha256 == sha256(release(version))
        assert store.read(f"app-1.{version}.bin") == release(version)


@pytest.mark.parametrize(
    ("size", "delta"),
    [
        *((size, "auto") for size in (0, 1, 100, 16_383, 16_384, 19_999, 20_000, 3_000_000)),
        *((size, "always") for size in (0, 1, 16_383, 19_999, 20_000)),
        (100_000, "never"),
    ],
)
def test_any_size_comes_back(store: Store, bucket: Bucket, size: int, delta: Any) -> None:
    """Empty, tiny, at the edges of what is eligible: all come back, twice, and cost 1 % at most."""
    content = random.Random(size).randbytes(size)
    for count, key in enumerate(["a" * 100 + ".bin", "b.bin"], 1):
        result = store.put(content, key, delta=delta)
        assert store.read(key) == content
        assert store.stat(key).size == size
        assert result.size == size
        assert all_bytes(bucket) <= count * size * 1.01


@pytest.mark.parametrize(
    "key", ["a b+c%25?#&=.bin", "ünï-日本-🎁", "../x/../y", "/lead", "a//b/", "x.delta", "r" * 1024]
)
def test_any_key_works(store: Store, key: str) -> None:
    """A key is S3's: no suffix, no magic name, no encoding of ours."""
    store.put(release(0), key)
    assert store.read(key) == release(0)
    assert [entry.key for entry in store.list()] == [key]
    store.delete(key)
    assert list(store.list()) == []
    with pytest.raises(NotFound):
        store.read(key)


def test_every_kind_of_input_is_accepted(store: Store, tmp_path: Path) -> None:
    """Paths, pipes, buffers of any kind, files and streams that cannot seek."""
    content = release(0)
    path = tmp_path / "file"
    path.write_bytes(content)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(content))
    writer.start()
    read_end, write_end = os.pipe()
    feeder = threading.Thread(target=lambda: os.fdopen(write_end, "wb").write(content))
    feeder.start()
    behind = io.BytesIO(b"skipped" + content)
    behind.seek(7)
    with path.open("rb") as file, os.fdopen(read_end, "rb") as pipe:
        for number, given in enumerate(
            [
                path,
                str(path),
                fifo,
                pipe,
                file,
                behind,
                content,
                bytearray(content),
                memoryview(content),
            ]
        ):
            store.put(given, f"file-{number}")  # type: ignore[arg-type]
            assert store.read(f"file-{number}") == content
    writer.join()
    feeder.join()


def test_replacing_shows_the_new_file_only(store: Store) -> None:
    """No form of a key shadows another: plain over delta, delta over plain."""
    for content, delta in [
        (release(0), "auto"),
        (b"tiny", "auto"),
        (release(1), "auto"),
        (release(2), "never"),
        (release(3), "auto"),
    ]:
        store.put(content, "key", delta=delta)  # type: ignore[arg-type]
        assert store.read("key") == content
        assert [entry.key for entry in store.list()] == ["key"]


def test_the_users_attributes_stay_with_the_key(store: Store) -> None:
    """Metadata and headers come back from every form, Content-Encoding included."""
    attributes = Attributes(
        {"owner": "me", "empty-not": "x y"},
        content_type="application/zip",
        content_encoding="gzip",
        content_disposition='attachment; filename="a.zip"',
        content_language="de",
        cache_control="max-age=60",
    )
    for key, content in [("a", release(0)), ("b", release(1)), ("c", b"tiny")]:
        store.put(content, key, attributes=attributes)
        assert store.stat(key).attributes == attributes
    assert [store.stat(key).form for key in "abc"] == ["delta", "delta", "plain"]


def test_the_same_file_again_is_a_few_bytes(store: Store, bucket: Bucket) -> None:
    """A file that is a base already costs a delta of a few copies, whatever its name."""
    store.put(release(0), "a.bin")
    before = all_bytes(bucket)
    result = store.put(release(0), "elsewhere/b.zip")
    assert result.base == sha256(release(0))
    assert not result.new_base
    assert all_bytes(bucket) - before < 100
    assert store.read("elsewhere/b.zip") == release(0)


def test_what_resembles_nothing_becomes_a_base(store: Store) -> None:
    """More than half of the file left: then it is a base, and the next one like it is small."""
    store.put(release(0), "app-1.0.bin")
    other = store.put(release(0, seed=2), "other-1.0.bin")
    assert other.new_base
    assert other.base == sha256(release(0, seed=2))
    result = store.put(release(1, seed=2), "other-1.1.bin")
    assert result.base == other.base
    assert not result.new_base


@pytest.mark.parametrize(
    ("key", "head"),
    [("a.jpg", b""), ("A.MP4", b""), ("x", b"\xff\xd8\xff\xe0"), ("x", b"\0\0\0\x20ftypisom")],
)
def test_pictures_and_films_are_plain(store: Store, bucket: Bucket, key: str, head: bytes) -> None:
    """What never resembles anything is stored as it is, in one request, unless asked for."""
    content = head + release(0)
    assert store.put(content, key).form == "plain"
    assert [listed.key for listed in bucket.list()] == [key]
    assert store.put(content, key, delta="always").form == "delta"
    assert store.read(key) == content


def test_stock_xdelta3_restores_a_delta(
    store: Store, bucket: Bucket, tmp_path: Path, xdelta3: Callable[..., None]
) -> None:
    """Base and body, fetched by hand, are all that `xdelta3 -D -d` needs."""
    store.put(release(0), "app-1.0.bin")
    store.put(release(3), "app-1.3.bin")
    info = bucket.head("app-1.3.bin")
    assert info.attributes.content_encoding == "vcdiff"
    base, body, out = (tmp_path / name for name in ("base", "body", "out"))
    base.write_bytes(stored(bucket, ".deltaloft/base/" + info.attributes.metadata["dl-base"]))
    body.write_bytes(stored(bucket, "app-1.3.bin"))
    xdelta3("-D", "-d", "-s", base, body, out)
    assert out.read_bytes() == release(3)


# ---- What is seen of it ----------------------------------------------------------------------


def test_list_hides_what_is_ours_and_tells_sizes(store: Store, bucket: Bucket) -> None:
    """A listing is the user's keys in order, each with the file's size."""
    store.put(release(0), "b/1.bin")
    store.put(release(1), "b/2.bin")
    store.put(b"tiny", "a")
    bucket.put("c", b"foreign", Attributes())
    expected = [("a", 4), ("b/1.bin", len(release(0))), ("b/2.bin", len(release(1))), ("c", 7)]
    found = list(store.list())
    assert expected == [(e.key, e.logical_size) for e in found]
    assert [e.stored_size for e in found] == [bucket.head(key).size for key, _ in expected]
    assert [e.key for e in store.list("b/")] == ["b/1.bin", "b/2.bin"]


def test_stat_tells_the_form(store: Store, bucket: Bucket) -> None:
    """Form, sizes, digest and base, without the bytes."""
    content = release(1)
    store.put(release(0), "app-1.0.bin")
    put = store.put(content, "app-1.1.bin")
    found = store.stat("app-1.1.bin")
    assert (found.form, found.size, found.stored_size) == ("delta", len(content), put.stored_size)
    assert (found.sha256, found.base, found.etag) == (sha256(content), put.base, put.etag)
    bucket.put("foreign", b"x", Attributes({"a": "b"}, content_type="text/plain"))
    found = store.stat("foreign")
    assert (found.form, found.size, found.sha256, found.base) == ("foreign", 1, None, None)
    assert found.attributes == Attributes({"a": "b"}, content_type="text/plain")
    with pytest.raises(NotFound):
        store.stat("nowhere")


def test_a_foreign_object_is_served_as_it_is(store: Store, bucket: Bucket, tmp_path: Path) -> None:
    """What others stored comes out unchanged, and nothing claims that it was proven."""
    bucket.put("foreign", release(0), Attributes())
    result = store.get("foreign", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == release(0)
    assert (result.form, result.sha256) == ("foreign", None)


def test_no_clobber_refuses_a_taken_key(store: Store) -> None:
    """The first put wins, the second is told, and nothing changes."""
    store.put(release(0), "key", no_clobber=True)
    with pytest.raises(AlreadyExists):
        store.put(release(1), "key", no_clobber=True)
    assert store.read("key") == release(0)


def test_delete_removes_the_key_and_keeps_the_base(store: Store) -> None:
    """Others may need the base; a second delete is no error."""
    store.put(release(0), "a")
    store.put(release(1), "b")
    store.delete("a")
    store.delete("a")
    assert [entry.key for entry in store.list()] == ["b"]
    assert store.read("b") == release(1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"key": ""}, "key"),
        ({"key": ".deltaloft/bases"}, "deltaloft's own"),
        ({"key": "x" * 1025}, "1024"),
        ({"attributes": Attributes({"dl-base": "x"})}, "dl-"),
        ({"attributes": Attributes({"a": "x" * 2000})}, "metadata"),
        ({"level": 0}, "level"),
        ({"level": 10}, "level"),
        ({"delta": "sometimes"}, "delta"),
    ],
)
def test_requests_that_cannot_work_store_nothing(
    store: Store, bucket: Bucket, options: dict[str, Any], says: str
) -> None:
    """What can never work is refused before anything is sent."""
    with pytest.raises(InvalidRequest, match=says):
        store.put(release(0), **{"key": "key", **options})
    assert list(bucket.list()) == []


@pytest.mark.parametrize("sizes", [True, False])
def test_a_listing_can_begin_behind_any_key(store: Store, sizes: bool) -> None:
    """Behind `start_after`, whether there is such a key or not, in order of UTF-8 bytes."""
    keys = sorted(["a", "a-b", "a/b", "a/c", "aé", "a\U0001f600", "a\ufffd", "b"], key=str.encode)
    for key in keys:
        store.put(b"", key)

    def listed(prefix: str, start_after: str) -> list[str]:
        return [e.key for e in store.list(prefix, start_after=start_after, sizes=sizes)]

    for after in ("", *keys, "a.", "\U0010ffff", "A"):
        expected = [key for key in keys if key.encode() > after.encode()]
        assert expected == listed("", after)
        assert [key for key in expected if key.startswith("a/")] == listed("a/", after)
