"""Two deltas merged do what both do one after the other, with neither source nor a at hand."""

from __future__ import annotations

import io
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from delta_builder import COPY, RUN, add, add_window, header, varint, window
from edits import edited, noise, text
from hypothesis import given, settings
from hypothesis import strategies as st

import deltaloft
from deltaloft import DeltaError, DeltaloftError, MalformedDelta, UnsupportedDelta, WrongSource

MIB = 1 << 20
VECTORS = Path(__file__).parent.parent / "vectors"
Tool = Callable[..., None]

SMALL = st.binary(max_size=1000)
# Few different bytes: copies of copies, most of them overlapping.
DENSE = st.lists(st.sampled_from([b"a", b"ab", b"abcabcab", b"\0" * 40]), max_size=60).map(b"".join)
BYTES = SMALL | DENSE
SECONDARY = st.sampled_from(["lzma", "none"])


def vectors() -> list[str]:
    """Return the names of all deltas with a target that the native engine reads."""
    good = [path.parent.name for path in VECTORS.glob("*/target")]
    return sorted(name for name in good if name not in ("xdelta3-djw", "xdelta3-fgk"))


def vector(name: str) -> tuple[bytes, bytes, bytes]:
    """Return source, delta and target."""
    folder = VECTORS / name
    return tuple((folder / part).read_bytes() for part in ("source", "delta", "target"))  # type: ignore[return-value]


@given(BYTES, BYTES, BYTES, SECONDARY)
def test_merged_deltas_do_what_both_do(source: bytes, a: bytes, b: bytes, secondary: str) -> None:
    """Whatever source, a and b have in common, b comes from the source."""
    first, second = deltaloft.encode(source, a), deltaloft.encode(a, b)
    merged = deltaloft.merge(first, second, secondary=secondary)  # type: ignore[arg-type]
    assert b == deltaloft.decode(source, merged)


@given(BYTES, BYTES, BYTES, BYTES)
def test_the_order_of_merging_does_not_matter(x: bytes, y: bytes, z: bytes, w: bytes) -> None:
    """Three deltas make the same target whichever two are merged first."""
    one, two, three = deltaloft.encode(x, y), deltaloft.encode(y, z), deltaloft.encode(z, w)
    left = deltaloft.merge(deltaloft.merge(one, two), three)
    right = deltaloft.merge(one, deltaloft.merge(two, three))
    assert w == deltaloft.decode(x, left) == deltaloft.decode(x, right)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_long_chains_merge_into_one(seed: int, length: int) -> None:
    """A chain of edits is merged link by link, and the result gives the last version."""
    versions = [text(seed, 20_000) + noise(seed, 5000)]
    for link in range(length):
        versions.append(edited(versions[-1], seed + link, 10))
    merged = deltaloft.encode(versions[0], versions[1])
    for old, new in itertools.pairwise(versions[1:]):
        merged = deltaloft.merge(merged, deltaloft.encode(old, new))
    assert versions[-1] == deltaloft.decode(versions[0], merged)


def test_merging_with_no_change_changes_nothing() -> None:
    """A delta that copies all of a leaves the other as it was, to the byte, on either side."""
    source = text(1, 200_000) + noise(1, 100_000)
    target = edited(source, 2, 30)
    delta = deltaloft.encode(source, target)
    assert delta == deltaloft.merge(delta, deltaloft.encode(target, target))
    assert delta == deltaloft.merge(deltaloft.encode(source, source), delta)


def test_a_merged_delta_is_as_small_as_both_together() -> None:
    """What was edited twice costs both edits, and what the second takes away is gone."""
    source = noise(4, 2 * MIB)
    a = source[:MIB] + noise(5, 300_000) + source[MIB:]
    b = a[: MIB + 1000] + noise(6, 1000) + a[MIB + 300_000 :]
    first, second = deltaloft.encode(source, a), deltaloft.encode(a, b)
    merged = deltaloft.merge(first, second)
    assert b == deltaloft.decode(source, merged)
    assert len(merged) < 2100


@pytest.mark.parametrize("name", vectors())
def test_every_vector_merges_on_either_side(name: str) -> None:
    """Custom code tables, VCD_TARGET, copies across borders, foreign LZMA: as first and second."""
    source, delta, target = vector(name)
    last = edited(target, 1, 3) + target
    merged = deltaloft.merge(delta, deltaloft.encode(target, last))
    assert last == deltaloft.decode(source, merged)
    before = noise(1, 50)
    merged = deltaloft.merge(deltaloft.encode(before, source), delta)
    assert target == deltaloft.decode(before, merged)


@pytest.mark.parametrize("name", vectors())
def test_xdelta3_reads_every_merged_vector(name: str, xdelta3: Tool, tmp_path: Path) -> None:
    """What xdelta3 cannot read itself, such as a COPY across the border, it reads when merged."""
    source, delta, target = vector(name)
    merged = deltaloft.merge(deltaloft.encode(source, source), delta)
    assert target == read_by(xdelta3, tmp_path, source, merged)


def read_by(xdelta3: Tool, folder: Path, source: bytes, delta: bytes) -> bytes:
    """Return what xdelta3 makes of a delta."""
    (folder / "s").write_bytes(source)
    (folder / "d").write_bytes(delta)
    xdelta3("-D", "-d", "-f", "-s", folder / "s", folder / "d", folder / "t")
    return (folder / "t").read_bytes()


@pytest.mark.parametrize("options", ["-9", "-1", "-9 -n -S none", "-9 -W 16384"])
def test_deltas_of_xdelta3(options: str, xdelta3: Tool, tmp_path: Path) -> None:
    """Deltas by xdelta3 are merged with ours and their like, and xdelta3 reads the result."""
    source = text(7, 300_000) + noise(7, 100_000)
    versions = [source, edited(source, 8, 60)]
    versions.append(edited(versions[1], 9, 60))
    theirs, ours = [], []
    for number in (0, 1):
        old, new, delta = (tmp_path / f"{name}{number}" for name in ("old", "new", "delta"))
        old.write_bytes(versions[number])
        new.write_bytes(versions[number + 1])
        xdelta3("-D", "-e", *options.split(), "-s", old, new, delta)
        theirs.append(delta.read_bytes())
        ours.append(deltaloft.encode(old, new))
    for first in (theirs[0], ours[0]):
        for second in (theirs[1], ours[1]):
            merged = deltaloft.merge(first, second)
            assert versions[2] == deltaloft.decode(source, merged)
            assert versions[2] == read_by(xdelta3, tmp_path, source, merged)


def test_xdelta3_reads_merged_windows(xdelta3: Tool, tmp_path: Path) -> None:
    """Several windows of 16 MiB, with LZMA sections, from pieces that cross their borders."""
    source = text(10, 20 * MIB)
    a = edited(source, 11, 100)
    b = a[5 * MIB :] + noise(12, 20_000) + a[: 15 * MIB]
    merged = deltaloft.merge(deltaloft.encode(source, a), deltaloft.encode(a, b))
    assert 2 == len(deltaloft.inspect(merged).windows)
    assert b == read_by(xdelta3, tmp_path, source, merged)


def test_windows_keep_their_borders_and_checksums() -> None:
    """The Adler-32 of the second delta's windows prove the merged one."""
    source = noise(13, 1000)
    first = deltaloft.encode(source, source)
    parts = [source[:300], source[300:350], source[350:]]
    second = header() + b"".join(map(add_window, parts))
    windows = deltaloft.inspect(deltaloft.merge(first, second)).windows
    expected = [(w.target_size, w.adler32) for w in deltaloft.inspect(second).windows]
    assert expected == [(w.target_size, w.adler32) for w in windows]
    # The first delta has one literal changed, and nothing but that checksum knows.
    other = deltaloft.encode(b"", source[:999] + b"?", secondary="none")
    with pytest.raises(WrongSource):
        deltaloft.decode(b"", deltaloft.merge(other, deltaloft.encode(source, source)))


def test_windows_above_16_mib_are_cut() -> None:
    """A window larger than xdelta3 reads becomes several, which have no checksum to keep."""
    size = 40 * MIB
    second = header() + window(size, bytes([RUN]) + varint(size), b"x", adler32=1)
    windows = deltaloft.inspect(deltaloft.merge(deltaloft.encode(b"", b""), second)).windows
    assert [(16 * MIB, None), (16 * MIB, None), (8 * MIB, None)] == [
        (w.target_size, w.adler32) for w in windows
    ]


def test_nothing_comes_to_nothing() -> None:
    """Empty targets, and deltas without a window, merge into one that xdelta3 takes for whole."""
    for first in (header(), deltaloft.encode(b"source", b"")):
        for second in (header(), deltaloft.encode(b"", b"")):
            merged = deltaloft.merge(first, second)
            assert 1 == len(deltaloft.inspect(merged).windows)
            assert b"" == deltaloft.decode(b"source", merged)


def test_files(tmp_path: Path) -> None:
    """Files are merged like bytes, into a path or an open file."""
    source, a, b = text(1, 5000), text(2, 5000), text(3, 5000)
    first, second, goal = tmp_path / "first", tmp_path / "second", tmp_path / "merged"
    first.write_bytes(deltaloft.encode(source, a))
    second.write_bytes(deltaloft.encode(a, b))
    expected = deltaloft.merge(first, second.read_bytes())
    assert len(expected) == deltaloft.merge_file(first, second, goal)
    assert expected == goal.read_bytes()
    file = io.BytesIO()
    deltaloft.merge_file(first.read_bytes(), second, file)
    assert expected == file.getvalue()


def test_a_second_that_needs_more_than_the_first_makes(tmp_path: Path) -> None:
    """Deltas that cannot follow each other are told by their sizes, and no file is left."""
    first = deltaloft.encode(b"", b"short")
    second = deltaloft.encode(noise(1, 100), noise(1, 100))
    with pytest.raises(WrongSource, match="at least 100 bytes expected, found 5"):
        deltaloft.merge_file(first, second, tmp_path / "merged")
    assert [] == list(tmp_path.iterdir())


def malformed() -> list[Path]:
    """Return the folders of all bad vectors that need no source to be told."""
    folders = [path.parent for path in sorted(VECTORS.glob("bad*/meta.json"))]
    return [each for each in folders if '"WrongSource"' not in (each / "meta.json").read_text()]


@pytest.mark.parametrize("folder", malformed(), ids=lambda folder: folder.name)
def test_malformed_deltas_on_either_side(folder: Path) -> None:
    """A malformed delta is named, as the first or the second, like the decoder names it."""
    meta = json.loads((folder / "meta.json").read_text())
    source, delta = (folder / "source").read_bytes(), (folder / "delta").read_bytes()
    sides = {
        "first": (delta, deltaloft.encode(b"", b"anything")),
        "second": (deltaloft.encode(b"", source + bytes(100)), delta),
    }
    for side, (first, second) in sides.items():
        with pytest.raises(getattr(deltaloft, meta["expect"]), match=f"{side} delta: ") as caught:
            deltaloft.merge(first, second)
        assert meta["window"] == caught.value.window


@pytest.mark.parametrize("side", [0, 1])
def test_every_bit_flipped(side: int) -> None:
    """One wrong bit in either delta is an error, sooner or later, or changes nothing."""
    source = text(5, 400)
    a = edited(source, 6, 4)
    b = edited(a, 7, 4)
    deltas = [deltaloft.encode(source, a), deltaloft.encode(a, b)]
    survivors = 0
    for bit in range(len(deltas[side]) * 8):
        damaged = [bytearray(delta) for delta in deltas]
        damaged[side][bit // 8] ^= 1 << bit % 8
        try:
            merged = deltaloft.merge(*damaged)
            if deltaloft.inspect(damaged[1]).windows[0].adler32 is None:
                continue
            assert b == deltaloft.decode(source, merged, max_size=MIB), f"bit {bit}"
            survivors += 1
        except DeltaloftError:
            pass
    assert survivors < len(deltas[side]) * 4


@settings(max_examples=300)
@given(
    st.binary(max_size=40),
    st.binary(max_size=20),
    st.binary(max_size=20),
    st.integers(0, 300),
    st.booleans(),
)
def test_random_sections(
    instructions: bytes, data: bytes, addresses: bytes, size: int, is_first: bool
) -> None:
    """Sections of random bytes give a typed error, or a delta that makes what it should."""
    odd = header() + window(size, instructions, data, addresses, segment=(16, 0))
    source = b"abcdefghijklmnop"
    try:
        made = deltaloft.decode(source, odd)
    except DeltaError:
        made = None
    other = (
        deltaloft.encode(made or b"", made or b"") if is_first else deltaloft.encode(b"", source)
    )
    deltas = (odd, other) if is_first else (other, odd)
    if made is None:
        with pytest.raises(MalformedDelta):
            deltaloft.merge(*deltas)
    else:
        assert made == deltaloft.decode(source if is_first else b"", deltaloft.merge(*deltas))


def copies(seed: int, count: int, source_size: int) -> bytes:
    """Return a delta of `count` copies of 16 MiB from a source, each from another place."""
    chance = random.Random(seed)
    size = 16 * MIB
    return header() + b"".join(
        window(
            size,
            bytes([COPY]) + varint(size),
            b"",
            b"\0",
            segment=(size, chance.randrange(source_size - size)),
        )
        for _ in range(count)
    )


def test_instructions_are_merged_and_not_bytes() -> None:
    """From targets of 1 GiB comes a delta of a few bytes, in a few MiB of memory."""
    count = 64
    first, second = copies(1, count, 1 << 40), copies(2, count, count * 16 * MIB)
    script = (
        "import resource, sys, deltaloft\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "first, second = map(bytes.fromhex, sys.argv[1:])\n"
        "deltaloft.merge(*[deltaloft.encode(b'', b'')] * 2)\n"
        "before = peak()\n"
        "print(len(deltaloft.merge(first, second)), peak() - before)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, first.hex(), second.hex()],
        check=True,
        capture_output=True,
        text=True,
    )
    size, memory = map(int, told.stdout.split())
    assert size < 10_000
    assert memory < 16 << 10  # KiB, of 1 GiB in each target


def test_periodic_copies_stay_copies() -> None:
    """A copy that repeats a few bytes over 64 MiB is not written out, wherever b begins."""
    size = 64 * MIB
    repeat, word = bytes([COPY]) + varint(size - 7), add(b"seven b")
    first = header() + window(size, word[0] + repeat, word[1], b"\0")
    left = size - 12_345
    second = header() + window(
        left, bytes([COPY]) + varint(left), b"", b"\0", segment=(left, 12_345)
    )
    merged = deltaloft.merge(first, second)
    counts = deltaloft.inspect(merged).counts
    assert counts is not None
    assert (4, 28, 4) == (counts.adds, counts.add_bytes, counts.target_copies)
    expected = (b"seven b" * (size // 7 + 1))[12_345:size]
    assert expected == deltaloft.decode(b"", merged)


def test_targets_without_end_are_refused() -> None:
    """A RUN of 2 ** 60 bytes would be a delta of gigabytes: it is refused after some thousands."""
    size = 1 << 60
    second = header() + window(size, bytes([RUN]) + varint(size), b"x")
    with pytest.raises(UnsupportedDelta, match="64 steps"):
        deltaloft.merge(header(), second)


def test_options_out_of_range() -> None:
    """A level or a compressor that cannot be is an InvalidRequest."""
    delta = deltaloft.encode(b"", b"")
    with pytest.raises(deltaloft.InvalidRequest):
        deltaloft.merge(delta, delta, level=10)
    with pytest.raises(deltaloft.InvalidRequest):
        deltaloft.merge(delta, delta, secondary="djw")  # type: ignore[arg-type]
