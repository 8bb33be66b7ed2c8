"""Integers as RFC 3284 writes them: 7 bits a byte, the high ones first."""

from __future__ import annotations

from collections.abc import Iterable

from deltaloft.errors import MalformedDelta

__all__ = ["read_integer", "write_integer", "write_integers"]

_LONGEST = 9  # bytes: 63 bits


def read_integer(buffer: bytes | memoryview, at: int) -> tuple[int, int]:
    """Return the integer at `at`, and where it ends.

    Raises:
        MalformedDelta: there is none, or it has more than 63 bits.
    """
    value = 0
    for byte in buffer[at : at + _LONGEST]:
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    raise MalformedDelta(f"unpack: an integer of at most 63 bits expected at byte {at}")


def write_integer(value: int) -> bytes:
    """Return the bytes of one integer."""
    digits = bytearray([value & 0x7F])
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    digits.reverse()
    return bytes(digits)


def write_integers(values: Iterable[int]) -> bytes:
    """Return the bytes of several, one after the other."""
    return b"".join(map(write_integer, values))
