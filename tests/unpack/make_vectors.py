"""Write tests/vectors/unpack: bodies of unpack/1, each with its source, and what becomes of it.

    python tests/unpack/make_vectors.py

    NAME/source · delta · target        no target where an error is expected
    NAME/meta.json                      expect: "target", or an error's class; why

A vector stays as it is once a release has read it; a new case is a new name.
"""

from __future__ import annotations

import io
import json
import random
import zlib
from dataclasses import replace
from pathlib import Path

from bodies import BodyBuilder
from packed import as_gzip, as_tar, as_zip, later, raw_deflate, release

import deltaloft
from deltaloft.native.corrections import correct
from deltaloft.native.deflate import SymbolRange, find_ranges

VECTORS = Path(__file__).parent.parent / "vectors" / "unpack"

PLAIN = b"a stream that is deflated, and a stream that is inflated; " * 3
HEAD, TAIL = b"head of the file; ", b"; tail of the file"
SOURCE = HEAD + raw_deflate(PLAIN) + TAIL
NEW_PLAIN = PLAIN.replace(b"inflated", b"INFLATED")
SOME, MORE = (release(seed, files=1, words=900)["project-1.0/module0.py"] for seed in (9, 10))
WORDS, NEW_WORDS = SOME + MORE, SOME + b"other" + MORE
TARGET = HEAD + raw_deflate(NEW_PLAIN) + TAIL


def example(**others: object) -> BodyBuilder:
    """Return the body of an example with one stream, or with one field of it wrong."""
    given: dict[str, object] = {
        "inflated": PLAIN,
        "almost": HEAD + NEW_PLAIN + TAIL,
        "offsets": [4 * len(HEAD)],
        "starts": [2 * len(HEAD)],
        "sizes": [len(NEW_PLAIN)],
        "numbers": [0],
    }
    return BodyBuilder(SOURCE, TARGET, **given | others)  # type: ignore[arg-type]


# Fixed codes, as zlib makes them when it is told to.
ODD_STREAM = raw_deflate(NEW_PLAIN, strategy=zlib.Z_FIXED)
ODD_TARGET = HEAD + ODD_STREAM + TAIL
CORRECTIONS = correct(NEW_PLAIN, ODD_STREAM, most=1000) or b""


def odd_example(**others: object) -> BodyBuilder:
    """Return the same with a stream that corrections make."""
    given: dict[str, object] = {"parameters": b"", "corrections": [CORRECTIONS]}
    return replace(example(**given | others), target=ODD_TARGET)


def odd_gzip(content: bytes) -> bytes:
    """Write a gzip file with a strategy of which we know no parameters."""
    deflated = raw_deflate(content, strategy=zlib.Z_FILTERED)
    numbers = zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\0\3" + deflated + numbers


def reusing(*reuse: int, parameters: bytes = b"\x01\x06") -> BodyBuilder:
    """Return the body of an example whose stream reuses symbols of the source's."""
    return BodyBuilder(
        HEAD + raw_deflate(WORDS),
        HEAD + raw_deflate(NEW_WORDS),
        inflated=WORDS,
        almost=HEAD + NEW_WORDS,
        offsets=[4 * len(HEAD)],
        starts=[2 * len(HEAD)],
        sizes=[len(NEW_WORDS)],
        numbers=[0],
        parameters=parameters,
        reuse=reuse,
    )


def reuse_of(first: SymbolRange, second: SymbolRange) -> list[int]:
    """Write two ranges of the first stream."""
    more = (each.skipped - each.searched for each in (first, second))
    return [
        *(1, 2),
        *(first.searched, second.searched),
        *(2 * each if each >= 0 else -2 * each - 1 for each in more),
        *(first.reused, second.reused),
    ]


def encoded(source: bytes, target: bytes) -> bytes:
    """Let our encoder look inside."""
    out = io.BytesIO()
    deltaloft.encode_file(source, target, out, unpack=True)
    assert out.getvalue().startswith(b"\xd5unp")
    return out.getvalue()


def good() -> dict[str, tuple[bytes, bytes, bytes]]:
    """Return name: source, target, body."""
    old = release(1, files=3, words=900)
    new = later(old, 2, changed=2)
    chance = random.Random(1)
    program, linked = bytearray(), bytearray()
    for _ in range(400):
        code, address = chance.randbytes(chance.randint(12, 30)), chance.randrange(1 << 31)
        program += code + address.to_bytes(4, "little")
        linked += code + (address + 0x1240).to_bytes(4, "little")
    pairs = {
        "zip": (as_zip(old), as_zip(new)),
        "tar-gz": (as_gzip(as_tar(old)), as_gzip(as_tar(new))),
        "zip-in-tar-gz": tuple(as_gzip(as_tar({"inner.zip": as_zip(each)})) for each in (old, new)),
        "differences": (bytes(program), bytes(linked)),
        "zip-differences": (as_zip({"p": bytes(program)}), as_zip({"p": bytes(linked)})),
    }
    made = {name: (pair[0], pair[1], encoded(*pair)) for name, pair in pairs.items()}
    made["by-hand"] = (SOURCE, TARGET, example().body())
    almost = bytearray(HEAD + NEW_PLAIN + TAIL)
    almost[3] = (almost[3] - 1) % 256
    almost[40] = (almost[40] + 2) % 256
    differing = example(almost=bytes(almost), blocks=[(b"\x03\x01\x24\x01", b"\x01\xfe")])
    made["by-hand-differences"] = (SOURCE, TARGET, differing.body())
    made["by-hand-corrections"] = (SOURCE, ODD_TARGET, odd_example().body())
    source, target = (odd_gzip(b" ".join(files.values())) for files in (old, new))
    made["gzip-corrections"] = (source, target, encoded(source, target))
    first, second = ranges_of_words()
    right = reusing(*reuse_of(first, second))
    made["by-hand-reuse"] = (right.source, right.target, right.body())
    large = release(9, files=2, words=20_000)
    pair = as_gzip(as_tar(large)), as_gzip(as_tar(later(large, 3)))
    made["tar-gz-reuse"] = (*pair, encoded(*pair))
    return made


def ranges_of_words() -> list[SymbolRange]:
    """Return two ranges, before and behind the word that came."""
    old, new = raw_deflate(WORDS), raw_deflate(NEW_WORDS)
    return find_ranges(old, new, len(NEW_WORDS), least=500, most=2)


def bad_reuse() -> dict[str, tuple[str, BodyBuilder]]:
    """Return name: the error that is expected, what builds the body."""
    first, second = ranges_of_words()
    right = reuse_of(first, second)
    columns = right[2:]
    malformed = "MalformedDelta"
    return {
        "bad-reuse-nobodys": (malformed, reusing(0)),
        "bad-reuse-cut": (malformed, reusing(*right[:-1])),
        "bad-reuse-long": (malformed, reusing(*right, 0)),
        "bad-reuse-source-missing": (malformed, reusing(3, *right[1:])),
        "bad-reuse-source-before-first": (malformed, reusing(2, *right[1:])),
        "bad-reuse-no-ranges": (malformed, reusing(1, 0)),
        "bad-reuse-too-many": (malformed, reusing(1, 1 << 40, *columns)),
        "bad-reuse-fast-level": (malformed, reusing(*right, parameters=b"\x01\x03")),
        "bad-reuse-backwards": (
            malformed,
            reusing(*right[:4], 2 * first.searched + 1, *right[5:]),
        ),
        "bad-reuse-more-than-inflated": (malformed, reusing(*right[:-1], len(WORDS))),
        "bad-reuse-no-border": (
            malformed,
            reusing(*reuse_of(first, second._replace(skipped=second.skipped + 1))),
        ),
        "bad-reuse-nothing": (malformed, reusing(*reuse_of(first, second._replace(reused=0)))),
        "bad-reuse-to-the-end": (
            malformed,
            reusing(1, 1, 0, 0, len(WORDS)),
        ),
    }


def bad() -> dict[str, tuple[str, bytes]]:
    """Return name: the error that is expected, body."""
    whole = example().body()
    recipe = example().recipe()
    malformed, unsupported = "MalformedDelta", "UnsupportedDelta"
    return {
        "bad-version": (unsupported, whole[:4] + b"\x02" + whole[5:]),
        "bad-magic-alone": (malformed, whole[:4]),
        "bad-no-sizes": (malformed, whole[:6]),
        "bad-recipe-cut": (malformed, whole[:20]),
        "bad-recipe-short": (malformed, example().body(recipe[:-1])),
        "bad-recipe-long": (malformed, example().body(recipe + b"\0")),
        "bad-recipe-size-lies": (malformed, example().body(recipe_size=len(recipe) + 1)),
        "bad-recipe-size-huge": (malformed, example().body(recipe_size=1 << 40)),
        "bad-integer-64-bits": (malformed, example().body(b"\xff" * 10)),
        "bad-target-size-64-bits": (malformed, example(fields={"target_size": 1 << 50}).body()),
        "bad-deflate-version": (unsupported, example(parameters=b"\x02\x06").body()),
        "bad-deflate-level": (unsupported, example(parameters=b"\x01\x0f").body()),
        "bad-parameters-missing": (malformed, example(numbers=[1]).body()),
        "bad-source-size": ("WrongSource", example(fields={"source_size": 3}, offsets=[]).body()),
        "bad-inflated-size-larger": (
            "WrongSource",
            example(fields={"inflated_size": len(PLAIN) + 1}).body(),
        ),
        "bad-inflated-size-smaller": (malformed, example(fields={"inflated_size": 9}).body()),
        "bad-inflated-size-huge": (malformed, example(fields={"inflated_size": 1 << 33}).body()),
        "bad-stream-outside-source": ("WrongSource", example(offsets=[4 * 5000]).body()),
        "bad-stream-before-source": ("WrongSource", example(offsets=[4 * 9 - 2]).body()),
        "bad-stream-that-is-none": ("WrongSource", example(offsets=[4]).body()),
        "bad-streams-too-many": (malformed, example(fields={"starts": 1 << 40}).body()),
        "bad-stream-empty": (malformed, example(sizes=[0]).body()),
        "bad-stream-past-target": (malformed, example(sizes=[5000]).body()),
        "bad-streams-overlap": (
            malformed,
            example(starts=[36, 21], sizes=[20, 20], numbers=[0, 0]).body(),
        ),
        "bad-streams-nine-deep": (
            malformed,
            example(starts=[36, *[1] * 8], sizes=[30] * 9, numbers=[0] * 9).body(),
        ),
        "bad-target-inflates-to-more": (
            malformed,
            example(starts=[2 * len(HEAD)], sizes=[1 << 31]).body(),
        ),
        "bad-sha256": ("WrongSource", example(almost=HEAD + PLAIN + TAIL).body()),
        "bad-target-shorter": (
            "WrongSource",
            example(fields={"target_size": len(TARGET) - 1}).body(),
        ),
        "bad-blocks-too-many": (malformed, example(blocks=[(b"", b"")] * 2).body()),
        "bad-places-cut": (malformed, example(blocks=[(b"\x03", b"\x01")]).body()),
        "bad-values-missing": (malformed, example(blocks=[(b"\x03\x02", b"\x01")]).body()),
        "bad-run-empty": (malformed, example(blocks=[(b"\x03\x00", b"\x01")]).body()),
        "bad-places-size-lies": (
            malformed,
            example(blocks=[(b"\x03\x01", b"\x01")], fields={"places_size": 3}).body(),
        ),
        "bad-corrections-cut": (malformed, odd_example(corrections=[CORRECTIONS[:-1]]).body()),
        "bad-corrections-empty": (malformed, odd_example(corrections=[b""]).body()),
        "bad-corrections-missing": (malformed, odd_example(corrections=[]).body()),
        "bad-corrections-of-other-bytes": (
            malformed,
            odd_example(almost=HEAD + NEW_PLAIN[::-1] + TAIL).body(),
        ),
        "bad-corrections-size-huge": (
            malformed,
            odd_example(fields={"corrections_size": 1 << 40}).body(),
        ),
        "bad-delta": (malformed, whole[: len(whole) - 30]),
        "bad-delta-target-segment": (malformed, _with_target_segment()),
    }


def _with_target_segment() -> bytes:
    vector = VECTORS.parent / "target-segment"
    body = BodyBuilder((vector / "source").read_bytes(), (vector / "target").read_bytes()).body()
    return body[: body.index(b"\xd6\xc3\xc4")] + (vector / "delta").read_bytes()


def write(name: str, expect: str, files: dict[str, bytes]) -> None:
    """Write one vector, unless it is there."""
    folder = VECTORS / name
    if folder.exists():
        return
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    (folder / "meta.json").write_text(json.dumps({"expect": expect}) + "\n")


def main() -> None:
    """Write those that are not there yet."""
    for name, (source, target, delta) in good().items():
        assert target == deltaloft.decode(source, delta), name
        write(name, "target", {"source": source, "target": target, "delta": delta})
    of_reuse = bad_reuse()
    for name, (expect, delta) in (
        bad() | {name: (expect, each.body()) for name, (expect, each) in of_reuse.items()}
    ).items():
        source = SOURCE
        if name == "bad-delta-target-segment":
            source = (VECTORS.parent / "target-segment" / "source").read_bytes()
        elif name in of_reuse:
            source = of_reuse[name][1].source
        try:
            deltaloft.decode(source, delta)
        except getattr(deltaloft, expect):
            write(name, expect, {"source": source, "delta": delta})
        except deltaloft.DeltaloftError as error:
            raise SystemExit(f"{name}: {expect} expected, found {error!r}") from error
        else:
            raise SystemExit(f"{name}: {expect} expected, found none")


if __name__ == "__main__":
    main()
