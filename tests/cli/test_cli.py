"""The command line: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import contextlib
import hashlib
import json
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
from neighbours import missing

from deltaloft.bucket import Attributes
from deltaloft.cli.main import dg, run
from deltaloft.folder_bucket import FolderBucket

DG = [sys.executable, "-c", "from deltaloft.cli import main; main()"]
BLOCK = 4096


def release(version: int) -> bytes:
    """Return 100 kB of which the last bytes tell the version."""
    return random.Random(1).randbytes(100_000) + b"version %d" % version


class Commands:
    """Runs `dg` in this process; remembers what the last one said."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Capture with `capfd`."""
        self._capfd = capfd
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: object) -> int:
        """Run one command and return its exit code."""
        self._capfd.readouterr()
        code = run([str(each) for each in arguments])
        sys.stdout.flush()
        self.out, self.err = self._capfd.readouterr()
        return code

    def records(self, *arguments: object) -> list[dict[str, Any]]:
        """Run one command with --json; return an object for each line."""
        assert self(*arguments, "--json") == 0
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def dg_(capfd: pytest.CaptureFixture[str]) -> Commands:
    """Return a way to run commands."""
    return Commands(capfd)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a cache beside it and four releases in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for version in range(4):
        (folder / f"app-1.{version}.bin").write_bytes(release(version))
    return folder


@pytest.fixture
def store(here: Path, dg_: Commands) -> Path:
    """A store in ./store with four releases and a tiny file."""
    (here / "tiny").write_bytes(b"tiny")
    files = [f"app-1.{version}.bin" for version in range(4)]
    assert dg_("put", "--create", *files, "tiny", "store/") == 0
    (here / "tiny").unlink()
    return here / "store"


def one_line(text: str) -> str:
    """Return a message that must be a single line of words from `dg`."""
    assert text.startswith("dg: ")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert "Traceback" not in text
    return text


# ---- What works ------------------------------------------------------------------------------


def test_put_prints_a_line_per_file(dg_: Commands) -> None:
    """Name, plain size, what was added, percent saved, base."""
    assert dg_("put", "--create", "app-1.0.bin", "app-1.1.bin", "store/") == 0
    first, second = dg_.out.splitlines()
    base = hashlib.sha256(release(0)).hexdigest()[:12]
    assert first.split()[:3] == ["app-1.0.bin", "100.0", "kB"]
    assert first.endswith(f"0.0 %  base {base} (new)")
    assert second.startswith("app-1.1.bin  ")
    assert second.endswith(f"%  base {base}")
    assert " 99." in second or " 100.0 %" in second
    assert dg_.err == ""


@pytest.mark.parametrize(
    ("files", "url", "keys"),
    [
        (["app-1.0.bin"], "store/", ["app-1.0.bin"]),
        (["app-1.0.bin"], "store", ["app-1.0.bin"]),
        (["app-1.0.bin"], "store/v1/", ["v1/app-1.0.bin"]),
        (["app-1.0.bin"], "store/v1/renamed.zip", ["v1/renamed.zip"]),
        (["app-1.0.bin", "app-1.1.bin"], "store/v1", ["v1/app-1.0.bin", "v1/app-1.1.bin"]),
        (["app-1.0.bin", "app-1.1.bin"], "store/v1/", ["v1/app-1.0.bin", "v1/app-1.1.bin"]),
        (["app-1.0.bin"], "store/a%20b", ["a%20b"]),
        (["app-1.0.bin"], "file://{store}/a%20b c", ["a%20b c"]),
        (["app-1.0.bin"], "{store}//odd//", ["odd//app-1.0.bin"]),
    ],
)
def test_destinations_are_those_of_aws(
    store: Path, dg_: Commands, files: list[str], url: str, keys: list[str]
) -> None:
    """Below a URL that ends in a slash or for several files; else the URL is the key itself."""
    before = {record["key"] for record in dg_.records("ls", "--recursive", "store")}
    url = url.format(store=store)
    assert [record["key"] for record in dg_.records("put", *files, url)] == keys
    after = {record["key"] for record in dg_.records("ls", "--recursive", "store")}
    assert after == before | set(keys)


def test_an_empty_folder_becomes_a_store(here: Path, dg_: Commands) -> None:
    """An empty folder needs no --create; a missing or full one does, or refuses."""
    (here / "empty").mkdir()
    assert dg_("put", "app-1.0.bin", "empty/v1/app.bin") == 0
    assert dg_.records("ls", "empty/v1/")[0]["key"] == "v1/app.bin"
    assert dg_("put", "app-1.0.bin", "missing/app.bin") == 4
    assert "--create" in one_line(dg_.err)
    assert dg_("put", "--create", "app-1.0.bin", "app.bin") == 2
    assert "other files" in one_line(dg_.err)
    assert not (here / "missing").exists()


@pytest.mark.parametrize("dest", [None, ".", "./", "out.bin", "sub/", "sub", "sub/x.bin"])
def test_get_writes_where_one_expects(
    store: Path, dg_: Commands, here: Path, dest: str | None
) -> None:
    """A file, a folder with or without its slash, or nothing at all."""
    (here / "sub").mkdir()
    (here / "app-1.2.bin").unlink()
    assert dg_("get", "store/app-1.2.bin", *([dest] if dest else [])) == 0
    names = {
        None: "app-1.2.bin",
        ".": "app-1.2.bin",
        "./": "app-1.2.bin",
        "sub/": "sub/app-1.2.bin",
        "sub": "sub/app-1.2.bin",
    }
    assert (here / names.get(dest, str(dest))).read_bytes() == release(2)
    assert hashlib.sha256(release(2)).hexdigest() in dg_.out


def test_get_to_standard_output(store: Path) -> None:
    """With - stdout has the file and nothing else; words go to stderr."""
    done = subprocess.run([*DG, "get", "store/app-1.3.bin", "-"], capture_output=True, check=True)
    assert done.stdout == release(3)
    assert b"sha256" in done.stderr


def test_put_from_standard_input(store: Path, dg_: Commands) -> None:
    """A FILE of - is stdin; it has no name, so the URL has to be a key."""
    command = [*DG, "put", "-", "store/piped.bin"]
    subprocess.run(command, input=release(1), check=True, capture_output=True)
    assert dg_("get", "store/piped.bin", "out") == 0
    assert Path("out").read_bytes() == release(1)
    assert dg_("put", "-", "store/") == 2
    one_line(dg_.err)


def test_ls_shows_one_level_like_aws(store: Path, dg_: Commands) -> None:
    """Keys of one level and folders as PRE; everything with --recursive; prefixes cut names."""
    dg_("put", "app-1.0.bin", "app-1.1.bin", "store/v2/sub/")
    assert dg_("ls", "store") == 0
    assert [line.split()[-1] for line in dg_.out.splitlines()] == [
        "app-1.0.bin",
        "app-1.1.bin",
        "app-1.2.bin",
        "app-1.3.bin",
        "tiny",
        "v2/",
    ]
    assert dg_.out.splitlines()[-1].split() == ["PRE", "v2/"]
    assert dg_("ls", "store/v2/s") == 0
    assert dg_.out.split() == ["PRE", "sub/"]
    keys = [record["key"] for record in dg_.records("ls", "--recursive", "store/v2")]
    assert keys == ["v2/sub/app-1.0.bin", "v2/sub/app-1.1.bin"]
    tiny = dg_.records("ls", "store/tiny")[0]
    assert (tiny["stored_size"], tiny["logical_size"]) == (4, 4)


def test_ls_of_nothing_is_not_found(store: Path, dg_: Commands, here: Path) -> None:
    """An empty store lists nothing and is well; a prefix without keys is not found."""
    assert dg_("ls", "store/nothing") == 4
    one_line(dg_.err)
    FolderBucket(here / "void", create=True)
    assert dg_("ls", "void") == 0
    assert dg_.out == ""


def test_rm_removes_keys_and_nothing_else(store: Path, dg_: Commands) -> None:
    """As S3 has it, a missing key is no error; what was not named stays."""
    assert dg_("rm", "store/app-1.0.bin", "store/tiny", "store/never-there") == 0
    keys = [record["key"] for record in dg_.records("ls", "store")]
    assert keys == ["app-1.1.bin", "app-1.2.bin", "app-1.3.bin"]
    assert dg_("get", "store/app-1.3.bin", "out") == 0
    assert Path("out").read_bytes() == release(3)


def test_stat_tells_all(store: Path, dg_: Commands) -> None:
    """Form, sizes, digest, base and what the user gave with the file."""
    options = ["--metadata", "owner=me", "--content-type", "text/x", "--content-encoding", "gzip"]
    dg_("put", "app-1.1.bin", "store/x", *options)
    found = dg_.records("stat", "store/x")[0]
    assert found["form"] == "delta"
    assert found["size"] == len(release(1))
    assert found["sha256"] == hashlib.sha256(release(1)).hexdigest()
    assert found["attributes"]["metadata"] == {"owner": "me"}
    assert found["attributes"]["content_encoding"] == "gzip"
    assert dg_("stat", "store/x") == 0
    assert "text/x" in dg_.out


def test_encode_and_decode_files(dg_: Commands, here: Path) -> None:
    """A delta of two files gives the second back; empty and one-byte files too."""
    (here / "empty").write_bytes(b"")
    (here / "one").write_bytes(b"1")
    for source in ("app-1.0.bin", "empty", "one"):
        for target in ("app-1.1.bin", "empty", "one"):
            made = dg_.records("encode", source, target, "delta")[0]
            assert made["delta_size"] == (here / "delta").stat().st_size
            assert dg_("decode", source, "delta", "out") == 0
            assert (here / "out").read_bytes() == (here / target).read_bytes()
            told = dg_.records("inspect", "delta")[0]
            assert told["target_size"] == (here / target).stat().st_size
    assert dg_("inspect", "delta") == 0
    assert dg_.out


def test_json_is_one_object_per_line(store: Path, dg_: Commands) -> None:
    """Every command with --json prints objects and nothing else, failures included."""
    assert dg_.records("put", "app-1.0.bin", "store/")[0]["added_size"] < 100
    assert dg_.records("get", "store/tiny")[0]["file"] == "tiny"
    assert len(dg_.records("ls", "store")) == 5
    assert dg_.records("rm", "store/tiny") == [{"key": "tiny", "removed": True}]
    assert dg_("put", "missing", "app-1.0.bin", "store/", "--json") == 3
    failed, done = (json.loads(line) for line in dg_.out.splitlines())
    assert (failed["name"], failed["error"]) == ("missing", "FileNotFoundError")
    assert done["key"] == "app-1.0.bin"


def test_quiet_prints_nothing(store: Path, dg_: Commands) -> None:
    """--quiet leaves only failures."""
    for command in (
        ("put", "app-1.0.bin", "store/"),
        ("get", "store/tiny"),
        ("rm", "store/tiny"),
        ("encode", "app-1.0.bin", "app-1.1.bin", "delta"),
    ):
        assert dg_(*command, "--quiet") == 0
        assert (dg_.out, dg_.err) == ("", "")
    assert dg_("get", "store/tiny", "--quiet") == 4
    one_line(dg_.err)


def test_a_foreign_object_is_not_called_proven(store: Path, dg_: Commands) -> None:
    """What somebody else put into the bucket is given back, and said to be unproven."""
    FolderBucket(store).put("foreign", b"x", Attributes())
    assert dg_("get", "store/foreign") == 0
    assert "not proven" in dg_.out


def test_odd_names_do_not_confuse_a_terminal(store: Path, dg_: Commands) -> None:
    """Control characters in keys are escaped in lines and exact in JSON."""
    key = "\x1b[31mred\n"
    FolderBucket(store).put(key, b"x", Attributes())
    assert dg_("ls", "store") == 0
    assert "\x1b" not in dg_.out
    assert "\\x1b[31mred" in dg_.out
    assert key in {record["key"] for record in dg_.records("ls", "store")}


def test_a_key_cannot_lead_out_of_the_folder(store: Path, dg_: Commands, here: Path) -> None:
    """A key that ends in .. has no name for a file; other dots are part of a key."""
    bucket = FolderBucket(store)
    for key in ("..", "a/..", "../../evil"):
        bucket.put(key, b"x", Attributes())
    assert dg_("get", f"file://{store}/..", "sub/") == 2
    assert dg_("get", f"file://{store}/a/..") == 2
    assert dg_("get", f"file://{store}/../../evil") == 0
    assert (here / "evil").read_bytes() == b"x"
    assert not (here.parent / "evil").exists()


# ---- What does not ---------------------------------------------------------------------------


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
    ],
)
def test_bad_input_is_one_clear_line(
    store: Path, dg_: Commands, here: Path, arguments: tuple[str, ...], code: int
) -> None:
    """Whatever is wrong: one line on stderr, nothing on stdout, no file made, the right code."""
    before = sorted(here.iterdir())
    assert dg_(*arguments) == code
    one_line(dg_.err)
    assert dg_.out == ""
    assert sorted(here.iterdir()) == before


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


# ---- Real processes, disks and endpoints -----------------------------------------------------


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


@pytest.mark.parametrize("arguments", [["--help"], ["put", "--help"], ["put"]])
def test_help_is_quick(arguments: list[str]) -> None:
    """Neither help nor a usage error loads boto3, cryptography or rich."""
    heavy = ("boto3", "botocore", "cryptography", "rich")
    script = (
        "import sys; from deltaloft.cli.main import run; run(sys.argv[1:]);"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_every_command_has_help() -> None:
    """Each command explains itself and exits with 0."""
    for name in dg.commands:
        result = CliRunner().invoke(dg, [name, "--help"])
        assert result.exit_code == 0
        assert "--json" in result.output


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
