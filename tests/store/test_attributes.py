"""Attributes beyond headers and metadata: kept on put and copy, or refused before the upload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from script import Answer, script

from deltaloft.bucket import Attributes, Bucket, Encryption, Grant, Lock, ObjectInfo
from deltaloft.errors import (
    AccessDenied,
    InvalidRequest,
    NotFound,
    ObjectArchived,
    PreconditionFailed,
    StorageError,
    Unsupported,
)
from deltaloft.s3_bucket import S3Bucket

TAGS = {"team": "a b+c", "cost/centre": "x@y.z:1", "empty": ""}
FULL = Attributes(
    metadata={"colour": "blue"},
    content_type="application/zip",
    content_disposition='attachment; filename="a.zip"',
    cache_control="max-age=60",
    expires=datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC),
    website_redirect="/elsewhere?a=b",
    tags=TAGS,
)
KMS = Encryption("aws:kms", "testkey-1")
EVERYBODY = Grant("READ", "uri=http://acs.amazonaws.com/groups/global/AllUsers")


def read(bucket: Bucket, key: str) -> bytes:
    """Return all bytes of an object."""
    with bucket.get(key) as reading:
        assert reading is not None
        return b"".join(reading.chunks())


def shown(attributes: Attributes) -> Attributes:
    """Return what a HEAD tells of attributes."""
    return replace(attributes, tags=None, acl=None, grants=())


@pytest.fixture
def s3_bucket(s3_endpoint: str, new_s3_bucket: Callable[..., Any]) -> Any:
    """A bucket of each S3 server."""
    return new_s3_bucket(s3_endpoint)


# ---- Put -------------------------------------------------------------------------------------


def test_all_that_was_given_comes_back(bucket: Bucket) -> None:
    """Expiry, redirect and headers come with a HEAD and a GET, tags when asked for."""
    bucket.put("key", b"x", FULL)
    info = bucket.head("key")
    assert shown(FULL) == info.attributes
    assert 3 == info.tag_count
    assert TAGS == bucket.tags("key")
    with bucket.get("key") as reading:
        assert reading is not None
        assert info == reading.info
    assert ["key"] == [listed.key for listed in bucket.list()]


def test_an_expiry_in_another_zone(bucket: Bucket) -> None:
    """A time is the same time wherever it was written down."""
    expires = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=5)))
    bucket.put("key", b"x", Attributes(expires=expires))
    assert expires == bucket.head("key").attributes.expires


def test_tags_can_be_replaced(bucket: Bucket) -> None:
    """Tags change without the object; none at all removes them."""
    etag = bucket.put("key", b"x", Attributes(metadata={"m": "1"}))
    assert {} == bucket.tags("key")
    for tags in (TAGS, {"one": "1"}, {}):
        bucket.set_tags("key", tags)
        assert tags == bucket.tags("key")
        assert len(tags) == bucket.head("key").tag_count
    info = bucket.head("key")
    assert (etag, {"m": "1"}) == (info.etag, info.attributes.metadata)


def test_a_put_drops_the_tags_of_the_last(bucket: Bucket) -> None:
    """Tags belong to the object that they came with."""
    bucket.put("key", b"x", FULL)
    bucket.put("key", b"y", Attributes())
    assert {} == bucket.tags("key")
    assert Attributes() == bucket.head("key").attributes


def test_tags_of_a_missing_key(bucket: Bucket) -> None:
    """There are none to read or to set."""
    with pytest.raises(NotFound):
        bucket.tags("missing")
    with pytest.raises(NotFound):
        bucket.set_tags("missing", {"a": "b"})


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(tags={f"tag{i}": "" for i in range(11)}),
        Attributes(tags={"": "x"}),
        Attributes(tags={"x" * 129: ""}),
        Attributes(tags={"x": "y" * 257}),
        Attributes(tags={"a&b": ""}),
        Attributes(tags={"a": "line\nbreak"}),
        Attributes(tags={"AWS:mine": ""}),
        Attributes(expires=datetime(2031, 1, 1)),
        Attributes(expires=datetime(2031, 1, 1, microsecond=1, tzinfo=UTC)),
        Attributes(website_redirect="a\r\nb"),
        Attributes(storage_class="STANDARD IA"),
        Attributes(encryption=Encryption("AES128")),
        Attributes(encryption=Encryption("AES256", "key")),
        Attributes(encryption=Encryption("aws:kms", "a\nb")),
        Attributes(acl="public read"),
        Attributes(acl="private", grants=(EVERYBODY,)),
        Attributes(grants=(Grant("WRITE", "id=1"),)),
        Attributes(grants=(Grant("READ", 'id="1",uri="x"'),)),
        Attributes(grants=(Grant("READ", "somebody"),)),
        Attributes(lock=Lock("GOVERNANCE")),
        Attributes(lock=Lock("FOREVER", datetime(2031, 1, 1, tzinfo=UTC))),
        Attributes(lock=Lock("GOVERNANCE", datetime(2031, 1, 1))),
    ],
)
def test_attributes_that_cannot_be(bucket: Bucket, attributes: Attributes) -> None:
    """What S3 would refuse, or not give back as it was, is refused before anything is sent."""
    with pytest.raises(InvalidRequest):
        bucket.put("key", b"x", attributes)
    bucket.put("other", b"x", Attributes())
    with pytest.raises(InvalidRequest):
        bucket.copy(bucket.head("other"), "key", attributes=attributes)
    assert ["other"] == [listed.key for listed in bucket.list()]


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(storage_class="STANDARD_IA"),
        Attributes(encryption=Encryption("AES256")),
        Attributes(acl="public-read"),
        Attributes(grants=(EVERYBODY,)),
        Attributes(lock=Lock(legal_hold=True)),
    ],
)
def test_a_folder_keeps_none_of_these(
    attributes: Attributes, new_folder_bucket: Callable[[], Bucket]
) -> None:
    """What only a service can do is refused by name, and nothing is stored."""
    bucket = new_folder_bucket()
    with pytest.raises(InvalidRequest, match="a folder has no"):
        bucket.put("key", b"x", attributes)
    assert [] == list(bucket.list())


def test_encryption_under_a_key(s3_bucket: Any) -> None:
    """Encryption under a key of the service's is asked for, and told of."""
    s3_bucket.put("key", b"secret", Attributes(encryption=KMS))
    assert KMS == s3_bucket.head("key").attributes.encryption
    assert b"secret" == read(s3_bucket, "key")


def test_encryption_that_an_endpoint_ignores(s3_bucket: Any, requests: Any) -> None:
    """Ceph 16 would store plaintext without a word, Ceph 20 refuses: both before the upload."""
    asked = Attributes(encryption=Encryption("AES256"))
    requests.clear()
    try:
        s3_bucket.put("key", b"secret", asked)
    except Unsupported as error:
        assert "encryption" in str(error)
        assert not [key for _, key in requests if key == "key"]
        assert [] == list(s3_bucket.list())
        return
    assert asked == s3_bucket.head("key").attributes


def test_a_storage_class(s3_bucket: Any) -> None:
    """A class comes back, or the endpoint that has no such class is named before the upload."""
    asked = Attributes(storage_class="STANDARD_IA")
    try:
        s3_bucket.put("key", b"x", asked)
    except Unsupported as error:
        assert "storage_class" in str(error)
        assert [] == list(s3_bucket.list())
        return
    assert asked == s3_bucket.head("key").attributes


def test_what_was_kept_once_is_not_tried_again(s3_bucket: Any, requests: Any) -> None:
    """An endpoint is tried once per process, with three requests; its probe is removed."""
    requests.clear()
    s3_bucket.put("one", b"x", FULL)
    assert ["PUT", "HEAD", "DELETE", "PUT"] == [method for method, _ in requests]
    assert {".deltaloft"} == {key.partition("/")[0] for _, key in requests[:3]}
    requests.clear()
    s3_bucket.put("two", b"x", replace(FULL, tags={"other": "1"}))
    assert [("PUT", "two")] == requests
    assert ["one", "two"] == [listed.key for listed in s3_bucket.list()]


def test_an_acl(s3_bucket: Any) -> None:
    """A canned ACL and grants are honoured, read and replaced."""
    s3_bucket.put("open", b"x", Attributes(acl="public-read"))
    s3_bucket.put("closed", b"x", Attributes())
    owner = s3_bucket.acl("open").owner
    mine = Grant("FULL_CONTROL", f"id={owner}")
    assert {mine, EVERYBODY} == set(s3_bucket.acl("open").grants)
    assert (mine,) == s3_bucket.acl("closed").grants
    s3_bucket.set_acl("closed", grants=[mine, EVERYBODY])
    s3_bucket.set_acl("open", acl="private")
    assert {mine, EVERYBODY} == set(s3_bucket.acl("closed").grants)
    assert (mine,) == s3_bucket.acl("open").grants
    s3_bucket.put("granted", b"x", Attributes(grants=(mine, EVERYBODY)))
    assert {mine, EVERYBODY} == set(s3_bucket.acl("granted").grants)


def test_a_lock(s3_endpoint: str, new_s3_bucket: Callable[..., Any]) -> None:
    """A bucket without Object Lock refuses a lock, and stores nothing."""
    bucket = new_s3_bucket(s3_endpoint)
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    with pytest.raises(StorageError, match="InvalidRequest"):
        bucket.put("key", b"x", Attributes(lock=Lock("GOVERNANCE", until)))
    assert [] == list(bucket.list())


def test_a_lock_is_kept(s3_endpoint: str, new_locked_bucket: Callable[[str], Any]) -> None:
    """Mode, date and legal hold come back."""
    until = (datetime.now(UTC) + timedelta(seconds=30)).replace(microsecond=0)
    lock = Lock("GOVERNANCE", until, legal_hold=True)
    bucket = new_locked_bucket(s3_endpoint)
    bucket.put("key", b"x", Attributes(lock=lock))
    assert lock == bucket.head("key").attributes.lock


def test_a_lock_is_copied(rgw_endpoint: str, new_locked_bucket: Callable[[str], Any]) -> None:
    """A lock goes along with a copy, unless it has expired. (moto refuses any such copy.)"""
    until = (datetime.now(UTC) + timedelta(seconds=30)).replace(microsecond=0)
    bucket = new_locked_bucket(rgw_endpoint)
    bucket.put("key", b"x", Attributes(lock=Lock("GOVERNANCE", until)))
    bucket.copy(bucket.head("key"), "copy")
    assert Lock("GOVERNANCE", until) == bucket.head("copy").attributes.lock
    bucket.put("free", b"x", Attributes())
    info = bucket.head("free")
    past = Lock("GOVERNANCE", datetime(2020, 1, 1, tzinfo=UTC), legal_hold=True)
    bucket.copy(replace(info, attributes=Attributes(lock=past)), "later")
    assert Lock(legal_hold=True) == bucket.head("later").attributes.lock


def test_a_large_object_keeps_its_attributes(s3_bucket: Any) -> None:
    """An upload in parts carries the same attributes as a single request."""
    asked = replace(FULL, encryption=KMS)
    s3_bucket.put("large", bytes(65 << 20), asked)
    assert shown(asked) == s3_bucket.head("large").attributes
    assert TAGS == s3_bucket.tags("large")


def test_an_archived_object(moto_endpoint: str, new_s3_bucket: Callable[..., Any]) -> None:
    """What sleeps in an archive can be described, and not read before it is restored."""
    bucket = new_s3_bucket(moto_endpoint)
    bucket.put("key", b"x", Attributes(storage_class="GLACIER"))
    assert "GLACIER" == bucket.head("key").attributes.storage_class
    with pytest.raises(ObjectArchived, match="restored"):
        read(bucket, "key")


# ---- Copy ------------------------------------------------------------------------------------


def test_a_copy_keeps_everything(bucket: Bucket) -> None:
    """Bytes, metadata, headers, expiry, redirect and tags are those of the source."""
    etag = bucket.put("a/source", b"content", FULL)
    assert etag == bucket.copy(bucket.head("a/source"), "b/target ä")
    info = bucket.head("b/target ä")
    assert (7, shown(FULL), 3) == (info.size, info.attributes, info.tag_count)
    assert TAGS == bucket.tags("b/target ä")
    assert b"content" == read(bucket, "b/target ä") == read(bucket, "a/source")


def test_a_copy_with_other_attributes(bucket: Bucket) -> None:
    """Attributes that are given replace all of the source's, tags as well."""
    bucket.put("source", b"content", FULL)
    for other in (Attributes(metadata={"n": "2"}, tags={"x": "y"}), Attributes()):
        bucket.copy(bucket.head("source"), "target", attributes=other)
        assert shown(other) == bucket.head("target").attributes
        assert dict(other.tags or {}) == bucket.tags("target")
        assert b"content" == read(bucket, "target")
    assert shown(FULL) == bucket.head("source").attributes


def test_a_copy_replaces(bucket: Bucket) -> None:
    """Nothing is left of what was under the target's key."""
    bucket.put("source", b"content", Attributes())
    # Without tags: moto, and it alone, leaves those of the old target.
    bucket.put("target", b"older and longer", replace(FULL, tags=None))
    bucket.copy(bucket.head("source"), "target")
    assert b"content" == read(bucket, "target")
    assert Attributes() == bucket.head("target").attributes
    assert {} == bucket.tags("target")


def test_a_copy_onto_itself(bucket: Bucket) -> None:
    """With attributes it changes those; without, it would change nothing and is refused."""
    bucket.put("key", b"content", FULL)
    with pytest.raises(InvalidRequest):
        bucket.copy(bucket.head("key"), "key")
    bucket.copy(bucket.head("key"), "key", attributes=Attributes(metadata={"n": "2"}))
    assert Attributes(metadata={"n": "2"}) == bucket.head("key").attributes
    assert {} == bucket.tags("key")
    assert b"content" == read(bucket, "key")


def test_a_copy_of_what_is_gone(bucket: Bucket) -> None:
    """A source that was deleted meanwhile is named."""
    bucket.put("source", b"content", Attributes())
    info = bucket.head("source")
    bucket.delete("source")
    with pytest.raises(NotFound, match="source"):
        bucket.copy(info, "target")
    with pytest.raises(NotFound, match="source"):
        bucket.copy(info, "target", attributes=Attributes())
    assert [] == list(bucket.list())


def test_a_copy_of_what_was_replaced(bucket: Bucket) -> None:
    """New attributes and the bytes of another version never pass for a success."""
    bucket.put("source", b"content", Attributes())
    info = bucket.head("source")
    bucket.put("source", b"another", Attributes())
    with pytest.raises(PreconditionFailed, match="replaced while it was copied"):
        bucket.copy(info, "target", attributes=Attributes(metadata={"n": "2"}))


def test_a_copy_keeps_what_copyobject_would_drop(s3_bucket: Any) -> None:
    """Encryption and ACL go along with a copy; Ceph 16 says that it copies nothing encrypted."""
    s3_bucket.put("open", b"x", Attributes(acl="public-read"))
    s3_bucket.copy(s3_bucket.head("open"), "copy")
    assert EVERYBODY in s3_bucket.acl("copy").grants
    assert set(s3_bucket.acl("open").grants) == set(s3_bucket.acl("copy").grants)
    s3_bucket.put("secret", b"x", Attributes(encryption=KMS))
    try:
        s3_bucket.copy(s3_bucket.head("secret"), "encrypted")
    except Unsupported:
        assert ["copy", "open", "secret"] == [listed.key for listed in s3_bucket.list()]
        return
    assert KMS == s3_bucket.head("encrypted").attributes.encryption
    assert b"x" == read(s3_bucket, "encrypted")


def test_a_copy_keeps_the_storage_class(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any]
) -> None:
    """A copy is as cheap to keep as its source; an archived source cannot be copied."""
    bucket = new_s3_bucket(moto_endpoint)
    bucket.put("key", b"x", Attributes(storage_class="STANDARD_IA"))
    bucket.copy(bucket.head("key"), "copy")
    assert "STANDARD_IA" == bucket.head("copy").attributes.storage_class
    bucket.put("cold", b"x", Attributes(storage_class="DEEP_ARCHIVE"))
    with pytest.raises(ObjectArchived, match="cold"):
        bucket.copy(bucket.head("cold"), "copy")


def test_a_copy_in_parts(s3_bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of CopyObject the parts are copied, with everything kept."""
    monkeypatch.setattr("deltaloft.s3_bucket.copying._LARGEST_COPY", 10 << 20)
    monkeypatch.setattr("deltaloft.s3_bucket.copying._PART_SIZE", 5 << 20)
    content = bytes(5 << 20) + b"x" * (5 << 20) + b"the rest"
    asked = replace(FULL, acl="public-read")
    s3_bucket.put("source", content, asked)
    etag = s3_bucket.copy(s3_bucket.head("source"), "target")
    info = s3_bucket.head("target")
    assert (etag, len(content), shown(asked)) == (info.etag, info.size, info.attributes)
    assert TAGS == s3_bucket.tags("target")
    assert EVERYBODY in s3_bucket.acl("target").grants
    assert content == read(s3_bucket, "target")
    s3_bucket.copy(s3_bucket.head("source"), "target", attributes=Attributes())
    assert Attributes() == s3_bucket.head("target").attributes
    assert {} == s3_bucket.tags("target")
    stale = s3_bucket.head("source")
    s3_bucket.put("source", content[:-1] + b"!", asked)
    with pytest.raises(PreconditionFailed):
        s3_bucket.copy(stale, "other")
    assert ["source", "target"] == [listed.key for listed in s3_bucket.list()]


def test_an_error_inside_a_200() -> None:
    """CopyObject may answer 200 and then fail: that is no copy."""
    failed = Answer(200, b"<Error><Code>InternalError</Code></Error>")
    nothing = Answer(200, b"<CopyObjectResult></CopyObjectResult>")
    owner = b"<Owner><ID>me</ID></Owner><AccessControlList/>"
    acl = Answer(200, b"<AccessControlPolicy>" + owner + b"</AccessControlPolicy>")
    info = ObjectInfo("source", 1, "abc", datetime(2026, 1, 1, tzinfo=UTC), Attributes())
    for answers in ([acl, *[failed] * 5], [acl, nothing]):
        with script(*answers) as server:
            bucket = S3Bucket("b", endpoint_url=server.url)
            with pytest.raises(StorageError, match="target"):
                bucket.copy(info, "target")
            assert not server.answers


def test_a_service_without_acls() -> None:
    """A service that knows no ACLs has none to keep; one that hides them is not guessed at."""
    done = Answer(200, b"<CopyObjectResult><ETag>new</ETag></CopyObjectResult>")
    info = ObjectInfo("source", 1, "abc", datetime(2026, 1, 1, tzinfo=UTC), Attributes())
    with script(Answer(501), done) as server:
        assert "new" == S3Bucket("b", endpoint_url=server.url).copy(info, "target")
    with script(Answer(403), done) as server, pytest.raises(AccessDenied):
        S3Bucket("b", endpoint_url=server.url).copy(info, "target")
