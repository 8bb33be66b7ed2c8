"""Collections, verifications and catalogs at an S3 that lies, refuses or lags."""

from __future__ import annotations

from typing import Any

import pytest
from faults_fixtures import FreshCache, Through, both
from store.ageing import AgeingBucket
from store.releases import release, sha256

from deltaloft import layout
from deltaloft.bucket import Attributes
from deltaloft.errors import AccessDenied, DeltaloftError, StorageError
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store
from deltaloft.testing import ConditionsIgnored, ErrorAnswer, FaultyS3, ShortPages, StaleListing

UNUSED = sha256(release(0, seed=2))
LIES = ["no token", "token loop", "duplicate page"]


class Ripe:
    """A store of which the next collection deletes a base, seen through the double."""

    def __init__(self, bucket: AgeingBucket, seen: S3Bucket) -> None:
        self.bucket = bucket
        for number in range(5):
            bucket.put(f"foreign-{number}", b"x", Attributes())
        store = Store(bucket)
        store.put(release(0, seed=1), "needed")
        store.put(release(0, seed=3), "needed too")
        store.put(release(0, seed=2), "unused")
        store.delete("unused")
        bucket.grow_older(hours=25)
        store.gc(delete=True)
        bucket.grow_older(hours=25)
        self.direct, bucket._bucket = bucket._bucket, seen

    def bases(self) -> set[str]:
        """Return the bases that are really there."""
        listed = self.direct.list(layout.BASES_PREFIX)
        return {item.key.removeprefix(layout.BASES_PREFIX) for item in listed}

    def refuses(self, kind: type[DeltaloftError]) -> None:
        """Run a collection that must fail and delete nothing."""
        with pytest.raises(kind):
            Store(self.bucket).gc(delete=True)
        assert 3 == len(self.bases())


@pytest.fixture
def ripe(behind: S3Bucket, through: Through) -> Ripe:
    """Return such a store."""
    return Ripe(AgeingBucket(behind), through())


@both
def test_without_a_fault_the_base_goes(ripe: Ripe) -> None:
    """What the tests below hold their faults against."""
    assert [UNUSED] == [base.sha256 for base in Store(ripe.bucket).gc(delete=True).deleted]
    assert 2 == len(ripe.bases())


@pytest.mark.parametrize("prefix", ["", layout.BASES_PREFIX])
@pytest.mark.parametrize("lie", LIES)
def test_nothing_is_deleted_by_a_listing_that_lies(
    faulty_s3: FaultyS3, ripe: Ripe, lie: Any, prefix: str
) -> None:
    """Neither of the keys nor of the bases: what is not there might need a base."""
    rule = {"prefix": prefix} if prefix else None
    faulty_s3.inject("ListObjectsV2", ShortPages(1, lie), query=rule, times=None)
    ripe.refuses(StorageError)
    assert [] == [each for each in faulty_s3.seen if each.operation.startswith("Delete")]


@both
def test_nothing_is_deleted_when_the_third_page_fails(faulty_s3: FaultyS3, ripe: Ripe) -> None:
    """500 on a later page is no end of the listing."""
    third = {"continuation-token": "page-3"}
    faulty_s3.inject("ListObjectsV2", ErrorAnswer(500, "InternalError"), query=third, times=None)
    faulty_s3.inject("ListObjectsV2", ShortPages(2), times=None)
    ripe.refuses(StorageError)


@both
@pytest.mark.parametrize(
    ("operation", "answer", "kind"),
    [
        ("HeadObject", ErrorAnswer(403, "AccessDenied"), AccessDenied),
        ("HeadObject", ErrorAnswer(500, "InternalError"), StorageError),
        ("HeadObject", ErrorAnswer(503, "SlowDown"), StorageError),
        ("ListObjectVersions", ErrorAnswer(403, "AccessDenied"), AccessDenied),
        ("ListObjectVersions", ErrorAnswer(500, "InternalError"), StorageError),
        ("ListObjectVersions", ErrorAnswer(200, "InternalError"), StorageError),
        ("ListObjectsV2", ErrorAnswer(200, "InternalError"), StorageError),
    ],
)
def test_nothing_is_deleted_when_something_cannot_be_known(
    faulty_s3: FaultyS3, ripe: Ripe, operation: str, answer: Any, kind: type[DeltaloftError]
) -> None:
    """One refusal of one object is enough."""
    key = "foreign-3" if operation == "HeadObject" else "*"
    faulty_s3.inject(operation, answer, key=key, times=None)
    ripe.refuses(kind)


def test_an_endpoint_without_versions_can_be_looked_after(faulty_s3: FaultyS3, ripe: Ripe) -> None:
    """501 to ListObjectVersions: where nobody can ask for old versions, there are none."""
    faulty_s3.inject("ListObjectVersions", ErrorAnswer(501, "NotImplemented"), times=None)
    assert [UNUSED] == [base.sha256 for base in Store(ripe.bucket).gc(delete=True).deleted]


def test_nothing_is_deleted_where_conditions_are_ignored(faulty_s3: FaultyS3, ripe: Ripe) -> None:
    """Or where they are not known at all."""
    faulty_s3.inject("PutObject", ConditionsIgnored(), times=2)
    ripe.refuses(StorageError)
    refusing = ErrorAnswer(501, "NotImplemented")
    faulty_s3.inject("PutObject", refusing, key=layout.CLOCK_KEY, skip=1, times=None)
    ripe.refuses(StorageError)


def test_a_listing_that_lags_deletes_nothing(
    faulty_s3: FaultyS3, ripe: Ripe, fresh_cache: FreshCache
) -> None:
    """A key that is not listed yet costs its base a mark and no more: an hour later it is."""
    base = sha256(release(0, seed=1))
    Store(ripe.bucket).delete("needed")
    faulty_s3.inject("ListObjectsV2", StaleListing(1), query={"prefix": ""}, times=None)
    Store(ripe.bucket).gc()
    assert base == Store(ripe.bucket, cache=fresh_cache()).put(release(1, seed=1), "late").base
    assert base in {each.sha256 for each in Store(ripe.bucket).gc(delete=True).marked}
    ripe.bucket.grow_older(hours=2)
    result = Store(ripe.bucket).gc(delete=True)
    assert base not in {each.sha256 for each in (*result.deleted, *result.waiting)}
    assert base in ripe.bases()
    assert release(1, seed=1) == Store(ripe.bucket, cache=fresh_cache()).read("late")


@pytest.mark.parametrize("lie", LIES)
def test_a_listing_that_lies_is_not_written_to_the_catalog(
    faulty_s3: FaultyS3, ripe: Ripe, lie: Any
) -> None:
    """Nor does it pass for a verification of all there is."""
    faulty_s3.inject("ListObjectsV2", ShortPages(2, lie), times=None)
    with pytest.raises(StorageError, match="listing"):
        Store(ripe.bucket).refresh_catalog()
    assert [] == list(ripe.direct.list(layout.CATALOG_KEY))
    with pytest.raises(StorageError, match="listing"):
        list(Store(ripe.bucket).verify())


@pytest.mark.parametrize("key", ["catalog/pages", "catalog/page/*"])
@pytest.mark.parametrize("status", [403, 503])
def test_a_catalog_that_cannot_be_had_is_done_without(
    faulty_s3: FaultyS3, ripe: Ripe, key: str, status: int
) -> None:
    """Throttled or denied: sizes come by HEAD."""
    for number in range(20):
        ripe.bucket.put(f"many-{number:02}", b"x" * number, Attributes())
    ripe.bucket.grow_older(seconds=10)
    Store(ripe.bucket).refresh_catalog()
    expected = [entry.logical_size for entry in Store(ripe.bucket).list()]
    faulty_s3.inject("GetObject", ErrorAnswer(status, "No"), key=f".deltaloft/{key}", times=None)
    assert expected == [entry.logical_size for entry in Store(ripe.bucket).list()]
