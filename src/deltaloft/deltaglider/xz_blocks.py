"""Files as xz writes them: one block, or with threads a block for each piece of the content.

    one thread    stream header │ block                          │ index │ footer
    threads       stream header │ block with its sizes │ block … │ index │ footer
    --block-size  either of these, in blocks of that size

A block holds the same LZMA2 bytes and check as a file of that piece alone, so
liblzma makes the one and this room puts the other together. With threads the room for a block's
header is set aside before its compressed size is known (.xz file format 1.1.0, section 3.1).
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

__all__ = ["PRESETS", "Blocks", "blocks_of", "dictionary_size", "in_blocks", "traits_of", "whole"]

_ORDER = (6, 9, 3, 1, 0, 2, 4, 5, 7, 8)
# Presets of xz with the options that name them.
PRESETS = tuple(
    (preset | extreme, f"-{preset}{'e' if extreme else ''}")
    for extreme in (0, lzma.PRESET_EXTREME)
    for preset in _ORDER
)

_PIECE = 1 << 20
_HEADER_SIZE = 12
_CHECK_SIZES = {
    lzma.CHECK_NONE: 0,
    lzma.CHECK_CRC32: 4,
    lzma.CHECK_CRC64: 8,
    lzma.CHECK_SHA256: 32,
}
_LONGEST_INDEX = 1 << 20
_LARGEST_BLOCK = 1 << 32
_DICTIONARIES = (18, 20, 21, 22, 22, 23, 23, 24, 25, 26)  # powers of two, by preset


@dataclass(frozen=True, slots=True)
class Blocks:
    """How a file is parted: the plain size of each block but the last, and if they tell theirs."""

    size: int
    told: bool = True


def dictionary_size(preset: int) -> int:
    """Return how large a dictionary a preset names, in bytes."""
    return 1 << _DICTIONARIES[preset & 15]


def whole(preset: int, check: int, content: memoryview) -> Generator[bytes]:
    """Yield what `xz` makes with one thread."""
    stream = lzma.LZMACompressor(lzma.FORMAT_XZ, check, preset)
    for start in range(0, len(content), _PIECE):
        yield stream.compress(content[start : start + _PIECE])
    yield stream.flush()


def in_blocks(
    preset: int, check: int, content: memoryview, *, blocks: Blocks | None = None
) -> Generator[bytes]:
    """Yield what `xz -T` makes, whatever the number of threads, or `xz --block-size`."""
    blocks = blocks or Blocks(max(3 * dictionary_size(preset), 1 << 20))
    flags = bytes([0, check])
    yield b"\xfd7zXZ\0" + flags + _crc(flags)
    records = []
    for start in range(0, len(content), blocks.size):
        piece = content[start : start + blocks.size]
        alone = lzma.compress(piece, lzma.FORMAT_XZ, check, preset)
        header, size, body = _block(alone, len(piece), blocks, _CHECK_SIZES[check])
        yield header + body
        records.append((len(header) + size, len(piece)))
    yield from _ending(records, flags)


def _block(
    alone: bytes, plain_size: int, blocks: Blocks, check_size: int
) -> tuple[bytes, int, bytes]:
    """Return a block's new header, its size without header and padding, and what follows."""
    old_header = (alone[_HEADER_SIZE] + 1) * 4
    index_size = (int.from_bytes(alone[-8:-4], "little") + 1) * 4
    body = alone[_HEADER_SIZE + old_header : len(alone) - 12 - index_size]
    # The index names the block's size without its padding, after two bytes: 0, one record.
    unpadded, _ = _read_vli(alone, len(alone) - 12 - index_size + 2)
    size = unpadded - old_header
    if not blocks.told:
        return alone[_HEADER_SIZE : _HEADER_SIZE + old_header], size, body
    filters = alone[_HEADER_SIZE + 2 : _HEADER_SIZE + 5]
    # Set aside for a block that fills its size and does not shrink.
    room = 2 + 2 * len(_vli(blocks.size + (blocks.size >> 12))) + len(filters)
    header_size = -(-room // 4) * 4
    header = bytes([header_size // 4, 0xC0]) + _vli(size - check_size) + _vli(plain_size) + filters
    header = header.ljust(header_size, b"\0")
    return header + _crc(header), size, body


def _ending(records: list[tuple[int, int]], flags: bytes) -> Iterator[bytes]:
    index = b"\0" + _vli(len(records)) + b"".join(_vli(a) + _vli(b) for a, b in records)
    index += bytes(-len(index) % 4)
    index += _crc(index)
    yield index
    footer = (len(index) // 4 - 1).to_bytes(4, "little") + flags
    yield _crc(footer) + footer + b"YZ"


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


def _vli(value: int) -> bytes:
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _read_vli(data: bytes, place: int) -> tuple[int, int]:
    """Return a number and where the next one stands; IndexError where there is none."""
    value = 0
    for shift in range(0, 63, 7):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            break
    return value, place


def traits_of(head: bytes) -> tuple[int, int] | None:
    """Return dictionary size and check that the first bytes of an xz file name, if they do."""
    place = _HEADER_SIZE + 2
    try:
        for _ in range(2 if head[_HEADER_SIZE + 1] & 0xC0 == 0xC0 else 0):
            while head[place] & 0x80:
                place += 1
            place += 1
        bits = head[place + 2]
        if head[place : place + 2] != b"\x21\x01" or bits > 40:
            return None
        return (2 | bits & 1) << (bits // 2 + 11), head[7]
    except IndexError:
        return None


def blocks_of(view: memoryview) -> Blocks | None:
    """Return how an xz file is parted, going by its index; None if that is by nothing regular."""
    footer = bytes(view[-12:])
    index_size = (int.from_bytes(footer[4:8], "little") + 1) * 4
    if footer[10:] != b"YZ" or not 8 <= index_size <= min(len(view) - 24, _LONGEST_INDEX):
        return None
    index = bytes(view[-12 - index_size : -12])
    try:
        count, place = _read_vli(index, 1)
        sizes = []
        for _ in range(min(count, index_size // 2)):
            _, place = _read_vli(index, place)
            size, place = _read_vli(index, place)
            sizes.append(size)
    except IndexError:
        return None
    if len(sizes) < 2 or len(set(sizes[:-1])) != 1 or not sizes[-1] <= sizes[0] <= _LARGEST_BLOCK:
        return None
    return Blocks(sizes[0], view[_HEADER_SIZE + 1] & 0xC0 == 0xC0) if sizes[0] else None
