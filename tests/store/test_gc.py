"""Bases that nothing needs are deleted, and never one that anything needs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from ageing import AgeingBucket
from releases import change, release, sha256, stored

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bases import BaseIndex
from deltaloft.bucket import Attributes, Bucket, Encryption
from deltaloft.errors import (
    AccessDenied,
    AlreadyExists,
    DamagedObject,
    DeltaloftError,
    InvalidRequest,
    NotFound,
    StorageError,
    Throttled,
    UnsupportedFormat,
)
from deltaloft.folder_bucket import FolderBucket
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import GcResult, Store, clock, rescue

NEEDED, UNUSED = release(0, seed=1), release(0, seed=2)


class World:
    """A bucket with time of its own, and stores as separate processes would open them."""

    def __init__(self, bucket: Bucket, fresh_cache: Callable[[], BaseCache]) -> None:
        self.bucket = AgeingBucket(bucket)
        self._fresh_cache = fresh_cache

    def store(self) -> Store:
        """Return the store of a process that knows nothing yet."""
        return Store(self.bucket, cache=self._fresh_cache())

    def gc(self, *, delete: bool = True, **options: Any) -> GcResult:
        """Run a collection; a dry run right before it must say the same."""
        if delete:
            said = self.store().gc(delete=False, **options)
            done = self.store().gc(delete=True, **options)
            assert (said.marked, said.waiting, said.deleted) == (
                done.marked,
                done.waiting,
                done.deleted,
            )
            return done
        return self.store().gc(delete=False, **options)

    def bases(self) -> set[str]:
        """Return which bases are stored."""
        listed = self.bucket.list(layout.BASES_PREFIX)
        return {item.key.removeprefix(layout.BASES_PREFIX) for item in listed}

    def marks(self) -> dict[str, str]:
        """Return the marks in the index."""
        index = json.loads(stored(self.bucket, layout.INDEX_KEY))
        return {b["sha256"]: b["retiring"] for b in index["bases"] if "retiring" in b}

    def later(self, **passed: float) -> None:
        """Let time pass."""
        self.bucket.grow_older(**passed)


@pytest.fixture
def any_world(bucket: Bucket, fresh_cache: Callable[[], BaseCache]) -> World:
    """A day-old store of each kind, with a base in use and one whose key was deleted."""
    return filled(World(bucket, fresh_cache))


@pytest.fixture
def world(tmp_path: Any, fresh_cache: Callable[[], BaseCache]) -> World:
    """The same in a folder."""
    return filled(World(FolderBucket(tmp_path / "folder", create=True), fresh_cache))


def filled(world: World) -> World:
    """Put two things that have nothing in common, and delete one."""
    store = world.store()
    store.put(NEEDED, "needed-1.0")
    store.put(UNUSED, "unused")
    store.delete("unused")
    assert {sha256(NEEDED), sha256(UNUSED)} == world.bases()
    world.later(hours=25)
    return world


def names(bases: Any) -> set[str]:
    """Return the digests of unused bases."""
    return {base.sha256 for base in bases}


def test_a_base_without_use_is_marked_then_deleted_then_forgotten(any_world: World) -> None:
    """Three runs; what is in use can be read after each, and in the end nothing is left behind."""
    world = any_world
    first = world.gc()
    assert ({sha256(UNUSED)}, 0, 1) == (names(first.marked), first.freed_size, first.used)
    assert {sha256(UNUSED)} == set(world.marks())
    world.later(minutes=59)
    assert {sha256(UNUSED)} == names(world.gc().waiting)
    world.later(minutes=2)
    second = world.gc()
    assert ({sha256(UNUSED)}, len(UNUSED)) == (names(second.deleted), second.freed_size)
    assert {sha256(NEEDED)} == world.bases()
    assert {sha256(UNUSED)} == set(world.marks())
    world.later(hours=2)
    third = world.gc()
    assert ((), (), ()) == (third.marked, third.waiting, third.deleted)
    assert {} == world.marks()
    assert [] == list(world.bucket.list(layout.marks_prefix("")))
    assert NEEDED == world.store().read("needed-1.0")


def test_a_dry_run_changes_nothing(world: World) -> None:
    """It says what would be done; the bucket stays as it was, but for the clock."""
    before = {item for item in world.bucket.list() if item.key != layout.CLOCK_KEY}
    result = world.gc(delete=False)
    assert not result.done
    assert {sha256(UNUSED)} == names(result.marked)
    assert before == {item for item in world.bucket.list() if item.key != layout.CLOCK_KEY}


def test_a_dry_run_needs_no_right_to_write(world: World) -> None:
    """Without it the newest date in the bucket is the time."""
    world.store().put(b"new", "new")

    def refuse(call: str, key: str) -> None:
        if call in ("put", "delete"):
            raise AccessDenied(key)

    world.bucket.before = refuse
    assert {sha256(UNUSED)} == names(world.gc(delete=False).marked)
    with pytest.raises(AccessDenied):
        world.store().gc(delete=True)


def test_young_bases_stay(world: World) -> None:
    """A base may be there before its first key: the grace period is for writers on their way."""
    young = release(0, seed=3)
    store = world.store()
    store.put(young, "young")
    store.delete("young")
    world.later(hours=23)
    assert 1 == world.gc().young
    assert sha256(young) not in world.marks()
    assert sha256(young) in names(world.gc(grace=timedelta(hours=22)).marked)
    with pytest.raises(InvalidRequest, match="grace"):
        world.store().gc(grace=timedelta(hours=-1))


def test_a_base_that_is_used_again_stays(world: World) -> None:
    """A mark is taken back when somebody refers to the base after all; other puts use it again."""
    world.gc()
    attributes = layout.delta_attributes(
        Attributes(), sha256=sha256(UNUSED), size=len(UNUSED), base=sha256(UNUSED),
        base_size=len(UNUSED),
    )  # fmt: skip
    world.bucket.put("back", b"a delta that somebody copied from elsewhere", attributes)
    world.later(hours=2)
    result = world.gc()
    assert (2, ()) == (result.used, result.deleted)
    assert {} == world.marks()
    assert sha256(UNUSED) == world.store().put(UNUSED, "again").base


def test_what_a_put_finds_marked_it_leaves_alone(world: World) -> None:
    """Neither for something similar nor for the very same bytes, before and after the deletion."""
    for _ in range(2):
        world.gc()
        puts = [world.store().put(UNUSED, "same"), world.store().put(release(1, seed=2), "alike")]
        assert sha256(UNUSED) not in [put.base for put in puts]
        for key in ("same", "alike"):
            world.store().delete(key)
        world.later(hours=2)
    assert {sha256(UNUSED)} == set(world.marks())
    assert "plain" == world.store().put(UNUSED, "same", delta="never").form


def test_a_note_that_a_base_was_seen_does_no_harm(
    any_world: World, fresh_cache: Callable[[], BaseCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process with a note leaves marked bases alone, and an old index does not mislead it."""
    world, cache = any_world, fresh_cache()

    def put(content: bytes) -> str | None:
        return Store(world.bucket, cache=cache).put(content, "noted").base

    assert sha256(UNUSED) == put(UNUSED)
    world.store().delete("noted")
    old = stored(world.bucket, layout.INDEX_KEY)
    assert {sha256(UNUSED)} == names(world.gc().marked)
    assert sha256(UNUSED) != put(release(1, seed=2))
    world.store().delete("noted")
    clocks = clock._clocks
    monkeypatch.setattr(clock, "_clocks", lambda: tuple(each + 3660 for each in clocks()))
    world.later(minutes=61)
    assert sha256(UNUSED) in names(world.gc().deleted)
    change(world.bucket, layout.INDEX_KEY, body=old)
    assert sha256(UNUSED) != put(release(2, seed=2))
    assert release(2, seed=2) == world.store().read("noted")


def test_bases_unknown_to_the_index_are_collected_too(world: World) -> None:
    """An index that lost its entries keeps nobody from cleaning up."""
    world.bucket.put(layout.INDEX_KEY, b'{"version": 2, "bases": []}', layout.index_attributes())
    world.gc()
    world.later(hours=2)
    assert {sha256(UNUSED)} == names(world.gc().deleted)
    assert NEEDED == world.store().read("needed-1.0")


def test_marks_without_a_date_are_made_again(world: World) -> None:
    """A run that broke off after writing its marks has not dated them: the hour begins anew."""

    def stop(call: str, key: str) -> None:
        if call == "put" and key.startswith(layout.marks_prefix("")):
            raise Throttled(key)

    world.bucket.before = stop
    with pytest.raises(Throttled):
        world.store().gc(delete=True)
    world.bucket.before = lambda call, key: None
    assert {sha256(UNUSED)} == set(world.marks())
    world.later(hours=2)
    assert {sha256(UNUSED)} == names(world.gc().marked)
    world.later(hours=2)
    assert {sha256(UNUSED)} == names(world.gc().deleted)


def test_other_things_below_base_are_not_touched(world: World) -> None:
    """What is not named by a digest is no base."""
    for name in ("notes.txt", sha256(UNUSED).upper(), sha256(UNUSED) + ".bak"):
        world.bucket.put(layout.BASES_PREFIX + name, b"x", Attributes())
    world.later(hours=25)
    for _ in range(3):
        world.gc()
        world.later(hours=2)
    assert 4 == len(list(world.bucket.list(layout.BASES_PREFIX)))


# ---- Who needs a base ----


@pytest.fixture
def marked(world: World) -> World:
    """A world in which the next run would delete the base that is not used."""
    world.gc()
    world.later(hours=2)
    return world


def refused(world: World, kind: type[DeltaloftError]) -> str:
    """Return why a run refuses; it must not delete anything then."""
    with pytest.raises(kind) as caught:
        world.store().gc(delete=True)
    assert sha256(UNUSED) in world.bases()
    with pytest.raises(kind):
        world.store().gc(delete=False)
    return str(caught.value)


def test_foreign_objects_need_no_base(marked: World) -> None:
    """Whatever their metadata says that is not ours."""
    marked.bucket.put("foreign", b"x", Attributes(metadata={"base": sha256(UNUSED)}))
    assert {sha256(UNUSED)} == names(marked.gc().deleted)


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({"v": "2"}, UnsupportedFormat),
        ({"codec": "vcdiff/9"}, UnsupportedFormat),
        ({"base": "?"}, DamagedObject),
        ({"size": "-1"}, DamagedObject),
    ],
)
def test_an_object_that_cannot_be_read_may_need_any_base(
    marked: World, metadata: dict[str, str], kind: type[DeltaloftError]
) -> None:
    """Written by a later version, or damaged: nothing is deleted while it is there."""
    marked.store().put(release(1), "needed-1.1")
    change(marked.bucket, "needed-1.1", **metadata)
    message = refused(marked, kind)
    assert "nothing is collected" in message
    assert "needed-1.1" in message
    marked.store().delete("needed-1.1")
    assert {sha256(UNUSED)} == names(marked.gc().deleted)


@pytest.mark.parametrize("error", [AccessDenied, Throttled, StorageError])
def test_one_head_that_fails_is_enough(marked: World, error: type[DeltaloftError]) -> None:
    """403, 503, 500 on one object of many: nothing is deleted."""

    def fail(call: str, key: str) -> None:
        if (call, key) == ("head", "needed-1.0"):
            raise error(key)

    marked.bucket.before = fail
    refused(marked, error)


def test_a_key_that_is_deleted_while_we_look_needs_nothing(marked: World) -> None:
    """A listing and a HEAD are two moments."""

    def vanish(call: str, key: str) -> None:
        if (call, key) == ("head", "tiny"):
            marked.bucket.before = lambda call, key: None
            marked.bucket.delete("tiny")

    marked.store().put(b"tiny", "tiny")
    marked.bucket.before = vanish
    assert {sha256(UNUSED)} == names(marked.store().gc(delete=True).deleted)


def test_the_catalog_makes_it_cheap_and_never_wrong(marked: World) -> None:
    """With a fresh one no HEAD is needed for any key; an object put again is asked for."""
    for number in range(40):
        marked.store().put(b"tiny", f"tiny-{number:02}")
    marked.later(seconds=10)
    marked.store().refresh_catalog()
    attributes = layout.delta_attributes(
        Attributes(), sha256=sha256(b"tiny"), size=4, base=sha256(UNUSED), base_size=7
    )
    marked.bucket.calls.clear()
    assert {sha256(UNUSED)} == names(marked.store().gc().deleted)
    assert 2 == marked.bucket.calls["head"]  # the clock, and the base
    marked.bucket.put("tiny-07", b"tiny", attributes)  # the same bytes and ETag
    assert () == marked.gc().deleted


def test_each_store_looks_after_its_own_bases(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: Callable[[], BaseCache]
) -> None:
    """A store whose root lies inside another's: their bases are not each other's to delete."""
    whole = new_s3_bucket(moto_endpoint)
    name = whole.url.removeprefix("s3://")
    outer = World(whole, fresh_cache)
    inner = filled(World(S3Bucket(name, client=whole.client, prefix="team-a"), fresh_cache))
    outer.store().put(release(0, seed=5), "outer-1.0")
    outer.store().put(release(0, seed=6), "outer-unused")
    outer.store().delete("outer-unused")
    for _ in range(3):
        outer.later(hours=25)
        outer.gc()
    assert {sha256(release(0, seed=5))} == outer.bases()
    assert {sha256(NEEDED), sha256(UNUSED)} == inner.bases()
    for _ in range(3):
        inner.gc()
        inner.later(hours=25)
    assert {sha256(NEEDED)} == inner.bases()
    assert {sha256(release(0, seed=5))} == outer.bases()
    assert NEEDED == inner.store().read("needed-1.0")
    assert release(0, seed=5) == outer.store().read("outer-1.0")


def test_bases_are_looked_after_under_one_protection_at_a_time(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: Callable[[], BaseCache]
) -> None:
    """Who puts with encryption looks at another index, and does not see marks in this one."""
    world = filled(World(new_s3_bucket(moto_endpoint), fresh_cache))
    sealed = Attributes(encryption=Encryption("AES256"))
    content = release(0, seed=7)
    world.store().put(content, "sealed", attributes=sealed)
    world.store().put(release(1, seed=7), "sealed", delta="never")
    world.later(hours=25)
    for _ in range(3):
        result = world.gc()
        assert 1 == result.protected
        world.later(hours=25)
    assert {sha256(NEEDED), sha256(content)} == world.bases()
    assert {sha256(content)} == names(world.gc(attributes=sealed).marked)
    assert sha256(content) != world.store().put(release(2, seed=7), "again", attributes=sealed).base
    world.store().delete("again")
    world.later(hours=2)
    assert {sha256(content)} == names(world.gc(attributes=sealed).deleted)
    assert NEEDED == world.store().read("needed-1.0")


# ---- Versions ----


def versioned(bucket: Any, status: str = "Enabled") -> None:
    """Make an S3 bucket keep what is replaced and deleted, or stop it."""
    bucket.client.put_bucket_versioning(
        Bucket=bucket.url.removeprefix("s3://"), VersioningConfiguration={"Status": status}
    )


@pytest.fixture
def versions(
    http_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: Callable[[], BaseCache]
) -> Iterator[World]:
    """A store in a bucket that keeps versions."""
    bucket = new_s3_bucket(http_endpoint)
    versioned(bucket)
    world = World(bucket, fresh_cache)
    bucket.put("twice", b"", Attributes(), no_clobber=True)
    with suppress(AlreadyExists):
        bucket.put("twice", b"", Attributes(), no_clobber=True)
        with pytest.raises(StorageError, match="a bucket that honours conditions expected"):
            world.store().gc(delete=True)
        empty(bucket)
        pytest.skip("Ceph 16 ignores conditions where it keeps versions, and gc has just refused")
    empty(bucket)
    yield world
    empty(bucket)


def empty(bucket: Any) -> None:
    """Delete all versions and delete markers."""
    name = bucket.url.removeprefix("s3://")
    listed = bucket.client.list_object_versions(Bucket=name)
    for item in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        bucket.client.delete_object(Bucket=name, Key=item["Key"], VersionId=item["VersionId"])


def test_versions_from_before_they_were_suspended_count(
    rgw_endpoint: str, new_s3_bucket: Callable[..., Any], fresh_cache: Callable[[], BaseCache]
) -> None:
    """A bucket that keeps no more versions still has the old ones. (moto cannot read them then.)"""
    bucket = new_s3_bucket(rgw_endpoint)
    versioned(bucket)
    world = filled(World(bucket, fresh_cache))
    versioned(bucket, "Suspended")
    assert (2, 1) == (world.gc(delete=False).used, world.gc(delete=False).versions)
    empty(bucket)


def delete_versions(bucket: Any, key: str) -> None:
    """Delete what is kept of a key for good."""
    name = bucket.url.removeprefix("s3://")
    for item in bucket.client.list_object_versions(Bucket=name, Prefix=key).get("Versions", []):
        bucket.client.delete_object(Bucket=name, Key=key, VersionId=item["VersionId"])


def test_what_a_noncurrent_version_needs_stays(versions: World) -> None:
    """Deleted and replaced objects can be had again from a versioned bucket, and so can their base.

    When their versions are deleted, too, the base goes.
    """
    world = filled(versions)
    world.store().put(release(0, seed=3), "replaced")
    world.store().put(b"tiny", "replaced")
    for _ in range(3):
        world.later(hours=25)
        result = world.gc()
        assert (3, 2) == (result.used, result.versions)
    delete_versions(world.bucket, "unused")
    delete_versions(world.bucket, "replaced")
    for _ in range(2):
        world.later(hours=25)
        deleted = names(world.gc().deleted)
    assert {sha256(UNUSED), sha256(release(0, seed=3))} == deleted
    assert NEEDED == world.store().read("needed-1.0")


def test_a_version_that_cannot_be_read_may_need_any_base(versions: World) -> None:
    """403 on the HEAD of an old version, or one that a later deltaloft wrote."""
    world = filled(versions)
    delete_versions(world.bucket, "unused")
    world.store().put(release(1), "needed-1.0")
    world.gc()
    world.later(hours=2)
    head = world.bucket.head

    def denied(key: str, *, version: str | None = None) -> Any:
        if version is not None:
            raise AccessDenied(key)
        return head(key)

    world.bucket.head = denied  # type: ignore[method-assign]
    assert "nothing is collected" in refused(world, AccessDenied)
    world.bucket.head = head  # type: ignore[method-assign]
    change(world.bucket, "needed-1.0", v="2")
    world.store().put(release(1), "needed-1.0")
    refused(world, UnsupportedFormat)


def test_versions_are_listed_to_the_end(versions: World) -> None:
    """Page by page, below a root, without the current ones."""
    bucket = versions.bucket
    name = bucket.url.removeprefix("s3://")
    for number in range(5):
        for _ in range(3):
            bucket.put(f"root/{number}", b"x", Attributes())
    bucket.put("root0", b"x", Attributes())
    bucket.put("root0", b"x", Attributes())
    bucket.delete("root/4")
    rooted = S3Bucket(name, client=bucket.client, prefix="root")
    assert [*"00112233444"] == [version.key for version in rooted.versions()]
    assert 11 == len({version.version for version in rooted.versions()})
    listed: Any = bucket.client.list_object_versions

    def small_pages(**asked: Any) -> Any:
        return listed(**asked, MaxKeys=2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucket.client, "list_object_versions", small_pages)
        assert [*"00112233444"] == [version.key for version in rooted.versions()]


# ---- Others write meanwhile ----


def test_an_endpoint_that_ignores_conditions_is_refused(marked: World) -> None:
    """Where the last writer wins, marks may come and go; only who is alone may go on."""
    put = marked.bucket.put

    def careless(key: str, body: Any, attributes: Any, **conditions: Any) -> str:
        return put(key, body, attributes)

    marked.bucket.put = careless  # type: ignore[method-assign]
    with pytest.raises(StorageError, match="conditions"):
        marked.store().gc(delete=True)
    assert sha256(UNUSED) in marked.bases()
    assert {sha256(UNUSED)} == names(marked.store().gc(delete=True, alone=True).deleted)


def test_an_endpoint_that_knows_no_conditions_is_refused(marked: World) -> None:
    """501 to a condition is no promise either."""
    put = marked.bucket.put

    def strict(key: str, body: Any, attributes: Any, **conditions: Any) -> str:
        if any(conditions.values()):
            raise StorageError("NotImplemented, HTTP 501")
        return put(key, body, attributes)

    marked.bucket.put = strict  # type: ignore[method-assign]
    with pytest.raises(StorageError, match="conditions"):
        marked.store().gc(delete=True)
    assert sha256(UNUSED) in marked.bases()


def at(world: World, call: str, key: str, action: Callable[[], object]) -> list[str]:
    """Do something right before a call, the first time; what is returned is not empty then."""
    done: list[str] = []

    def before(called: str, called_key: str) -> None:
        if (called, called_key) == (call, key) and not done:
            done.append(key)
            action()

    world.bucket.before = before
    return done


def test_a_mark_that_is_taken_back_in_time_saves_the_base(marked: World) -> None:
    """Right before each deletion the index is read again."""
    index = layout.INDEX_KEY

    def take_back() -> None:
        body = re.sub(rb',"retiring":"\w+"', b"", stored(marked.bucket, index))
        marked.bucket.put(index, body, layout.index_attributes())

    done = at(marked, "list", layout.BASES_PREFIX, take_back)
    assert () == marked.store().gc(delete=True).deleted
    assert done
    assert sha256(UNUSED) in marked.bases()


def test_an_index_that_is_gone_marks_nothing(marked: World) -> None:
    """Who cannot see a mark uses the base: without an index nothing is deleted."""
    gone = at(marked, "list", layout.BASES_PREFIX, lambda: marked.bucket.delete(layout.INDEX_KEY))
    assert () == marked.store().gc(delete=True).deleted
    assert gone
    assert sha256(UNUSED) in marked.bases()


def test_a_base_that_was_put_back_is_not_deleted(marked: World) -> None:
    """Its date is another than the one that was listed."""
    key = layout.base_key(sha256(UNUSED))
    done = at(
        marked,
        "head",
        key,
        lambda: marked.bucket.put(key, UNUSED, layout.base_attributes("unused")),
    )
    assert () == marked.store().gc(delete=True).deleted
    assert done


def test_a_collection_that_was_stopped_deletes_nothing(
    marked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that slept between its last look and the deletion leaves that to the next run."""
    from deltaloft.store import gc

    monkeypatch.setattr(gc, "_LOOK_AGE", 0.0)
    assert () == marked.store().gc(delete=True).deleted
    assert sha256(UNUSED) in marked.bases()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers count as slow from the start, and need not wait for what may be on its way."""
    monkeypatch.setattr(rescue, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(rescue, "SETTLE_SECONDS", 0.0)


@pytest.mark.parametrize("moment", ["marked", "deleted", "forgotten"])
@pytest.mark.parametrize("version", [0, 1])
def test_a_writer_from_before_the_mark_puts_its_base_back(
    any_world: World, slow: None, moment: str, version: int
) -> None:
    """It read the index, slept for days, and puts its key when the base is marked or gone."""
    world = any_world
    runs = ["marked", "deleted", "forgotten"].index(moment) + 1

    def collections() -> None:
        for _ in range(runs):
            world.store().gc(delete=True)
            world.later(hours=2)

    done = at(world, "put", "late", collections)
    content = release(version, seed=2)
    result = world.store().put(content, "late")
    assert done
    assert (sha256(UNUSED), False) == (result.base, result.new_base)
    assert content == world.store().read("late")
    assert sha256(UNUSED) not in world.marks()
    for _ in range(3):
        world.later(hours=25)
        world.store().gc(delete=True)
    assert content == world.store().read("late")


def test_a_new_base_that_was_collected_before_its_key_came_is_put_back(
    world: World, slow: None
) -> None:
    """The writer slept between putting the base and putting the key."""
    new = release(0, seed=9)

    def collections() -> None:
        for _ in range(3):
            world.later(hours=25)
            world.store().gc(delete=True)
        assert sha256(new) not in world.bases()

    done = at(world, "put", "new", collections)
    assert world.store().put(new, "new").new_base
    assert done
    assert new == world.store().read("new")


def test_a_deletion_on_its_way_is_waited_for(
    world: World, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection that had looked before the writer did deletes the base that was put back."""
    key = layout.base_key(sha256(UNUSED))
    world.gc()
    waited = []

    def settle(seconds: float) -> None:
        waited.append(seconds)
        world.bucket.delete(key)

    monkeypatch.setattr(rescue.time, "sleep", settle)
    store = world.store()
    done = at(world, "put", "late", lambda: None)
    monkeypatch.setattr(BaseIndex, "load", _unmarked_load(BaseIndex))
    store.put(release(1, seed=2), "late")
    assert done
    assert waited
    assert release(1, seed=2) == world.store().read("late")


def _unmarked_load(kind: Any) -> Any:
    load = kind.load
    return lambda index, **_: load(index, retiring=True)


def test_a_copy_does_not_spread_what_is_marked(any_world: World) -> None:
    """A key that came back, or was missed, is stored anew where it is copied to."""
    world = any_world
    base = world.store().put(UNUSED, "unused").base
    info, body = world.bucket.head("unused"), stored(world.bucket, "unused")
    assert world.store().copy("unused", "copied").in_place
    world.store().delete("unused")
    world.store().delete("copied")
    world.gc()
    assert {base} == world.marks().keys()
    world.bucket.put("back", body, info.attributes)
    copied = world.store().copy("back", "moved")
    assert (False, True) == (copied.in_place, copied.base != base)
    world.store().delete("back")
    for _ in range(3):
        world.later(hours=25)
        world.gc()
    assert base not in world.bases()
    assert UNUSED == world.store().read("moved")


def test_an_index_with_marks_is_never_overwritten_unseen(world: World) -> None:
    """A 500 to a conditional write is no leave to write without the condition."""
    world.gc()
    before = stored(world.bucket, layout.INDEX_KEY)
    put = world.bucket.put

    def fail(key: str, body: Any, attributes: Any, **conditions: Any) -> str:
        if key == layout.INDEX_KEY and any(conditions.values()):
            raise StorageError("InternalError, HTTP 500")
        return put(key, body, attributes, **conditions)

    world.bucket.put = fail  # type: ignore[method-assign]
    assert world.store().put(release(0, seed=4), "other").new_base
    assert before == stored(world.bucket, layout.INDEX_KEY)


def test_a_quick_writer_does_not_look_twice(world: World) -> None:
    """The check costs requests only where the put took long."""
    assert rescue.SLOW_SECONDS == 600
    store = world.store()
    store.put(release(1), "needed-1.1")
    world.bucket.calls.clear()
    store.put(release(2), "needed-1.2")
    assert (1, 0) == (world.bucket.calls["get"], world.bucket.calls["head"])


def test_a_base_is_looked_at_again_by_a_process_that_lives_long(
    any_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there yesterday may have been deleted: a stale index entry does no harm."""
    from deltaloft.store import base_bytes

    world = any_world
    store = world.store()
    store.put(release(1), "needed-1.1")
    world.bucket.delete(layout.base_key(sha256(NEEDED)))
    monkeypatch.setattr(base_bytes, "_SEEN_SECONDS", 0.0)
    store.put(release(2), "needed-1.2")
    assert release(2) == world.store().read("needed-1.2")
    with pytest.raises(NotFound):
        world.bucket.head(layout.base_key(sha256(NEEDED)))
