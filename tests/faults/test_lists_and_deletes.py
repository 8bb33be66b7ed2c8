"""Listings that lie, and keys that are gone."""

from __future__ import annotations

from typing import Any

import pytest
from faults_fixtures import FreshCache, Through, both, writes
from store.releases import release

from deltaloft import layout
from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import NotFound, StorageError
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store
from deltaloft.testing import Answer, ErrorAnswer, FaultyS3, ShortPages

KEYS = [f"k{number}" for number in range(7)]


@pytest.fixture
def seven(behind: S3Bucket) -> S3Bucket:
    """Return a bucket with seven objects."""
    for key in KEYS:
        behind.put(key, key.encode(), Attributes())
    return behind


@both
def test_short_pages_are_followed_to_the_end(
    faulty_s3: FaultyS3, through: Through, seven: S3Bucket
) -> None:
    """A server that gives two keys a page is asked as often as it takes."""
    faulty_s3.inject("ListObjectsV2", ShortPages(2), times=None)
    assert KEYS == [listed.key for listed in through().list()]
    assert 4 == len(faulty_s3.seen)


def test_an_answer_that_is_no_listing_is_an_error(
    faulty_s3: FaultyS3, through: Through, seven: S3Bucket
) -> None:
    """XML with status 200 from somebody between, which says nothing of keys: no empty bucket."""
    body = b'<?xml version="1.0"?><Welcome/>'
    headers = {"content-type": "application/xml", "content-length": str(len(body))}
    faulty_s3.inject("ListObjectsV2", lambda *_: Answer(200, headers, [body]))
    with pytest.raises(StorageError, match="a listing expected, found another answer"):
        list(through().list())


@both
@pytest.mark.parametrize("lie", ["no token", "token loop", "duplicate page"])
def test_a_listing_that_lies_is_an_error(
    faulty_s3: FaultyS3, through: Through, seven: S3Bucket, lie: Any
) -> None:
    """What may lack keys, or has some twice, is never taken for complete."""
    faulty_s3.inject("ListObjectsV2", ShortPages(2, lie), times=None)
    with pytest.raises(StorageError, match="listing"):
        list(Store(through()).list())
    assert len(faulty_s3.seen) < 5


@both
def test_a_listing_without_an_end_is_an_error(
    faulty_s3: FaultyS3, through: Through, seven: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some empty pages in a row are followed, as services give them; no end of them is not."""
    monkeypatch.setattr("deltaloft.s3_bucket.listing._MOST_EMPTY_PAGES", 6)
    faulty_s3.inject("ListObjectsV2", ShortPages(2, "truncated forever"), times=None)
    with pytest.raises(StorageError, match="7 empty pages"):
        list(Store(through()).list())
    assert 4 + 7 == len(faulty_s3.matching("ListObjectsV2"))


@both
def test_a_page_that_fails_fails_the_listing(
    faulty_s3: FaultyS3, through: Through, seven: S3Bucket
) -> None:
    """When the third page is answered 500, the listing ends in that error."""
    third = {"continuation-token": "page-3"}
    faulty_s3.inject("ListObjectsV2", ErrorAnswer(500, "InternalError"), query=third)
    faulty_s3.inject("ListObjectsV2", ShortPages(2), times=None)
    with pytest.raises(StorageError, match="InternalError"):
        list(Store(through()).list())


@pytest.mark.parametrize("lie", ["no token", "token loop", "duplicate page"])
def test_no_index_is_made_of_a_listing_that_lies(
    faulty_s3: FaultyS3,
    through: Through,
    behind: S3Bucket,
    fresh_cache: FreshCache,
    lie: Any,
) -> None:
    """Where the index is lost and bases cannot all be listed, a put fails and writes nothing."""
    store = Store(behind, cache=fresh_cache())
    for seed in range(5):
        store.put(release(0, seed=seed), f"app-{seed}")
    behind.delete(layout.INDEX_KEY)
    before = list(behind.list())
    faulty_s3.inject("ListObjectsV2", ShortPages(2, lie), times=None)
    with pytest.raises(StorageError, match="listing"):
        Store(through(), cache=fresh_cache()).put(release(1), "new")
    assert [] == writes(faulty_s3)
    assert before == list(behind.list())


def test_what_is_deleted_is_gone(bucket: Bucket, fresh_cache: FreshCache) -> None:
    """Whatever forms a key has had, after its deletion no call finds one of them."""
    store = Store(bucket, cache=fresh_cache())
    store.put(release(0), "neighbour")
    for forms in (
        [release(1)],
        [release(2), b"plain"],
        [b"plain", release(3), b"plain again", release(4)],
        [release(0, seed=9), release(0)],
    ):
        for content in forms:
            store.put(content, "key")
        store.delete("key")
        assert ["neighbour"] == [entry.key for entry in store.list()]
        for gone in (store.stat, store.read):
            with pytest.raises(NotFound):
                gone("key")
        with pytest.raises(NotFound):
            bucket.head("key")
    assert release(0) == Store(bucket, cache=fresh_cache()).read("neighbour")
