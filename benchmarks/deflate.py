"""How many deflate streams of real files are made again bit for bit, and how fast.

    python benchmarks/deflate.py DIR|FILE... [--most-mb 400]

Files are zip archives (wheels, jars, plugins) and gzip files (sdists, npm tarballs); archives
inside of archives are looked into once more. Prints Markdown: per class of file, what the streams
were made by, the share that comes back, and CPU speeds in 10^6 plain bytes a second.
"""

from __future__ import annotations

import argparse
import io
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deltaloft.errors import DeltaError
from deltaloft.native.deflate import deflate, guess_parameters, inflate

_MOST_PLAIN = 1 << 30


@dataclass
class Tally:
    """What the streams of one class came to."""

    streams: int = 0
    plain: int = 0
    again: int = 0
    plain_again: int = 0
    made_by: Counter[str] = field(default_factory=Counter)
    inflate_seconds: float = 0
    zlib_seconds: float = 0
    deflate_seconds: float = 0


def gzip_stream(data: bytes) -> int:
    """Return where the deflate stream of a gzip file begins."""
    at, flags = 10, data[3]
    if flags & 4:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (8, 16):
        if flags & flag:
            at = data.index(b"\0", at) + 1
    return at + (2 if flags & 2 else 0)


def streams_of(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """Yield what may be a deflate stream, and what follows it."""
    if data[:3] == b"\x1f\x8b\x08":
        yield data[gzip_stream(data) :]
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                head = data[member.header_offset : member.header_offset + 30]
                start = member.header_offset + 30
                start += int.from_bytes(head[26:28], "little")
                start += int.from_bytes(head[28:30], "little")
                if member.compress_type == zipfile.ZIP_DEFLATED and member.compress_size > 0:
                    yield data[start : start + member.compress_size]
                if depth == 0 and member.filename.endswith((".jar", ".zip", ".gz")):
                    yield from streams_of(archive.read(member), 1)


def measure(stream: bytes, tally: Tally) -> None:
    """Inflate one stream, guess, make it again."""
    start = time.process_time()
    try:
        plain, size = inflate(stream, max_size=_MOST_PLAIN)
    except DeltaError:
        return
    inflated = time.process_time()
    zlib.decompress(stream[:size], -15, len(plain))
    by_zlib = time.process_time()
    parameters = guess_parameters(plain, stream[:size])
    tally.streams += 1
    tally.plain += len(plain)
    tally.inflate_seconds += inflated - start
    tally.zlib_seconds += by_zlib - inflated
    if parameters is None:
        tally.made_by["none of these"] += 1
        return
    guessed = time.process_time()
    made = deflate(plain, parameters)
    tally.deflate_seconds += time.process_time() - guessed
    if made != stream[:size]:
        raise SystemExit(f"{parameters} were guessed, but make something else")
    tally.again += 1
    tally.plain_again += len(plain)
    tally.made_by[f"{parameters.family} {parameters.level}/{parameters.mem_level}"] += 1


def main() -> None:
    """Measure what the command line names, and print it."""
    parser = argparse.ArgumentParser(description="Make real deflate streams again.")
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--most-mb", type=int, default=400, help="of a class, in plain bytes")
    arguments = parser.parse_args()
    tallies: dict[str, Tally] = {}
    files = [
        file
        for path in arguments.paths
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.is_file()
    ]
    for file in files:
        with file.open("rb") as opened:
            head = opened.read(4)
        if head[:3] != b"\x1f\x8b\x08" and head != b"PK\x03\x04":
            continue
        tally = tallies.setdefault(f"{file.parent.parent.name}/{file.parent.name}", Tally())
        for stream in streams_of(file.read_bytes()):
            if tally.plain < arguments.most_mb * 1_000_000:
                measure(stream, tally)
    print("| files | streams | made again | of the bytes | by | inflate | zlib's | deflate |")
    print("| --- | --: | --: | --: | --- | --: | --: | --: |")
    for name, tally in tallies.items():
        by = ", ".join(f"{who}: {count}" for who, count in tally.made_by.most_common(4))
        print(
            f"| {name} | {tally.streams} | {tally.again / max(1, tally.streams):.1%} "
            f"| {tally.plain_again / max(1, tally.plain):.1%} | {by} "
            f"| {_speed(tally.plain, tally.inflate_seconds)} "
            f"| {_speed(tally.plain, tally.zlib_seconds)} "
            f"| {_speed(tally.plain_again, tally.deflate_seconds)} |"
        )


def _speed(size: int, seconds: float) -> str:
    return f"{size / 1e6 / seconds:.0f}" if seconds > 0 else "-"


if __name__ == "__main__":
    main()
