"""What zip and gzip files hold, however they were packed, and however hostile they are."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from archives import members, tgz, zipped

from deltaloft.sketch import SketchWriter, inside, resemblance


def of(content: bytes) -> str:
    """Return what is inside."""
    return inside(memoryview(content))


def part(first: bytes, second: bytes) -> float:
    """Return how alike two archives are inside."""
    found = resemblance(of(first), of(second))
    assert found is not None
    return found


def test_a_rebuilt_zip_is_the_same_inside() -> None:
    """Order, dates, compression and what stands in front of a zip file do not matter."""
    files = members()
    first = zipped(files, level=9)
    for other in (
        zipped(files, level=1, year=2024, reverse=True),
        zipped({f"renamed/{name}": content for name, content in files.items()}),
        zipped(files, level=0, prefix=b"#!/bin/sh\n" * 100),
    ):
        assert of(first) == of(other)


def test_zips_resemble_each_other_by_size() -> None:
    """Of ten members of which one is another, nine tenths are the same."""
    first = members(0, count=10)
    assert 0.7 <= part(zipped(first), zipped(members(1, count=10))) <= 0.95
    assert part(zipped(first), zipped({"x": b"something else" * 10_000})) <= 0.05


def test_tgz_siblings_find_each_other() -> None:
    """A changed member changes all packed bytes that follow it, and little of what they hold."""
    first, second = tgz(members(0)), tgz(members(1))
    assert part(first, second) >= 0.9
    assert part(first, tgz(members(0), level=1)) == 1


def test_a_tgz_resembles_its_tar() -> None:
    """What is inside a gzip file is sampled as a file with those bytes is."""
    packed = tgz(members())
    writer = SketchWriter()
    writer.write(gzip.decompress(packed))
    assert writer.row() == of(packed)


def test_several_gzip_files_in_a_row_are_read_on() -> None:
    """Parallel packers write many small gzip files, one after the other."""
    plain = random.Random(1).randbytes(300_000)
    parts = [plain[place : place + 30_000] for place in range(0, len(plain), 30_000)]
    assert of(gzip.compress(plain)) == of(b"".join(map(gzip.compress, parts)))
    assert of(gzip.compress(plain)) == of(gzip.compress(plain) + bytes(1000))


def test_other_files_have_no_inside() -> None:
    """Neither random bytes, nor what only begins like an archive."""
    noise = random.Random(2).randbytes(100_000)
    for content in (b"", b"P", noise, b"PK\x03\x04" + noise, b"\x1f\x8b\x08" + noise):
        assert "" == of(content)


def test_a_gzip_bomb_is_left_early() -> None:
    """16 MiB are unpacked of it, and never more than a piece is held."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    tracemalloc.start()
    of(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
    end = gzip.compress(random.Random(3).randbytes(1 << 20))
    assert of(bomb) == of(bomb + end)


def test_endless_empty_gzip_files_are_left_early() -> None:
    """What unpacks to nothing, over and over, is given up long before its end."""
    empty = gzip.compress(b"")
    content = random.Random(4).randbytes(100_000)
    assert "" == of(empty * 5000 + gzip.compress(content))
    assert of(gzip.compress(content)) == of(empty * 100 + gzip.compress(content))


def test_a_zip_that_claims_everything_costs_little() -> None:
    """Members that claim to be 4 GiB each count until a GiB is reached, and no longer."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *[0] * 6, 7, 0, 0xFFFFFFFF, *[0] * 7)
    count = 65_535
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, 0, 0)
    assert set(of(entry * count + end)) == {"."}


@pytest.mark.parametrize("seed", range(5))
def test_damaged_archives_are_no_errors(seed: int) -> None:
    """Cut anywhere, or with bytes changed anywhere, an archive has some inside or none."""
    rng = random.Random(seed)
    files = members(count=5, size=2000)
    for whole in (zipped(files), tgz(files), _zip64(files)):
        for _ in range(100):
            broken = bytearray(whole[: rng.randrange(len(whole) + 1)])
            if broken:
                broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
            assert len(of(bytes(broken))) in (0, 96)
        for place in range(len(whole) - 100, len(whole)):
            broken = bytearray(whole)
            broken[place] = rng.randrange(256)
            assert len(of(bytes(broken))) in (0, 96)


def test_a_zip_whose_directory_is_cut_off_has_no_inside() -> None:
    """A central directory that is not whole, or that lies outside the file, is not believed."""
    whole = zipped(members(count=5))
    place = whole.rfind(b"PK\x05\x06")
    (right,) = struct.unpack_from("<I", whole, place + 12)
    for size in (right - 1, right + 1, len(whole), 0xFFFFFFFF):
        lying = bytearray(whole)
        struct.pack_into("<I", lying, place + 12, size)
        assert "" == of(bytes(lying))
    struct.pack_into("<H", lying := bytearray(whole), place + 10, 6)
    assert "" == of(bytes(lying))
    lying = bytearray(whole)
    lying[whole.rfind(b"PK\x01\x02")] = 0
    assert "" == of(bytes(lying))


def test_wide_fields_are_understood() -> None:
    """A zip file with a directory in 64-bit fields is read by these."""
    files = members(count=5)
    assert of(zipped(files)) == of(_zip64(files))


def _zip64(files: dict[str, bytes]) -> bytes:
    """Return a zip file that says in wide fields where its directory is, and nowhere else."""
    target = io.BytesIO(zipped(files))
    with zipfile.ZipFile(target) as archive:
        start, count = archive.start_dir, len(archive.infolist())
    whole = target.getvalue()
    place = whole.rfind(b"PK\x05\x06")
    size = place - start
    wide = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, place, 1)
    lost = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, *lost, 0)
    return whole[:place] + wide + locator + end
