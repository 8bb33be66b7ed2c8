"""Which base a file gets: by content, wherever it lies and whatever it is called."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from archives import members, tgz, zipped
from releases import release, sha256

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bases import Base, BaseIndex, in_doubt, ranked, stem
from deltaloft.folder_bucket import FolderBucket
from deltaloft.sketch import Sketch, SketchWriter, inside
from deltaloft.store import Store, choosing
from deltaloft.store.input import opened


def sketch_of(content: bytes) -> Sketch:
    """Return the sketch of a file."""
    writer = SketchWriter()
    writer.write(content)
    return Sketch(writer.row(), inside(memoryview(content)))


def base_of(content: bytes, key: str, *, sketched: bool = True) -> Base:
    """Return a file's entry in the index."""
    sketch = str(sketch_of(content)) if sketched else ""
    return Base(sha256(content), len(content), stem(key), sketch)


def noise(seed: int, size: int = 200_000) -> bytes:
    """Return bytes that resemble no others."""
    return random.Random(f"noise {seed}").randbytes(size)


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    """An empty bucket in a folder."""
    return FolderBucket(tmp_path / "bucket", create=True)


@pytest.fixture
def store(bucket: FolderBucket, fresh_cache: Callable[[], BaseCache]) -> Store:
    """An empty store in it."""
    return Store(bucket, cache=fresh_cache())


# ---- Ranking ---------------------------------------------------------------------------------


def test_content_comes_before_names() -> None:
    """A base with the file's bytes under another name is better than its namesake without."""
    known = [base_of(release(0), "other/thing.bin"), base_of(noise(1), "app-1.0.zip")]
    candidates = ranked(known, key="app-1.1.zip", size=200_000, of=sketch_of(release(1)))
    assert [True, False] == [each.close for each in candidates]
    assert known[0] == candidates[0].base


def test_names_decide_among_equals_and_then_age() -> None:
    """Bases of equal content: the same stem, then the same file name, then the newest."""
    keys = ["linux/app-1.0.zip", "linux/app-1.1.zip", "mac/app-1.1.zip", "other-1.0.zip"]
    known = [replace(base_of(release(0), key), sha256=sha256(key.encode())) for key in keys]

    def order(key: str) -> list[int]:
        candidates = ranked(known, key=key, size=200_000, of=sketch_of(release(1)))
        return [known.index(each.base) for each in candidates]

    assert [1, 0, 2, 3] == order("linux/app-1.2.zip")
    assert [2, 1, 0, 3] == order("windows/app-1.2.zip")
    assert [3, 2, 1, 0] == order("unheard-of.zip")


def test_without_sketches_names_have_to_do() -> None:
    """Entries of an older index: the stem, then the file name, else no delta is tried."""
    keys = ["linux/app-1.0.zip", "mac/app-1.1.zip", "other-1.0.zip"]
    known = [base_of(release(0), key, sketched=False) for key in keys]
    of = sketch_of(release(1))
    candidates = ranked(known, key="linux/app-1.2.zip", size=200_000, of=of)
    assert keys == [keys[known.index(each.base)] for each in candidates]
    assert [True, True, False] == [each.close for each in candidates]
    larger = ranked(known[:1], key="linux/app-1.2.zip", size=900_000, of=of)
    assert [] == in_doubt(larger)


def test_a_part_of_a_larger_file_is_found_in_it() -> None:
    """What counts is how much of the file is in the base, not how much of the base is used."""
    part, other = noise(1), noise(2)
    known = [base_of(noise(3) + part + noise(4), "all.bin"), base_of(other, "part-1.bin")]
    best = ranked(known, key="part-2.bin", size=len(part), of=sketch_of(part))[0]
    assert known[0] == best.base
    assert best.estimated_size < 0.25 * len(part)


def test_what_is_inside_counts_for_who_can_use_it() -> None:
    """A zip file packed anew is close to its sibling only if a delta can unpack both."""
    known = [base_of(zipped(members(), level=9), "app-1.zip")]
    again = zipped(members(1), level=1)
    for unpacking in (False, True):
        (found,) = ranked(
            known, key="x.zip", size=len(again), of=sketch_of(again), unpacking=unpacking
        )
        assert found.close == unpacking
        assert found.inside is not None
        assert found.inside > 0.8


def test_few_are_in_doubt() -> None:
    """At most three, none that is far from the best, none that is not close."""
    known = [
        replace(base_of(release(0), f"{number}"), sha256=f"{number:064}") for number in range(6)
    ]
    known.append(base_of(release(30), "far"))
    known.append(base_of(noise(1), "foreign"))
    doubtful = in_doubt(ranked(known, key="x", size=200_000, of=sketch_of(release(0))))
    assert 3 == len(doubtful)
    assert {each.base.sha256 for each in doubtful} <= {f"{number:064}" for number in range(6)}
    assert [] == in_doubt(ranked(known, key="x", size=200_000, of=sketch_of(noise(9))))


# ---- Putting ---------------------------------------------------------------------------------


def test_a_base_is_found_under_any_prefix_and_name(store: Store) -> None:
    """Releases in folders of their own, renamed, and with namesakes that are something else."""
    store.put(release(0), "v1.0.0/app.zip")
    store.put(noise(1), "v2/app.zip")
    store.put(noise(2), "v2/other-name.zip")
    for key in ("v2/other-name.zip", "v3/app.zip", "x", "backup/2024-01-01/renamed.bin"):
        result = store.put(release(1), key)
        assert sha256(release(0)) == result.base
        assert result.stored_size < 10_000
        assert release(1) == store.read(key)


def test_a_rebuilt_zip_is_a_small_delta(store: Store) -> None:
    """The same members in another order, with other dates, packed in the same way."""
    store.put(zipped(members()), "app-1.zip")
    rebuilt = zipped(members(), year=2024, reverse=True)
    result = store.put(rebuilt, "other/name.zip")
    assert result.added_size < 0.05 * len(rebuilt)
    assert rebuilt == store.read("other/name.zip")


@pytest.mark.parametrize("pack", [zipped, tgz])
def test_archives_packed_anew_end_gracefully(store: Store, pack: Callable[..., bytes]) -> None:
    """Siblings that share nothing but what is inside cost what they cost without us."""
    for version, level in enumerate((9, 1)):
        packed = pack(members(version), level=level)
        result = store.put(packed, f"app-{version}")
        assert result.added_size <= 1.01 * len(packed)
        assert packed == store.read(f"app-{version}")


def test_unrelated_files_become_bases(store: Store) -> None:
    """Nothing in common, same name: no delta, and not more than 1 % on top."""
    for number in range(4):
        result = store.put(noise(number), f"v{number}/app.bin")
        assert result.new_base
        assert result.added_size <= 1.01 * result.size


def test_estimates_that_cannot_tell_are_settled_by_trial(
    store: Store, bucket: FolderBucket
) -> None:
    """Of two bases with one sketch, the one is taken whose delta is really smaller."""
    index = BaseIndex(bucket)
    sketch = str(sketch_of(release(0)))
    for content in (release(0), noise(1, len(release(0)))):
        bucket.put(layout.base_key(sha256(content)), content, layout.base_attributes("", sketch))
        index.add(Base(sha256(content), len(content), "", sketch))
    assert sha256(release(0)) == store.put(release(1), "x").base


def test_a_rebuilt_index_knows_what_bases_resemble(store: Store, bucket: FolderBucket) -> None:
    """Sketches lie with the bases, so that a lost index loses none of them."""
    store.put(release(0), "a/app-1.zip")
    bucket.delete(layout.INDEX_KEY)
    again = Store(bucket)
    assert sha256(release(0)) == again.put(release(1), "renamed").base


def test_metadata_of_a_base_stays_small(store: Store, bucket: FolderBucket) -> None:
    """Of an archive with the longest name: less than 350 bytes."""
    packed = zipped(members())
    store.put(packed, "x" * 100)
    metadata = bucket.head(layout.base_key(sha256(packed))).attributes.metadata
    assert {"dl-v", "dl-stem", "dl-sketch"} == metadata.keys()
    write_id = len("dl-write") + 32
    assert sum(len(name) + len(value) for name, value in metadata.items()) + write_id < 350


@pytest.mark.parametrize(("changed", "sketched"), [(1, False), (10, True)])
def test_members_are_enough_where_nearly_all_are_known(changed: int, sketched: bool) -> None:
    """Only of an archive that has much else are its bytes sketched; the base is right anyhow."""
    names = [f"{number}.bin" for number in range(40)]
    old = {name: noise(number, 20_000) for number, name in enumerate(names)}
    new = old | {name: noise(-number, 20_000) for number, name in enumerate(names[:changed], 1)}
    other = {name: noise(1000 + number, 20_000) for number, name in enumerate(names)}
    known = [base_of(zipped(each), "app.zip") for each in (old, other)]
    with opened(zipped(new)) as given:
        found = choosing.candidates_for(known, given, key="new.zip")
        assert known[0] == found[0].base
        assert sketched == (found[0].resemblance is not None)
        assert "most content in common" == choosing.reason(found[0])
