"""Upstream xdelta3, compiled in beside the native engine: a second opinion, not a second product.

It reads DJW and FGK sections, which the native engine does not, it is the judge in tests, and the
baseline in benchmarks. A build without it is complete (vendor/xdelta3/README.md); then available()
is False and the rest raises UnsupportedDelta. What it reads and what bounds it are in
vendor/xdelta3/engine.h; beside native.py this is the one file that says `lib.`, of an extension of
its own.

Safe to call from several threads. The interpreter's lock is released while the engine works.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Literal, NoReturn

from deltaloft.buffers import Buffer
from deltaloft.errors import (
    DeltaError,
    InvalidRequest,
    MalformedDelta,
    TargetTooLarge,
    UnsupportedDelta,
    WrongSource,
)

ffi: Any = None
lib: Any = None
_absent = ""
try:
    import deltaloft._xdelta3 as extension
except ImportError as error:
    _absent = f"this build of deltaloft has no xdelta3 engine ({error.msg})"
else:
    ffi, lib = extension.ffi, extension.lib
    lib.xd3_engine_prepare()  # here, under the import lock: it may not run twice at once

__all__ = ["Secondary", "available", "decode", "encode", "version"]

Secondary = Literal["lzma", "djw", "fgk", "none"]

_UNLIMITED = 2**64 - 1


def available() -> bool:
    """Say whether this build has the engine."""
    return not _absent


def version() -> str:
    """Name upstream's version and that of its liblzma: "3.1.1, liblzma 5.4.1".

    Raises:
        UnsupportedDelta: this build has no such engine.
    """
    _require_engine()
    lzma = lib.xd3_engine_lzma()
    return _text(lib.xd3_engine_version()) + (
        ", without liblzma" if lzma == ffi.NULL else f", liblzma {_text(lzma)}"
    )


def encode(
    source: Buffer, target: Buffer, *, level: int = 9, secondary: Secondary = "lzma"
) -> bytes:
    """Make a delta as `xdelta3 -e` would, but with every byte of the source in reach.

    Args:
        source: What the delta will need to be decoded; may be empty.
        target: What it will give.
        level: From 1, fast, to 9, small; also LZMA's preset.
        secondary: What compresses the sections; "lzma" is what the command takes.

    Raises:
        InvalidRequest: the level or the secondary compressor does not exist.
        UnsupportedDelta: this build has no such engine, or none with LZMA.
    """
    _require_engine()
    if not 1 <= level <= 9:
        raise InvalidRequest(f"level: 1 to 9 expected, {level} given")
    secondaries = {
        "lzma": lib.XD3_ENGINE_LZMA,
        "djw": lib.XD3_ENGINE_DJW,
        "fgk": lib.XD3_ENGINE_FGK,
        "none": lib.XD3_ENGINE_NONE,
    }
    if secondary not in secondaries:
        raise InvalidRequest(f"secondary: {', '.join(secondaries)} expected, {secondary!r} given")
    with ffi.from_buffer("uint8_t[]", source) as s, ffi.from_buffer("uint8_t[]", target) as t:
        return _run(lib.xd3_engine_encoder_new(s, len(s), t, len(t), level, secondaries[secondary]))


def decode(source: Buffer, delta: Buffer, *, max_size: int | None = None) -> bytes:
    """Rebuild the target that a delta describes; every secondary compressor of xdelta3 is read.

    Args:
        source: What the delta was made from.
        delta: May be hostile; but foreign C reads it, which the native engine's tests do not
            vouch for. Prefer that one where both can read a delta.
        max_size: The largest target to make, in bytes; None for any.

    Raises:
        MalformedDelta: the delta breaks RFC 3284; `.window` says where.
        UnsupportedDelta: it needs a custom code table, VCD_TARGET, an unknown secondary
            compressor or a window over 64 MiB; or this build has no such engine.
        WrongSource: a segment lies outside the source, or a window's Adler-32 differs.
        TargetTooLarge: the target would exceed max_size.
    """
    _require_engine()
    limit = _UNLIMITED if max_size is None else min(max_size, _UNLIMITED)
    if limit < 0:
        raise InvalidRequest(f"max_size: 0 or more expected, {max_size} given")
    with ffi.from_buffer("uint8_t[]", source) as s, ffi.from_buffer("uint8_t[]", delta) as d:
        return _run(lib.xd3_engine_decoder_new(s, len(s), d, len(d), limit))


def _require_engine() -> None:
    if _absent:
        raise UnsupportedDelta(_absent)


def _run(engine: Any) -> bytes:
    """Collect what an engine makes, and free it."""
    if engine == ffi.NULL:
        raise MemoryError("xdelta3: no memory for its state")
    try:
        piece, size = ffi.new("const uint8_t **"), ffi.new("size_t *")
        # BytesIO gives away what it collected without copying it once more.
        collected = BytesIO()
        while True:
            result = lib.xd3_engine_next(engine, piece, size)
            if result != lib.XD3_ENGINE_OK:
                _raise(engine, result)
            if size[0] == 0:
                return collected.getvalue()
            collected.write(ffi.buffer(piece[0], size[0]))
    finally:
        lib.xd3_engine_free(engine)


def _raise(engine: Any, result: int) -> NoReturn:
    window = lib.xd3_engine_window(engine)
    where = "header" if window < 0 else f"window {window}"
    message = f"xdelta3, {where}: {_text(lib.xd3_engine_message(engine))}"
    if result == lib.XD3_ENGINE_NO_MEMORY:
        raise MemoryError(message)
    if result == lib.XD3_ENGINE_WRONG_SOURCE:
        raise WrongSource(message, window=window)
    kinds = {
        lib.XD3_ENGINE_MALFORMED: MalformedDelta,
        lib.XD3_ENGINE_UNSUPPORTED: UnsupportedDelta,
        lib.XD3_ENGINE_TOO_LARGE: TargetTooLarge,
    }
    raise kinds.get(result, DeltaError)(message, window=None if window < 0 else window)


def _text(words: Any) -> str:
    return str(ffi.string(words).decode("ascii"))
