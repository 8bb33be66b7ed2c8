"""What the streams of packed sections begin with, and what compressors are called."""

from __future__ import annotations

import zlib

__all__ = [
    "DJW",
    "FGK",
    "LZMA",
    "SECTIONS",
    "START_SIZE",
    "compressor_name",
    "dictionary_of",
    "stream_start",
]

DJW, LZMA, FGK = 1, 2, 16
_NAMES = {DJW: "DJW", LZMA: "LZMA", FGK: "FGK"}

# In the order of the bits of Delta_Indicator and of the streams.
SECTIONS = ("data", "instructions", "addresses")

START_SIZE = 24  # bytes

_STREAM_FLAGS = b"\0\0"  # no integrity check: windows have an Adler-32
_DICTIONARY_AT = 16
_LARGEST_DICTIONARY = 40


def compressor_name(compressor: int) -> str:
    """Return what a secondary compressor is called, `LZMA`, or its id where we do not know."""
    return _NAMES.get(compressor, f"id {compressor}")


def stream_start(dictionary: int) -> bytes:
    """Return where a stream begins: an xz stream header, and the header of one block.

    Args:
        dictionary: Its size, as xz says it: n for 2^(12 + n/2), and the half more where n is odd.
    """
    block = bytes([2, 0, 0x21, 1, dictionary, 0, 0, 0])  # 12 bytes with its CRC, one filter, LZMA2
    return b"".join(
        (
            b"\xfd7zXZ\0",
            _STREAM_FLAGS,
            zlib.crc32(_STREAM_FLAGS).to_bytes(4, "little"),
            block,
            zlib.crc32(block).to_bytes(4, "little"),
        )
    )


def dictionary_of(start: bytes) -> int | None:
    """Return the size of the dictionary that a stream begins with; None if it begins otherwise."""
    if len(start) != START_SIZE:
        return None
    named = start[_DICTIONARY_AT]
    if named >= _LARGEST_DICTIONARY or start != stream_start(named):
        return None
    return (2 | named & 1) << (named // 2 + 11)
