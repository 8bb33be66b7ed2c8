"""Symbols of another stream are taken instead of looked for, and the bytes stay the same."""

from __future__ import annotations

import random
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from deflate_inputs import KINDS, plain_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbours import missing

from deltaloft.errors import InvalidRequest, MalformedDelta
from deltaloft.native.deflate import (
    DeflateFamily,
    DeflateParameters,
    Deflater,
    Reuse,
    SymbolRange,
    deflate,
    find_ranges,
    inflate,
)

LEVELS = range(4, 10)


def edited(plain: bytes, seed: int, edits: int) -> bytes:
    """Change, insert and leave out a few bytes in a few places."""
    chance = random.Random(seed)
    made = bytearray(plain)
    for _ in range(edits):
        at = chance.randrange(len(made) + 1)
        made[at : at + chance.randrange(20)] = chance.randbytes(chance.randrange(20))
    return bytes(made)


def by_zlib(plain: bytes, level: int, mem_level: int) -> bytes:
    """Deflate by Python's zlib."""
    if "ng" in zlib.ZLIB_RUNTIME_VERSION:
        missing("zlib", f"this Python has another zlib: {zlib.ZLIB_RUNTIME_VERSION}")
    stream = zlib.compressobj(level, zlib.DEFLATED, -15, mem_level)
    return stream.compress(plain) + stream.flush()


def ranges_of(old: bytes, new: bytes, plain: bytes, least: int = 300) -> list[SymbolRange]:
    """Find what a stream can reuse."""
    return find_ranges(old, new, len(plain), least=least, most=1000)


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    size=st.integers(0, 200_000),
    seed=st.integers(0, 10_000),
    edits=st.integers(0, 8),
    level=st.sampled_from(LEVELS),
    mem_level=st.sampled_from([8, 9]),
    least=st.sampled_from([1, 100, 2000]),
    piece_size=st.sampled_from([1000, 65536, 1 << 20]),
)
def test_what_zlib_made_is_made_by_reuse(
    kind: str,
    size: int,
    seed: int,
    edits: int,
    level: int,
    mem_level: int,
    least: int,
    piece_size: int,
) -> None:
    """Whatever was edited, whichever the level: reusing symbols gives zlib's bytes."""
    old_plain = plain_bytes(kind, size, seed)
    new_plain = edited(old_plain, seed, edits)
    old, new = by_zlib(old_plain, level, mem_level), by_zlib(new_plain, level, mem_level)
    reuse = Reuse(old, ranges_of(old, new, new_plain, least))
    parameters = DeflateParameters("zlib", level, mem_level)
    deflater = Deflater(parameters, reuse)
    pieces = [new_plain[at : at + piece_size] for at in range(0, len(new_plain), piece_size)]
    assert new == b"".join(map(deflater.write, pieces)) + deflater.finish()


@pytest.mark.parametrize("level", LEVELS)
def test_what_gzip_made_is_made_by_reuse(level: int, tmp_path: Path) -> None:
    """The same for GNU gzip, which ends blocks early."""
    program = shutil.which("gzip")
    if program is None:
        missing("gzip", "GNU gzip is not installed")
    old_plain = plain_bytes("noise", 90_000, 1) + plain_bytes("words", 300_000, level)
    streams = []
    new_plain = edited(old_plain, level, 4)
    for plain in (old_plain, new_plain):
        (tmp_path / "plain").write_bytes(plain)
        command = [program, "-nc", f"-{level}", str(tmp_path / "plain")]
        streams.append(subprocess.run(command, check=True, capture_output=True).stdout[10:-8])
    _check_reuse(*streams, new_plain, DeflateParameters("gzip", level, 9))


@pytest.mark.parametrize("level", LEVELS)
def test_what_node_made_is_made_by_reuse(level: int) -> None:
    """The same for Node, whose zlib enters four bytes."""
    program = shutil.which("node")
    if program is None:
        missing("node", "Node 20 or later is not installed")
    code = (
        "const zlib = require('zlib'); process.stdout.write(zlib.deflateRawSync("
        f"require('fs').readFileSync(0), {{ level: {level} }}))"
    )
    old_plain = plain_bytes("words", 300_000, level)
    new_plain = edited(old_plain, level, 4)
    old, new = (
        subprocess.run([program, "-e", code], input=plain, check=True, capture_output=True).stdout
        for plain in (old_plain, new_plain)
    )
    _check_reuse(old, new, new_plain, DeflateParameters("chromium", level, 8))


def _check_reuse(old: bytes, new: bytes, plain: bytes, parameters: DeflateParameters) -> None:
    ranges = ranges_of(old, new, plain)
    assert sum(each.reused for each in ranges) > len(plain) / 4
    assert new == deflate(plain, parameters, Reuse(old, ranges))


FAMILIES: list[DeflateFamily] = ["zlib", "gzip", "chromium"]


@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_ranges_make_the_same_plain_bytes_or_nothing(family: DeflateFamily) -> None:
    """Ranges and streams at random give a stream that holds the plain bytes, or our error."""
    chance = random.Random(family)
    refused = 0
    for number in range(200):
        parameters = DeflateParameters(family, chance.choice(LEVELS), 9)
        plain = plain_bytes("words", chance.randrange(100_000), number)
        old = deflate(edited(plain, number, 3), parameters)
        sizes = [1, 1000, 70_000] if number % 2 else [1, 5, 40]
        ranges = [
            SymbolRange(*(chance.randrange(chance.choice(sizes)) for _ in range(3)))
            for _ in range(chance.randrange(1, 4))
        ]
        try:
            made = deflate(plain, parameters, Reuse(old, ranges))
        except MalformedDelta as error:
            assert "reused expected" in str(error)
            refused += 1
        else:
            assert (plain, len(made)) == inflate(made, max_size=len(plain))
    assert 0 < refused < 200


def test_matches_that_reach_too_far_are_refused() -> None:
    """A match from before the beginning, or of other bytes, is none of this stream's."""
    parameters = DeflateParameters("zlib", 6, 8)
    old_plain = plain_bytes("words", 5000, 1)
    old = deflate(old_plain, parameters)
    # 2000 bytes into the old stream, where matches reach behind that.
    skipped = next(
        size for size in range(2000, 2300) if _is_border(old, parameters, old_plain, size)
    )
    for plain in (old_plain[skipped:], bytes(5000)):
        with pytest.raises(MalformedDelta, match="reused expected"):
            deflate(plain, parameters, Reuse(old, [SymbolRange(0, skipped, 1000)]))


def _is_border(old: bytes, parameters: DeflateParameters, plain: bytes, size: int) -> bool:
    try:
        deflate(plain, parameters, Reuse(old, [SymbolRange(0, 0, size)]))
    except MalformedDelta:
        return False
    return True


def test_fast_levels_reuse_nothing() -> None:
    """Levels 1 to 3 enter matches by their length, so what is in their chains cannot be told."""
    for level in (1, 2, 3):
        parameters = DeflateParameters("zlib", level, 8)
        assert not parameters.reusable
        with pytest.raises(InvalidRequest, match="known deflate parameters expected"):
            Deflater(parameters, Reuse(b"\3\0", []))


def test_memory_is_let_go() -> None:
    """What is reused is pinned until the stream is finished or has failed, and no longer."""
    parameters = DeflateParameters("zlib", 6, 8)
    plain = plain_bytes("words", 50_000, 1)
    old = bytearray(deflate(plain, parameters))
    for ranges in ([SymbolRange(0, 0, 40_000)], ranges_of(bytes(old), bytes(old), plain)):
        deflater = Deflater(parameters, Reuse(old, ranges))
        with pytest.raises(BufferError):
            old.append(1)
        if len(ranges) == 1 and ranges[0].reused == 40_000:
            with pytest.raises(MalformedDelta):
                deflater.write(bytes(100_000))
        else:
            assert bytes(old) == deflater.write(plain) + deflater.finish()
        old.append(1)
        old.pop()


def test_streams_that_are_none_have_no_ranges() -> None:
    """Whoever looks for ranges in something else is told so."""
    good = deflate(b"words " * 9, DeflateParameters("zlib", 6, 8))
    for old, new in ((b"", good), (good, b"\xff\xff"), (good[:-3], good)):
        with pytest.raises(MalformedDelta, match="two deflate streams expected"):
            find_ranges(old, new, 54, least=1, most=9)


def test_stored_blocks_are_not_reused() -> None:
    """Which symbols stored bytes would have been nobody knows: they are passed by."""
    parameters = DeflateParameters("zlib", 6, 8)
    noise, words = plain_bytes("noise", 100_000, 1), plain_bytes("words", 100_000, 1)
    plain = words + noise + words
    old, new = deflate(plain, parameters), deflate(b"x" + plain, parameters)
    ranges = ranges_of(old, new, b"x" + plain)
    assert 0 < sum(each.reused for each in ranges) < 2 * len(words) + 1
    assert new == deflate(b"x" + plain, parameters, Reuse(old, ranges))


# Of its symbols, a quarter is read ahead.
_LONG = 8_000_000


def test_a_range_is_as_long_as_what_two_streams_share() -> None:
    """A stream is read while it is compared; a range goes on over what was not read before."""
    parameters = DeflateParameters("zlib", 6, 8)
    plain = plain_bytes("words", _LONG, 1)
    old = deflate(plain, parameters)
    (range_,) = ranges_of(old, old, plain)
    assert (0, 0) == range_[:2]
    assert _LONG - 1000 < range_.reused < _LONG


def test_what_breaks_behind_all_ranges_is_refused() -> None:
    """A stream that ends early has no ranges, not those before its end."""
    plain = plain_bytes("words", _LONG, 1)
    old = deflate(plain, DeflateParameters("zlib", 6, 8))
    with pytest.raises(MalformedDelta, match="two deflate streams expected"):
        find_ranges(old, old[:-1], 100_000, least=1000, most=1)


def test_a_size_that_is_wrong_only_costs_ranges() -> None:
    """Plain bytes are counted as the caller counts them, and what is made of it is compared."""
    parameters = DeflateParameters("zlib", 6, 8)
    plain = plain_bytes("words", 100_000, 1)
    old = deflate(plain, parameters)
    assert find_ranges(old, old, 0, least=1, most=9) == []
    assert find_ranges(old, old, 50_000, least=1, most=9)[0].reused < 50_000
    with pytest.raises(MalformedDelta, match="reused expected"):
        deflate(plain, parameters, Reuse(old, find_ranges(old, old, 1 << 40, least=1, most=9)))
