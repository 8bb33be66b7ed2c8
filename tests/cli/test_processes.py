"""`dg` among real processes, disks and endpoints."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from commands import DG, Commands, one_line, release
from neighbours import missing

from deltaloft.cli.lazy import LazyGroup
from deltaloft.cli.main import dg, run

LIGHT = {"failure", "garbage", "interrupt", "lazy", "main", "output"}
REMOTE = {"boto3", "botocore", "rich", "ssl", "urllib3"}
HEAVY = {*REMOTE, "cryptography", "deltaloft.store", "xxhash"}


def in_namespace(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a mount namespace of its own, with `dg` as "$@"."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("mounting needs root and unshare")
    command = ["unshare", "--mount", "sh", "-ec", script, "sh", *DG, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_full_disk_is_one_line(store: Path, here: Path) -> None:
    """No room at the destination, or for the store itself: code 1, no litter."""
    (here / "disk").mkdir()
    script = (
        'mount -t tmpfs -o size=64k tmpfs disk; code=0; "$@" || code=$?; ls -A disk; exit $code'
    )
    done = in_namespace(script, "get", "store/app-1.1.bin", "disk/out")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no space left" in one_line(done.stderr)
    done = in_namespace(script, "put", "--create", "app-1.1.bin", "disk/")
    assert done.returncode == 1
    assert "no space left" in one_line(done.stderr)


def test_a_read_only_disk_is_one_line(store: Path, here: Path) -> None:
    """A destination that cannot be written to is told as the system tells it."""
    (here / "disk").mkdir()
    script = 'mount -t tmpfs -o ro tmpfs disk; "$@"'
    done = in_namespace(script, "get", "store/tiny", "disk/out")
    assert done.returncode == 1
    assert "read-only" in one_line(done.stderr)


def test_interruption_is_130(here: Path, store: Path, dg_: Commands) -> None:
    """Ctrl-C: one word, no traceback, nothing stored."""
    os.mkfifo(here / "never")
    process = subprocess.Popen(
        [*DG, "put", "never", "store/x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    writer = None
    while writer is None:  # until dg has opened the other end
        assert process.poll() is None
        with contextlib.suppress(OSError):
            writer = os.open(here / "never", os.O_WRONLY | os.O_NONBLOCK)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    os.close(writer)
    assert process.returncode == 130
    assert err.strip() == "dg: interrupted"
    assert dg_("ls", "store/x") == 4


@pytest.mark.parametrize("option", [None, "--no-progress", "--quiet", "--only-show-errors"])
def test_bars_are_for_who_wants_them(store: Path, option: str | None) -> None:
    """A terminal shows a bar, unless told not to; standard output is the same but for --quiet."""
    ours, theirs = os.openpty()
    command = [*DG, "put", "app-1.1.bin", "store/x", *([option] if option else [])]
    environment = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True, check=True
    )
    os.set_blocking(ours, False)
    shown = b""
    with contextlib.suppress(BlockingIOError):
        shown = os.read(ours, 1 << 16)
    os.close(ours)
    os.close(theirs)
    assert (option is None) == bool(shown)
    if option is None:
        assert b"100.0/100.0 kB" in shown
        assert shown.index(b"\x1b[?25l") < shown.index(b"\x1b[?25h")  # the cursor is back
    assert done.stdout.startswith("x ") == (option in (None, "--no-progress"))


def test_a_reader_that_leaves_is_no_traceback(store: Path) -> None:
    """`dg get … - | head -c 1` ends quietly."""
    script = '"$@" get store/app-1.1.bin - --quiet | head -c 1 >/dev/null; echo "${PIPESTATUS[0]}"'
    big = random.Random(2).randbytes(3_000_000)
    Path("big").write_bytes(big)
    assert run(["put", "big", "store/app-1.1.bin", "--quiet"]) == 0
    done = subprocess.run(
        ["bash", "-c", script, "bash", *DG], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.parametrize(
    ("arguments", "own"),
    [
        (["--help"], set()),
        ([], set()),
        (["mistyped"], set()),
        (["put", "--help"], {"commands", "file_names", "options"}),
        (["put"], {"commands", "file_names", "options"}),
    ],
)
def test_help_is_quick(arguments: list[str], own: set[str]) -> None:
    """Help and usage errors import nothing heavy, and no command but the one that was named."""
    loaded = imported_by(*arguments)
    assert set() == loaded & {*HEAVY, "importlib.metadata", "deltaloft._vcdiff"}
    shared = {"deltaloft.cli", *(f"deltaloft.cli.{each}" for each in LIGHT | own)}
    assert shared == {name for name in loaded if name.startswith("deltaloft.cli")}
    if not own:
        assert "sqlite3" not in loaded
        assert "ssl" not in loaded


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--version"], {"deltaloft.codec", "deltaloft.store", *HEAVY}),
        (["encode", "app-1.0.bin", "app-1.1.bin", "delta"], {"deltaloft.unpack.plan", *HEAVY}),
        (["inspect", "delta"], {"deltaloft.unpack.plan", *HEAVY}),
        (["decode", "app-1.0.bin", "delta", "out"], {"deltaloft.unpack.plan", *HEAVY}),
        (["put", "app-1.1.bin", "store/a"], {"deltaloft.store.gc", "cryptography", *REMOTE}),
        (["get", "store/a", "out"], {"deltaloft.unpack.plan", "deltaloft.store.put", *REMOTE}),
        (["ls", "store"], {"deltaloft.unpack.plan", "cryptography", *REMOTE}),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_a_command_imports_what_it_uses(arguments: list[str], spared: set[str]) -> None:
    """Deltas of files need no store, a store in a folder no network, and no verb another's room."""
    before = [["put", "--create", "app-1.0.bin", "store/"], ["put", "app-1.1.bin", "store/a"]]
    before.append(["encode", "app-1.0.bin", "app-1.1.bin", "delta"])
    for each in before:
        assert run([*each, "--quiet"]) == 0

    assert set() == imported_by(*arguments) & spared


def imported_by(*arguments: str) -> set[str]:
    """Run a command in a process of its own; return the names of all that it imported."""
    script = (
        "import sys; from deltaloft.cli.main import run; run(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


def test_every_command_has_help() -> None:
    """Each command explains itself and exits with 0; the list of all has a line for each."""
    assert isinstance(dg, LazyGroup)
    shown = CliRunner().invoke(dg, ["--help"]).output
    for name, summary in dg.summaries.items():
        result = CliRunner().invoke(dg, [name, "--help"])
        assert result.exit_code == 0, name
        assert "--json" in result.output or name == "completion"
        assert "\\b" not in result.output  # click's mark, which has to be a backspace
        assert f"{name} " in shown
        assert summary in " ".join(shown.split())


@pytest.fixture
def moto(moto_endpoint: str, new_s3_bucket: Callable[..., Any]) -> Iterator[tuple[str, list[str]]]:
    """A bucket at a moto server: its URL, and the options to reach it."""
    yield new_s3_bucket(moto_endpoint).url, ["--endpoint-url", moto_endpoint]


def test_s3_end_to_end(moto: tuple[str, list[str]], dg_: Commands) -> None:
    """Put, list, describe, get and remove in a bucket, and below a root in it."""
    url, options = moto
    for root in ([], ["--root", "team-a"]):
        below = f"{url}/team-a" if root else url
        files = [f"app-1.{version}.bin" for version in range(4)]
        assert dg_("put", *files, f"{below}/v/", *options, *root) == 0
        for version in range(4):
            command = ("get", f"{below}/v/app-1.{version}.bin", "out", *options, *root)
            assert dg_(*command) == 0
            assert Path("out").read_bytes() == release(version)
        keys = [r["key"] for r in dg_.records("ls", f"{below}/v/", *options, *root)]
        assert keys == [f"v/{name}" for name in files]
        assert dg_.records("stat", f"{below}/v/app-1.1.bin", *options, *root)[0]["form"] == "delta"
        assert dg_("rm", f"{below}/v/app-1.1.bin", *options, *root) == 0
        assert dg_("get", f"{below}/v/app-1.1.bin", *options, *root) == 4


def test_an_unknown_bucket_is_4(moto_endpoint: str, dg_: Commands) -> None:
    """No such bucket: said by name, for every command."""
    url = "s3://no-such-bucket-here/x"
    for command in (("put", "app-1.0.bin", url), ("get", url), ("ls", url), ("stat", url)):
        assert dg_(*command, "--endpoint-url", moto_endpoint) == 4
        assert "no-such-bucket-here" in one_line(dg_.err)


def test_create_makes_a_bucket(moto_endpoint: str, dg_: Commands) -> None:
    """With --create the first put makes the bucket."""
    url = f"s3://made-{random.SystemRandom().randrange(10**9)}/x"
    options = ["--endpoint-url", moto_endpoint]
    assert dg_("put", "--create", "app-1.0.bin", url, *options) == 0
    assert dg_("get", url, "out", *options) == 0


def test_an_unreachable_endpoint_is_one_line(dg_: Commands) -> None:
    """Nobody answers: code 1, one line, the endpoint's silence named."""
    assert dg_("get", "s3://bucket/key", "--endpoint-url", "http://127.0.0.1:9") == 1
    assert "no answer" in one_line(dg_.err)


@pytest.mark.parametrize(
    "options", [["--endpoint-url", "nonsense"], ["--profile", "no-such-profile"]]
)
def test_bad_settings_are_one_line(dg_: Commands, options: list[str]) -> None:
    """A setting that cannot work is a usage error."""
    assert dg_("get", "s3://bucket/key", *options) == 2
    one_line(dg_.err)


def test_wrong_credentials_are_one_line(
    dg_: Commands, monkeypatch: pytest.MonkeyPatch, new_s3_bucket: Callable[..., Any]
) -> None:
    """A real endpoint refuses a wrong secret; the secret is in no message."""
    if "S3_ENDPOINT" not in os.environ:
        missing("rgw", "S3_ENDPOINT is not set")
    endpoint = os.environ["S3_ENDPOINT"]
    bucket = new_s3_bucket(endpoint)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-horse-battery")
    url = f"{bucket.url}/x"
    for command in (("put", "app-1.0.bin", url), ("get", url), ("ls", url), ("stat", url)):
        assert dg_(*command, "--endpoint-url", endpoint) == 1
        assert "wrong-horse" not in one_line(dg_.err)


@pytest.mark.parametrize(
    "command", [("get",), ("rm",), ("ls",), ("cp", "app-1.0.bin"), ("put", "x")]
)
def test_secrets_in_urls_are_not_repeated(dg_: Commands, command: tuple[str, ...]) -> None:
    """A URL that was signed, or has a password in it, is none of ours, and not shown."""
    for url in ("https://h/k?X-Amz-Signature=hunter2", "s3://me:hunter2@bucket/key"):
        assert dg_(*command, url, "--json") != 0
        assert "hunter2" not in dg_.out + dg_.err
        one_line(dg_.err)


def test_garbage_is_looked_for_once_a_store_is_open(tmp_path: Path) -> None:
    """It is put off while dg starts; a command that runs for long does not go without."""
    code = """
import atexit, gc
from deltaloft.cli import main
usual = gc.get_threshold()
atexit.register(lambda: print(usual == gc.get_threshold(), gc.get_freeze_count() > 10_000))
main()
"""
    store = f"{tmp_path}/store/"
    done = subprocess.run(
        [sys.executable, "-c", code, "put", "--create", __file__, store],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "True True" == done.stdout.splitlines()[-1]
