"""Plain bytes that lead a deflater into its corners, the same for the same seed everywhere."""

from __future__ import annotations

import random

__all__ = ["KINDS", "SIZES", "plain_bytes"]

_WINDOW = 1 << 15
_MOST_DISTANCE = _WINDOW - 262  # which no match goes beyond
_SLIDE = 2 * _WINDOW - 262  # where a window slides

# The ends of things: of a match, a window, a buffer of two windows, a block of 16 Ki symbols.
_BORDERS = (0, 3, 258, 262, 16383, _MOST_DISTANCE, _WINDOW, _SLIDE, 2 * _WINDOW, 3 * _WINDOW)
SIZES = sorted({max(0, border + more) for border in _BORDERS for more in (-2, -1, 0, 1, 2, 250)})

KINDS = ("noise", "two letters", "zeros", "words", "copies", "mixed")


def plain_bytes(kind: str, size: int, seed: int) -> bytes:
    """Make `size` bytes of a kind."""
    chance = random.Random(f"{kind} {size} {seed}")
    if kind == "noise":
        return chance.randbytes(size)
    if kind == "two letters":
        return bytes(chance.choices(b"ab", k=size))
    if kind == "zeros":
        return bytes(size)
    if kind == "words":
        words = [chance.randbytes(chance.randrange(1, 12)) for _ in range(chance.randrange(2, 300))]
        return b"".join(chance.choices(words, k=size + 1))[:size]
    if kind == "copies":
        return _copies(chance, size)
    parts = [plain_bytes(chance.choice(KINDS[:5]), size // 8 + 1, seed + i) for i in range(8)]
    return b"".join(parts)[:size]


def _copies(chance: random.Random, size: int) -> bytes:
    """Repeat what was before, from just within reach and just beyond, for short and for long."""
    made = bytearray(b"x")
    reaches = (1, 2, 3, 4096, 4097, _MOST_DISTANCE, _MOST_DISTANCE + 1, _WINDOW)
    while len(made) < size:
        if chance.random() < 0.6:
            reach = chance.choice((chance.randrange(1, len(made) + 1), chance.choice(reaches)))
            reach = min(reach, len(made))
            length = chance.choice((3, 3, 4, 5, 10, 258, 300, 1000))
            repeated = bytes(made[-reach:])
            made += (repeated * (length // reach + 1))[:length]
        else:
            made += chance.randbytes(chance.choice((1, 2, 3, 100)))
    return bytes(made[:size])
