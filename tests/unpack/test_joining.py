"""Copies that nearly agree are joined: whether that pays, the first long copies tell."""

from __future__ import annotations

import gzip
import io
import random

import pytest

import deltaloft
from deltaloft.unpack.body import read_body


def linked(seed: int, *, later: bool) -> bytes:
    """Make a program: code between addresses, all of which are others a release later."""
    chance = random.Random(seed)
    made = bytearray()
    for _ in range(6000):
        for size in (chance.randrange(34, 60), 8):
            made += chance.randbytes(size)
            made += (chance.randrange(1 << 20) + (4096 if later else 0)).to_bytes(4, "little")
    return bytes(made)


def edited(seed: int, count: int) -> tuple[bytes, bytes]:
    """Make stretches, and put other ones of other sizes between them."""
    chance = random.Random(seed)
    stretches = [chance.randbytes(60) for _ in range(count)]
    news = [chance.randbytes(chance.randrange(1, 9)) for _ in stretches]
    both = (new + old for new, old in zip(news, stretches, strict=True))
    return b"".join(stretches), b"".join(both)


def differences(source: bytes, target: bytes, threads: int) -> tuple[int, bytes]:
    """Encode two gzip files; return how many bytes of places there are, and the body."""
    out = io.BytesIO()
    old, new = (gzip.compress(each, 6, mtime=0) for each in (source, target))
    deltaloft.encode_file(old, new, out, unpack=True, threads=threads)
    assert new == deltaloft.decode(old, out.getvalue())
    sizes = read_body(memoryview(out.getvalue())).differences.sizes
    return sum(each.places for each in sizes), out.getvalue()


def test_a_program_that_was_linked_again_is_joined() -> None:
    """Each address that changed is a difference, and no copy ends there."""
    places, body = differences(linked(1, later=False), linked(1, later=True), 1)
    assert places > 12_000
    assert len(body) < 30_000


@pytest.mark.parametrize(("stretches", "joined"), [(8_000, True), (40_000, False)])
def test_what_begins_like_a_program_and_goes_on_otherwise_is_made_right(
    stretches: int, joined: bool
) -> None:
    """If the first windows promise too much, nothing of their approximation stays."""
    noise = random.Random(3).randbytes(9 << 19)  # which ends a window
    before, after = edited(2, stretches)
    source = linked(1, later=False) + before
    target = linked(1, later=True) + noise + after
    one, two = (differences(source, target, threads) for threads in (1, 2))
    assert joined == (one[0] > 0)
    assert one == two
