"""Write tests/vectors: small deltas, each with its source, and what must become of it.

    python tests/codec/make_vectors.py [xdelta3]

    NAME/source · delta · target        no target where an error is expected
    NAME/meta.json                      expect: "target", or an error's class
                                        window: of the error, or null
                                        origin, command: who made it, and how

With the argument it also makes those that come from the xdelta3 program. A vector stays as it is
once a release has read it; a new case is a new name.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
import zlib
from pathlib import Path

from delta_builder import (
    ADDRCOMP,
    COPY,
    DATACOMP,
    INSTCOMP,
    RUN,
    add,
    add_window,
    header,
    lzma2,
    packed,
    varint,
    window,
    xz_head,
)

VECTORS = Path(__file__).parent.parent / "vectors"

SOURCE = b"abcdefghijklmnop"
TARGET = b"abcdwxyzefghefghefghefghzzzz"

# Section 3's example: COPY 4 0, ADD 4 wxyz, COPY 4 4, COPY 12 24, RUN 4 z.
INSTRUCTIONS = bytes([20, 5, 20, 28, RUN, 4])
DATA = b"wxyzz"
ADDRESSES = bytes([0, 4, 24])
SEGMENT = (16, 0)


def example(
    instructions: bytes = INSTRUCTIONS,
    data: bytes = DATA,
    addresses: bytes = ADDRESSES,
    size: int = 28,
    **others: object,
) -> bytes:
    """Return a delta of the RFC's example, or with one field of it wrong."""
    return header() + window(
        size,
        instructions,
        data,
        addresses,
        **{"segment": SEGMENT, **others},  # type: ignore[arg-type]
    )


def code_table(string: bytes, *, near: int, same: int, head: bytes | None = None) -> bytes:
    """Return a custom code table, section 7, written as one ADD."""
    inner = header() if head is None else head
    return bytes([near, same]) + inner + window(len(string), *add(string))


def table_string(**columns: list[int]) -> bytes:
    """Return the 1536 bytes of a table whose first opcodes are given by columns, the rest RUN."""
    string = bytearray(1536)
    string[:256] = bytes([2]) * 256
    names = ("type0", "type1", "size0", "size1", "mode0", "mode1")
    for name, values in columns.items():
        start = names.index(name) * 256
        string[start : start + len(values)] = bytes(values)
    return bytes(string)


# Opcode 0: ADD 4, then COPY 4 of mode 2, the only NEAR; opcode 1: COPY of mode 3, the only SAME.
TABLE = table_string(type0=[1, 3], type1=[3], size0=[4], size1=[4], mode0=[0, 3], mode1=[2])

TEXT = b"".join(b"line %d of a text that packs well\n" % i for i in range(50))


def good() -> dict[str, tuple[bytes, bytes, bytes]]:
    """Return name: source, delta, target."""
    first = example()
    return {
        "rfc-example": (SOURCE, first, TARGET),
        "adler32": (SOURCE, example(adler32=zlib.adler32(TARGET)), TARGET),
        "no-windows": (b"", header(), b""),
        "empty-window": (b"", header() + window(0), b""),
        "one-byte": (b"", header() + add_window(b"\xff"), b"\xff"),
        "application-header": (b"", header(app=b"new//old/") + add_window(b"new"), b"new"),
        "application-header-empty": (b"", header(app=b"") + add_window(b"new"), b"new"),
        "run": (b"", header() + window(1000, bytes([RUN]) + varint(1000), b"\0"), bytes(1000)),
        "many-windows": (
            b"",
            header() + b"".join(add_window(bytes([65 + i])) for i in range(26)),
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        ),
        "segment-inside-source": (
            SOURCE,
            header() + window(4, bytes([20]), b"", b"\x01", segment=(8, 4)),
            b"fghi",
        ),
        "copy-across-border": (
            SOURCE,
            header()
            + window(43, b"\x04" + bytes([COPY]) + varint(40), b"abc", b"\x0e", segment=SEGMENT),
            b"abcop" * 8 + b"abc",
        ),
        "copy-itself-period-1": (
            b"",
            header() + window(101, b"\x02" + bytes([COPY]) + varint(100), b"x", b"\0"),
            b"x" * 101,
        ),
        "instruction-of-no-bytes": (
            SOURCE,
            header() + window(1, b"\x01\x00\x02\x00\x00", b"ab", b""),
            b"a",
        ),
        "target-segment": (
            SOURCE,
            first + window(8, bytes([24]), b"", b"\0", segment=(8, 4), from_target=True),
            TARGET + b"wxyzefgh",
        ),
        "target-segment-chain": (
            b"",
            header()
            + add_window(b"abcd")
            + b"".join(
                window(
                    4 << i,
                    b"\x13" + varint(4 << i),
                    b"",
                    b"\0",
                    segment=(4 << i, 0),
                    from_target=True,
                )
                for i in range(5)
            ),
            b"abcd" * 32,
        ),
        "target-segment-of-no-bytes": (
            b"",
            header() + window(1, b"\x02", b"a", b"", segment=(0, 0), from_target=True),
            b"a",
        ),
        "code-table": (
            SOURCE,
            header(code_table=code_table(TABLE, near=1, same=1))
            + window(21, b"\0\0\x01\x05", b"12345678", b"\x03\x02\x05", segment=SEGMENT),
            b"1234defg5678fghifghij",
        ),
        "lzma-two-windows": (
            b"",
            header(secondary=2)
            + window(
                len(TEXT), add(TEXT)[0], packed(TEXT), packed=DATACOMP, adler32=zlib.adler32(TEXT)
            )
            + add_window(b"between")
            + window(len(TEXT), add(TEXT)[0], packed(TEXT, first=False), packed=DATACOMP),
            TEXT + b"between" + TEXT,
        ),
        "lzma-all-sections": (
            SOURCE,
            header(secondary=2)
            + window(
                28,
                packed(INSTRUCTIONS),
                packed(DATA),
                packed(ADDRESSES),
                segment=SEGMENT,
                packed=DATACOMP | INSTCOMP | ADDRCOMP,
            ),
            TARGET,
        ),
        "lzma-stream-ends-last": (
            b"",
            header(secondary=2)
            + window(
                len(TEXT),
                add(TEXT)[0],
                varint(len(TEXT)) + lzma.compress(TEXT, check=lzma.CHECK_NONE),
                packed=DATACOMP,
            ),
            TEXT,
        ),
        "compressor-named-not-used": (b"", header(secondary=1) + add_window(b"new"), b"new"),
    }


def malformed() -> dict[str, tuple[int | None, bytes]]:
    """Return name: window of the MalformedDelta, delta for SOURCE."""

    def lzma_section(section: bytes, size: int = len(TEXT)) -> bytes:
        return header(secondary=2) + window(
            size, bytes([1]) + varint(size), section, packed=DATACOMP
        )

    two = example() + window(4, bytes([20]), b"", b"\x04")
    return {
        "empty-delta": (None, b""),
        "magic": (None, b"PK\x03\x04"),
        "header-cut": (None, b"\xd6\xc3\xc4\x00"),
        "header-unknown-bit": (None, b"\xd6\xc3\xc4\x00\x08"),
        "header-compressor-0": (None, header(secondary=0)),
        "header-application-too-long": (None, b"\xd6\xc3\xc4\x00\x04\x05abcd"),
        "header-varint-65-bits": (None, b"\xd6\xc3\xc4\x00\x04\x83" + b"\xff" * 8 + b"\x7f"),
        "window-both-segments": (0, example(indicator=3)),
        "window-unknown-bit": (0, example(indicator=9)),
        "window-too-long": (0, example(encoding_size=100)),
        "window-sections-too-short": (0, example(sizes=(4, 6, 3))),
        "window-sections-too-long": (0, example(sizes=(5, 6, 4))),
        "window-delta-unknown-bit": (0, example(packed=8)),
        "window-packed-without-compressor": (0, example(packed=1)),
        "window-adler32-missing": (0, header() + bytes([4, 5]) + b"\x01\x00\x00\x00\x00"),
        "segment-64-bits": (0, example(segment=(16, (1 << 64) - 1))),
        "segment-of-target-ahead": (
            0,
            header() + window(4, bytes([20]), b"", b"\0", segment=(4, 0), from_target=True),
        ),
        "target-64-bits": (1, header() + window((1 << 64) - 1) + window(1)),
        "address-here": (0, example(addresses=bytes([0, 4, 28]))),
        "address-ahead": (0, example(addresses=bytes([0, 4, 100]))),
        "address-missing": (0, example(addresses=bytes([0, 4]))),
        "address-left": (0, example(addresses=ADDRESSES + b"\0")),
        "address-here-in-second-window": (1, two),
        "data-missing": (0, example(data=DATA[:-1])),
        "data-left": (0, example(data=DATA + b"x")),
        "size-missing": (0, example(instructions=INSTRUCTIONS[:-1])),
        "size-too-large": (0, example(instructions=INSTRUCTIONS[:-1] + b"\x05")),
        "size-64-bits": (0, example(instructions=INSTRUCTIONS[:-1] + varint((1 << 64) - 1))),
        "size-65-bits": (0, example(instructions=INSTRUCTIONS[:-1] + varint(1 << 64))),
        "instruction-left": (0, example(instructions=INSTRUCTIONS + b"\x02", data=DATA + b"x")),
        "target-too-short": (0, example(size=27)),
        "target-too-long": (0, example(size=29)),
        "code-table-cut": (None, header(code_table=b"\x04\x03")),
        "code-table-mode": (None, header(code_table=code_table(TABLE, near=1, same=0))),
        "code-table-type": (
            None,
            header(code_table=code_table(table_string(type0=[4]), near=4, same=3)),
        ),
        "code-table-short": (None, header(code_table=code_table(TABLE[:-1], near=1, same=1))),
        "code-table-long": (None, header(code_table=code_table(TABLE + b"\0", near=1, same=1))),
        "code-table-caches": (None, header(code_table=code_table(TABLE, near=255, same=255))),
        "lzma-plain-size-0": (0, lzma_section(b"\0" + xz_head())),
        "lzma-plain-size-missing": (0, lzma_section(b"")),
        "lzma-plain-size-too-large": (0, lzma_section(packed(TEXT, size=len(TEXT) + 1))),
        "lzma-plain-size-smaller": (0, lzma_section(packed(TEXT, size=len(TEXT) - 1))),
        "lzma-plain-size-larger": (
            0,
            lzma_section(packed(TEXT, size=len(TEXT) + 1), size=len(TEXT) + 1),
        ),
        "lzma-no-stream": (0, lzma_section(varint(len(TEXT)) + TEXT)),
        "lzma-cut": (0, lzma_section(packed(TEXT)[:-1])),
        "lzma-more-than-declared": (
            0,
            lzma_section(varint(len(TEXT)) + xz_head() + lzma2(TEXT) + lzma2(TEXT)),
        ),
        "lzma-bytes-after-end": (
            0,
            lzma_section(varint(len(TEXT)) + lzma.compress(TEXT, check=lzma.CHECK_NONE) + b"x"),
        ),
        "lzma-stream-ends-early": (
            1,
            lzma_section(varint(len(TEXT)) + lzma.compress(TEXT, check=lzma.CHECK_NONE))
            + window(len(TEXT), add(TEXT)[0], packed(TEXT, first=False), packed=DATACOMP),
        ),
    }


def other_errors() -> dict[str, tuple[str, int | None, bytes]]:
    """Return name: error, its window, delta for SOURCE."""
    nested = code_table(TABLE, near=4, same=3, head=header(code_table=b"\x04\x03\xd6"))
    return {
        "version": ("UnsupportedDelta", None, b"\xd6\xc3\xc4S\x00"),
        "compressor-unknown": (
            "UnsupportedDelta",
            0,
            header(secondary=99) + window(1, b"\x02", b"\x01a", packed=DATACOMP),
        ),
        "code-table-nested": ("UnsupportedDelta", None, header(code_table=nested)),
        "lzma-dictionary": (
            "UnsupportedDelta",
            0,
            header(secondary=2)
            + window(
                len(TEXT),
                add(TEXT)[0],
                varint(len(TEXT)) + xz_head(dictionary=40) + lzma2(TEXT),
                packed=DATACOMP,
            ),
        ),
        "adler32-differs": ("WrongSource", 0, example(adler32=zlib.adler32(TARGET) ^ 1)),
        "segment-outside-source": ("WrongSource", 0, example(segment=(16, 1))),
        "segment-far-outside-source": ("WrongSource", 0, example(segment=(16, 1 << 62))),
    }


def write(
    name: str,
    source: bytes,
    delta: bytes,
    target: bytes | None,
    *,
    expect: str = "target",
    window: int | None = None,
    origin: str = "deltaloft",
    command: str = "tests/codec/make_vectors.py",
) -> None:
    """Write one vector's folder."""
    folder = VECTORS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "source").write_bytes(source)
    (folder / "delta").write_bytes(delta)
    if target is not None:
        (folder / "target").write_bytes(target)
    meta = {"expect": expect, "window": window, "origin": origin, "command": command}
    (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n")


def from_xdelta3() -> None:
    """Make the vectors that the program writes."""
    version = subprocess.run(["xdelta3", "-V"], capture_output=True, text=True, check=True)
    origin = " ".join((version.stdout + version.stderr).split()[:3]).rstrip(",")
    source = TEXT
    target = TEXT[:400] + TEXT[:0:-1][:1200] + bytes(60) + TEXT[900:1100]
    cases = {
        "xdelta3-plain": ("-9 -S none -A", "target"),
        "xdelta3-application-header": ("-9 -S none -A=inputs/are//named/", "target"),
        "xdelta3-no-adler32": ("-9 -S none -n -A", "target"),
        "xdelta3-lzma": ("-9 -S lzma -A", "target"),
        "xdelta3-djw": ("-9 -S djw -A", "UnsupportedDelta"),
        "xdelta3-fgk": ("-9 -S fgk -A", "UnsupportedDelta"),
    }
    for name, (options, expect) in cases.items():
        folder = VECTORS / name
        write(
            name,
            source,
            b"",
            target,
            expect=expect,
            window=None if expect == "target" else 0,
            origin=origin,
            command=f"xdelta3 -e -f {options} -s source target delta",
        )
        arguments = ["xdelta3", "-e", "-f", *options.split(), "-s", "source", "target", "delta"]
        subprocess.run(arguments, cwd=folder, check=True)


def main() -> None:
    """Write them all."""
    for name, (source, delta, target) in good().items():
        write(name, source, delta, target)
    for name, (window_number, delta) in malformed().items():
        write(f"bad-{name}", SOURCE, delta, None, expect="MalformedDelta", window=window_number)
    for name, (expect, window_number, delta) in other_errors().items():
        write(f"bad-{name}", SOURCE, delta, None, expect=expect, window=window_number)
    if "xdelta3" in sys.argv[1:]:
        from_xdelta3()


if __name__ == "__main__":
    main()
