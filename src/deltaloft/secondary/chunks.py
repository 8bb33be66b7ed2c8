"""LZMA2 chunks that need nothing from before them.

    chunk   01 · size (2)                                        · plain bytes    forgets everything
            02 · size (2)                                        · plain bytes
            1rrsssss · size (2) · packed size (2) · [properties] · packed bytes

Sizes are big-endian and one less than they are; a packed chunk's has five bits more, sssss. With
rr = 3 it forgets everything, too, and from 2 on it has properties. A run of chunks, from one that
forgets to the next, stands alone; and what is one chunk of plain bytes need not be unpacked at all.
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass

__all__ = ["Run", "runs_of", "unpacked"]

# More runs are not meant well: each takes a page, or so. Ours turn from packed to plain chunks at
# most every 8 KiB, and a plain one has 64.
_FEW = 8
_PAGE = 1 << 12


@dataclass(frozen=True, slots=True)
class Run:
    """Chunks that stand alone: where they are, and how many plain bytes they hold.

    Attributes:
        plain: They are one chunk of plain bytes, and these the last of it.
    """

    start: int
    end: int
    plain_size: int
    plain: bool


def runs_of(chunks: memoryview, plain_size: int) -> list[Run] | None:
    """Cut chunks into runs.

    Returns:
        The runs, or None: the first chunk does not stand alone, the chunks have an end mark, hold
        other than `plain_size` bytes, or are so many that they were not meant well.
    """
    runs: list[Run] = []
    at = found = 0
    while at < len(chunks):
        if len(runs) > _FEW + at // _PAGE:
            return None
        control, head = chunks[at], bytes(chunks[at + 1 : at + 5])
        held = body = int.from_bytes(head[:2], "big") + 1
        start = at
        if control >= 0x80:
            held += (control & 0x1F) << 16
            body = int.from_bytes(head[2:], "big") + 1
            at += 5 + (control >= 0xC0)
        else:
            at += 3
        at += body
        found += held
        if control == 0:
            return None
        if control == 1 or control >= 0xE0:
            runs.append(Run(start, at, held, control == 1))
        elif runs:
            last = runs.pop()
            runs.append(Run(last.start, at, last.plain_size + held, plain=False))
        else:
            return None
    return runs if found == plain_size else None


def unpacked(chunks: memoryview, runs: list[Run], dictionary_size: int) -> bytes:
    """Return the plain bytes of chunks.

    Raises:
        lzma.LZMAError: they are damaged.
    """
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": dictionary_size}]
    decompressor: lzma.LZMADecompressor | None = None
    pieces: list[bytes | memoryview] = []
    for run in runs:
        if run.plain:
            pieces.append(chunks[run.end - run.plain_size : run.end])
            continue
        if decompressor is None:
            decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        # One byte more than there are, so that the run is read to its end.
        pieces.append(
            decompressor.decompress(chunks[run.start : run.end], max_length=run.plain_size + 1)
        )
    return b"".join(pieces)
