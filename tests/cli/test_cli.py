"""The command line: what it prints and what it writes."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest
from commands import DG, Commands, one_line, release

from deltaloft.base_cache import BaseCache
from deltaloft.bucket import Attributes
from deltaloft.folder_bucket import FolderBucket
from deltaloft.store import Store


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
    assert dg_.err == f"dg: made a store in {Path('store').absolute().as_uri()}\n"


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


@pytest.mark.parametrize(
    ("url", "store", "key"),
    [
        ("new/", "new", "app-1.0.bin"),
        ("new/app.bin", "new", "app.bin"),
        ("new/v1/app.bin", "new", "v1/app.bin"),
        ("new/v1/", "new", "v1/app-1.0.bin"),
        ("new//app.bin", "new", "app.bin"),
        ("full/new/v1/app.bin", "full/new", "v1/app.bin"),
        ("file://{here}/new/v1/app.bin", "new", "v1/app.bin"),
    ],
)
def test_the_first_missing_folder_becomes_a_store(
    here: Path, dg_: Commands, url: str, store: str, key: str
) -> None:
    """What --create makes is the top of what is not there; the rest of the URL is the key."""
    (here / "full").mkdir()
    (here / "full" / "file").touch()
    assert 0 == dg_("put", "--create", "app-1.0.bin", url.format(here=here))
    assert f"dg: made a store in file://{here}/{store}\n" == dg_.err
    assert [key] == [record["key"] for record in dg_.records("ls", "--recursive", store)]


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


def test_ls_counts_and_rounds(store: Path, dg_: Commands) -> None:
    """Sizes are exact unless asked otherwise; the sum is of files, not of folders."""
    dg_("put", "app-1.0.bin", "store/v2/")
    assert dg_("ls", "store", "--summarize") == 0
    first, *_, objects, size, stored = dg_.out.splitlines()
    assert str(len(release(0))) == first.split()[2]
    assert "Total Objects: 5" == objects
    assert f"Total Size: {4 * len(release(0)) + 4}" == size.strip()
    assert int(stored.split()[-1]) < 1000
    assert dg_("ls", "store", "--human-readable") == 0
    assert "100.0 kB" in dg_.out
    record = dg_.records("ls", "store", "--recursive", "--summarize")[-1]
    assert (6, 5 * len(release(0)) + 4) == (record["total_keys"], record["total_size"])


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


def test_merge_files(dg_: Commands, here: Path) -> None:
    """Two deltas become one that leads from the first source to the last target."""
    assert dg_("encode", "app-1.0.bin", "app-1.1.bin", "first") == 0
    assert dg_("encode", "app-1.1.bin", "app-1.2.bin", "second") == 0
    made = dg_.records("merge", "first", "second", "merged")[0]
    assert made["delta_size"] == (here / "merged").stat().st_size
    assert dg_("decode", "app-1.0.bin", "merged", "out") == 0
    assert (here / "out").read_bytes() == release(2)
    (here / "short").write_bytes(b"short")
    assert dg_("encode", "short", "short", "first") == 0
    assert dg_("merge", "first", "second", "none") == 5
    assert "first delta" in dg_.err
    assert not (here / "none").exists()


def test_json_is_one_object_per_line(store: Path, dg_: Commands) -> None:
    """Every command with --json prints objects and nothing else, failures included."""
    assert dg_.records("put", "app-1.0.bin", "store/")[0]["added_size"] < 100
    assert dg_.records("get", "store/tiny")[0]["file"] == "tiny"
    assert len(dg_.records("ls", "store")) == 5
    url = Store.open("store").url + "/tiny"
    assert dg_.records("rm", "store/tiny") == [
        {"verb": "delete", "source": url, "target": None, "size": None}
    ]
    assert dg_("put", "missing", "app-1.0.bin", "store/", "--json") == 3
    failed, done = (json.loads(line) for line in dg_.out.splitlines())
    assert (failed["name"], failed["error"]) == ("missing", "FileNotFoundError")
    assert done["key"] == "app-1.0.bin"


def test_the_version_names_the_engines(dg_: Commands) -> None:
    """One line: the release, and what the codec was built with."""
    assert dg_("--version") == 0
    assert re.fullmatch(r"dg \d+\.\d+\.\d+\S* \(engines: native.*\)\n", dg_.out)


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


def test_stats_sum_up_and_write_a_page(store: Path, here: Path, dg_: Commands) -> None:
    """The numbers as lines and as JSON, and a page beside them."""
    (record,) = dg_.records("stats", "store", "--html", "page.html")
    assert (5, 4) == (record["totals"]["keys"], record["totals"]["deltas"])
    assert record["saved_size"] == record["totals"]["logical_size"] - record["stored_size"]
    assert (here / "page.html").read_text().startswith("<!doctype html>")
    assert dg_("stats", "store") == 0
    assert "5 keys, 4 of them deltas on 1 bases" in dg_.out


def test_attributes_on_the_command_line(dg_: Commands) -> None:
    """Tags and an expiry are kept; what a folder cannot keep, or nobody knows, is refused."""
    options = ["--tag", "team=a b", "--expires", "2031-05-06T07:08:09Z", "--metadata", "m=1"]
    assert 0 == dg_("put", "--create", "app-1.0.bin", "store/app", *options)
    (found,) = dg_.records("stat", "store/app")
    assert "2031-05-06T07:08:09+00:00" == found["attributes"]["expires"]
    assert {"team": "a b"} == FolderBucket(Path("store")).tags("app")
    for wrong in (
        ["--sse", "aws:kms", "--sse-kms-key-id", "k"],
        ["--sse-kms-key-id", "k"],
        ["--acl", "public-read"],
        ["--grant", "READ=uri=http://x"],
        ["--grant", "READ"],
        ["--storage-class", "GLACIER"],
        ["--expires", "tomorrow"],
        ["--tag", "novalue"],
    ):
        assert 2 == dg_("put", "app-1.0.bin", "store/app", *wrong)
        one_line(dg_.err)


def test_the_cache_is_shown_and_cleared(
    dg_: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry a line, then how much there is where; --clear leaves nothing but the key."""
    folder = tmp_path / "bases here"
    monkeypatch.setenv("DG_CACHE_DIR", str(folder))
    assert dg_("cache") == 0
    assert dg_.out == f"0 bases, 0 B of at most 4.3 GB in {folder}\n"
    digest = hashlib.sha256(release(0)).hexdigest()
    with BaseCache.from_environment().open(
        digest, len(release(0)), lambda: nullcontext(iter([release(0)]))
    ):
        pass
    entry, total = dg_.records("cache")
    assert (digest, entry["stored_size"]) == (entry["sha256"], total["size"])
    assert dg_("cache") == 0
    assert digest in dg_.out
    (cleared,) = dg_.records("cache", "--clear")
    assert (0, 1) == (cleared["bases"], cleared["removed"])
    assert [folder / "key"] == list(folder.iterdir())
    monkeypatch.setenv("DG_CACHE_SIZE", "much")
    assert dg_("cache") == 2
    one_line(dg_.err)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_commands(shell: str, dg_: Commands) -> None:
    """The script calls dg, and dg then says what can follow."""
    assert dg_("completion", shell) == 0
    assert "_DG_COMPLETE" in dg_.out
    asked = {"_DG_COMPLETE": f"{shell}_complete", "COMP_WORDS": "dg st"}
    asked["COMP_CWORD"] = "st" if shell == "fish" else "1"
    done = subprocess.run(
        DG, env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert {"stat", "stats"} <= set(re.findall(r"\w+", done.stdout))
    assert "sync" not in done.stdout
