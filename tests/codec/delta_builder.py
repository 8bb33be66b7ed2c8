"""Deltas built field by field, right or wrong on purpose.

delta(...) strings header and windows together; `window` frames sections, with sizes that are right
unless a test says otherwise. Sections under LZMA are built the same way: `xz_head` once for each
kind of section, then `lzma2` for each section.
"""

from __future__ import annotations

import lzma
import zlib

SOURCE, TARGET, ADLER32 = 1, 2, 4  # Win_Indicator
DATACOMP, INSTCOMP, ADDRCOMP = 1, 2, 4  # Delta_Indicator
RUN, ADD, COPY = 0, 1, 19  # opcodes of the default table whose size follows


def varint(value: int) -> bytes:
    """Return the RFC's integer, section 2."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def header(
    *, secondary: int | None = None, code_table: bytes | None = None, app: bytes | None = None
) -> bytes:
    """Return a delta's header, section 4.1."""
    indicator = (secondary is not None) | (code_table is not None) << 1 | (app is not None) << 2
    result = b"\xd6\xc3\xc4\x00" + bytes([indicator])
    if secondary is not None:
        result += bytes([secondary])
    for part in (code_table, app):
        if part is not None:
            result += varint(len(part)) + part
    return result


def window(
    target_size: int,
    instructions: bytes = b"",
    data: bytes = b"",
    addresses: bytes = b"",
    *,
    segment: tuple[int, int] | None = None,
    from_target: bool = False,
    indicator: int | None = None,
    packed: int = 0,
    adler32: int | None = None,
    encoding_size: int | None = None,
    sizes: tuple[int, int, int] | None = None,
) -> bytes:
    """Return one window, section 4.2 and 4.3. `segment` is its size and position."""
    if indicator is None:
        indicator = 0 if segment is None else TARGET if from_target else SOURCE
        indicator |= 0 if adler32 is None else ADLER32
    inner = varint(target_size) + bytes([packed])
    for size in sizes or (len(data), len(instructions), len(addresses)):
        inner += varint(size)
    if adler32 is not None:
        inner += adler32.to_bytes(4, "big")
    inner += data + instructions + addresses
    result = bytes([indicator])
    if segment is not None:
        result += varint(segment[0]) + varint(segment[1])
    return result + varint(len(inner) if encoding_size is None else encoding_size) + inner


def add(data: bytes) -> tuple[bytes, bytes]:
    """Return instruction and data of an ADD."""
    return bytes([ADD]) + varint(len(data)), data


def add_window(data: bytes) -> bytes:
    """Return a window that is one ADD, with its Adler-32."""
    return window(len(data), *add(data), adler32=zlib.adler32(data))


def xz_head(dictionary: int = 16) -> bytes:
    """Return an xz stream's head for LZMA2 without a check; a dictionary of 2 ** (11 + n / 2)."""
    flags = b"\x00\x00"
    stream = b"\xfd7zXZ\x00" + flags + zlib.crc32(flags).to_bytes(4, "little")
    block = bytes([0x02, 0x00, 0x21, 0x01, dictionary, 0, 0, 0])
    return stream + block + zlib.crc32(block).to_bytes(4, "little")


def lzma2(plain: bytes) -> bytes:
    """Return LZMA2 chunks, without the end marker, so that more may follow."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 19}]
    return lzma.compress(plain, lzma.FORMAT_RAW, filters=filters)[:-1]


def plain_chunk(plain: bytes, *, forgets: bool = True) -> bytes:
    """Return a chunk of LZMA2 that is not packed; without forgetting, it continues a stream."""
    return bytes([1 if forgets else 2]) + (len(plain) - 1).to_bytes(2, "big") + plain


def packed(plain: bytes, *, first: bool = True, size: int | None = None) -> bytes:
    """Return a section as xdelta3 packs it: its plain size, then its part of the stream."""
    head = varint(len(plain) if size is None else size)
    return head + (xz_head() if first else b"") + lzma2(plain)
