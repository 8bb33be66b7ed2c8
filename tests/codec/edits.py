"""Targets that resemble their sources, made from a seed."""

from __future__ import annotations

import random

__all__ = ["edited", "noise", "text"]


def text(seed: int, size: int) -> bytes:
    """Make words in lines: compressible, and full of chance matches."""
    chance = random.Random(seed)
    words = [chance.randbytes(chance.randint(2, 9)).hex().encode() for _ in range(200)]
    words += [word + b"\n" for word in words[:50]]
    return b" ".join(chance.choices(words, k=size // 6 + 1)).ljust(size)[:size]


def noise(seed: int, size: int) -> bytes:
    """Make bytes that look compressed."""
    return random.Random(seed).randbytes(size)


def edited(source: bytes, seed: int, edits: int) -> bytes:
    """Insert, remove, replace and move pieces of `source`."""
    chance = random.Random(seed)
    target = bytearray(source)
    for _ in range(edits):
        at = chance.randrange(len(target) + 1)
        size = min(len(target) - at, chance.choice((1, 2, 4, 30, 500, 20_000)))
        match chance.randrange(4):
            case 0:
                target[at:at] = chance.randbytes(size)
            case 1:
                del target[at : at + size]
            case 2:
                target[at : at + size] = chance.randbytes(size)
            case _:
                piece = target[at : at + size]
                del target[at : at + size]
                to = chance.randrange(len(target) + 1)
                target[to:to] = piece
    return bytes(target)
