"""Keys of DeltaGlider's beside ours: which one is the file, and what a put or delete may touch."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from producers import archive

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Attributes, Bucket, Listed
from deltaloft.deltaglider import absences
from deltaloft.deltaglider.listing import groups, logical_key
from deltaloft.errors import AccessDenied, AlreadyExists, InvalidRequest, NotFound
from deltaloft.store import Store

FIRST, LATER = archive(0), archive(1)


def keys(store: Store, prefix: str = "") -> list[str]:
    """Return what a listing shows."""
    return [entry.key for entry in store.list(prefix)]


@pytest.fixture
def written(glider: Any) -> Any:
    """A folder of archives, with files between a name and its delta."""
    for name in ("a.zip", "b.zip"):
        glider.put(f"p/{name}", FIRST + name.encode())
    for name in ("a.zip-old", "a.zip.asc", "notes.txt"):
        glider.put_direct(f"p/{name}", b"direct")
    return glider


def test_a_listing_shows_files(written: Any, older: Store) -> None:
    """Logical names in order of UTF-8 bytes, references hidden, prefixes meant logically."""
    files = ["p/a.zip", "p/a.zip-old", "p/a.zip.asc", "p/b.zip", "p/notes.txt"]
    assert files == keys(older)
    assert files[:3] == keys(older, "p/a.zip")
    assert [] == keys(older, "p/a.zip.delta") == keys(older, "p/ref")
    listed = list(older.list())
    assert [len(older.read(key)) for key in files] == [entry.logical_size for entry in listed]
    assert [older.stat(key).size for key in files] == [entry.logical_size for entry in listed]
    assert older.stat("p/b.zip").sha256 == listed[3].sha256
    assert files == [entry.key for entry in older.list(sizes=lambda key: key == "p/b.zip")]
    for after in (*files, "p/a.zip.", "p/a.zip.delta"):
        behind = [key for key in files if key > after]
        for sizes in (True, False):
            assert behind == [each.key for each in older.list(start_after=after, sizes=sizes)]


def test_everything_is_verified(written: Any, older: Store, folder_bucket: Bucket) -> None:
    """Deltas under their files' names, references by their own digest, as `get` would."""
    results = {each.key: each for each in older.verify()}
    assert [*keys(older), "p/reference.bin"] == sorted(results)
    assert all(each.problem is None for each in results.values())
    with folder_bucket.get("p/reference.bin") as reading:
        assert reading is not None
        body, attributes = b"".join(reading.chunks()), reading.info.attributes
    folder_bucket.put("p/reference.bin", body[:-1], attributes)
    results = {each.key: each for each in older.verify()}
    bad = [key for key, each in results.items() if each.problem is not None]
    assert ["p/a.zip", "p/b.zip", "p/reference.bin"] == sorted(bad)


def test_never_means_as_it_is(written: Any, folder_bucket: Bucket) -> None:
    """The bucket's own names and bytes, unproven."""
    raw = Store(folder_bucket, deltaglider="never")
    assert ["p/a.zip-old", "p/a.zip.asc", "p/a.zip.delta"] == keys(raw)[:3]
    assert raw.read("p/reference.bin") == FIRST + b"a.zip"
    assert raw.read("p/a.zip.delta")[:3] == b"\xd6\xc3\xc4"
    with pytest.raises(NotFound):
        raw.read("p/a.zip")
    with pytest.raises(InvalidRequest, match="one of auto, never"):
        Store(folder_bucket, deltaglider="always")  # type: ignore[arg-type]


def test_stored_names_are_no_files(written: Any, older: Store) -> None:
    """Neither a delta nor a reference is handed out, changed or removed under its own name."""
    for key in ("p/a.zip.delta", "p/reference.bin"):
        with pytest.raises(NotFound, match="DeltaGlider keeps"):
            older.read(key)
        with pytest.raises(InvalidRequest, match="DeltaGlider keeps"):
            older.put(b"mine", key)
        with pytest.raises(InvalidRequest, match="DeltaGlider keeps"):
            older.delete(key)
        with pytest.raises(InvalidRequest, match="DeltaGlider keeps"):
            older.copy("p/notes.txt", key)
    assert older.read("p/b.zip") == FIRST + b"b.zip"


def test_a_reference_bin_of_the_users_own(glider: Any, older: Store, folder_bucket: Bucket) -> None:
    """Put by us, by other means, or by DeltaGlider as a direct file, it is a file like others."""
    older.put(b"ours", "a/reference.bin")
    folder_bucket.put("b/reference.bin", b"foreign", Attributes())
    glider.put_direct("c/reference.bin", b"direct")
    older.put(b"mine", "x.zip.delta")
    assert ["a/reference.bin", "b/reference.bin", "c/reference.bin", "x.zip.delta"] == keys(older)
    assert [b"ours", b"foreign", b"direct", b"mine"] == [older.read(key) for key in keys(older)]
    with pytest.raises(NotFound):
        older.read("x.zip")
    for key in keys(older):
        older.put(b"new", key)
        older.delete(key)
    assert [] == keys(older)


def test_of_a_plain_object_and_a_delta_the_younger_is_the_file(
    glider: Any, older: Store, folder_bucket: Bucket
) -> None:
    """DeltaGlider always takes the plain one, however old: a stale read."""
    folder_bucket.put("old.zip", b"version 1", Attributes())
    glider.put("new.zip", FIRST)
    time.sleep(1.1)  # S3 tells times in seconds
    glider.put("old.zip", LATER)
    folder_bucket.put("new.zip", b"version 2", Attributes())
    assert LATER == older.read("old.zip")
    assert b"version 2" == older.read("new.zip")
    assert ("deltaglider", "foreign") == (older.stat("old.zip").form, older.stat("new.zip").form)
    sizes = {entry.key: entry.stored_size for entry in older.list()}
    assert ["new.zip", "old.zip"] == list(sizes)
    assert 9 == sizes["new.zip"]
    assert older.stat("old.zip").stored_size == sizes["old.zip"]
    for key, data in {"old.zip": LATER, "new.zip": b"version 2"}.items():
        assert data == older.read(older.copy(key, f"copy/{key}").key)


def test_a_put_replaces_and_a_delete_removes_every_form(written: Any, older: Store) -> None:
    """Our object prevails over DeltaGlider's delta, which does not come back afterwards."""
    older.put(b"ours now", "p/a.zip")
    time.sleep(1.1)
    written.put("p/b.zip", LATER)
    assert b"ours now" == older.read("p/a.zip")
    assert "p/a.zip" in keys(older)
    older.delete("p/a.zip")
    with pytest.raises(NotFound):
        older.read("p/a.zip")
    with pytest.raises(NotFound):
        older.stat("p/a.zip")
    assert "p/a.zip" not in keys(older)
    assert LATER == older.read("p/b.zip")
    older.delete("p/a.zip")


def test_no_clobber_sees_deltas(written: Any, older: Store) -> None:
    """A file of DeltaGlider's takes its key, though nothing stands there."""
    with pytest.raises(AlreadyExists):
        older.put(b"mine", "p/a.zip", no_clobber=True)
    older.put(b"mine", "p/c.zip", no_clobber=True)
    assert b"mine" == older.read("p/c.zip")


def test_a_damaged_delta_can_be_deleted(written: Any, older: Store) -> None:
    """What lost a part of its metadata is still DeltaGlider's."""
    written.rewrite("p/a.zip.delta", lambda old: {"dg-tool": old["dg-tool"]})
    older.delete("p/a.zip")
    assert "p/a.zip.delta" not in [each.key for each in written.bucket.list()]


def test_a_strangers_delta_is_not_deleted(written: Any, older: Store) -> None:
    """An X.delta that DeltaGlider does not claim is a file of its own."""
    written.bucket.put("p/c.zip.delta", b"mine", Attributes())
    older.put(b"ours", "p/c.zip")
    older.delete("p/c.zip")
    assert b"mine" == older.read("p/c.zip.delta")


def test_requests(
    glider: Any,
    new_s3_bucket: Callable[..., Any],
    moto_endpoint: str,
    requests: list[tuple[str, str]],
    fresh: Callable[[], BaseCache],
) -> None:
    """One HEAD for what is not ours; a reference once; ours as before."""
    bucket = glider.bucket = new_s3_bucket(moto_endpoint)
    glider.put("p/a.zip", FIRST)
    glider.put("p/b.zip", LATER)
    glider.put_direct("p/c.txt", b"direct")
    store = Store(bucket, cache=fresh())
    requests.clear()
    store.read("p/b.zip")
    delta = [("GET", "p/b.zip"), ("HEAD", "p/b.zip.delta")]
    reference = [("HEAD", "p/reference.bin"), ("GET", "p/reference.bin")]
    assert [*delta, *reference, ("GET", "p/b.zip.delta")] == requests
    requests.clear()
    store.read("p/b.zip")
    assert [*delta, ("GET", "p/b.zip.delta")] == requests
    requests.clear()
    store.read("p/c.txt")
    assert [("GET", "p/c.txt"), ("HEAD", "p/c.txt.delta")] == requests
    requests.clear()
    assert ["p/a.zip", "p/b.zip", "p/c.txt"] == [each.key for each in store.list(sizes=False)]
    assert [("GET", ""), ("HEAD", "p/reference.bin"), ("HEAD", "p/reference.bin")] == requests
    store.put(b"ours", "d")
    requests.clear()
    store.read("d")
    assert [("GET", "d")] == requests


@pytest.fixture
def foreign(new_s3_bucket: Callable[..., Any], moto_endpoint: str) -> Bucket:
    """Thirty files of somebody else's in one folder, and a few elsewhere."""
    bucket: Bucket = new_s3_bucket(moto_endpoint)
    for number in range(30):
        bucket.put(f"p/{number}.zip", b"theirs", Attributes())
    for key in ("p/1.8", "p/README", "q/x.zip", "r/x.zip"):
        bucket.put(key, b"theirs", Attributes())
    return bucket


def test_what_no_delta_can_be_of_is_not_asked_for(
    foreign: Bucket, requests: list[tuple[str, str]]
) -> None:
    """A foreign file whose name has no suffix is one request; missing, it is asked for."""
    store = Store(foreign)
    requests.clear()
    assert b"theirs" == store.read("p/1.8") == store.read("p/README")
    assert [("GET", "p/1.8"), ("GET", "p/README")] == requests
    requests.clear()
    with pytest.raises(NotFound):
        store.read("p/1.9")
    assert ("HEAD", "p/1.9.delta") in requests


def test_after_a_listing_nothing_is_asked_for(
    foreign: Bucket, requests: list[tuple[str, str]]
) -> None:
    """Who lists, and reads what was listed, sends a request per file, while it lists or later."""
    store = Store(foreign)
    requests.clear()
    for entry in store.list("p/", sizes=False):
        store.read(entry.key)
    files = [each.key for each in foreign.list("p/")]
    assert [("GET", ""), *[("GET", key) for key in files], ("GET", "")] == requests
    requests.clear()
    assert b"theirs" == store.read("p/9.zip") == store.read("p/7.zip")
    store.stat("p/3.zip")
    assert [("GET", "p/9.zip"), ("GET", "p/7.zip"), ("HEAD", "p/3.zip")] == requests
    requests.clear()
    store.read("q/x.zip")
    assert [("GET", "q/x.zip"), ("HEAD", "q/x.zip.delta")] == requests


def test_many_questions_in_vain_become_one_listing(
    foreign: Bucket, requests: list[tuple[str, str]]
) -> None:
    """After twelve HEADs that found nothing in a folder a page of it is listed, and that serves."""
    store = Store(foreign)
    requests.clear()
    for number in range(30):
        store.read(f"p/{number}.zip")
    assert 12 == len([each for each in requests if each[0] == "HEAD"])
    assert [("GET", "")] == [each for each in requests if each == ("GET", "")]
    assert 30 + 12 + 1 == len(requests)


def test_a_folder_with_deltas_is_always_asked_about(
    foreign: Bucket, glider: Any, requests: list[tuple[str, str]]
) -> None:
    """What a listing shows is not ruled out, nor what is in a part that it has not come to."""
    glider.bucket = foreign
    time.sleep(1.1)  # S3 tells times in seconds
    glider.put("p/20.zip", FIRST)
    store = Store(foreign)
    for number in range(30):
        store.read(f"p/{number}.zip")
    assert FIRST == store.read("p/20.zip")
    assert "p/20.zip" in keys(store)
    requests.clear()
    assert FIRST == store.read("p/20.zip")
    assert b"theirs" == store.read("p/21.zip") == store.read("r/x.zip")
    assert ("HEAD", "p/21.zip.delta") in requests
    assert ("HEAD", "r/x.zip.delta") not in requests


@pytest.mark.parametrize("how", ["a listing under way", "a page of many", "too many folders"])
def test_what_was_not_seen_is_asked_for(
    how: str, foreign: Bucket, glider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing rules out only what it has passed, and as long as all it showed is remembered."""
    glider.bucket = foreign
    store = Store(foreign)
    time.sleep(1.1)
    glider.put("p/9.zip", FIRST)
    listing = store.list("", sizes=False)
    if how == "a listing under way":
        assert "p/0.zip" == next(listing).key
    elif how == "a page of many":
        monkeypatch.setattr(absences, "_PAGE", 10)
        for number in range(10, 30):
            store.read(f"p/{number}.zip")
    else:
        monkeypatch.setattr(absences, "_MOST_FOLDERS", 1)
        glider.put("q/x.zip", LATER)
        assert 34 == len(list(listing))
    assert FIRST == store.read("p/9.zip")


def test_what_was_known_is_asked_for_again(
    foreign: Bucket, glider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute later a delta that came meanwhile is the file; where nothing stood, at once."""
    glider.bucket = foreign
    store = Store(foreign)
    assert "p/5.zip" in keys(store)
    time.sleep(1.1)
    glider.put("p/5.zip", FIRST)
    glider.put("p/new.zip", LATER)
    assert LATER == store.read("p/new.zip")
    assert b"theirs" == store.read("p/5.zip")
    monkeypatch.setattr(absences, "SECONDS", 0.0)
    assert FIRST == store.read("p/5.zip")


def test_who_may_not_list_goes_on_asking(
    foreign: Bucket, requests: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing that is refused is no reason for a read to fail."""

    def refused(prefix: str) -> Any:
        raise AccessDenied("no ListBucket")

    monkeypatch.setattr(foreign, "list", refused)
    store = Store(foreign)
    requests.clear()
    for number in range(30):
        assert b"theirs" == store.read(f"p/{number}.zip")
    assert 30 == len([each for each in requests if each[0] == "HEAD"])


@pytest.fixture
def fresh(tmp_path: Any) -> Callable[[], BaseCache]:
    """Make a cache with nothing in it."""
    return lambda: BaseCache(tmp_path / "cache", key=bytes(32))


def test_order_of_any_names() -> None:
    """However keys interleave, no X comes out after a key that it stands before."""
    seeded = random.Random(11)
    letters = ("a", ".zip", "-", "/", ".", "1", ".delta", "é", " ", "~")
    when = datetime.now(UTC)
    for _ in range(400):
        names = {"".join(seeded.choices(letters, k=seeded.randint(1, 6))) for _ in range(12)}
        stored = sorted(names, key=str.encode)
        listing = [Listed(key, 1, "e", when + timedelta(0)) for key in stored]
        shown = []
        for group in groups(listing):
            shown += sorted({logical_key(each.key) or each.key for each in group}, key=str.encode)
        assert sorted(set(shown), key=str.encode) == shown


def test_a_listing_does_not_wait_for_its_end() -> None:
    """Releases come out as they are read, one or two behind."""
    when = datetime.now(UTC)
    taken = 0

    def listing() -> Any:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield Listed(f"app/app-1.{number:03}.tar.gz", 1, "e", when)

    for number, group in enumerate(groups(listing())):
        assert len(group) == 1
        assert taken <= number + 2


def test_errors_name_their_stream(written: Any, older: Store) -> None:
    """A stream gets no byte of a file that is not there."""
    stream = io.BytesIO()
    with pytest.raises(NotFound):
        older.get("p/none.zip", stream)
    assert b"" == stream.getvalue()
