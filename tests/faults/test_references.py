"""What deltas depend on: bases that cannot be had, and deltas that should not be made."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from codec.delta_builder import RUN, header, varint, window
from faults_fixtures import FreshCache, Through, both, writes
from store.releases import change, release, sha256

from deltaloft import codec, layout
from deltaloft.bases import BaseIndex
from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import (
    AccessDenied,
    DamagedObject,
    InvalidRequest,
    StorageError,
    Throttled,
    Unreachable,
)
from deltaloft.folder_bucket import FolderBucket
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store
from deltaloft.testing import (
    Answer,
    Cut,
    Delay,
    ErrorAnswer,
    FaultyS3,
    FlippedBit,
    Forward,
    LostAnswer,
    LostRequest,
    Request,
)

BASE = layout.base_key(sha256(release(0)))


# ---- First writers ---------------------------------------------------------------------------

# Waits for the names of eight roots, puts a file below each of them at once, and again.
WRITE = """
import random, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from deltaloft.base_cache import BaseCache
from deltaloft.s3_bucket import S3Bucket
from deltaloft.store import Store

name, endpoint, cache, writer = sys.argv[1:]
cache = BaseCache(Path(cache), key=bytes(32))
client = S3Bucket(name, endpoint_url=endpoint).client

def write(root):
    store = Store(S3Bucket(name, prefix=root, client=client), cache=cache)
    mine = random.Random(f"{root} {writer}").randbytes(100)
    store.put(random.Random(1).randbytes(25_000) + mine, f"app-{writer}.bin")

print("ready", flush=True)
with ThreadPoolExecutor(8) as threads:
    for roots in sys.stdin:
        list(threads.map(write, roots.split()))
        print("done", flush=True)
"""


@pytest.mark.slow
@both
def test_no_first_writer_is_lost_in_200_races(
    s3_upstream: str, behind: S3Bucket, tmp_path: Path, fresh_cache: FreshCache
) -> None:
    """Eight processes that put into an empty store at once are all read back, 200 times of 200."""
    name = behind.url.removeprefix("s3://")
    command = [sys.executable, "-c", WRITE, name, s3_upstream]
    writers = [
        subprocess.Popen(
            [*command, str(tmp_path / f"c{n}"), str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(8)
    ]
    try:
        assert ["ready\n"] * 8 == [each.stdout.readline() for each in writers if each.stdout]
        for first in range(0, 200, 8):
            roots = [f"race-{number}" for number in range(first, first + 8)]
            for writer in writers:
                assert writer.stdin is not None
                writer.stdin.write(" ".join(roots) + "\n")
                writer.stdin.flush()
            assert ["done\n"] * 8 == [each.stdout.readline() for each in writers if each.stdout]
            for root in roots:
                bucket = S3Bucket(name, prefix=root, client=behind.client)
                store = Store(bucket, cache=fresh_cache())
                for n in range(8):
                    mine = random.Random(f"{root} {n}").randbytes(100)
                    expected = random.Random(1).randbytes(25_000) + mine
                    assert expected == store.read(f"app-{n}.bin")
    finally:
        for writer in writers:
            writer.communicate()
    assert [0] * 8 == [writer.returncode for writer in writers]


# ---- A base that cannot be had is not gone ---------------------------------------------------


def cut_off_words(request: Request, forward: Forward) -> Answer:
    """Answer 404, as what stands before an S3 may, with half of an error."""
    body = b'<?xml version="1.0"?><Error><Code>NoSuchKe'
    return Answer(
        404, {"content-type": "application/xml", "content-length": str(len(body))}, [body]
    )


TROUBLE = [
    (ErrorAnswer(500, "InternalError"), StorageError),
    (ErrorAnswer(503, "SlowDown"), Throttled),
    (ErrorAnswer(403, "AccessDenied"), AccessDenied),
    (Delay(60), Unreachable),  # longer than the client below waits
    (cut_off_words, StorageError),
]


@pytest.mark.parametrize(
    ("asked", "fault", "expected"),
    [
        (asked, fault, expected)
        for asked in ("GET index", "GET base", "HEAD base", "LIST bases")
        for fault, expected in TROUBLE
        if (asked, fault) != ("HEAD base", cut_off_words)  # a HEAD has no words
    ],
)
def test_what_cannot_be_asked_for_is_not_taken_for_gone(
    faulty_s3: FaultyS3,
    through: Through,
    behind: S3Bucket,
    fresh_cache: FreshCache,
    asked: str,
    fault: Any,
    expected: type[StorageError],
) -> None:
    """Trouble with the index, a base or their listing ends the put; nothing is written."""
    cache = fresh_cache()
    Store(behind, cache=cache if asked == "HEAD base" else None).put(release(0), "app-0")
    if asked == "LIST bases":
        behind.delete(layout.INDEX_KEY)
    before = list(behind.list())
    verb, _, what = asked.partition(" ")
    if what == "bases":
        faulty_s3.inject("ListObjectsV2", fault)
    else:
        key = layout.INDEX_KEY if what == "index" else BASE
        faulty_s3.inject("*", fault, method=verb, key=key)
    with pytest.raises(expected) as raised:
        Store(through(timeout=2), cache=cache).put(release(1), "app-1")
    assert expected is raised.type
    assert [] == writes(faulty_s3)
    assert before == list(behind.list())


@pytest.mark.parametrize("asked", ["key", "base"])
@pytest.mark.parametrize(("fault", "expected"), TROUBLE)
def test_a_get_in_trouble_touches_nothing(
    faulty_s3: FaultyS3,
    through: Through,
    behind: S3Bucket,
    fresh_cache: FreshCache,
    tmp_path: Path,
    asked: str,
    fault: Any,
    expected: type[StorageError],
) -> None:
    """Trouble on the way to a key or its base is told as that; the target stays as it was."""
    Store(behind, cache=fresh_cache()).put(release(0), "app-0")
    (tmp_path / "target").write_bytes(b"before")
    faulty_s3.inject("GetObject", fault, key="app-0" if asked == "key" else BASE)
    store = Store(through(timeout=2), cache=fresh_cache())
    with pytest.raises(expected) as raised:
        store.get("app-0", tmp_path / "target")
    assert expected is raised.type
    assert b"before" == (tmp_path / "target").read_bytes()
    assert release(0) == store.read("app-0")


@pytest.mark.parametrize("lost", [LostRequest(), LostAnswer()])
@pytest.mark.parametrize("write", [0, 1, 2])
def test_a_put_that_breaks_off_leaves_the_old_state(
    faulty_s3: FaultyS3,
    through: Through,
    behind: S3Bucket,
    fresh_cache: FreshCache,
    write: int,
    lost: Any,
) -> None:
    """Between base, key and index: the old file or the new, and the same put again converges."""
    old, new = release(0), release(0, seed=2)  # two bases, for they have nothing in common
    Store(behind, cache=fresh_cache()).put(old, "app")
    faulty_s3.inject("PutObject", lost, skip=write)
    try:
        Store(through(), cache=fresh_cache()).put(new, "app")
    except Unreachable:
        assert write < 2  # without its entry in the index a put has succeeded
    changed = write == 2 or (write == 1 and lost == LostAnswer())
    assert (new if changed else old) == Store(behind, cache=fresh_cache()).read("app")
    Store(behind, cache=fresh_cache()).put(new, "app")
    assert new == Store(behind, cache=fresh_cache()).read("app")
    faulty_s3.seen.clear()
    Store(through(), cache=fresh_cache()).put(new, "app")
    assert ["PutObject"] == writes(faulty_s3)  # the key alone: nothing is left to repair


# ---- A base that changes ---------------------------------------------------------------------


def test_a_base_replaced_under_way_reaches_nobody(
    faulty_s3: FaultyS3, through: Through, behind: S3Bucket, fresh_cache: FreshCache
) -> None:
    """Other bytes under a base's name, put there in the middle of a download, are refused."""
    Store(behind, cache=fresh_cache()).put(release(0), "app-0")

    def replace(request: Request, forward: Forward) -> Answer:
        change(behind, BASE, body=release(0, seed=2))
        return forward(request)

    # The first download breaks off; before it goes on, the object is another one.
    faulty_s3.inject("GetObject", Cut(after=100_000), key=BASE)
    faulty_s3.inject("GetObject", replace, key=BASE)
    store = Store(through(), cache=fresh_cache())
    with pytest.raises((StorageError, DamagedObject), match=sha256(release(0))):
        store.read("app-0")
    change(behind, BASE, body=release(0))
    assert release(0) == store.read("app-0")


def test_a_base_put_again_while_it_is_verified_is_read_again(
    faulty_s3: FaultyS3, through: Through, behind: S3Bucket, fresh_cache: FreshCache
) -> None:
    """Who verifies does not stumble over a base that somebody stores once more meanwhile."""
    writer = Store(behind, cache=fresh_cache())
    for number in (0, 1):
        writer.put(release(number), f"app-{number}")
    faulty_s3.inject("GetObject", ErrorAnswer(412, "PreconditionFailed"), key=BASE)

    found = list(Store(through(), cache=fresh_cache()).verify())

    assert [None, None] == [each.problem for each in found]
    assert [sha256(release(number)) for number in (0, 1)] == [each.sha256 for each in found]


def test_a_base_with_dependants_cannot_be_removed(bucket: Bucket, fresh_cache: FreshCache) -> None:
    """Removing the key that a base came with leaves the others readable; the base is no key."""
    store = Store(bucket, cache=fresh_cache())
    for version in range(3):
        store.put(release(version), f"app-{version}")
    store.delete("app-0")
    with pytest.raises(InvalidRequest, match="deltaloft's own"):
        store.delete(BASE)
    store = Store(bucket, cache=fresh_cache())
    assert [release(1), release(2)] == [store.read("app-1"), store.read("app-2")]


# ---- Deltas that should not be made ----------------------------------------------------------


@pytest.mark.parametrize("trouble", [MemoryError("no room"), OSError(28, "No space left")])
def test_an_encoder_that_fails_loses_nothing(
    behind: S3Bucket,
    fresh_cache: FreshCache,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Exception,
) -> None:
    """When memory or disk end in the middle of a delta, the old version is there as it was."""
    store = Store(behind, cache=fresh_cache())
    store.put(release(0), "app")
    before = list(behind.list())

    def failing(source: Any, target: Any, delta: Any, **options: Any) -> int:
        delta.write(b"a beginning")
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(codec, "encode_file", failing)
        with pytest.raises(type(trouble), match=str(trouble.args[-1])):
            store.put(release(1), "app")
    assert before == list(behind.list())
    assert release(0) == store.read("app")
    store.put(release(1), "app")
    assert release(1) == store.read("app")


MEBI = 1 << 20


@pytest.mark.parametrize("size", [64 * MEBI - 1, 64 * MEBI, 64 * MEBI + 1])
def test_what_was_accepted_at_a_limit_is_readable(
    tmp_path: Path, fresh_cache: FreshCache, size: int
) -> None:
    """At the sizes where a put goes another way the file and its next version come back."""
    block = random.Random(1).randbytes(MEBI)
    content = (block * (size // MEBI + 1))[:size]
    following = content[:-1] + b"!"
    store = Store(FolderBucket(tmp_path / "store", create=True), cache=fresh_cache())
    assert store.put(content, "a").new_base
    (tmp_path / "following").write_bytes(following)
    assert store.put(tmp_path / "following", "b").stored_size < 10_000
    assert sha256(content) == sha256(store.read("a"))
    store.get("b", tmp_path / "out")
    assert sha256(following) == sha256((tmp_path / "out").read_bytes())


def test_metadata_at_its_limit_is_readable(bucket: Bucket, fresh_cache: FreshCache) -> None:
    """As much metadata as is accepted comes back with every form; one byte more is refused."""
    store = Store(bucket, cache=fresh_cache())
    full = {f"n{number}": "x" * (100 - len(f"n{number}")) for number in range(16)}
    full["last"] = "x" * (1698 - 1600 - 4)
    for content, key in ((release(0), "delta"), (b"tiny", "plain")):
        store.put(content, key, attributes=Attributes(metadata=full))
        assert full == store.stat(key).attributes.metadata
        with pytest.raises(InvalidRequest, match="1698 bytes of metadata expected, found 1699"):
            more = {**full, "last": full["last"] + "x"}
            store.put(b"other", key, attributes=Attributes(metadata=more))
        assert content == store.read(key)


# ---- Bombs -----------------------------------------------------------------------------------

GIBI = 1 << 30
ROOM = 256 * MEBI


def bomb(windows: int) -> bytes:
    """Return a delta of a few kilobytes; each window makes 8 MiB of zeros out of a byte."""
    one = window(8 * MEBI, bytes([RUN]) + varint(8 * MEBI), b"\0")
    return header() + one * windows


def test_a_bomb_is_refused_at_the_size_that_was_declared(
    behind: S3Bucket, fresh_cache: FreshCache, tmp_path: Path
) -> None:
    """A delta that would make 10 GiB of 20 kB ends where its object says that the file ends."""
    Store(behind, cache=fresh_cache()).put(release(0), "app")
    delta = bomb(1280)
    assert len(delta) < 25_000
    change(behind, "app", body=delta)
    target = tmp_path / "target"
    target.write_bytes(b"before")
    # A process of its own, so that its memory and its largest file can be limited.
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from deltaloft.base_cache import BaseCache; from deltaloft.store import Store\n"
        "url, endpoint, cache, target = sys.argv[1:]\n"
        "store = Store.open(url, endpoint_url=endpoint, cache=BaseCache(Path(cache)))\n"
        "store.stat('app')\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({ROOM}, {ROOM}))\n"
        "try:\n"
        "    store.get('app', Path(target))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])\n"
    )
    endpoint = behind.client.meta.endpoint_url
    done = subprocess.run(
        [sys.executable, "-c", code, behind.url, endpoint, tmp_path / "cache", target],
        check=True,
        capture_output=True,
        text=True,
    )
    said, peak = done.stdout.splitlines()
    assert said.startswith(f"DamagedObject {behind.url}/app")
    assert int(peak) * 1024 < ROOM
    assert b"before" == target.read_bytes()
    assert {"cache", "cache-0", "target"} == {path.name for path in tmp_path.iterdir()}


# ---- Bits that flip on the line --------------------------------------------------------------


@both
@pytest.mark.parametrize("what", ["plain", "app-3", BASE])
def test_a_bit_that_flips_on_the_line_reaches_nobody(
    faulty_s3: FaultyS3,
    through: Through,
    behind: S3Bucket,
    fresh_cache: FreshCache,
    tmp_path: Path,
    what: str,
) -> None:
    """One bit of a file, a delta or a base: the error names it, and the next get is right."""
    for version in (0, 3):
        Store(behind, cache=fresh_cache()).put(release(version), f"app-{version}")
    Store(behind, cache=fresh_cache()).put(release(3), "plain", delta="never")
    (tmp_path / "target").write_bytes(b"before")
    faulty_s3.inject("GetObject", FlippedBit(3000), key=what)
    store = Store(through(), cache=fresh_cache())
    wanted = "plain" if what == "plain" else "app-3"
    with pytest.raises(DamagedObject) as raised:
        store.get(wanted, tmp_path / "target")
    assert f"{behind.url}/{wanted}: " in str(raised.value)
    assert what != BASE or sha256(release(0)) in str(raised.value)
    assert b"before" == (tmp_path / "target").read_bytes()
    store.get(wanted, tmp_path / "target")
    assert release(3) == (tmp_path / "target").read_bytes()


def test_an_index_that_is_damaged_on_the_line_stays_as_it_is(
    faulty_s3: FaultyS3, through: Through, behind: S3Bucket, fresh_cache: FreshCache
) -> None:
    """An index that makes no sense once is made again, with what it had, and the put succeeds."""
    for seed, name in enumerate(("app", "lib", "doc"), 1):
        Store(behind, cache=fresh_cache()).put(release(0, seed=seed), f"{name}-1.0")
    before = {base.sha256 for base in BaseIndex(behind).load()}
    faulty_s3.inject("GetObject", FlippedBit(0), key=layout.INDEX_KEY)
    assert not Store(through(), cache=fresh_cache()).put(release(1), "app-1.1").new_base
    assert before == {base.sha256 for base in BaseIndex(behind).load()}
    assert release(1) == Store(behind, cache=fresh_cache()).read("app-1.1")
