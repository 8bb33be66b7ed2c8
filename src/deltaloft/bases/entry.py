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
from dataclasses import dataclass, field, fields
from typing import Any

from deltaloft import layout

__all__ = ["VERSIONS", "Base", "parsed", "written"]

# What older versions wrote is read; what they cannot read they refuse by its number.
VERSIONS = (1, 2)

_LARGEST_SIZE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Base:
    """A base as the index knows it.

    `size` is in bytes; `stem` and `sketch` are empty where they are not known. `least` and
    `excess`, in bytes, are what `rebasing` keeps of the deltas that this base got. A base with the
    mark `retiring`, the number of a collection, must not be used: it is about to be deleted, or was
    just now. `others` are fields of the entry that this version does not know.
    """

    sha256: str
    size: int
    stem: str = ""
    sketch: str = ""
    least: int | None = None
    excess: int = 0
    retiring: str = ""
    others: Mapping[str, object] = field(default_factory=dict, compare=False)


_NOTHING = Base("", 0)
_FIELDS = {each.name for each in fields(Base)} - {"others"}


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
    entry: dict[str, object] = {"sha256": base.sha256, "size": base.size}
    for name in ("stem", "sketch", "least", "excess", "retiring"):
        if (value := getattr(base, name)) != getattr(_NOTHING, name):
            entry[name] = value
    return {**entry, **base.others}


def _positional(entry: Any) -> Base | None:
    match entry:
        case [sha256, size, stem]:
            return _checked(Base(sha256, size, stem))
    return None


def _named(entry: Any) -> Base | None:
    if not isinstance(entry, dict) or not {"sha256", "size"} <= entry.keys():
        return None
    known = {name: value for name, value in entry.items() if name in _FIELDS}
    others = {name: value for name, value in entry.items() if name not in _FIELDS}
    return _checked(Base(**known, others=others))


def _checked(base: Base) -> Base | None:
    right = (
        isinstance(base.sha256, str)
        and layout.check_digest(base.sha256)
        and _is_size(base.size)
        and isinstance(base.stem, str)
        and len(base.stem) <= layout.STEM_SIZE
        and isinstance(base.sketch, str)
        and len(base.sketch) <= layout.SKETCH_SIZE
        and (base.least is None or _is_size(base.least))
        and _is_size(base.excess)
        and isinstance(base.retiring, str)
        and (not base.retiring or layout.is_collection(base.retiring))
    )
    return base if right else None


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST_SIZE
