"""How many requests each operation costs, cold and warm: what goes over HTTP is counted."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bases import Base, BaseIndex
from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import NotFound
from deltaloft.sketch import Sketch, SketchWriter
from deltaloft.store import Store, clock
from deltaloft.store.base_bytes import BaseBytes

INDEX = ".deltaloft/bases"


def release(version: int) -> bytes:
    """Return 100 kB of which the last bytes tell the version."""
    return random.Random(1).randbytes(100_000) + b"version %d" % version


BASE = ".deltaloft/base/" + hashlib.sha256(release(0)).hexdigest()


class Session:
    """Stores of one bucket as separate processes would see it, and what they send."""

    def __init__(self, bucket: Bucket, requests: list[tuple[str, str]]) -> None:
        """Count in `requests`."""
        self.bucket = bucket
        self._requests = requests

    def store(self, cache: BaseCache) -> Store:
        """Return a store that knows nothing yet."""
        return Store(self.bucket, cache=cache)

    def sent(self) -> list[tuple[str, str]]:
        """Return what was sent since the last call."""
        sent = self._requests[:]
        self._requests.clear()
        return sent


@pytest.fixture
def session(
    s3_endpoint: str,
    new_s3_bucket: Callable[..., Any],
    requests: list[tuple[str, str]],
) -> Iterator[Session]:
    """A fresh bucket, its requests counted."""
    bucket = new_s3_bucket(s3_endpoint)
    requests.clear()
    yield Session(bucket, requests)


def test_the_first_put_of_all(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """An empty bucket: index and bases are looked for once; then base, key and index are put."""
    session.store(fresh_cache()).put(release(0), "app-1.0")
    assert session.sent() == [
        ("GET", INDEX),
        ("GET", ""),
        ("PUT", BASE),
        ("PUT", "app-1.0"),
        ("PUT", INDEX),
    ]


def test_a_warm_put_is_two_requests(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """The index, conditionally, and the key; the base was stored or seen before."""
    store = session.store(fresh_cache())
    store.put(release(0), "app-1.0")
    for version in (1, 2, 0):
        session.sent()
        store.put(release(version), f"app-1.{version}")
        assert session.sent() == [("GET", INDEX), ("PUT", f"app-1.{version}")]


def test_the_first_put_of_a_process(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """A cold cache fetches the base once, and notes that it was there: a warm one asks nothing."""
    session.store(fresh_cache()).put(release(0), "app-1.0")
    cache = fresh_cache()
    session.sent()
    session.store(cache).put(release(1), "app-1.1")
    assert session.sent() == [("GET", INDEX), ("GET", BASE), ("PUT", "app-1.1")]
    session.store(cache).put(release(2), "app-1.2")
    assert session.sent() == [("GET", INDEX), ("PUT", "app-1.2")]


@pytest.mark.parametrize(
    "trouble", ["half an hour", "a clock set back", "a new start", "another key", "another place"]
)
def test_a_note_that_does_not_count_costs_a_look(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """That a base was seen counts for half an hour, on this machine, in this bucket."""
    session.store(BaseCache(tmp_path, key=bytes(32))).put(release(0), "app-1.0")
    key = bytes(32)
    clocks = clock._clocks
    if trouble == "half an hour":
        monkeypatch.setattr(clock, "_clocks", lambda: tuple(each + 1800 for each in clocks()))
    elif trouble == "a clock set back":
        monkeypatch.setattr(clock, "_clocks", lambda: (clocks()[0], clocks()[1] - 60))
    elif trouble == "a new start":
        monkeypatch.setattr(clock, "_boot", lambda: "another")
    elif trouble == "another key":
        key = bytes([1]) * 32
    else:
        monkeypatch.setattr(type(session.bucket), "place", "elsewhere")
    session.sent()
    session.store(BaseCache(tmp_path, key=key)).put(release(1), "app-1.1")
    look = "GET" if trouble == "another key" else "HEAD"
    assert session.sent() == [("GET", INDEX), (look, BASE), ("PUT", "app-1.1")]


def test_a_base_that_is_put_again_is_looked_for(
    session: Session, fresh_cache: Callable[[], BaseCache]
) -> None:
    """Who puts the file of a lost base once more gets it back, whatever a note says."""
    cache = fresh_cache()
    session.store(cache).put(release(0), "app-1.0")
    session.bucket.delete(BASE)
    session.store(cache).put(release(0), "app-1.0")
    assert release(0) == session.store(fresh_cache()).read("app-1.0")


def test_plain_puts_are_one_request(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """What cannot gain, or may not, costs what it costs without us."""
    store = session.store(fresh_cache())
    store.put(b"tiny", "a")
    store.put(release(0), "b.jpg")
    store.put(release(0), "c", delta="never")
    assert session.sent() == [("PUT", "a"), ("PUT", "b.jpg"), ("PUT", "c")]


def test_a_warm_get_is_one_request(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """The base is downloaded once per machine, whoever asks; then each get is one GET."""
    store = session.store(fresh_cache())
    for version in range(10):
        store.put(release(version), f"app-1.{version}")
    store.put(b"tiny", "plain")
    cache = fresh_cache()
    session.sent()
    for version in range(10):
        assert session.store(cache).read(f"app-1.{version}") == release(version)
    assert session.sent() == [
        ("GET", "app-1.0"),
        ("GET", BASE),
        *(("GET", f"app-1.{version}") for version in range(1, 10)),
    ]
    session.store(cache).read("plain")
    assert session.sent() == [("GET", "plain")]


def test_any_version_takes_one_base(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """However far the versions have drifted, one is its delta and a base, which is no delta."""
    seeded = random.Random(31)
    content = bytearray(release(0))
    versions = []
    store = session.store(fresh_cache())
    for number in range(12):
        place = seeded.randrange(len(content) - 9000)
        content[place : place + 9000] = seeded.randbytes(9000)
        versions.append(bytes(content))
        store.put(versions[-1], f"app-1.{number}")
    bases = {each.sha256 for each in store.bases()}
    assert len(bases) > 1  # they did drift
    session.sent()
    for number, expected in enumerate(versions):
        assert expected == session.store(fresh_cache()).read(f"app-1.{number}")
        asked, *more = session.sent()
        assert ("GET", f"app-1.{number}") == asked
        assert 1 == len(more)
        assert more[0] in {("GET", layout.base_key(sha256)) for sha256 in bases}


def test_what_this_machine_put_it_need_not_fetch(
    session: Session, fresh_cache: Callable[[], BaseCache]
) -> None:
    """A base that was made here is in the cache from the start."""
    cache = fresh_cache()
    session.store(cache).put(release(0), "app-1.0")
    session.sent()
    assert session.store(cache).read("app-1.0") == release(0)
    assert session.sent() == [("GET", "app-1.0")]


def test_list_stat_and_delete(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """One each, two for a delete; a listing with sizes asks for what the catalog does not know."""
    store = session.store(fresh_cache())
    for version in range(5):
        store.put(release(version), f"app-1.{version}")
    session.sent()
    assert len(list(store.list(sizes=False))) == 5
    assert session.sent() == [("GET", "")]
    assert [entry.logical_size for entry in store.list()] == [len(release(0))] * 5
    first, *others = session.sent()
    assert ("GET", "") == first
    assert [("HEAD", f"app-1.{version}") for version in range(5)] == sorted(others)
    store.stat("app-1.1")
    assert session.sent() == [("HEAD", "app-1.1")]
    store.delete("app-1.1")
    # What DeltaGlider may have stored of the same name must not come back.
    assert session.sent() == [("HEAD", "app-1.1.delta"), ("DELETE", "app-1.1")]


def test_a_listing_with_a_fresh_catalog(
    session: Session, fresh_cache: Callable[[], BaseCache]
) -> None:
    """The sizes of a page of keys cost two requests: for the list of pages, and for the page."""
    for number in range(20):
        session.bucket.put(f"foreign-{number:02}", b"x" * number, Attributes())
    time.sleep(3.1)  # objects younger than two seconds do not enter the catalog, nor does a part
    store = session.store(fresh_cache())
    assert 20 == store.refresh_catalog().asked
    session.sent()
    assert list(range(20)) == [entry.logical_size for entry in store.list()]
    first, second, (method, page) = session.sent()
    assert [("GET", ""), ("GET", ".deltaloft/catalog/pages")] == [first, second]
    assert method == "GET"
    assert page.startswith(".deltaloft/catalog/page/")


def add_base(session: Session, content: bytes, sketch: str) -> Base:
    """Store a base by hand, with any sketch."""
    base = Base(hashlib.sha256(content).hexdigest(), len(content), "", sketch)
    session.bucket.put(layout.base_key(base.sha256), content, layout.base_attributes("", sketch))
    BaseIndex(session.bucket).add(base)
    return base


def sketch_of(content: bytes) -> str:
    """Return the sketch of a file as text."""
    writer = SketchWriter()
    writer.write(content)
    return str(Sketch(writer.row()))


def test_a_base_at_hand_is_as_good_as_one_to_download(
    session: Session, fresh_cache: Callable[[], BaseCache]
) -> None:
    """Of bases that estimates cannot tell apart, the one in the cache is used."""
    cache = fresh_cache()
    session.store(cache).put(release(0), "other")
    add_base(session, release(1), sketch_of(release(1)))
    session.sent()
    session.store(cache).put(release(2), "app-1.2")
    assert session.sent() == [("GET", INDEX), ("PUT", "app-1.2")]


def test_a_much_better_base_is_worth_its_download(
    session: Session, fresh_cache: Callable[[], BaseCache]
) -> None:
    """A base in the cache that shares half of the file stands back behind one that shares all."""
    cache = fresh_cache()
    session.store(cache).put(release(0)[:50_000] + bytes(50_000), "app-1.0")
    better = add_base(session, release(1), sketch_of(release(1)))
    session.sent()
    result = session.store(cache).put(release(2), "app-1.2")
    assert better.sha256 == result.base
    assert ("GET", f".deltaloft/base/{better.sha256}") in session.sent()


def test_what_resembles_nothing_downloads_nothing(
    session: Session, fresh_cache: Callable[[], BaseCache]
) -> None:
    """The sketch tells that no base is close: none is fetched, whatever its name."""
    session.store(fresh_cache()).put(release(0), "app-1.0")
    content = random.Random(2).randbytes(100_000)
    base = f".deltaloft/base/{hashlib.sha256(content).hexdigest()}"
    session.sent()
    session.store(fresh_cache()).put(content, "app-1.1")
    sent = session.sent()
    assert sent[:4] == [
        ("GET", INDEX),
        ("PUT", base),
        ("PUT", "app-1.1"),
        ("PUT", INDEX),
    ]
    # Ceph 16 refuses quoted ETags in If-Match: the index is looked at and put again.
    assert sent[4:] in ([], [("HEAD", INDEX), ("PUT", INDEX)])


def test_a_trial_never_downloads(session: Session, fresh_cache: Callable[[], BaseCache]) -> None:
    """Bytes that are only asked for if they are on this machine cost no request."""
    base = add_base(session, release(1), sketch_of(release(1)))
    session.sent()
    ours = BaseBytes(session.bucket, fresh_cache())
    assert not ours.is_at_hand(base.sha256)
    with (
        pytest.raises(NotFound, match="not on this machine"),
        ours.opened(base.sha256, base.size, download=False),
    ):
        pass
    assert session.sent() == []


@pytest.mark.parametrize("sizes", [True, False])
def test_a_listing_begins_where_it_is_told(
    session: Session, fresh_cache: Callable[[], BaseCache], sizes: bool
) -> None:
    """What comes before `start_after` is neither listed nor asked for."""
    for number in range(30):
        session.bucket.put(f"k{number:02}", b"", Attributes())
    store = session.store(fresh_cache())
    told: list[str] = []

    def note(parsed: dict[str, Any], **_: object) -> None:
        told.extend(line["Key"] for line in parsed.get("Contents", []))

    session.bucket.client.meta.events.register("after-call.s3.ListObjectsV2", note)
    session.sent()
    listed = [entry.key for entry in store.list("k", start_after="k19", sizes=sizes)]
    assert [f"k{number}" for number in range(20, 30)] == listed == told
    first, *heads = session.sent()
    assert ("GET", "") == first
    assert [("HEAD", key) for key in listed if sizes] == sorted(heads)
    assert [] == list(store.list("k", start_after="k29", sizes=sizes))
    assert [("GET", "")] == session.sent()
