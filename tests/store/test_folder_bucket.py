"""What only the bucket in a folder can get wrong: crashes, other files, full disks."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from deltaloft.bucket import Attributes
from deltaloft.buffers import mapped
from deltaloft.errors import (
    AlreadyExists,
    BucketNotFound,
    DamagedObject,
    InvalidRequest,
    PreconditionFailed,
    StorageError,
    UnsupportedFormat,
)
from deltaloft.folder_bucket import FolderBucket

PLAIN = Attributes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the path of a folder that is not there yet."""
    return tmp_path / "store"


@pytest.fixture
def bucket(folder: Path) -> FolderBucket:
    """Return an empty bucket in `folder`."""
    return FolderBucket(folder, create=True)


def read(bucket: FolderBucket, key: str) -> bytes:
    """Return all bytes of an object."""
    with bucket.get(key) as reading:
        assert reading is not None
        return b"".join(reading.chunks())


def bodies(folder: Path) -> list[Path]:
    """Return all files below bodies/ and incoming/."""
    return [path for part in ("bodies", "incoming") for path in (folder / part).rglob("*-*")] + [
        path for path in (folder / "incoming").iterdir() if "-" not in path.name
    ]


def names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def change_index(folder: Path, statement: str, *values: object) -> None:
    """Do to the index what somebody else might."""
    with closing(sqlite3.connect(folder / "index.sqlite", isolation_level=None)) as index:
        index.execute(statement, values)


# ---- The folder -------------------------------------------------------------------------------


def test_keys_do_not_leave_the_folder(folder: Path, bucket: FolderBucket) -> None:
    """Whatever a key looks like, nothing is made outside the bucket's own two subfolders."""
    for key in ("../../x", "/etc/x", "..", "a/../../../b", "index.sqlite", "bodies/x"):
        bucket.put(key, b"x", PLAIN)
    assert names(folder.parent) == ["store"]
    assert names(folder) == ["README.txt", "bodies", "incoming", "index.sqlite"]
    assert len(bodies(folder)) == 6


def test_a_missing_or_empty_folder_is_no_bucket(folder: Path) -> None:
    """Without `create` nothing is made, in a folder that is missing as in one that is empty."""
    with pytest.raises(BucketNotFound):
        FolderBucket(folder)
    assert not folder.exists()
    folder.mkdir()
    with pytest.raises(BucketNotFound):
        FolderBucket(folder)
    assert names(folder) == []


def test_a_folder_of_other_files_stays_as_it_is(folder: Path) -> None:
    """A folder that holds other things is refused and left alone, whatever was asked."""
    folder.mkdir()
    (folder / "thesis.odt").write_bytes(b"years")
    for create in (False, True):
        with pytest.raises(InvalidRequest):
            FolderBucket(folder, create=create)
    # An empty file of the index's name is no permission either.
    (folder / "index.sqlite").touch()
    for create in (False, True):
        with pytest.raises((InvalidRequest, BucketNotFound)):
            FolderBucket(folder, create=create)
    assert names(folder) == ["index.sqlite", "thesis.odt"]
    assert (folder / "index.sqlite").read_bytes() == b""


def test_another_database_stays_as_it_is(folder: Path) -> None:
    """A database of something else under the index's name is refused and left alone."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "index.sqlite")) as other:
        other.execute("CREATE TABLE pictures (name)")
    before = (folder / "index.sqlite").read_bytes()
    for create in (False, True):
        with pytest.raises(InvalidRequest):
            FolderBucket(folder, create=create)
    assert names(folder) == ["index.sqlite"]
    assert (folder / "index.sqlite").read_bytes() == before


def test_a_file_is_no_folder(folder: Path) -> None:
    """A path that is a file, or leads through one, is refused."""
    folder.write_bytes(b"a file")
    for path in (folder, folder / "below"):
        with pytest.raises(InvalidRequest):
            FolderBucket(path, create=True)
    assert folder.read_bytes() == b"a file"


def test_creation_broken_off(folder: Path) -> None:
    """What a killed creation leaves is no bucket, and is completed by the next one."""
    for left in (["bodies"], ["bodies", "incoming", ".README.txt.0123.dg-part"]):
        folder.mkdir()
        for name in left:
            (folder / name).mkdir() if "." not in name else (folder / name).touch()
        with pytest.raises(BucketNotFound):
            FolderBucket(folder)
        (folder / "index.sqlite").touch()
        with pytest.raises(BucketNotFound):
            FolderBucket(folder)
        FolderBucket(folder, create=True).put("key", b"x", PLAIN)
        assert read(FolderBucket(folder), "key") == b"x"
        shutil.rmtree(folder)


def test_created_by_eight_at_once(folder: Path) -> None:
    """Eight processes that create the same bucket all get it."""
    results = in_processes(8, create_and_put, folder)
    assert results == [None] * 8
    bucket = FolderBucket(folder)
    assert [listed.key for listed in bucket.list()] == [f"key{n}" for n in range(8)]


def test_a_bucket_that_was_removed(folder: Path, bucket: FolderBucket) -> None:
    """A bucket whose folder is taken away is BucketNotFound, and does not come back by itself."""
    shutil.rmtree(folder)
    with pytest.raises(BucketNotFound):
        bucket.head("key")
    with pytest.raises(BucketNotFound):
        list(bucket.list())
    with pytest.raises((BucketNotFound, FileNotFoundError)):
        bucket.put("key", b"", PLAIN)
    assert not folder.exists()


def test_a_later_version_is_refused(folder: Path, bucket: FolderBucket) -> None:
    """A folder of a later version is refused by name, also by who has opened it before."""
    bucket.put("key", b"x", PLAIN)
    change_index(folder, "PRAGMA user_version = 2")
    with pytest.raises(UnsupportedFormat, match="found version 2"):
        FolderBucket(folder, create=True)
    with pytest.raises(UnsupportedFormat):
        bucket.put("key", b"y", PLAIN)
    assert len(bodies(folder)) == 1


# ---- What is damaged or hostile ---------------------------------------------------------------


@pytest.mark.parametrize("body", ["../../../secret", "/etc/passwd", "", "index.sqlite", 7, None])
def test_an_index_that_points_elsewhere(folder: Path, body: object) -> None:
    """A row that names a file outside bodies/ is damage: nothing is read, nothing removed."""
    bucket = FolderBucket(folder, create=True)
    bucket.put("key", b"x", PLAIN)
    (folder.parent / "secret").write_bytes(b"secret")
    change_index(folder, "PRAGMA ignore_check_constraints = 1")
    if body is None:
        change_index(folder, "UPDATE objects SET attributes = '[]'")
    else:
        change_index(folder, "UPDATE objects SET body = ?", body)
    for call in (
        lambda: read(bucket, "key"),
        lambda: bucket.local_path("key"),
        lambda: bucket.put("key", b"y", PLAIN),
        lambda: bucket.delete("key"),
        lambda: list(bucket.list()),
    ):
        with pytest.raises(DamagedObject):
            call()
    assert (folder.parent / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("size", "many"),
        ("etag", b"5"),
        ("modified", "today"),
        ("modified", 2**62),
        ("attributes", "{"),
        ("attributes", json.dumps({"metadata": {"a": 1}})),
        ("attributes", json.dumps({"metadata": {}, "later": "x"})),
        ("attributes", json.dumps({})),
        ("key", b"\x80"),
    ],
)
def test_an_index_that_makes_no_sense(
    folder: Path, bucket: FolderBucket, column: str, value: object
) -> None:
    """A row with values of the wrong kind is damage, told by its key."""
    bucket.put("key", b"x", PLAIN)
    change_index(folder, f"UPDATE objects SET {column} = ?", value)
    with pytest.raises(DamagedObject):
        list(bucket.list())


def test_a_damaged_index(folder: Path, bucket: FolderBucket) -> None:
    """An index that is no database any more is told as damage."""
    (folder / "index.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(DamagedObject):
        bucket.head("key")
    with pytest.raises(DamagedObject):
        FolderBucket(folder, create=True)


@pytest.mark.parametrize("damage", ["cut", "longer", "missing", "link"])
def test_a_damaged_body(folder: Path, bucket: FolderBucket, damage: str) -> None:
    """A body of another size, none, or a link to somewhere else is an error, never other bytes."""
    bucket.put("key", b"some bytes", PLAIN)
    path = bucket.local_path("key")
    assert path is not None
    if damage in ("missing", "link"):
        path.unlink()
    if damage == "link":
        (folder.parent / "other").write_bytes(b"same size!")
        path.symlink_to(folder.parent / "other")
    if damage in ("cut", "longer"):
        path.chmod(0o600)
        path.write_bytes(b"some" if damage == "cut" else b"some bytes and more")
    with pytest.raises((DamagedObject, OSError)):
        read(bucket, "key")


# ---- At the same time -------------------------------------------------------------------------


def test_a_reader_keeps_its_version(bucket: FolderBucket) -> None:
    """Who reads while the object is replaced and deleted gets the version that it opened."""
    bucket.put("key", b"old" * 1000, PLAIN)
    path = bucket.local_path("key")
    assert path is not None
    with mapped(path) as view, bucket.get("key") as reading:
        assert reading is not None
        bucket.put("key", b"new", PLAIN)
        bucket.delete("key")
        assert b"".join(reading.chunks()) == b"old" * 1000
        assert bytes(view) == b"old" * 1000
    assert not path.exists()


def test_bodies_cannot_be_written(bucket: FolderBucket) -> None:
    """A body's file is write-protected, for it never changes."""
    bucket.put("key", b"x", PLAIN)
    path = bucket.local_path("key")
    assert path is not None
    assert path.stat().st_mode & 0o222 == 0


def test_readers_of_a_key_that_is_replaced_all_the_time(folder: Path, bucket: FolderBucket) -> None:
    """A reader always finds one whole version, however often others replace and tidy up."""
    bucket.put("key", b"0" * 10_000, PLAIN)
    context = multiprocessing.get_context("fork")
    writer = context.Process(target=replace_for_ever, args=(folder,))
    writer.start()
    try:
        seen = {read(bucket, "key") for _ in range(300)}
    finally:
        writer.kill()
        writer.join()
    assert len(seen) > 1
    assert {(len(body), len(set(body))) for body in seen} == {(10_000, 1)}


def test_a_body_replaced_before_it_is_opened(folder: Path, bucket: FolderBucket) -> None:
    """A reader whose body is replaced between the index and the file reads the new one."""
    bucket.put("key", b"old", PLAIN)
    body = bucket.local_path("key")
    assert body is not None
    waiting = [str(body)]

    def replace(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and waiting and str(arguments[0]) == waiting[0]:
            waiting.clear()
            FolderBucket(folder).put("key", b"new", PLAIN)

    sys.addaudithook(replace)  # there is no taking it away, so it works only once
    assert read(bucket, "key") == b"new"
    assert waiting == []


def test_tidying_takes_nothing_that_is_in_use(folder: Path, bucket: FolderBucket) -> None:
    """Processes that put equal bytes and tidy up after each other lose none of them."""
    in_processes(4, put_and_tidy, folder)
    keys = {f"{number}/{round_}" for number in range(4) for round_ in range(40)}
    assert {listed.key for listed in bucket.list()} == keys
    assert {read(bucket, key) for key in keys} == {b"equal"}


def test_one_creator_of_eight_processes_wins(folder: Path, bucket: FolderBucket) -> None:
    """Of eight processes that create one key at once, one succeeds and its bytes stay."""
    for round_ in range(5):
        results = in_processes(8, create_key, folder, f"key{round_}")
        (winner,) = [body for body in results if body is not None]
        assert read(bucket, f"key{round_}") == winner
    assert len(bodies(folder)) == 5


def test_processes_lose_no_update(folder: Path, bucket: FolderBucket) -> None:
    """Processes that agree by `if_match` lose none of each other's updates."""
    bucket.put("count", b"0", PLAIN)
    in_processes(4, count_up, folder)
    assert read(bucket, "count") == b"40"
    assert len(bodies(folder)) == 1


# ---- Killed -----------------------------------------------------------------------------------

KILLED_AT_STEP = """
import os, signal, sys
from pathlib import Path
from deltaloft.bucket import Attributes
from deltaloft.folder_bucket import FolderBucket

bucket = FolderBucket(Path(sys.argv[1]))
left = int(sys.argv[2])

def step(event, _):
    global left
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "sqlite3.connect", "fcntl.flock"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(step)
bucket.put("key", b"new" * 1000, Attributes())
os._exit(0)
"""


def test_killed_at_every_step(folder: Path, bucket: FolderBucket) -> None:
    """A put killed before any of its system calls leaves old or new, and no litter for long."""
    outcomes = []
    for step in range(100):
        bucket.put("key", b"old" * 1000, PLAIN)
        child = subprocess.run(
            [sys.executable, "-c", KILLED_AT_STEP, str(folder), str(step)], check=False
        )
        after = FolderBucket(folder)
        outcomes.append(read(after, "key"))
        # Whoever writes to the same subfolders next finds what was left and removes it.
        after.put("key", b"new" * 1000, PLAIN)
        after.put("other", b"old" * 1000, PLAIN)
        assert len(bodies(folder)) == 2
        assert {each.key for each in after.list()} == {"key", "other"}
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGKILL
    assert len(outcomes) > 8
    first_new = outcomes.index(b"new" * 1000)
    assert outcomes == [b"old" * 1000] * first_new + [b"new" * 1000] * (len(outcomes) - first_new)


def test_killed_at_any_time(folder: Path, bucket: FolderBucket) -> None:
    """However often a busy writer is killed, every object is whole and agrees with its row."""
    chance = random.Random(11)
    context = multiprocessing.get_context("fork")
    for _ in range(15):
        writer = context.Process(target=write_for_ever, args=(folder,))
        writer.start()
        time.sleep(chance.uniform(0.01, 0.15))
        writer.kill()
        writer.join()
        for listed in bucket.list():
            with bucket.get(listed.key) as reading:
                assert reading is not None
                body = b"".join(reading.chunks())
            assert (len(body), len(set(body))) == (listed.size, 1)
            assert reading.info.attributes.metadata == {"byte": str(body[0])}
    bucket.put("after", b"x", PLAIN)
    assert read(bucket, "after") == b"x"


def test_who_writes_is_not_tidied_away(folder: Path, bucket: FolderBucket) -> None:
    """A body that is being written, for however long, is not taken for litter."""

    class Slow:
        """A file whose reader finds that others write meanwhile."""

        def __init__(self) -> None:
            self.left = [b"slow", b"ly"]

        def read(self, _: int) -> bytes:
            FolderBucket(folder).put("other", b"x", PLAIN)
            return self.left.pop(0) if self.left else b""

    bucket.put("key", Slow(), PLAIN)  # type: ignore[arg-type]
    assert read(bucket, "key") == b"slowly"


def test_a_body_that_vanishes_is_not_indexed(folder: Path, bucket: FolderBucket) -> None:
    """Should a body be removed before the index knows it, the put fails and the old one stays."""
    bucket.put("key", b"old", PLAIN)
    before = set(bodies(folder))
    with (
        closing(sqlite3.connect(folder / "index.sqlite", isolation_level=None)) as other,
        ThreadPoolExecutor(1) as threads,
    ):
        other.execute("BEGIN IMMEDIATE")  # the put has to wait for its turn
        put = threads.submit(bucket.put, "key", b"new", PLAIN)
        while not (written := [path for path in set(bodies(folder)) - before if "-" in path.name]):
            time.sleep(0.01)  # it has no such name before it is complete
        written[0].unlink()
        other.execute("ROLLBACK")
        with pytest.raises(StorageError, match="abandoned"):
            put.result()
    assert read(bucket, "key") == b"old"


def test_a_body_that_cannot_be_read(folder: Path, bucket: FolderBucket) -> None:
    """An error, or Ctrl-C, while the body is read leaves the old object and no litter."""
    bucket.put("key", b"old", PLAIN)
    for failure in (OSError("cable"), KeyboardInterrupt()):

        class Broken:
            def read(self, _: int, failure: BaseException = failure) -> bytes:
                raise failure

        with pytest.raises(type(failure)):
            bucket.put("key", Broken(), PLAIN)  # type: ignore[arg-type]
    assert read(bucket, "key") == b"old"
    assert len(bodies(folder)) == 1


def test_nothing_is_left_open(folder: Path, bucket: FolderBucket) -> None:
    """Hundreds of calls leave no descriptor behind."""

    def use() -> None:
        bucket.put("key", b"x" * 100, PLAIN)
        read(bucket, "key")
        with bucket.get("key"):
            pass
        with pytest.raises(AlreadyExists):
            bucket.put("key", b"y", PLAIN, no_clobber=True)
        list(bucket.list())

    use()
    gc.collect()  # what earlier tests left
    before = len(names(Path("/proc/self/fd")))
    for _ in range(60):
        use()
    assert len(names(Path("/proc/self/fd"))) == before
    assert len(bodies(folder)) == 1


def test_a_long_listing(folder: Path, bucket: FolderBucket) -> None:
    """A listing of more than one page is complete and in order, whatever is deleted meanwhile."""
    bucket.put("k0000", b"", PLAIN)
    change_index(  # a thousand puts would flush the disk four thousand times
        folder,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1049)"
        " INSERT INTO objects SELECT CAST(printf('k%04d', i) AS BLOB),"
        " substr(body, 1, 65) || printf('%016d', i), size, etag, modified, attributes"
        " FROM n, objects",
    )
    listing = bucket.list()
    first = next(listing)
    bucket.delete("k0500")
    bucket.delete("k1040")
    keys = [first.key, *(listed.key for listed in listing)]
    assert keys == [f"k{number:04}" for number in range(1050) if number != 1040]


# ---- Disks ------------------------------------------------------------------------------------


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of so many bytes; needs the right to mount one."""
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "deltaloft-test", str(path)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("not allowed to mount a small file system")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_disk_full(tmp_path: Path) -> None:
    """A full disk is its OSError; what was stored stays, and no part of what was not."""
    with small_disk(tmp_path / "disk", "1m") as disk:
        bucket = FolderBucket(disk / "store", create=True)
        bucket.put("key", b"old", PLAIN)
        for body in (b"x" * (4 << 20), memoryview(b"y" * (2 << 20))):
            with pytest.raises(OSError, match="No space left"):
                bucket.put("key", body, PLAIN)
        assert (read(bucket, "key"), len(bodies(disk / "store"))) == (b"old", 1)
        stored = 0
        with pytest.raises(OSError, match="No space left"):  # this time perhaps in the index
            while True:
                bucket.put(f"small{stored}", b"z" * 10, PLAIN)
                stored += 1
        assert len(list(bucket.list())) == len(bodies(disk / "store")) == stored + 1
        bucket.delete("small0")
        bucket.delete("small1")
        bucket.put("key", b"new", PLAIN)
        assert read(bucket, "key") == b"new"


@contextmanager
def read_only(tmp_path: Path) -> Iterator[tuple[Path, FolderBucket]]:
    """Make a folder with one object in which nobody can write, not even root."""
    if os.geteuid() != 0:
        bucket = FolderBucket(tmp_path / "store", create=True)
        bucket.put("key", b"bytes", PLAIN)
        paths = [tmp_path / "store", *(tmp_path / "store").rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield tmp_path / "store", bucket
        for path in paths:
            path.chmod(0o755)
        return
    with small_disk(tmp_path / "disk", "1m") as disk:
        bucket = FolderBucket(disk / "store", create=True)
        bucket.put("key", b"bytes", PLAIN)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        yield disk / "store", bucket


def test_read_only_folder(tmp_path: Path) -> None:
    """A read-only folder, a snapshot perhaps, can be read; writing is its OSError."""
    with read_only(tmp_path) as (folder, before):
        for bucket in (before, FolderBucket(folder), FolderBucket(folder, create=True)):
            assert read(bucket, "key") == b"bytes"
            assert [listed.key for listed in bucket.list()] == ["key"]
            path = bucket.local_path("key")
            assert path is not None
            assert path.read_bytes() == b"bytes"
            with pytest.raises(OSError, match=r"Read-only|denied"):
                bucket.put("key", b"new", PLAIN)
            with pytest.raises(OSError, match=r"Read-only|denied"):
                bucket.delete("key")
            bucket.delete("missing")
            assert read(bucket, "key") == b"bytes"


CRASH_WHILE_WRITING = """
import os, sqlite3, sys
index = sqlite3.connect(sys.argv[1], isolation_level=None)
index.execute("PRAGMA cache_size = 1")  # so that changes reach the disk before their commit
index.execute("BEGIN IMMEDIATE")
index.execute("UPDATE objects SET size = 99")
rows = [(b"%050d" % n, str(n), 1, "", 1, "{}") for n in range(3000)]
index.executemany("INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?)", rows)
os._exit(0)
"""


def test_read_only_folder_of_a_killed_writer(tmp_path: Path) -> None:
    """A transaction that has to be undone first is not read: where nothing can be, it is told."""
    with small_disk(tmp_path / "disk", "4m") as disk:
        bucket = FolderBucket(disk / "store", create=True)
        bucket.put("key", b"bytes", PLAIN)
        index = disk / "store" / "index.sqlite"
        subprocess.run([sys.executable, "-c", CRASH_WHILE_WRITING, str(index)], check=True)
        assert (disk / "store" / "index.sqlite-journal").exists()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(OSError, match="a writer was killed here"):
            bucket.head("key")
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert read(bucket, "key") == b"bytes"
        assert [listed.size for listed in bucket.list()] == [5]


# ---- What the other processes do --------------------------------------------------------------


def in_processes(count: int, task: Any, *arguments: object) -> list[Any]:
    """Run `task(number, barrier, *arguments)` in so many processes and return what they return."""
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(count), context.SimpleQueue()

    def run(number: int) -> None:
        try:
            results.put((number, task(number, barrier, *arguments)))
        except BaseException as error:
            results.put((number, repr(error)))

    processes = [context.Process(target=run, args=(number,)) for number in range(count)]
    for process in processes:
        process.start()
    found = dict(results.get() for _ in processes)
    for process in processes:
        process.join()
    return [found[number] for number in range(count)]


def create_and_put(number: int, barrier: Any, folder: Path) -> None:
    """Create the bucket together with the others, and use it."""
    barrier.wait()
    FolderBucket(folder, create=True).put(f"key{number}", b"%d" % number, PLAIN)


def create_key(number: int, barrier: Any, folder: Path, key: str) -> bytes | None:
    """Create a key together with the others; return what was written."""
    bucket = FolderBucket(folder)
    body = b"%d" % number * 5000
    barrier.wait()
    try:
        bucket.put(key, body, PLAIN, no_clobber=True)
    except AlreadyExists:
        return None
    return body


def count_up(_: int, barrier: Any, folder: Path) -> None:
    """Count to ten, with others who do the same."""
    bucket = FolderBucket(folder)
    barrier.wait()
    done = 0
    while done < 10:
        with bucket.get("count") as reading:
            assert reading is not None
            value = int(b"".join(reading.chunks()))
        try:
            bucket.put("count", b"%d" % (value + 1), PLAIN, if_match=reading.info.etag)
        except PreconditionFailed:
            continue
        done += 1


def put_and_tidy(number: int, barrier: Any, folder: Path) -> None:
    """Put equal bytes under keys of our own, each time as one who has tidied nothing yet."""
    barrier.wait()
    for round_ in range(40):
        FolderBucket(folder).put(f"{number}/{round_}", b"equal", PLAIN)


def replace_for_ever(folder: Path) -> None:
    """Replace one object by others of the same size, as fast as possible."""
    bucket = FolderBucket(folder)
    while True:
        for digit in b"123456789":
            bucket.put("key", bytes([digit]) * 10_000, PLAIN)


def write_for_ever(folder: Path) -> None:
    """Put and delete objects, each of one byte repeated, that says so in its metadata."""
    bucket, chance = FolderBucket(folder), random.Random()
    while True:
        key, byte = f"key{chance.randrange(4)}", chance.randrange(256)
        if chance.random() < 0.2:
            bucket.delete(key)
        else:
            attributes = Attributes(metadata={"byte": str(byte)})
            bucket.put(key, bytes([byte]) * chance.randrange(1, 100_000), attributes)
