"""Plain bytes that lead a deflater into its corners, the same for the same seed everywhere."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["KINDS", "SIZES", "crowded_bytes", "distant_bytes", "plain_bytes"]

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


def crowded_bytes(size: int, seed: int) -> bytes:
    """Crowd the chains of few hashes, by threes of which only low bits of the first byte count.

    The fourth byte varies, so that matches of four are rare and many steps away; stretches come
    again, shorter and longer, so that some are just out of reach.
    """
    chance = random.Random(f"crowded {size} {seed}")
    made = bytearray()
    while len(made) < size:
        if chance.random() < 0.02 and made:
            start = chance.randrange(max(0, len(made) - 40_000), len(made))
            made += made[start : start + chance.choice((4, 5, 8, 20, 33, 60, 300))]
        else:
            word = bytearray(b"abcde"[: chance.choice((3, 3, 4, 5))])
            word[0] ^= chance.randrange(chance.choice((1, 8))) << 5
            made += word + chance.randbytes(1)
    return bytes(made[:size])


def distant_bytes(size: int, reaches: Sequence[int], seed: int) -> bytes:
    """Repeat three to six bytes of noise from just these distances."""
    chance = random.Random(f"distant {size} {seed}")
    made = bytearray()
    while len(made) < size:
        reach, length = chance.choice(reaches), chance.choice((3, 3, 4, 6))
        if len(made) > reach:
            made += made[-reach : length - reach]
        made += chance.randbytes(chance.choice((1, 2, 9)))
    return bytes(made[:size])
