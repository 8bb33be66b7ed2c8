"""Sections packed to LZMA2 chunks that stand alone, where that pays."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from deltaloft.buffers import Buffer
from deltaloft.errors import InvalidRequest
from deltaloft.native import SHRINKING_BLOCK, LzmaEncoder, shrinking_blocks
from deltaloft.secondary.xz import stream_start

__all__ = ["LzmaFraming", "Secondary", "dictionary_for", "pack", "preset_of"]

Secondary = Literal["lzma", "none"]

# By level; _filter() tells what the small ones stand for. 9 gains nothing over 6.
_PRESETS = {1: 0, 2: 0, 3: 1, 4: 2, 5: 2, 6: 2, 7: 6, 8: 6, 9: 6}

# A section is packed when it shrinks by 3 %; a few bytes never do.
_GAIN = 0.97
_WORTH_PACKING = 16

# A section from here on is looked at in blocks, and only those that seem to shrink are packed. On
# sections of one deflate stream and of wheels of compiled code, half of the gain was in 5 % of the
# blocks.
_LARGE = 1 << 17

# How uneven, in 100ths, the bytes of a block have to be below preset 6 and from it on. With 30 for
# all, compressed archives were 0.1 % smaller, for half as much LZMA again.
_SEEMS_QUICK = 45
_SEEMS = 30

# A chunk of LZMA2 that is not packed: it resets the dictionary, as the first one of a stream has
# to, and has at most 2^16 bytes, of which one less is written as its size.
_PLAIN_CHUNK = 1
_PLAIN_CHUNK_MOST = 1 << 16

# Larger dictionaries gained less than 0.01 % on our corpus, and cost time and, for LZMA's tables,
# eight times their size in memory. xz names one of 2^(12 + n/2) bytes by n.
_DICTIONARY = 1 << 19
_SMALLEST_DICTIONARY = 1 << 12
_FEW = 1 << 14  # bytes of a section
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
    is_large = view.nbytes >= _LARGE
    runs = list(_runs(view, preset)) if is_large else [(view, True)]
    least = (1 - _GAIN) * sum(run.nbytes for run, shrinks in runs if shrinks)
    if not least:
        return None
    pieces: list[bytes | memoryview] = []
    for run, shrinks in runs:
        pieces += [_lzma(run, preset, is_large)] if shrinks else _plain_chunks(run)
    if sum(map(len, pieces)) > view.nbytes - least:
        return None
    return b"".join(pieces)  # the only copy of what stands plain


class LzmaFraming:
    """Makes one continuous xz stream of each kind of section, as xdelta3 reads it.

    A stream is the xz stream header, a block header that names LZMA2, and then chunks without end:
    xdelta3 flushes, but never finishes it.
    """

    def __init__(self) -> None:
        self._begun = [False, False, False]

    def head(self, kind: int, plain_size: int) -> bytes:
        """Return what stands in the delta before what `pack` made of a section.

        Args:
            kind: 0 data, 1 instructions, 2 addresses; in the order of the windows.
            plain_size: Of the section, in bytes.
        """
        start = b"" if self._begun[kind] else _STREAM_START
        self._begun[kind] = True
        return _write_varint(plain_size) + start


def _lzma(run: memoryview, preset: int, of_large: bool) -> bytes:
    """Compress bytes to chunks that begin with a reset of all that was learned.

    Large sections, which decide about the time, are packed by an LZMA of our own below preset 6: it
    takes 0.4 times what liblzma's quickest does for 1 % more bytes. So is what hardly shrinks, like
    the few new files of a wheel: a third of the time for 0.2 % more.
    """
    quick = preset < 6 and not (
        _much_recurs(run) if of_large else any(shrinking_blocks(run, _SEEMS_QUICK))
    )
    if preset < 2 or quick:
        return LzmaEncoder().encode(run)
    packed = lzma.compress(run, format=lzma.FORMAT_RAW, filters=[_filter(preset, run)])
    return packed[:-1]  # without the end marker: the stream goes on in the next window


def _much_recurs(run: memoryview) -> bool:
    """Say whether much of a long run recurs: there, liblzma is quick, too, and saves 15 %."""
    middle = run[run.nbytes // 2 :][:_PROBE]
    return run.nbytes >= _LARGE and len(zlib.compress(middle, 1)) < _MUCH_RECURS * len(middle)


def _filter(preset: int, run: memoryview) -> dict[str, int]:
    """Choose settings of liblzma; figures are of the development corpus' sections.

    Presets from 6 on are xz's own. With 2, small runs are parsed as from preset 4 on, which takes
    no more time than 2 and saves 2 to 10 %.
    """
    size = run.nbytes
    # Sections have no alignment that position bits could use: 1 % smaller without.
    dictionary = dictionary_for(size)
    chosen = {"id": lzma.FILTER_LZMA2, "preset": preset, "pb": 0, "dict_size": dictionary}
    if preset >= 6 or size >= _LARGE:
        return chosen
    # To clear the tables for keys of four bytes would take half the time of a small section.
    finder = lzma.MF_BT3 if size <= _FEW else lzma.MF_BT4
    return chosen | {"preset": 4, "mf": finder, "nice_len": 32, "depth": 4}


def dictionary_for(size: int) -> int:
    """Return what LZMA looks back for so many bytes: a dictionary larger only costs memory."""
    return min(max(1 << (size - 1).bit_length(), _SMALLEST_DICTIONARY), _DICTIONARY)


def _runs(view: memoryview, preset: int) -> Iterator[tuple[memoryview, bool]]:
    """Cut a large section into stretches, and say of each whether it seems to shrink."""
    start = 0
    blocks = shrinking_blocks(view, _SEEMS if preset >= 6 else _SEEMS_QUICK)
    for shrinks, group in groupby(blocks):
        end = start + sum(SHRINKING_BLOCK for _ in group)
        yield view[start:end], bool(shrinks)
        start = end


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
