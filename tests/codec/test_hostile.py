"""Deltas that lie: a typed error or the right bytes, and no memory without a reason."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from delta_builder import (
    ADDRCOMP,
    COPY,
    DATACOMP,
    INSTCOMP,
    RUN,
    add,
    add_window,
    header,
    packed,
    plain_chunk,
    varint,
    window,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import deltaloft
from deltaloft import DeltaloftError, MalformedDelta, TargetTooLarge
from deltaloft.native import Delta, pinned

VECTORS = Path(__file__).parent.parent / "vectors"
MEBIBYTE = 1 << 20

# Each with an Adler-32 in every window: without one, a wrong byte of data cannot show.
PROVEN = ["adler32", "many-windows", "xdelta3-application-header", "xdelta3-lzma", "xdelta3-plain"]


def vector(name: str) -> tuple[bytes, bytes, bytes]:
    """Return source, delta and target."""
    folder = VECTORS / name
    return tuple((folder / part).read_bytes() for part in ("source", "delta", "target"))  # type: ignore[return-value]


def decoded(source: bytes, delta: bytes) -> bytes | None:
    """Return the target, or None after a typed error."""
    with suppress(DeltaloftError):
        deltaloft.inspect(delta)
    try:
        return deltaloft.decode(source, delta, max_size=MEBIBYTE)
    except DeltaloftError:
        return None


@contextmanager
def memory_below(size: int) -> Iterator[None]:
    """Check that at no time more than `size` bytes are allocated for what the block does."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", PROVEN)
def test_every_bit_flipped(name: str) -> None:
    """A delta with one wrong bit gives an error, or its target all the same."""
    source, delta, target = vector(name)
    survivors = 0
    for bit in range(len(delta) * 8):
        damaged = bytearray(delta)
        damaged[bit // 8] ^= 1 << bit % 8
        result = decoded(source, bytes(damaged))
        assert result in (None, target), f"bit {bit}"
        survivors += result is not None
    assert survivors < len(delta) * 4


@pytest.mark.parametrize("name", PROVEN)
def test_every_truncation(name: str) -> None:
    """A delta that was cut gives an error, or, cut between windows, those that are left."""
    source, delta, target = vector(name)
    window_starts = {found.offset for found in deltaloft.inspect(delta).windows}
    for size in range(len(delta)):
        result = decoded(source, delta[:size])
        assert (result is not None) == (size in window_starts), f"cut to {size}"
        assert result is None or target.startswith(result)


@settings(max_examples=300)
@given(st.sampled_from(PROVEN), st.data())
def test_bytes_replaced(name: str, data: st.DataObject) -> None:
    """A delta with pieces of it replaced or moved gives an error, or a target; nothing worse."""
    source, delta, _ = vector(name)
    damaged = bytearray(delta)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged)))
        end = data.draw(st.integers(start, min(len(damaged), start + 12)))
        damaged[start:end] = data.draw(st.binary(max_size=12))
    decoded(source, bytes(damaged))


@settings(max_examples=300)
@given(
    st.binary(max_size=40),
    st.binary(max_size=20),
    st.binary(max_size=20),
    st.integers(0, 300),
    st.integers(0, 16),
)
def test_random_sections(
    instructions: bytes, data: bytes, addresses: bytes, target_size: int, segment_size: int
) -> None:
    """Sections of random bytes give an error or a target of the declared size."""
    delta = header() + window(target_size, instructions, data, addresses, segment=(segment_size, 0))
    result = decoded(b"abcdefghijklmnop", delta)
    assert result is None or target_size == len(result)


def test_declared_target_against_max_size() -> None:
    """A target is refused for what it declares, before any of it is made."""
    bomb = header() + window(10 << 30, bytes([RUN]) + varint(10 << 30), b"\0")
    with memory_below(MEBIBYTE), pytest.raises(TargetTooLarge):
        deltaloft.decode(b"", bomb, max_size=100 * MEBIBYTE)


def test_declared_targets_add_up() -> None:
    """Many windows together are held to max_size, to the byte."""
    delta = header() + add_window(b"12345") * 20
    assert b"12345" * 20 == deltaloft.decode(b"", delta, max_size=100)
    with pytest.raises(TargetTooLarge):
        deltaloft.decode(b"", delta, max_size=99)


def test_max_size_of_files(tmp_path: Path) -> None:
    """decode_file refuses by max_size too, and leaves no file."""
    with pytest.raises(TargetTooLarge):
        deltaloft.decode_file(b"", header() + add_window(b"12345"), tmp_path / "t", max_size=4)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [1 << 47, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_targets_beyond_memory(size: int, tmp_path: Path) -> None:
    """What no memory can hold is an error that a caller can catch, not a crash."""
    delta = header() + window(size, bytes([RUN]) + varint(size), b"\0")
    with pytest.raises((TargetTooLarge, MemoryError)):
        deltaloft.decode(b"", delta)
    with pytest.raises((TargetTooLarge, MemoryError)):
        deltaloft.decode_file(b"", delta, tmp_path / "target")
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [DATACOMP, INSTCOMP, ADDRCOMP])
def test_packed_more_than_declared(kind: int) -> None:
    """A packed section inflates no further than declared, whatever is in it."""
    section = packed(bytes(64 * MEBIBYTE), size=10)
    sections = {DATACOMP: b"", INSTCOMP: b"\x0b", ADDRCOMP: b""}
    sections[kind] = section
    delta = header(secondary=2) + window(
        10, sections[INSTCOMP], sections[DATACOMP], sections[ADDRCOMP], packed=kind
    )
    with memory_below(2 * MEBIBYTE), pytest.raises(MalformedDelta, match="found more"):
        deltaloft.decode(b"", delta)


@pytest.mark.parametrize("kind", [DATACOMP, INSTCOMP, ADDRCOMP])
def test_packed_more_than_the_target_can_use(kind: int) -> None:
    """A packed section cannot declare more than its window could ever need."""
    section = packed(bytes(64 * MEBIBYTE))
    sections = {DATACOMP: b"", INSTCOMP: b"\x0b", ADDRCOMP: b""}
    sections[kind] = section
    delta = header(secondary=2) + window(
        10, sections[INSTCOMP], sections[DATACOMP], sections[ADDRCOMP], packed=kind
    )
    with memory_below(2 * MEBIBYTE), pytest.raises(MalformedDelta, match="plain bytes expected"):
        deltaloft.decode(b"", delta)


def test_inspect_does_not_unpack_bombs() -> None:
    """A huge section under LZMA is left uncounted, and so is what goes on in its stream."""
    size = 65 * MEBIBYTE
    instructions = bytes([1]) + varint(size)
    add_nine = add(b"123456789")[0]
    goes_on = varint(9) + plain_chunk(b"123456789", forgets=False)
    for second, counted in ((packed(b"123456789", first=False), 1), (goes_on, None)):
        delta = (
            header(secondary=2)
            + window(size, instructions, packed(bytes(size)), packed=DATACOMP)
            + window(9, add_nine, second, packed=DATACOMP)
            + add_window(b"plain")
        )
        with memory_below(2 * MEBIBYTE):
            inspection = deltaloft.inspect(delta)
        assert [None, counted, 1] == [w.counts and w.counts.adds for w in inspection.windows]
        assert inspection.counts is None


def test_length_that_counts_short_integers() -> None:
    """A window's length counts the bytes that stand there (RFC 3284, 4.3), zeros in front too."""
    window = b"\0" + b"\5" + b"\0\0\0\0" + b"\x80\0"  # the last size takes two bytes, not one
    with pytest.raises(MalformedDelta, match="expected the size of the address section") as caught:
        deltaloft.decode(b"", b"\xd6\xc3\xc4\0\0" + window)
    assert (0, 11) == (caught.value.window, caught.value.offset)


def test_many_tiny_windows() -> None:
    """A hundred thousand windows of one byte are a target like any other."""
    delta = header() + add_window(b"x") * 100_000
    assert b"x" * 100_000 == deltaloft.decode(b"", delta)


def test_many_empty_windows_that_look_back(tmp_path: Path) -> None:
    """Windows that copy from earlier target cost no file descriptor each."""
    looking_back = window(1, bytes([COPY, 1]), b"", b"\0", segment=(1, 0), from_target=True)
    delta = header() + add_window(b"x") + looking_back * 3000
    deltaloft.decode_file(b"", delta, tmp_path / "target")
    assert b"x" * 3001 == (tmp_path / "target").read_bytes()


def test_delta_that_changes() -> None:
    """A delta that another thread writes to while it is read does no harm."""
    delta = bytearray(header() + add_window(b"12345") + add_window(b"67890"))
    with Delta(delta) as opened, pinned(b"") as source, pinned(bytearray(5)) as room:
        first, second = opened.window_headers()
        delta[first.offset + 2] = 100  # the size of its target
        changed = next(opened.window_headers())
        with pytest.raises(MalformedDelta, match="larger"):
            opened.decode_window(0, changed, None, segments=source, room=room, position=0)
        delta[second.offset] = 0x80
        with pytest.raises(MalformedDelta, match="indicator"):
            list(opened.window_headers())


def test_application_header_of_a_stranger() -> None:
    """What a header says reaches a terminal without its control characters."""
    inspection = deltaloft.inspect(header(app=b"a\x1b[31m\xff\nb") + add_window(b"x"))
    assert b"a\x1b[31m\xff\nb" == inspection.app_header
    assert "a\\x1b[31m\\xff\\nb" == inspection.as_dict()["app_header"]
    assert "\x1b" not in str(inspection)
