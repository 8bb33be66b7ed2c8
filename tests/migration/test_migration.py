"""Moving everything into a store: what arrives, in what order, and what is known of it."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltaglider_vectors import VECTORS, Vector
from neighbours import missing
from sides import base_count, moved, opened_journal, side_of

from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import DamagedObject, InvalidRequest, Unreachable
from deltaloft.folder_bucket import FolderBucket
from deltaloft.migration import (
    Crew,
    Journal,
    Location,
    Moved,
    Mover,
    cluster,
    estimate,
    items_of,
    migrate,
    threads,
)
from deltaloft.place import Place
from deltaloft.transfers import Item, LocalSide, Side, StoreSide

NewBucket = Callable[[], Bucket]


def release(version: int, name: str = "app") -> bytes:
    """Return 100 kB, the last bytes of which tell the version."""
    return random.Random(name).randbytes(100_000) + b"version %d" % version


def key(version: int, name: str = "app") -> str:
    """Return where a release is kept."""
    return f"{name}/1.{version}/{name}.bin"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep bases where no other test finds them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def source(new_folder_bucket: NewBucket) -> Bucket:
    """Six releases that somebody put there without us, and a tiny file."""
    bucket = new_folder_bucket()
    for version in range(6):
        bucket.put(key(version), release(version), Attributes())
    bucket.put("tiny", b"tiny", Attributes())
    return bucket


@pytest.fixture
def target(new_folder_bucket: NewBucket) -> Bucket:
    """Where they go."""
    return new_folder_bucket()


def test_a_plain_s3_bucket(
    moto_endpoint: str, new_s3_bucket: Callable[..., Any], requests: list[tuple[str, str]],
    target: Bucket,
) -> None:  # fmt: skip
    """Bytes, metadata, headers and folder markers arrive; the source is only read."""
    source = new_s3_bucket(moto_endpoint)
    attributes = Attributes(
        content_type="text/x-app", cache_control="no-store", metadata={"built-by": "us"}
    )
    for version in range(3):
        source.put("old/" + key(version), release(version), attributes)
    source.put("old/folder/", b"", Attributes())
    source.put("old/", b"", Attributes())  # stands for the prefix itself
    source.put("older", b"not below the prefix", Attributes())
    requests.clear()
    assert 4 == sum(1 for _ in items_of(side_of(source, "old/")))
    assert [("GET", "")] == requests
    side = side_of(target, "new/")
    results = moved(side_of(source, "old/"), side)
    assert {"GET", "HEAD"} == {method for method, _ in requests}
    expected = [*(f"new/{key(version)}" for version in range(3)), "new/folder/"]
    assert expected == [entry.key for entry in side.store.list()]
    for version in range(3):
        name = key(version)
        assert release(version) == side.store.read(f"new/{name}")
        assert attributes == side.store.stat(f"new/{name}").attributes
        assert hashlib.sha256(release(version)).hexdigest() == results[name].sha256
        assert ("delta", None) == (results[name].form, results[name].error)


def test_tags_are_kept(moto_endpoint: str, new_s3_bucket: Callable[..., Any]) -> None:
    """From bucket to bucket, an object's tags go with it."""
    source, target = new_s3_bucket(moto_endpoint), new_s3_bucket(moto_endpoint)
    source.put("a", b"a", Attributes(tags={"team": "red"}))
    assert [None] == [each.error for each in moved(side_of(source), side_of(target)).values()]
    assert {"team": "red"} == target.tags("a")


def test_a_bucket_of_deltaglider(new_folder_bucket: NewBucket, target: Bucket) -> None:
    """What DeltaGlider stored arrives under its own names, with the digests that it noted."""
    vector, source = Vector.read(VECTORS["gzip"]), new_folder_bucket()
    vector.into(source)
    side = side_of(target)
    results = moved(side_of(source), side)
    assert vector.files == {name: each.sha256 for name, each in results.items()}
    read = {name: hashlib.sha256(side.store.read(name)).hexdigest() for name in results}
    assert vector.files == read


def test_a_folder(tmp_path: Path, target: Bucket) -> None:
    """Files of this machine arrive with the Content-Type that their names tell."""
    (tmp_path / "files/sub").mkdir(parents=True)
    (tmp_path / "files/sub/page.html").write_bytes(b"<p>")
    (tmp_path / "files/app.bin").write_bytes(release(1))
    side = side_of(target, "x/")
    results = moved(LocalSide(tmp_path / "files", pytest.fail), side)
    assert {"sub/page.html", "app.bin"} == set(results)
    assert release(1) == side.store.read("x/app.bin")
    assert "text/html" == side.store.stat("x/sub/page.html").attributes.content_type


def test_the_first_of_a_family_goes_ahead(source: Bucket, target: Bucket) -> None:
    """Several releases at once, and yet one base for all of them."""
    assert 7 == len(moved(side_of(source), side_of(target)))
    assert 1 == base_count(target)


def test_the_order(tmp_path: Path) -> None:
    """Families together, oldest first, and by numbers within the same second."""
    day = datetime(2026, 1, 1, tzinfo=UTC)

    def listed() -> Iterator[Item]:
        for name in ("app-1.10.bin", "app-1.9.bin", "other-3.bin", "app-1.8.bin"):
            yield Item(name, 1, day + timedelta(microseconds=len(name)))
        yield Item("app-2.0.bin", 1, day - timedelta(days=1))

    with Journal(tmp_path / "journal", "a", "b") as journal:
        journal.take_stock(listed())
        names = [item.name for _, item in journal.waiting()]
    expected = ["app-2.0.bin", "app-1.8.bin", "app-1.9.bin", "app-1.10.bin", "other-3.bin"]
    assert expected == names


def test_many_files_come_page_by_page() -> None:
    """Each file waits once, however many pages the journal is read in, and whatever is noted."""
    day = datetime(2026, 1, 1, tzinfo=UTC)
    with Journal(None, "a", "b") as journal:
        journal.take_stock(Item(f"f{n}/{n}.bin", n, day, f"e{n}") for n in range(1201))
        waiting = [item for _, item in journal.waiting()]
    assert {Item(f"f{n}/{n}.bin", n, day, f"e{n}") for n in range(1201)} == set(waiting)
    assert 1201 == len(waiting)


def test_what_is_done_is_not_done_again(source: Bucket, target: Bucket, tmp_path: Path) -> None:
    """A second run moves what is new or has changed since, and forgets what is gone."""
    left, right, journal = side_of(source), side_of(target), tmp_path / "journal"
    assert 7 == len(moved(left, right, journal))
    assert {} == moved(left, right, journal)
    source.put(key(2), release(20), Attributes())
    source.put("new", b"new", Attributes())
    source.delete("tiny")
    assert {key(2), "new"} == set(moved(left, right, journal))
    assert release(20) == right.store.read(key(2))
    with opened_journal(journal, left) as opened:
        totals = opened.totals()
    assert (7, 7, 0) == (totals.files, totals.done, totals.failed)
    stored = sum(each.size for each in target.list() if each.key.startswith(".deltaloft/base/"))
    assert stored == totals.base_size


def test_a_failure_is_that_of_one_file(
    new_folder_bucket: NewBucket, target: Bucket, tmp_path: Path
) -> None:
    """A damaged object is named, the others arrive; the next run tries it again."""
    source = new_folder_bucket()
    left, right, journal = side_of(source), side_of(target), tmp_path / "journal"
    for name in ("a", "b", "c"):
        left.store.put(name.encode(), name)
    attributes = source.head("b").attributes
    source.put("b", b"x", attributes)  # with the digest of other bytes
    results = moved(left, right, journal)
    assert {"a": None, "c": None} == {n: e.error for n, e in results.items() if n != "b"}
    assert isinstance(results["b"].error, DamagedObject)
    assert ["a", "c"] == [entry.key for entry in right.store.list()]
    source.put("b", b"b", attributes)
    assert {"b": None} == {n: e.error for n, e in moved(left, right, journal).items()}


def test_a_file_is_known_by_its_etag() -> None:
    """Another ETag is another file, though size and second are the same."""
    day = datetime(2026, 1, 1, tzinfo=UTC)
    with Journal(None, "a", "b") as journal:
        journal.take_stock([Item("x", 1, day, "one"), Item("y", 1, day, "one")])
        for name in ("x", "y"):
            journal.note(Moved(name, 1, 1, 1, "plain", "0" * 64))
        journal.take_stock([Item("x", 1, day, "two"), Item("y", 1, day, "one")])
        assert ["x"] == [item.name for _, item in journal.waiting()]


class Watched(ThreadPoolExecutor):
    """Two threads, and word when five errands have been called back."""

    def __init__(self) -> None:
        """Nothing has been called back yet."""
        super().__init__(2)
        self.called_back = threading.Event()
        self._left = 5

    def submit(self, *given: Any, **options: Any) -> Future[Any]:
        """Take an errand."""
        future = super().submit(*given, **options)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: Future[Any]) -> None:
        self._left -= future.cancelled()
        if not self._left:
            self.called_back.set()


def test_whoever_stops_listening_loses_nothing(
    new_folder_bucket: NewBucket, target: Bucket
) -> None:
    """What was under way is brought to its end and is in the journal; the rest is not begun."""
    source = new_folder_bucket()
    for name in "abcdefghijkl":
        source.put(name, name.encode(), Attributes())
    left, right = side_of(source), side_of(target)
    with opened_journal(None, left) as journal, Watched() as pool:
        mover = Mover(left, right)

        def move(items: tuple[Item, ...]) -> list[Moved]:
            if items[0].name != "a":
                pool.called_back.wait(10)
            return mover.move(items)

        results = migrate(journal, Crew(pool, move, 2))
        next(results)
        results.close()
        totals = journal.totals()
    assert 3 == totals.done
    assert ["a", "b", "c"] == [entry.key for entry in right.store.list()]


def test_a_lost_worker_is_a_failure_of_its_files(source: Bucket, target: Bucket) -> None:
    """Where an errand ends without results, its files have not arrived; all others have."""
    left, right = side_of(source), side_of(target)
    with opened_journal(None, left) as journal, threads(left, right) as crew:

        def move(items: tuple[Item, ...]) -> list[Moved]:
            if items[0].name == key(0):
                raise ChildProcessError("gone")
            return crew.move(items)

        hands = replace(crew, move=move, lost=(ChildProcessError,))
        results = {each.name: each.error for each in migrate(journal, hands)}
        assert (6, 1) == (journal.totals().done, journal.totals().failed)
    assert isinstance(results.pop(key(0)), Unreachable)
    assert {None} == set(results.values())


class Forgetful(FolderBucket):
    """A bucket that stores other bytes than it was given, and says that all is well."""

    def put(self, key: str, body: Any, attributes: Attributes, **options: Any) -> str:
        """Store zeros."""
        return super().put(key, bytes(len(body)), attributes, **options)


class Mistaken(FolderBucket):
    """A bucket that stores another whole file, as if somebody had put that a moment later."""

    def put(self, key: str, body: Any, attributes: Attributes, **options: Any) -> str:
        """Store zeros, and their digest."""
        zeros = bytes(len(body))
        metadata = {**attributes.metadata, "dl-sha256": hashlib.sha256(zeros).hexdigest()}
        return super().put(key, zeros, replace(attributes, metadata=metadata), **options)


@pytest.mark.parametrize("kind", [Forgetful, Mistaken])
def test_what_cannot_be_read_back_has_not_arrived(
    source: Bucket, tmp_path: Path, kind: type[FolderBucket]
) -> None:
    """A target that lies is found out by reading, and only by reading."""
    lying = kind(tmp_path / "lying", create=True)
    side = StoreSide(side_of(source).store, "ti")
    read = moved(side, side_of(lying))["ny"]
    assert isinstance(read.error, DamagedObject)
    assert None is moved(side, side_of(lying), check="sent")["ny"].error


class Busy(StoreSide):
    """A source in which somebody replaces each file right after it was copied."""

    def sha256(self, item: Item) -> str | None:
        """Replace the file first."""
        self.store.put(b"other", self.key(item.name))
        return super().sha256(item)


def test_the_source_is_asked_for_its_digest(target: Bucket, tmp_path: Path) -> None:
    """A file that is another at the source by now has not arrived."""
    left = side_of(FolderBucket(tmp_path / "source", create=True))
    left.store.put(b"a", "a")
    (result,) = moved(Busy(left.store, ""), side_of(target)).values()
    assert isinstance(result.error, DamagedObject)
    assert "is there" in str(result.error)


def test_a_listing_that_breaks_off_changes_nothing(source: Bucket, tmp_path: Path) -> None:
    """The journal has all of a listing, or none of it."""

    def broken(side: Side) -> Iterator[Item]:
        yield from list(items_of(side))[:3]
        raise Unreachable("in the middle")

    side = side_of(source)
    with opened_journal(tmp_path / "journal", side) as journal:
        before = journal.totals()
        with pytest.raises(Unreachable):
            journal.take_stock(broken(side))
        assert before == journal.totals()
        assert 7 == sum(1 for _ in journal.waiting())


def test_a_journal_belongs_to_one_move(tmp_path: Path) -> None:
    """Another move's journal, another's file and one that is in use are refused by name."""
    path = tmp_path / "journal"
    with Journal(path, "a", "b"), pytest.raises(BlockingIOError, match="another migration"):
        Journal(path, "a", "b")
    with pytest.raises(InvalidRequest, match="a to c expected, found that of a to b"):
        Journal(path, "a", "c")
    Journal(path, "a", "b").close()
    path.write_bytes(b"a file of mine, " * 100)
    with pytest.raises(InvalidRequest, match="a journal of dg migrate expected"):
        Journal(path, "a", "b")
    assert b"a file of mine, " * 100 == path.read_bytes()
    FolderBucket(tmp_path / "store", create=True)
    with closing(sqlite3.connect(tmp_path / "later")) as later:
        Journal(tmp_path / "later", "a", "b").close()
        later.execute("PRAGMA user_version = 2")
    with pytest.raises(InvalidRequest, match="version 1 expected, found 2"):
        Journal(tmp_path / "later", "a", "b")
    (index,) = (each for each in (tmp_path / "store").rglob("*") if _is_sqlite(each))
    with pytest.raises(InvalidRequest, match="a journal of dg migrate expected"):
        Journal(index, "a", "b")


def _is_sqlite(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"


def test_a_target_without_what_has_arrived(
    source: Bucket, target: Bucket, new_folder_bucket: NewBucket, tmp_path: Path
) -> None:
    """A journal does not go with an emptied target; that some of it was deleted is no matter."""
    left, right = side_of(source), side_of(target)
    moved(left, right, tmp_path / "journal")
    with opened_journal(tmp_path / "journal", left) as journal:
        right.store.delete(key(0))
        journal.check_target(right)
        with pytest.raises(InvalidRequest, match="but is not there"):
            journal.check_target(side_of(new_folder_bucket()))
    with opened_journal(None, left) as journal:
        journal.check_target(side_of(new_folder_bucket()))


def test_places_of_one_name() -> None:
    """Buckets of one name at two endpoints are two places, and passwords are no names."""
    place = Place("s3://b/", "x/")
    names = [
        Location(place, endpoint_url=url).name
        for url in (None, "http://one:9000", "http://me:secret@two:9000/s3")
    ]
    assert ["s3://b/x/", "s3://b/x/ at http://one:9000", "s3://b/x/ at http://two:9000/s3"] == names


def test_the_estimate_comes_true(new_folder_bucket: NewBucket, target: Bucket) -> None:
    """A sample of families that drift, that do not, and of single files tells the whole."""
    source, left = new_folder_bucket(), random.Random(7)
    for name in ("one", "two", "three"):
        for version in range(10):
            source.put(key(version, name), release(version, name), Attributes())
    for name in ("x", "y"):
        source.put(name, left.randbytes(300_000), Attributes())
    side = side_of(source)
    before = [(each.key, each.etag) for each in source.list()]
    with opened_journal(None, side) as journal:
        found = estimate(side, journal, files=24)
    assert before == [(each.key, each.etag) for each in source.list()]
    assert (32, sum(each.size for each in source.list())) == (found.files, found.size)
    assert 0 < found.sampled_files <= 24
    moved(side, side_of(target))
    stored = sum(each.size for each in target.list() if each.key != ".deltaloft/bases")
    assert found.stored_size == pytest.approx(stored, rel=0.2)


def test_a_sample_has_its_limits(source: Bucket) -> None:
    """No more files and bytes are fetched than allowed; of too few nothing is concluded."""
    side = side_of(source)
    with opened_journal(None, side) as journal:
        assert 4 == estimate(side, journal, files=4).sampled_files
        some = estimate(side, journal, most_bytes=350_000)
        assert (3, True) == (some.sampled_files, some.sampled_size <= 350_000)
        one = estimate(side, journal, most_bytes=150_000)
        assert (1, None) == (one.sampled_files, one.stored_size)


def test_nothing_to_estimate(new_folder_bucket: NewBucket) -> None:
    """An empty source costs nothing; of one that cannot be read nobody knows."""
    source = new_folder_bucket()
    side = side_of(source)
    with opened_journal(None, side) as journal:
        assert 0 == estimate(side, journal).stored_size
    side.store.put(b"a", "a")
    source.put("a", b"x", source.head("a").attributes)
    with opened_journal(None, side) as journal:
        assert None is estimate(side, journal).stored_size


def test_ends_that_overlap_are_refused() -> None:
    """A target in the source would be moved into itself; the same place elsewhere is no such."""
    bucket, below = Location(Place("s3://b/", "")), Location(Place("s3://b/root", "x/"))
    for here, there in ((bucket, below), (below, bucket), (below, below)):
        with pytest.raises(InvalidRequest, match="one lies in the other"):
            here.check_apart(there)
    Location(Place("s3://b/", "a/")).check_apart(Location(Place("s3://b/", "ab/")))
    bucket.check_apart(Location(Place("s3://b/", ""), endpoint_url="https://elsewhere"))
    with pytest.raises(InvalidRequest, match="one lies in the other"):
        Location(Path("/data")).check_apart(Location(Place("file:///data/store", "")))


def test_a_cluster_of_workers(source: Bucket, target: Bucket) -> None:
    """Workers in another process open both ends themselves, and all arrives."""
    try:
        import distributed
    except ImportError:
        missing("dask", "distributed is not installed")
    here = Location(Place(source.url, ""))
    there = Location(Place(target.url, "x/"))
    lent = distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, host="127.0.0.1", dashboard_address=None
    )
    with lent, opened_journal(None, side_of(source)) as journal:
        with cluster(lent.scheduler_address, here, there) as crew:
            results = {each.name: each for each in migrate(journal, crew)}
        assert [None] * 7 == [each.error for each in results.values()]
        assert 7 == journal.totals().done
    for version in range(6):
        assert release(version) == side_of(target).store.read(f"x/{key(version)}")
    assert 1 == base_count(target)


def test_a_cluster_needs_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no address, and what to install where distributed is not: each is said."""
    end = Location(tmp_path)
    with pytest.raises(InvalidRequest, match="an address like"), cluster("nowhere", end, end):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(InvalidRequest, match=r"deltaloft\[dask\]"),
        cluster("tcp://127.0.0.1:1", end, end),
    ):
        pass
