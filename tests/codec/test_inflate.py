"""What is inflated is what zlib makes of it, and what zlib refuses is refused."""

from __future__ import annotations

import random
import zlib

import pytest
from deflate_inputs import KINDS, SIZES, plain_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from deltaloft.errors import MalformedDelta, TargetTooLarge
from deltaloft.native.deflate import Inflater, inflate

PLAIN = st.builds(
    plain_bytes,
    st.sampled_from(KINDS),
    st.sampled_from(SIZES) | st.integers(0, 200_000),
    st.integers(0, 10_000),
)
STRATEGIES = [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_FIXED]


def deflated_by_zlib(plain: bytes, chance: random.Random) -> bytes:
    """Deflate in some way, with blocks of all kinds."""
    level, memory = chance.randrange(10), chance.randrange(1, 10)
    stream = zlib.compressobj(level, zlib.DEFLATED, -15, memory, chance.choice(STRATEGIES))
    half = stream.compress(plain[: len(plain) // 2])
    flushed = stream.flush(chance.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]))
    return half + flushed + stream.compress(plain[len(plain) // 2 :]) + stream.flush()


@settings(max_examples=150)
@given(plain=PLAIN, seed=st.integers(0, 10_000), behind=st.binary(max_size=30))
def test_streams_come_back(plain: bytes, seed: int, behind: bytes) -> None:
    """All bytes come back, and the stream ends where it ends, whatever follows."""
    stream = deflated_by_zlib(plain, random.Random(seed))
    for max_size in (len(plain), 1 << 20):
        assert (plain, len(stream)) == inflate(stream + behind, max_size=max_size)


@settings(max_examples=80)
@given(plain=PLAIN, seed=st.integers(0, 10_000))
def test_streams_come_back_in_pieces(plain: bytes, seed: int) -> None:
    """A stream can be read in any pieces, into any pieces."""
    chance = random.Random(seed)
    stream = deflated_by_zlib(plain, chance)
    inflater, made, at = Inflater(), bytearray(), 0
    given_sizes, asked_sizes = (0, 1, 5, 100, 5000), (0, 1, 10, 289, 400, 100_000)
    while not inflater.finished:
        piece = stream[at : at + chance.choice(given_sizes)]
        asked = chance.choice(asked_sizes)
        some, read = inflater.read(piece, asked)
        assert len(some) == asked or read == len(piece) or inflater.finished
        made += some
        at += read
    assert (plain, len(stream)) == (bytes(made), at)
    assert (b"", 0) == inflater.read(b"more", 10)


def by_zlib(stream: bytes) -> tuple[bytes, int] | None:
    """Return what zlib makes of a stream, and its size; None if it is cut or malformed."""
    inflater = zlib.decompressobj(-15)
    try:
        plain = inflater.decompress(stream)
    except zlib.error:
        return None
    return (plain, len(stream) - len(inflater.unused_data)) if inflater.eof else None


@settings(max_examples=300)
@given(
    kind=st.sampled_from(KINDS),
    size=st.integers(1, 3000),
    seed=st.integers(0, 10_000),
    flips=st.lists(st.integers(0, 1 << 20), min_size=1, max_size=4),
)
def test_damaged_streams_are_read_as_zlib_reads_them(
    kind: str, size: int, seed: int, flips: list[int]
) -> None:
    """A flipped bit gives zlib's bytes or a refusal where zlib refuses; nothing is guessed."""
    plain = plain_bytes(kind, size, seed)
    stream = bytearray(deflated_by_zlib(plain, random.Random(seed)))
    for flip in flips:
        stream[flip // 8 % len(stream)] ^= 1 << flip % 8
    expected = by_zlib(bytes(stream))
    if expected is None:
        with pytest.raises(MalformedDelta):
            inflate(stream, max_size=1 << 24)
    else:
        assert expected == inflate(stream, max_size=1 << 24)


# A dynamic block's header, by hand: three bits of block, HLIT, HDIST, HCLEN.
@pytest.mark.parametrize(
    "stream, what",
    [
        (b"\x07", "a block of type 3"),
        (b"\x01\x01\x00\x00\x00", "a stored size and its complement differ"),
        (b"\xfd\xff\xff\xff", "287 literals and more"),
        (b"\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00", "no code for the code lengths"),
        (b"\x4b\x04\x12\x00", "a distance beyond the first byte"),
        (b"\x1b\x03", "a symbol that no fixed code has"),
    ],
)
def test_what_breaks_the_rules_is_refused(stream: bytes, what: str) -> None:
    """Each rule of RFC 1951 that can be broken is held, as zlib holds it."""
    assert by_zlib(stream + bytes(20)) is None, what
    with pytest.raises(MalformedDelta):
        inflate(stream + bytes(20), max_size=1000)


def test_cut_streams_are_refused() -> None:
    """A stream that ends early is refused at every byte, and says how far it went."""
    plain = plain_bytes("mixed", 700, 5)
    stream = deflated_by_zlib(plain, random.Random(5))
    for size in range(len(stream)):
        with pytest.raises(MalformedDelta, match="the end of a deflate stream expected") as caught:
            inflate(stream[:size], max_size=1 << 20)
        assert size == caught.value.offset


@pytest.mark.parametrize("size", [1, 5, 1000, 100_000])
def test_no_more_is_made_than_allowed(size: int) -> None:
    """A stream that holds more than it may is refused, a bomb without its memory."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = stream.compress(bytes(64 << 20)) + stream.flush()
    with pytest.raises(TargetTooLarge, match=f"{size} bytes expected at most"):
        inflate(bomb, max_size=size)
