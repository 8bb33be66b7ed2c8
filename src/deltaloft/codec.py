"""Deltas on buffers and files.

    encode          source, target → delta, in memory
    encode_file     source, target → delta, window by window into a file
    decode          delta → target, in memory
    decode_file     delta → target, window by window into a file

A `Path` is a file, mapped and not read; anything else is bytes. Deltas are VCDIFF (RFC 3284) with
the extensions of xdelta3; see docs/vcdiff.md.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast, get_args

from deltaloft import unpack, xdelta3
from deltaloft.atomic_file import replacing, write_all, write_pieces
from deltaloft.buffers import PAGES_KEPT, Buffer, give_pages_back, mapped_file
from deltaloft.delta_reader import (
    check_size,
    decode_into,
    decode_pieces,
    is_unpacked,
    open_delta,
)
from deltaloft.delta_writer import encode_pieces, joined
from deltaloft.errors import InvalidRequest
from deltaloft.native import (
    Delta,
    Pinned,
    fresh_bytes,
    pinned,
)
from deltaloft.secondary import (
    DJW,
    FGK,
    Secondary,
    preset_of,
)
from deltaloft.source import DEFAULT_LEVEL, Source, borrowed

_PIECE = 1 << 20  # bytes to write at once

# "auto" is the native engine, but for what only upstream's can read: DJW and FGK sections.
Engine = Literal["auto", "native", "xdelta3"]
_ENGINES = get_args(Engine)

__all__ = ["Engine", "Secondary", "decode", "decode_file", "encode", "encode_file"]


def encode(
    source: Buffer | Path | Source,
    target: Buffer | Path,
    *,
    level: int | None = None,
    secondary: Secondary = "lzma",
    threads: int | None = None,
    engine: Engine = "auto",
) -> bytes:
    """Describe `target` by what it has in common with `source`: a VCDIFF delta.

    Whatever reads xdelta3's deltas reads this one. `source` and `target` may be empty. The delta is
    the same whatever the number of threads.

    Args:
        source: What the reader of the delta will have. A `Source` serves many targets.
        target: What the reader wants. It must not change meanwhile.
        level: 1 (fast) to 9 (small); by default that of a `Source`, or else 6.
        secondary: "lzma" packs what shrinks by 3 %; "none" writes plain RFC 3284.
        threads: How many windows of 16 MiB to encode at once; None for the number of processors,
            at most 8.
        engine: "xdelta3" is upstream's encoder, for comparison: one thread, everything in memory.

    Returns:
        The delta: RFC 3284 with an Adler-32 for each window; docs/vcdiff.md has the rest.

    Raises:
        InvalidRequest: no such level, secondary compressor, number of threads or engine.
        UnsupportedDelta: this build has no such engine.
        OSError: a Path cannot be read.
        TypeError, BufferError: what was given is neither a Path nor contiguous bytes.
        MemoryError: 0.28 times the source's size, 72 MiB at most (288 from level 7 on), and about
            25 MiB a thread are needed.

    Example:
        >>> old, new = bytes(1 << 20), bytes(1 << 19) + b"new" + bytes(1 << 19)
        >>> delta = encode(old, new)
        >>> len(delta) < 100, decode(old, delta) == new
        (True, True)
    """
    _check_engine(engine)
    if engine == "xdelta3":
        with borrowed(source) as old, borrowed(target) as new:
            return xdelta3.encode(
                old, new, level=DEFAULT_LEVEL if level is None else level, secondary=secondary
            )
    with _encoding(source, target, level, secondary, threads) as pieces:
        return joined(pieces)


def encode_file(
    source: Buffer | Path | Source,
    target: Buffer | Path,
    delta: Path | BinaryIO,
    *,
    level: int | None = None,
    secondary: Secondary = "lzma",
    threads: int | None = None,
    unpack: bool = False,
) -> int:
    """Write the delta of `encode` to a file, window by window, and return its size.

    A Path appears whole or not at all. A file object gets the bytes from its position on; it is
    neither flushed nor closed.

    With `unpack`, a body of unpack/1 is written instead where it is smaller: it looks inside the
    deflate streams of zip and gzip files, and joins copies that nearly agree. `decode` and
    `decode_file` read both, other programs only the delta. It takes the memory of both files with
    their changed streams inflated, and proves itself by being decoded; docs/unpack.md says more.

    Raises:
        InvalidRequest, MemoryError: as `encode`.
        OSError: the delta cannot be written.
    """
    with _encoding(source, target, level, secondary, threads) as pieces:
        if not unpack:
            return write_pieces(delta, pieces)
        with tempfile.TemporaryFile() as spool:
            write_pieces(cast("BinaryIO", spool), pieces)
            with mapped_file(cast("BinaryIO", spool)) as plain:
                body = _unpacked(source, target, plain, level, threads)
                return write_pieces(delta, _cut(plain) if body is None else [body])


def _unpacked(
    source: Buffer | Path | Source,
    target: Buffer | Path,
    plain: memoryview,
    level: int | None,
    threads: int | None,
) -> bytes | None:
    """Return a body that looks inside deflate, or None where the plain delta is no larger."""
    if isinstance(source, Source):
        level = source.level
    with borrowed(source) as old, borrowed(target) as new:
        return unpack.encode_unpacked(
            memoryview(old).cast("B"),
            memoryview(new).cast("B"),
            plain,
            limit=len(plain),
            level=DEFAULT_LEVEL if level is None else level,
            threads=threads,
        )


def _cut(view: memoryview) -> Iterator[bytes]:
    return (bytes(view[at : at + _PIECE]) for at in range(0, len(view), _PIECE))


def decode(
    source: Buffer | Path | Source,
    delta: Buffer | Path,
    *,
    max_size: int | None = None,
    threads: int | None = None,
    engine: Engine = "auto",
) -> bytes:
    """Rebuild the target that `delta` describes from `source`.

    What a delta declares is what gets allocated: give `max_size` when it is not yours. Windows
    with an Adler-32, which xdelta3 and we write, are proven by it; for more, compare a SHA-256.

    Args:
        source: What the delta was made from.
        delta: A VCDIFF delta, or a body of unpack/1.
        max_size: The largest target to make, in bytes; None for no limit but memory.
        threads: How many windows to decode at once; None for the number of processors, at most 8,
            and one for small targets.
        engine: "auto" is "native", but for sections packed by DJW or FGK, which only upstream's
            "xdelta3" reads. That is foreign C: for deltas of strangers choose "native".

    Returns:
        The target.

    Raises:
        MalformedDelta: the delta breaks RFC 3284; `.window` and `.offset` say where.
        UnsupportedDelta: it needs what this engine, or this build, does not read.
        InvalidRequest: no such number of threads or engine.
        TargetTooLarge: it declares a target larger than `max_size`.
        WrongSource: it was made from something else, or is damaged.
        OSError: a Path cannot be read.
        MemoryError: the target does not fit into memory.
    """
    _check_engine(engine)
    with borrowed(delta) as body:
        if is_unpacked(body):
            return b"".join(_decoding_unpacked(source, body, max_size, threads))
    with open_delta(delta) as opened:
        check_size(opened.target_size, max_size)
        if _goes_to_xdelta3(opened, engine):
            with borrowed(source) as old, borrowed(delta) as new:
                return xdelta3.decode(old, new, max_size=max_size)
        # Nobody else has seen these bytes, so C may write them: this saves a copy of the target.
        target = fresh_bytes(opened.target_size)
        with borrowed(source) as old, pinned(old) as memory, pinned(target) as room:
            decode_into(opened, memory, room, threads)
    return target


def decode_file(
    source: Buffer | Path | Source,
    delta: Buffer | Path,
    target: Path | BinaryIO,
    *,
    max_size: int | None = None,
    threads: int | None = None,
    engine: Engine = "auto",
) -> int:
    """Rebuild a target in a file and return its size, like `decode` but window by window.

    A Path appears whole or not at all. A file object gets the bytes from its position on, in
    order, each window when it is proven; it is neither flushed nor closed. In memory are at most
    `threads` + 1 windows; with engine "xdelta3" the whole target.

    Raises:
        MalformedDelta, UnsupportedDelta, TargetTooLarge, WrongSource, MemoryError: as `decode`.
        OSError: the target cannot be written.
    """
    _check_engine(engine)
    with borrowed(delta) as body:
        if is_unpacked(body):
            return write_pieces(target, _decoding_unpacked(source, body, max_size, threads))
    with ExitStack() as stack:
        opened = stack.enter_context(open_delta(delta))
        check_size(opened.target_size, max_size)
        old = stack.enter_context(borrowed(source))
        file = stack.enter_context(replacing(target)) if isinstance(target, Path) else target
        if _goes_to_xdelta3(opened, engine):
            piece = decode(old, delta, max_size=max_size, engine="xdelta3")
            write_all(file, memoryview(piece))
            return len(piece)
        if opened.target_segments:
            # Windows look back at the target, which need not be readable: a file of our own is.
            with tempfile.TemporaryFile() as spool:
                _write(opened, old, spool, threads)
                spool.seek(0)
                shutil.copyfileobj(spool, file, 1 << 20)
        else:
            _write(opened, old, file, threads)
    return opened.target_size


@contextmanager
def _encoding(
    source: Buffer | Path | Source,
    target: Buffer | Path,
    level: int | None,
    secondary: str,
    threads: int | None,
) -> Iterator[Iterator[bytes | memoryview]]:
    """Lend the pieces of the delta, and close what they come from behind them."""
    with ExitStack() as stack:
        if not isinstance(source, Source):
            source = stack.enter_context(
                Source(source, level=DEFAULT_LEVEL if level is None else level)
            )
        elif level not in (None, source.level):
            raise InvalidRequest(f"level {source.level}, the source's, expected, found {level!r}")
        preset = preset_of(source.level, secondary)
        new = stack.enter_context(borrowed(target))
        # Closed before anything else is: its threads look into source and target.
        yield stack.enter_context(closing(encode_pieces(source, new, preset, threads)))


def _decoding_unpacked(
    source: Buffer | Path | Source, body: Buffer, max_size: int | None, threads: int | None
) -> Iterator[bytes]:
    with borrowed(source) as old:
        yield from unpack.decode_unpacked(
            memoryview(old).cast("B"),
            memoryview(body).cast("B"),
            max_size=max_size,
            threads=threads,
        )


def _write(delta: Delta, source: Buffer, file: BinaryIO, threads: int | None) -> None:
    with ExitStack() as mappings, pinned(source) as memory:

        def target_so_far() -> Pinned:
            mappings.close()
            file.flush()
            mapping = mappings.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            return mappings.enter_context(pinned(mapping))

        done = 0
        with closing(decode_pieces(delta, memory, threads, target_so_far)) as pieces:
            for piece in pieces:
                write_all(file, piece)
                done += len(piece)
                if done >= PAGES_KEPT:
                    give_pages_back(source)
                    done = 0


def _check_engine(engine: str) -> None:
    if engine not in _ENGINES:
        raise InvalidRequest(f"engine: one of {', '.join(_ENGINES)} expected, found {engine!r}")


def _goes_to_xdelta3(delta: Delta, engine: Engine) -> bool:
    only_there = delta.packed_windows > 0 and delta.secondary in (DJW, FGK)
    return engine == "xdelta3" or (engine == "auto" and only_there and xdelta3.available())
