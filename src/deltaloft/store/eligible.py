"""Which files may become deltas or bases: not the tiny ones, not what never resembles anything.

Pictures, sound and films are compressed so that two versions share no bytes; encrypted files never
do. Archives stay in: their unchanged members are unchanged bytes.
"""

from __future__ import annotations

from deltaloft import bases
from deltaloft.bases import Base

__all__ = ["SMALLEST", "base_overhead", "may_gain"]

SMALLEST = 16 << 10
_LARGEST_IN_MEMORY = 1 << 30
_NUMBERS = 60  # bytes that an entry of the index may grow by later: see bases.rebasing

_SUFFIXES = {
    *("jpg", "jpeg", "jfif", "heic", "heif", "avif", "webp", "jxl"),
    *("mp3", "m4a", "aac", "ogg", "oga", "opus", "flac", "wma"),
    *("mp4", "m4v", "mov", "mkv", "webm", "avi", "wmv", "mpg", "mpeg", "ogv"),
    *("gpg", "pgp", "age"),
}
_MAGICS = (
    (0, b"\xff\xd8\xff"),  # JPEG
    (4, b"ftyp"),  # MP4, MOV, HEIC, AVIF
    (0, b"\x1a\x45\xdf\xa3"),  # Matroska, WebM
    (8, b"WEBP"),
    (8, b"AVI "),
    (0, b"OggS"),
    (0, b"fLaC"),
    (0, b"ID3"),  # MP3
    (0, b"age-encryption.org/"),
)


def may_gain(key: str, view: memoryview, *, bases_are_mapped: bool) -> bool:
    """Say whether a delta is worth trying, by the file's size, its name and its first bytes.

    A base that cannot be mapped from this machine's disk is held in memory, whole: for files above
    1 GiB that is more than whoever restores them may have.
    """
    if len(view) < SMALLEST or key.rpartition(".")[2].lower() in _SUFFIXES:
        return False
    if len(view) > _LARGEST_IN_MEMORY and not bases_are_mapped:
        return False
    return not any(view[at : at + len(magic)] == magic for at, magic in _MAGICS)


def base_overhead(base: Base) -> int:
    """Return how large the tiny delta of a new base's key may be: that, or less than 0 for never.

    On top of plain storage a base costs that delta, about 50 bytes, and its entry in the index, 150
    to 400. Together that must be less than 1 %.
    """
    entry = len(bases.written([base])) - len(bases.written([])) + _NUMBERS
    return base.size // 100 - entry
