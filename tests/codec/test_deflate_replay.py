"""What zlib, GNU gzip, Node, Rust and zlib-ng deflate, the replay engine does to the same bytes."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import struct
import subprocess
import threading
import zlib
from pathlib import Path

import pytest
from deflate_inputs import KINDS, SIZES, crowded_bytes, distant_bytes, plain_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbours import missing

from deltaloft.errors import InvalidRequest
from deltaloft.native.deflate import (
    DEFLATE_VERSION,
    DeflateCaller,
    DeflateFamily,
    DeflateParameters,
    Deflater,
    deflate,
    guess_parameters,
)

LEVELS = range(1, 10)
PLAIN = st.builds(
    plain_bytes,
    st.sampled_from(KINDS),
    st.sampled_from(SIZES) | st.integers(0, 200_000),
    st.integers(0, 10_000),
)
ZLIB = st.builds(DeflateParameters, st.just("zlib"), st.integers(1, 9), st.sampled_from([8, 9]))

MINIZ = st.builds(DeflateParameters, st.just("miniz"), st.integers(2, 9), st.just(8))

# Of six kinds of bytes one after the other, as zlib 1.2.13, gzip 1.12, Node 20.20 and miniz_oxide
# deflate them.
# What is stored in a bucket depends on these: they stay as they are.
DIGESTS: dict[tuple[DeflateFamily, int, int], str] = {
    ("zlib", 1, 8): "2e5d30d87701f893",
    ("zlib", 2, 8): "bdf62e7d21b6a72d",
    ("zlib", 3, 8): "850aedff6b8ba3cb",
    ("zlib", 4, 8): "c61286deaab1ac92",
    ("zlib", 5, 8): "6c027deea7d8d193",
    ("zlib", 6, 8): "ecd688db79dbd621",
    ("zlib", 7, 8): "cf839b8cd2732ec5",
    ("zlib", 8, 8): "a6de83b193575aec",
    ("zlib", 9, 8): "22454a019933df6b",
    ("zlib", 1, 9): "34b2e594cd9fddeb",
    ("zlib", 2, 9): "dfb5c0246ebf59f8",
    ("zlib", 3, 9): "3a7abbe547deb6b8",
    ("zlib", 4, 9): "b8ca84a805a27dc5",
    ("zlib", 5, 9): "dc0ca7f558b59b47",
    ("zlib", 6, 9): "bec3a0a1e9cdd066",
    ("zlib", 7, 9): "3278401ff87ebe09",
    ("zlib", 8, 9): "d7c041710d32c59d",
    ("zlib", 9, 9): "620e6f4c10294945",
    ("gzip", 1, 9): "091fbf1cfb633acb",
    ("gzip", 2, 9): "b086d5ad823a10aa",
    ("gzip", 3, 9): "8f81f716bb0d8d21",
    ("gzip", 4, 9): "115ce08356d5940c",
    ("gzip", 5, 9): "5a977d4fee637a6b",
    ("gzip", 6, 9): "098a6fe9369e5998",
    ("gzip", 7, 9): "bc5f1d1b930d6e1c",
    ("gzip", 8, 9): "6ab7a81bc05a86a4",
    ("gzip", 9, 9): "a97769462c3b3e6f",
    ("chromium", 1, 8): "2ca660654f49504c",
    ("chromium", 2, 8): "af96f5432d517b47",
    ("chromium", 3, 8): "9821b2892bad3001",
    ("chromium", 4, 8): "075c6a415f607012",
    ("chromium", 5, 8): "be9de9bee7df193d",
    ("chromium", 6, 8): "590090452cd93fd9",
    ("chromium", 7, 8): "354b031079d98cdf",
    ("chromium", 8, 8): "f330c80e031daf5b",
    ("chromium", 9, 8): "1774229e8fe1a504",
    ("chromium", 1, 9): "97109385c7e311cc",
    ("chromium", 2, 9): "ba12683baab33249",
    ("chromium", 3, 9): "52162d10a4de0607",
    ("chromium", 4, 9): "fd37fc9b562bcb5c",
    ("chromium", 5, 9): "12fff9c03b5eb480",
    ("chromium", 6, 9): "a142cc9c69550564",
    ("chromium", 7, 9): "8f79a7d16b33ef44",
    ("chromium", 8, 9): "9898e2b22391524f",
    ("chromium", 9, 9): "f8205939c5d92f5f",
    ("miniz", 2, 8): "91f66aad8d504ed8",
    ("miniz", 3, 8): "23d8fd5fbc84686f",
    ("miniz", 4, 8): "ae75c952ff605abe",
    ("miniz", 5, 8): "f4eb61dee7ca6658",
    ("miniz", 6, 8): "e4ab2e4c62bd8a79",
    ("miniz", 7, 8): "449f9a7e91c5b965",
    ("miniz", 8, 8): "91ca752602b0fe6e",
    ("miniz", 9, 8): "e42c0245cdaba778",
}

# The same of bytes that are made against short cuts, at the levels that have them.
CROWDED_DIGESTS: dict[tuple[DeflateFamily, int, int], str] = {
    ("zlib", 5, 8): "7b792aeb9f46b23c",
    ("zlib", 6, 8): "5fd3f678650e9f14",
    ("zlib", 9, 9): "71eb51cba3c1ef69",
    ("gzip", 6, 9): "bd4a869d2047568a",
    ("miniz", 6, 8): "bc62368f97843aa3",
    ("miniz", 7, 8): "b5549332009b1df5",
    ("miniz", 8, 8): "b116eaaf3ea8aae2",
    ("miniz", 9, 8): "47ae95249cd0023f",
}


# The same by zlib-ng, level 6, for its callers: as it came out when wheels were that they had made.
CALLED_DIGESTS: dict[tuple[DeflateFamily, DeflateCaller], str] = {
    ("zlib-ng", "python"): "f5864cf8fd00ba4c",
    ("zlib-ng", "python-pieces"): "3226972d7a80fbae",
    ("zlib-ng", "flate2"): "8134c71e7197eee9",
    ("zlib-ng", "flate2-flushed"): "3b03e9678e2d02c6",
    ("zlib-ng", "flate2-pieces-flushed"): "e09afb4faa7cb432",
    ("zlib-ng", "python-zlib-ng"): "f5864cf8fd00ba4c",
    ("zlib-ng-full", "python"): "629a306d59bb501e",
    ("zlib-ng-full", "python-pieces"): "b99fee6111299d21",
    ("zlib-ng-full", "flate2"): "ee64019e31022cc0",
    ("zlib-ng-full", "flate2-flushed"): "ae0e2c9d9eed64fc",
    ("zlib-ng-full", "flate2-pieces-flushed"): "0d2fe1c1c8dfb050",
    ("zlib-ng-full", "python-zlib-ng"): "629a306d59bb501e",
}

EVERY = [
    *(DeflateParameters(*which) for which in DIGESTS),
    *(DeflateParameters(family, 6, 8, caller) for family, caller in CALLED_DIGESTS),
]

# Reads size, level and memory level before each input; writes the size before each output.
NODE_PROGRAM = """
const fs = require("fs"), zlib = require("zlib");
const input = fs.readFileSync(process.argv[1]), made = [];
for (let at = 0; at < input.length;) {
  const size = input.readUInt32LE(at), level = input[at + 4], memLevel = input[at + 5];
  const plain = input.subarray(at + 6, at + 6 + size);
  const deflated = zlib.deflateRawSync(plain, { level, memLevel });
  const head = Buffer.alloc(4);
  head.writeUInt32LE(deflated.length);
  made.push(head, deflated);
  at += 6 + size;
}
fs.writeFileSync(process.argv[2], Buffer.concat(made));
"""


def by_zlib(plain: bytes, parameters: DeflateParameters, piece_size: int = 1 << 30) -> bytes:
    """Deflate by Python's zlib."""
    if "ng" in zlib.ZLIB_RUNTIME_VERSION:
        missing("zlib", f"this Python has another zlib: {zlib.ZLIB_RUNTIME_VERSION}")
    stream = zlib.compressobj(parameters.level, zlib.DEFLATED, -15, parameters.mem_level)
    pieces = [plain[at : at + piece_size] for at in range(0, len(plain), piece_size)]
    return b"".join(stream.compress(piece) for piece in pieces) + stream.flush()


@pytest.fixture(scope="module")
def gzip_program() -> str:
    """Return where GNU gzip is."""
    program = shutil.which("gzip")
    said = "" if program is None else _output(program, "--version")
    if program is None or "Free Software Foundation" not in said:
        missing("gzip", "GNU gzip is not installed")
    return program


@pytest.fixture(scope="module")
def node_program() -> str:
    """Return where a Node is that has this version of Chromium's zlib."""
    program = shutil.which("node")
    if program is None or int(_output(program, "--version").lstrip("v").split(".")[0]) < 20:
        missing("node", "Node 20 or later is not installed")
    return program


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("family, level, mem_level", DIGESTS)
def test_what_was_made_once_is_made_for_ever(
    family: DeflateFamily, level: int, mem_level: int
) -> None:
    """Parameters stand in stored recipes, so what they make never changes."""
    plain = b"".join(plain_bytes(kind, 150_000, 7) for kind in KINDS)
    deflated = deflate(plain, DeflateParameters(family, level, mem_level))
    digest = hashlib.sha256(deflated).hexdigest()[:16]
    assert DIGESTS[family, level, mem_level] == digest


@pytest.mark.parametrize("family, level, mem_level", CROWDED_DIGESTS)
def test_short_cuts_change_nothing(family: DeflateFamily, level: int, mem_level: int) -> None:
    """Where chains are crowded, steps used up and matches as far as may be, the bytes stay."""
    plain = crowded_bytes(300_000, 1) + plain_bytes("two letters", 150_000, 3)
    # At the edge of three bytes, and of the window: of zlib's, and of miniz's.
    plain += distant_bytes(150_000, [4096, 4097, 8191, 8192, 32506, 32507, 32509, 32510, 32511], 2)
    deflated = deflate(plain, DeflateParameters(family, level, mem_level))
    digest = hashlib.sha256(deflated).hexdigest()[:16]
    assert CROWDED_DIGESTS[family, level, mem_level] == digest


@pytest.mark.parametrize("family, caller", CALLED_DIGESTS)
def test_what_was_made_for_a_caller_is_made_for_ever(
    family: DeflateFamily, caller: DeflateCaller
) -> None:
    """So does what zlib-ng makes, which cuts its symbols by what its callers do."""
    plain = b"".join(plain_bytes(kind, 150_000, 7) for kind in KINDS)
    deflated = deflate(plain, DeflateParameters(family, 6, 8, caller))
    digest = hashlib.sha256(deflated).hexdigest()[:16]
    assert CALLED_DIGESTS[family, caller] == digest


@settings(max_examples=200, deadline=None)
@given(plain=PLAIN, parameters=ZLIB)
def test_zlib_is_replayed(plain: bytes, parameters: DeflateParameters) -> None:
    """Every level and both memory levels give zlib's bytes."""
    assert by_zlib(plain, parameters) == deflate(plain, parameters)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    size=st.integers(60_000, 300_000),
    level=st.sampled_from(LEVELS),
    piece_size=st.sampled_from([1000, 8192, 16384, 65536]),
)
def test_pieces_make_no_difference(seed: int, size: int, level: int, piece_size: int) -> None:
    """Whether zlib or the replay is given all at once or in pieces, the bytes are the same."""
    plain = plain_bytes("mixed", size, seed)
    parameters = DeflateParameters("zlib", level, 8)
    expected = by_zlib(plain, parameters)
    assert expected == by_zlib(plain, parameters, piece_size)

    deflater = Deflater(parameters)
    pieces = [plain[at : at + piece_size + 1] for at in range(0, size, piece_size + 1)]
    assert expected == b"".join(map(deflater.write, pieces)) + deflater.finish()


@pytest.mark.parametrize("level", LEVELS)
def test_gzip_is_replayed(gzip_program: str, level: int, tmp_path: Path) -> None:
    """Every level gives GNU gzip's bytes, up to those its window holds behind the end."""
    parameters = DeflateParameters("gzip", level, 9)
    for number, size in enumerate([*SIZES[level % 2 :: 2], 300_000]):
        plain = plain_bytes(KINDS[(number + level) % len(KINDS)], size, level)
        (tmp_path / "plain").write_bytes(plain)
        command = [gzip_program, "-nc", f"-{level}", str(tmp_path / "plain")]
        gzipped = subprocess.run(command, check=True, capture_output=True).stdout
        assert gzipped[10:-8] == deflate(plain, parameters), f"{number}: {size} bytes"


def test_node_is_replayed(node_program: str, tmp_path: Path) -> None:
    """Every level and both memory levels give the bytes of Node's zlib."""
    cases = [
        (plain_bytes(KINDS[number % len(KINDS)], size, number), number % 9 + 1, 8 + number // 9 % 2)
        for number, size in enumerate([*SIZES, *SIZES, 400_000, 500_000])
    ]
    inputs = [struct.pack("<IBB", len(plain), *rest) + plain for plain, *rest in cases]
    (tmp_path / "in").write_bytes(b"".join(inputs))
    command = [node_program, "-e", NODE_PROGRAM, str(tmp_path / "in"), str(tmp_path / "out")]
    subprocess.run(command, check=True)
    made = (tmp_path / "out").read_bytes()
    at = 0
    for number, (plain, level, mem_level) in enumerate(cases):
        (size,) = struct.unpack_from("<I", made, at)
        expected = made[at + 4 : at + 4 + size]
        actual = deflate(plain, DeflateParameters("chromium", level, mem_level))
        assert expected == actual, f"{number}: {len(plain)} bytes, level {level}"
        at += 4 + size


@settings(max_examples=100, deadline=None)
@given(plain=PLAIN, parameters=MINIZ)
def test_miniz_is_replayed(plain: bytes, parameters: DeflateParameters) -> None:
    """Every level gives the bytes of miniz_oxide, which cramjam links."""
    try:
        cramjam = importlib.import_module("cramjam")
    except ImportError:
        missing("cramjam", "cramjam is not installed")
    expected = bytes(cramjam.deflate.compress(plain, level=parameters.level))
    assert expected == deflate(plain, parameters)


@settings(max_examples=100, deadline=None)
@given(plain=PLAIN | st.builds(plain_bytes, st.sampled_from(KINDS), st.just(1_200_000), st.just(1)))
def test_zlib_ng_is_replayed(plain: bytes) -> None:
    """Level 6 gives the bytes of zlib-ng, through more and more room for them."""
    try:
        zlib_ng = importlib.import_module("zlib_ng.zlib_ng")
    except ImportError:
        missing("zlib-ng", "zlib-ng is not installed")
    stream = zlib_ng.compressobj(6, zlib_ng.DEFLATED, -15)
    expected = stream.compress(plain) + stream.flush()
    assert expected == deflate(plain, DeflateParameters("zlib-ng", 6, 8, "python-zlib-ng"))


@pytest.mark.parametrize("size", [1000, 100_000, 1_500_000])
def test_zlib_ng_is_replayed_as_pythons_own(size: int) -> None:
    """A Python that has zlib-ng for zlib gives bytes we know, at once and in zipfile's pieces."""
    if "ng" not in zlib.ZLIB_RUNTIME_VERSION:
        missing("python-with-zlib-ng", f"this Python has zlib {zlib.ZLIB_RUNTIME_VERSION}")
    plain = plain_bytes("mixed", size, 1)
    for piece_size in (size, 8192):
        stream = zlib.compressobj(6, zlib.DEFLATED, -15)
        pieces = [plain[at : at + piece_size] for at in range(0, size, piece_size)]
        expected = b"".join(map(stream.compress, pieces)) + stream.flush()
        caller: DeflateCaller = "python" if piece_size == size else "python-pieces"
        families: tuple[DeflateFamily, ...] = ("zlib-ng", "zlib-ng-full")
        assert expected in [
            deflate(plain, DeflateParameters(each, 6, 8, caller)) for each in families
        ]


def test_a_flush_leaves_its_mark() -> None:
    """Behind a caller who flushes stand an empty block that is stored, and one that is the last."""
    plain = plain_bytes("words", 1000, 1)
    flushed = deflate(plain, DeflateParameters("zlib-ng", 6, 8, "flate2-flushed"))
    assert bytes.fromhex("0000ffff0300") == flushed[-6:]
    assert plain == zlib.decompress(flushed, -15)


def test_rooms_and_pieces_leave_theirs() -> None:
    """Where a call of zlib-ng ends, a match is forgotten, so callers make streams of their own."""
    plain = plain_bytes("mixed", 600_000, 0)
    made = {each: deflate(plain, each) for each in EVERY if each.caller != "any"}
    assert len(made) == len(set(made.values()))
    assert {plain} == {zlib.decompress(each, -15) for each in made.values()}


@pytest.mark.parametrize("parameters", [each for each in EVERY if each.caller != "any"])
@pytest.mark.parametrize("piece_size", [1, 4000, 8193, 65536])
def test_pieces_of_ours_make_no_difference_to_any_caller(
    parameters: DeflateParameters, piece_size: int
) -> None:
    """The pieces that a caller gave zlib-ng are told by parameters, not by how the bytes arrive."""
    plain = plain_bytes("mixed", 300_000 if piece_size > 1 else 20_000, 4)
    deflater = Deflater(parameters)
    pieces = [plain[at : at + piece_size] for at in range(0, len(plain), piece_size)]
    assert deflate(plain, parameters) == b"".join(map(deflater.write, pieces)) + deflater.finish()


@pytest.mark.parametrize("size", [0, 1, 1000, 50_000])
def test_a_guess_makes_the_stream(size: int) -> None:
    """Whatever parameters are guessed, they make the very bytes."""
    plain = plain_bytes("words", size, 1)
    for parameters in EVERY:
        deflated = deflate(plain, parameters)
        guessed = guess_parameters(plain, deflated)
        assert guessed is not None
        assert deflated == deflate(plain, guessed)


def test_a_guess_goes_to_the_end() -> None:
    """Parameters that agree for long, and then no more, are not taken."""
    alike = plain_bytes("noise", 300_000, 1)
    plain = alike + plain_bytes("words", 100_000, 1)
    for level in (1, 6, 9):
        parameters = DeflateParameters("zlib", level, 8)
        assert parameters == guess_parameters(plain, deflate(plain, parameters))


def test_nothing_is_guessed_of_other_programs() -> None:
    """A stream that no known parameters make is said to be so."""
    plain = plain_bytes("words", 50_000, 1)
    stream = zlib.compressobj(6, zlib.DEFLATED, -12)
    assert guess_parameters(plain, stream.compress(plain) + stream.flush()) is None
    assert guess_parameters(plain, b"") is None
    whole = deflate(plain, DeflateParameters("zlib", 6, 8))
    assert guess_parameters(plain, whole + b"x") is None
    assert guess_parameters(plain[:-1], whole) is None


def test_parameters_come_back_from_recipes() -> None:
    """Two bytes hold a version and parameters; nothing else is taken for them."""
    seen = set()
    for parameters in EVERY:
        assert parameters == DeflateParameters.decoded(parameters.encoded())
        seen.add(parameters.encoded())
    assert len(EVERY) == len(seen)
    every = [bytes([version, rest]) for version in (0, 1, 2, 3) for rest in range(256)]
    known = [each for each in every if _is_decoded(each)]
    assert sorted(seen) == sorted(known)
    assert not _is_decoded(b"") and not _is_decoded(bytes([DEFLATE_VERSION, 6, 0]))


def _is_decoded(data: bytes) -> bool:
    try:
        DeflateParameters.decoded(data)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize(
    "parameters",
    [
        DeflateParameters("zlib", 0, 8),
        DeflateParameters("zlib", 10, 8),
        DeflateParameters("zlib", 6, 7),
        DeflateParameters("gzip", 6, 8),
        DeflateParameters("chromium", 300, 8),
        DeflateParameters("miniz", 1, 8),
        DeflateParameters("miniz", 6, 9),
        DeflateParameters("zlib", 6, 8, "python"),
        DeflateParameters("zlib-ng", 6, 8),
        DeflateParameters("zlib-ng", 5, 8, "python"),
        DeflateParameters("zlib-ng-full", 6, 9, "flate2"),
        DeflateParameters("zlib-ng", 6, 8, "perl"),  # type: ignore[arg-type]
        DeflateParameters("lzma", 6, 8),  # type: ignore[arg-type]
    ],
)
def test_unknown_parameters_are_refused(parameters: DeflateParameters) -> None:
    """No stream is begun that could not be ended."""
    with pytest.raises(InvalidRequest, match="known deflate parameters expected"):
        Deflater(parameters)


def test_a_finished_stream_takes_no_more() -> None:
    """A second end would be bytes that belong to no stream."""
    deflater = Deflater(DeflateParameters("zlib", 6, 8))
    deflater.write(b"all there is")
    deflater.finish()
    with pytest.raises(RuntimeError, match="not finished expected"):
        deflater.write(b"more")


def test_streams_are_made_side_by_side() -> None:
    """Deflaters share nothing, and leave the interpreter to others while they work."""
    plain = plain_bytes("mixed", 1 << 20, 3)
    parameters = [DeflateParameters("zlib", level, 8) for level in (1, 6, 9)]
    expected = [deflate(plain, each) for each in parameters]
    made: list[bytes] = [b""] * len(parameters)

    def make(number: int) -> None:
        made[number] = deflate(plain, parameters[number])

    threads = [threading.Thread(target=make, args=(number,)) for number in range(len(made))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert expected == made
