"""What is encoded comes back: from any source, by any option, in any number of threads."""

from __future__ import annotations

import io
import mmap
from array import array
from pathlib import Path

import pytest
from edits import edited, noise, text
from hypothesis import given
from hypothesis import strategies as st

import deltaloft

MIB = 1 << 20

SMALL = st.binary(max_size=2000)
# Few different bytes: matches everywhere, most of them by chance.
DENSE = st.lists(st.sampled_from([b"a", b"ab", b"abcabcab", b"\0" * 40]), max_size=60).map(b"".join)
LEVELS = st.sampled_from([1, 6, 9])


@given(source=SMALL | DENSE, target=SMALL | DENSE, level=LEVELS)
def test_any_target_comes_back_from_any_source(source: bytes, target: bytes, level: int) -> None:
    """Source and target need not have anything in common."""
    delta = deltaloft.encode(source, target, level=level)
    assert target == deltaloft.decode(source, delta)


@given(
    size=st.integers(0, 200_000), seed=st.integers(0, 1000), edits=st.integers(0, 40), level=LEVELS
)
def test_edited_targets_come_back(size: int, seed: int, edits: int, level: int) -> None:
    """Bytes that were inserted, removed, replaced and moved come back at every level."""
    source = text(seed, size // 2) + noise(seed, size - size // 2)
    target = edited(source, seed, edits)
    delta = deltaloft.encode(source, target, level=level)
    assert target == deltaloft.decode(source, delta)


@pytest.mark.parametrize("source_size", [0, 1, 15, 16, 17, 31, 1000])
@pytest.mark.parametrize("target_size", [0, 1, 3, 4, 16, 33, 1000])
def test_sizes_at_the_borders_come_back(source_size: int, target_size: int) -> None:
    """Empty, tiny, and just as large as the keys of the index."""
    source, target = text(1, source_size), text(1, target_size)
    delta = deltaloft.encode(source, target)
    assert target == deltaloft.decode(source, delta)


def test_an_identical_target_costs_a_few_bytes() -> None:
    """A target that is its source is one COPY a window, whatever its size."""
    source = noise(3, 20 * MIB)
    delta = deltaloft.encode(source, source)
    assert len(delta) < 100
    assert source == deltaloft.decode(source, delta)


def test_a_replaced_middle_costs_what_was_replaced() -> None:
    """Matches are found again behind a difference, with the source shifted or not."""
    source = noise(4, 4 * MIB)
    new = noise(5, 10_000)
    for target in (
        source[: 1 * MIB] + new + source[1 * MIB + 10_000 :],
        source[: 1 * MIB] + new + source[1 * MIB :],
        source[: 1 * MIB] + new + source[1 * MIB + 333_333 :],
    ):
        delta = deltaloft.encode(source, target)
        assert len(delta) < len(new) + 200
        assert target == deltaloft.decode(source, delta)


def test_no_match_is_too_far_away() -> None:
    """The whole source is searched: what moved by 100 MiB is still a copy."""
    source = noise(6, 1 * MIB) + bytes(100 * MIB) + noise(7, 1 * MIB)
    target = source[-1 * MIB :] + source[: 1 * MIB]
    delta = deltaloft.encode(source, target)
    assert len(delta) < 200
    assert target == deltaloft.decode(source, delta)


def test_repeats_inside_the_target_are_copies() -> None:
    """What the source does not have is written once, however far apart it stands in a window."""
    new = noise(8, 200_000)
    target = new + noise(9, 5 * MIB) + new
    delta = deltaloft.encode(b"", target)
    assert len(delta) < len(target) - len(new) + 1000
    assert target == deltaloft.decode(b"", delta)


def test_short_pieces_of_small_members_are_copies() -> None:
    """What is deflated and small agrees with the old in pieces shorter than a long match."""
    source, target = b"", b""
    for seed in range(200):
        name, old, new = noise(seed, 64), noise(1000 + seed, 400), noise(2000 + seed, 200)
        source += name + old
        target += name + b"".join(old[40 * k :][:14] + new[20 * k :][:20] for k in range(10))
    assert len(deltaloft.encode(source, target)) < 200 * (10 * (20 + 5) + 10)


def test_incompressible_data_grows_by_next_to_nothing() -> None:
    """Without anything in common the delta is the target and a header for each window."""
    target = noise(10, 3 * MIB)
    assert len(deltaloft.encode(noise(11, 3 * MIB), target)) < len(target) * 1.001 + 100


def test_threads_make_no_difference() -> None:
    """The delta depends on source, target and options alone."""
    source = text(12, 18 * MIB) + noise(12, 18 * MIB)
    target = edited(source, 12, 300)
    one = deltaloft.encode(source, target, threads=1)
    assert one == deltaloft.encode(source, target, threads=2)
    assert one == deltaloft.encode(source, target, threads=5)
    assert target == deltaloft.decode(source, one)


def test_a_source_serves_many_targets() -> None:
    """A `Source` gives the same deltas as its bytes, and can be decoded with."""
    source = noise(13, 1 * MIB)
    with deltaloft.Source(source) as prepared:
        assert len(source) == len(prepared)
        for seed in range(3):
            target = edited(source, seed, 20)
            delta = deltaloft.encode(prepared, target)
            assert deltaloft.encode(source, target) == delta
            assert target == deltaloft.decode(prepared, delta)


def test_every_kind_of_buffer_is_encoded(tmp_path: Path) -> None:
    """Bytes, bytearray, memoryview, array, mmap and files give the same delta."""
    source, target = text(14, 9000), text(15, 5000) + text(14, 4000)
    expected = deltaloft.encode(source, target)
    path = tmp_path / "target"
    path.write_bytes(target)
    with mmap.mmap(-1, len(target)) as mapping:
        mapping[:] = target
        kinds = [bytearray(target), memoryview(target), array("B", target), mapping, path]
        for kind in kinds:
            assert expected == deltaloft.encode(source, kind), type(kind)


def test_a_slice_with_gaps_is_refused() -> None:
    """Bytes that do not lie side by side are an error of the caller, before anything is read."""
    with pytest.raises(BufferError):
        deltaloft.encode(b"source", memoryview(b"target")[::2])


def test_files_are_written_whole(tmp_path: Path) -> None:
    """`encode_file` writes what `encode` returns, to a path and to a file object."""
    source, target = text(16, 50_000), text(17, 100) + text(16, 40_000)
    expected = deltaloft.encode(source, target)
    path = tmp_path / "delta"
    assert len(expected) == deltaloft.encode_file(source, target, path)
    assert expected == path.read_bytes()
    file = io.BytesIO()
    assert len(expected) == deltaloft.encode_file(source, target, file)
    assert expected == file.getvalue()


def test_a_failed_encoding_leaves_the_delta_alone(tmp_path: Path) -> None:
    """When the target cannot be read, the old delta stays and no part of a new one does."""
    path = tmp_path / "delta"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        deltaloft.encode_file(b"", tmp_path / "missing", path)
    assert path.read_bytes() == b"old"
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"level": 0}, {"level": 10}, {"threads": 0}])
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    """A level or a number of threads that cannot be is an InvalidRequest."""
    with pytest.raises(deltaloft.InvalidRequest):
        deltaloft.encode(b"source", b"target", **options)


def test_plain_sections_are_plain_rfc_3284() -> None:
    """With secondary "none" no header names a compressor."""
    source, target = text(18, 10_000), text(19, 10_000)
    inspection = deltaloft.inspect(deltaloft.encode(source, target, secondary="none"))
    assert inspection.secondary is None
    packed = deltaloft.inspect(deltaloft.encode(source, target))
    assert packed.secondary == "LZMA"
    assert packed.windows[0].packed != ()


@pytest.mark.slow
def test_sources_and_targets_above_4_gib(tmp_path: Path) -> None:
    """Positions have 64 bits, and a window whose copies lie too far apart is cut in two."""
    gib5 = 5 << 30
    marks = [noise(seed, 1 * MIB) for seed in range(4)]
    places = [0, 1 << 30, (4 << 30) - 500_000, gib5 - MIB]
    source, target, delta = tmp_path / "source", tmp_path / "target", tmp_path / "delta"
    for path, order in ((source, (0, 1, 2, 3)), (target, (3, 0, 2, 1))):
        with path.open("wb") as file:
            file.truncate(gib5)
            for place, mark in zip(places, order, strict=True):
                file.seek(place)
                file.write(marks[mark])
    size = deltaloft.encode_file(source, target, delta)
    assert size < 100_000
    back = tmp_path / "back"
    assert gib5 == deltaloft.decode_file(source, delta, back)
    with target.open("rb") as a, back.open("rb") as b:
        while chunk := a.read(64 * MIB):
            assert chunk == b.read(64 * MIB)
        assert b.read(1) == b""
