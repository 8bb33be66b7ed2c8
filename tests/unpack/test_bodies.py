"""Bodies of unpack/1: what one version read, every later one reads; hostile ones are refused."""

from __future__ import annotations

import contextlib
import json
import random
import resource
import zlib
from pathlib import Path

import pytest
from bodies import BodyBuilder, integers
from make_vectors import SOURCE, TARGET, example
from packed import as_gzip, as_tar, as_zip, later, release

import deltaloft

VECTORS = sorted(Path(__file__).parent.parent.glob("vectors/unpack/*/meta.json"))


def expected(meta: Path) -> str:
    """Return what should become of a vector."""
    return str(json.loads(meta.read_text())["expect"])


@pytest.mark.parametrize("meta", VECTORS, ids=lambda meta: meta.parent.name)
def test_vector(meta: Path, tmp_path: Path) -> None:
    """A vector gives its target, in memory and in a file; or its error, and no file."""
    source, delta, goal = meta.with_name("source"), meta.with_name("delta"), tmp_path / "target"
    if expected(meta) == "target":
        target = meta.with_name("target").read_bytes()
        assert target == deltaloft.decode(source, delta)
        assert len(target) == deltaloft.decode_file(source, delta, goal, threads=2)
        assert target == goal.read_bytes()
        recipe = deltaloft.inspect(delta).unpack
        assert recipe is not None
        assert (source.stat().st_size, len(target)) == (recipe.source_size, recipe.target_size)
        return
    with pytest.raises(getattr(deltaloft, expected(meta)), match="expected"):
        deltaloft.decode(source, delta)
    with pytest.raises(getattr(deltaloft, expected(meta))):
        deltaloft.decode_file(source, delta, goal)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "words"),
    [("tar-gz-reuse", "with symbols of the source"), ("gzip-corrections", "bytes of corrections")],
)
def test_how_a_stream_is_made_again_is_told(name: str, words: str) -> None:
    """An inspection tells streams apart that take more than parameters."""
    delta = VECTORS[0].parent.parent / name / "delta"
    assert any(words in line for line in str(deltaloft.inspect(delta)).splitlines())


def test_there_are_vectors_of_both_kinds() -> None:
    """The folder has been found."""
    good = sum(expected(meta) == "target" for meta in VECTORS)
    assert good >= 9
    assert len(VECTORS) - good >= 35


def _damaged(name: str, count: int) -> list[bytes]:
    body = (VECTORS[0].parent.parent / name / "delta").read_bytes()
    chance = random.Random(11)
    damaged = [body[:end] for end in range(len(body))]
    for _ in range(count):
        flipped = bytearray(body)
        flipped[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(flipped))
    return damaged


@pytest.mark.parametrize("name", ["by-hand", "by-hand-differences", "by-hand-corrections", "zip"])
def test_damage_is_a_typed_error(name: str) -> None:
    """A body cut at any byte, or with a bit flipped, gives its target or one of our errors."""
    folder = VECTORS[0].parent.parent / name
    source, target = (folder / "source").read_bytes(), (folder / "target").read_bytes()
    for body in _damaged(name, 600):
        with contextlib.suppress(deltaloft.DeltaError, deltaloft.WrongSource):
            assert target == deltaloft.decode(source, body, max_size=1 << 20, engine="native")
        with contextlib.suppress(deltaloft.DeltaError):
            assert str(deltaloft.inspect(body))


def test_another_source_is_refused() -> None:
    """A source of another size, or with other bytes in its stream, is not the one."""
    body = example().body()
    for source in (SOURCE + b"x", SOURCE[:30] + b"\xff\xff\xff" + SOURCE[33:]):
        with pytest.raises(deltaloft.WrongSource, match="expected"):
            deltaloft.decode(source, body)


def test_target_larger_than_allowed_is_refused() -> None:
    """`max_size` bounds the target, whatever is inside it."""
    body = example().body()
    assert TARGET == deltaloft.decode(SOURCE, body, max_size=len(TARGET))
    with pytest.raises(deltaloft.TargetTooLarge):
        deltaloft.decode(SOURCE, body, max_size=len(TARGET) - 1)


def _bomb(size: int) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = bytes(1 << 20)
    return b"".join(stream.compress(piece) for _ in range(size >> 20)) + stream.flush()


def _grown(call: object) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    call()  # type: ignore[operator]
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10


def test_bomb_in_the_source_is_refused() -> None:
    """A body that has a source inflate to more than 64 MiB and 64 times itself is refused."""
    source = _bomb(128 << 20)
    bomb = BodyBuilder(source, b"x" * 99, offsets=[0], fields={"inflated_size": 128 << 20}).body()

    def refused() -> None:
        with pytest.raises(deltaloft.MalformedDelta, match="inflates to less"):
            deltaloft.decode(source, bomb)

    assert _grown(refused) < 32 << 20


def test_bomb_in_the_target_is_refused() -> None:
    """A body of 1 kB whose target's streams hold gigabytes is refused before they are made."""
    bomb = BodyBuilder(
        b"", b"x" * 99, starts=[0], sizes=[10 << 30], numbers=[0], fields={"target_size": 1000}
    ).body()
    assert len(bomb) < 1000

    def refused() -> None:
        with pytest.raises(deltaloft.MalformedDelta, match="inflates to less"):
            deltaloft.decode(b"", bomb)

    assert _grown(refused) < 32 << 20


def test_recipe_that_unpacks_to_more_is_refused() -> None:
    """A recipe is unpacked no further than the format allows, and needs."""
    plain = bytes(6 << 20)
    bodies = [example().body(plain, recipe_size=size) for size in (len(plain), 1 << 20)]

    def refused() -> None:
        for body in bodies:
            with pytest.raises(deltaloft.MalformedDelta):
                deltaloft.decode(SOURCE, body)

    assert _grown(refused) < 32 << 20


@pytest.mark.parametrize("kind", ["zip", "gzip"])
def test_encoding_a_bomb_takes_bounded_memory(kind: str) -> None:
    """An archive that holds 256 MiB of zeros is encoded as it stands."""
    deflated = _bomb(256 << 20)
    if kind == "gzip":
        head, tail = b"\x1f\x8b\x08\0\0\0\0\0\0\3", bytes(4) + (256 << 20).to_bytes(4, "little")
        bomb = head + deflated + tail
    else:
        small = as_zip({"a": b"content" * 9})
        central = small.index(b"PK\1\2")
        sizes = len(deflated).to_bytes(4, "little") + (256 << 20).to_bytes(4, "little")
        bomb = (
            small[:18] + sizes + small[26:31] + deflated + small[central : central + 20] + sizes
            + small[central + 28 : -6] + (31 + len(deflated)).to_bytes(4, "little") + b"\0\0"
        )  # fmt: skip

    def survived() -> None:
        assert bomb == deltaloft.decode(b"other" * 99, _unpacking(b"other" * 99, bomb))

    assert _grown(survived) < 200 << 20


def _unpacking(source: bytes, target: bytes) -> bytes:
    import io

    out = io.BytesIO()
    deltaloft.encode_file(source, target, out, unpack=True)
    return out.getvalue()


def test_deep_nesting_ends() -> None:
    """Of 300 archives in each other, eight are looked into, and the file comes back."""
    old, new = (as_tar(files) for files in (release(1), later(release(1), 2)))
    for _ in range(300):
        old, new = as_gzip(old), as_gzip(new)
    assert new == deltaloft.decode(old, _unpacking(old, new))


def test_many_archives_in_one() -> None:
    """Thousands of small archives in one are looked into, each once."""

    def build(word: bytes) -> bytes:
        inner = {f"{n}.zip": as_zip({"x": word * 40 + b"%d" % n}) for n in range(2000)}
        return as_zip(inner)

    old, new = build(b"some"), build(b"more")
    assert new == deltaloft.decode(old, _unpacking(old, new))


def test_archive_that_holds_itself_is_survived() -> None:
    """A stream that inflates to the archive it is in, again and again, is followed eight deep."""
    # No quine is needed for that: what matters is that each level looks like a container.
    level = as_gzip(b"core")
    for _ in range(30):
        level = as_gzip(level + level)
    other = as_gzip(level + as_gzip(b"other" * 50))
    assert other == deltaloft.decode(level, _unpacking(level, other))


def test_integers_are_the_rfcs() -> None:
    """The example of RFC 3284, section 2, is written as it stands there."""
    from deltaloft.unpack.integers import read_integer, write_integer

    assert bytes.fromhex("ba ef 9a 15") == write_integer(123456789) == integers(123456789)
    assert (123456789, 4) == read_integer(write_integer(123456789), 0)
