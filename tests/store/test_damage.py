"""Whatever is damaged, missing or lying in a bucket: no wrong byte comes out, and it is named."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from releases import change, flipped, release, sha256, stored

from deltaloft import codec, layout
from deltaloft.bases import BaseIndex
from deltaloft.bucket import Bucket
from deltaloft.errors import (
    AccessDenied,
    DamagedObject,
    StorageError,
    Throttled,
    Unreachable,
    UnsupportedFormat,
)
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store


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


@pytest.mark.parametrize("key", ["delta", "plain"])
@pytest.mark.parametrize("later", [{"v": "2"}, {"codec": "unpack/9"}], ids=str)
def test_a_later_format_is_refused_by_name(
    damaged: Bucket, tmp_path: Path, key: str, later: dict[str, str]
) -> None:
    """What a later version wrote is neither guessed at nor served raw."""
    change(damaged, key, **later)
    ((name, value),) = later.items()
    with pytest.raises(UnsupportedFormat, match=rf"dl-{name}=.* expected, found '{value}'"):
        Store(damaged).get(key, tmp_path / "target")
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
    # Later puts do not even look at it: the index has forgotten it.
    assert [sha256(release(4))] == [each.sha256 for each in BaseIndex(damaged).load()]
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


def test_a_delta_that_does_not_decode_is_never_stored(
    damaged: Bucket, fresh_cache: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Should the encoder ever be wrong, the file is stored plain: what is stored was decoded."""
    right = codec.encode_file

    def other_target(source: Any, target: Any, delta: Any, **options: Any) -> int:
        return right(source, flipped(bytes(target), 70_000), delta, **options)

    def garbage(source: Any, target: Any, delta: Any, **options: Any) -> int:
        return int(delta.write(b"no delta"))

    for encode in (other_target, garbage):
        monkeypatch.setattr(codec, "encode_file", encode)
        store = Store(damaged, cache=fresh_cache())
        assert store.put(release(4), "key").form == "plain"
        assert store.read("key") == release(4)
        assert "the delta that was made" in caplog.text
        caplog.clear()


@pytest.mark.parametrize("error", [Throttled, AccessDenied, Unreachable])
def test_a_base_that_cannot_be_asked_for_is_not_taken_for_gone(
    tmp_path: Path, fresh_cache: Any, error: type[StorageError]
) -> None:
    """Trouble on the way to a base is an error; nothing is written because of it."""

    class Troubled(FolderBucket):
        """A bucket that is elsewhere and has its base out of reach."""

        def local_path(self, key: str) -> None:
            """See `Bucket.local_path`."""

        def get(self, key: str, **options: Any) -> Any:
            """See `Bucket.get`."""
            if key.startswith(".deltaloft/base/"):
                raise error("not now")
            return super().get(key, **options)

        def head(self, key: str) -> Any:
            """See `Bucket.head`."""
            raise error("not now")

    bucket = FolderBucket(tmp_path / "bucket", create=True)
    Store(bucket).put(release(0), "app-1.0.bin")
    before = list(bucket.list())
    for content in (release(0), release(1)):
        with pytest.raises(error):
            Store(Troubled(tmp_path / "bucket"), cache=fresh_cache()).put(content, "new")
    assert list(bucket.list()) == before
