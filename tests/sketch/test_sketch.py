"""Sketches: what they say of files, and that they say the same everywhere."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaloft.sketch import Sketch, SketchWriter, parsed, resemblance


def noise(seed: int, size: int) -> bytes:
    """Return random bytes."""
    return random.Random(seed).randbytes(size)


def row(*pieces: bytes) -> str:
    """Return the row of what the pieces make together."""
    writer = SketchWriter()
    for piece in pieces:
        writer.write(piece)
    return writer.row()


def part(first: str, second: str) -> float:
    """Return the resemblance of two rows that tell."""
    found = resemblance(first, second)
    assert found is not None
    return found


TEXT = b"".join(b"line %d of a text that never changes\n" % number for number in range(3000))

ROW_OF_TEXT = (
    "n7I2oDcG-eVWiwC6XCCTGpnamlRSH485uq9AKue9HThu-1eZ"
    "LPR.gKikOD5DKfRlCozLAonVma0sYM4kS0NYEac-ovDTPeeQ"
)


def test_sketches_are_the_same_everywhere() -> None:
    """What is in buckets must mean the same to every version, on every machine."""
    assert "." * 96 == row(b"")
    assert "." * 96 == row(bytes(100_000))
    assert ROW_OF_TEXT == row(TEXT)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_it_does_not_matter_how_bytes_are_cut(content: bytes, cuts: list[int]) -> None:
    """Pieces of any size make the row of the whole."""
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    pieces = [content[a:b] for a, b in pairwise(places)]
    assert row(content) == row(*pieces)


@pytest.mark.parametrize("shared", [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
def test_resemblance_is_the_part_in_common(shared: float) -> None:
    """Of two files with a known part in common, in other places, within three deviations."""
    size = 1_000_000
    kept = round(shared * size)
    common = noise(1, kept)
    first = common + noise(2, size - kept)
    second = noise(3, size - kept) + common
    expected = shared / (2 - shared)
    deviation = (expected * (1 - expected) / 96) ** 0.5
    assert abs(expected - part(row(first), row(second))) <= 3 * deviation + 0.02


def test_an_insertion_at_the_front_changes_nothing_behind() -> None:
    """Samples are chosen by content, not by place."""
    content = noise(4, 500_000)
    assert part(row(content), row(b"x" + content)) >= 0.97


def test_what_has_no_samples_tells_nothing() -> None:
    """Zeros, and files of a few bytes, neither resemble anything nor differ from it."""
    assert resemblance(row(bytes(1 << 20)), row(bytes(1 << 20))) is None
    assert resemblance(row(b"short"), row(b"short")) is None
    assert resemblance(row(bytes(1 << 20)), row(noise(5, 1 << 20))) == 0


def test_text_and_back() -> None:
    """A sketch is read as it was written, with what is inside and without."""
    content, inside = row(noise(6, 50_000)), row(noise(7, 50_000))
    for sketch in (Sketch(content), Sketch(content, inside)):
        assert sketch == parsed(str(sketch))
        assert len(str(sketch)) <= 200


@pytest.mark.parametrize(
    "text",
    ["", "1", "2" + "A" * 96, "A" * 97, "1" + "A" * 95, "1" + "A" * 97, "1" + "A" * 191 + "é",
     "1" + "A" * 95 + " ", "1" + "A" * 288],
)  # fmt: skip
def test_other_texts_are_no_sketches(text: str) -> None:
    """What is damaged, or of a later version, says nothing and is no error."""
    assert parsed(text) is None
