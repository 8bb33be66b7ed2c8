"""Archives of two releases, made from a seed: what is inside differs by a few words."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

__all__ = ["as_ar", "as_gzip", "as_tar", "as_zip", "later", "raw_deflate", "release"]

Files = dict[str, bytes]


def release(seed: int, *, files: int = 6, words: int = 3000) -> Files:
    """Make text files of a project."""
    chance = random.Random(seed)
    lexicon = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(400)]
    return {
        f"project-1.0/module{number}.py": " ".join(chance.choices(lexicon, k=words)).encode()
        for number in range(files)
    }


def later(files: Mapping[str, bytes], seed: int, *, changed: int = 3) -> Files:
    """Make the next release: some files get a few other words, and all another folder."""
    chance = random.Random(seed)
    names = chance.sample(sorted(files), min(changed, len(files)))
    edited = {}
    for name, content in files.items():
        words = content.split(b" ")
        if name in names:
            for _ in range(4):
                words[chance.randrange(len(words))] = b"%x" % chance.getrandbits(40)
        edited[name.replace("1.0", "1.1")] = b" ".join(words)
    return edited


def as_zip(
    files: Mapping[str, bytes],
    *,
    level: int = 6,
    stored: tuple[str, ...] = (),
    stream: bool = False,
) -> bytes:
    """Write a zip; with `stream`, as to a pipe: sizes come in data descriptors."""
    out = io.BytesIO()
    target = _Pipe(out) if stream else out
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            kind = zipfile.ZIP_STORED if name.endswith(stored) and stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, kind, level)
    return out.getvalue()


class _Pipe(io.RawIOBase):
    def __init__(self, out: io.BytesIO) -> None:
        super().__init__()
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return self._out.write(data)


def as_tar(files: Mapping[str, bytes], *, mtime: int = 1_700_000_000) -> bytes:
    """Write a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), mtime
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def as_ar(files: Mapping[str, bytes], *, mtime: int = 1_700_000_000) -> bytes:
    """Write an ar, as dpkg does."""
    out = [b"!<arch>\n"]
    for name, content in files.items():
        out.append(f"{name:16}{mtime:<12}0     0     100644  {len(content):<10}`\n".encode())
        out.append(content + b"\n" * (len(content) % 2))
    return b"".join(out)


def as_gzip(content: bytes, *, level: int = 9) -> bytes:
    """Write a gzip file."""
    return gzip.compress(content, level, mtime=1_700_000_000)


def raw_deflate(content: bytes, *, level: int = 6, strategy: int = 0) -> bytes:
    """Write a stream without header."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    return stream.compress(content) + stream.flush()
