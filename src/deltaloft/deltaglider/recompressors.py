"""Programs that may have compressed a file, each able to do it again.

    gzip    zlib, GNU gzip, pigz    what they yield is the deflate stream alone
    bzip2   libbzip2, pbzip2        the whole file
    xz      liblzma, one or many blocks

`recompressors` is the list of all; a further engine joins as one more entry of it. GNU gzip and
pigz make other streams than zlib does, and run as programs where this machine has them.
"""

from __future__ import annotations

import bz2
import lzma
import os
import shutil
import subprocess
import threading
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from deltaloft.deltaglider.inflating import Kind
from deltaloft.deltaglider.xz_blocks import PRESETS, dictionary_size, in_blocks, whole

__all__ = ["Recompressor", "recompressors"]

_PIECE = 1 << 20
_LEVELS = (6, 9, 1, 5, 4, 7, 8, 3, 2)


@dataclass(frozen=True, slots=True)
class Recompressor:
    """One way to compress: `run` yields the same bytes for the same content, always.

    Attributes:
        name: For messages.
        level: What the program was told, as headers record it.
        trait: What a header of its files tells: of gzip the XFL byte, of bzip2 the level, of xz
            the size of its dictionary and the number of its check.
    """

    name: str
    level: int
    trait: tuple[int, ...]
    run: Callable[[memoryview], Generator[bytes]]


def recompressors(kind: Kind) -> list[Recompressor]:
    """Return the ways to make a file of this kind, the commonest first."""
    if kind == "gzip":
        return list(_gzips())
    return list(_bzip2s() if kind == "bzip2" else _xzs())


def _gzips() -> Iterator[Recompressor]:
    gzip, pigz = shutil.which("gzip"), shutil.which("pigz")
    for level in _LEVELS:
        trait = ({9: 2, 1: 4}.get(level, 0),)
        yield Recompressor(f"zlib -{level}", level, trait, partial(_zlib, level, 8))
        if gzip:
            run = partial(_program, gzip, f"-{level}")
            yield Recompressor(f"GNU gzip -{level}", level, trait, run)
    for level in _LEVELS:
        trait = ({9: 2, 1: 4}.get(level, 0),)
        run = partial(_zlib, level, 9)
        yield Recompressor(f"zlib -{level} with memLevel 9", level, trait, run)
        if gzip:
            run = partial(_program, gzip, "--rsyncable", f"-{level}")
            yield Recompressor(f"GNU gzip --rsyncable -{level}", level, trait, run)
        if pigz:
            run = partial(_program, pigz, f"-{level}")
            yield Recompressor(f"pigz -{level}", level, trait, run)


def _zlib(level: int, memory_level: int, content: memoryview) -> Generator[bytes]:
    stream = zlib.compressobj(level, zlib.DEFLATED, -15, memory_level)
    for piece in _pieces(content):
        yield stream.compress(piece)
    yield stream.flush()


def _program(path: str, *options_and_content: str | memoryview) -> Generator[bytes]:
    """Run gzip or a program like it, and yield what it makes without header and trailer."""
    *options, content = options_and_content
    assert isinstance(content, memoryview)
    command = [path, *map(str, options), "-n", "-c"]
    environment = {k: v for k, v in os.environ.items() if k not in ("GZIP", "PIGZ")}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        feeder = threading.Thread(target=_feed, args=(process.stdin, content), daemon=True)
        feeder.start()
        try:
            process.stdout.read(10)
            held = b""
            while piece := process.stdout.read(1 << 16):
                held += piece
                yield held[:-8]
                held = held[-8:]
        finally:
            process.kill()
            feeder.join()


def _feed(pipe: object, content: memoryview) -> None:
    with suppress(BrokenPipeError, OSError):
        for piece in _pieces(content):
            pipe.write(piece)  # type: ignore[attr-defined]
    with suppress(BrokenPipeError, OSError):
        pipe.close()  # type: ignore[attr-defined]


def _bzip2s() -> Iterator[Recompressor]:
    for level in (9, 1, 6, 8, 7, 5, 4, 3, 2):
        yield Recompressor(f"bzip2 -{level}", level, (level,), partial(_bzip2, level))
    for level in (9, 1, 6, 8, 7, 5, 4, 3, 2):
        yield Recompressor(f"pbzip2 -{level}", level, (level,), partial(_pbzip2, level))


def _bzip2(level: int, content: memoryview) -> Generator[bytes]:
    stream = bz2.BZ2Compressor(level)
    for piece in _pieces(content):
        yield stream.compress(piece)
    yield stream.flush()


def _pbzip2(level: int, content: memoryview) -> Generator[bytes]:
    """Yield a stream of its own for each block, as pbzip2 writes them."""
    for piece in _pieces(content, level * 100_000):
        yield bz2.compress(piece, level)


def _xzs() -> Iterator[Recompressor]:
    checks = (lzma.CHECK_CRC64, lzma.CHECK_CRC32, lzma.CHECK_NONE, lzma.CHECK_SHA256)
    for check in checks:
        for preset, shown in PRESETS:
            trait = (dictionary_size(preset), check)
            for name, make in (("xz", whole), ("xz with threads", in_blocks)):
                run = partial(make, preset, check)
                yield Recompressor(f"{name} {shown}, check {check}", preset & 15, trait, run)


def _pieces(content: memoryview, size: int = _PIECE) -> Iterator[memoryview]:
    for start in range(0, len(content), size):
        yield content[start : start + size]
