"""Programs that compress an archive, as they are met in the wild: each makes other bytes."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import os
import random
import shutil
import subprocess
import tarfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["PRODUCERS", "SIZES", "Absent", "archive"]


class Absent(Exception):
    """This machine lacks the program."""


def archive(version: int, *, size: int = 220) -> bytes:
    """Return a tar of four files of `size` lines of text; a line each tells the version."""
    seeded = random.Random(7)
    words = ["".join(seeded.choices("abcdefghijkl", k=seeded.randint(2, 9))) for _ in range(400)]
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(4):
            lines = [" ".join(seeded.choices(words, k=9)) for _ in range(size)]
            lines[version * 7] += f" version {version}"
            data = "\n".join(lines).encode()
            member = tarfile.TarInfo(f"app/file-{number}.txt")
            member.size, member.mtime = len(data), 1_700_000_000 + version
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def _run(*command: str, given: bytes | None = None, folder: Path | None = None) -> bytes:
    if shutil.which(command[0]) is None:
        raise Absent(f"{command[0]} is not installed")
    done = subprocess.run(command, input=given, cwd=folder, check=True, capture_output=True)
    return done.stdout


def _program(*options: str, file: bool = False) -> Callable[[bytes, Path], bytes]:
    """Compress standard input, or a file of today in a folder of its own."""

    def produce(content: bytes, folder: Path) -> bytes:
        if not file:
            return _run(*options, "-c", given=content)
        path = folder / "app.tar"
        path.write_bytes(content)
        return _run(*options, "-c", path.name, folder=folder)

    return produce


def _gzip_open(content: bytes, folder: Path) -> bytes:
    with gzip.open(folder / "app.tar.gz", "wb") as file:
        file.write(content)
    return (folder / "app.tar.gz").read_bytes()


def _text(content: bytes, folder: Path) -> bytes:
    with gzip.open(folder / "app.tar.gz", "wt", encoding="latin-1", newline="") as file:
        file.write(content.decode("latin-1"))
    return (folder / "app.tar.gz").read_bytes()


def _tarfile(mode: str) -> Callable[[bytes, Path], bytes]:
    def produce(content: bytes, folder: Path) -> bytes:
        path = folder / "app.tar.gz"
        new: Any = tarfile.open(str(path), mode, format=tarfile.USTAR_FORMAT)  # type: ignore[call-overload]  # noqa: SIM115
        with tarfile.open(fileobj=io.BytesIO(content)) as old, new:
            for member in old:
                new.addfile(member, old.extractfile(member))
        return path.read_bytes()

    return produce


def _make_archive(content: bytes, folder: Path) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(folder / "tree", filter="data")
    return Path(shutil.make_archive(str(folder / "app"), "gztar", folder / "tree")).read_bytes()


def _git_archive(content: bytes, folder: Path) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(folder, filter="data")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "a"]):
        _run("git", *arguments, folder=folder)
    return _run("git", "archive", "--format=tar.gz", "HEAD", folder=folder)


def _members(content: bytes, folder: Path) -> bytes:
    half = len(content) // 2
    return gzip.compress(content[:half], mtime=0) + gzip.compress(content[half:], mtime=0)


def _zlib(level: int, memory_level: int) -> Callable[[bytes, Path], bytes]:
    def produce(content: bytes, folder: Path) -> bytes:
        stream = zlib.compressobj(level, zlib.DEFLATED, 31, memory_level)
        return stream.compress(content) + stream.flush()

    return produce


def _java(content: bytes, folder: Path) -> bytes:
    """Make what GZIPOutputStream makes: zlib, and a header of nothing but zeros."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    ending = zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    header = b"\x1f\x8b\x08" + bytes(7)
    return header + stream.compress(content) + stream.flush() + ending


def _npm_pack(content: bytes, folder: Path) -> bytes:
    if shutil.which("npm") is None:
        raise Absent("npm is not installed")
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(folder, filter="data")
    (folder / "package.json").write_text('{"name": "app", "version": "1.0.0"}')
    environment = {**os.environ, "npm_config_cache": str(folder / "cache")}
    command = ["npm", "pack", "--offline", "--silent"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return (folder / "app-1.0.0.tgz").read_bytes()


def _cmake_tar(content: bytes, folder: Path) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(folder, filter="data")
    _run("cmake", "-E", "tar", "czf", "app.tar.gz", "app", folder=folder)
    return (folder / "app.tar.gz").read_bytes()


def _flate2(content: bytes, folder: Path) -> bytes:
    try:
        cramjam = importlib.import_module("cramjam")
    except ImportError as error:
        raise Absent("cramjam, which is Rust's flate2, is not installed") from error
    return bytes(cramjam.gzip.compress(content))


def _java_itself(content: bytes, folder: Path) -> bytes:
    """Run a program of one file, which takes a JDK."""
    if shutil.which("javac") is None:
        raise Absent("javac is not installed")
    (folder / "Pack.java").write_text(
        "class Pack { public static void main(String[] a) throws Exception {"
        "  var out = new java.util.zip.GZIPOutputStream(System.out);"
        "  System.in.transferTo(out); out.finish(); System.out.flush(); } }"
    )
    return _run("java", str(folder / "Pack.java"), given=content)


def _old_times(content: bytes, folder: Path) -> bytes:
    path = folder / "app.tar"
    path.write_bytes(content)
    then = 1_500_000_000 + zlib.crc32(content) % 100_000_000
    os.utime(path, (then, then))
    return _run("gzip", "-6", "-c", path.name, folder=folder)


def _node(content: bytes, folder: Path) -> bytes:
    code = "process.stdout.write(require('zlib').gzipSync(require('fs').readFileSync(0)))"
    return _run("node", "-e", code, given=content)


def _pbzip2(content: bytes, folder: Path) -> bytes:
    """Make what `pbzip2 -1` makes: pieces of 900 kB whatever the level."""
    pieces = range(0, len(content), 900_000)
    return b"".join(bz2.compress(content[start : start + 900_000], 1) for start in pieces)


PRODUCERS: dict[str, Callable[[bytes, Path], bytes]] = {
    "gzip -6 -n": _program("gzip", "-6", "-n"),
    "tar czf": _program("gzip"),
    "gzip -6, name and time": _program("gzip", "-6", file=True),
    "gzip -1": _program("gzip", "-1"),
    "gzip -9": _program("gzip", "-9"),
    "gzip -9, name and time": _program("gzip", "-9", file=True),
    "gzip --rsyncable": _program("gzip", "--rsyncable"),
    "gzip, an old file's time": _old_times,
    "pigz": _program("pigz", file=True),
    "pigz -1": _program("pigz", "-1"),
    "tar | pigz": _program("pigz"),
    "Python gzip.open": _gzip_open,
    "Python gzip.open, text": _text,
    "Python gzip.compress": lambda content, _: gzip.compress(content),
    "Python gzip.compress, mtime=0": lambda content, _: gzip.compress(content, mtime=0),
    "Python gzip.compress, 10 min ago": lambda content, _: gzip.compress(
        content, mtime=int(time.time()) - 600
    ),
    "Python tarfile w:gz": _tarfile("w:gz"),
    "Python tarfile w|gz": _tarfile("w|gz"),
    "Python make_archive": _make_archive,
    "git archive": _git_archive,
    "zlib -1": _zlib(1, 8),
    "zlib -6, memLevel 9": _zlib(6, 9),
    "Java": _java,
    "java.util.zip": _java_itself,
    "flate2": _flate2,
    "cmake -E tar": _cmake_tar,
    "Node": _node,
    "npm pack": _npm_pack,
    "two members": _members,
    "bzip2 -9": _program("bzip2", "-9"),
    "bzip2 -1": _program("bzip2", "-1"),
    "Python bz2": lambda content, _: bz2.compress(content),
    "pbzip2 -1": _pbzip2,
    "xz -6": _program("xz", "-6", "-T1"),
    "xz -0": _program("xz", "-0", "-T1"),
    "xz -9e": _program("xz", "-9e", "-T1"),
    "xz -9 -T2": _program("xz", "-9", "-T2"),
    "xz -0 -T2": _program("xz", "-0", "-T2"),
    "xz --block-size -T1": _program("xz", "-2", "--block-size=20000", "-T1"),
    "xz --block-size -T2": _program("xz", "-2", "--block-size=20000", "-T2"),
    "xz -C crc32": _program("xz", "-C", "crc32", "-T1"),
    "Python lzma": lambda content, _: lzma.compress(content),
}

# How much of it takes a program through all it does, where `archive` is too little by itself.
SIZES = {"pigz": 1500, "pigz -1": 1500, "tar | pigz": 1500, "pbzip2 -1": 9000}
