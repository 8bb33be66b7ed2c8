"""The deltas of tests/vectors: what one version read, every later version reads."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import deltaloft

VECTORS = sorted(Path(__file__).parent.parent.glob("vectors/*/meta.json"))


def read(meta_path: Path) -> tuple[dict[str, object], bytes, bytes]:
    """Return meta data, source and delta."""
    folder = meta_path.parent
    meta = json.loads(meta_path.read_text())
    return meta, (folder / "source").read_bytes(), (folder / "delta").read_bytes()


def names(path: Path) -> str:
    """Return what a test is called."""
    return path.parent.name


@pytest.fixture(params=[p for p in VECTORS if '"target"' in p.read_text()], ids=names)
def good(request: pytest.FixtureRequest) -> Path:
    """Every vector that has a target."""
    path: Path = request.param
    return path


@pytest.fixture(params=[p for p in VECTORS if '"target"' not in p.read_text()], ids=names)
def bad(request: pytest.FixtureRequest) -> Path:
    """Every vector that has none."""
    path: Path = request.param
    return path


def test_there_are_vectors() -> None:
    """The folder has been found, with vectors of both kinds."""
    assert len(VECTORS) > 60


def test_target(good: Path) -> None:
    """A delta gives its target to the byte, in memory and into a file of any kind."""
    _, source, delta = read(good)
    target = (good.parent / "target").read_bytes()
    assert target == deltaloft.decode(source, delta)
    file = io.BytesIO()
    assert len(target) == deltaloft.decode_file(source, delta, file)
    assert target == file.getvalue()


def test_target_file(good: Path, tmp_path: Path) -> None:
    """A delta gives its target to the byte, from files into a file."""
    goal = tmp_path / "target"
    size = deltaloft.decode_file(good.with_name("source"), good.with_name("delta"), goal)
    target = good.with_name("target").read_bytes()
    assert target == goal.read_bytes()
    assert len(target) == size


def test_inspection_adds_up(good: Path) -> None:
    """What the windows and instructions of a delta make is the size of its target."""
    _, source, delta = read(good)
    inspection = deltaloft.inspect(delta)
    assert good.with_name("target").stat().st_size == inspection.target_size
    assert inspection.target_size == sum(window.target_size for window in inspection.windows)
    assert len(source) >= inspection.source_size
    counts = inspection.counts
    assert counts is not None
    assert inspection.target_size == (
        counts.add_bytes + counts.run_bytes + counts.source_copy_bytes + counts.target_copy_bytes
    )
    assert json.loads(json.dumps(inspection.as_dict()))["target_size"] == inspection.target_size
    assert f"{inspection.target_size:,}" in str(inspection)


def test_error(bad: Path) -> None:
    """What the native engine does not read raises the error it stands for, and names the window."""
    meta, source, delta = read(bad)
    with pytest.raises(getattr(deltaloft, str(meta["expect"]))) as caught:
        deltaloft.decode(source, delta, engine="native")
    assert meta["window"] == caught.value.window
    assert "expected" in str(caught.value)
    offset = getattr(caught.value, "offset", None)
    assert offset is None or 0 <= offset <= len(delta)


def test_error_leaves_no_file(bad: Path, tmp_path: Path) -> None:
    """A bad delta leaves nothing where its target should have gone."""
    meta, source, delta = read(bad)
    with pytest.raises(getattr(deltaloft, str(meta["expect"]))):
        deltaloft.decode_file(source, delta, tmp_path / "target", engine="native")
    assert [] == list(tmp_path.iterdir())
