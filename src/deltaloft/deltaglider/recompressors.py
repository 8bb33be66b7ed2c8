"""Programs that may have compressed a file, each able to do it again.

    gzip    zlib, GNU gzip, Node, miniz_oxide  the deflater of this library, at every level
            Python's text files                zlib, which is told to flush before the end
            pigz                               zlib with a fresh start every 128 KiB
            GNU gzip --rsyncable               itself, where this machine has it
            what they yield is the deflate stream alone
    bzip2   libbzip2, pbzip2                   the whole file
    xz      liblzma, one or many blocks        the whole file

`recompressors` is the list of all; a further engine joins as one more entry of it.
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
from deltaloft.deltaglider.xz_blocks import PRESETS, Blocks, dictionary_size, in_blocks, whole
from deltaloft.native import DeflateParameters, Deflater

__all__ = ["Recompressor", "recompressors"]

_PIECE = 1 << 20
_LEVELS = (6, 9, 1, 5, 4, 7, 8, 3, 2)
_WINDOW = 32 << 10
_PIGZ_BLOCK = 128 << 10
_PBZIP2_BLOCK = 900_000  # whatever the level, unless it is told -b


@dataclass(frozen=True, slots=True)
class Recompressor:
    """One way to compress: `run` yields the same bytes for the same content, always.

    Attributes:
        name: For messages.
        trait: What a header of its files tells: of gzip the XFL byte, of bzip2 the level, of xz
            the size of its dictionary and the number of its check.
        run: Compresses.
    """

    name: str
    trait: tuple[int, ...]
    run: Callable[[memoryview], Generator[bytes]]


def recompressors(kind: Kind, *, blocks: Blocks | None = None) -> list[Recompressor]:
    """Return the ways to make a file of this kind, the commonest first.

    `blocks` are those of an xz file from the same folder, if it has several.
    """
    if kind == "gzip":
        return list(_gzips())
    return list(_bzip2s() if kind == "bzip2" else _xzs(blocks))


def _gzips() -> Iterator[Recompressor]:
    for level in _LEVELS:
        yield _deflating(f"zlib -{level}", DeflateParameters("zlib", level, 8))
        yield _deflating(f"GNU gzip -{level}", DeflateParameters("gzip", level, 9))
        yield _deflating(f"Node's zlib -{level}", DeflateParameters("chromium", level, 8))
        yield Recompressor(f"pigz -{level}", _xfl(level), partial(_pigz, level))
        yield Recompressor(f"zlib -{level}, flushed", _xfl(level), partial(_flushed, level))
    gzip = shutil.which("gzip")
    for level in _LEVELS:
        for family, name in (("zlib", "zlib"), ("chromium", "Node's zlib")):
            parameters = DeflateParameters(family, level, 9)  # type: ignore[arg-type]
            yield _deflating(f"{name} -{level} with memLevel 9", parameters)
        if level > 1:
            yield _deflating(f"miniz_oxide -{level}", DeflateParameters("miniz", level, 8))
        if gzip:
            run = partial(_program, gzip, "--rsyncable", f"-{level}")
            yield Recompressor(f"GNU gzip --rsyncable -{level}", _xfl(level), run)


def _xfl(level: int) -> tuple[int]:
    return ({9: 2, 1: 4}.get(level, 0),)


def _deflating(name: str, parameters: DeflateParameters) -> Recompressor:
    return Recompressor(name, _xfl(parameters.level), partial(_deflated, parameters))


def _deflated(parameters: DeflateParameters, content: memoryview) -> Generator[bytes]:
    stream = Deflater(parameters)
    for piece in _pieces(content):
        yield stream.write(piece)
    yield stream.finish()


def _flushed(level: int, content: memoryview) -> Generator[bytes]:
    """Yield what Python makes of a text file, and pandas of a table: closing flushes, then ends."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -15)
    for piece in _pieces(content):
        yield stream.compress(piece)
    yield stream.flush(zlib.Z_SYNC_FLUSH)
    yield stream.flush()


def _pigz(level: int, content: memoryview) -> Generator[bytes]:
    """Yield what pigz makes with two threads or more.

    Each block starts afresh, with the 32 KiB before it for a dictionary. It ends on a byte: by an
    empty stored block if an odd number of bits stands behind the last whole byte, else by empty
    blocks of 10 bits each.
    """
    start = 0
    while True:
        before = (content[max(0, start - _WINDOW) : start],) if start else ()
        stream = zlib.compressobj(level, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, *before)
        yield stream.compress(content[start : start + _PIGZ_BLOCK])
        start += _PIGZ_BLOCK
        if start >= len(content):
            break
        yield stream.flush(zlib.Z_BLOCK)
        # zlib does not say how many bits it holds. A copy of it appends an empty block, whose only
        # set bit is its second, and then one of nothing but zeros, its sizes apart.
        probe = stream.copy()
        ending = probe.flush(zlib.Z_PARTIAL_FLUSH) + probe.flush(zlib.Z_SYNC_FLUSH)
        held = int.from_bytes(ending[:-4], "little")
        bits = held.bit_length() - 2
        if bits % 2 == 1:
            yield stream.flush(zlib.Z_SYNC_FLUSH)
            continue
        held &= (1 << bits) - 1
        while bits % 8 != 0:
            held |= 2 << bits
            bits += 10
        yield held.to_bytes(bits // 8, "little")
    yield stream.flush()


def _program(path: str, *options_and_content: str | memoryview) -> Generator[bytes]:
    """Run gzip or a program like it, and yield what it makes without header and trailer."""
    *options, content = options_and_content
    assert isinstance(content, memoryview)
    command = [path, *map(str, options), "-n", "-c"]
    environment = {k: v for k, v in os.environ.items() if k != "GZIP"}
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
        yield Recompressor(f"bzip2 -{level}", (level,), partial(_bzip2, level))
    for level in (9, 1, 6, 8, 7, 5, 4, 3, 2):
        yield Recompressor(f"pbzip2 -{level}", (level,), partial(_pbzip2, level))


def _bzip2(level: int, content: memoryview) -> Generator[bytes]:
    stream = bz2.BZ2Compressor(level)
    for piece in _pieces(content):
        yield stream.compress(piece)
    yield stream.flush()


def _pbzip2(level: int, content: memoryview) -> Generator[bytes]:
    """Yield a stream of its own for each piece, as pbzip2 writes them."""
    for piece in _pieces(content, _PBZIP2_BLOCK):
        yield bz2.compress(piece, level)


def _xzs(blocks: Blocks | None) -> Iterator[Recompressor]:
    ways: dict[str, Callable[[int, int, memoryview], Generator[bytes]]] = {}
    if blocks is not None:
        ways[f"xz --block-size={blocks.size}"] = partial(in_blocks, blocks=blocks)
    ways |= {"xz": whole, "xz with threads": in_blocks}
    checks = (lzma.CHECK_CRC64, lzma.CHECK_CRC32, lzma.CHECK_NONE, lzma.CHECK_SHA256)
    for check in checks:
        for preset, shown in PRESETS:
            trait = (dictionary_size(preset), check)
            for name, make in ways.items():
                run = partial(make, preset, check)
                yield Recompressor(f"{name} {shown}, check {check}", trait, run)


def _pieces(content: memoryview, size: int = _PIECE) -> Iterator[memoryview]:
    for start in range(0, len(content), size):
        yield content[start : start + size]
