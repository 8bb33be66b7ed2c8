"""Zip and gzip files of the same content, packed in different ways."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from collections.abc import Mapping

__all__ = ["members", "tgz", "zipped"]


def members(version: int = 0, *, count: int = 40, size: int = 20_000) -> dict[str, bytes]:
    """Return files of compressible text; with each version, one of them is another."""
    found = {}
    for number in range(count):
        changes = (version + count - 1 - number) // count
        rng = random.Random(f"{number} {changes}")
        words = [rng.randbytes(4).hex() for _ in range(300)]
        found[f"app/{number:03}.txt"] = " ".join(rng.choices(words, k=size // 9)).encode()
    return found


def zipped(
    files: Mapping[str, bytes],
    *,
    level: int = 6,
    year: int = 2020,
    reverse: bool = False,
    prefix: bytes = b"",
) -> bytes:
    """Return a zip file."""
    target = io.BytesIO()
    target.write(prefix)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name in sorted(files, reverse=reverse):
            archive.writestr(
                zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), files[name], zipfile.ZIP_DEFLATED,
                level,
            )  # fmt: skip
    return target.getvalue()


def tgz(files: Mapping[str, bytes], *, level: int = 6) -> bytes:
    """Return a tar file packed by gzip."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(target.getvalue(), level, mtime=level)
