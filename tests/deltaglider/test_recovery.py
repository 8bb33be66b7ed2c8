"""Compressed files that DeltaGlider cannot give back, given back."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from producers import PRODUCERS, SIZES, Absent, archive

from deltaloft.deltaglider import Limits
from deltaloft.deltaglider.gzip_header import GzipHints, first_headers, later_headers
from deltaloft.deltaglider.kin import Kin
from deltaloft.deltaglider.tar_facts import TarFacts
from deltaloft.deltaglider.xz_blocks import Blocks, blocks_of, in_blocks
from deltaloft.errors import ContentOnly
from deltaloft.store import Store

# What nothing makes again, and why.
LOST = {
    "gzip, an old file's time": "the time in its header is in no reach of the upload",
    "two members": "where one member ended is not known",
}


def produced(name: str, version: int, tmp_path: Path) -> bytes:
    """Return a compressed archive."""
    folder = tmp_path / f"{version}"
    folder.mkdir()
    try:
        return PRODUCERS[name](archive(version, size=SIZES.get(name, 220)), folder)
    except Absent as absent:
        pytest.skip(str(absent))


@pytest.mark.parametrize("name", [name for name in PRODUCERS if name not in LOST])
def test_made_again(name: str, glider: Any, older: Store, tmp_path: Path) -> None:
    """What this program compressed comes back exactly, the first file of a folder and a later."""
    first, later = (produced(name, version, tmp_path) for version in (0, 1))
    assert first != later
    glider.put("p/app-0.tar.gz", first)
    glider.put("p/app.tar.gz", later)
    assert older.read("p/app-0.tar.gz") == first
    assert older.read("p/app.tar.gz") == later


@pytest.mark.parametrize("name", ["gzip -9", "Node", "pigz", "zlib -6, memLevel 9", "bzip2 -1"])
def test_no_program_is_needed(
    name: str, glider: Any, older: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What compressed a file need not be on the machine that makes it again."""
    first, later = (produced(name, version, tmp_path) for version in (0, 1))
    glider.put("p/app-0.tar.gz", first)
    glider.put("p/app.tar.gz", later)
    monkeypatch.setenv("PATH", "")
    assert older.read("p/app.tar.gz") == later


@pytest.mark.parametrize(
    ("members", "pack"),
    [(1, gzip.compress), (3, gzip.compress), (2, bz2.compress), (2, lzma.compress)],
)
def test_what_was_appended_to(
    members: int, pack: Callable[[bytes], bytes], glider: Any, older: Store
) -> None:
    """Members of the reference are taken as they are, and what follows is made."""
    seeded = random.Random(21)
    days = [seeded.randbytes(2000) + bytes(seeded.randrange(9000)) for _ in range(members + 1)]
    first = b"".join(map(pack, days[:-1]))
    later = first + pack(days[-1])
    glider.put("log/1.gz", first)
    glider.put("log/2.gz", later)
    assert older.read("log/2.gz") == later
    # What only begins like the reference, too: one member of all.
    whole = pack(b"".join(days))
    glider.put("log/3.gz", whole)
    assert older.read("log/3.gz") == whole


def known(kin: bytes, **facts: Any) -> GzipHints:
    """Return hints for a file of the same folder as `kin`."""
    inside = TarFacts(1_600_000_000, (1_600_000_000, 1_500_000_000), "app-1.0")
    came = datetime.fromtimestamp(1_600_900_000, UTC)
    given = Kin(memoryview(kin), "old.tar.gz", came, inside)
    inside = TarFacts(1_700_000_000, (1_700_000_000, 1_400_000_000), "app-2.0")
    return GzipHints("new.tar.gz", 1_700_950_000, inside, given, **facts)


NO_TIME = b"\x1f\x8b\x08\0\0\0\0\0\2\3"


@pytest.mark.parametrize(
    ("kin", "header"),
    [
        (b"", struct.pack("<4sIBB", b"\x1f\x8b\x08\0", 1_580_601_600, 2, 3)),
        (NO_TIME, struct.pack("<4sIBB", b"\x1f\x8b\x08\0", 0, 2, 3)),
        (
            struct.pack("<4sIBB", b"\x1f\x8b\x08\0", 1_600_005_000, 2, 3),
            struct.pack("<4sIBB", b"\x1f\x8b\x08\0", 1_700_005_001, 2, 3),
        ),
        (
            struct.pack("<4sIBB", b"\x1f\x8b\x08\0", 1_600_880_000, 2, 3),
            struct.pack("<4sIBB", b"\x1f\x8b\x08\0", 1_700_929_998, 2, 3),
        ),
        (NO_TIME, struct.pack("<4sIBB", b"\x1f\x8b\x08\x08", 0, 2, 3) + b"new.tar\0"),
        (NO_TIME, struct.pack("<4sIBB", b"\x1f\x8b\x08\x08", 0, 2, 3) + b"app-2.0.tar\0"),
        (
            struct.pack("<4sIBB", b"\x1f\x8b\x08\x08", 0, 2, 3) + b"app-1.0-linux\0",
            struct.pack("<4sIBB", b"\x1f\x8b\x08\x08", 0, 2, 3) + b"app-2.0-linux\0",
        ),
        (
            struct.pack("<4sIBB", b"\x1f\x8b\x08\x1c", 0, 2, 3) + b"\3\0xyzn\0comment\0",
            struct.pack("<4sIBB", b"\x1f\x8b\x08\x1c", 0, 2, 3) + b"\3\0xyzn\0comment\0",
        ),
    ],
)
def test_headers_that_need_no_search(kin: bytes, header: bytes) -> None:
    """What the reference, the tar inside and the names tell is tried at once."""
    assert header in list(first_headers(known(kin), len(header), 2))


def test_the_time_of_any_file_inside() -> None:
    """A build may take the time of the commit for all that it makes."""
    header = struct.pack("<4sIBB", b"\x1f\x8b\x08\0", 1_400_000_000, 2, 3)
    assert header in list(islice(later_headers(known(NO_TIME), 10, 2), 20))


@pytest.mark.parametrize("rest", [b"", b"\x04" + bytes(6) + b"\xff\xff", b"\x10" + bytes(6) + b"x"])
def test_a_reference_with_half_a_header(rest: bytes) -> None:
    """It tells nothing, and hinders nothing."""
    header = struct.pack("<4sIBB", b"\x1f\x8b\x08\x08", 0, 2, 3) + b"new.tar\0"
    assert header in list(first_headers(known(b"\x1f\x8b\x08" + rest), len(header), 2))


@pytest.mark.parametrize("place", range(1, 40))
def test_a_reference_with_half_an_index(place: int) -> None:
    """Any damage to the index of an xz file: its blocks are not known, or are those it had."""
    whole = b"".join(in_blocks(0, 4, memoryview(bytes(3000)), blocks=Blocks(1000)))
    assert Blocks(1000) == blocks_of(memoryview(whole))
    assert blocks_of(memoryview(whole)[:-place]) is None
    bad = bytearray(whole)
    bad[-place] ^= 0xFF
    found = blocks_of(memoryview(bad))
    assert found is None or 0 < found.size <= 1 << 32


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_made_again(
    name: str, glider: Any, folder_bucket: Any, tmp_path: Path
) -> None:
    """A typed error says what was tried; the content is there for who asks for it."""
    store = Store(folder_bucket, deltaglider=Limits(replay_seconds=1))
    glider.put("p/app-0.tar.gz", produced(name, 0, tmp_path))
    later = produced(name, 1, tmp_path)
    glider.put("p/app.tar.gz", later)
    with pytest.raises(ContentOnly, match=rf"ways to make a gzip file of {len(later)} bytes"):
        store.read("p/app.tar.gz")
    content = io.BytesIO()
    result = store.get("p/app.tar.gz", content, inflated=True)
    assert content.getvalue() == gzip.decompress(later)
    assert (result.size, result.sha256) == (len(content.getvalue()), None)


def test_inflated_changes_nothing_else(glider: Any, older: Store) -> None:
    """What was not compressed is the file, proven, also when its inflated content is asked for."""
    glider.put("p/a.tar", archive(0))
    glider.put("p/b.tar", archive(1))
    target = io.BytesIO()
    assert older.get("p/b.tar", target, inflated=True).sha256 is not None
    assert target.getvalue() == archive(1)


def test_a_gzip_file_under_another_name(glider: Any, older: Store) -> None:
    """xdelta3 goes by the first bytes: a .zip that is a gzip file is inflated, too."""
    first, later = (gzip.compress(archive(version), 9, mtime=0) for version in (0, 1))
    glider.put("a.zip", first)
    glider.put("b.zip", later)
    assert older.read("b.zip") == later


def test_the_budget_is_kept(glider: Any, folder_bucket: Any, tmp_path: Path) -> None:
    """With no time at all nothing is tried, and that is said."""
    glider.put("a.tar.gz", produced("gzip -9", 0, tmp_path))
    glider.put("b.tar.gz", produced("gzip -9", 1, tmp_path))
    store = Store(folder_bucket, deltaglider=Limits(replay_seconds=0))
    with pytest.raises(ContentOnly, match=r"0 s of CPU time spent"):
        store.read("b.tar.gz")
