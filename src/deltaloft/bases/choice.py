"""Which base a file most likely resembles."""

from __future__ import annotations

from collections.abc import Sequence

from deltaloft.bases.entry import Base
from deltaloft.bases.stem import stem

__all__ = ["choose"]


def choose(bases: Sequence[Base], *, key: str, size: int) -> Base | None:
    """Choose the base that a file of `size` bytes for `key` most likely resembles.

    `bases` are in the order of the index. First comes whose size is within a factor of four, then
    who shares the stem of the whole key, then of the file name alone, then the newest.
    """
    wanted = stem(key)
    name = wanted.rpartition("/")[2]

    def rank(place: int) -> tuple[bool, bool, bool, int]:
        base = bases[place]
        alike = base.size <= 4 * size and size <= 4 * base.size
        return alike, base.stem == wanted, base.stem.rpartition("/")[2] == name, place

    return bases[max(range(len(bases)), key=rank)] if bases else None
