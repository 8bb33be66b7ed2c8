"""Chunks of the LZMA encoder are what liblzma reads, whatever they were made from."""

from __future__ import annotations

import lzma
import random

import pytest
from edits import noise, text
from hypothesis import given, settings
from hypothesis import strategies as st

from deltaloft.native import SHRINKING_BLOCK, LzmaEncoder, shrinking_blocks

CHUNK = 1 << 15
DICTIONARY = 1 << 19


def decoded(chunks: bytes) -> bytes:
    """Read chunks with the dictionary that deltas name."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": DICTIONARY}]
    return lzma.decompress(chunks + b"\0", format=lzma.FORMAT_RAW, filters=filters)


def records(seed: int, size: int) -> bytes:
    """Make rows of 24 bytes that change in a few: matches of two and three bytes, old distances."""
    chance = random.Random(seed)
    row = bytearray(24)
    rows = []
    for _ in range(size // 24 + 1):
        for at in (0, 1, 8, chance.randrange(24)):
            row[at] = min(255, int(chance.expovariate(0.02)))
        rows.append(bytes(row))
    return b"".join(rows)[:size]


def rare(seed: int, size: int) -> bytes:
    """Make mostly one value: decisions of which one side has hardly a chance, and carries."""
    chance = random.Random(seed)
    return bytes(255 if chance.random() < 0.997 else chance.randrange(256) for _ in range(size))


KINDS = [text, noise, records, rare]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 3, 4, 5, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 2, 300_000])
def test_chunks_are_read(kind, size: int) -> None:  # type: ignore[no-untyped-def]
    """Data of all kinds come back, at the borders of chunks too."""
    data = kind(size, size)
    assert data == decoded(LzmaEncoder().encode(data))


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 99), st.integers(0, 2 * CHUNK)), max_size=5
    ),
    few=st.lists(st.integers(0, 3), max_size=300).map(bytes),
)
def test_mixed_data_is_read(parts, few: bytes) -> None:  # type: ignore[no-untyped-def]
    """Packed and plain chunks follow each other in any order; an encoder may be used again."""
    encoder = LzmaEncoder()
    data = b"x" + few + b"".join(kind(seed, size) for kind, seed, size in parts) + few
    assert data == decoded(encoder.encode(data))
    assert encoder.encode(data) == LzmaEncoder().encode(data)


def test_matches_stay_within_the_dictionary() -> None:
    """What recurs within 512 KiB is found, and what recurs farther away is not copied."""
    word = noise(1, 1000)
    near = word + noise(2, DICTIONARY - 2000) + word
    far = word + bytes(DICTIONARY - 1000) + bytes(1) + word
    for data in (near, far):
        assert data == decoded(LzmaEncoder().encode(data))
    assert len(LzmaEncoder().encode(word + near[-5000:])) < 5500


def test_data_that_shrinks_does() -> None:
    """Text and records take at most a few percent more than by liblzma's quickest settings."""
    quickest = {"id": lzma.FILTER_LZMA2, "preset": 0, "pb": 0, "dict_size": DICTIONARY}
    for data in (text(3, 400_000), records(4, 400_000)):
        least = len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=[quickest]))
        assert len(LzmaEncoder().encode(data)) < 1.06 * least
    assert len(LzmaEncoder().encode(noise(6, 400_000))) <= 400_000 + 3 * 13


def test_blocks_that_shrink_are_marked() -> None:
    """Each block is judged by its own bytes, the last one by what is left."""
    block = SHRINKING_BLOCK
    data = noise(7, 2 * block) + text(8, block) + noise(9, block) + text(10, 100)
    assert bytes([0, 0, 1, 0, 1]) == shrinking_blocks(data, 45)
    assert b"" == shrinking_blocks(b"", 45)
