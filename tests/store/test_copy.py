"""Store.copy, and the protection of bases: what belongs to a key stays with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deltaloft.base_cache import BaseCache
from deltaloft.bases import BaseIndex
from deltaloft.bucket import Attributes, Bucket, Encryption, Grant
from deltaloft.errors import AlreadyExists, DamagedObject, InvalidRequest, NotFound
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store

USER = Attributes(
    metadata={"colour": "blue"},
    content_type="application/zip",
    content_encoding="gzip",
    tags={"team": "a b"},
)
KMS = Encryption("aws:kms", "testkey-1")
PUBLIC = Grant("READ", "uri=http://acs.amazonaws.com/groups/global/AllUsers")
NewCache = Callable[[], BaseCache]


def release(version: int) -> bytes:
    """Return 100 kB of which the last bytes tell the version."""
    return random.Random(1).randbytes(100_000) + b"version %d" % version


def bases_of(bucket: Bucket) -> list[str]:
    """Return the keys of all bases."""
    return [listed.key for listed in bucket.list(".deltaloft/base/")]


# ---- Within a store --------------------------------------------------------------------------


def test_a_delta_is_copied_as_a_delta(store: Store, bucket: Bucket) -> None:
    """The copy has the same form, base and attributes, and gives the same file back."""
    store.put(release(0), "app-1.0")
    put = store.put(release(1), "app-1.1", attributes=USER)
    result = store.copy("app-1.1", "copies/app ä")
    assert ("delta", True) == (result.form, result.in_place)
    assert (put.size, put.stored_size, put.sha256, put.base) == (
        result.size,
        result.stored_size,
        result.sha256,
        result.base,
    )
    assert store.stat("app-1.1").attributes == store.stat("copies/app ä").attributes
    assert {"team": "a b"} == bucket.tags("copies/app ä")
    assert release(1) == store.read("copies/app ä")
    assert 1 == len(bases_of(bucket))


def test_no_bytes_come_here(
    s3_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache, requests: Any
) -> None:
    """A copy is five requests, none of them a GET of the body."""
    bucket = new_s3_bucket(s3_endpoint)
    store = Store(bucket, cache=fresh_cache())
    store.put(release(0), "key")
    requests.clear()
    store.copy("key", "copy")
    assert [
        ("HEAD", "key"),
        ("GET", "key"),  # its ACL
        ("PUT", "copy"),
        ("GET", ".deltaloft/bases"),  # is the base retiring?
        ("HEAD", "copy"),
    ] == requests
    assert release(0) == store.read("copy")


def test_a_copy_with_other_attributes(store: Store, bucket: Bucket) -> None:
    """The user's attributes are replaced, those that make a delta readable stay."""
    store.put(release(0), "app-1.0")
    for key, content in (("delta", release(1)), ("plain", b"small")):
        store.put(content, key, attributes=USER)
        for other in (
            Attributes(metadata={"n": "2"}, content_encoding="br", cache_control="no-cache"),
            Attributes(),
        ):
            result = store.copy(key, "copy", attributes=other)
            assert (key, True) == (result.form, result.in_place)
            assert other == store.stat("copy").attributes
            assert {} == bucket.tags("copy")
            assert content == store.read("copy")


def test_attributes_of_a_key_can_be_changed(store: Store) -> None:
    """A copy of a key onto itself gives it other attributes."""
    store.put(release(0), "key", attributes=USER)
    with pytest.raises(InvalidRequest):
        store.copy("key", "key")
    store.copy("key", "key", attributes=Attributes(metadata={"n": "2"}))
    assert Attributes(metadata={"n": "2"}) == store.stat("key").attributes
    assert release(0) == store.read("key")


def test_a_foreign_object_stays_foreign(store: Store, bucket: Bucket) -> None:
    """Somebody else's object is copied as it is."""
    bucket.put("theirs", release(0), USER)
    assert "foreign" == store.copy("theirs", "copy").form
    assert "foreign" == store.copy("theirs", "other", attributes=Attributes()).form
    assert USER.metadata == store.stat("copy").attributes.metadata
    assert release(0) == store.read("copy") == store.read("other")


def test_keys_that_cannot_be_copied(store: Store) -> None:
    """A missing key is named, our own keys are no user's."""
    with pytest.raises(NotFound, match="missing"):
        store.copy("missing", "target")
    store.put(b"x", "key")
    for source, target in ((".deltaloft/bases", "x"), ("key", ".deltaloft/x")):
        with pytest.raises(InvalidRequest, match="own"):
            store.copy(source, target)
    with pytest.raises(InvalidRequest, match="dl-"):
        store.copy("key", "x", attributes=Attributes(metadata={"dl-v": "2"}))


def test_a_delta_that_lost_its_metadata_is_not_copied(store: Store, bucket: Bucket) -> None:
    """Damage is not multiplied."""
    bucket.put("key", b"x", Attributes(content_encoding="vcdiff"))
    with pytest.raises(DamagedObject):
        store.copy("key", "copy")


# ---- Between stores --------------------------------------------------------------------------


def test_a_copy_to_another_store(
    store: Store, new_bucket: Callable[[], Bucket], fresh_cache: NewCache
) -> None:
    """The file finds a base of its own there, with all that the user gave it."""
    bucket = new_bucket()
    target = Store(bucket, cache=fresh_cache())
    target.put(release(0), "app-1.0")
    store.put(release(1), "key", attributes=USER)
    result = store.copy("key", "app-1.1", target=target)
    assert ("delta", False) == (result.form, result.in_place)
    assert store.stat("key").attributes == target.stat("app-1.1").attributes
    assert {"team": "a b"} == bucket.tags("app-1.1")
    assert release(1) == target.read("app-1.1")


def test_what_a_folder_cannot_keep_is_named(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache, tmp_path: Path
) -> None:
    """A copy to a folder fails rather than drop encryption or ACL, unless it is told to."""
    store = Store(new_s3_bucket(moto_endpoint), cache=fresh_cache())
    folder = Store(FolderBucket(tmp_path / "folder", create=True))
    for name, attributes in {
        "encryption": Attributes(encryption=KMS),
        "grants": Attributes(acl="public-read"),
        "storage_class": Attributes(storage_class="STANDARD_IA"),
    }.items():
        store.put(b"x", "key", attributes=attributes)
        with pytest.raises(InvalidRequest, match=name):
            store.copy("key", "key", target=folder)
        assert [] == list(folder.list())
    store.copy("key", "key", target=folder, attributes=USER)
    assert b"x" == folder.read("key")
    store.put(b"y", "key", attributes=Attributes(encryption=Encryption("AES256")))
    store.copy("key", "key", target=folder)
    assert b"y" == folder.read("key")


# ---- Protection of bases ---------------------------------------------------------------------


def test_a_base_is_as_protected_as_its_file(
    s3_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache
) -> None:
    """Files under a key of the service's share bases among themselves and with nobody else."""
    bucket = new_s3_bucket(s3_endpoint)
    store = Store(bucket, cache=fresh_cache())
    secret = Attributes(encryption=KMS)
    store.put(release(0), "open-1.0")
    (open_base,) = bases_of(bucket)
    first = store.put(release(1), "secret-1.1", attributes=secret)
    second = store.put(release(2), "secret-1.2", attributes=secret)
    assert (True, False) == (first.new_base, second.new_base)
    assert first.base == second.base
    for key in bases_of(bucket):
        expected = None if key == open_base else KMS
        assert expected == bucket.head(key).attributes.encryption
    assert KMS == bucket.head("secret-1.2").attributes.encryption
    again = Store(bucket, cache=fresh_cache()).put(release(3), "secret-1.3", attributes=secret)
    assert (first.base, False) == (again.base, again.new_base)
    third = store.put(release(4), "open-1.4")
    assert open_base.endswith(str(third.base))
    for number, key in enumerate(("open-1.0", "secret-1.1", "secret-1.2", "secret-1.3")):
        assert release(number) == store.read(key)


def test_a_base_of_others_is_left_alone(
    s3_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache
) -> None:
    """Equal files with and without encryption: the base keeps what it had, the other is plain."""
    secret = Attributes(encryption=KMS)
    for one, other, expected in ((secret, None, KMS), (None, secret, None)):
        bucket = new_s3_bucket(s3_endpoint)
        Store(bucket, cache=fresh_cache()).put(release(0), "one", attributes=one)
        store = Store(bucket, cache=fresh_cache())
        assert "plain" == store.put(release(0), "other", attributes=other).form
        (base,) = bases_of(bucket)
        assert expected == bucket.head(base).attributes.encryption
        assert release(0) == store.read("one") == store.read("other")


def test_an_index_made_again_keeps_them_apart(
    s3_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache
) -> None:
    """Without its index a protected base is found again, and by its own kind only."""
    bucket = new_s3_bucket(s3_endpoint)
    secret = Attributes(encryption=KMS)
    store = Store(bucket, cache=fresh_cache())
    first = store.put(release(0), "secret-1.0", attributes=secret)
    for listed in bucket.list(".deltaloft/bases"):
        bucket.delete(listed.key)
    assert () == BaseIndex(bucket).load()
    assert [first.base] == [base.sha256 for base in BaseIndex(bucket, secret).load()]
    store = Store(bucket, cache=fresh_cache())
    opened = store.put(release(1), "open-1.1")
    assert first.base != opened.base
    again = store.put(release(2), "secret-1.2", attributes=secret)
    assert (first.base, False) == (again.base, again.new_base)


def test_an_index_that_names_the_wrong_bases(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache
) -> None:
    """A protected base is not used by others, even where their index offers it."""
    bucket = new_s3_bucket(moto_endpoint)
    secret = Attributes(encryption=KMS)
    first = Store(bucket, cache=fresh_cache()).put(release(0), "secret-1.0", attributes=secret)
    (index,) = bucket.list(".deltaloft/bases-")
    bucket.copy(bucket.head(index.key), ".deltaloft/bases")
    opened = Store(bucket, cache=fresh_cache()).put(release(1), "open-1.1")
    assert opened.new_base
    assert first.base != opened.base


def test_a_public_file_has_a_public_base(
    s3_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache
) -> None:
    """Whoever may read the delta may read its base."""
    bucket = new_s3_bucket(s3_endpoint)
    store = Store(bucket, cache=fresh_cache())
    store.put(release(0), "closed-1.0")
    store.put(release(1), "open-1.1", attributes=Attributes(acl="public-read"))
    public = {key: PUBLIC in bucket.acl(key).grants for key in bases_of(bucket)}
    assert [False, True] == sorted(public.values())
    assert public[f".deltaloft/base/{store.stat('open-1.1').base}"]


def test_a_copy_with_another_protection(
    s3_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache
) -> None:
    """A delta that gets an ACL leaves its base behind, for that has none."""
    bucket = new_s3_bucket(s3_endpoint)
    store = Store(bucket, cache=fresh_cache())
    store.put(release(0), "key")
    result = store.copy("key", "open", attributes=Attributes(acl="public-read"))
    assert not result.in_place
    assert PUBLIC in bucket.acl("open").grants
    assert "plain" == result.form  # the base of the same bytes is not for everybody
    assert release(0) == store.read("open")


def test_what_is_archived_is_no_delta(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: NewCache
) -> None:
    """A file in an archive stands alone, and no base ever goes there."""
    bucket = new_s3_bucket(moto_endpoint)
    store = Store(bucket, cache=fresh_cache())
    cold = Attributes(storage_class="GLACIER")
    store.put(release(0), "app-1.0", attributes=Attributes(storage_class="STANDARD_IA"))
    (base,) = bases_of(bucket)
    assert bucket.head(base).attributes.storage_class is None
    assert "delta" == store.put(release(1), "app-1.1").form
    assert "plain" == store.put(release(2), "app-1.2", attributes=cold).form
    assert "plain" == store.copy("app-1.1", "app-1.3", attributes=cold).form
    with pytest.raises(InvalidRequest, match="GLACIER"):
        store.put(release(2), "app-1.4", attributes=cold, delta="always")


def test_no_clobber_holds_for_copies(
    store: Store, new_folder_bucket: Callable[[], Bucket], fresh_cache: NewCache
) -> None:
    """A taken key stays as it is, in the same store and in another; a free one is written."""
    other = Store(new_folder_bucket(), cache=fresh_cache())
    store.put(b"new", "new")
    for target in (store, other):
        target.put(b"old", "old")
        with pytest.raises(AlreadyExists, match="old"):
            store.copy("new", "old", target=target, no_clobber=True)
        assert b"old" == target.read("old")
        store.copy("new", "free", target=target, no_clobber=True)
        assert b"new" == target.read("free")
