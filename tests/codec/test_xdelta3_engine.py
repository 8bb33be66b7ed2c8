"""The second engine: upstream xdelta3, compiled in."""

from __future__ import annotations

import binascii
import lzma
import mmap
import random
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbours import missing

from deltaloft import codec
from deltaloft import xdelta3 as engine
from deltaloft.errors import (
    InvalidRequest,
    MalformedDelta,
    TargetTooLarge,
    UnsupportedDelta,
    WrongSource,
)

Tool = Callable[..., None]
SECONDARIES = ["lzma", "djw", "fgk", "none"]

if not engine.available():
    missing("xdelta3-engine", "built without xdelta3 (vendor/xdelta3/README.md)", whole_module=True)


def varint(value: int) -> bytes:
    """RFC 3284, section 2."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def delta(*windows: bytes, indicator: int = 0, after: bytes = b"") -> bytes:
    """Build a header and put windows behind it; `after` follows Hdr_Indicator."""
    return b"\xd6\xc3\xc4\x00" + bytes([indicator]) + after + b"".join(windows)


def window(
    data: bytes,
    instructions: bytes,
    target_size: int,
    *,
    addresses: bytes = b"",
    indicator: int = 0,
    segment: bytes = b"",
    delta_indicator: int = 0,
) -> bytes:
    """Build one window without Adler-32."""
    sizes = varint(len(data)) + varint(len(instructions)) + varint(len(addresses))
    body = varint(target_size) + bytes([delta_indicator]) + sizes + data + instructions + addresses
    return bytes([indicator]) + segment + varint(len(body)) + body


ADD_5 = bytes([6])  # the opcode of the default code table that adds 5 bytes


@pytest.fixture(scope="module")
def edited() -> tuple[bytes, bytes]:
    """Text of three windows, and the same with edits near and far."""
    r = random.Random(3284)
    words = [bytes(r.choices(b"etaoinshrdlu", k=r.randint(2, 9))) for _ in range(4000)]
    source = b" ".join(r.choices(words, k=3_200_000))[: 18 << 20]
    target = bytearray(source[1 << 20 :] + source[: 1 << 20])
    for _ in range(2000):
        at = r.randrange(len(target))
        target[at : at + r.randrange(8)] = r.choice(words)
    return source, bytes(target)


@pytest.mark.parametrize("level", [1, 9])
@pytest.mark.parametrize("secondary", SECONDARIES)
def test_round_trip(edited: tuple[bytes, bytes], secondary: engine.Secondary, level: int) -> None:
    """What is encoded comes back, whatever compresses the sections, and is far smaller."""
    source, target = edited
    made = engine.encode(source, target, level=level, secondary=secondary)
    assert engine.decode(source, made) == target
    assert len(made) < len(target) // 100


@pytest.mark.parametrize("secondary", SECONDARIES)
def test_the_command_reads_ours(
    xdelta3: Tool,
    tmp_path: Path,
    edited: tuple[bytes, bytes],
    secondary: engine.Secondary,
) -> None:
    """Debian's xdelta3 decodes what the engine encodes."""
    source, target = edited
    (tmp_path / "source").write_bytes(source)
    (tmp_path / "delta").write_bytes(engine.encode(source, target, secondary=secondary))
    xdelta3("-d", "-D", "-s", tmp_path / "source", tmp_path / "delta", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == target


@pytest.mark.parametrize("secondary", SECONDARIES)
def test_we_read_the_commands(
    xdelta3: Tool,
    tmp_path: Path,
    edited: tuple[bytes, bytes],
    secondary: engine.Secondary,
) -> None:
    """The engine decodes what Debian's xdelta3 encodes.

    One window with FGK: when the command leaves a section of an earlier window unpacked, it cannot
    read its own delta either.
    """
    source, target = edited
    if secondary == "fgk":
        target = target[: 8 << 20]
    (tmp_path / "source").write_bytes(source)
    (tmp_path / "target").write_bytes(target)
    delta = tmp_path / "delta"
    xdelta3(
        *("-e", "-9", "-D", "-S", secondary, "-s", tmp_path / "source", tmp_path / "target", delta)
    )
    assert engine.decode(source, delta.read_bytes()) == target


@settings(max_examples=60)
@given(
    source=st.binary(max_size=3000),
    cuts=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 800), st.binary(max_size=40))),
    secondary=st.sampled_from(SECONDARIES),
)
def test_any_target(
    source: bytes, cuts: list[tuple[int, int, bytes]], secondary: engine.Secondary
) -> None:
    """Empty, tiny and cut-up targets come back."""
    target = b"".join(source[at : at + size] + new for at, size, new in cuts)
    assert engine.decode(source, engine.encode(source, target, secondary=secondary)) == target


@pytest.mark.parametrize("size", [1 << 14, (1 << 14) + 1, (1 << 15) - 1, 1 << 15])
def test_a_source_of_a_whole_block(size: int) -> None:
    """A source that ends on, before or after a power of two is read to its last byte."""
    source = random.Random(size).randbytes(size)
    target = source[-100:] + source
    made = engine.encode(source, target)
    assert engine.decode(source, made) == target
    assert len(made) < 60


def test_the_whole_source_is_in_reach() -> None:
    """A copy from past 64 MiB, where the command's source window ends, is found."""
    source = random.Random(64).randbytes(66 << 20)
    target = source[-70_000:] + source[:70_000]
    made = engine.encode(source, target, level=1)
    assert len(made) < 500
    assert engine.decode(source, made) == target


@pytest.mark.slow
def test_a_source_over_4_gib() -> None:
    """A source whose index would need 32 bits or more is indexed more coarsely, to its end."""
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # what is only read takes no memory
    with mmap.mmap(-1, (4 << 30) + (1 << 20), flags=private) as source:
        target = random.Random(4).randbytes(1 << 16)
        source[-len(target) :] = target
        made = engine.encode(source, target)
        assert len(made) < 100
        assert engine.decode(source, made) == target


def test_buffers_of_every_kind() -> None:
    """Bytes, bytearrays and views are taken alike, and are not changed."""
    source, target = b"0123456789" * 50, b"0123456789" * 49 + b"abcdef"
    expected = engine.encode(source, target)
    assert engine.encode(bytearray(source), memoryview(target)) == expected
    assert engine.decode(memoryview(source), bytearray(expected)) == target


def test_threads(edited: tuple[bytes, bytes]) -> None:
    """Calls side by side give what calls one by one give."""
    source, target = edited[0][: 1 << 19], edited[1][: 1 << 19]
    expected = engine.encode(source, target, secondary="djw")

    def encode_and_decode(_: int) -> tuple[bytes, bytes]:
        made = engine.encode(source, target, secondary="djw")
        return made, engine.decode(source, made)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(encode_and_decode, range(8))) == [(expected, target)] * 8


def test_max_size() -> None:
    """A target of exactly max_size is made, one byte less is refused before it is made."""
    made = engine.encode(b"", b"x" * 1000)
    assert engine.decode(b"", made, max_size=1000) == b"x" * 1000
    with pytest.raises(TargetTooLarge) as raised:
        engine.decode(b"", made, max_size=999)
    assert raised.value.window == 0


def test_max_size_counts_all_windows() -> None:
    """The limit is on the target, not on each window of it."""
    made = delta(window(b"abcde", ADD_5, 5), window(b"fghij", ADD_5, 5))
    assert engine.decode(b"", made, max_size=10) == b"abcdefghij"
    with pytest.raises(TargetTooLarge) as raised:
        engine.decode(b"", made, max_size=9)
    assert raised.value.window == 1


def test_another_source() -> None:
    """A source of the same size and other bytes is told by the Adler-32."""
    source = random.Random(7).randbytes(5000)
    made = engine.encode(source, source[:2000] + source[3000:])
    with pytest.raises(WrongSource, match="checksum mismatch"):
        engine.decode(bytes(5000), made)


def test_a_shorter_source() -> None:
    """A segment that ends past the source is refused, whether or not it is copied from."""
    made = delta(window(b"abcde", ADD_5, 5, indicator=1, segment=varint(10) + varint(91)))
    assert engine.decode(bytes(101), made) == b"abcde"
    with pytest.raises(WrongSource, match="segment outside the source") as raised:
        engine.decode(bytes(100), made)
    assert raised.value.window == 0


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(b"\xd6\xc3\xc4\x01\x00", id="version 1"),
        pytest.param(delta(indicator=1, after=b"\x4d"), id="unknown secondary compressor"),
        pytest.param(delta(indicator=2, after=b"\x05\x04\x03abc"), id="custom code table"),
        pytest.param(
            delta(
                window(b"abcde", ADD_5, 5), window(b"fghij", ADD_5, 5, indicator=2, segment=b"\5\0")
            ),
            id="VCD_TARGET",
        ),
        pytest.param(delta(window(b"", b"\x00", (64 << 20) + 1)), id="window over 64 MiB"),
    ],
)
def test_unsupported(made: bytes) -> None:
    """What upstream cannot read is told from what is broken."""
    with pytest.raises(UnsupportedDelta):
        engine.decode(b"", made)


def test_cut_short() -> None:
    """A delta cut anywhere but between windows is malformed, or gives no other target."""
    r = random.Random(11)
    source = r.randbytes(3000)
    target = source[:1000] + r.randbytes(300) + source[900:]
    for secondary in SECONDARIES:
        made = engine.encode(source, target, secondary=secondary)
        header = 5 if secondary == "none" else 6
        for size in range(len(made)):
            if size == header:
                assert engine.decode(source, made[:size]) == b""
                continue
            with pytest.raises(MalformedDelta):
                engine.decode(source, made[:size])


def test_every_bit_flipped() -> None:
    """A flipped bit gives a typed error or a target within max_size, never anything else."""
    r = random.Random(12)
    source = bytes(r.choices(b"abcdefgh", k=2000))
    target = source[:900] + bytes(r.choices(b"ijkl", k=200)) + source[700:]
    typed = (MalformedDelta, UnsupportedDelta, WrongSource, TargetTooLarge)
    for secondary in SECONDARIES:
        made = bytearray(engine.encode(source, target, secondary=secondary))
        for bit in range(len(made) * 8):
            made[bit // 8] ^= 1 << bit % 8
            with suppress(*typed):
                assert len(engine.decode(source, made, max_size=1 << 20)) <= 1 << 20
            made[bit // 8] ^= 1 << bit % 8


def test_sections_past_the_end() -> None:
    """A section that claims 8 EiB is refused before anything is allocated for it."""
    sizes = varint(1 << 63) + varint(1) + varint(0)
    body = varint(5) + b"\x00" + sizes
    made = delta(b"\x00" + varint(len(body) + (1 << 63) + 1) + body + b"abc")
    with pytest.raises(MalformedDelta, match="past the end"):
        engine.decode(b"", made)


@pytest.mark.parametrize("size", [1 << 30, 1 << 40, (1 << 64) - 1])
@pytest.mark.parametrize("compressor", [1, 2, 16])
def test_plain_sizes_that_lie(compressor: int, size: int) -> None:
    """A packed section that claims far more than its window needs gets no memory.

    Upstream rounds the size up to 16 KiB, so that one of nearly 2^64 becomes an allocation of 0
    bytes, into which it would write.
    """
    packed = varint(size) + bytes(range(100))
    made = delta(
        window(packed, ADD_5, 5, delta_indicator=1), indicator=1, after=bytes([compressor])
    )
    with pytest.raises(MalformedDelta, match="far larger than their window"):
        engine.decode(b"", made)


def lzma_section(plain: bytes, dictionary: int) -> bytes:
    """Pack a section as xdelta3 does: an xz stream without checks that has no end."""
    flags = b"\x00\x00"
    stream_header = b"\xfd7zXZ\x00" + flags + binascii.crc32(flags).to_bytes(4, "little")
    block_header = b"\x02\x00\x21\x01" + bytes([dictionary]) + bytes(3)
    block_header += binascii.crc32(block_header).to_bytes(4, "little")
    chunks = lzma.compress(plain, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2}])[:-1]
    return varint(len(plain)) + stream_header + block_header + chunks


@pytest.mark.parametrize(("dictionary", "taken"), [(28, True), (40, False)])
def test_lzma_dictionaries(dictionary: int, taken: bool) -> None:
    """A dictionary of 64 MiB, that of preset 9, is allocated; one of 4 GiB is refused."""
    made = delta(
        window(lzma_section(b"abcde", dictionary), ADD_5, 5, delta_indicator=1),
        indicator=1,
        after=b"\x02",
    )
    if taken:
        assert engine.decode(b"", made) == b"abcde"
    else:
        with pytest.raises(MalformedDelta, match="lzma decoding error"):
            engine.decode(b"", made)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: engine.encode(b"", b"", level=0), id="level 0"),
        pytest.param(lambda: engine.encode(b"", b"", level=10), id="level 10"),
        pytest.param(lambda: engine.encode(b"", b"", secondary="zstd"), id="secondary"),  # type: ignore[arg-type]
        pytest.param(lambda: engine.decode(b"", b"", max_size=-1), id="max_size"),
    ],
)
def test_settings_that_do_not_exist(call: object) -> None:
    """A level, compressor or limit that cannot be is refused as such."""
    assert callable(call)
    with pytest.raises(InvalidRequest):
        call()


def test_version() -> None:
    """The version names upstream's and says what LZMA it has."""
    assert re.fullmatch(r"3\.1\.1, (liblzma \d+\.\d+\.\d+|without liblzma)", engine.version())


def test_a_build_without_the_engine() -> None:
    """Where the extension is missing, available() says so and every call is UnsupportedDelta."""
    script = """
import sys
sys.modules["deltaloft._xdelta3"] = None
from deltaloft import errors, xdelta3
calls = [xdelta3.version, lambda: xdelta3.encode(b"", b""), lambda: xdelta3.decode(b"", b"")]
for call in calls:
    try:
        call()
    except errors.UnsupportedDelta as error:
        print(xdelta3.available(), str(error).startswith("this build of deltaloft has no xdelta3"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "False True\n" * 3


def test_level_0_is_refused_through_the_codec() -> None:
    """Level 0 once passed for no level at all, and 6 was taken without a word."""
    with pytest.raises(InvalidRequest):
        codec.encode(b"source", b"target", level=0, engine="xdelta3")
