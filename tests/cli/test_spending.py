"""What commands say they have moved, and what restoring deltas has taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import Commands, archive, one_line, release

from deltaloft.testing import FaultyS3

LINE = r"dg: {}: {} restored \S+ \S+ from \S+ \S+ fetched, [0-9.]+ s, [0-9.]+ s of CPU\n"


@pytest.fixture
def archives(here: Path, dg_: Commands) -> list[Path]:
    """Two archives in store/, the second as unpack/1, and the files they were put from."""
    paths = [here / f"lib-{version}.zip" for version in range(2)]
    for version, path in enumerate(paths):
        path.write_bytes(archive(version))
    assert 0 == dg_("put", "--create", *paths, "app-1.0.bin", "store/")
    return paths


def test_get_says_what_it_spent(archives: list[Path], dg_: Commands) -> None:
    """A line on stderr for a delta, none for who wants none, and fields for who reads JSON."""
    assert 0 == dg_("get", "store/lib-1.zip", "got")
    assert re.fullmatch(LINE.format("lib-1.zip", "unpack/1"), dg_.err)
    assert 0 == dg_("get", "store/app-1.0.bin", "got")
    assert re.fullmatch(LINE.format("app-1.0.bin", "vcdiff"), dg_.err)
    for option in ("--quiet", "--only-show-errors"):
        assert 0 == dg_("get", "store/lib-1.zip", "got", option)
        assert ("", "") == (dg_.out, dg_.err)
    (record,) = dg_.records("get", "store/lib-1.zip", "got")
    assert "" == dg_.err
    assert "unpack/1" == record["codec"]
    assert record["stored_size"] == record["spent"]["fetched_size"] < 1000
    assert 0 < record["spent"]["cpu_seconds"]
    assert 0 < record["spent"]["seconds"]
    assert archives[1].read_bytes() == Path("got").read_bytes()


def test_a_file_as_it_is_takes_no_line(here: Path, store: Path, dg_: Commands) -> None:
    """Nothing was restored, so nothing is said; JSON tells what was fetched."""
    assert 0 == dg_("get", "store/tiny", "got")
    assert "" == dg_.err
    (record,) = dg_.records("get", "store/tiny", "got")
    assert (None, 4) == (record["codec"], record["spent"]["fetched_size"])


@pytest.mark.parametrize("target", ["got", "-"])
def test_cp_of_one_file_says_it_too(archives: list[Path], dg_: Commands, target: str) -> None:
    """The line of get, whichever command it is, and its fields; to stdout the file alone."""
    url = f"file://{Path('store').absolute()}/lib-1.zip"
    assert 0 == dg_("cp", url, target)
    *_, line = dg_.err.splitlines(keepends=True)
    assert re.fullmatch(LINE.format("lib-1.zip", "unpack/1"), line)
    if target == "got":
        (record,) = dg_.records("cp", url, target)
        assert ("unpack/1", "download") == (record["codec"], record["verb"])
        assert record["stored_size"] == record["spent"]["fetched_size"]
    assert 0 == dg_("cp", url, "got", "--only-show-errors")
    assert ("", "") == (dg_.out, dg_.err)


def test_sync_sums_up(
    archives: list[Path],
    here: Path,
    dg_: Commands,
    watched_s3: FaultyS3,
    new_s3_bucket: Callable[..., Any],
) -> None:
    """Sizes of each file, and a last record with totals and with the requests that were sent."""
    url = new_s3_bucket(watched_s3.url).url
    (here / "tiny").write_bytes(b"tiny")
    there = ("--endpoint-url", watched_s3.url, "--exclude", "store/*")
    before = len(watched_s3.matching())
    *up, totals = dg_.records("sync", ".", url, *there, "--jobs", "1")
    assert len(watched_s3.matching()) - before == totals["requests"]
    sizes = {record["source"]: record["size"] for record in up}
    assert {path.name: path.stat().st_size for path in here.iterdir() if path.is_file()} == sizes
    for name in ("size", "stored_size", "added_size"):
        assert sum(record[name] for record in up) == totals[name]
    assert (len(up), 0, 0) == (totals["files"], totals["failed"], totals["fetched_size"])
    assert totals["stored_size"] < totals["added_size"] < totals["size"]

    *down, totals = dg_.records("sync", url, "back", *there)
    fetched = [record["spent"]["fetched_size"] for record in down]
    assert sum(fetched) == totals["fetched_size"]
    assert {record["stored_size"] for record in down} == set(fetched)  # bases are in the cache
    assert sum(sizes.values()) == totals["size"]
    assert 0 < totals["cpu_seconds"]
    assert 0 == dg_("sync", url, "again", *there)
    assert re.fullmatch(r"dg: 7 files, 6 of them deltas: .* fetched, .* of CPU\n", dg_.err)
    assert 1 == len(dg_.records("sync", url, "again", *there))  # totals of nothing


def test_the_codec_is_a_matter_of_policy(
    here: Path, dg_: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment says what the options do not; every command that puts has the option."""
    (here / "lib-0.zip").write_bytes(archive(0))
    assert 0 == dg_("put", "--create", "lib-0.zip", "store/")
    numbers = iter(range(1, 20))

    def codec_after(command: str, *options: str) -> str:
        name = f"lib-{next(numbers)}.zip"
        (here / name).write_bytes(archive(int(name[4:-4])))
        assert 0 == dg_(command, name, f"file://{here}/store/", *options)
        (record,) = dg_.records("get", f"store/{name}", "got")
        assert (here / name).read_bytes() == Path("got").read_bytes()
        return str(record["codec"])

    for command in ("put", "cp"):
        assert "unpack/1" == codec_after(command)
        assert "vcdiff" == codec_after(command, "--codec", "vcdiff")
        monkeypatch.setenv("DG_CODEC", "vcdiff")
        assert "vcdiff" == codec_after(command)
        assert "unpack/1" == codec_after(command, "--codec", "auto")
        monkeypatch.delenv("DG_CODEC")
    for bad in ("", "zstd"):
        monkeypatch.setenv("DG_CODEC", bad)
        assert 2 == dg_("ls", "store")
        assert "DG_CODEC: one of auto, vcdiff expected" in one_line(dg_.err)


def test_verify_sums_up(store: Path, dg_: Commands) -> None:
    """The last record has the bytes that were proven; a folder has no requests."""
    *files, totals = dg_.records("verify", "store")
    assert 4 * len(release(0)) + 4 == totals["size"] == sum(record["size"] for record in files)
    assert totals["requests"] is None
