"""Where members lie: agreed on by all that a container says, or not at all."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib

import pytest
from packed import as_ar, as_gzip, as_tar, as_zip, later, release

from deltaloft.containers import Part, parts_of

FILES = release(1)


def parts(container: bytes, max_size: int = 1 << 30) -> list[Part]:
    """Return the parts of a container in memory."""
    return parts_of(memoryview(container), max_size=max_size)


def contents(container: bytes) -> dict[str, bytes]:
    """Return what the parts of a container hold."""
    found = {}
    for part in parts(container):
        stands = container[part.offset : part.end]
        content = zlib.decompress(stands, -15) if part.deflated else stands
        assert part.plain_size == len(content)
        found[part.name.decode()] = content
    return found


@pytest.mark.parametrize("stream", [False, True], ids=["seekable", "streamed"])
def test_zip_members_are_found(stream: bool) -> None:
    """All members of a zip are found, with data descriptors or without."""
    assert FILES == contents(as_zip(FILES, stream=stream))
    assert FILES == contents(as_zip(FILES, stored=("1.py",), stream=stream))


def test_zip_of_macos_is_understood() -> None:
    """A local header may leave crc and size to its data descriptor and tell the plain size alone.

    So does whoever compresses a folder in the Finder; all of such an archive stayed raw.
    """
    streamed = as_zip(FILES, stream=True)
    told = streamed
    for name, content in FILES.items():
        local = told.index(name.encode()) - 30
        told = _patched(told, local + 22, struct.pack("<L", len(content)))
    assert streamed != told
    assert FILES == contents(told)
    assert [] == parts(_patched(told, 22, b"\x07\x00\x00\x00"))


def test_zip64_members_are_found() -> None:
    """Sizes in zip64 fields, of members and of the end record, are read."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("large", "w", force_zip64=True) as member:
            member.write(b"content " * 1000)
        for number in range(70_000):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    found = parts(out.getvalue())
    assert [b"large"] == [part.name for part in found if part.size > 2]
    assert found[0].plain_size == 8000


def test_zip64_record_of_a_small_archive() -> None:
    """A zip64 record may repeat what the short one tells, as Info-ZIP writes it to a pipe."""
    good = as_zip(FILES)
    size, offset = struct.unpack_from("<2L", good, len(good) - 10)
    counts = (len(FILES), len(FILES), size, offset)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *counts)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(good) - 22, 1)
    assert FILES == contents(good[:-22] + record + locator + good[-22:])
    lying = _patched(record, 40, struct.pack("<Q", size - 1))
    assert [] == parts(good[:-22] + lying + locator + good[-22:])


def test_zip_behind_a_program_is_found() -> None:
    """An archive may begin with a program that unpacks it, whether offsets count that or not."""
    program = b"#!/usr/bin/env python3\n"
    assert FILES == contents(program + as_zip(FILES))
    whole = io.BytesIO(program)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    assert FILES == contents(whole.getvalue())


def test_tar_members_are_found() -> None:
    """The regular files of a tar are found, by names of any length."""
    long = {"n" * 150: b"long", "d/" * 90 + "name": b"longer", **FILES}
    assert long == contents(as_tar(long))
    for style in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=style) as archive:
            entry = tarfile.TarInfo("folder/" + "x" * 90)
            entry.size = 5
            archive.addfile(entry, io.BytesIO(b"hello"))
        assert {"folder/" + "x" * 90: b"hello"} == contents(out.getvalue())


def test_ar_members_are_found() -> None:
    """The files of an ar are found, up to where it stops making sense."""
    files = {"debian-binary": b"2.0\n", "odd": b"odd", "data.tar.gz": b"even"}
    whole = as_ar(files)
    assert files == contents(whole)
    assert files == contents(whole.replace(b"data.tar.gz ", b"data.tar.gz/"))  # System V's
    last = whole.index(b"data.tar.gz")
    kept = {name: files[name] for name in ("debian-binary", "odd")}
    for broken in (
        whole[:-1],
        whole[:-5],
        _patched(whole, last + 48, b"-4 "),
        _patched(whole, last + 48, b"4x "),
        _patched(whole, last + 58, b"\n`"),
    ):
        assert kept == contents(broken)


def test_gzip_members_are_found() -> None:
    """Each member of a gzip file is found, up to bytes that are none."""
    both = as_gzip(b"first" * 50) + gzip.compress(b"second" * 50, 6)
    for tail in (b"", b"trailing garbage", b"\x1f\x8b\x08"):
        found = parts(both + tail)
        assert [b"first" * 50, b"second" * 50] == [part.plain for part in found]


def test_gzip_fields_are_skipped() -> None:
    """Extra field, name, comment and header CRC are no part of the stream."""
    plain = as_gzip(b"content" * 20)
    head = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x03\x00abcname\0comment\0\x12\x34"
    (part,) = parts(head + plain[10:])
    assert (b"name", len(head)) == (part.name, part.offset)


def _directory(archive: bytes) -> int:
    return struct.unpack_from("<L", archive, len(archive) - 6)[0]


def _patched(archive: bytes, at: int, value: bytes) -> bytes:
    return archive[:at] + value + archive[at + len(value) :]


def _liars() -> dict[str, bytes]:
    """Return zips of which one thing is wrong."""
    good = as_zip(FILES)
    central = _directory(good)
    second = struct.unpack_from("<3H", good, central + 28)
    second_entry = central + 46 + sum(second)
    return {
        "local size": _patched(good, 18, b"\x01\x00\x00\x00"),
        "local crc": _patched(good, 14, b"\x01\x02\x03\x04"),
        "local name": _patched(good, 30, b"q"),
        "local method": _patched(good, 8, b"\x00\x00"),
        "local magic": _patched(good, 0, b"QK"),
        "directory size": _patched(good, len(good) - 10, b"\xff\x00\x00\x00"),
        "directory offset": _patched(good, len(good) - 6, b"\xff\xff\xff\x7f"),
        "directory magic": _patched(good, central, b"XX"),
        "more entries": _patched(good, len(good) - 14, b"\x07\x00\x07\x00"),
        "fewer entries": _patched(good, len(good) - 14, b"\x05\x00\x05\x00"),
        "two disks": _patched(good, len(good) - 18, b"\x01\x00"),
        "same member twice": _patched(good, second_entry, good[central : central + 46]),
        "member past the directory": _patched(good, central + 42, struct.pack("<L", central)),
        "trailing garbage": good + b"garbage",
        "cut": good[:-1],
        "no zip64 record": _patched(good, len(good) - 6, b"\xff\xff\xff\xff"),
    }


@pytest.mark.parametrize("lie", _liars())
def test_zip_that_lies_has_no_parts(lie: str) -> None:
    """What directory and local headers do not agree on is left alone."""
    assert [] == parts(_liars()[lie])


def test_overlapping_members_have_no_parts() -> None:
    """Two entries for the same bytes, as in a zip bomb, make the archive one that is left alone."""
    good = as_zip({"a": b"content" * 99})
    central = _directory(good)
    entry = good[central:-22]
    twice = good[:central] + 2 * entry
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), central, 0)
    assert [] == parts(twice + end)


def test_encrypted_members_are_left_out() -> None:
    """A member whose flags say that it is encrypted is no part; its neighbours are."""
    good = as_zip(FILES)
    central = _directory(good)
    flags = struct.unpack_from("<H", good, 6)[0] | 1
    locked = _patched(_patched(good, 6, bytes([flags, 0])), central + 8, bytes([flags, 0]))
    assert set(FILES) - {"project-1.0/module0.py"} == set(contents(locked))


@pytest.mark.parametrize("make", [as_zip, as_tar, as_ar, lambda files: as_gzip(as_tar(files))])
def test_any_damage_is_survived(make: object) -> None:
    """A container cut anywhere, or with bits flipped, raises nothing; parts lie inside it."""
    whole = make({"a": b"content" * 30, "b": b"more" * 30})  # type: ignore[operator]
    chance = random.Random(5)
    damaged = [whole[:end] for end in range(len(whole))]
    for _ in range(3000):
        flipped = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(flipped))
    for container in damaged:
        end = 0
        for part in parts(container):
            assert end <= part.offset <= part.end <= len(container)
            end = part.end


def test_gzip_bomb_is_not_inflated() -> None:
    """Of a member that holds more than may be inflated, no part is made."""
    bomb = as_gzip(bytes(20 << 20))
    assert [] == parts(bomb, max_size=1 << 20)
    assert 1 == len(parts(bomb, max_size=20 << 20))


def test_text_is_no_container() -> None:
    """What is no container has no parts."""
    for content in (b"", b"P", b"PK", b"text" * 500, bytes(2000), *later(FILES, 1).values()):
        assert [] == parts(content)
