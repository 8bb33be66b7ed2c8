"""Slices of the target come from the windows that cover them, and from no others."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from delta_builder import COPY, add, add_window, header, varint, window
from edits import edited, noise, text
from hypothesis import given
from hypothesis import strategies as st

import deltaloft

MIB = 1 << 20
VECTORS = Path(__file__).parent.parent / "vectors"
READ = [
    p.parent for p in sorted(VECTORS.glob("*/target")) if p.parent.name[-3:] not in ("djw", "fgk")
]


def false_window(data: bytes) -> bytes:
    """Return a window whose Adler-32 is wrong: who decodes it notices."""
    return window(len(data), *add(data), adler32=zlib.adler32(data) ^ 1)


def back_window(size: int, position: int) -> bytes:
    """Return a window that copies `size` bytes from earlier target."""
    instruction = bytes([COPY]) + varint(size)
    return window(size, instruction, b"", b"\0", segment=(size, position), from_target=True)


@pytest.mark.parametrize("folder", READ, ids=lambda folder: folder.name)
def test_every_slice_of_every_vector(folder: Path) -> None:
    """Whatever kind of windows a delta has, a slice is what the whole target has there."""
    source, delta = (folder / "source").read_bytes(), (folder / "delta").read_bytes()
    target = (folder / "target").read_bytes()
    step = max(1, len(target) // 20)
    for start in range(0, len(target) + 1, step):
        for end in {start, *range(start + 1, len(target) + 1, step), len(target)}:
            piece = deltaloft.decode_range(source, delta, start, end - start)
            assert target[start:end] == piece, f"{start} to {end}"


@pytest.mark.parametrize("secondary", ["lzma", "none"])
def test_windows_of_our_own(secondary: str) -> None:
    """Slices inside a window, across borders, and over several windows, by any threads."""
    source = text(1, 10 * MIB) + noise(1, 30 * MIB)
    target = edited(source, 2, 100)
    delta = deltaloft.encode(source, target, level=1, secondary=secondary)  # type: ignore[arg-type]
    for start, size in ((0, 1), (16 * MIB - 1, 2), (5 * MIB, 28 * MIB), (len(target) - 9, 9)):
        for threads in (1, 2):
            piece = deltaloft.decode_range(source, delta, start, size, threads=threads)
            assert target[start : start + size] == piece


@given(st.lists(st.binary(max_size=9), max_size=9), st.data())
def test_only_windows_that_cover_the_slice_are_decoded(
    parts: list[bytes], data: st.DataObject
) -> None:
    """All other windows may be wrong, and one that covers the slice may not."""
    target = b"".join(parts)
    start = data.draw(st.integers(0, len(target)))
    end = data.draw(st.integers(start, len(target)))
    windows, covering = [], []
    position = 0
    for part in parts:
        covers = position < end and position + len(part) > start and start < end
        covering += [len(windows)] if covers else []
        windows.append(add_window(part) if covers else false_window(part))
        position += len(part)
    piece = deltaloft.decode_range(b"", header() + b"".join(windows), start, end - start)
    assert target[start:end] == piece
    if covering and (number := data.draw(st.sampled_from(covering))) is not None:
        windows[number] = false_window(parts[number])
        with pytest.raises(deltaloft.WrongSource) as caught:
            deltaloft.decode_range(b"", header() + b"".join(windows), start, end - start)
        assert number == caught.value.window


def test_windows_under_segments_are_decoded() -> None:
    """A window that copies from earlier target needs what lies there, and that what lies under."""
    delta = (
        header()
        + false_window(b"unused")  # 0
        + add_window(b"abcdef")  # 6
        + false_window(b"unused")  # 12
        + back_window(4, 7)  # 18: bcde
        + false_window(b"unused")  # 22
        + back_window(3, 19)  # 28: cde
        + false_window(b"unused")  # 31
    )
    assert b"de" == deltaloft.decode_range(b"", delta, 29, 2)
    assert b"bc" == deltaloft.decode_range(b"", delta, 18, 2)
    for start in (17, 27, 31):
        with pytest.raises(deltaloft.WrongSource):
            deltaloft.decode_range(b"", delta, start, 3)


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=5), st.booleans()), max_size=12), st.data()
)
def test_any_windows_that_look_back(parts: list[tuple[bytes, bool]], data: st.DataObject) -> None:
    """Chains of windows that copy from earlier target give the slice that decoding gives."""
    delta, size = header(), 0
    for part, looks_back in parts:
        if looks_back and size > 0:
            start = data.draw(st.integers(0, size - 1))
            length = data.draw(st.integers(1, size - start))
            delta += back_window(length, start)
            size += length
        else:
            delta += add_window(part)
            size += len(part)
    target = deltaloft.decode(b"", delta)
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, size))
    assert target[start:end] == deltaloft.decode_range(b"", delta, start, end - start)


def test_many_windows_that_look_back() -> None:
    """Windows that all copy what many small ones made cost as much as there are windows."""
    count = 20_000
    delta = (
        header()
        + add_window(b"x") * count
        + window(0, segment=(count, 0), from_target=True) * count
    )
    delta += back_window(count, 0)
    assert b"xx" == deltaloft.decode_range(b"", delta, 2 * count - 2, 2)


@pytest.mark.parametrize(("start", "size"), [(0, 6), (6, 0), (-1, 2), (3, -1), (1 << 70, 1)])
def test_slices_outside_the_target(start: int, size: int) -> None:
    """What does not lie inside the target is refused, and named."""
    with pytest.raises(deltaloft.InvalidRequest, match="target's 5 bytes expected"):
        deltaloft.decode_range(b"", header() + add_window(b"12345"), start, size)


def test_max_size_counts_what_has_to_be_made() -> None:
    """max_size limits the windows that a slice needs, and not the target."""
    delta = header() + add_window(b"12345") * 20
    assert b"512" == deltaloft.decode_range(b"", delta, 49, 3, max_size=10)
    with pytest.raises(deltaloft.TargetTooLarge):
        deltaloft.decode_range(b"", delta, 49, 3, max_size=9)


def test_files(tmp_path: Path) -> None:
    """Source and delta may be files, and a Source serves as well."""
    source, target = text(1, 5000), text(2, 5000)
    (tmp_path / "s").write_bytes(source)
    (tmp_path / "d").write_bytes(deltaloft.encode(source, target))
    assert target[5:50] == deltaloft.decode_range(tmp_path / "s", tmp_path / "d", 5, 45)
    with deltaloft.Source(source) as prepared:
        assert target[5:50] == deltaloft.decode_range(prepared, tmp_path / "d", 5, 45)
