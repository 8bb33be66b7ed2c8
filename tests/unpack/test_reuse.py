"""Streams reuse symbols of their counterparts where that pays, and the bytes are the same."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from packed import as_gzip, as_tar, as_zip, later, release

import deltaloft
from deltaloft.native.deflate import DeflateParameters, SymbolRange
from deltaloft.unpack import plan
from deltaloft.unpack.body import read_body
from deltaloft.unpack.recipe import (
    Recipe,
    ReusedStream,
    SourceStream,
    TargetStream,
    read_recipe,
    write_recipe,
)


def encoded(source: bytes, target: bytes, tmp_path: Path) -> list[ReusedStream | None]:
    """Encode, decode by one thread and by two, and return what its streams reuse."""
    out = io.BytesIO()
    deltaloft.encode_file(source, target, out, unpack=True)
    delta = out.getvalue()
    for threads in (1, 2):
        assert target == deltaloft.decode(source, delta, threads=threads)
    deltaloft.decode_file(source, delta, tmp_path / "target")
    assert target == (tmp_path / "target").read_bytes()
    recipe = read_body(memoryview(delta)).recipe
    return [stream.reused for stream in recipe.target_streams]


def reused_size(streams: list[ReusedStream | None]) -> int:
    """Return how many plain bytes are not searched."""
    return sum(each.reused for stream in streams if stream for each in stream.ranges)


OLD = release(1, files=5, words=20_000)
NEW = later(OLD, 2)


@pytest.mark.parametrize("level", [4, 6, 9])
def test_an_archive_reuses_most_of_its_stream(level: int, tmp_path: Path) -> None:
    """Where few files changed, most symbols are the old archive's."""
    old, new = as_tar(OLD), as_tar(NEW)
    streams = encoded(as_gzip(old, level=level), as_gzip(new, level=level), tmp_path)
    assert reused_size(streams) > len(new) / 2


def test_members_reuse_their_counterparts(tmp_path: Path) -> None:
    """In a zip, each changed member reuses the member that it came from."""
    streams = encoded(as_zip(OLD), as_zip(NEW), tmp_path)
    assert [0, 1, 2] == sorted(stream.number for stream in streams if stream)
    # The other way round: what comes first now came last.
    backwards = {name.replace("1.1", "1.0"): NEW[name] for name in reversed(NEW)}
    streams = encoded(as_zip(OLD), as_zip(backwards), tmp_path)
    assert [0, 1, 2] == sorted(stream.number for stream in streams if stream)


def test_streams_inside_streams_reuse(tmp_path: Path) -> None:
    """A zip in a tar.gz reuses the members of the old one; what is around them, the rest."""
    noise = random.Random(1).randbytes(50_000)
    old, new = (
        as_gzip(as_tar({"a": b"1" * 50_000, "b.zip": as_zip(f), "c": noise})) for f in (OLD, NEW)
    )
    streams = encoded(old, new, tmp_path)
    assert len(streams) == 4
    assert reused_size(streams[1:]) > 100_000


@pytest.mark.parametrize("levels", [(3, 3), (6, 1), (1, 6), (5, 9)])
def test_other_levels_reuse_nothing_or_little(levels: tuple[int, int], tmp_path: Path) -> None:
    """Fast levels reuse nothing; nor does a stream whose symbols were chosen otherwise."""
    old, new = as_tar(OLD), as_tar(NEW)
    streams = encoded(as_gzip(old, level=levels[0]), as_gzip(new, level=levels[1]), tmp_path)
    assert 1 == len(streams)
    assert reused_size(streams) < len(new) / 10


def test_ranges_have_a_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Behind as many ranges as the format allows, all is searched."""
    monkeypatch.setattr(plan, "MOST_RANGES", 2)
    streams = encoded(as_zip(OLD), as_zip(NEW), tmp_path)
    assert sum(len(stream.ranges) for stream in streams if stream) <= 2
    assert reused_size(streams) > 0


def test_large_streams_are_not_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Streams whose symbols would take too much memory are searched."""
    source, target = as_gzip(as_tar(OLD)), as_gzip(as_tar(NEW))
    both = len(source) + len(target) - 2 * 18  # without gzip's heads and tails
    for most, reuses in ((both, True), (both - 1, False)):
        monkeypatch.setattr(plan, "_MOST_COMPARED", most)
        assert reuses == (reused_size(encoded(source, target, tmp_path)) > 0)


def test_two_streams_do_not_reuse_one() -> None:
    """A recipe that has a source stream read time and again is refused."""
    how = DeflateParameters("zlib", 6, 8)
    ranges = (SymbolRange(0, 0, 10),)
    for second, refused in ((1, False), (0, True)):
        streams = (
            TargetStream(0, 500, how, ReusedStream(0, ranges)),
            TargetStream(500, 1000, how),
            TargetStream(1000, 1500, how, ReusedStream(second, ranges)),
        )
        sources = (SourceStream(0, inside=False), SourceStream(1, inside=False))
        recipe = Recipe(100, 100, bytes(32), 1000, sources, streams)
        plain = write_recipe(recipe, ())
        if refused:
            with pytest.raises(deltaloft.MalformedDelta, match="no other reuses expected"):
                read_recipe(plain, memoryview(b""))
        else:
            assert (recipe, (), b"") == read_recipe(plain, memoryview(b""))


def test_symbols_that_mislead_are_not_reused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ranges that make another stream, or none, are dropped, and the stream is searched."""
    find_ranges = plan.find_ranges

    def wrong(*given: object, **named: object) -> object:
        (first, *rest) = find_ranges(*given, **named)  # type: ignore[arg-type]
        return [first._replace(reused=first.reused - 1), *rest]

    monkeypatch.setattr(plan, "find_ranges", wrong)
    streams = encoded(as_gzip(as_tar(OLD)), as_gzip(as_tar(NEW)), tmp_path)
    assert [None] == streams
