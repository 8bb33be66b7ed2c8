"""Deltas by Debian's xdelta3, in every mode that it has."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

import deltaloft
from deltaloft import xdelta3 as engine

Program = Callable[..., None]


def edited(source: bytes, seed: int, edits: int) -> bytes:
    """Return `source` with pieces inserted, removed, moved and repeated."""
    rng = random.Random(seed)
    target = bytearray(source)
    for _ in range(edits):
        at = rng.randrange(len(target))
        piece = rng.randrange(1, 2000)
        match rng.randrange(4):
            case 0:
                target[at:at] = rng.randbytes(piece)
            case 1:
                del target[at : at + piece]
            case 2:
                target[at:at] = target[: piece * 4]
            case 3:
                target[at:at] = bytes([rng.randrange(256)]) * piece
    return bytes(target)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A source and a target of 300 kB, of words and noise."""
    rng = random.Random(7)
    words = [rng.randbytes(rng.randrange(2, 12)).hex().encode() for _ in range(500)]
    text = b" ".join(rng.choice(words) for _ in range(20_000)) + rng.randbytes(50_000)
    folder = tmp_path_factory.mktemp("pair")
    (folder / "source").write_bytes(text)
    (folder / "target").write_bytes(edited(text, 8, 60))
    return folder / "source", folder / "target"


@pytest.mark.parametrize("compressor", ["none", "lzma"])
@pytest.mark.parametrize("options", ["-1", "-9", "-9 -W 16384", "-9 -n", "-0", "-9 -I 16", "-N"])
def test_modes(
    compressor: str, options: str, pair: tuple[Path, Path], tmp_path: Path, xdelta3: Program
) -> None:
    """Every level, tiny windows, with and without checksums: the target comes back."""
    source, target = pair
    delta = tmp_path / "delta"
    xdelta3("-e", *options.split(), "-S", compressor, "-s", source, target, delta)
    assert target.read_bytes() == deltaloft.decode(source, delta)
    inspection = deltaloft.inspect(delta)
    assert ("LZMA" if compressor == "lzma" else None) == inspection.secondary
    assert any(window.packed for window in inspection.windows) == (compressor == "lzma")
    assert ("-n" in options.split()) == (inspection.windows[0].adler32 is None)


@pytest.mark.parametrize("compressor", ["djw", "fgk"])
def test_other_compressors(
    compressor: str, pair: tuple[Path, Path], tmp_path: Path, xdelta3: Program
) -> None:
    """DJW and FGK are read by the xdelta3 engine; without it they are named, and inspected."""
    source, target = pair
    delta = tmp_path / "delta"
    xdelta3("-e", "-9", "-S", compressor, "-s", source, target, delta)
    with pytest.raises(deltaloft.UnsupportedDelta, match=compressor.upper()):
        deltaloft.decode(source, delta, engine="native")
    if engine.available():
        assert target.read_bytes() == deltaloft.decode(source, delta)
        file = io.BytesIO()
        assert target.stat().st_size == deltaloft.decode_file(source, delta, file)
        assert target.read_bytes() == file.getvalue()
    inspection = deltaloft.inspect(delta)
    assert compressor.upper() == inspection.secondary
    assert target.stat().st_size == inspection.target_size
    assert inspection.counts is None


def test_no_source(pair: tuple[Path, Path], tmp_path: Path, xdelta3: Program) -> None:
    """A delta may need no source at all."""
    delta = tmp_path / "delta"
    xdelta3("-e", "-9", pair[1], delta)
    assert pair[1].read_bytes() == deltaloft.decode(b"", delta)
    assert 0 == deltaloft.inspect(delta).source_size


def test_wrong_source(pair: tuple[Path, Path], tmp_path: Path, xdelta3: Program) -> None:
    """Another source, or one that is too short, is told from the right one."""
    source, target = pair
    delta = tmp_path / "delta"
    xdelta3("-e", "-9", "-s", source, target, delta)
    for wrong in (bytes(source.stat().st_size), source.read_bytes()[:1000]):
        with pytest.raises(deltaloft.WrongSource) as caught:
            deltaloft.decode(wrong, delta)
        assert 0 == caught.value.window


@pytest.mark.parametrize("compressor", ["none", "lzma"])
def test_several_windows(compressor: str, tmp_path: Path, xdelta3: Program) -> None:
    """Windows of 8 MiB, several threads, LZMA streams that live across windows."""
    rng = random.Random(9)
    source = rng.randbytes(3 << 20) * 6
    target = edited(source, 10, 200)
    (tmp_path / "source").write_bytes(source)
    (tmp_path / "target").write_bytes(target)
    delta = tmp_path / "delta"
    xdelta3("-e", "-1", "-S", compressor, "-s", tmp_path / "source", tmp_path / "target", delta)
    assert len(deltaloft.inspect(delta).windows) >= 3
    for threads in (1, 2, 3):
        assert target == deltaloft.decode(source, delta, threads=threads)
    size = deltaloft.decode_file(tmp_path / "source", delta, tmp_path / "again")
    assert len(target) == size
    assert target == (tmp_path / "again").read_bytes()


def test_inflated_inputs(pair: tuple[Path, Path], tmp_path: Path, xdelta3: Program) -> None:
    """Where xdelta3 inflated its inputs, the application header says so; we give what it saw."""
    for path, name in zip(pair, ("source.gz", "target.gz"), strict=True):
        (tmp_path / name).write_bytes(gzip.compress(path.read_bytes()))
    delta = tmp_path / "delta"
    xdelta3("-e", "-9", "-s", tmp_path / "source.gz", tmp_path / "target.gz", delta)
    assert pair[1].read_bytes() == deltaloft.decode(pair[0], delta)
    assert b"target.gz/G/source.gz/G" == deltaloft.inspect(delta).app_header
