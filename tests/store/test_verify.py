"""Everything is read again and proven; what is damaged is named, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ageing import AgeingBucket
from releases import change, flipped, release, sha256, stored

from deltaloft import layout
from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import DamagedObject, Throttled, UnsupportedFormat
from deltaloft.store import Store, Verified, verify

ONE, TWO = layout.base_key(sha256(release(0, seed=1))), layout.base_key(sha256(release(0, seed=2)))


@pytest.fixture
def counted(bucket: Bucket, fresh_cache: Callable[[], BaseCache]) -> AgeingBucket:
    """Two bases with deltas that alternate in order of keys, and objects without a base."""
    counted = AgeingBucket(bucket)
    store = Store(counted, cache=fresh_cache())
    for seed in (1, 2):
        for version in range(3):
            put = store.put(release(version, seed=seed), f"v{version}/app-{seed}")
            assert put.form == "delta"
    store.put(b"plain", "v1/plain")
    counted.put("foreign", b"foreign", Attributes())
    counted.calls.clear()
    return counted


def verified(bucket: AgeingBucket, prefix: str = "") -> dict[str, Verified]:
    """Return the results by key; each key has one."""
    results = list(Store(bucket).verify(prefix))
    assert len(results) == len({result.key for result in results})
    return {result.key: result for result in results}


def failed(bucket: AgeingBucket) -> dict[str, str]:
    """Return what is wrong with which key."""
    return {
        key: f"{type(result.problem).__name__}: {result.problem}"
        for key, result in verified(bucket).items()
        if result.problem is not None
    }


def test_all_is_proven(counted: AgeingBucket) -> None:
    """Each object with its digest, size and base; a foreign one is there, but unproven."""
    results = verified(counted)
    assert 8 == len(results)
    foreign = results.pop("foreign")
    assert ("foreign", 7, None, None) == (
        foreign.form,
        foreign.size,
        foreign.sha256,
        foreign.problem,
    )
    assert ("plain", sha256(b"plain")) == (results["v1/plain"].form, results["v1/plain"].sha256)
    for seed in (1, 2):
        for version in range(3):
            content = release(version, seed=seed)
            expected = Verified(
                f"v{version}/app-{seed}",
                "delta",
                len(content),
                sha256(content),
                sha256(release(0, seed=seed)),
                None,
            )
            assert expected == results[expected.key]
    assert {"v1/app-1", "v1/app-2", "v1/plain"} == verified(counted, "v1/").keys()


def test_each_base_is_read_once_and_not_from_a_cache(
    counted: AgeingBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the deltas are mixed, also when they are sorted in several runs on disk."""
    monkeypatch.setattr(verify, "_RUN", 2)
    read: Counter[str] = Counter()
    counted.before = lambda call, key: read.update([key] if call == "get" else [])
    is_local = counted.local_path(ONE) is not None
    assert 8 == len(verified(counted))
    assert [0, 0] if is_local else [1, 1] == [read[ONE], read[TWO]]
    assert all(read[f"v{version}/app-{seed}"] == 1 for version in range(3) for seed in (1, 2))


def test_a_damaged_base_takes_its_keys_along_and_no_other(counted: AgeingBucket) -> None:
    """They are named, and so is the base."""
    body = flipped(stored(counted, ONE), 150_000)
    counted.put(ONE, body, counted.head(ONE).attributes)
    problems = failed(counted)
    assert {"v0/app-1", "v1/app-1", "v2/app-1"} == problems.keys()
    assert all(ONE in problem and "sha256" in problem for problem in problems.values())


@pytest.mark.parametrize("cut", [None, 0, 1000])
def test_a_missing_or_short_base_takes_its_keys_along(
    counted: AgeingBucket, cut: int | None
) -> None:
    """Whatever is left of it."""
    if cut is None:
        counted.delete(TWO)
    else:
        counted.put(TWO, stored(counted, TWO)[:cut], counted.head(TWO).attributes)
    problems = failed(counted)
    assert {"v0/app-2", "v1/app-2", "v2/app-2"} == problems.keys()
    assert all(problem.startswith("DamagedObject") for problem in problems.values())
    assert all(TWO in problem for problem in problems.values())


def test_damaged_objects_are_named_one_by_one(counted: AgeingBucket) -> None:
    """A delta, a plain object, metadata; the rest is proven all the same."""
    change(counted, "v1/app-1", body=flipped(stored(counted, "v1/app-1"), 2000))
    change(counted, "v1/plain", body=b"pla1n")
    change(counted, "v2/app-2", base="?")
    change(counted, "v0/app-2", v="9")
    problems = failed(counted)
    assert {"v1/app-1", "v1/plain", "v2/app-2", "v0/app-2"} == problems.keys()
    assert UnsupportedFormat.__name__ in problems["v0/app-2"]
    for key in ("v1/app-1", "v1/plain", "v2/app-2"):
        assert problems[key].startswith(DamagedObject.__name__)
        assert key in problems[key]


def test_keys_that_change_meanwhile_are_proven_as_they_are(counted: AgeingBucket) -> None:
    """Deleted ones are left out, and a delta that has got another base is decoded against that."""
    store = Store(counted)
    results = store.verify()
    first = next(results)
    assert first.problem is None
    counted.delete("v1/app-1")
    store.put(release(7, seed=2), "v2/app-1")
    rest = {result.key: result for result in results}
    assert "v1/app-1" not in rest
    assert sha256(release(7, seed=2)) == rest["v2/app-1"].sha256
    assert all(result.problem is None for result in rest.values())


def test_a_catalog_that_lies_cannot_hide_damage(counted: AgeingBucket) -> None:
    """It only tells in which order to read."""
    counted.grow_older(seconds=10)
    Store(counted).refresh_catalog()
    change(counted, "v1/app-1", body=flipped(stored(counted, "v1/app-1"), 2000))
    change(counted, "v1/plain", body=b"pla1n")
    assert {"v1/app-1", "v1/plain"} == failed(counted).keys()


def test_an_endpoint_that_gives_up_ends_it(counted: AgeingBucket) -> None:
    """What could not be asked is no finding: the error comes out, and nothing passes for proven."""

    def fail(call: str, key: str) -> None:
        if (call, key) == ("get", "v1/app-1"):
            raise Throttled(key)

    counted.before = fail
    with pytest.raises(Throttled):
        verified(counted)


def test_progress_is_told(counted: AgeingBucket) -> None:
    """All bytes that were proven, deltas at the size of their files."""
    told: list[int] = []
    total = sum(result.size or 0 for result in Store(counted).verify(progress=told.append))
    assert total == sum(told) == 6 * len(release(0)) + 12


def test_memory_does_not_grow_with_the_number_of_keys(
    counted: AgeingBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deltas wait on disk: at most as many in memory as make a run."""
    monkeypatch.setattr(verify, "_RUN", 100)
    deltas: Any = verify._Sorted()
    for number in range(10_000):
        deltas.add(verify._Pending(f"{number * 7919 % 10_000:064}", number, "key\n\ud800"))
        assert len(deltas._run) < 100
    assert sorted(range(10_000)) == [int(delta.base) for delta in deltas]
    assert all(delta.base_size * 7919 % 10_000 == int(delta.base) for delta in deltas)
    deltas.close()
