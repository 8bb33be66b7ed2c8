"""An encrypted file gives back what was written, or NotAuthentic; never anything else."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from deltaloft.encrypted_file import (
    CHUNK_SIZE,
    EncryptedReader,
    EncryptedWriter,
    NotAuthentic,
    encrypted_size,
    key_id,
)

KEY = bytes(range(32))
CHUNK = 16  # bytes; small, so that a few dozen bytes make several chunks
HEADER = 64
TAG = 16


def sha256(content: bytes) -> str:
    """Return the digest in the spelling of the cache."""
    return hashlib.sha256(content).hexdigest()


def encrypted(
    content: bytes,
    *,
    key: bytes = KEY,
    digest: str | None = None,
    pieces: Iterable[bytes] | None = None,
    chunk_size: int = CHUNK,
) -> bytes:
    """Return the file for `content`, written in `pieces`."""
    file = io.BytesIO()
    writer = EncryptedWriter(
        file, key=key, sha256=digest or sha256(content), size=len(content), chunk_size=chunk_size
    )
    for piece in [content] if pieces is None else pieces:
        writer.write(piece)
    writer.finish()
    return file.getvalue()


def decrypted(
    stored: bytes,
    size: int,
    digest: str,
    *,
    key: bytes = KEY,
    start: int = 0,
    stop: int | None = None,
) -> bytes:
    """Return the plaintext of a file, or `size` bytes of it from `start`."""
    target = bytearray((size if stop is None else stop) - start)
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(stored)
        reader = EncryptedReader(file, key=key, sha256=digest, size=size)
        reader.read_into(memoryview(target), start)
    return bytes(target)


def assert_refused(stored: bytes, content: bytes, *, key: bytes = KEY) -> None:
    """Check that `stored` is not taken for `content`."""
    with pytest.raises(NotAuthentic):
        decrypted(stored, len(content), sha256(content), key=key)


CONTENT = bytes(range(100, 140))  # two chunks and a half


def chunks_of(stored: bytes, chunk_size: int = CHUNK) -> list[bytes]:
    """Return the chunks of a file, each with its tag."""
    body = stored[HEADER:]
    return [body[i : i + chunk_size + TAG] for i in range(0, len(body), chunk_size + TAG)]


@given(st.binary(max_size=5 * CHUNK + 1), st.lists(st.integers(0, 5 * CHUNK + 1), max_size=5))
def test_round_trip(content: bytes, cuts: list[int]) -> None:
    """Whatever is written, in whatever pieces, comes back, and takes the space foretold."""
    edges = [0, *sorted(cuts), len(content)]
    pieces = [content[a:b] for a, b in pairwise(edges)]
    stored = encrypted(content, pieces=pieces)
    assert decrypted(stored, len(content), sha256(content)) == content
    assert len(stored) == encrypted_size(len(content), chunk_size=CHUNK)


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE])
def test_round_trip_in_chunks_of_full_size(size: int) -> None:
    """The chunks that the cache uses behave like the small ones of the other tests."""
    content = os.urandom(size)
    stored = encrypted(content, chunk_size=CHUNK_SIZE)
    assert decrypted(stored, size, sha256(content)) == content


@given(st.data())
def test_any_range_can_be_read_alone(data: st.DataObject) -> None:
    """A part of the plaintext needs only the chunks that hold it."""
    content = data.draw(st.binary(max_size=4 * CHUNK))
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    stored = bytearray(encrypted(content))
    for number in range(len(chunks_of(stored))):  # damage what is not needed
        if not start < (number + 1) * CHUNK or not number * CHUNK < stop:
            stored[HEADER + number * (CHUNK + TAG)] ^= 1
    if content:
        part = decrypted(bytes(stored), len(content), sha256(content), start=start, stop=stop)
        assert part == content[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (0, 41), (41, 41), (39, 41)])
def test_a_range_outside_the_plaintext_is_refused(start: int, stop: int) -> None:
    """A caller's mistake is told from damage."""
    with pytest.raises(ValueError, match="outside the plaintext"):
        decrypted(encrypted(CONTENT), len(CONTENT), sha256(CONTENT), start=start, stop=stop)


@pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["empty", "one byte", "chunks"])
def test_every_flipped_bit_is_noticed(content: bytes) -> None:
    """No single bit of a file can change unseen."""
    stored = encrypted(content)
    for bit in range(8 * len(stored)):
        flipped = bytearray(stored)
        flipped[bit // 8] ^= 1 << bit % 8
        assert_refused(bytes(flipped), content)


@pytest.mark.parametrize("content", [b"", CONTENT], ids=["empty", "chunks"])
def test_every_other_length_is_noticed(content: bytes) -> None:
    """A file that was cut anywhere, or continued, is refused."""
    stored = encrypted(content)
    for size in range(len(stored)):
        assert_refused(stored[:size], content)
    assert_refused(stored + b"\0", content)
    assert_refused(stored + chunks_of(stored)[-1], content)


def test_a_file_cut_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    """What was long enough when it was opened may not be later."""
    path = tmp_path / "file"
    path.write_bytes(encrypted(CONTENT))
    with path.open("rb") as file:
        reader = EncryptedReader(file, key=KEY, sha256=sha256(CONTENT), size=len(CONTENT))
        os.truncate(path, HEADER + CHUNK + TAG)
        with pytest.raises(NotAuthentic):
            reader.read_into(memoryview(bytearray(len(CONTENT))))


def test_chunks_cannot_be_reordered_or_repeated() -> None:
    """A chunk proves its number, even among chunks of equal plaintext."""
    content = bytes(4 * CHUNK)
    stored = encrypted(content)
    a, b, c, d = chunks_of(stored)
    for order in ([b, a, c, d], [a, a, c, d], [a, b, d, c], [a, b, c, c], [d, c, b, a]):
        assert_refused(stored[:HEADER] + b"".join(order), content)


def test_a_file_cannot_be_shortened_along_with_its_header() -> None:
    """Whole chunks that are dropped at the end are missed, whatever the header says."""
    content = bytes(4 * CHUNK)
    shorter = content[: 3 * CHUNK]
    stored = bytearray(encrypted(content, digest=sha256(shorter)))
    stored[16:24] = len(shorter).to_bytes(8, "big")
    assert_refused(bytes(stored[: -CHUNK - TAG]), shorter)


def test_files_cannot_exchange_chunks_headers_or_places() -> None:
    """Two files with the same key and size have nothing in common, not even for one plaintext."""
    content, other = bytes(3 * CHUNK), bytes([1]) * 3 * CHUNK
    mine, again, theirs = encrypted(content), encrypted(content), encrypted(other)
    assert_refused(theirs, content)
    assert_refused(mine[:HEADER] + again[HEADER:], content)
    mixed = [chunks_of(mine)[0], chunks_of(again)[1], chunks_of(mine)[2]]
    assert_refused(mine[:HEADER] + b"".join(mixed), content)


@pytest.mark.parametrize("content", [b"", CONTENT], ids=["empty", "chunks"])
def test_a_file_opens_only_for_its_key_digest_and_size(content: bytes) -> None:
    """Whoever asks for something else is told so, even when the file is in order."""
    stored = encrypted(content)
    assert_refused(stored, content, key=bytes(32))
    with pytest.raises(NotAuthentic):
        decrypted(stored, len(content), sha256(b"something else"))
    with pytest.raises(NotAuthentic):
        decrypted(stored, len(content) + 1, sha256(content))


@pytest.mark.parametrize("chunk_size", [0, (16 << 20) + 1, (1 << 32) - 1])
def test_an_impossible_chunk_size_is_refused_at_once(tmp_path: Path, chunk_size: int) -> None:
    """Nothing is divided or allocated on the word of a header that is not proven."""
    size = 64 << 20
    header = bytearray(encrypted(b"")[:HEADER])
    header[12:16] = chunk_size.to_bytes(4, "big")
    header[16:24] = size.to_bytes(8, "big")
    path = tmp_path / "file"
    path.write_bytes(header)
    os.truncate(path, encrypted_size(size, chunk_size=chunk_size or 1))
    with path.open("rb") as file, pytest.raises(NotAuthentic, match="impossible chunk size"):
        EncryptedReader(file, key=KEY, sha256=sha256(b""), size=size)


def test_the_format_is_the_one_in_the_picture() -> None:
    """A file put together by hand, from the description alone, is read."""
    content = CONTENT
    salt = bytes(range(40))
    header = b"dg-cache" + bytes([0, 0, 0, 1]) + bytes([0, 0, 0, CHUNK])
    header += len(content).to_bytes(8, "big") + salt
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"deltaloft cache: file")
    cipher = AESGCM(hkdf.derive(KEY))
    stored = header
    for number, last in ((0, 0), (1, 0), (2, 1)):
        nonce = number.to_bytes(11, "big") + bytes([last])
        bound = header + hashlib.sha256(content).digest() + number.to_bytes(8, "big")
        plaintext = content[number * CHUNK : (number + 1) * CHUNK]
        stored += cipher.encrypt(nonce, plaintext, bound)
    assert decrypted(stored, len(content), sha256(content)) == content


def test_a_failed_write_does_not_give_its_nonce_back() -> None:
    """Whoever goes on after an error does not get the same key stream twice."""

    class FullDisk(io.RawIOBase):
        """Refuses everything but the header, and remembers it."""

        def __init__(self) -> None:
            self.refused: list[bytes] = []

        def write(self, data: memoryview) -> int:
            if len(data) == HEADER:
                return HEADER
            self.refused.append(bytes(data))
            raise OSError(28, "no space left on device")

    disk = FullDisk()
    writer = EncryptedWriter(disk, key=KEY, sha256=sha256(b""), size=64, chunk_size=CHUNK)
    for _ in range(2):
        with pytest.raises(OSError, match="no space"):
            writer.write(bytes(CHUNK))
    first, second = disk.refused
    assert first[:CHUNK] != second[:CHUNK]


def test_a_file_that_takes_little_at_a_time_gets_everything() -> None:
    """An unbuffered file may write less than it was given."""

    class Sip(io.BytesIO):
        def write(self, data: memoryview) -> int:
            return super().write(data[:7])

    file = Sip()
    writer = EncryptedWriter(
        file, key=KEY, sha256=sha256(CONTENT), size=len(CONTENT), chunk_size=CHUNK
    )
    writer.write(CONTENT)
    writer.finish()
    assert decrypted(file.getvalue(), len(CONTENT), sha256(CONTENT)) == CONTENT


def test_the_promised_size_has_to_come() -> None:
    """A writer that gets more or less than was promised makes no file."""
    with pytest.raises(ValueError, match="less plaintext than was promised"):
        encrypted(CONTENT, pieces=[CONTENT[:-1]])
    with pytest.raises(ValueError, match="more plaintext than was promised"):
        encrypted(CONTENT, pieces=[CONTENT, b"x"])


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_size_is_refused(key: bytes) -> None:
    """A short key is a mistake, not a weak key."""
    with pytest.raises(ValueError, match="key of 32 bytes"):
        encrypted(CONTENT, key=key)


def test_a_key_id_names_one_key_and_does_not_show_it() -> None:
    """Keys have different names, and none is a part of its key."""
    other = bytes(32)
    assert key_id(KEY) == key_id(bytes(KEY))
    assert key_id(KEY) != key_id(other)
    assert key_id(other) != "00" * 8


def test_memory_is_bounded() -> None:
    """Writing and reading take a few chunks beside the plaintext, whatever its size."""

    class Nowhere(io.RawIOBase):
        def write(self, data: memoryview) -> int:
            return len(data)

    size = 64 << 20
    piece = bytes(100_000)
    tracemalloc.start()
    writer = EncryptedWriter(Nowhere(), key=KEY, sha256=sha256(b""), size=size)
    for _ in range(size // len(piece)):
        writer.write(piece)
    writer.write(piece[: size % len(piece)])
    writer.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * CHUNK_SIZE

    content = bytes(8 << 20)
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(encrypted(content, chunk_size=CHUNK_SIZE))
        target = memoryview(bytearray(len(content)))
        tracemalloc.start()
        EncryptedReader(file, key=KEY, sha256=sha256(content), size=len(content)).read_into(target)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 4 * CHUNK_SIZE
