"""What an encoder has deflated once is not deflated again, and yet nothing else passes for it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest
from make_vectors import HEAD, NEW_PLAIN, PLAIN, SOURCE, TAIL, TARGET, example
from packed import as_gzip, as_tar, later, raw_deflate, release

import deltaloft
from deltaloft.native.deflate import DeflateParameters
from deltaloft.unpack import encoder
from deltaloft.unpack.decoder import decode_unpacked
from deltaloft.unpack.plan import make_plan
from deltaloft.unpack.recipe import TargetStream
from deltaloft.unpack.replay import ProvenStream

PROVEN = ProvenStream(
    TargetStream(len(HEAD), len(HEAD + NEW_PLAIN), DeflateParameters("zlib", 6, 8)),
    hashlib.sha256(NEW_PLAIN).digest(),
    memoryview(raw_deflate(NEW_PLAIN)),
)


def decoded(proven: ProvenStream, **fields: object) -> bytes:
    """Decode the example's body, or one with other fields, by what is said to be proven."""
    body = memoryview(example(**fields).body())
    pieces = decode_unpacked(memoryview(SOURCE), body, max_size=None, threads=1, proven=[proven])
    return b"".join(pieces)


def test_what_is_proven_is_taken() -> None:
    """The proven bytes stand for a stream that holds the proven plain bytes."""
    assert TARGET == decoded(PROVEN)


def test_other_plain_bytes_are_not_what_was_proven() -> None:
    """A delta that makes something else of a stream is caught, at the stream."""
    for plain in (PLAIN, NEW_PLAIN[:-1] + b"?"):
        with pytest.raises(deltaloft.MalformedDelta, match="that were proven"):
            decoded(PROVEN, almost=HEAD + plain + TAIL)


@pytest.mark.parametrize(
    "fields",
    [
        {"starts": [2 * len(HEAD) + 2]},
        {"sizes": [len(NEW_PLAIN) - 1]},
        {"parameters": b"\x01\x09"},
        {"starts": [], "sizes": [], "numbers": []},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_another_recipe_is_not_what_was_proven(fields: dict[str, object]) -> None:
    """A recipe with a stream elsewhere, of other parameters, or without it, is caught."""
    with pytest.raises(deltaloft.MalformedDelta, match="that were proven"):
        decoded(PROVEN, **fields)


def test_raw_parts_are_compared() -> None:
    """The target's SHA-256 proves what stands around the streams, and what is said of them."""
    with pytest.raises(deltaloft.WrongSource, match="SHA-256 expected"):
        decoded(PROVEN, almost=HEAD + NEW_PLAIN + TAIL[:-1] + b"?")
    with pytest.raises(deltaloft.WrongSource, match="SHA-256 expected"):
        decoded(replace(PROVEN, deflated=memoryview(raw_deflate(NEW_PLAIN, level=1) + b"?")))


def test_a_plan_proves_its_streams() -> None:
    """Each stream of a plan comes with the digest of its plain bytes and with its deflated ones."""
    old = release(3, files=3)
    new = as_tar(later(old, 4))
    inner = as_gzip(new)
    target = as_gzip(inner)
    plan = make_plan(memoryview(as_gzip(as_gzip(as_tar(old)))), memoryview(target))
    assert plan is not None
    assert plan.target_streams == [each.stream for each in plan.proven]
    digests = [hashlib.sha256(plain).digest() for plain in (inner, new)]
    assert digests == [each.plain_sha256 for each in plan.proven]
    assert [target[10:-8], inner[10:-8]] == [bytes(each.deflated) for each in plan.proven]


def damaged(target: bytearray) -> bytes:
    """Change one byte in the middle."""
    at = len(target) // 2
    return bytes(target[:at]) + bytes([target[at] ^ 1]) + bytes(target[at + 1 :])


def test_a_body_that_was_made_wrong_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the encoder itself erred, in a recipe or in a delta, the plain delta is written."""
    old = release(5, files=4)
    source, target = as_gzip(as_tar(old)), as_gzip(as_tar(later(old, 6)))
    body_head, plain_windows = encoder.body_head, encoder.plain_windows

    def written() -> bytes:
        out = io.BytesIO()
        deltaloft.encode_file(source, target, out, unpack=True)
        assert target == deltaloft.decode(source, out.getvalue())
        return out.getvalue()

    assert written().startswith(b"\xd5unp")
    with monkeypatch.context() as wrong:
        wrong.setattr(
            encoder,
            "body_head",
            lambda recipe, differences: body_head(
                replace(recipe, target_streams=recipe.target_streams[:-1]), differences
            ),
        )
        assert written().startswith(b"\xd6\xc3\xc4")
    with monkeypatch.context() as wrong:
        wrong.setattr(
            encoder,
            "plain_windows",
            lambda source, target, *rest, **options: plain_windows(
                source, damaged(target), *rest, **options
            ),
        )
        assert written().startswith(b"\xd6\xc3\xc4")
