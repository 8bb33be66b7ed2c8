"""Files of DeltaGlider's, read in place: every dialect, every spelling, and what is refused."""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from glider import sha256
from producers import archive

from deltaloft import inspect
from deltaloft import xdelta3 as engine
from deltaloft.base_cache import BaseCache
from deltaloft.deltaglider import Limits
from deltaloft.errors import (
    DamagedObject,
    DeltaloftError,
    NotFound,
    PreconditionFailed,
    UnsupportedDelta,
    UnsupportedFormat,
    WrongSource,
)
from deltaloft.store import Store

FIRST, LATER = archive(0), archive(1)
# Backwards it has nothing in common with anything: sections are long enough to be packed.
LITERALS = LATER + FIRST[20_000::-1]


@pytest.fixture
def written(glider: Any) -> Any:
    """A folder of two archives and a note."""
    glider.put("p/q/a.zip", FIRST)
    glider.put("p/q/b.zip", LATER)
    glider.put_direct("p/q/notes.txt", b"notes")
    return glider


def test_files_come_back(written: Any, older: Store, tmp_path: Path) -> None:
    """First, later and direct files, to a path and into memory, proven by their digests."""
    for key, data in {"p/q/a.zip": FIRST, "p/q/b.zip": LATER, "p/q/notes.txt": b"notes"}.items():
        result = older.get(key, tmp_path / "target")
        assert (tmp_path / "target").read_bytes() == data
        assert older.read(key) == data
        assert ("deltaglider", len(data), sha256(data)) == (result.form, result.size, result.sha256)
        described = older.stat(key)
        assert (sha256(data), len(data)) == (described.sha256, described.size)
        assert {} == dict(described.attributes.metadata)


def test_a_file_is_read_in_parts(written: Any, older: Store) -> None:
    """Anywhere, after the file that DeltaGlider stored as a delta was made and proven once."""
    packed = [gzip.compress(data, mtime=0) for data in (FIRST, LATER)]
    for name, data in zip(("a.tgz", "b.tgz"), packed, strict=True):
        written.put(f"z/{name}", data)
    files = {
        "p/q/a.zip": FIRST,
        "p/q/b.zip": LATER,
        "z/b.tgz": packed[1],
        "p/q/notes.txt": b"notes",
    }
    for key, data in files.items():
        with older.open_file(key) as file:
            for start in (0, len(data) - 4, len(data) // 2):
                file.seek(start)
                assert data[start : start + 4] == file.read(4)
            assert len(data) == file.size == file.seek(0, io.SEEK_END)
            assert file.etag == older.stat(key).etag
    with older.open_file("p/q/b.zip") as file:
        written.put("p/q/b.zip", FIRST)
        with pytest.raises(PreconditionFailed):
            file.read(1)


def test_parts_of_a_damaged_file_are_not_given(written: Any, older: Store) -> None:
    """Not even those that would be right: the digest of the whole is compared first."""
    written.rewrite("p/q/b.zip.delta", lambda old: {**old, "dg-file-sha256": sha256(b"")})
    with (
        older.open_file("p/q/b.zip") as file,
        pytest.raises(DamagedObject, match=rf"sha256 {sha256(b'')} expected"),
    ):
        file.read(1)


@pytest.mark.parametrize("off", [-1, 1])
def test_a_size_that_lies_is_refused(off: int, written: Any, older: Store) -> None:
    """Who opened a file was told its size: right bytes of another size are none."""
    size = str(len(FIRST) + off)
    written.rewrite("p/q/a.zip.delta", lambda old: {**old, "dg-file-size": size})
    with (
        older.open_file("p/q/a.zip") as file,
        pytest.raises(DamagedObject, match=f"{size} bytes expected"),
    ):
        file.read(1)


@pytest.mark.parametrize(
    "options",
    [
        ("-9",),
        ("-1",),
        ("-S", "none"),
        ("-S", "lzma"),
        ("-S", "djw"),
        ("-S", "fgk"),
        ("-A=",),
        ("-D",),
        ("-n",),
        ("-W", "16384"),
    ],
    ids=" ".join,
)
def test_dialects(options: tuple[str, ...], glider: Any, older: Store) -> None:
    """Whatever xdelta3 was told: secondary compression, no header, no checksums, small windows."""
    if {"djw", "fgk"} & set(options) and not engine.available():
        pytest.skip("built without xdelta3 (vendor/xdelta3/README.md)")
    glider.options = options
    glider.put("a.tar", FIRST)
    glider.put("b.tar", LITERALS)
    packed = {name for window in inspected(glider, "b.tar.delta").windows for name in window.packed}
    assert ("data" in packed) == ("none" not in options)
    assert older.read("b.tar") == LITERALS


def inspected(glider: Any, key: str) -> Any:
    """Return what a stored delta says of itself."""
    with glider.bucket.get(key) as reading:
        return inspect(b"".join(reading.chunks()))


@pytest.mark.parametrize("options", [("-9",), ("-A=",), ("-D",), ("-D", "-A=")], ids=" ".join)
def test_a_compressed_reference(options: tuple[str, ...], glider: Any, older: Store) -> None:
    """The source is the reference inflated or as it is; without a header both are tried."""
    glider.put("a.tar.gz", gzip.compress(FIRST, mtime=0))
    glider.options = options
    packed = gzip.compress(LATER, mtime=0)
    glider.put("b.tar.gz", packed)
    glider.put("c.tar", LATER)
    assert older.read("b.tar.gz") == packed
    assert older.read("c.tar") == LATER


def spelled(how: str, name: str) -> str:
    """Return a name of DeltaGlider's in another spelling."""
    bare = name.removeprefix("dg-")
    under = bare.replace("-", "_")
    return {"dg-": name, "dg_": f"dg_{under}", "_": under, "-": bare}[how]


@pytest.mark.parametrize("how", ["dg-", "dg_", "_", "-"])
def test_spellings(how: str, written: Any, older: Store) -> None:
    """Metadata of each released layout."""
    for key in ("p/q/reference.bin", "p/q/b.zip.delta", "p/q/notes.txt"):
        written.rewrite(key, lambda old: {spelled(how, name): v for name, v in old.items()})
    assert older.read("p/q/b.zip") == LATER
    assert "deltaglider" == older.stat("p/q/notes.txt").form
    assert {} == dict(older.stat("p/q/b.zip").attributes.metadata)
    assert ["p/q/a.zip", "p/q/b.zip", "p/q/notes.txt"] == [each.key for each in older.list()]


@pytest.mark.parametrize("name", ["dg-ref-path", "dg-ref-key", "ref-path", "ref-key"])
def test_what_the_proxy_writes(name: str, written: Any, older: Store) -> None:
    """The path of the reference in other names, and the user's attributes in the metadata."""

    def of_proxy(old: dict[str, str]) -> dict[str, str]:
        del old["dg-ref-key"]
        more = {"dg-note": "delta", "user-team": "core", "content-type": "application/zip"}
        return {**old, **more, name: "reference.bin", "dg-encrypted-native": "sse-s3"}

    written.rewrite("p/q/b.zip.delta", of_proxy)
    assert older.read("p/q/b.zip") == LATER
    attributes = older.stat("p/q/b.zip").attributes
    assert ({"team": "core"}, "application/zip") == (attributes.metadata, attributes.content_type)


def test_an_encrypted_file_of_the_proxy_is_refused(written: Any, older: Store) -> None:
    """Its bytes are no delta; only the proxy has the key."""
    written.rewrite("p/q/b.zip.delta", lambda old: {**old, "dg-encrypted": "aes-256-gcm-v1"})
    with pytest.raises(UnsupportedFormat, match="encrypted by the DeltaGlider proxy"):
        older.read("p/q/b.zip")


@pytest.mark.parametrize(
    "path",
    ["../../reference.bin", "/etc/reference.bin", "p//reference.bin", "./reference.bin", "..",
     "elsewhere/reference.bin", "x" * 1500],
)  # fmt: skip
def test_the_reference_is_looked_for_beside_the_delta(
    path: str, written: Any, older: Store
) -> None:
    """Whatever path a delta names, moved or hostile, the reference of its own folder serves."""
    written.rewrite("p/q/b.zip.delta", lambda old: {**old, "dg-ref-key": path})
    assert older.read("p/q/b.zip") == LATER


def test_a_delta_that_was_moved_finds_its_reference(written: Any, older: Store) -> None:
    """The folder that the delta names comes second."""
    move(written.bucket, "p/q/b.zip.delta", "r/b.zip.delta")
    assert older.read("r/b.zip") == LATER


@pytest.mark.parametrize("path", ["../p/reference.bin", "/p/reference.bin", "p/./reference.bin"])
def test_a_hostile_path_is_not_followed(path: str, written: Any, older: Store) -> None:
    """Not even where it would lead to the reference: a store may have a root to stay in."""
    for key in ("../p/reference.bin", "/p/reference.bin", "p/./reference.bin"):
        copy(written.bucket, "p/q/reference.bin", key)
    move(written.bucket, "p/q/b.zip.delta", "r/b.zip.delta")
    written.rewrite("r/b.zip.delta", lambda old: {**old, "dg-ref-key": path})
    with pytest.raises(DamagedObject, match=r"its reference is missing: .*r/reference\.bin"):
        older.read("r/b.zip")


@pytest.mark.parametrize("honest", [True, False])
def test_an_overwritten_reference_is_named(
    honest: bool, written: Any, older: Store, tmp_path: Path
) -> None:
    """Two first uploads at once, or a user's own reference.bin: nobody gets wrong bytes."""
    other = random.Random(3).randbytes(len(FIRST))
    if honest:
        written.put_direct("p/q/reference.bin", other)
    else:
        copy(written.bucket, "p/q/reference.bin", "p/q/reference.bin", body=other)
    target = tmp_path / "target"
    target.write_bytes(b"what was here")
    with pytest.raises(WrongSource, match=rf"reference .*{sha256(FIRST)} expected"):
        older.get("p/q/b.zip", target)
    assert b"what was here" == target.read_bytes()


def test_the_cache_outlives_the_reference(
    glider: Any, new_s3_bucket: Any, moto_endpoint: str, tmp_path: Path
) -> None:
    """What a process has seen of a folder serves it when the reference is overwritten."""
    glider.bucket = new_s3_bucket(moto_endpoint)
    glider.put("a.zip", FIRST)
    glider.put("b.zip", LATER)
    store = Store(glider.bucket, cache=BaseCache(tmp_path / "cache", key=bytes(32)))
    assert store.read("b.zip") == LATER
    glider.put_direct("reference.bin", b"other")
    assert store.read("a.zip") == FIRST
    fresh = Store(glider.bucket, cache=BaseCache(tmp_path / "fresh", key=bytes(32)))
    with pytest.raises(WrongSource):
        fresh.read("b.zip")


def test_a_lying_reference_on_s3(
    glider: Any, new_s3_bucket: Any, moto_endpoint: str, tmp_path: Path
) -> None:
    """Other bytes under the old metadata show when they are downloaded."""
    glider.bucket = new_s3_bucket(moto_endpoint)
    glider.put("a.zip", FIRST)
    glider.put("b.zip", LATER)
    copy(glider.bucket, "reference.bin", "reference.bin", body=LATER[: len(FIRST)])
    store = Store(glider.bucket, cache=BaseCache(tmp_path / "cache", key=bytes(32)))
    with pytest.raises(WrongSource, match=r"reference s3://.*/reference\.bin"):
        store.read("b.zip")


def test_a_missing_reference_is_named(written: Any, older: Store) -> None:
    """A lifecycle rule or another tool's clean-up took it."""
    written.bucket.delete("p/q/reference.bin")
    with pytest.raises(DamagedObject, match=r"its reference is missing: .*p/q/reference\.bin"):
        older.read("p/q/b.zip")


@pytest.mark.parametrize("lost", ["dg-file-sha256", "dg-file-size"])
def test_a_delta_that_lost_some_metadata_is_refused(lost: str, written: Any, older: Store) -> None:
    """DeltaGlider hands out the delta itself, under the file's name."""
    written.rewrite("p/q/b.zip.delta", lambda old: {k: v for k, v in old.items() if k != lost})
    with pytest.raises(DamagedObject, match=rf"lost its metadata: {lost} expected"):
        older.read("p/q/b.zip")


def test_a_delta_that_lost_all_metadata_is_refused(written: Any, older: Store) -> None:
    """A copy without metadata is told by its first bytes and the reference beside it."""
    written.rewrite("p/q/b.zip.delta", lambda old: {})
    with pytest.raises(DamagedObject, match=r"b\.zip\.delta: a delta that lost its metadata"):
        older.read("p/q/b.zip")


def test_what_is_not_needed_may_be_lost(written: Any, older: Store) -> None:
    """DeltaGlider fails without a tool, a time or a name; the digests are enough."""
    kept = ("dg-file-sha256", "dg-file-size")
    written.rewrite("p/q/b.zip.delta", lambda old: {name: old[name] for name in kept})
    assert older.read("p/q/b.zip") == LATER


def test_a_damaged_delta_is_refused(written: Any, older: Store) -> None:
    """Cut anywhere or with any bit flipped: the file or an error."""
    with written.bucket.get("p/q/b.zip.delta") as reading:
        body = b"".join(reading.chunks())
    seeded = random.Random(5)
    for _ in range(60):
        place = seeded.randrange(len(body))
        bad = bytearray(body)
        bad[place] ^= 1 << seeded.randrange(8)
        copy(written.bucket, "p/q/b.zip.delta", "p/q/b.zip.delta", body=bytes(bad))
        try:
            assert older.read("p/q/b.zip") == LATER
        except (DamagedObject, UnsupportedDelta) as error:
            assert "p/q/b.zip.delta" in str(error)
    copy(written.bucket, "p/q/b.zip.delta", "p/q/b.zip.delta", body=body[:-1])
    with pytest.raises(DamagedObject, match=f"{len(body)} bytes expected, found {len(body) - 1}"):
        older.read("p/q/b.zip")


def test_a_direct_file_is_proven(written: Any, older: Store) -> None:
    """Its digest is compared, as DeltaGlider does."""
    copy(written.bucket, "p/q/notes.txt", "p/q/notes.txt", body=b"other")
    with pytest.raises(DamagedObject, match=rf"sha256 {sha256(b'notes')} expected"):
        older.read("p/q/notes.txt")


def test_empty_files_and_odd_names(glider: Any, older: Store) -> None:
    """An empty first file, a deep folder, a name beyond ASCII in the key alone."""
    glider.put("x/y/z/empty.zip", b"")
    glider.put("x/y/z/full.zip", FIRST)
    glider.put("root.zip", FIRST)
    assert [b"", FIRST, FIRST] == [
        older.read(key) for key in ("x/y/z/empty.zip", "x/y/z/full.zip", "root.zip")
    ]
    move(glider.bucket, "x/y/z/full.zip.delta", "x/y/z/日本 ü.zip.delta")
    assert older.read("x/y/z/日本 ü.zip") == FIRST


@pytest.mark.parametrize("packed", ["reference", "target"])
def test_a_bomb_is_refused(packed: str, glider: Any, folder_bucket: Any) -> None:
    """Neither a reference nor a target may inflate beyond the limit."""
    zeros = bytes(4 << 20)
    bomb = gzip.compress(zeros, mtime=0)
    first, later = (bomb, zeros[1:]) if packed == "reference" else (FIRST, bomb)
    glider.put("a.tar", first)
    glider.put("b.tar", later)
    narrow = Store(folder_bucket, deltaglider=Limits(inflated_size=1 << 20))
    with pytest.raises(DamagedObject, match="1048576"):
        narrow.read("b.tar")
    assert later == Store(folder_bucket).read("b.tar")


def test_a_build_without_xdelta3_says_so(glider: Any) -> None:
    """DJW sections need upstream's engine; who lacks it reads that."""
    glider.options = ("-S", "djw")
    glider.put("a.tar", FIRST)
    glider.put("b.tar", LITERALS)
    code = (
        "import sys; sys.modules['deltaloft._xdelta3'] = None\n"
        "from deltaloft.store import Store\n"
        "from deltaloft.errors import UnsupportedDelta\n"
        "try: Store.open(sys.argv[1]).read('b.tar')\n"
        "except UnsupportedDelta as error: print(error)"
    )
    url = glider.bucket.url
    done = subprocess.run(
        [sys.executable, "-c", code, url], check=True, capture_output=True, text=True
    )
    assert "b.tar.delta: " in done.stdout
    assert "packed by DJW" in done.stdout
    assert "this build lacks the xdelta3 engine" in done.stdout


@pytest.mark.parametrize("field", ["dg-file-size", "dg-ref-sha256", "dg-file-sha256",
                                   "dg-created-at", "dg-original-name", "dg-tool"])  # fmt: skip
@pytest.mark.parametrize("value", ["-1", "9" * 20, "x" * 70, "%00", "2026-13-45T", "0001-01-01"])
def test_hostile_metadata(field: str, value: str, written: Any, older: Store) -> None:
    """Any value anywhere: the file or a typed error."""
    written.rewrite("p/q/b.zip.delta", lambda old: {**old, field: value})
    try:
        assert older.read("p/q/b.zip") == LATER
    except DeltaloftError as error:
        assert not isinstance(error, NotFound)


def move(bucket: Any, source: str, target: str) -> None:
    """Rename an object as S3 tools do."""
    copy(bucket, source, target)
    bucket.delete(source)


def copy(bucket: Any, source: str, target: str, *, body: bytes | None = None) -> None:
    """Copy an object with its metadata, or other bytes under the same metadata."""
    with bucket.get(source) as reading:
        data = b"".join(reading.chunks()) if body is None else body
        attributes = reading.info.attributes
    bucket.put(target, io.BytesIO(data), attributes)
