"""What every bucket promises, the folder and S3 alike."""

from __future__ import annotations

import hashlib
import io
import mmap
import random
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest

from deltaloft.bucket import Attributes, Bucket
from deltaloft.bucket_url import open_bucket
from deltaloft.errors import (
    AlreadyExists,
    BucketNotFound,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
)

PLAIN = Attributes()
FULL = Attributes(
    metadata={"dl-v": "1", "colour": "blue and green", "x-y.z": "!#~"},
    content_type="application/zip",
    content_encoding="vcdiff",
    content_disposition='attachment; filename="a.zip"',
    content_language="en",
    cache_control="max-age=60, public",
)
AWKWARD_KEYS = [
    "a",
    "A",
    "a b",
    "a+b",
    "a%20b",
    "a%2Bb",
    "%",
    "?",
    "#",
    "&",
    "a?versionId=1",
    "a#fragment",
    "a/b",
    "a//b",
    "a/./b",
    "a/../b",
    ".",
    "..",
    "../../etc/passwd",
    "/a",
    "//a",
    "a/",
    "a.delta",
    "a\\b",
    "con",
    "\u00e4",  # one character, and the same letter of two: NFC and NFD
    "a\u0308",
    "\U0001f600",
    "\uffee",  # its UTF-8 comes before that of the emoji, its UTF-16 after
    "'\"<>",
    "x" * 1024,
    "\u00e4" * 512,
    "x/" * 512,
]


def read(bucket: Bucket, key: str) -> bytes:
    """Return all bytes of an object."""
    with bucket.get(key) as reading:
        assert reading is not None
        return b"".join(reading.chunks())


def test_round_trip(bucket: Bucket) -> None:
    """An object comes back with its bytes and attributes, and all calls agree about it."""
    before = datetime.now(UTC) - timedelta(seconds=5)
    etag = bucket.put("some/key", b"hello", FULL)
    with bucket.get("some/key") as reading:
        assert reading is not None
        assert list(reading.chunks(2)) == [b"he", b"ll", b"o"]
        info = reading.info
    assert (info.key, info.size, info.etag, info.attributes) == ("some/key", 5, etag, FULL)
    assert before < info.modified < before + timedelta(minutes=5)
    assert bucket.head("some/key") == info
    (listed,) = bucket.list()
    assert (listed.key, listed.size, listed.etag) == ("some/key", 5, etag)
    assert abs(listed.modified - info.modified) < timedelta(seconds=1)


def test_unset_attributes_stay_unset(bucket: Bucket) -> None:
    """What was not set reads as None, whatever the endpoint's defaults are."""
    bucket.put("key", b"x", PLAIN)
    assert bucket.head("key").attributes == PLAIN


def test_put_replaces_everything(bucket: Bucket) -> None:
    """A second put leaves nothing of the first, attributes included."""
    first = bucket.put("key", b"first, and longer", FULL)
    second = bucket.put("key", b"second", Attributes(metadata={"other": "1"}))
    assert first != second
    assert read(bucket, "key") == b"second"
    assert bucket.head("key").attributes == Attributes(metadata={"other": "1"})
    assert [listed.etag for listed in bucket.list()] == [second]


def test_empty_object(bucket: Bucket) -> None:
    """An object of no bytes is an object."""
    bucket.put("empty", b"", PLAIN)
    assert read(bucket, "empty") == b""
    assert bucket.head("empty").size == 0


def test_every_kind_of_body(bucket: Bucket, tmp_path: Path) -> None:
    """Buffers of all kinds are stored whole, files from their position to their end."""
    content = b"0123456789abcdef"
    (tmp_path / "file").write_bytes(content)
    with mmap.mmap(-1, 16) as mapping, (tmp_path / "file").open("rb") as file:
        mapping[:] = content
        mapping.seek(5)
        file.seek(3)
        raw = io.FileIO(tmp_path / "file")
        in_memory = io.BytesIO(content)
        in_memory.seek(10)
        bodies = {
            "bytes": (content, content),
            "bytearray": (bytearray(content), content),
            "memoryview": (memoryview(content)[2:9], content[2:9]),
            "array": (array("I", [1, 2]), array("I", [1, 2]).tobytes()),
            "mmap": (mapping, content),
            "file": (file, content[3:]),
            "raw file": (raw, content),
            "in memory": (in_memory, content[10:]),
        }
        for kind, (body, _) in bodies.items():
            bucket.put(kind, body, PLAIN)
        raw.close()
    assert {kind: read(bucket, kind) for kind in bodies} == {
        kind: expected for kind, (_, expected) in bodies.items()
    }


@pytest.mark.parametrize(
    ("start", "size"),
    [(0, 1), (0, 10), (0, 11), (3, 4), (9, 1), (9, 99), (4, None), (9, None), (0, None)],
)
def test_range(bucket: Bucket, start: int, size: int | None) -> None:
    """A range is that slice of the object; its info is the whole object's."""
    bucket.put("key", b"0123456789", PLAIN)
    with bucket.get("key", start=start, size=size) as reading:
        assert reading is not None
        end = None if size is None else start + size
        assert b"".join(reading.chunks(3)) == b"0123456789"[start:end]
        assert reading.info.size == 10


@pytest.mark.parametrize(
    ("content", "start", "size"), [(b"0123", 4, None), (b"0123", 9, 1), (b"", 0, 1)]
)
def test_range_past_the_end(bucket: Bucket, content: bytes, start: int, size: int | None) -> None:
    """A range that begins past the end is refused, not cut to nothing."""
    bucket.put("key", content, PLAIN)
    with pytest.raises(InvalidRequest), bucket.get("key", start=start, size=size):
        pass


@pytest.mark.parametrize(("start", "size"), [(-1, None), (0, 0), (0, -1)])
def test_senseless_range(bucket: Bucket, start: int, size: int | None) -> None:
    """A range that no object has is refused."""
    bucket.put("key", b"0123", PLAIN)
    with pytest.raises(InvalidRequest), bucket.get("key", start=start, size=size):
        pass


def test_conditional_get(bucket: Bucket) -> None:
    """`if_none_match` saves the download of what is known, `if_match` refuses another version."""
    old = bucket.put("key", b"old", PLAIN)
    new = bucket.put("key", b"new", PLAIN)
    with bucket.get("key", if_none_match=new) as reading:
        assert reading is None
    with bucket.get("key", if_none_match=old) as reading:
        assert reading is not None
        assert b"".join(reading.chunks()) == b"new"
    with bucket.get("key", if_match=new, start=1) as reading:
        assert reading is not None
        assert b"".join(reading.chunks()) == b"ew"
    with pytest.raises(PreconditionFailed), bucket.get("key", if_match=old):
        pass


def test_missing_key(bucket: Bucket) -> None:
    """A key that is not there is NotFound, and not the bucket's fault; deleting it is no error."""
    for look in (lambda: bucket.get("no").__enter__(), lambda: bucket.head("no")):
        with pytest.raises(NotFound) as caught:
            look()
        assert type(caught.value) is NotFound
        assert f"{bucket.url}/no" in str(caught.value)
    bucket.delete("no")
    assert list(bucket.list()) == []


def test_delete(bucket: Bucket) -> None:
    """A deleted object is gone from every call; its neighbours stay."""
    bucket.put("a", b"1", PLAIN)
    bucket.put("a/b", b"2", PLAIN)
    bucket.delete("a")
    assert [listed.key for listed in bucket.list()] == ["a/b"]
    assert read(bucket, "a/b") == b"2"
    with pytest.raises(NotFound):
        bucket.head("a")


def test_no_clobber(bucket: Bucket) -> None:
    """`no_clobber` writes a free key and leaves a taken one alone."""
    bucket.put("key", b"first", FULL, no_clobber=True)
    with pytest.raises(AlreadyExists):
        bucket.put("key", b"second", PLAIN, no_clobber=True)
    assert read(bucket, "key") == b"first"
    assert bucket.head("key").attributes == FULL
    bucket.delete("key")
    bucket.put("key", b"third", PLAIN, no_clobber=True)
    assert read(bucket, "key") == b"third"


def test_if_match(bucket: Bucket) -> None:
    """`if_match` replaces only the version that it names, again and again."""
    etag = bucket.put("key", b"0", PLAIN)
    stale = etag
    for number in range(1, 4):
        etag = bucket.put("key", b"%d" % number, FULL, if_match=etag)
        assert bucket.head("key").attributes == FULL
    with pytest.raises(PreconditionFailed) as caught:
        bucket.put("key", b"stale", PLAIN, if_match=stale)
    assert not isinstance(caught.value, AlreadyExists)
    assert (read(bucket, "key"), bucket.head("key").etag) == (b"3", etag)


def test_if_match_of_a_missing_key(bucket: Bucket) -> None:
    """`if_match` creates nothing when the object is gone."""
    etag = bucket.put("key", b"0", PLAIN)
    bucket.delete("key")
    with pytest.raises(PreconditionFailed):
        bucket.put("key", b"1", PLAIN, if_match=etag)
    assert list(bucket.list()) == []


def test_contradicting_conditions(bucket: Bucket) -> None:
    """An object cannot be asked to be there and not to be there."""
    with pytest.raises(InvalidRequest):
        bucket.put("key", b"", PLAIN, if_match="x", no_clobber=True)


def test_one_creator_of_many_wins(bucket: Bucket) -> None:
    """Of eight writers that create one key at once, one succeeds and its bytes stay."""
    for round_ in range(3):
        key = f"key{round_}"
        start = Barrier(8)

        def create(number: int, key: str = key, start: Barrier = start) -> bytes | None:
            body = b"%d" % number * 1000
            start.wait()
            try:
                bucket.put(key, body, PLAIN, no_clobber=True)
            except AlreadyExists:
                return None
            return body

        with ThreadPoolExecutor(8) as threads:
            written = [body for body in threads.map(create, range(8)) if body is not None]
        assert written == [read(bucket, key)]


def test_no_update_is_lost(bucket: Bucket) -> None:
    """Writers that agree by `if_match` lose none of each other's updates."""
    bucket.put("count", b"0", PLAIN)

    def count(_: int) -> None:
        done = 0
        while done < 5:
            with bucket.get("count") as reading:
                assert reading is not None
                value = int(b"".join(reading.chunks()))
            try:
                bucket.put("count", b"%d" % (value + 1), PLAIN, if_match=reading.info.etag)
            except PreconditionFailed:
                continue
            done += 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(4)))
    assert read(bucket, "count") == b"20"


def test_awkward_keys(bucket: Bucket) -> None:
    """Any key of S3 is a key of its own, and listings are in order of UTF-8 bytes."""
    for key in AWKWARD_KEYS:
        bucket.put(key, key.encode(), PLAIN)
    assert {key: read(bucket, key) for key in AWKWARD_KEYS} == {
        key: key.encode() for key in AWKWARD_KEYS
    }
    in_order = sorted(AWKWARD_KEYS, key=str.encode)
    assert [listed.key for listed in bucket.list()] == in_order
    for key in AWKWARD_KEYS:
        assert [listed.key for listed in bucket.list(key)] == [
            each for each in in_order if each.startswith(key)
        ]
    bucket.delete("a")
    assert len(list(bucket.list())) == len(AWKWARD_KEYS) - 1


@pytest.mark.parametrize("key", ["", "x" * 1025, "\u00e4" * 513, "\udcff"])
def test_impossible_keys(bucket: Bucket, key: str) -> None:
    """What is no key of S3 is refused by every call, in a text that can be printed."""
    calls: list[Callable[[], object]] = [
        lambda: bucket.put(key, b"", PLAIN),
        lambda: bucket.get(key).__enter__(),
        lambda: bucket.head(key),
        lambda: bucket.delete(key),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest) as caught:
            call()
        assert str(caught.value).encode()


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(metadata={"Upper": "x"}),
        Attributes(metadata={"": "x"}),
        Attributes(metadata={"a b": "x"}),
        Attributes(metadata={"a": "line\nbreak"}),
        Attributes(metadata={"a": " blank"}),
        Attributes(metadata={"a": "\u00e4"}),
        Attributes(content_type="text/plain\r\nx-amz-acl: public-read"),
        Attributes(cache_control=""),
    ],
)
def test_impossible_attributes(bucket: Bucket, attributes: Attributes) -> None:
    """What HTTP would change on the way is refused before anything is written."""
    with pytest.raises(InvalidRequest):
        bucket.put("key", b"", attributes)
    assert list(bucket.list()) == []


def test_list(bucket: Bucket) -> None:
    """A listing has what starts with the prefix and comes after `start_after`, and no more."""
    for key in ("a", "a/1", "a/2", "a/3", "a0", "b"):
        bucket.put(key, key.encode(), PLAIN)

    def keys(prefix: str = "", start_after: str = "") -> list[str]:
        return [listed.key for listed in bucket.list(prefix, start_after=start_after)]

    assert keys() == ["a", "a/1", "a/2", "a/3", "a0", "b"]
    assert keys("a/") == ["a/1", "a/2", "a/3"]
    assert keys("a/", "a/1") == ["a/2", "a/3"]
    assert keys("a/", "a") == ["a/1", "a/2", "a/3"]
    assert keys("a/", "z") == []
    assert keys("", "a/3") == ["a0", "b"]
    assert keys("c") == []


def test_large_object(bucket: Bucket, tmp_path: Path) -> None:
    """An object above the limit of one request is stored, conditions and attributes included."""
    path = tmp_path / "large"
    content = random.Random(5).randbytes(1 << 20) * 65
    path.write_bytes(b"skipped" + content)
    with path.open("rb") as file:
        file.seek(7)
        etag = bucket.put("key", file, FULL, no_clobber=True)
    digest = hashlib.sha256()
    with bucket.get("key") as reading:
        assert reading is not None
        assert (reading.info.size, reading.info.etag) == (len(content), etag)
        assert reading.info.attributes == FULL
        for chunk in reading.chunks():
            digest.update(chunk)
    assert digest.digest() == hashlib.sha256(content).digest()
    with pytest.raises(AlreadyExists):
        bucket.put("key", content, PLAIN, no_clobber=True)
    with pytest.raises(PreconditionFailed):
        bucket.put("key", content, PLAIN, if_match="stale")
    assert bucket.head("key").etag == etag
    assert bucket.put("key", memoryview(content), PLAIN, if_match=etag) != ""
    assert bucket.head("key").attributes == PLAIN


@pytest.mark.parametrize("seed", [1, 2])
def test_like_a_dictionary(bucket: Bucket, seed: int) -> None:
    """After any sequence of calls the bucket holds what a dictionary would."""
    chance = random.Random(seed)
    expected: dict[str, bytes] = {}
    for _ in range(80):
        key = chance.choice(["a", "b", "b/c", "b/d", "e"])
        body = chance.randbytes(chance.choice([0, 1, 100, 5000]))
        match chance.choice(["put", "put", "create", "replace", "delete", "get", "list"]):
            case "put":
                bucket.put(key, body, PLAIN)
                expected[key] = body
            case "create" if key in expected:
                with pytest.raises(AlreadyExists):
                    bucket.put(key, body, PLAIN, no_clobber=True)
            case "create":
                bucket.put(key, body, PLAIN, no_clobber=True)
                expected[key] = body
            case "replace" if key in expected:
                bucket.put(key, body, PLAIN, if_match=bucket.head(key).etag)
                expected[key] = body
            case "delete":
                bucket.delete(key)
                expected.pop(key, None)
            case "get" if key in expected:
                assert read(bucket, key) == expected[key]
            case "list":
                prefix = chance.choice(["", "b", "b/", "x"])
                assert [(each.key, each.size) for each in bucket.list(prefix)] == [
                    (each, len(expected[each]))
                    for each in sorted(expected)
                    if prefix in each[:2] and each.startswith(prefix)
                ]
    assert {each.key: read(bucket, each.key) for each in bucket.list()} == expected


def test_local_path(bucket: Bucket) -> None:
    """A local path, where there is one, holds just the object's bytes."""
    bucket.put("a/../key", b"bytes", FULL)
    path = bucket.local_path("a/../key")
    if bucket.url.startswith("file:"):
        assert path is not None
        assert path.read_bytes() == b"bytes"
    else:
        assert path is None
    assert bucket.local_path("missing") is None


def test_open_by_url(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket's own URL opens it again."""
    bucket.put("key", b"bytes", PLAIN)
    if bucket.url.startswith("s3:"):
        endpoint = bucket.client.meta.endpoint_url  # type: ignore[attr-defined]
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for create in (False, True):
        assert read(open_bucket(bucket.url, create=create), "key") == b"bytes"
    if bucket.url.startswith("file:"):
        assert read(open_bucket(Path(bucket.url.removeprefix("file://"))), "key") == b"bytes"


def test_missing_bucket(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that is not there is BucketNotFound in every call, and none of them makes it."""
    url = f"{bucket.url}-missing"
    if url.startswith("file:"):
        with pytest.raises(BucketNotFound):
            open_bucket(url)
        assert not Path(url.removeprefix("file://")).exists()
        return
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.client.meta.endpoint_url)  # type: ignore[attr-defined]
    missing = open_bucket(url)
    calls: list[Callable[[], object]] = [
        lambda: missing.head("key"),
        lambda: missing.get("key").__enter__(),
        lambda: missing.put("key", b"", PLAIN),
        lambda: missing.put("key", b"", PLAIN, no_clobber=True),
        lambda: missing.put("key", b"", PLAIN, if_match="x"),
        lambda: missing.delete("key"),
        lambda: list(missing.list()),
    ]
    for call in calls:
        with pytest.raises(BucketNotFound):
            call()
