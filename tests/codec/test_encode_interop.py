"""Debian's xdelta3 reads what we write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from edits import edited, noise, text

import deltaloft

MIB = 1 << 20
Tool = Callable[..., None]


def _read_by(xdelta3: Tool, folder: Path, source: bytes, delta: bytes) -> bytes:
    (folder / "source").write_bytes(source)
    (folder / "delta").write_bytes(delta)
    xdelta3("-D", "-d", "-f", "-s", folder / "source", folder / "delta", folder / "target")
    return (folder / "target").read_bytes()


@pytest.mark.parametrize("secondary", ["lzma", "none"])
@pytest.mark.parametrize("level", [1, 6, 9])
def test_xdelta3_reads_our_deltas(
    xdelta3: Tool, tmp_path: Path, level: int, secondary: Literal["lzma", "none"]
) -> None:
    """Three windows of 16 MiB, text and compressed bytes, at every level."""
    source = text(1, 20 * MIB) + noise(1, 16 * MIB)
    target = edited(source, 2, 200) + text(3, 100_000)
    delta = deltaloft.encode(source, target, level=level, secondary=secondary)
    assert len(deltaloft.inspect(delta).windows) == 3
    assert target == _read_by(xdelta3, tmp_path, source, delta)


def test_xdelta3_reads_streams_that_skip_windows(xdelta3: Tool, tmp_path: Path) -> None:
    """Each kind of section is one LZMA stream, even when windows between have none to add."""
    parts = [text(4, 16 * MIB), noise(5, 16 * MIB), text(6, 3 * MIB)]
    delta = deltaloft.encode(b"", b"".join(parts))
    packed = [window.packed for window in deltaloft.inspect(delta).windows]
    has_data = ["data" in names for names in packed]
    assert has_data[0] and has_data[-1] and False in has_data
    assert b"".join(parts) == _read_by(xdelta3, tmp_path, b"", delta)


@pytest.mark.parametrize("level", [1, 6, 9])
def test_xdelta3_reads_sections_packed_in_part(xdelta3: Tool, tmp_path: Path, level: int) -> None:
    """Of a section that is part noise, part text, the text is packed and the noise stands plain."""
    random, prose = noise(10, 300_000), text(11, 300_000)
    target = random + prose + random[::-1]
    delta = deltaloft.encode(b"", target, level=level)
    assert ("data",) == deltaloft.inspect(delta).windows[0].packed[:1]
    assert random[:60_000] in delta
    assert len(delta) < len(target) - len(prose) // 2
    assert target == _read_by(xdelta3, tmp_path, b"", delta)
    assert target == deltaloft.decode(b"", delta)


@pytest.mark.parametrize("target_size", [0, 1, 1000])
def test_xdelta3_reads_small_ones(xdelta3: Tool, tmp_path: Path, target_size: int) -> None:
    """Targets of nothing, one byte and a kilobyte, from an empty source and from a small one."""
    target = text(7, target_size)
    for source in (b"", text(7, 500)):
        delta = deltaloft.encode(source, target)
        assert target == _read_by(xdelta3, tmp_path, source, delta)


@pytest.mark.slow
def test_xdelta3_reads_copies_from_beyond_64_mib(xdelta3: Tool, tmp_path: Path) -> None:
    """xdelta3 decodes copies from the whole source, although it would not find them itself."""
    source = noise(8, 8 * MIB) + bytes(200 * MIB) + noise(9, 8 * MIB)
    target = source[-8 * MIB :] + source[: 8 * MIB]
    delta = deltaloft.encode(source, target)
    assert len(delta) < 1000
    assert target == _read_by(xdelta3, tmp_path, source, delta)
