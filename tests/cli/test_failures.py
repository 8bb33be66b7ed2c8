"""Bad input on the command line: one clear line, the right exit code, nothing touched."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import DG, Commands, one_line, release

import deltaloft


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("frobnicate",), 2),
        (("put", "app-1.0.bin"), 2),
        (("put", "app-1.0.bin", "store/x", "--level", "10"), 2),
        (("put", "app-1.0.bin", "store/x", "--metadata", "novalue"), 2),
        (("put", "app-1.0.bin", "store/x", "--metadata", "dl-v=1"), 2),
        (("put", "app-1.0.bin", "store/.deltaloft/x"), 2),
        (("put", "app-1.0.bin", "store/app-1.0.bin", "--no-clobber"), 1),
        (("put", "app-1.0.bin", "./app-1.0.bin", "store/"), 2),
        (("put", "missing", "store/"), 1),
        (("put", ".", "store/x"), 1),
        (("put", "app-1.0.bin", "http://example.org/x"), 2),
        (("put", "app-1.0.bin", "s3:///x"), 2),
        (("put", "app-1.0.bin", ""), 2),
        (("put", "app-1.0.bin", "store/" + "k" * 1025), 2),
        (("ls", "s3://bucket", "--region", "no region"), 2),
        (("get", "store/missing"), 4),
        (("get", "nowhere/missing"), 4),
        (("get", "store/tiny", "no/such/folder"), 1),
        (("get", "store/tiny", "no/such/folder/"), 1),
        (("get", "store/"), 2),
        (("get", "store/tiny", "--root", "x"), 2),
        (("get", "s3://bucket/x", "--root", "y"), 2),
        (("get", "store/tiny", "--endpoint-url", "http://127.0.0.1:1"), 2),
        (("stat", "store/missing"), 4),
        (("rm", "store/"), 2),
        (("encode", "missing", "app-1.0.bin", "out"), 1),
        (("encode", "app-1.0.bin", "app-1.0.bin", "no/such/folder"), 1),
        (("encode", "app-1.0.bin", "app-1.0.bin", "."), 1),
        (("decode", "app-1.0.bin", "app-1.1.bin", "out"), 5),
        (("inspect", "app-1.0.bin"), 5),
        (("inspect", "missing"), 1),
        (("encode", "/dev/zero", "app-1.0.bin", "out"), 1),
        (("get", "s3://bucket"), 2),
        (("cp", "-", "-"), 2),
        (("cp", "-", "out"), 2),
        (("cp", "--recursive", "app-1.0.bin", "file://{here}/store/"), 1),
        (("sync", "app-1.0.bin", "file://{here}/store/"), 1),
        (("sync", ".", "file://{here}/store/all/"), 2),
        (("cp", "--recursive", "store", "file://{here}/store/all/"), 2),
        (("ls", "s3:bucket"), 2),
        (("ls", "s3:/bucket"), 2),
        (("migrate", "missing", "store/x"), 4),
        (("encode", "app-1.0.bin", "app-1.1.bin", "app-1.1.bin"), 2),
        (("encode", "app-1.0.bin", "app-1.1.bin", "./app-1.0.bin"), 2),
    ],
)
def test_bad_input_is_one_clear_line(
    store: Path, dg_: Commands, here: Path, arguments: tuple[str, ...], code: int
) -> None:
    """Whatever is wrong: one line on stderr, nothing on stdout, no file made, the right code."""
    before = sorted(here.iterdir())
    assert dg_(*(each.format(here=here) for each in arguments)) == code
    one_line(dg_.err)
    assert dg_.out == ""
    assert sorted(here.iterdir()) == before


def test_a_pipe_is_no_source(dg_: Commands, here: Path) -> None:
    """A named pipe that nobody writes to is refused, not waited for; the message names it."""
    os.mkfifo("pipe")
    assert dg_("encode", "pipe", "app-1.0.bin", "out") == 1
    assert "pipe: a regular file expected" in one_line(dg_.err)
    assert not (here / "out").exists()


def test_a_pipe_takes_a_delta(dg_: Commands) -> None:
    """`dg encode … >(program)` writes into the pipe that the shell names /dev/fd/N."""
    came, goes = os.pipe()
    assert dg_("encode", "app-1.0.bin", "app-1.1.bin", f"/dev/fd/{goes}") == 0
    os.close(goes)
    with os.fdopen(came, "rb") as pipe:
        delta = pipe.read()
    assert deltaloft.decode(Path("app-1.0.bin"), delta) == release(1)


def test_a_damaged_delta_is_named(dg_: Commands) -> None:
    """Which of the files is no delta is said."""
    for arguments in (("decode", "app-1.0.bin", "app-1.1.bin", "out"), ("inspect", "app-1.1.bin")):
        assert dg_(*arguments) == 5
        assert one_line(dg_.err).startswith("dg: app-1.1.bin: header")


def test_a_key_may_be_longer_than_a_file_name(store: Path, dg_: Commands, here: Path) -> None:
    """What a folder could not be called, a key of a store in a folder can."""
    url = "store/" + "k" * 1024
    assert dg_("put", "app-1.0.bin", url) == 0
    assert dg_("get", url, "out") == 0
    assert (here / "out").read_bytes() == release(0)


def test_some_of_many_is_3(store: Path, dg_: Commands) -> None:
    """The good ones are stored, the bad ones named; all bad for one reason is that reason."""
    assert dg_("put", "app-1.0.bin", "missing", "app-1.1.bin", "store/new/") == 3
    assert "missing" in one_line(dg_.err)
    assert len(dg_.records("ls", "store/new/")) == 2
    assert dg_("put", "missing", "missing-too", "store/") == 1
    assert dg_("rm", "store/", "nowhere/x", "store/tiny") == 3


def test_a_folder_as_destination_of_a_file_stays(store: Path, dg_: Commands, here: Path) -> None:
    """A folder that has the name of the file to be written is not replaced."""
    (here / "sub" / "tiny").mkdir(parents=True)
    assert dg_("get", "store/tiny", "sub") == 1
    assert "folder" in one_line(dg_.err)
    assert (here / "sub" / "tiny").is_dir()


@pytest.mark.parametrize("damage", ["cut", "flip", "source"])
def test_a_damaged_delta_leaves_the_target_alone(dg_: Commands, here: Path, damage: str) -> None:
    """Truncated, corrupt, or of another source: exit code 5, and what was there is still there."""
    dg_("encode", "app-1.0.bin", "app-1.1.bin", "delta")
    delta = bytearray((here / "delta").read_bytes())
    source = "app-1.0.bin"
    if damage == "cut":
        del delta[-3:]
    elif damage == "flip":
        delta[delta.index(b"1", 20)] ^= 1  # all that this delta adds: 0 became 1
    else:
        (here / "other").write_bytes(random.Random(9).randbytes(100_009))
        source = "other"
    (here / "delta").write_bytes(delta)
    (here / "out").write_bytes(b"what was here")
    assert dg_("decode", source, "delta", "out") == 5
    one_line(dg_.err)
    assert (here / "out").read_bytes() == b"what was here"


def test_max_size_is_honoured(dg_: Commands, here: Path) -> None:
    """A target larger than allowed is refused before it is made."""
    dg_("encode", "app-1.0.bin", "app-1.1.bin", "delta")
    assert dg_("decode", "app-1.0.bin", "delta", "out", "--max-size", "100008") == 1
    one_line(dg_.err)
    assert not (here / "out").exists()
    assert dg_("decode", "app-1.0.bin", "delta", "out", "--max-size", "100009") == 0


def test_a_damaged_store_is_5(store: Path, dg_: Commands, here: Path) -> None:
    """A flipped bit in a base is told, and the destination stays."""
    for body in (store / "bodies").rglob("*"):
        if body.is_file() and body.stat().st_size == len(release(0)):
            content = bytearray(body.read_bytes())
            content[50_000] ^= 1
            body.chmod(0o644)
            body.write_bytes(content)
    (here / "out").write_bytes(b"what was here")
    assert dg_("get", "store/app-1.1.bin", "out") == 5
    assert "app-1.1.bin" in one_line(dg_.err)
    assert (here / "out").read_bytes() == b"what was here"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("get", "s3://bucket/"), "a key expected (dg cp --recursive gets all below a prefix)"),
        (("rm", "s3://bucket/"), "a key expected; --recursive removes all below"),
        (("ls", "bucket"), "a bucket is s3://BUCKET"),
        (("ls", "s3:/bucket"), "with two slashes"),
        (("sync", "app-1.0.bin", "file://{here}/store/"), "a folder expected, found a file"),
        (("sync", ".", "file://{here}/store/all/"), "--exclude 'store/*'"),
        (("migrate", "missing", "store/x"), "missing: no such folder, and no store there or above"),
        (("ls", "s3://bucket", "--profile", "nosuch"), "no profile 'nosuch'"),
        (("mv", "file://{here}/store/tiny", "file://{here}/store/tiny"), "move: "),
        (("get", "store/tiny", "no/such/file"), "dg: {here}/no/such/file: no such file"),
    ],
)
def test_a_mistake_gets_a_hint(
    store: Path, dg_: Commands, here: Path, arguments: tuple[str, ...], words: str
) -> None:
    """What was expected is said in words that lead on."""
    assert dg_(*(each.format(here=here) for each in arguments)) in (1, 2, 4)
    assert words.format(here=here) in one_line(dg_.err)


def test_newlines_in_names_make_no_lines(store: Path, dg_: Commands, here: Path) -> None:
    """A name with a line break is shown on one line, wherever it is; JSON has it as it is."""
    name = "new\nline"
    (here / name).write_bytes(b"x")
    assert 0 == dg_("put", name, "store/")
    assert 1 == dg_.out.count("\n")
    assert 0 == dg_("ls", "store/new")
    assert 1 == dg_.out.count("\n")
    assert [name] == [record["key"] for record in dg_.records("ls", "store/new")]
    assert 0 == dg_("cp", f"file://{store}/{name}", "got")
    assert 1 == dg_.out.count("\n")
    assert b"x" == (here / "got").read_bytes()
    assert 1 == dg_("put", f"missing{name}", "store/")
    one_line(dg_.err)


def test_warnings_are_words_too(
    store: Path, here: Path, moto_endpoint: str, new_s3_bucket: Callable[..., Any]
) -> None:
    """A cache that cannot be is told in the manner of everything else, and changes nothing."""
    url = new_s3_bucket(moto_endpoint).url
    there = ("--endpoint-url", moto_endpoint)
    environment = {**os.environ, "XDG_CACHE_HOME": "/dev/null/no"}
    for command in (("put", "app-1.0.bin", f"{url}/a"), ("get", f"{url}/a", "got")):
        done = subprocess.run(
            [*DG, *command, *there], env=environment, capture_output=True, text=True, check=True
        )
        assert all(line.startswith("dg: ") for line in done.stderr.splitlines())
    assert "dg: cache: nothing is kept" in done.stderr
    assert release(0) == (here / "got").read_bytes()


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ('"$@" ls store >&-', 1, "dg: bad file descriptor\n"),
        ('"$@" ls store >/dev/full', 1, "dg: no space left on device\n"),
        ('"$@" get store/tiny - >&-', 1, "dg: bad file descriptor\n"),
        ('"$@" put - store/x <&-', 1, "dg: -: bad file descriptor\n"),
        ('"$@" ls nowhere 2>&-', 4, ""),
        ('"$@" get store/app-1.0.bin got -q <&- >&- 2>&-', 0, ""),
    ],
)
def test_closed_streams_are_no_traceback(
    store: Path, here: Path, script: str, code: int, words: str
) -> None:
    """What cannot be written or read is an error, and no file of ours takes the stream's place."""
    done = subprocess.run(
        ["bash", "-c", script, "bash", *DG], capture_output=True, text=True, check=False
    )
    assert (code, "", words) == (done.returncode, done.stdout, done.stderr)
    if "got" in script:
        assert release(0) == (here / "got").read_bytes()
