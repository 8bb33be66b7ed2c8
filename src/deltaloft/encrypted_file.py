"""A file of encrypted chunks that proves what it holds while it is being read.

    ┌───────────┬─────────┬────────────┬──────┬──────┐
    │ "dg-cache"│ version │ chunk size │ size │ salt │   64 bytes, integers big-endian
    │     8     │    4    │      4     │   8  │  40  │
    ├───────────┴─────────┴────┬───────┴──────┴──────┤
    │ ciphertext of chunk 0    │ tag, 16 bytes       │   `chunk size` bytes of plaintext each;
    ├──────────────────────────┼─────────────────────┤   the last is shorter, and empty only
    │ ...                      │                     │   when the whole plaintext is
    └──────────────────────────┴─────────────────────┘

    file key        = HKDF-SHA256(key, salt, info "deltaloft cache: file")
    nonce           = chunk number (11 bytes) ‖ 1 for the last chunk, else 0
    associated data = the 64 bytes of the header ‖ SHA-256 of the plaintext ‖ chunk number (8 bytes)

Each chunk is sealed with AES-256-GCM. A file key belongs to one file, for its salt is 320 random
bits, and within a file a number is handed out once: so a pair of key and nonce never comes twice,
whatever the number of files. Number and flag in the nonce are the STREAM construction (Hoang,
Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", 2015): chunks cannot be dropped, moved or appended. The SHA-256 is not in the
file: the reader has to know what it wants, and a file made for other bytes does not open.
"""

from __future__ import annotations

import os
import secrets
import struct
from itertools import count
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from deltaloft.buffers import Buffer

__all__ = [
    "CHUNK_SIZE",
    "KEY_SIZE",
    "EncryptedReader",
    "EncryptedWriter",
    "NotAuthentic",
    "encrypted_size",
    "key_id",
]

KEY_SIZE = 32
CHUNK_SIZE = 256 << 10  # as fast as any from 128 KiB to 1 MiB (docs/cache.md)

_HEADER = struct.Struct(">8sIIQ40s")
_MAGIC = b"dg-cache"
_VERSION = 1
_SALT_SIZE = 40
_TAG_SIZE = 16
_MAX_CHUNK_SIZE = 16 << 20  # what a reader allocates on the word of a header not yet proven


class NotAuthentic(Exception):
    """The file is not what was written with this key for this SHA-256 and size."""


def encrypted_size(size: int, *, chunk_size: int = CHUNK_SIZE) -> int:
    """Return how many bytes a file with `size` bytes of plaintext takes."""
    return _HEADER.size + size + _chunk_count(size, chunk_size) * _TAG_SIZE


def key_id(key: bytes) -> str:
    """Return a name for a key, 16 hexadecimal digits, that tells nothing about it."""
    return _derive(key, b"", b"deltaloft cache: key id", 8).hex()


class EncryptedWriter:
    """Encrypt `size` bytes of plaintext, given in pieces, to the end of a file.

    At most a chunk is held in memory. The file stays open and is the caller's to close; unless
    `finish` returned, what is in it is worthless.

    Raises:
        OSError: the file cannot be written; then the writer is of no further use.
    """

    def __init__(
        self, file: BinaryIO, *, key: bytes, sha256: str, size: int, chunk_size: int = CHUNK_SIZE
    ) -> None:
        salt = secrets.token_bytes(_SALT_SIZE)
        header = _HEADER.pack(_MAGIC, _VERSION, chunk_size, size, salt)
        self._chunks = _Chunks(header, key, sha256)
        self._numbers = count()  # handed out, never put back: no nonce comes twice
        self._file = file
        self._missing = size
        self._pending = bytearray(min(chunk_size, size))
        self._pending_size = 0
        _write_all(file, header)

    def write(self, piece: Buffer) -> None:
        """Add the next bytes.

        Raises:
            ValueError: there are more of them than the promised size.
            OSError: the file cannot be written.
        """
        rest = memoryview(piece).cast("B")
        if len(rest) > self._missing - self._pending_size:
            raise ValueError("more plaintext than was promised")
        chunk_size = self._chunks.chunk_size
        while rest:
            if not self._pending_size and len(rest) >= chunk_size:
                self._seal(rest[:chunk_size])
                rest = rest[chunk_size:]
                continue
            taken = rest[: chunk_size - self._pending_size]
            self._pending[self._pending_size : self._pending_size + len(taken)] = taken
            self._pending_size += len(taken)
            rest = rest[len(taken) :]
            if self._pending_size == chunk_size:
                self._seal(self._pending)
                self._pending_size = 0

    def finish(self) -> None:
        """Write what is pending.

        Raises:
            ValueError: there is less plaintext than was promised.
            OSError: the file cannot be written.
        """
        if self._pending_size != self._missing:
            raise ValueError("less plaintext than was promised")
        if self._missing or not self._chunks.size:
            self._seal(memoryview(self._pending)[: self._pending_size])

    def _seal(self, plaintext: bytearray | memoryview) -> None:
        sealed = self._chunks.seal(next(self._numbers), plaintext)
        self._missing -= len(plaintext)
        _write_all(self._file, sealed)


class EncryptedReader:
    """Read a file that `EncryptedWriter` wrote for the same key, SHA-256 and size.

    The file is read by position, so many threads may share a reader; it is the caller's to close,
    and may be damaged or changing: every byte that is lent has been proven.

    Raises:
        NotAuthentic: the header, or the length of the file, is wrong.
        OSError: the file cannot be read.
    """

    def __init__(self, file: BinaryIO, *, key: bytes, sha256: str, size: int) -> None:
        self._descriptor = file.fileno()
        header = os.pread(self._descriptor, _HEADER.size, 0)
        if len(header) != _HEADER.size:
            raise NotAuthentic("shorter than a header")
        magic, version, chunk_size, written_size, _ = _HEADER.unpack(header)
        if (magic, version, written_size) != (_MAGIC, _VERSION, size):
            raise NotAuthentic("a header for something else")
        if not 0 < chunk_size <= _MAX_CHUNK_SIZE:
            raise NotAuthentic("an impossible chunk size")
        if os.fstat(self._descriptor).st_size != encrypted_size(size, chunk_size=chunk_size):
            raise NotAuthentic("not as long as its header says")
        self._chunks = _Chunks(header, key, sha256)
        if not size:
            self._open(0, bytearray(_TAG_SIZE))  # there is no byte to lend, but a promise to prove

    def read_into(self, target: memoryview, offset: int = 0) -> None:
        """Fill `target` with the plaintext that starts at `offset`.

        Raises:
            NotAuthentic: a chunk is not what was written; what `target` holds is undefined.
            ValueError: there are not that many bytes from `offset` on.
            OSError: the file cannot be read.
        """
        if not 0 <= offset <= self._chunks.size - len(target):
            raise ValueError("a range outside the plaintext")
        chunk_size = self._chunks.chunk_size
        sealed = bytearray(min(chunk_size, self._chunks.size) + _TAG_SIZE)
        filled = 0
        while filled < len(target):
            number, skipped = divmod(offset + filled, chunk_size)
            plaintext = memoryview(self._open(number, sealed))[skipped:][: len(target) - filled]
            target[filled : filled + len(plaintext)] = plaintext
            filled += len(plaintext)

    def _open(self, number: int, sealed: bytearray) -> bytes:
        """Prove and decrypt one chunk, with `sealed` as the room for its ciphertext."""
        start = _HEADER.size + number * (self._chunks.chunk_size + _TAG_SIZE)
        room = memoryview(sealed)[: self._chunks.plaintext_size(number) + _TAG_SIZE]
        filled = 0
        while filled < len(room):
            got = os.preadv(self._descriptor, [room[filled:]], start + filled)
            if not got:
                raise NotAuthentic("cut short while it was being read")
            filled += got
        return self._chunks.open(number, room)


class _Chunks:
    """Seals and opens the chunks of one file: what the picture says of keys and nonces."""

    def __init__(self, header: bytes, key: bytes, sha256: str) -> None:
        self.chunk_size: int
        self.size: int
        _, _, self.chunk_size, self.size, salt = _HEADER.unpack(header)
        self._bound = header + bytes.fromhex(sha256)
        self._cipher = AESGCM(_derive(key, salt, b"deltaloft cache: file", 32))
        self._last = _chunk_count(self.size, self.chunk_size) - 1

    def plaintext_size(self, number: int) -> int:
        return min(self.chunk_size, self.size - number * self.chunk_size)

    def seal(self, number: int, plaintext: bytearray | memoryview) -> bytes:
        return self._cipher.encrypt(self._nonce(number), plaintext, self._associated(number))

    def open(self, number: int, sealed: memoryview) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(number), sealed, self._associated(number))
        except InvalidTag:
            raise NotAuthentic(f"chunk {number} is not what was written") from None

    def _nonce(self, number: int) -> bytes:
        return number.to_bytes(11, "big") + bytes([number == self._last])

    def _associated(self, number: int) -> bytes:
        return self._bound + number.to_bytes(8, "big")


def _chunk_count(size: int, chunk_size: int) -> int:
    return max(1, -(-size // chunk_size))


def _derive(key: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    if len(key) != KEY_SIZE:
        raise ValueError(f"a key of {KEY_SIZE} bytes expected, found {len(key)}")
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(key)


def _write_all(file: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]  # an unbuffered file may take less than it is given
