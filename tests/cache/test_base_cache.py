"""The cache lends the right bytes, downloads them once, and never more than needed to disk."""

from __future__ import annotations

import base64
import os
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cffi import FFI
from origin import KEY, MARKER, Downloads, base, drafts_in, entries_in, sha256

from deltaloft.base_cache import BaseCache
from deltaloft.encrypted_file import encrypted_size
from deltaloft.errors import DamagedObject, InvalidRequest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the cache will be."""
    return tmp_path / "cache"


@pytest.mark.parametrize("size", [0, 1, 100_000, 3 << 20])
def test_the_second_open_downloads_nothing(folder: Path, size: int) -> None:
    """What one process has downloaded, a later one lends from disk."""
    downloads = Downloads(base("a", size))
    for _ in range(3):
        assert downloads.through(BaseCache(folder)) == downloads.content
    assert downloads.count == 1


def test_the_stats_say_what_happened(folder: Path) -> None:
    """Hits, misses and downloaded bytes are those of this process."""
    a, b = Downloads(base("a")), Downloads(base("b", 5))
    cache = BaseCache(folder)
    for downloads in (a, b, a, a):
        downloads.through(cache)
    found = cache.stats
    assert (found.hits, found.misses, found.fetched_bytes) == (2, 2, 100_005)
    assert found == BaseCache(folder).stats.__class__(2, 2, 100_005)


def test_readers_at_once_share_download_and_memory(folder: Path) -> None:
    """Eight threads that want the same base get one view of one download."""
    downloads = Downloads(base("a"))
    cache = BaseCache(folder, budget=0)
    meeting = threading.Barrier(8)
    ffi = FFI()
    places = []

    def read() -> None:
        with cache.open(downloads.sha256, 100_000, downloads.fetch) as view:
            places.append(int(ffi.cast("uintptr_t", ffi.from_buffer(view))))
            meeting.wait(60)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(places) == 8
    assert len(set(places)) == 1
    assert downloads.count == 1


def test_a_failed_download_is_not_shared(folder: Path) -> None:
    """A reader that waited for another's download tries its own when that one fails."""
    downloads = Downloads(base("a"))
    cache = BaseCache(folder)
    started, fail = threading.Event(), threading.Event()
    seen: list[object] = []

    @contextmanager
    def failing() -> Iterator[Iterator[bytes]]:
        started.set()
        fail.wait(60)
        raise ConnectionError("the line is dead")
        yield iter(())

    def first() -> None:
        try:
            with cache.open(downloads.sha256, 100_000, failing):
                seen.append("no error")
        except ConnectionError as error:
            seen.append(str(error))

    def second() -> None:
        seen.append(downloads.through(cache))

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    started.wait(60)
    threads[1].start()
    fail.set()
    for thread in threads:
        thread.join()
    assert seen == ["the line is dead", downloads.content]


def test_a_view_is_read_only_and_ends_with_its_block(folder: Path) -> None:
    """Nobody can change what others read, or read what is gone."""
    downloads = Downloads(base("a"))
    with BaseCache(folder).open(downloads.sha256, 100_000, downloads.fetch) as view:
        assert view.readonly
    with pytest.raises(ValueError, match="released"):
        view[0]


def test_what_still_points_into_a_view_keeps_it_alive(folder: Path) -> None:
    """A slice or a C pointer that outlives the block is no crash, and no error."""
    downloads = Downloads(base("a"))
    with BaseCache(folder).open(downloads.sha256, 100_000, downloads.fetch) as view:
        part = view[1000:2000]
        pointer = FFI().from_buffer(view)
    assert bytes(part) == downloads.content[1000:2000]
    assert bytes(FFI().buffer(pointer)) == downloads.content


@pytest.mark.parametrize(
    "served",
    [b"", base("a")[:-1], base("a") + b"x", base("b"), base("a")[:-1] + b"\0"],
    ids=["nothing", "too short", "too long", "another", "one byte off"],
)
def test_a_damaged_download_is_refused_and_not_kept(folder: Path, served: bytes) -> None:
    """Bytes that fail the SHA-256 reach nobody, now or later; the error names both digests."""
    damaged = Downloads(base("a"), served=served)
    cache = BaseCache(folder)
    with pytest.raises(DamagedObject) as caught:
        damaged.through(cache)
    assert damaged.sha256 in str(caught.value)
    assert sha256(served) in str(caught.value)
    assert (entries_in(folder), drafts_in(folder)) == ([], [])
    sound = Downloads(base("a"))
    assert sound.through(cache) == sound.content
    assert sound.count == 1


def test_an_endless_download_is_broken_off(folder: Path) -> None:
    """A server that does not stop sending is left after the promised size."""
    sent = 0

    @contextmanager
    def endless() -> Iterator[Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            nonlocal sent
            while True:
                sent += 1000
                yield bytes(1000)

        yield pieces()

    with pytest.raises(DamagedObject), BaseCache(folder).open("0" * 64, 10_000, endless):
        pass
    assert sent == 11_000


def test_an_error_of_the_download_comes_out_as_it_is(folder: Path) -> None:
    """The caller can tell a missing base from a dead line, even an OSError from a full disk."""
    trouble = OSError(28, "no space left, says the bucket")

    @contextmanager
    def breaking() -> Iterator[Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            yield b"x" * 1000
            raise trouble

        yield pieces()

    with pytest.raises(OSError, match="says the bucket") as caught:  # noqa: SIM117 - two promises
        with BaseCache(folder).open("0" * 64, 10_000, breaking):
            pass
    assert caught.value is trouble
    assert (entries_in(folder), drafts_in(folder)) == ([], [])


@pytest.mark.parametrize(
    ("digest", "size"),
    [("../../etc/passwd", 1), ("", 1), ("A" * 64, 1), ("a" * 64 + "\n", 1), ("a" * 64, -1)],
)
def test_what_is_no_digest_or_size_is_refused(folder: Path, digest: str, size: int) -> None:
    """A digest names a file, so nothing else may pass for one."""
    with pytest.raises(InvalidRequest), BaseCache(folder).open(digest, size, Downloads(b"").fetch):
        pass


def test_a_base_that_does_not_fit_into_memory_is_a_memory_error(folder: Path) -> None:
    """A lying size ends in Python's own error, before anything is downloaded."""
    downloads = Downloads(b"")
    for size in (1 << 62, 1 << 80):
        with (
            pytest.raises(MemoryError),
            BaseCache(folder).open(downloads.sha256, size, downloads.fetch),
        ):
            pass
    assert downloads.count == 0


def test_a_failed_open_gives_its_memory_back(folder: Path) -> None:
    """Whoever keeps the error does not keep the room that was meant for the base."""

    def mapped() -> int:
        pages = Path("/proc/self/statm").read_text().split()[0]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    damaged = Downloads(base("a", 10 << 20), served=b"")
    before = mapped()
    kept = []
    for _ in range(100):
        with pytest.raises(DamagedObject) as caught:
            damaged.through(BaseCache(folder))
        kept.append(caught.value)
    assert mapped() - before < 500 << 20


def test_plaintext_does_not_reach_the_disk(folder: Path) -> None:
    """Neither the entry nor its draft shows the base, and the draft is there as it comes."""
    content = base("a", 3 << 20)
    seen = []

    @contextmanager
    def fetch() -> Iterator[Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            for start in range(0, len(content), 1 << 20):
                yield content[start : start + (1 << 20)]
                (draft,) = drafts_in(folder)
                seen.append(draft.read_bytes())

        yield pieces()

    with BaseCache(folder).open(sha256(content), len(content), fetch):
        (entry,) = entries_in(folder)
        seen.append(entry.read_bytes())
    assert [len(data) > 1 << 20 for data in seen] == [True] * 4
    assert [MARKER in data for data in seen] == [False] * 4


def test_other_keys_miss_and_do_not_disturb(folder: Path) -> None:
    """A key that changes costs a download; the old key still finds what it stored."""
    downloads = Downloads(base("a"))
    for key in (KEY, bytes(32), KEY, bytes(32)):
        assert downloads.through(BaseCache(folder, key=key)) == downloads.content
    assert downloads.count == 2
    assert len(entries_in(folder)) == 2


def age(folder: Path, digest: str, seconds: int) -> None:
    """Make an entry look as if it was used `seconds` after the beginning of time."""
    for path in folder.glob(f"{digest}.*"):
        os.utime(path, (seconds, seconds))


def test_the_least_recently_used_entry_leaves_first(folder: Path) -> None:
    """When room is needed, what was lent lately stays."""
    a, b, c, d = (Downloads(base(name)) for name in "abcd")
    cache = BaseCache(folder, budget=3 * encrypted_size(100_000))
    for seconds, downloads in enumerate((a, b, c)):
        downloads.through(cache)
        age(folder, downloads.sha256, seconds)
    a.through(cache)  # so that b is the oldest now
    d.through(cache)
    left = {entry.sha256 for entry in cache.entries()}
    assert left == {a.sha256, c.sha256, d.sha256}


def test_the_budget_is_kept(folder: Path) -> None:
    """The entries never take more than their budget, those of other keys included."""
    budget = 5 * encrypted_size(100_000) - 1
    sizes = []
    for number in range(12):
        cache = BaseCache(folder, key=bytes([number % 3]) * 32, budget=budget)
        Downloads(base(number)).through(cache)
        age(folder, sha256(base(number)), number)
        sizes.append(sum(path.stat().st_size for path in entries_in(folder)))
        assert cache.size == sizes[-1]
    assert max(sizes) == sizes[-1] == 4 * encrypted_size(100_000)


def test_what_exceeds_the_budget_is_lent_but_not_kept(folder: Path) -> None:
    """One huge base does not drive out all the others."""
    small, huge = Downloads(base("small", 1000)), Downloads(base("huge"))
    cache = BaseCache(folder, budget=encrypted_size(100_000) - 1)
    small.through(cache)
    assert huge.through(cache) == huge.content
    assert [entry.sha256 for entry in cache.entries()] == [small.sha256]


def test_clear_leaves_the_key_and_what_is_not_ours(folder: Path) -> None:
    """An emptied cache begins anew, and a folder given by mistake loses nothing."""
    downloads = Downloads(base("a"))
    cache = BaseCache(folder)
    (folder.parent / "cache").mkdir()
    (folder / "thesis.txt").write_text("three years")
    with cache.open(downloads.sha256, 100_000, downloads.fetch) as view:
        cache.clear()
        assert view == downloads.content
    assert cache.entries() == []
    assert sorted(path.name for path in folder.iterdir()) == ["key", "thesis.txt"]


def open_descriptors() -> int:
    """Count the open files of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_thousand_opens_leave_nothing_behind(folder: Path) -> None:
    """No descriptor, file, lock or thread is left over, from hits or from misses."""
    cache = BaseCache(folder, key=KEY, budget=3 * encrypted_size(1000))
    bases = [Downloads(base(number, 1000)) for number in range(5)]
    bases[0].through(cache)
    before = open_descriptors(), threading.active_count()
    for number in range(1000):
        bases[number % 7 % 5].through(cache)
    assert (open_descriptors(), threading.active_count()) == before
    assert len(list(folder.iterdir())) == len(entries_in(folder)) == 3
    assert 5 < sum(downloads.count for downloads in bases) < 1000


def test_the_environment_sets_folder_key_and_size(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DG_CACHE_DIR, DG_CACHE_KEY and DG_CACHE_SIZE do what docs/cache.md says."""
    monkeypatch.setenv("DG_CACHE_DIR", str(folder))
    monkeypatch.setenv("DG_CACHE_KEY", base64.b64encode(KEY).decode() + "\n")
    monkeypatch.setenv("DG_CACHE_SIZE", "150K")
    a, b, big = Downloads(base("a")), Downloads(base("b")), Downloads(base("big", 160_000))
    a.through(BaseCache(folder, key=KEY))
    cache = BaseCache.from_environment()
    a.through(cache)
    big.through(cache)
    assert (a.count, len(entries_in(folder))) == (1, 1)
    b.through(cache)
    assert [entry.sha256 for entry in cache.entries()] == [b.sha256]
    assert not (folder / "key").exists()


@pytest.mark.parametrize(
    ("text", "kept"),
    [("0", False), ("100064", False), ("100080", True), ("98k", True), ("1T", True)],
)
def test_sizes_in_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, kept: bool
) -> None:
    """A budget is bytes, or multiples of 1024."""
    monkeypatch.setenv("DG_CACHE_DIR", str(folder))
    monkeypatch.setenv("DG_CACHE_SIZE", text)
    cache = BaseCache.from_environment()
    Downloads(base("a")).through(cache)
    assert len(cache.entries()) == kept


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DG_CACHE_KEY", ""),
        ("DG_CACHE_KEY", "hunter2hunter2"),
        ("DG_CACHE_KEY", base64.b64encode(KEY[:-1]).decode()),
        ("DG_CACHE_KEY", base64.b64encode(KEY + b"x").decode()),
        ("DG_CACHE_KEY", base64.b64encode(KEY).decode() + "!"),
        ("DG_CACHE_KEY", KEY.hex()),
        ("DG_CACHE_KEY", "schlüssel" * 5),
    ],
)
def test_a_malformed_key_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """The error says what is expected; neither it nor its traceback shows the value."""
    monkeypatch.setenv(name, text)
    with pytest.raises(InvalidRequest, match="DG_CACHE_KEY: base64 of 32 bytes") as caught:
        BaseCache.from_environment()
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert caught.value.__context__ is None
    assert not text or text not in shown


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DG_CACHE_SIZE", ""),
        ("DG_CACHE_SIZE", "-1"),
        ("DG_CACHE_SIZE", "4 gigs"),
        ("DG_CACHE_SIZE", "1.5G"),
        ("DG_CACHE_SIZE", "٤"),
        ("DG_CACHE_DIR", ""),
        ("DG_CACHE_DIR", "relative/folder"),
        ("DG_CACHE_DIR", "~nobody-of-that-name/cache"),
    ],
)
def test_other_malformed_settings_name_themselves(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """A setting that makes no sense is refused by name."""
    monkeypatch.setenv(name, text)
    with pytest.raises(InvalidRequest, match=name):
        BaseCache.from_environment()


def test_the_default_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings the entries go where the platform keeps caches."""
    for name in ("DG_CACHE_DIR", "DG_CACHE_KEY", "DG_CACHE_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    Downloads(base("a")).through(BaseCache.from_environment())
    (folder,) = tmp_path.rglob("bases")
    assert len(entries_in(folder)) == 1
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_key_of_another_size_is_refused(folder: Path) -> None:
    """A key handed in has to be one."""
    with pytest.raises(InvalidRequest):
        BaseCache(folder, key=bytes(16))


def test_what_is_at_hand_is_kept_without_a_fetch(folder: Path) -> None:
    """Its bytes are lent from then on; other bytes under its name are not kept."""
    downloads = Downloads(base("at hand"))
    size = len(downloads.content)
    halves = downloads.content[:5000], memoryview(downloads.content)[5000:]
    BaseCache(folder, key=KEY).keep(downloads.sha256, size, [halves[0], bytes(size - 5000)])
    assert [] == BaseCache(folder, key=KEY).entries()
    BaseCache(folder, key=KEY).keep(downloads.sha256, size, halves)
    assert downloads.content == downloads.through(BaseCache(folder, key=KEY))
    assert 0 == downloads.count
    assert [] == [path for path in folder.iterdir() if path.suffix in (".part", ".lock")]


def test_what_is_over_budget_is_not_kept(folder: Path) -> None:
    """It costs no other its place. Nor is anything kept where the disk refuses."""
    cache = BaseCache(folder, key=KEY, budget=1000)
    cache.keep(sha256(b"small"), 5, [b"small"])
    cache.keep(sha256(base(1)), len(base(1)), [base(1)])
    assert [sha256(b"small")] == [entry.sha256 for entry in cache.entries()]
    (folder / "file").write_text("no folder")
    BaseCache(folder / "file", key=KEY).keep(sha256(base(1)), len(base(1)), [base(1)])
