"""The index of bases and the stems of names, in a real folder bucket."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaloft import layout
from deltaloft.bases import Base, BaseIndex, stem
from deltaloft.bucket import Attributes, Reading
from deltaloft.errors import StorageError, UnsupportedFormat
from deltaloft.folder_bucket import FolderBucket


def base(number: int, *, size: int = 100_000, key: str = "app-1.0.zip") -> Base:
    """Return a base of its own for each number."""
    return Base(hashlib.sha256(str(number).encode()).hexdigest(), size, stem(key))


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    """An empty bucket in a folder."""
    return FolderBucket(tmp_path / "bucket", create=True)


class Counted(FolderBucket):
    """A folder bucket that notes each call and may refuse conditions as some endpoints do."""

    def __init__(self, path: Path, *, conditions: bool = True) -> None:
        super().__init__(path, create=True)
        self.calls: list[str] = []
        self.conditions = conditions

    def get(self, key: str, **options: Any) -> AbstractContextManager[Reading | None]:
        """See `Bucket.get`."""
        self.calls.append("GET if" if options.get("if_none_match") else "GET")
        return super().get(key, **options)

    def put(self, key: str, body: Any, attributes: Attributes, **options: Any) -> str:
        """See `Bucket.put`."""
        conditional = options.get("if_match") is not None or options.get("no_clobber")
        self.calls.append("PUT if" if conditional else "PUT")
        if conditional and not self.conditions:
            raise StorageError("the endpoint refused the request (NotImplemented, HTTP 501)")
        return super().put(key, body, attributes, **options)

    def list(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        """See `Bucket.list`."""
        self.calls.append("LIST")
        return super().list(*arguments, **options)


# ---- Stems -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("botocore-1.44.0-py3-none-any.whl", "botocore--py3-none-any.whl"),
        ("botocore-1.44.0rc1-py3-none-any.whl", "botocore--py3-none-any.whl"),
        ("releases/v2.1.0-rc.1/app_2.1.0-rc.1.zip", "releases//app_.zip"),
        ("v1.0.0/app.zip", "/app.zip"),
        ("linux-6.1.0-13-amd64.deb", "linux--amd64.deb"),
        ("app-3f2a91c.zip", "app-.zip"),
        ("app-20240101T120000Z.tar.gz", "app-.tar.gz"),
        ("app-1.0.0-SNAPSHOT.jar", "app-.jar"),
        ("x.7z", "x.7z"),
        ("a-1.0.tar.bz2", "a-.tar.bz2"),
        ("tool-1.0.c", "tool-.c"),
        ("über-1.0 (2).zip", "%C3%BCber- %28%29.zip"),
        ("1.0", ""),
    ],
)
def test_a_stem_is_a_name_without_its_version(key: str, expected: str) -> None:
    """Releases of one thing share a stem; what merely holds a digit keeps it."""
    assert expected == stem(key)


@given(st.text(max_size=400))
def test_any_key_has_a_stem_that_fits_metadata(key: str) -> None:
    """A stem is short printable ASCII, whatever the key."""
    found = stem(key.encode("utf-8", "replace").decode())
    assert layout.base_stem(Attributes({"dl-stem": found})) == found


# ---- The index -------------------------------------------------------------------------------


def test_what_is_added_is_loaded_by_others(bucket: FolderBucket) -> None:
    """An index written by one process is what another one reads, oldest base first."""
    first = BaseIndex(bucket)
    assert first.load() == ()
    for number in range(3):
        first.add(base(number))
    assert BaseIndex(bucket).load() == (base(0), base(1), base(2))


def test_a_warm_index_costs_one_conditional_get(tmp_path: Path) -> None:
    """Nothing is read twice, and a bucket without bases is listed once."""
    bucket = Counted(tmp_path / "bucket")
    index = BaseIndex(bucket)
    index.load()
    assert bucket.calls == ["GET", "LIST"]
    index.load()
    assert bucket.calls == ["GET", "LIST", "GET"]
    index.add(base(1))
    del bucket.calls[:]
    assert index.load() == (base(1),)
    assert index.load() == (base(1),)
    assert bucket.calls == ["GET if", "GET if"]


def test_writers_at_once_lose_no_entry(bucket: FolderBucket) -> None:
    """Eight writers that add five bases each leave forty, for compare-and-swap merges them."""

    def add(writer: int) -> None:
        index = BaseIndex(bucket)
        index.load()
        for number in range(5):
            index.add(base(100 * writer + number))

    threads = [threading.Thread(target=add, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {base(100 * writer + number) for writer in range(8) for number in range(5)}
    assert set(BaseIndex(bucket).load()) == expected


def test_writers_at_once_lose_no_note(bucket: FolderBucket) -> None:
    """Six writers add bases with sketches and note what one base got: nothing is lost."""
    first = replace(base(0), sketch="1" + "A" * 96)
    BaseIndex(bucket).add(first)

    def work(writer: int) -> None:
        index = BaseIndex(bucket)
        for number in range(4):
            index.note(first.sha256, lambda entry: replace(entry, excess=entry.excess + 1))
            index.add(replace(base(100 * writer + number + 1), sketch=f"1{writer:096}"))

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = BaseIndex(bucket).load()
    assert replace(first, excess=24) == found[0]
    assert 25 == len(found)
    assert {first.sketch, *(f"1{writer:096}" for writer in range(6))} == {b.sketch for b in found}


def test_an_endpoint_without_conditions_is_written_to(tmp_path: Path) -> None:
    """Where conditions are refused, the last writer wins and the index still works."""
    bucket = Counted(tmp_path / "bucket", conditions=False)
    index = BaseIndex(bucket)
    index.load()
    index.add(base(1))
    index.add(base(2))
    assert BaseIndex(bucket).load() == (base(1), base(2))


def test_an_index_that_cannot_be_written_costs_only_the_entry(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal is logged: the base and the key that was put are stored all the same."""

    class ReadOnly(Counted):
        def put(self, *arguments: Any, **options: Any) -> str:
            """See `Bucket.put`."""
            raise StorageError("no")

    index = BaseIndex(ReadOnly(tmp_path / "bucket"))
    index.add(base(1))
    assert "is not in the index" in caplog.text
    index.note(base(1).sha256, lambda entry: replace(entry, least=1))
    assert "stays as it was" in caplog.text


def test_a_forgotten_base_is_not_offered_again(bucket: FolderBucket) -> None:
    """A base that is gone leaves the index with the next entry, for everybody."""
    index = BaseIndex(bucket)
    index.add(base(1))
    index.forget(base(1).sha256)
    assert index.load() == ()
    index.add(base(2))
    assert BaseIndex(bucket).load() == (base(2),)
    index.add(base(1))
    assert set(index.load()) == {base(1), base(2)}


def put_index(bucket: FolderBucket, content: object) -> None:
    """Write any bytes, or any JSON, as the index."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    bucket.put(layout.INDEX_KEY, body, layout.index_attributes())


def written_index(bucket: FolderBucket) -> Any:
    """Return the JSON of the index."""
    with bucket.get(layout.INDEX_KEY) as reading:
        assert reading is not None
        return json.loads(b"".join(reading.chunks()))


DAMAGED = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b" " * ((16 << 20) + 1),
    [],
    {},
    {"version": "1", "bases": []},
    {"version": True, "bases": []},
    {"version": 1},
    {"version": 1, "bases": {}},
    {"version": 1, "bases": [["x", 1, ""]]},
    {"version": 1, "bases": [["a" * 64, -1, ""]]},
    {"version": 1, "bases": [["a" * 64, 1.0, ""]]},
    {"version": 1, "bases": [["a" * 64, True, ""]]},
    {"version": 1, "bases": [["a" * 64, 2**63, ""]]},
    {"version": 1, "bases": [["a" * 64, 1, "x" * 65]]},
    {"version": 1, "bases": [["a" * 64, 1]]},
    {"version": 1, "bases": [None]},
    {"version": 2, "bases": [["a" * 64, 1, ""]]},
    {"version": 2, "bases": [{"size": 1}]},
    {"version": 2, "bases": [{"sha256": "a" * 64}]},
    {"version": 2, "bases": [{"sha256": "x", "size": 1}]},
    {"version": 2, "bases": [{"sha256": "a" * 64, "size": True}]},
    {"version": 2, "bases": [{"sha256": "a" * 64, "size": 1, "stem": None}]},
    {"version": 2, "bases": [{"sha256": "a" * 64, "size": 1, "sketch": ["x"]}]},
    {"version": 2, "bases": [{"sha256": "a" * 64, "size": 1, "sketch": "x" * 201}]},
    {"version": 2, "bases": [{"sha256": "a" * 64, "size": 1, "least": 1.5}]},
    {"version": 2, "bases": [{"sha256": "a" * 64, "size": 1, "excess": None}]},
    {"version": 2, "bases": [{"sha256": ["a"], "size": 1}]},
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_index_is_made_again(bucket: FolderBucket, content: object) -> None:
    """Whatever stands in the index, what is below base/ is found, with stems, and written down."""
    body = b"the bytes of a base"
    sha256 = hashlib.sha256(body).hexdigest()
    bucket.put(layout.base_key(sha256), body, layout.base_attributes("app-.zip", "a sketch"))
    bucket.put(layout.base_key("no digest"), b"", Attributes())
    put_index(bucket, content)
    expected = (Base(sha256, len(body), "app-.zip", "a sketch"),)
    assert BaseIndex(bucket).load() == expected
    entry = {"sha256": sha256, "size": len(body), "stem": "app-.zip", "sketch": "a sketch"}
    assert {"version": 2, "bases": [entry]} == written_index(bucket)


def test_the_index_of_older_versions_is_read(bucket: FolderBucket) -> None:
    """Entries without a name for each field, as the first versions wrote them, keep their bases."""
    old = [[base(number).sha256, 100_000, "app-.zip"] for number in range(2)]
    put_index(bucket, {"version": 1, "bases": old})
    index = BaseIndex(bucket)
    assert (base(0), base(1)) == index.load()
    index.add(base(2))
    assert 2 == written_index(bucket)["version"]
    assert (base(0), base(1), base(2)) == BaseIndex(bucket).load()


def test_a_new_base_spends_what_paid_for_it(bucket: FolderBucket) -> None:
    """The excess of the base that a new one takes over from is written off in the same put."""
    index = BaseIndex(bucket)
    index.add(replace(base(1), least=5, excess=70))
    index.add(replace(base(2), least=5, excess=70))
    index.add(base(3), paid_by=base(1))
    assert [0, 70, 0] == [each.excess for each in BaseIndex(bucket).load()]


def test_fields_of_later_versions_are_kept(bucket: FolderBucket) -> None:
    """Who writes the index leaves in it what it does not understand."""
    later = {"sha256": base(1).sha256, "size": 7, "stem": "x", "colour": {"of": ["the", "sky"]}}
    put_index(bucket, {"version": 2, "bases": [later]})
    index = BaseIndex(bucket)
    index.load()
    index.add(base(2))
    assert later == written_index(bucket)["bases"][0]


def test_a_change_is_made_again_on_what_others_wrote(bucket: FolderBucket) -> None:
    """Two writers that change the index at once both find their changes in it."""
    first, second = BaseIndex(bucket), BaseIndex(bucket)
    first.add(base(1))
    second.load()
    first.add(base(2))
    second.change(lambda known: [replace(each, stem="changed") for each in known])
    assert {"changed"} == {each.stem for each in BaseIndex(bucket).load()}
    assert [base(1).sha256, base(2).sha256] == [each.sha256 for each in first.load()]


def test_a_later_index_is_refused_by_name(bucket: FolderBucket) -> None:
    """An index of a later version is neither read nor overwritten."""
    put_index(bucket, {"version": 3, "anything": 1})
    with pytest.raises(UnsupportedFormat, match=r"version 2 expected, found 3"):
        BaseIndex(bucket).load()
    BaseIndex(bucket).add(base(1))
    with pytest.raises(UnsupportedFormat):
        BaseIndex(bucket).load()


def test_a_lost_index_is_found_again(bucket: FolderBucket) -> None:
    """Without an index, the newest base below base/ is the newest in the index."""
    bodies = [b"one", b"two", b"three"]
    digests = [hashlib.sha256(body).hexdigest() for body in bodies]
    for body, sha256 in zip(bodies, digests, strict=True):
        bucket.put(layout.base_key(sha256), body, layout.base_attributes("x"))
    assert [found.sha256 for found in BaseIndex(bucket).load()] == digests
