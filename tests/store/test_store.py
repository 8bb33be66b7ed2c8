"""What goes in comes out, byte for byte, from every kind of bucket."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deltaloft import layout
from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import (
    AlreadyExists,
    DamagedObject,
    InputChanged,
    InvalidRequest,
    NotFound,
    UnsupportedFormat,
)
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store

BLOCK = 4096


def release(version: int, *, blocks: int = 50, seed: int = 1) -> bytes:
    """Return 200 kB that differ from the previous version in one block of 4 kB."""
    content = bytearray(random.Random(seed).randbytes(blocks * BLOCK))
    for each in range(1, version + 1):
        place = each % blocks * BLOCK
        content[place : place + BLOCK] = random.Random(1000 * seed + each).randbytes(BLOCK)
    return bytes(content)


def sha256(content: bytes) -> str:
    """Return the SHA-256 as the store writes it."""
    return hashlib.sha256(content).hexdigest()


def stored(bucket: Bucket, key: str) -> bytes:
    """Return the body of an object as it is in the bucket."""
    with bucket.get(key) as reading:
        assert reading is not None
        return b"".join(reading.chunks())


def all_bytes(bucket: Bucket) -> int:
    """Return the size of all that the bucket holds, ours included."""
    return sum(listed.size for listed in bucket.list())


# ---- Round trips -----------------------------------------------------------------------------


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


@pytest.mark.parametrize("size", [0, 1, 100, 16_383, 16_384, 19_999, 20_000, 100_000, 3_000_000])
@pytest.mark.parametrize("delta", ["auto", "always", "never"])
def test_any_size_comes_back(store: Store, bucket: Bucket, size: int, delta: Any) -> None:
    """Empty, tiny, at the edges of what is eligible: all come back, twice, and cost 1 % at most."""
    content = random.Random(size).randbytes(size)
    for key in ("a.bin", "b.bin"):
        result = store.put(content, key, delta=delta)
        assert store.read(key) == content
        assert store.stat(key).size == size
        assert result.size == size
    assert all_bytes(bucket) <= 2 * size * 1.01


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
    """A listing is the user's keys in order; the file's size is known on this machine."""
    store.put(release(0), "b/1.bin")
    store.put(release(1), "b/2.bin")
    store.put(b"tiny", "a")
    bucket.put("c", b"foreign", Attributes())
    local = isinstance(bucket, FolderBucket)
    expected = [("a", 4), ("b/1.bin", len(release(0))), ("b/2.bin", len(release(1))), ("c", 7)]
    found = list(store.list())
    assert [(e.key, e.logical_size) for e in found] == [
        (key, size if local else None) for key, size in expected
    ]
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


# ---- Damage ----------------------------------------------------------------------------------


def change(bucket: Bucket, key: str, *, body: bytes | None = None, **metadata: str) -> None:
    """Store an object again with another body or other metadata."""
    info = bucket.head(key)
    changed = {**info.attributes.metadata, **{f"dl-{k}": v for k, v in metadata.items()}}
    kept = stored(bucket, key) if body is None else body
    bucket.put(key, kept, replace(info.attributes, metadata=changed))


def flipped(content: bytes, place: int) -> bytes:
    """Return the bytes with one bit changed."""
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


@pytest.fixture
def damaged(store: Store, bucket: Bucket) -> Bucket:
    """A bucket with a base, a delta and a plain object, to be damaged."""
    store.put(release(0), "app-1.0.bin")
    store.put(release(3), "delta")
    store.put(b"plain text", "plain")
    return bucket


def refused(bucket: Bucket, key: str, cache: Any, tmp_path: Path) -> str:
    """Return the message of a get that must leave its destination alone."""
    target = tmp_path / "target"
    target.write_bytes(b"what was here")
    store = Store(bucket, cache=cache)
    stream = io.BytesIO()
    with pytest.raises(DamagedObject) as caught:
        store.get(key, target)
    assert target.read_bytes() == b"what was here"
    assert [path.name for path in tmp_path.glob("*target*")] == ["target"]
    with pytest.raises(DamagedObject):
        store.get(key, stream)
    assert sha256(stream.getvalue()) not in (sha256(release(3)), sha256(b"plain text"))
    assert f"{bucket.url}/{key}" in str(caught.value)
    return str(caught.value)


def test_a_damaged_plain_object_is_refused(
    damaged: Bucket, fresh_cache: Any, tmp_path: Path
) -> None:
    """One flipped bit, and the destination stays as it was."""
    change(damaged, "plain", body=b"plain texu")
    assert "sha256" in refused(damaged, "plain", fresh_cache(), tmp_path)


def test_a_damaged_delta_is_refused(damaged: Bucket, fresh_cache: Any, tmp_path: Path) -> None:
    """A bit flipped in what a delta adds never reaches the destination."""
    change(damaged, "delta", body=flipped(stored(damaged, "delta"), 2000))
    refused(damaged, "delta", fresh_cache(), tmp_path)


def test_a_bit_flipped_anywhere_is_harmless(damaged: Bucket, fresh_cache: Any) -> None:
    """Some bits of a delta mean nothing; whatever is flipped, wrong bytes never come out."""
    delta = stored(damaged, "delta")
    store = Store(damaged, cache=fresh_cache())
    refusals = 0
    for place in (*range(40), *range(-40, 0)):
        change(damaged, "delta", body=flipped(delta, place))
        try:
            assert store.read("delta") == release(3)
        except DamagedObject:
            refusals += 1
    assert refusals > 40


@pytest.mark.parametrize("cut", [0, 3, 100, 4000])
def test_a_truncated_delta_is_refused(
    damaged: Bucket, fresh_cache: Any, tmp_path: Path, cut: int
) -> None:
    """A delta cut anywhere is no delta."""
    change(damaged, "delta", body=stored(damaged, "delta")[:cut])
    refused(damaged, "delta", fresh_cache(), tmp_path)


def test_a_damaged_base_is_refused(damaged: Bucket, fresh_cache: Any, tmp_path: Path) -> None:
    """A base that is not what its name says is named; so is the key that needs it."""
    base = sha256(release(0))
    change(damaged, layout.base_key(base), body=flipped(release(0), 150_000))
    assert base in refused(damaged, "delta", fresh_cache(), tmp_path)


def test_a_missing_base_is_named(damaged: Bucket, fresh_cache: Any, tmp_path: Path) -> None:
    """Without its base a delta is lost, and the message says which one is missing."""
    base = sha256(release(0))
    damaged.delete(layout.base_key(base))
    message = refused(damaged, "delta", fresh_cache(), tmp_path)
    assert "base is missing" in message
    assert base in message


@pytest.mark.parametrize(
    "metadata",
    [
        {"sha256": "0" * 64},
        {"size": "1"},
        {"size": str(2**62)},
        {"size": str(len(release(0)) + 1)},
        {"base": "0" * 64},
        {"base-size": "1"},
        {"base-size": str(2**62)},
        {"base-size": str(len(release(0)) - 1)},
        {"base": "nonsense"},
    ],
)
def test_metadata_that_lies_is_refused(
    damaged: Bucket, fresh_cache: Any, tmp_path: Path, metadata: dict[str, str]
) -> None:
    """Sizes and digests that do not fit end in an error, not in a file."""
    change(damaged, "delta", **metadata)
    refused(damaged, "delta", fresh_cache(), tmp_path)


def test_an_absurdly_long_delta_is_not_even_read(
    damaged: Bucket, fresh_cache: Any, tmp_path: Path
) -> None:
    """The body of a delta has to be in proportion to what it claims to make."""
    change(damaged, "delta", body=bytes(600_000))
    assert "600000 bytes" in refused(damaged, "delta", fresh_cache(), tmp_path)


def test_a_later_format_is_refused_by_name(damaged: Bucket, tmp_path: Path) -> None:
    """What a later version wrote is neither guessed at nor served raw."""
    change(damaged, "delta", codec="unpack/9")
    with pytest.raises(UnsupportedFormat, match="unpack/9"):
        Store(damaged).get("delta", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_damaged_or_missing_base_is_not_used_again(
    damaged: Bucket, fresh_cache: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A put looks at its base first: one that is gone or damaged is passed over."""
    caplog.set_level(logging.WARNING)
    base = layout.base_key(sha256(release(0)))
    change(damaged, base, body=release(0)[:-1])
    result = Store(damaged, cache=fresh_cache()).put(release(4), "new.bin")
    assert result.new_base
    assert "is not used" in caplog.text
    damaged.delete(base)
    result = Store(damaged, cache=fresh_cache()).put(release(5), "newer.bin")
    assert result.base == sha256(release(4))
    store = Store(damaged, cache=fresh_cache())
    assert store.read("new.bin") == release(4)
    assert store.read("newer.bin") == release(5)


def test_a_base_that_is_gone_is_put_back_by_its_own_file(damaged: Bucket, fresh_cache: Any) -> None:
    """Whoever puts the file of a lost base again, restores all that depended on it."""
    damaged.delete(layout.base_key(sha256(release(0))))
    assert Store(damaged, cache=fresh_cache()).put(release(0), "again").new_base
    store = Store(damaged, cache=fresh_cache())
    assert store.read("again") == release(0)
    assert store.read("delta") == release(3)


# ---- Inputs that change, targets that refuse -------------------------------------------------


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
