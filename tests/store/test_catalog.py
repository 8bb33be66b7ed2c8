"""The catalog: sizes without a request per key, and nothing in it is believed blindly."""

from __future__ import annotations

import hashlib
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ageing import AgeingBucket
from releases import flipped, sha256, stored

from deltaloft import layout
from deltaloft.bucket import Attributes, Bucket
from deltaloft.catalog import Catalog, Row, revision
from deltaloft.errors import AccessDenied
from deltaloft.folder_bucket import FolderBucket
from deltaloft.folder_bucket.index import Entry, Index
from deltaloft.layout import Delta, Foreign, Plain
from deltaloft.store import Store

PAGES = layout.CATALOG_KEY
PAGE = layout.CATALOG_PREFIX
A, B = sha256(b"a"), sha256(b"b")


@pytest.fixture
def ageing(tmp_path: Path) -> AgeingBucket:
    """An empty folder whose clock the test moves: what a catalog says is not the bucket's doing."""
    return AgeingBucket(FolderBucket(tmp_path / "folder", create=True))


@pytest.fixture
def ageing_bucket(bucket: Bucket) -> AgeingBucket:
    """An empty bucket of each kind whose clock the test moves."""
    return AgeingBucket(bucket)


def put_delta(
    bucket: Bucket, key: str, size: int, *, base: str = A, body: bytes = b"delta"
) -> None:
    """Store what looks like a delta: nobody here decodes it."""
    attributes = layout.delta_attributes(
        Attributes(), sha256=sha256(key.encode()), size=size, base=base, base_size=7
    )
    bucket.put(key, body, attributes)


def sizes(store: Store, prefix: str = "") -> dict[str, int | None]:
    """Return the logical sizes of a listing."""
    return {entry.key: entry.logical_size for entry in store.list(prefix)}


def filled(ageing: AgeingBucket, count: int = 40) -> dict[str, int | None]:
    """Put `count` objects of all forms, in the catalog, too; return their sizes."""
    expected: dict[str, int | None] = {}
    for number in range(count):
        key = f"v{number:04}/app ü\U0001f600"
        match number % 3:
            case 0:
                put_delta(ageing, key, 1000 + number)
            case 1:
                ageing.put(key, b"p" * number, layout.plain_attributes(Attributes(), sha256=A))
            case 2:
                ageing.put(key, b"f" * number, Attributes())
        expected[key] = 1000 + number if number % 3 == 0 else number
    ageing.grow_older(seconds=10)
    Store(ageing).refresh_catalog()
    ageing.calls.clear()
    return expected


def test_a_fresh_catalog_answers_for_every_key(ageing_bucket: AgeingBucket) -> None:
    """All sizes, of all forms, without a HEAD."""
    ageing = ageing_bucket
    expected = filled(ageing)
    assert expected == sizes(Store(ageing))
    assert {"list": 1, "get": 2} == ageing.calls
    assert Store(ageing).refresh_catalog().written_pages == 0


def test_what_the_catalog_tells_is_what_stat_tells(ageing: AgeingBucket) -> None:
    """Form, digest, base and sizes survive the catalog."""
    filled(ageing, 20)
    rows = Catalog(ageing).rows(0)
    assert len(rows) == 20
    for key, row in rows.items():
        info = ageing.head(key)
        assert layout.form_of(info, "") == row.form
        assert (info.etag, info.size) == (row.etag, row.stored_size)


def test_keys_that_changed_are_asked_for(ageing_bucket: AgeingBucket) -> None:
    """A key put again, one that is new, one that is gone: one HEAD for each that is not known."""
    ageing = ageing_bucket
    expected = filled(ageing)
    put_delta(ageing, list(expected)[3], 77, body=b"other delta")
    put_delta(ageing, "v0007/new", 78)
    ageing.delete(list(expected)[9])
    expected[list(expected)[3]] = 77
    del expected[list(expected)[9]]
    expected["v0007/new"] = 78
    ageing.calls.clear()
    assert expected == sizes(Store(ageing))
    assert ageing.calls["head"] == 2
    ageing.grow_older(seconds=10)
    assert Store(ageing).refresh_catalog().written_pages == 1
    ageing.calls.clear()
    assert expected == sizes(Store(ageing))
    assert ageing.calls["head"] == 0


def test_the_same_bytes_from_another_base_are_another_object(ageing: AgeingBucket) -> None:
    """One ETag, one size, one key: the date tells them apart."""
    filled(ageing)
    put_delta(ageing, "v0000/app ü\U0001f600", 99, base=B)
    assert 99 == sizes(Store(ageing))["v0000/app ü\U0001f600"]


def test_what_was_put_a_moment_ago_stays_out(ageing: AgeingBucket) -> None:
    """Within one second even the date is the same, so that the catalog has to wait."""
    filled(ageing)
    put_delta(ageing, "twice", 1, base=A)
    Store(ageing).refresh_catalog()
    put_delta(ageing, "twice", 2, base=B)
    assert 2 == sizes(Store(ageing))["twice"]


def rewrite(bucket: Bucket, change: Callable[[bytes], bytes]) -> None:
    """Change the bytes of the only page, and make the list name what came of it."""
    (page,) = bucket.list(PAGE)
    body = change(stored(bucket, page.key))
    name = hashlib.sha256(body).hexdigest()
    bucket.put(PAGE + name, body, layout.index_attributes())
    pages = {"version": 1, "pages": [["v", name]]}
    bucket.put(PAGES, json.dumps(pages).encode(), layout.index_attributes())


def rows_changed(change: Callable[[list[Any]], Any]) -> Callable[[bytes], bytes]:
    """Apply `change` to each row of a page."""

    def changed(body: bytes) -> bytes:
        content = json.loads(zlib.decompress(body))
        content["keys"] = [change(row) for row in content["keys"]]
        return zlib.compress(json.dumps(content).encode())

    return changed


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda body: b"",
    "cut": lambda body: body[: len(body) // 2],
    "no zlib": lambda body: b"hello",
    "no JSON": lambda body: zlib.compress(b"hello"),
    "deep": lambda body: zlib.compress(b"[" * 200_000),
    "bomb": lambda body: zlib.compress(b" " * (200 << 20), 1),
    "other JSON": lambda body: zlib.compress(b"[1]"),
    "no rows": lambda body: zlib.compress(b'{"version": 1, "keys": 3}'),
    "later version": lambda body: zlib.compress(b'{"version": 2, "keys": []}'),
    "other ETag": rows_changed(lambda row: [row[0], "0" * 32, *row[2:]]),
    "other stored size": rows_changed(lambda row: [*row[:2], row[2] + 1, *row[3:]]),
    "other date": rows_changed(lambda row: [*row[:3], row[3] - 1, *row[4:]]),
    "not a row": rows_changed(lambda row: None),
    "key that is none": rows_changed(lambda row: [7, *row[1:]]),
    "too long": rows_changed(lambda row: [*row, 1]),
    "size that is none": rows_changed(lambda row: [*row[:5], *(["big"] if row[5:] else []), A, -1]),
    "true for a size": rows_changed(lambda row: [*row[:5], True, A, 7]),
    "negative size": rows_changed(lambda row: [*row[:5], -1, A, 7]),
    "huge size": rows_changed(lambda row: [*row[:5], 2**70, A, 7]),
    "digest that is none": rows_changed(lambda row: [*row[:4], "../../x"]),
    "base that is none": rows_changed(lambda row: [*row[:4], A, 5, "", 7]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_that_lies_is_ignored(ageing: AgeingBucket, name: str) -> None:
    """Damaged, foreign, of another object: the sizes are right, by HEAD, and nothing is raised."""
    expected = filled(ageing)
    rewrite(ageing, HOSTILE[name])
    ageing.calls.clear()
    assert expected == sizes(Store(ageing))
    assert ageing.calls["head"] > 0
    Store(ageing).refresh_catalog()
    ageing.calls.clear()
    assert expected == sizes(Store(ageing))
    assert ageing.calls["head"] == 0


def test_a_page_with_a_flipped_bit_is_ignored(ageing: AgeingBucket) -> None:
    """A page is named by its digest: what does not have it is not looked at."""
    expected = filled(ageing)
    (page,) = ageing.list(PAGE)
    content = json.loads(zlib.decompress(stored(ageing, page.key)))
    content["keys"][0][5] = 1  # a size that would be believed
    ageing.put(page.key, zlib.compress(json.dumps(content).encode()), layout.index_attributes())
    assert expected == sizes(Store(ageing))
    ageing.put(page.key, flipped(stored(ageing, page.key), 30), layout.index_attributes())
    assert expected == sizes(Store(ageing))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"version": 1}',
        b'{"version": 1, "pages": [[1, 2], "x", ["v", "../../../etc/passwd"]]}',
        b'{"version": 1, "pages": [["v", "%s"], ["a", "%s"]]}' % (A.encode(), B.encode()),
        b'{"version": 1, "pages": [["v", "%s"]]}' % A.encode(),
    ],
)
def test_a_list_of_pages_that_lies_is_ignored(ageing: AgeingBucket, body: bytes) -> None:
    """Nonsense, out of order, naming pages that are not there: made anew."""
    expected = filled(ageing)
    ageing.put(PAGES, body, layout.index_attributes())
    assert expected == sizes(Store(ageing))
    assert Store(ageing).refresh_catalog().written_pages == 1
    ageing.calls.clear()
    assert expected == sizes(Store(ageing))
    assert ageing.calls["head"] == 0


def test_a_catalog_of_a_later_version_is_left_alone(ageing: AgeingBucket) -> None:
    """It is neither read nor overwritten."""
    expected = filled(ageing)
    later = b'{"version": 2, "other": "things"}'
    ageing.put(PAGES, later, layout.index_attributes())
    Store(ageing).refresh_catalog()
    assert expected == sizes(Store(ageing))
    assert later == stored(ageing, PAGES)


def test_who_may_not_write_lists_all_the_same(ageing: AgeingBucket) -> None:
    """Without the right to write there is no error, and nothing half done."""
    for number in range(300):
        put_delta(ageing, f"{number:03}", number)
    ageing.grow_older(seconds=10)

    def refuse(call: str, key: str) -> None:
        if call in ("put", "delete"):
            raise AccessDenied(key)

    ageing.before = refuse
    store = Store(ageing)
    assert {f"{number:03}": number for number in range(300)} == sizes(store)
    assert store.refresh_catalog().written_pages == 0
    assert not list(ageing.list(layout.CATALOG_PREFIX))


def test_a_large_listing_leaves_a_catalog_behind(ageing: AgeingBucket) -> None:
    """Where hundreds of keys had to be asked for the next listing need not; a few do not pay."""
    for number in range(300):
        put_delta(ageing, f"{number:03}", number)
    ageing.grow_older(seconds=10)
    sizes(Store(ageing), "00")
    assert not list(ageing.list(layout.CATALOG_PREFIX))
    sizes(Store(ageing))
    ageing.calls.clear()
    sizes(Store(ageing))
    assert ageing.calls["head"] == 0


def test_two_who_write_the_catalog_do_no_harm(ageing: AgeingBucket) -> None:
    """The second one gives up and takes its pages back; nobody's listing is wrong."""
    expected = filled(ageing)
    put_delta(ageing, "v0005/new", 5)
    expected["v0005/new"] = 5
    ageing.grow_older(seconds=10)
    walk = iter(Store(ageing).list())
    first, second = Store(ageing), Store(ageing)
    meanwhile = []

    def other(call: str, key: str) -> None:
        if (call, key) == ("put", PAGES) and not meanwhile:
            meanwhile.append(key)
            second.refresh_catalog()

    ageing.before = other
    first.refresh_catalog()
    assert meanwhile
    assert expected == sizes(Store(ageing))
    assert expected == {entry.key: entry.logical_size for entry in walk}
    assert len(list(ageing.list(PAGE))) == 1


def test_what_broke_off_is_swept_up(ageing: AgeingBucket) -> None:
    """Pages that no list names are removed when they are an hour old."""
    expected = filled(ageing)
    ageing.put(PAGE + A, b"abandoned", layout.index_attributes())
    Store(ageing).refresh_catalog()
    assert len(list(ageing.list(PAGE))) == 2
    ageing.grow_older(hours=2)
    Store(ageing).refresh_catalog()
    assert len(list(ageing.list(PAGE))) == 1
    assert expected == sizes(Store(ageing))


@pytest.mark.parametrize("seed", range(6))
def test_pages_are_cut_kept_and_dropped(
    ageing: AgeingBucket, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is put and deleted, and whichever prefix is walked through: sizes are right."""
    monkeypatch.setattr(revision, "PAGE_ROWS", 12)
    chance = random.Random(seed)
    expected: dict[str, int | None] = {}
    for _ in range(6):
        for _ in range(chance.randrange(40)):
            key = f"{chance.choice('abc')}/{chance.randrange(60):02}"
            expected[key] = chance.randrange(1000)
            put_delta(ageing, key, expected[key] or 0, base=chance.choice([A, B]))
        for key in chance.sample(sorted(expected), len(expected) // 5):
            ageing.delete(key)
            del expected[key]
        ageing.grow_older(seconds=10)
        prefix = chance.choice(["", "", "a/", "b", "c/3"])
        Store(ageing).refresh_catalog(prefix)
        ageing.calls.clear()
        below = {key: size for key, size in expected.items() if key.startswith(prefix)}
        assert below == sizes(Store(ageing), prefix)
        if len(below) >= 16:
            assert ageing.calls["head"] == 0
        assert expected == sizes(Store(ageing))
        pages = Catalog(ageing).pages
        assert {PAGE + page.name for page in pages} == {item.key for item in ageing.list(PAGE)}


@pytest.mark.slow
def test_two_hundred_thousand_keys(tmp_path: Path) -> None:
    """Listed with logical sizes in at most 210 requests, when the catalog is fresh."""
    folder = FolderBucket(tmp_path / "store", create=True)
    index = Index(tmp_path / "store" / "index.sqlite", folder.url)
    attributes = layout.delta_attributes(Attributes(), sha256=A, size=5000, base=B, base_size=7)
    folder.put("probe", b"delta", attributes)
    with index.reading() as transaction:
        probe = transaction.find(b"probe")
    assert probe is not None
    chance = random.Random(1)
    forms = [Foreign(), Plain(A), Delta(A, size=5000, base=B, base_size=7)]
    rows = []
    with index.writing() as transaction:
        for number in range(200_000):
            key = f"releases/v1.{number // 100}/app-{number:06}.zip"
            body = f"{chance.randbytes(32).hex()}-{chance.randbytes(8).hex()}"
            etag = body[:64]
            info = type(probe.info)(key, 5, etag, probe.info.modified, attributes)
            transaction.store(key.encode(), Entry(info, body))
    ageing = AgeingBucket(folder)
    ageing.delete("probe")
    catalog = Catalog(ageing)
    for number, listed in enumerate(ageing.list()):
        rows.append(Row.of(listed, forms[number % 3]))
    catalog.replace([catalog.put_page(rows[i : i + 50_000]) for i in range(0, 200_000, 50_000)])
    ageing.calls.clear()
    assert 200_000 == sum(entry.logical_size in (5, 5000) for entry in Store(ageing).list())
    assert ageing.calls["head"] == 0
    assert ageing.calls.total() <= 210


def test_a_listing_from_the_middle_reads_the_catalog_and_leaves_it(ageing: AgeingBucket) -> None:
    """It believes the rows, asks for what they lack, and takes none of them for gone."""
    expected = filled(ageing, 600)
    pages = stored(ageing, PAGES)
    later = sorted(expected)[300]
    behind = {key: size for key, size in expected.items() if key > later}
    for number in range(300):
        put_delta(ageing, f"zz{number:03}", 1000 + number)
    store = Store(ageing)
    found = {e.key: e.logical_size for e in store.list(start_after=later)}
    assert {**behind, **{f"zz{n:03}": 1000 + n for n in range(300)}} == found
    assert pages == stored(ageing, PAGES)
    assert 300 == sum(key.startswith("zz") for key in sizes(store))
