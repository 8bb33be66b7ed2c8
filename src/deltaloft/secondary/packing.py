"""Sections packed to LZMA2 chunks that stand alone, where that pays."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from typing import Literal

from deltaloft.buffers import Buffer
from deltaloft.errors import InvalidRequest
from deltaloft.secondary.xz import stream_start

__all__ = ["LzmaFraming", "Secondary", "pack", "preset_of"]

Secondary = Literal["lzma", "none"]

# By level; _filter() tells what the small ones stand for. 9 gains nothing over 6.
_PRESETS = {1: 0, 2: 0, 3: 1, 4: 2, 5: 2, 6: 2, 7: 6, 8: 6, 9: 6}

# A section is packed when it shrinks by 3 %; a few bytes never do.
_GAIN = 0.97
_WORTH_PACKING = 16

# A section from here on is looked at in slices, by a sample of two pieces of each, and only those
# that seem to shrink are packed. On sections of one deflate stream and of wheels of compiled code,
# all gain was in 5 to 10 % of the slices.
_SLICED_FROM = 1 << 17
_SLICE = 1 << 16
_SAMPLE = 1 << 11

# What the sample's Huffman codes have to save, below preset 6 and from it on. With 1 for all,
# compressed archives were 0.3 % smaller, for twice the time and a third of the speed of decoding.
_SEEMS_QUICK = 0.98
_SEEMS = 1.0

# A chunk of LZMA2 that is not packed: it resets the dictionary, as the first one of a stream has
# to, and has at most 2^16 bytes, of which one less is written as its size.
_PLAIN_CHUNK = 1
_PLAIN_CHUNK_MOST = 1 << 16

# Larger dictionaries gained less than 0.01 % on our corpus, and cost time and, for LZMA's tables,
# eight times their size in memory. xz names one of 2^(12 + n/2) bytes by n.
_DICTIONARY = 1 << 19
_QUICK_DICTIONARY = 1 << 16  # what fits the processor's cache
_FEW = 1 << 12  # bytes of a section
_PROBE = 1 << 14
_MUCH_RECURS = 0.4

_STREAM_START = stream_start(14)  # 2^19


def preset_of(level: int, secondary: str) -> int | None:
    """Return the preset of xz for sections, or None if they are to stay plain.

    Raises:
        InvalidRequest: no such level or secondary compressor.
    """
    if level not in _PRESETS:
        raise InvalidRequest(f"a level from 1 to 9 expected, found {level!r}")
    if secondary not in ("lzma", "none"):
        raise InvalidRequest(f"secondary 'lzma' or 'none' expected, found {secondary!r}")
    return _PRESETS[level] if secondary == "lzma" else None


def pack(section: Buffer, preset: int) -> bytes | None:
    """Compress one section to LZMA2 chunks, or return None when it would hardly shrink.

    Where only parts of a large section shrink, the others stand plain between them.

    The chunks stand alone, so that sections may be packed in any order and thread.

    Args:
        section: Plain bytes.
        preset: Of xz, 0 to 9: time against size.
    """
    view = memoryview(section).cast("B")
    if view.nbytes < _WORTH_PACKING:
        return None
    runs = [(0, view.nbytes, True)]
    if view.nbytes >= _SLICED_FROM:
        runs = list(_runs(view, _SEEMS if preset >= 6 else _SEEMS_QUICK))
        if not any(shrinks for _, _, shrinks in runs):
            return None
    pieces: list[bytes | memoryview] = []
    for start, end, shrinks in runs:
        part = view[start:end]
        pieces += [_lzma(part, preset)] if shrinks else _plain_chunks(part)
    least = _SLICE if len(runs) > 1 else view.nbytes
    if sum(map(len, pieces)) > view.nbytes - (1 - _GAIN) * least:
        return None
    return b"".join(pieces)  # the only copy of what stands plain


class LzmaFraming:
    """Makes one continuous xz stream of each kind of section, as xdelta3 reads it.

    A stream is the xz stream header, a block header that names LZMA2, and then chunks without end:
    xdelta3 flushes, but never finishes it.
    """

    def __init__(self) -> None:
        self._begun = [False, False, False]

    def frame(self, kind: int, plain_size: int, packed: bytes) -> bytes:
        """Return what stands in the delta for a packed section.

        Args:
            kind: 0 data, 1 instructions, 2 addresses; in the order of the windows.
            plain_size: Of the section, in bytes.
            packed: From `pack`.
        """
        start = b"" if self._begun[kind] else _STREAM_START
        self._begun[kind] = True
        return _write_varint(plain_size) + start + packed


def _lzma(part: memoryview, preset: int) -> bytes:
    """Compress bytes to chunks that begin with a reset of all that was learned."""
    packed = lzma.compress(part, format=lzma.FORMAT_RAW, filters=[_filter(preset, part)])
    return packed[:-1]  # without the end marker: the stream goes on in the next window


def _filter(preset: int, part: memoryview) -> dict[str, int]:
    """Choose settings of liblzma; figures are of the development corpus' sections.

    Presets from 6 on are xz's own. Those below are for levels up to 6: small sections are parsed as
    from preset 4 on, which takes no more time than 2 and saves 2 to 10 %. Of large ones, which
    decide about the time, none but the last place of four bytes is looked at, which takes a third
    of preset 2's time for 1 % more bytes; but where much recurs, 2 is quick, too, and saves 15 %.
    """
    size = part.nbytes
    # Sections have no alignment that position bits could use: 1 % smaller without. A dictionary
    # larger than the section would only cost memory.
    dictionary = min(max(1 << (size - 1).bit_length(), 1 << 12), _DICTIONARY)
    chosen = {"id": lzma.FILTER_LZMA2, "preset": preset, "pb": 0, "dict_size": dictionary}
    if preset >= 6:
        return chosen
    if preset >= 2 and size < _SLICED_FROM:
        # To clear the tables for keys of four bytes would take half the time of a small section.
        finder = lzma.MF_BT3 if size <= _FEW else lzma.MF_BT4
        return chosen | {"preset": 4, "mf": finder, "nice_len": 32, "depth": 4}
    middle = part[size // 2 :][:_PROBE]
    if preset >= 2 and len(zlib.compress(middle, 1)) < _MUCH_RECURS * len(middle):
        return chosen
    return chosen | {
        "mode": lzma.MODE_FAST,
        "mf": lzma.MF_HC4,
        "nice_len": 8,
        "depth": 1,
        "dict_size": min(dictionary, _QUICK_DICTIONARY),
    }


def _runs(view: memoryview, seems: float) -> Iterator[tuple[int, int, bool]]:
    """Cut a large section into stretches, and say of each whether it seems to shrink.

    Huffman codes alone find some gain wherever LZMA finds much, in 0.5 ns for a byte of section.
    """
    start, shrinks = 0, False
    for at in range(0, view.nbytes, _SLICE):
        part = view[at : at + _SLICE]
        half = part.nbytes // 2
        sample = b"".join((part[:_SAMPLE], part[half : half + _SAMPLE]))
        huffman = zlib.compressobj(1, zlib.DEFLATED, -12, 5, zlib.Z_HUFFMAN_ONLY)
        seems_to = len(huffman.compress(sample)) + len(huffman.flush()) < seems * len(sample)
        if seems_to != shrinks and at > start:
            yield start, at, shrinks
            start = at
        shrinks = seems_to
    yield start, view.nbytes, shrinks


def _plain_chunks(part: memoryview) -> Iterator[bytes | memoryview]:
    for at in range(0, part.nbytes, _PLAIN_CHUNK_MOST):
        chunk = part[at : at + _PLAIN_CHUNK_MOST]
        yield bytes([_PLAIN_CHUNK]) + (chunk.nbytes - 1).to_bytes(2, "big")
        yield chunk


def _write_varint(value: int) -> bytes:
    digits = bytearray([value & 0x7F])
    while value := value >> 7:
        digits.insert(0, 0x80 | value & 0x7F)
    return bytes(digits)
