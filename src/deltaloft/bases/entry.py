"""What the index says of one base, and how it says it.

    {"version": 2, "bases": [{"sha256": ..., "size": ..., "stem": ..., "sketch": ...,
                              "retiring": ...}, ...]}
    {"version": 1, "bases": [[<sha256>, <size>, <stem>], ...]}        read, no longer written

`sha256` and `size` are in every entry; what else is not known is left out. A field that this
version does not know is kept as it is, so that later ones may add some.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deltaloft import layout

__all__ = ["VERSIONS", "Base", "parsed", "written"]

# What older versions wrote is read; what they cannot read they refuse by its number.
VERSIONS = (1, 2)

_LARGEST_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Base:
    """A base as the index knows it.

    `size` is in bytes; `stem` and `sketch` are empty where they are not known. A base with the mark
    `retiring`, the number of a collection, must not be used: it is about to be deleted, or was just
    now. `others` are fields of the entry that this version does not know.
    """

    sha256: str
    size: int
    stem: str = ""
    sketch: str = ""
    retiring: str = ""
    others: Mapping[str, object] = field(default_factory=dict, compare=False)


def written(bases: Iterable[Base]) -> bytes:
    """Return the index's bytes, in the order given."""
    content = {"version": VERSIONS[-1], "bases": [_entry(base) for base in bases]}
    return json.dumps(content, separators=(",", ":")).encode()


def parsed(entries: object, version: int) -> tuple[Base, ...] | None:
    """Return the bases of an index, which is hostile until checked; None if it is damaged."""
    if not isinstance(entries, list):
        return None
    read = _named if version > 1 else _positional
    bases = tuple(read(entry) for entry in entries)
    return None if None in bases else tuple(base for base in bases if base is not None)


def _entry(base: Base) -> dict[str, object]:
    known = {
        "sha256": base.sha256,
        "size": base.size,
        "stem": base.stem,
        "sketch": base.sketch,
        "retiring": base.retiring,
    }
    return {**{name: value for name, value in known.items() if value != ""}, **base.others}


def _positional(entry: object) -> Base | None:
    match entry:
        case [str(sha256), int(size), str(stem)]:
            return _checked(Base(sha256, size, stem))
    return None


def _named(entry: object) -> Base | None:
    if not isinstance(entry, dict):
        return None
    match {"stem": "", "sketch": "", "retiring": ""} | entry:
        case {"sha256": str(sha256), "size": int(size), "stem": str(stem), "sketch": str(sketch),
              "retiring": str(retiring), **others}:  # fmt: skip
            return _checked(Base(sha256, size, stem, sketch, retiring, others))
    return None


def _checked(base: Base) -> Base | None:
    right = (
        layout.check_digest(base.sha256)
        and type(base.size) is int
        and 0 <= base.size <= _LARGEST_SIZE
        and len(base.stem) <= layout.STEM_SIZE
        and len(base.sketch) <= layout.SKETCH_SIZE
        and (not base.retiring or layout.is_collection(base.retiring))
    )
    return base if right else None
