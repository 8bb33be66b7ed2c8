"""Packed sections that stand alone are unpacked in any order, all others as they always were."""

from __future__ import annotations

import io
import lzma
import random
import tracemalloc
import zlib
from pathlib import Path

import pytest
from delta_builder import (
    ADDRCOMP,
    COPY,
    DATACOMP,
    INSTCOMP,
    add,
    header,
    lzma2,
    packed,
    plain_chunk,
    varint,
    window,
    xz_head,
)
from edits import noise, text
from hypothesis import given, settings
from hypothesis import strategies as st

import deltaloft
from deltaloft import DeltaloftError, MalformedDelta
from deltaloft.native import Delta
from deltaloft.secondary import SECTIONS, SectionUnpacker

VECTORS = Path(__file__).parent.parent / "vectors"
KIB = 1 << 10


def data_window(data: bytes, section: bytes) -> bytes:
    """Return a window that is one ADD of data from a packed section."""
    return window(len(data), add(data)[0], section, packed=DATACOMP, adler32=zlib.adler32(data))


def delta_of(*windows: tuple[bytes, bytes]) -> bytes:
    """Return a delta of such windows."""
    return header(secondary=2) + b"".join(data_window(*parts) for parts in windows)


def going_on(data: bytes) -> bytes:
    """Return a section that continues its stream: all of its kind are unpacked in their order."""
    return varint(len(data)) + plain_chunk(data, forgets=False)


def two_sections() -> tuple[list[bytes], list[bytes]]:
    """Return data, and sections of which the second goes on with what the first one learned."""
    plain = text(7, 400 * KIB)
    chunks = lzma2(plain)
    size = int.from_bytes(chunks[3:5], "big") + 1 + 6  # of the first chunk
    cut = ((chunks[0] & 0x1F) << 16) + int.from_bytes(chunks[1:3], "big") + 1
    assert 0x80 <= chunks[size] < 0xA0, "a chunk that resets nothing expected"
    parts = [plain[:cut], plain[cut:]]
    sections = [
        varint(cut) + xz_head() + chunks[:size],
        varint(len(plain) - cut) + chunks[size:],
    ]
    return parts, sections


def test_only_the_sections_of_the_slice_are_unpacked() -> None:
    """A slice needs no section of earlier windows, and says which one of its own is damaged."""
    parts = [noise(i, 40 * KIB) + text(i, 90 * KIB) for i in range(4)]
    sections = [bytearray(packed(part, first=i == 0)) for i, part in enumerate(parts)]
    for damaged in (0, 1, 3):
        sections[damaged][-20] ^= 1
    delta = delta_of(
        *((part, bytes(section)) for part, section in zip(parts, sections, strict=True))
    )
    start = len(parts[0]) + len(parts[1])
    assert parts[2] == deltaloft.decode_range(b"", delta, start, len(parts[2]))
    with pytest.raises(DeltaloftError) as caught:
        deltaloft.decode_range(b"", delta, start - 1, 2)
    assert isinstance(caught.value, MalformedDelta | deltaloft.WrongSource)
    assert 1 == caught.value.window


@pytest.mark.parametrize("level", [1, 6, 9])
def test_sections_of_our_own_stand_alone(level: int) -> None:
    """What we write of bytes that shrink here and there can be unpacked from any window on."""
    chance = random.Random(9)
    makers = (noise, text, lambda _, size: bytes(size))
    sizes = (chance.randrange(1, 9) * 8 * KIB for _ in range(560))
    target = b"".join(chance.choice(makers)(i, size) for i, size in enumerate(sizes))
    delta = bytearray(deltaloft.encode(b"source", target, level=level))
    windows = deltaloft.inspect(delta).windows
    assert len(windows) > 1
    assert windows[0].packed == SECTIONS
    middle = windows[0].size // 2
    delta[middle : middle + 100] = bytes(100)
    assert target[-9:] == deltaloft.decode_range(b"source", delta, len(target) - 9, 9)
    with pytest.raises(DeltaloftError):
        deltaloft.decode(b"source", delta)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_same_first_error(threads: int) -> None:
    """Of several damaged sections the first is reported by any threads; a file has all before."""
    parts = [text(i, 100 * KIB) * 11 for i in range(6)]
    sections = [bytearray(packed(part, first=i == 0)) for i, part in enumerate(parts)]
    for damaged in (3, 4):
        sections[damaged][-300:] = bytes(300)
    delta = delta_of(
        *((part, bytes(section)) for part, section in zip(parts, sections, strict=True))
    )
    file = io.BytesIO()
    with pytest.raises(MalformedDelta, match="window 3: packed data") as caught:
        deltaloft.decode_file(b"", delta, file, threads=threads)
    assert 3 == caught.value.window
    assert b"".join(parts[:3]) == file.getvalue()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_all_kinds(threads: int) -> None:
    """Data, instructions and addresses may all stand alone, in windows large and small."""
    source, target, delta = (
        b"".join(bytes([i]) * 1000 for i in range(250)),
        b"",
        header(secondary=2),
    )
    for number in range(40):
        data = text(number, 150 * KIB if number % 9 == 0 else 50)
        copies = [(number * 37 + i * 11) % 249 for i in range(200)]
        target += data + b"".join(source[1000 * i : 1000 * i + 300] for i in copies)
        instructions = add(data)[0] + (bytes([COPY]) + varint(300)) * len(copies)
        addresses = b"".join(varint(1000 * i) for i in copies)
        first = number == 0
        delta += window(
            len(data) + 300 * len(copies),
            packed(instructions, first=first),
            packed(data, first=first),
            packed(addresses, first=first),
            segment=(len(source), 0),
            packed=DATACOMP | INSTCOMP | ADDRCOMP,
        )
    assert target == deltaloft.decode(source, delta, threads=threads)
    for start in (0, 123_456, len(target) - 5):
        assert target[start : start + 5] == deltaloft.decode_range(source, delta, start, 5)


@pytest.mark.parametrize("threads", [1, 2])
def test_first_stands_alone_and_others_go_on(threads: int) -> None:
    """A stream whose later chunks need the earlier ones is unpacked from its start."""
    parts, sections = two_sections()
    delta = delta_of(*zip(parts, sections, strict=True))
    assert b"".join(parts) == deltaloft.decode(b"", delta, threads=threads)
    assert parts[1][-9:] == deltaloft.decode_range(b"", delta, sum(map(len, parts)) - 9, 9)


def test_reset_in_the_middle() -> None:
    """Where a later section goes on, those that do not are still part of the stream."""
    parts, sections = two_sections()
    again = [sections[0].replace(xz_head(), b""), sections[1]]
    alone = text(8, 9 * KIB)
    delta = delta_of(
        *zip(parts, sections, strict=True),
        (alone, packed(alone, first=False)),
        *zip(parts, again, strict=True),
    )
    assert b"".join([*parts, alone, *parts]) == deltaloft.decode(b"", delta, threads=2)


def test_stream_that_was_ended() -> None:
    """A whole xz stream in a section is read, and nothing may come after it."""
    data = text(9, 200 * KIB)
    stream = lzma.compress(data, check=lzma.CHECK_NONE)
    delta = delta_of((data, varint(len(data)) + stream))
    assert data == deltaloft.decode(b"", delta)
    with pytest.raises(MalformedDelta, match="a stream that goes on expected"):
        deltaloft.decode(b"", delta + data_window(data, packed(data, first=False)))


@pytest.mark.parametrize(
    ("head", "chunks", "message"),
    [
        (9, plain_chunk(b"12345678"), "9 plain bytes expected, found 8"),
        (7, plain_chunk(b"12345678"), "7 plain bytes expected, found more"),
        (8, plain_chunk(b"12345678") + b"\0", None),
        (8, plain_chunk(b"12345678") + b"\x01\0", None),
        (8, plain_chunk(b"123456789")[:-1], None),
        (8, plain_chunk(b"12345678", forgets=False), "an xz stream expected"),
        (8, b"\x03\0\x0712345678", "an xz stream expected"),
    ],
    ids=["more", "less", "end mark", "trailing", "cut off", "no reset", "unknown chunk"],
)
def test_chunks_that_lie(head: int, chunks: bytes, message: str | None) -> None:
    """Sizes that lie and chunks that do not add up give what they give in a stream."""
    section = varint(head) + xz_head() + chunks
    delta = header(secondary=2) + window(head, bytes([1 + head]), section, packed=DATACOMP)
    if message is None:  # what has not ended is waited for
        assert b"12345678" == deltaloft.decode(b"", delta)
        return
    with pytest.raises(MalformedDelta, match=message):
        deltaloft.decode(b"", delta)


def test_end_mark_between_chunks() -> None:
    """What follows the mark that ends all chunks is no chunk, whatever it looks like."""
    parts = text(5, 500), text(6, 500)
    chunks = lzma2(parts[0]) + b"\0\0\0x" + lzma2(parts[1])
    delta = header(secondary=2)
    delta += window(1001, bytes([1]) + varint(1001), varint(1001) + xz_head() + chunks, packed=1)
    with pytest.raises(MalformedDelta, match="packed data"):
        deltaloft.decode(b"", delta)


def test_section_that_changes() -> None:
    """A section that another thread writes to after it was found to stand alone does no harm."""
    data = text(6, 500)
    delta = bytearray(delta_of((data, packed(data))))
    with Delta(delta) as opened:
        unpacker = SectionUnpacker(opened)
        (changed,) = opened.window_headers()
        delta[changed.data_offset + 2 + len(xz_head())] = 0x80
        with pytest.raises(MalformedDelta, match="window 0: packed data: chunks that stand alone"):
            unpacker.unpack(0, changed)


def test_chunks_over_the_end_of_a_section() -> None:
    """A chunk may not begin in one section and end in the next."""
    chunks = plain_chunk(b"12345678")
    delta = header(secondary=2)
    delta += window(4, b"\x05", varint(4) + xz_head() + chunks[:7], packed=DATACOMP)
    delta += window(4, b"\x05", varint(4) + chunks[7:], packed=DATACOMP)
    assert b"12345678" == deltaloft.decode(b"", delta)


def test_many_tiny_chunks() -> None:
    """A section cut into chunks of a byte costs no memory for each of them."""
    data = noise(3, 200_000)
    chunks = b"".join(b"\x01\0\0" + data[i : i + 1] for i in range(len(data)))
    delta = delta_of((data, varint(len(data)) + xz_head() + chunks))
    tracemalloc.start()
    try:
        assert data == deltaloft.decode(b"", delta)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(chunks)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dictionary", [0, 13, 14, 16, 17, 20, 28])
def test_any_dictionary(dictionary: int) -> None:
    """Whatever dictionary a stream names, of those there is memory for, its sections are read."""
    data = noise(4, 3 * KIB) * 2
    settings = [{"id": lzma.FILTER_LZMA2, "dict_size": 4 * KIB}]
    chunks = lzma.compress(data, lzma.FORMAT_RAW, filters=settings)[:-1]
    delta = delta_of((data, varint(len(data)) + xz_head(dictionary) + chunks))
    assert data == deltaloft.decode(b"", delta)


def test_dictionary_beyond_memory() -> None:
    """A stream that names more than there is room for is refused, though its sections need less."""
    data = text(4, 500)
    section = varint(len(data)) + xz_head(36) + lzma2(data)
    with pytest.raises(deltaloft.UnsupportedDelta, match="160 MiB"):
        deltaloft.decode(b"", delta_of((data, section)))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_damage_is_judged_alike(data: st.DataObject) -> None:
    """Sections that stand alone give the bytes or the error that the same ones in a stream give."""
    parts = [text(1, 700), noise(2, 300) + text(3, 300), noise(4, 200)]
    sections = [bytearray(packed(part, first=i == 0)) for i, part in enumerate(parts)]
    for _ in range(data.draw(st.integers(0, 2))):
        section = data.draw(st.sampled_from(sections))
        start = data.draw(st.integers(0, min(40, len(section))))
        end = data.draw(st.integers(start, min(len(section), start + 3)))
        section[start:end] = data.draw(st.binary(max_size=3))
    delta = delta_of(
        *((part, bytes(section)) for part, section in zip(parts, sections, strict=True))
    )
    last = b"last"
    streamed = outcome(delta + data_window(last, going_on(last)))
    assert streamed is None or streamed == outcome(delta, last)


def outcome(delta: bytes, more: bytes = b"") -> bytes | None:
    """Return the target with more bytes, or None after a typed error."""
    try:
        return deltaloft.decode(b"", delta, max_size=KIB * KIB) + more
    except DeltaloftError:
        return None
