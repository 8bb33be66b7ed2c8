"""A stream of any program comes back from its plain bytes and corrections."""

from __future__ import annotations

import random
import threading
import zlib
from pathlib import Path

import pytest
from deflate_inputs import KINDS, plain_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from deltaloft.errors import MalformedDelta
from deltaloft.native.corrections import Restorer, correct, restore
from deltaloft.native.deflate import DeflateFamily, DeflateParameters, deflate

VECTORS = Path(__file__).parent.parent / "vectors" / "streams"
NAMES = sorted(path.stem for path in VECTORS.glob("*.deflate"))

PLAIN = st.builds(
    plain_bytes, st.sampled_from(KINDS), st.integers(0, 150_000), st.integers(0, 10_000)
)
STRATEGIES = [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE]
FLUSHES = [zlib.Z_NO_FLUSH, zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]


def corrections_of(plain: bytes, deflated: bytes) -> bytes:
    """Return corrections of any size."""
    corrections = correct(plain, deflated, most=len(deflated) + 1000)
    assert corrections is not None
    return corrections


@settings(max_examples=150, deadline=None)
@given(
    plain=PLAIN,
    level=st.integers(0, 9),
    window=st.integers(9, 15),
    mem_level=st.integers(1, 9),
    strategy=st.sampled_from([*STRATEGIES, zlib.Z_FIXED]),
    flush=st.sampled_from(FLUSHES),
    piece=st.integers(2000, 100_000),
)
def test_whatever_zlib_was_told(
    plain: bytes,
    level: int,
    window: int,
    mem_level: int,
    strategy: int,
    flush: int,
    piece: int,
) -> None:
    """Every strategy, window, memory level and way to flush comes back, in pieces as well."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -window, mem_level, strategy)
    deflated = b"".join(
        stream.compress(plain[at : at + piece]) + stream.flush(flush)
        for at in range(0, len(plain), piece)
    )
    deflated += stream.flush()
    corrections = corrections_of(plain, deflated)
    restorer = Restorer(corrections)
    pieces = [plain[at : at + piece] for at in range(0, len(plain), piece)]
    assert deflated == b"".join(map(restorer.write, pieces)) + restorer.finish()


@pytest.mark.parametrize("name", NAMES)
def test_streams_of_other_programs(name: str) -> None:
    """What zopfli, 7-Zip, libdeflate and others made comes back, by what was once stored for it."""
    plain = (VECTORS / "plain").read_bytes()
    deflated = (VECTORS / f"{name}.deflate").read_bytes()
    assert deflated == restore(plain, (VECTORS / f"{name}.corrections").read_bytes())
    corrections = corrections_of(plain, deflated)
    assert deflated == restore(plain, corrections)
    assert len(corrections) < len(deflated) / 4


@pytest.mark.parametrize("family, level", [("zlib", 6), ("zlib", 1), ("gzip", 8), ("miniz", 6)])
def test_the_expected_costs_next_to_nothing(family: DeflateFamily, level: int) -> None:
    """A stream that is nearly made by zlib's decisions has nearly no corrections."""
    plain = plain_bytes("words", 400_000, 1)
    mem_level = 9 if family == "gzip" else 8
    deflated = deflate(plain, DeflateParameters(family, level, mem_level))
    assert len(corrections_of(plain, deflated)) < len(deflated) / 100


def test_too_many_are_none() -> None:
    """Corrections that would not be worth it are not returned."""
    plain = plain_bytes("words", 30_000, 2)
    deflated = deflate(plain, DeflateParameters("zlib", 6, 8))
    size = len(corrections_of(plain, deflated))
    assert correct(plain, deflated, most=size - 1) is None
    assert correct(plain, deflated, most=0) is None
    assert correct(plain, deflated, most=size) is not None


def test_what_is_no_stream_of_these_bytes_is_refused() -> None:
    """Cut or damaged streams, and other plain bytes, have no corrections that lie."""
    plain = plain_bytes("words", 5000, 3)
    deflated = deflate(plain, DeflateParameters("zlib", 6, 8))
    for other in (plain[:-1], plain + b"x", b"", plain[:2000] + b"?" + plain[2001:]):
        assert correct(other, deflated, most=10_000) is None
    stored = deflate(noise := random.Random(3).randbytes(5000), DeflateParameters("zlib", 6, 8))
    assert correct(noise, stored, most=1000) is not None
    assert correct(noise[:-1] + bytes([noise[-1] ^ 1]), stored, most=1000) is None
    for cut in range(len(deflated)):
        assert correct(plain, deflated[:cut], most=10_000) is None
    assert correct(plain, deflated + b"\0", most=10_000) is None
    chance = random.Random(1)
    for _ in range(1000):
        damaged = bytearray(deflated)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        corrections = correct(plain, damaged, most=10_000)
        assert corrections is None or restore(plain, corrections) == damaged


def bits(*fields: tuple[int, int]) -> bytes:
    """Write values of so many bits, lowest first."""
    number = size = 0
    for value, count in fields:
        number |= value << size
        size += count
    return number.to_bytes(-(-size // 8), "little")


def test_bits_that_stand_for_nothing_come_back() -> None:
    """Padding before a stored block and behind the last one is kept, whatever it is."""
    stored = bits((0, 1), (0, 2), (0b10110, 5), (2, 16), (0xFFFD, 16), (0x6261, 16))
    fixed = bits((1, 1), (1, 2), (0, 7), (0b101011, 6))  # the end of a fixed block
    deflated = stored + fixed
    assert zlib.decompress(deflated, -15) == b"ab"
    assert deflated == restore(b"ab", corrections_of(b"ab", deflated))


def test_what_no_compressor_writes_is_refused() -> None:
    """A match of 258 bytes by the symbol of shorter ones cannot be told, and is not."""
    symbol, extra, distance = int(f"{0b11000100:08b}"[::-1], 2), 31, 0
    literal = int(f"{0x30 + ord('a'):08b}"[::-1], 2)
    head = ((1, 1), (1, 2), (literal, 8))
    deflated = bits(*head, (symbol, 8), (extra, 5), (distance, 5), (0, 7))
    assert zlib.decompress(deflated, -15) == b"a" * 259
    assert correct(b"a" * 259, deflated, most=1000) is None


def test_damaged_corrections_do_no_harm() -> None:
    """Any cut is refused; any bit leads to a refusal, or to some stream of the same plain bytes."""
    plain = plain_bytes("words", 1500, 4)
    deflated = deflate(plain, DeflateParameters("zlib", 1, 8))
    corrections = corrections_of(plain, deflated)
    for cut in range(len(corrections)):
        with pytest.raises(MalformedDelta):
            restore(plain, corrections[:cut])
    with pytest.raises(MalformedDelta):
        restore(plain, corrections + b"\0")
    for bit in range(8 * len(corrections)):
        damaged = bytearray(corrections)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            made = restore(plain, bytes(damaged))
        except MalformedDelta:
            continue
        assert len(made) <= 2 * len(plain) + 4096


def test_strange_corrections_make_little() -> None:
    """Whatever a stranger sends, a stream has at most twice as many bytes as its plain ones."""
    chance = random.Random(9)
    plain = plain_bytes("mixed", 3000, 9)
    for _ in range(300):
        corrections = b"\0" + bytes(chance.choices((0, 0, 0xFF, chance.randrange(256)), k=300))
        restorer = Restorer(corrections)
        try:
            made = restorer.write(plain) + restorer.finish()
        except MalformedDelta:
            continue
        assert len(made) <= 2 * len(plain) + 4096


def test_a_finished_stream_takes_no_more() -> None:
    """After the end, or after what was malformed, there is nothing to go on with."""
    restorer = Restorer(b"")
    with pytest.raises(MalformedDelta, match="corrections of this deflate stream expected"):
        restorer.write(b"all there is")
    with pytest.raises(RuntimeError, match="not finished expected"):
        restorer.write(b"more")


def test_streams_are_restored_side_by_side() -> None:
    """Restorers share nothing, and leave the interpreter to others while they work."""
    plains = [plain_bytes("mixed", 300_000, seed) for seed in range(3)]
    expected = [deflate(plain, DeflateParameters("zlib", 4, 8)) for plain in plains]
    corrections = [corrections_of(*each) for each in zip(plains, expected, strict=True)]
    made: list[bytes] = [b""] * len(plains)

    def make(number: int) -> None:
        made[number] = restore(plains[number], corrections[number])

    threads = [threading.Thread(target=make, args=(number,)) for number in range(len(made))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert expected == made
