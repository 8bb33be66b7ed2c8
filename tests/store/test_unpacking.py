"""The store looks inside archives where that is smaller, and keeps to VCDIFF when asked to."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from releases import stored

from deltaloft import inspect, layout
from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Attributes, Bucket
from deltaloft.bucket_requests import object_url
from deltaloft.errors import DamagedObject, InvalidRequest
from deltaloft.layout import Delta
from deltaloft.store import Store


def archive(version: int, kind: str) -> bytes:
    """Make a release: each file has another few words than in the one before."""
    chance = random.Random(1)
    words = [f"{chance.getrandbits(28):x}" for _ in range(60_000)]
    for each in range(version):
        words[each * 997 % len(words)] = f"release{each}"
    out = io.BytesIO()
    text = " ".join(words).encode()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("words.txt"), text, zipfile.ZIP_DEFLATED)
            archive.writestr(zipfile.ZipInfo("same.bin"), chance.randbytes(5000))
    else:
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            entry = tarfile.TarInfo(f"words-{version}.txt")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return out.getvalue()


def form(bucket: Bucket, key: str) -> Delta:
    """Return what the metadata of a key say."""
    found = layout.form_of(bucket.head(key), object_url(bucket.url, key))
    assert isinstance(found, Delta)
    return found


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_archives_are_looked_into(
    bucket: Bucket, fresh_cache: Callable[[], BaseCache], kind: str, tmp_path: Path
) -> None:
    """A release whose deflated bytes all changed costs few bytes, and other machines read it."""
    store = Store(bucket, cache=fresh_cache())
    releases = [archive(version, kind) for version in range(3)]
    for version, content in enumerate(releases):
        result = store.put(content, f"app-{version}.{kind}")
        assert result.new_base == (version == 0)
        if version > 0:
            assert result.stored_size < len(content) / 50
            assert "unpack/1" == form(bucket, result.key).codec
    other = Store(bucket, cache=fresh_cache())
    for version, content in enumerate(releases):
        other.get(f"app-{version}.{kind}", tmp_path / "out")
        assert content == (tmp_path / "out").read_bytes()
        assert content == other.read(f"app-{version}.{kind}")


def test_codec_vcdiff_keeps_to_what_stock_tools_read(store: Store, bucket: Bucket) -> None:
    """With codec="vcdiff" no delta looks inside, and each is a plain VCDIFF delta."""
    store.put(archive(0, "zip"), "app-0.zip")
    half = archive(0, "zip") + random.Random(3).randbytes(60_000)
    for key, content in (("half.zip", half), ("app-1.zip", archive(1, "zip"))):
        result = store.put(content, key, codec="vcdiff")
        body = stored(bucket, key)
        assert "vcdiff" == form(bucket, key).codec
        assert "vcdiff" == bucket.head(key).attributes.content_encoding
        assert len(content) == inspect(body).target_size
        assert content == store.read(key)
        assert result.form == "delta"


def test_the_users_content_encoding_comes_back(store: Store, bucket: Bucket) -> None:
    """A body of unpack/1 has a Content-Encoding of its own; the user's is kept beside it."""
    given = Attributes(content_encoding="gzip", metadata={"mine": "1"})
    store.put(archive(0, "tar.gz"), "app-0.tgz")
    store.put(archive(1, "tar.gz"), "app-1.tgz", attributes=given)
    assert "x-unpack" == bucket.head("app-1.tgz").attributes.content_encoding
    assert "gzip" == store.stat("app-1.tgz").attributes.content_encoding


def test_any_part_can_be_read(store: Store) -> None:
    """A file stored by its inflated streams is opened and read anywhere, as any other."""
    content = archive(1, "tar.gz")
    store.put(archive(0, "tar.gz"), "app-0.tgz")
    store.put(content, "app-1.tgz")
    with store.open_file("app-1.tgz") as file:
        file.seek(1000)
        assert content[1000:3000] == file.read(2000)
        assert content[-7:] == file.read_at(len(content) - 7, 100)


def test_lost_metadata_is_damage(store: Store, bucket: Bucket) -> None:
    """A body of unpack/1 that lost its metadata in a copy is never given back as the file."""
    store.put(archive(0, "zip"), "app-0.zip")
    store.put(archive(1, "zip"), "app-1.zip")
    kept = Attributes(content_encoding=bucket.head("app-1.zip").attributes.content_encoding)
    bucket.put("copy", stored(bucket, "app-1.zip"), kept)
    with pytest.raises(DamagedObject, match="lost its metadata"):
        store.read("copy")


def test_damaged_body_is_found(store: Store, bucket: Bucket) -> None:
    """A bit that flips anywhere in a body is damage that names the key; no target appears."""
    content = archive(1, "zip")
    store.put(archive(0, "zip"), "app-0.zip")
    store.put(content, "app-1.zip")
    attributes = bucket.head("app-1.zip").attributes
    body = stored(bucket, "app-1.zip")
    for at in range(0, len(body), max(1, len(body) // 12)):
        flipped = body[:at] + bytes([body[at] ^ 4]) + body[at + 1 :]
        bucket.put("app-1.zip", flipped, attributes)
        try:
            assert content == store.read("app-1.zip")
        except DamagedObject as error:
            assert "app-1.zip" in str(error)


def test_unknown_codec_is_refused(store: Store) -> None:
    """A codec that is none says which there are."""
    with pytest.raises(InvalidRequest, match="vcdiff"):
        store.put(b"x", "key", codec="zip")  # type: ignore[arg-type]


def test_a_store_keeps_to_its_codec(
    bucket: Bucket, fresh_cache: Callable[[], BaseCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a put does not say, the store says; what that does not, the environment."""
    Store(bucket, cache=fresh_cache()).put(archive(0, "zip"), "app-0.zip")
    quick, small = (Store(bucket, cache=fresh_cache(), codec=each) for each in ("vcdiff", "auto"))
    quick.put(archive(1, "zip"), "app-1.zip")
    assert "vcdiff" == form(bucket, "app-1.zip").codec
    quick.put(archive(2, "zip"), "app-2.zip", codec="auto")
    assert "unpack/1" == form(bucket, "app-2.zip").codec
    monkeypatch.setenv("DG_CODEC", "vcdiff")
    small.put(archive(3, "zip"), "app-3.zip")
    assert "unpack/1" == form(bucket, "app-3.zip").codec
    Store(bucket, cache=fresh_cache()).put(archive(4, "zip"), "app-4.zip")
    assert "vcdiff" == form(bucket, "app-4.zip").codec
    with pytest.raises(InvalidRequest, match="codec: one of auto, vcdiff expected"):
        Store(bucket, codec="")  # type: ignore[arg-type]


def test_a_copy_to_another_store_is_put_as_asked(
    store: Store, new_folder_bucket: Callable[[], Bucket], fresh_cache: Callable[[], BaseCache]
) -> None:
    """Codec and level are the put's; inside a store a file stays as it is."""
    other_bucket = new_folder_bucket()
    other = Store(other_bucket, cache=fresh_cache())
    for version in range(2):
        store.put(archive(version, "zip"), f"app-{version}.zip")
        store.copy(f"app-{version}.zip", f"app-{version}.zip", target=other, codec="vcdiff")
    assert "vcdiff" == form(other_bucket, "app-1.zip").codec
    store.copy("app-1.zip", "copy.zip", codec="vcdiff")
    assert "unpack/1" == store.get("copy.zip", io.BytesIO()).codec
    assert "plain" == store.copy("app-1.zip", "plain", target=other, delta="never").form


def test_what_a_get_fetched(bucket: Bucket, fresh_cache: Callable[[], BaseCache]) -> None:
    """The body, and the base where it is not at hand; a second get fetches the body alone."""
    given = Store(bucket, cache=fresh_cache())
    base = given.put(archive(0, "zip"), "app-0.zip")
    delta = given.put(archive(1, "zip"), "app-1.zip")
    plain = given.put(b"tiny", "plain")
    store = Store(bucket, cache=fresh_cache())
    cold, warm = (store.get("app-1.zip", io.BytesIO()) for _ in range(2))
    mapped = bucket.url.startswith("file:")  # a base of a folder is where it can be read
    assert delta.stored_size + (0 if mapped else base.size) == cold.spent.fetched_size
    assert delta.stored_size == warm.spent.fetched_size
    assert plain.size == store.get("plain", io.BytesIO()).spent.fetched_size
