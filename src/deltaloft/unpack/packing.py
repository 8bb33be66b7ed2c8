"""LZMA2 streams, raw, as the parts of a body are packed: read in stretches of known size."""

from __future__ import annotations

import lzma
from typing import Any

from deltaloft.buffers import Buffer
from deltaloft.errors import MalformedDelta
from deltaloft.secondary import dictionary_for

__all__ = ["Unpacker", "pack"]

# The format's: what a reader sets aside.
_MOST_DICTIONARY = 4 << 20
_PRESET = 6


def _filters(dictionary: int, **more: int) -> list[dict[str, Any]]:
    return [{"id": lzma.FILTER_LZMA2, "preset": _PRESET, "dict_size": dictionary, "pb": 0, **more}]


def pack(plain: bytes, *, literal_context: int, depth: int = 0) -> bytes:
    """Compress a part, end mark included.

    Args:
        plain: What to compress.
        literal_context: LZMA's lc.
        depth: How many places to look at for a match; 0 for as many as xz does.
    """
    # The format's 4 MiB took a quarter longer on the differences of relinked programs (llvmlite,
    # numpy), for 0.5 % of them, and eight times the memory.
    filters = _filters(dictionary_for(len(plain)), lc=literal_context, depth=depth)
    return lzma.compress(plain, format=lzma.FORMAT_RAW, filters=filters)


class Unpacker:
    """Unpacks a part from its beginning to its end; it may be a stranger's."""

    def __init__(self, packed: Buffer) -> None:
        self._packed = memoryview(packed)
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_filters(_MOST_DICTIONARY))

    def read(self, size: int, what: str) -> bytes:
        """Return the next `size` bytes.

        Raises:
            MalformedDelta: there are fewer.
        """
        plain = bytearray()
        while len(plain) < size:
            piece = self._decompress(size - len(plain), what)
            if not piece:
                raise MalformedDelta(f"{what}: {size} bytes expected, found {len(plain)}")
            plain += piece
        return bytes(plain)

    def finish(self, what: str) -> None:
        """Make sure that nothing is left.

        Raises:
            MalformedDelta: something is.
        """
        if self._decompress(1, what) or not self._stream.eof or self._stream.unused_data:
            raise MalformedDelta(f"{what}: nothing more expected")

    def _decompress(self, most: int, what: str) -> bytes:
        if self._stream.eof:
            return b""
        packed, self._packed = self._packed, memoryview(b"")
        try:
            return self._stream.decompress(packed, max_length=most)
        except lzma.LZMAError as error:
            raise MalformedDelta(f"{what}: an LZMA2 stream expected ({error})") from error
