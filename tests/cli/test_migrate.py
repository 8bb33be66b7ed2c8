"""dg migrate: words, codes, and going on after a kill."""

from __future__ import annotations

import json
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import DG, Commands, archive, one_line, release
from deltaglider_vectors import VECTORS, Vector

from deltaloft.folder_bucket import FolderBucket


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep journals where no other test finds them."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def files(here: Path) -> Path:
    """Forty files in a folder, in ten families."""
    folder = here / "files"
    for name in range(10):
        content = random.Random(name).randbytes(50_000)
        for version in range(4):
            path = folder / f"{chr(97 + name)}/app-1.{version}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content + b"%d" % version)
    return folder


def test_a_folder_into_a_store(files: Path, dg_: Commands) -> None:
    """A line for each file and one for all; the second run has nothing to do."""
    command = ("migrate", "files", "copy/", "--create")
    *moved, totals = dg_.records(*command)
    names = sorted(str(path.relative_to(files)) for path in files.rglob("*.bin"))
    assert names == sorted(record["name"] for record in moved)
    assert (40, 40, 40) == (totals["arrived"], totals["done"], totals["files"])
    assert totals["stored_size"] < totals["size"] / 3
    assert 0 == dg_(*command)
    assert dg_.out.startswith("40 of 40 files are there, 0 of them moved now;")
    assert 0 == dg_("get", "copy/a/app-1.3.bin", "got")
    assert (files / "a/app-1.3.bin").read_bytes() == Path("got").read_bytes()


def test_filters(files: Path, dg_: Commands) -> None:
    """What is left out is not moved; taken in again later, the rest follows."""
    command = ("migrate", "files", "copy/", "--create")
    *moved, _ = dg_.records(*command, "--exclude", "*", "--include", "b/*")
    assert 4 == len(moved)
    *moved, totals = dg_.records(*command)
    assert (36, 36, 40) == (len(moved), totals["arrived"], totals["done"])


def test_a_store_into_another(store: Path, here: Path, dg_: Commands) -> None:
    """From below a prefix to below another."""
    assert 0 == dg_("migrate", "store", "other/", "--create")
    assert 0 == dg_("migrate", "other", "store/again")
    assert 0 == dg_("get", "store/again/app-1.2.bin", "got")
    assert release(2) == Path("got").read_bytes()


def test_a_dry_run_leaves_nothing(files: Path, here: Path, tmp_path: Path, dg_: Commands) -> None:
    """It tells what would be stored; there is no target and no journal afterwards."""
    (record,) = dg_.records("migrate", "files", "copy/", "--create", "--dryrun")
    assert (40, True) == (record["files"], record["dryrun"])
    assert 0 < record["stored_size"] < record["size"] / 3
    assert not (here / "copy").exists()
    assert not (tmp_path / "state" / "deltaloft").exists()


def test_some_fail(files: Path, here: Path, dg_: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code 3 while a file is missing at the target, and 0 as soon as it is there."""
    assert 0 == dg_("migrate", "files", "store/", "--create")
    bucket = FolderBucket(here / "store")
    base = next(bucket.list(".deltaloft/base/")).key
    with bucket.get(base) as reading:
        assert reading is not None
        whole, attributes = b"".join(reading.chunks()), reading.info.attributes
    bucket.put(base, bytes(len(whole)), attributes)
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "another cache"))
    assert 3 == dg_("migrate", "store", "other/", "--create", "--json")
    assert 4 == dg_.err.count("dg: migrate: ")
    assert 4 == json.loads(dg_.out.splitlines()[-1])["failed"]
    bucket.put(base, whole, attributes)
    *_, totals = dg_.records("migrate", "store", "other/", "--create")
    assert (4, 40, 0) == (totals["arrived"], totals["done"], totals["failed"])


def test_what_deltaglider_lost(here: Path, dg_: Commands) -> None:
    """A file that cannot be made again is told, and no other is kept back by it."""
    vector = Vector.read(VECTORS["members"])
    vector.into(FolderBucket(here / "store", create=True))
    first, last = sorted(vector.files)
    command = ("migrate", "store", "copy/", "--create", "--replay-seconds", "0.1")
    assert 3 == dg_(*command)
    assert f"{last}: " in one_line(dg_.err)
    assert [first] == [record["key"] for record in dg_.records("ls", "copy")]
    assert vector.files[first] == dg_.records("stat", f"copy/{first}")[0]["sha256"]


def test_usage(here: Path, store: Path, dg_: Commands) -> None:
    """What can never work is told in one line, before anything is done."""
    assert 2 == dg_("migrate", "store", "store/below")
    assert "one lies in the other" in one_line(dg_.err)
    assert 4 == dg_("migrate", "no-such-folder", "store/below")
    assert "no-such-folder" in one_line(dg_.err)
    assert 2 == dg_("migrate", "store", "x/", "--create", "--source-endpoint-url", "http://x")
    assert "go with an s3:// SOURCE" in one_line(dg_.err)
    (here / "journal").write_bytes(b"a file of mine")
    assert 2 == dg_("migrate", "--journal", "journal", "s3://a-bucket/", "store/below")
    assert "a journal of dg migrate expected" in one_line(dg_.err)


def test_from_s3_and_back(
    files: Path, moto_endpoint: str, new_s3_bucket: Callable[..., Any], dg_: Commands
) -> None:
    """The endpoint that is given is that of the S3 end, whichever it is."""
    url = new_s3_bucket(moto_endpoint).url
    there = ("migrate", "files/a", f"{url}/a", "--endpoint-url", moto_endpoint)
    assert 4 == dg_.records(*there)[-1]["arrived"]
    for option in ("--endpoint-url", "--source-endpoint-url"):
        back = ("migrate", url, f"back{option}/", "--create", option, moto_endpoint)
        assert 4 == dg_.records(*back)[-1]["arrived"]
        assert 0 == dg_("get", f"back{option}/a/app-1.2.bin", "got")
        assert (files / "a/app-1.2.bin").read_bytes() == Path("got").read_bytes()


def test_going_on_after_a_kill(files: Path, here: Path, dg_: Commands) -> None:
    """Killed in the middle, the next run moves what is missing and nothing else."""
    command = ["migrate", "files", "copy/", "--create", "--journal", "journal", "--jobs", "2"]
    process = subprocess.Popen([*DG, *command, "--json"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.read().splitlines()
    assert -signal.SIGKILL == process.wait()
    first = {json.loads(line)["name"] for line in told}
    *rest, totals = dg_.records(*command)
    second = {record["name"] for record in rest}
    everything = {str(path.relative_to(files)) for path in files.rglob("*.bin")}
    # what was done but not told yet, at most what two hands held
    silent = everything - first - second
    assert set() == first & second
    assert len(silent) <= 2
    assert len(everything) - len(first) - len(silent) == totals["arrived"]
    assert (40, 40) == (totals["done"], totals["files"])
    for path in files.rglob("*.bin"):
        key = f"copy/{path.relative_to(files)}"
        assert 0 == dg_("get", key, "got")
        assert path.read_bytes() == Path("got").read_bytes()


def test_how_files_are_stored_can_be_said(files: Path, dg_: Commands) -> None:
    """--delta, --level and --codec are those of put, for the estimate too."""
    *moved, totals = dg_.records("migrate", "files", "copy/", "--create", "--delta", "never")
    assert {"plain"} == {record["form"] for record in moved}
    assert totals["size"] == totals["stored_size"]
    (record,) = dg_.records("migrate", "files", "x/", "--create", "--dryrun", "--delta", "never")
    assert record["size"] == record["stored_size"]
    folder = files.parent / "archives"
    folder.mkdir()
    for version in range(2):
        (folder / f"lib-{version}.zip").write_bytes(archive(version))
    for codec, name in (("auto", "unpack/1"), ("vcdiff", "vcdiff")):
        command = ("migrate", "archives", f"{codec}/", "--create", "--codec", codec, "--level", 9)
        assert 0 == dg_(*command)
        (record,) = dg_.records("get", f"{codec}/lib-1.zip", "got")
        assert name == record["codec"]


@pytest.mark.parametrize("source", ["files", "store"])
def test_nothing_is_replaced_if_so_asked(
    files: Path, here: Path, dg_: Commands, source: str
) -> None:
    """A taken key fails, unless it holds the very file; what failed is there once it may be."""
    if source == "store":
        assert 0 == dg_("migrate", "files", "store/", "--create")
    assert 0 == dg_("put", "--create", "app-1.0.bin", "copy/a/app-1.0.bin")
    assert 0 == dg_("put", "files/b/app-1.1.bin", "copy/b/app-1.1.bin")
    command = ("migrate", source, "copy", "--json")
    assert 3 == dg_(*command, "--no-clobber")
    assert "a/app-1.0.bin" in one_line(dg_.err)
    totals = json.loads(dg_.out.splitlines()[-1])
    assert (39, 39, 1) == (totals["arrived"], totals["done"], totals["failed"])
    assert 0 == dg_("get", "copy/a/app-1.0.bin", "got")
    assert release(0) == Path("got").read_bytes()
    assert 0 == dg_(*command)
    assert 0 == dg_("get", "copy/a/app-1.0.bin", "got")
    assert (files / "a/app-1.0.bin").read_bytes() == Path("got").read_bytes()
