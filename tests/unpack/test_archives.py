"""Archives come back byte for byte from deltas that look inside them, and those are small."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbours import missing
from packed import as_ar, as_gzip, as_tar, as_zip, later, raw_deflate, release

import deltaloft
from deltaloft.delta_reader import is_unpacked
from deltaloft.unpack.body import read_body
from deltaloft.unpack.plan import make_plan

OLD = release(1)
NEW = later(OLD, 2)


def delta_of(source: bytes, target: bytes, *, level: int = 6, threads: int | None = None) -> bytes:
    """Encode with `unpack`, and make sure that the target comes back, from memory and file."""
    out = io.BytesIO()
    size = deltaloft.encode_file(source, target, out, level=level, threads=threads, unpack=True)
    delta = out.getvalue()
    assert size == len(delta)
    assert target == deltaloft.decode(source, delta, max_size=len(target))
    back = io.BytesIO()
    assert len(target) == deltaloft.decode_file(source, delta, back, threads=3)
    assert target == back.getvalue()
    return delta


def gain(source: bytes, target: bytes) -> float:
    """Return how many times smaller looking inside makes the delta, which does so."""
    delta = delta_of(source, target)
    assert is_unpacked(delta)
    return len(deltaloft.encode(source, target)) / len(delta)


@pytest.mark.parametrize("level", [1, 4, 6, 9])
def test_zip(level: int) -> None:
    """Changed members of a zip are described by what is in them."""
    assert gain(as_zip(OLD, level=level), as_zip(NEW, level=level)) > 10


@pytest.mark.parametrize("level", [1, 6, 9])
def test_tar_gz(level: int) -> None:
    """A compressed tar is described by what is in it."""
    old, new = as_gzip(as_tar(OLD), level=level), as_gzip(as_tar(NEW, mtime=1), level=level)
    assert gain(old, new) > 20


def test_zip_to_a_pipe() -> None:
    """Data descriptors are no obstacle."""
    assert gain(as_zip(OLD, stream=True), as_zip(NEW, stream=True)) > 10


def _nested(files: dict[str, bytes], kind: str) -> bytes:
    inner = as_zip(files)
    other = {"README": b"read me " * 400, "noise": random.Random(3).randbytes(3000)}
    match kind:
        case "zip in zip":
            return as_zip({"lib/inner.jar": inner, **other})
        case "stored zip in zip":
            return as_zip({"lib/inner.jar": inner, **other}, stored=("jar",))
        case "gzip in zip":
            return as_zip({f"{n}.gz": as_gzip(f) for n, f in files.items()} | other)
        case "zip in tar":
            return as_tar({"lib/inner.jar": inner, **other})
        case "tar.gz in ar":  # a Debian package
            return as_ar({"debian-binary": b"2.0\n", "data.tar.gz": as_gzip(as_tar(files))})
        case "zip in tar.gz":
            return as_gzip(as_tar({"lib/inner.jar": inner, **other}))
        case _:
            return as_gzip(as_gzip(as_gzip(as_tar({"lib/inner.jar": as_zip({"in": inner})}))))


@pytest.mark.parametrize(
    "kind",
    [
        "zip in zip",
        "stored zip in zip",
        "gzip in zip",
        "zip in tar",
        "tar.gz in ar",
        "zip in tar.gz",
        "six deep",
    ],
)
def test_nesting(kind: str) -> None:
    """Containers inside containers are looked into as well."""
    assert gain(_nested(OLD, kind), _nested(NEW, kind)) > 5


def test_unchanged_members_stay_as_they_are() -> None:
    """Only what changed is inflated: the recipe has one stream for one changed file of 40."""
    old = release(7, files=40, words=500)
    new = dict(old)
    new["project-1.0/module7.py"] = later(old, 1, changed=40)["project-1.1/module7.py"]
    recipe = read_body(memoryview(delta_of(as_zip(old), as_zip(new)))).recipe
    assert (1, 1) == (len(recipe.source_streams), len(recipe.target_streams))


def test_renamed_members_are_found() -> None:
    """A member that changed and has another name still finds what it came from."""
    old = release(8, words=4000)
    new = {f"elsewhere/{n.rpartition('/')[2][::-1]}.txt": f for n, f in later(old, 3).items()}
    assert gain(as_zip(old), as_zip(new)) > 5


def test_layers_of_an_image_are_found() -> None:
    """Blobs named by their digest, as in images of containers, are paired by their size."""

    def image(*layers: bytes) -> bytes:
        return as_tar({f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}": blob for blob in layers})

    app, system = release(9, words=9000), release(10, words=20_000)
    old = image(as_gzip(as_tar(system)), as_gzip(as_tar(app)))
    new = image(as_gzip(as_tar(later(system, 11))), as_gzip(as_tar(later(app, 12))))
    assert gain(old, new) > 20


def test_many_gzip_members() -> None:
    """A gzip file of several members has each of them inflated."""
    old = b"".join(as_gzip(content) for content in OLD.values())
    new = b"".join(as_gzip(content) for content in NEW.values())
    assert gain(old, new) > 10
    assert gain(old, new + b"trailing garbage") > 10


def _with_member(files: dict[str, bytes], odd: bytes, plain: bytes) -> bytes:
    """Return a gzip file of two members, the second of which holds an odd stream."""
    head, tail = b"\x1f\x8b\x08\0\0\0\0\0\0\3", (len(plain) % (1 << 32)).to_bytes(4, "little")
    return as_gzip(as_tar(files)) + head + odd + bytes(4) + tail


def test_streams_of_other_programs_are_corrected() -> None:
    """A stream that no parameters of ours make is made by corrections, where they are few."""
    old, new = OLD["project-1.0/module0.py"] * 3, NEW["project-1.1/module0.py"] * 3
    for odd in (
        lambda plain: raw_deflate(plain, strategy=zlib.Z_HUFFMAN_ONLY),
        lambda plain: raw_deflate(plain, strategy=zlib.Z_FIXED),
        lambda plain: _flushed(plain[: len(plain) // 2], plain[len(plain) // 2 :]),
    ):
        archives = [_with_member(files, odd(p), p) for files, p in ((OLD, old), (NEW, new))]
        delta = delta_of(archives[0], archives[1])
        streams = read_body(memoryview(delta)).recipe.target_streams
        assert [0, 1] == [min(1, len(stream.corrections)) for stream in streams]
        assert len(streams[1].corrections) < len(odd(new)) / 8


def test_corrections_that_gain_nothing_are_left() -> None:
    """A stream with many corrections that changed at its end stays raw: it is smaller that way."""
    plain = release(9, files=1, words=9000)["project-1.0/module0.py"]
    pieces = [plain[at : at + 700] for at in range(0, len(plain), 700)]
    old = _with_member(OLD, _flushed(*pieces, b"the end"), plain + b"the end")
    new = _with_member(NEW, _flushed(*pieces, b"THE END"), plain + b"THE END")
    corrected = make_plan(memoryview(old), memoryview(new))
    assert corrected is not None and corrected.corrections_size > len(delta_of(old, new))
    delta = delta_of(old, new)
    assert [b""] == [s.corrections for s in read_body(memoryview(delta)).recipe.target_streams]


def test_member_that_does_not_deflate_again_stays_raw() -> None:
    """A stream that neither parameters nor corrections make is kept, and comes back exactly."""
    # Behind a stored block, a match of 258 bytes written as no compressor does.
    noise = random.Random(1).randbytes(100)
    odd = b"\0" + bytes([100, 0, 155, 255]) + noise + bytes.fromhex("4b1cf90000")
    plain = noise + b"a" * 259
    assert zlib.decompress(odd, -15) == plain
    delta = delta_of(_with_member(OLD, b"-", plain), _with_member(NEW, odd, plain))
    assert 1 == len(read_body(memoryview(delta)).recipe.target_streams)
    # And one that goes wrong at its very end: all but the last byte of it is what zlib makes.
    late = raw_deflate(plain * 9)[:-8] + raw_deflate(plain * 9 + b"x")[-8:]
    old = as_zip({**OLD, "odd": b"-"})
    assert delta_of(old, as_gzip(as_tar(NEW)) + b"\x1f\x8b\x08\0\0\0\0\0\0\3" + late)


def _flushed(*pieces: bytes) -> bytes:
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    made = [stream.compress(piece) + stream.flush(zlib.Z_FULL_FLUSH) for piece in pieces]
    return b"".join(made) + stream.flush()


def test_gnu_gzip(tmp_path: Path) -> None:
    """What GNU gzip wrote is deflated again exactly."""
    if shutil.which("gzip") is None:
        missing("gzip", "GNU gzip not installed (apt-get install gzip)")
    archives = []
    for files in (OLD, NEW):
        tar = tmp_path / "a.tar"
        tar.write_bytes(as_tar(files) + random.Random(1).randbytes(100_000))
        archives.append(
            subprocess.run(["gzip", "-nc", tar], check=True, capture_output=True).stdout
        )
    assert gain(*archives) > 20


def test_node() -> None:
    """What Node's zlib wrote, as npm does, is deflated again exactly."""
    node = shutil.which("node")
    if node is None:
        missing("node", "node not installed (apt-get install nodejs)")
    program = (
        "const zlib = require('zlib');"
        "process.stdout.write(zlib.gzipSync(require('fs').readFileSync(0), {level: 9}))"
    )
    old, new = (
        subprocess.run(
            [node, "-e", program], input=as_tar(files), check=True, capture_output=True
        ).stdout
        for files in (OLD, NEW)
    )
    assert gain(old, new) > 20


def test_threads_make_no_difference() -> None:
    """One thread or several: the same delta."""
    old, new = as_zip(release(4, words=90_000)), as_zip(later(release(4, words=90_000), 5))
    assert delta_of(old, new, threads=1) == delta_of(old, new, threads=4)


def test_bytes_that_nearly_agree() -> None:
    """A program linked again, with another address every few bytes, takes half as much or less."""
    chance = random.Random(1)
    old, new = bytearray(), bytearray()
    for _ in range(20_000):
        code = chance.randbytes(chance.randint(12, 60))
        address = chance.randrange(1 << 31)
        old += code + address.to_bytes(4, "little")
        new += code + (address + 0x1240).to_bytes(4, "little")
    assert gain(bytes(old), bytes(new)) > 2
    assert gain(as_zip({"lib.so": bytes(old)}), as_zip({"lib.so": bytes(new)})) > 3


def test_plain_delta_where_looking_inside_gains_nothing() -> None:
    """What has nothing to gain is a VCDIFF delta as ever."""
    noise = random.Random(2).randbytes(100_000)
    for source, target in (
        (b"", b""),
        (noise, noise[:50_000] + b"inserted" + noise[50_000:]),
        (as_zip(OLD), as_zip(OLD)),
    ):
        assert not is_unpacked(delta_of(source, target))


def test_merge_says_that_it_cannot() -> None:
    """merge reads VCDIFF only, and says what it found instead."""
    delta = delta_of(as_zip(OLD), as_zip(NEW))
    with pytest.raises(deltaloft.UnsupportedDelta, match="unpack/1"):
        deltaloft.merge(delta, delta)


def test_a_body_is_inspected(tmp_path: Path) -> None:
    """The recipe is told stream by stream, then the delta inside as any other."""
    source, target = (as_zip({"inside.zip": as_zip(files)}) for files in (OLD, NEW))
    delta = delta_of(source, target)
    found = deltaloft.inspect(delta)
    recipe = found.unpack
    assert recipe is not None
    assert (len(delta), len(source), len(target)) == (
        recipe.size,
        recipe.source_size,
        recipe.target_size,
    )
    assert hashlib.sha256(target).hexdigest() == recipe.target_sha256
    # Each changed file was inflated, and around them the archive they are in.
    changed = [new for old, new in zip(OLD.values(), NEW.values(), strict=True) if old != new]
    around, *files = recipe.target_streams
    assert 0 == around.depth
    assert all(around.start < each.start < around.start + around.size for each in files)
    assert sorted(map(len, changed)) == sorted(stream.size for stream in files)
    assert {(1, "zlib", 6, 8)} == {(f.depth, f.family, f.level, f.mem_level) for f in files}
    assert around.size == recipe.replayed_size
    inside = deltaloft.inspect(delta[recipe.delta_offset :])
    assert replace(found, unpack=None) == inside

    path = tmp_path / "delta"
    path.write_bytes(delta)
    assert found == deltaloft.inspect(path)
    head, *rest = str(found).splitlines()
    assert f"unpack/1 body of {len(delta):,} bytes makes {len(target):,}" in head
    assert str(inside).splitlines() == rest[-len(str(inside).splitlines()) :]
    assert 1 + len(files) == sum("by zlib level 6, memLevel 8" in line for line in rest)
    assert recipe.target_sha256 == found.as_dict()["unpack"]["target_sha256"]


@pytest.mark.parametrize("threads", [1, 2])
def test_any_slice_of_the_target_can_be_had(threads: int) -> None:
    """decode_range decodes a body whole and keeps what was asked for; a wrong source is noticed."""
    source, target = as_gzip(as_tar(OLD)), as_gzip(as_tar(NEW))
    delta = delta_of(source, target)
    for start, size in ((0, 0), (0, 1), (1000, 3000), (0, len(target)), (len(target) - 1, 1)):
        piece = deltaloft.decode_range(source, delta, start, size, threads=threads)
        assert target[start : start + size] == piece
    for start, size in ((-1, 1), (0, len(target) + 1), (2, -1)):
        with pytest.raises(deltaloft.InvalidRequest, match=f"the target's {len(target)} bytes"):
            deltaloft.decode_range(source, delta, start, size)
    with pytest.raises(deltaloft.TargetTooLarge):
        deltaloft.decode_range(source, delta, 0, 1, max_size=len(target) - 1)
    other = source[:-1] + bytes([source[-1] ^ 1])
    with pytest.raises(deltaloft.WrongSource):
        deltaloft.decode_range(other[::-1], delta, 0, 1)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    files=st.integers(1, 6),
    words=st.integers(0, 4000),
    level=st.integers(1, 9),
    other=st.integers(1, 9),
    kinds=st.tuples(st.sampled_from("zgt"), st.sampled_from("zgt"), st.sampled_from("zgt")),
)
def test_any_archive(
    seed: int, files: int, words: int, level: int, other: int, kinds: tuple[str, ...]
) -> None:
    """Archives of any kind in archives of any kind come back."""

    def build(content: dict[str, bytes], level: int) -> bytes:
        whole = as_tar(content)
        for kind in kinds:
            match kind:
                case "z":
                    whole = as_zip({"member-1.0": whole, "other": b"x" * words}, level=level)
                case "g":
                    whole = as_gzip(whole, level=level)
                case _:
                    whole = as_tar({"member-1.0": whole}, mtime=seed)
        return whole

    old = release(seed, files=files, words=words)
    delta_of(build(old, level), build(later(old, seed + 1), other))


def _flushed_late(content: bytes) -> bytes:
    """A gzip member that begins as any other of level 6 and is flushed once, near its end."""
    deflater = zlib.compressobj(6, wbits=31)
    parts = [deflater.compress(content[:-5000]), deflater.flush(zlib.Z_SYNC_FLUSH)]
    return b"".join([*parts, deflater.compress(content[-5000:]), deflater.flush()])


def test_a_stream_that_only_begins_as_expected_is_corrected() -> None:
    """What differs behind the beginning is found by the proof, and corrections make the stream."""
    long = b"".join(release(7, files=30).values())
    assert len(zlib.compress(long)) > 2 * (64 << 10)
    old = as_gzip(as_tar(OLD), level=6) + _flushed_late(long)
    new = as_gzip(as_tar(NEW), level=6) + _flushed_late(b"x" + long)
    delta = delta_of(old, new)
    streams = read_body(memoryview(delta)).recipe.target_streams
    assert [False, True] == [bool(stream.corrections) for stream in streams]
