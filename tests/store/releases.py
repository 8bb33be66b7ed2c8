"""Releases of an imaginary artifact, and a look behind the store at what the bucket holds."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

from deltaloft.bucket import Bucket

__all__ = ["BLOCK", "all_bytes", "change", "flipped", "release", "sha256", "stored"]

BLOCK = 4096


def release(version: int, *, blocks: int = 50, seed: int = 1) -> bytes:
    """Return 200 kB that differ from the previous version in one block of 4 kB."""
    content = bytearray(random.Random(seed).randbytes(blocks * BLOCK))
    for each in range(1, version + 1):
        place = each % blocks * BLOCK
        content[place : place + BLOCK] = random.Random(1000 * seed + each).randbytes(BLOCK)
    return bytes(content)


def sha256(content: bytes) -> str:
    """Return the SHA-256 as the store writes it."""
    return hashlib.sha256(content).hexdigest()


def stored(bucket: Bucket, key: str) -> bytes:
    """Return the body of an object as it is in the bucket."""
    with bucket.get(key) as reading:
        assert reading is not None
        return b"".join(reading.chunks())


def all_bytes(bucket: Bucket) -> int:
    """Return the size of all that the bucket holds, ours included."""
    return sum(listed.size for listed in bucket.list())


def change(bucket: Bucket, key: str, *, body: bytes | None = None, **metadata: str) -> None:
    """Store an object again with another body or other metadata."""
    info = bucket.head(key)
    changed = {**info.attributes.metadata, **{f"dl-{k}": v for k, v in metadata.items()}}
    kept = stored(bucket, key) if body is None else body
    bucket.put(key, kept, replace(info.attributes, metadata=changed))


def flipped(content: bytes, place: int) -> bytes:
    """Return the bytes with one bit changed."""
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)
