"""Many files at once: order, names that mean harm, what is never deleted, and progress."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deltaloft.errors import InvalidRequest, Unreachable
from deltaloft.store import Store
from deltaloft.transfers import (
    Done,
    Filters,
    Item,
    LocalSide,
    Options,
    StoreSide,
    copies,
    run,
    synced,
)

FILES = ["a-b", "a/b", "a/c/d", "ab", "Z", "é", "ünï/x"]


def fail(place: str, reason: str) -> None:
    """Take a file that was left out for a failure."""
    raise AssertionError(f"{place}: {reason}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files whose order is easily got wrong."""
    for name in FILES:
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 10)
    return tmp_path / "folder"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store.open(str(tmp_path / "store"), create=True)


def done(steps: object, source: object, target: object, **options: object) -> list[Done]:
    """Do all steps."""
    made = Options(**options)  # type: ignore[arg-type]
    return list(run(steps, source, target, made))  # type: ignore[arg-type]


def test_both_sides_list_in_the_same_order(folder: Path, store: Store) -> None:
    """By the bytes of whole names: what is in `a` comes after `a-b` and before `ab`."""
    local, remote = LocalSide(folder, fail), StoreSide(store, "pre/")
    assert all(each.error is None for each in done(copies(local.items(), Filters()), local, remote))
    names = [item.name for item in local.items()]
    assert sorted(FILES, key=str.encode) == names
    assert names == [item.name for item in remote.items()]


def test_nothing_is_left_to_do_after_a_sync(folder: Path, store: Store, tmp_path: Path) -> None:
    """Up, and down into another folder; then one changed byte is found, whatever its time."""
    local, remote = LocalSide(folder, fail), StoreSide(store, "")

    def sync(left: LocalSide | StoreSide, right: LocalSide | StoreSide) -> list[Done]:
        steps = synced(left.items(), right.items(), Filters(), may_delete=lambda: True)
        return done(steps, left, right)

    assert len(FILES) == len(sync(local, remote))
    assert [] == sync(local, remote)
    other = LocalSide(tmp_path / "other", fail)
    assert len(FILES) == len(sync(remote, other))
    assert [] == sync(remote, other)
    (folder / "ab").write_bytes(b"AB" * 10)
    os.utime(folder / "ab", (1, 1))
    assert [str(folder / "ab")] == [each.source for each in sync(local, remote)]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a//b", "a/./b", "a/..", "x\0", ""])
def test_a_name_from_a_bucket_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Nor can two names be one file."""
    with pytest.raises(InvalidRequest, match="a name that can be a path"):
        LocalSide(tmp_path, fail).path(name)


def test_a_key_that_means_harm_fails_alone(store: Store, tmp_path: Path) -> None:
    """The others arrive, and nothing is written beside the folder."""
    for key in ("../evil", "good", "sub/good"):
        store.put(b"x", key)
    remote, local = StoreSide(store, ""), LocalSide(tmp_path / "in" / "folder", fail)
    ended = done(copies(remote.items(), Filters()), remote, local)
    assert [InvalidRequest] == [type(each.error) for each in ended if each.error]
    assert {"good", "sub/good"} == {item.name for item in local.items()}
    assert ["folder"] == [path.name for path in (tmp_path / "in").iterdir()]


def test_what_is_no_file_is_left_out_and_told(folder: Path) -> None:
    """Broken links, pipes, names that are not UTF-8 and folders inside themselves."""
    (folder / "broken").symlink_to("nowhere")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"\xff")).write_bytes(b"")
    told: list[str] = []
    side = LocalSide(folder, lambda place, reason: told.append(Path(place).name))
    assert sorted(FILES, key=str.encode) == [item.name for item in side.items()]
    assert ["broken", "loop", "pipe", "\ufffd"] == sorted(told)
    quiet = LocalSide(folder, fail, follow_symlinks=False)
    for name in ("pipe", os.fsdecode(b"\xff")):
        (folder / name).unlink()
    assert len(FILES) == len(list(quiet.items()))


def test_a_listing_that_breaks_off_deletes_nothing(folder: Path, store: Store) -> None:
    """What was listed is copied, then the error is raised; what looks gone is still there."""
    for name in ("a", "zz"):
        store.put(b"only here", name)
    local, remote = LocalSide(folder, fail), StoreSide(store, "")

    def broken() -> Iterator[Item]:
        for item in local.items():
            if item.name == "ab":
                raise Unreachable("gone")
            yield item

    steps = synced(broken(), remote.items(), Filters(), may_delete=lambda: True)
    with pytest.raises(Unreachable):
        done(steps, local, remote)
    assert {"a", "zz", "Z", "a-b", "a/b", "a/c/d"} == {entry.key for entry in store.list()}


def test_nothing_is_deleted_when_the_caller_says_so(folder: Path, store: Store) -> None:
    """`may_delete` is asked when both listings have come to their end."""
    store.put(b"only here", "zz")
    local, remote = LocalSide(folder, fail), StoreSide(store, "")
    asked: list[int] = []

    def may_delete() -> bool:
        asked.append(len(steps))
        return False

    steps: list[object] = []
    steps.extend(synced(local.items(), remote.items(), Filters(), may_delete=may_delete))
    assert [len(FILES)] == asked  # once, behind the last copy
    assert not any(step.verb == "delete" for step in steps)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("patterns", "taken"),
    [
        ([], {"a", "b/c", "b/d.txt"}),
        ([(False, "*")], set()),
        ([(False, "*"), (True, "*.txt")], {"b/d.txt"}),
        ([(True, "*.txt"), (False, "*")], set()),
        ([(False, "b/*"), (True, "b/c")], {"a", "b/c"}),
        ([(False, "?")], {"b/c", "b/d.txt"}),
        ([(False, "[ab]*")], set()),
    ],
)
def test_the_last_pattern_that_matches_decides(
    patterns: list[tuple[bool, str]], taken: set[str]
) -> None:
    """In the order given; `*` matches slashes too."""
    filters = Filters(tuple(patterns))
    assert taken == {name for name in ("a", "b/c", "b/d.txt") if filters.include(name)}


def test_progress_adds_up_to_all_that_was_listed(folder: Path, store: Store) -> None:
    """What is copied and what is up to date already counts alike, so that a bar gets full."""
    local, remote = LocalSide(folder, fail), StoreSide(store, "")
    store.put((folder / "ab").read_bytes(), "ab")
    sizes = sum(item.size or 0 for item in local.items())
    told: list[int] = []
    steps = synced(local.items(), remote.items(), Filters(), may_delete=lambda: False)
    ended = list(run(steps, local, remote, Options(), progress=told.append))
    assert len(FILES) - 1 == len(ended)
    assert sizes == sum(told)
    told.clear()
    list(run(copies(remote.items(), Filters()), remote, StoreSide(store, "copy/"), Options(),
             progress=told.append))  # fmt: skip
    assert sizes == sum(told)


def test_a_move_leaves_what_did_not_arrive(folder: Path, store: Store) -> None:
    """Only the source of a file that has arrived is removed."""
    local, remote = LocalSide(folder, fail), StoreSide(store, "")
    store.put(b"taken", "ab")
    ended = done(copies(local.items(), Filters()), local, remote, move=True, no_clobber=True)
    assert [str(folder / "ab")] == [each.source for each in ended if each.error]
    assert ["ab"] == [item.name for item in local.items()]
    assert b"taken" == store.read("ab")


def test_a_dry_run_does_nothing(folder: Path, store: Store) -> None:
    """It yields what would be done."""
    local, remote = LocalSide(folder, fail), StoreSide(store, "")
    store.put(b"only here", "zz")
    steps = synced(local.items(), remote.items(), Filters(), may_delete=lambda: True)
    ended = done(steps, local, remote, dry=True)
    assert len(FILES) + 1 == len(ended)
    assert ["zz"] == [entry.key for entry in store.list()]


def test_times_decide_where_no_digest_is_known(
    moto_endpoint: str, new_s3_bucket: object, tmp_path: Path
) -> None:
    """Foreign objects: upwards what is newer here is copied, downwards what has another time."""
    bucket = new_s3_bucket(moto_endpoint)  # type: ignore[operator]
    bucket.client.put_object(Bucket=bucket.url[5:], Key="x", Body=b"1")
    remote, local = StoreSide(Store(bucket), ""), LocalSide(tmp_path, fail)
    (tmp_path / "x").write_bytes(b"2")

    def changed(left: LocalSide | StoreSide, right: LocalSide | StoreSide, seconds: int) -> bool:
        os.utime(tmp_path / "x", (seconds, seconds))
        steps = synced(left.items(), right.items(), Filters(), may_delete=lambda: False)
        return bool(done(steps, left, right, dry=True))

    stored = int(next(remote.items()).modified.timestamp())
    now = int(datetime.now(UTC).timestamp())
    assert not changed(local, remote, stored - 100)
    assert changed(local, remote, now + 100)
    assert changed(remote, local, stored - 100)
    assert not changed(remote, local, stored)
    assert changed(remote, local, now + 100)
