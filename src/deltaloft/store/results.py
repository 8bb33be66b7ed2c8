"""What the store's verbs return. Sizes are in bytes; an ETag is without quotes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from deltaloft.bucket import Attributes
from deltaloft.errors import DeltaloftError
from deltaloft.layout import Delta, Foreign, Form

__all__ = [
    "Alternative",
    "CatalogResult",
    "CopyResult",
    "Entry",
    "Explanation",
    "FormName",
    "GcResult",
    "GetResult",
    "PutResult",
    "Reason",
    "Spent",
    "Stat",
    "StoredBase",
    "UnusedBase",
    "Verified",
    "described",
]

FormName = Literal["plain", "delta", "foreign", "deltaglider"]
Reason = Literal[
    "stored plain",
    "not eligible",  # too small, too large, or of a type that never resembles anything
    "too small for a base",
    "same bytes as a base",
    "most content in common",
    "same name",  # there are no sketches that tell
    "no base is close",
    "a new base pays",
    "base missing",  # the chosen one is not in the bucket, or damaged
    "base unknown",  # not in the index any more
]


@dataclass(frozen=True, slots=True)
class PutResult:
    """One file that was put.

    `stored_size` is the body of the key alone. When the file became a base (`new_base`), its bytes
    were stored once more, below .deltaloft/base/; `added_size` is all that this put added.
    """

    key: str
    form: FormName
    size: int
    stored_size: int
    sha256: str
    base: str | None
    new_base: bool
    etag: str

    @property
    def added_size(self) -> int:
        """Return the bytes that the bucket holds now and did not hold before."""
        return self.stored_size + (self.size if self.new_base else 0)


@dataclass(frozen=True, slots=True)
class Spent:
    """What it took to give a file back.

    `cpu_seconds` are those of this process meanwhile, other threads included. `fetched_size` is
    what came out of the bucket: the key's body and, unless it was at hand, the base; None for
    DeltaGlider's deltas, where nobody counts.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    fetched_size: int | None = None


@dataclass(frozen=True, slots=True)
class GetResult:
    """One file that was given back.

    `sha256` was proven. It is None for a foreign object, and for the inflated content of a file.
    `codec` is that of a delta of ours: vcdiff, or unpack/1, whose streams are deflated again.
    """

    key: str
    form: FormName
    size: int
    stored_size: int
    sha256: str | None
    base: str | None
    codec: str | None = None
    spent: Spent = Spent()


@dataclass(frozen=True, slots=True)
class CatalogResult:
    """A catalog brought up to date: of `keys`, `asked` were not in it; it now has other pages."""

    keys: int
    asked: int
    written_pages: int


@dataclass(frozen=True, slots=True)
class CopyResult:
    """One key that was copied.

    `key` and the rest describe the target. `in_place` says that the bucket moved the bytes; else
    they came and went through this machine, and were proven.
    """

    source_key: str
    key: str
    form: FormName
    size: int
    stored_size: int
    sha256: str | None
    base: str | None
    etag: str
    in_place: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a listing.

    `logical_size` is the file's; None if it was not asked for or the object does not tell. So are
    `form`, `sha256` and `base`; a foreign object has no `sha256`, and only a delta a `base`.
    """

    key: str
    stored_size: int
    logical_size: int | None
    etag: str
    modified: datetime
    form: FormName | None = None
    sha256: str | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True)
class StoredBase:
    """A base in the bucket: its digest, which is its name, its size, and since when."""

    sha256: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of one key without its bytes. `attributes` are the user's."""

    key: str
    form: FormName
    size: int
    stored_size: int
    sha256: str | None
    base: str | None
    attributes: Attributes
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class UnusedBase:
    """A base that nothing refers to; `size` in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class GcResult:
    """What a collection did or, unless `done`, would do.

    Of `bases`, `used` are referred to by some of the `objects` and noncurrent `versions` looked at;
    `young` are not, but not older than the grace period; `protected` are not either, but have
    another protection than was asked for. Of the others some were `marked`, for a later run to
    delete, some `deleted`, and the rest are `waiting` until their mark is an hour old.
    """

    done: bool
    objects: int
    versions: int
    bases: int
    used: int
    young: int
    protected: int
    marked: tuple[UnusedBase, ...]
    waiting: tuple[UnusedBase, ...]
    deleted: tuple[UnusedBase, ...]

    @property
    def freed_size(self) -> int:
        """Return the bytes of the bases deleted."""
        return sum(base.size for base in self.deleted)


@dataclass(frozen=True, slots=True)
class Verified:
    """One object that was read and proven, or not.

    `problem` says what is wrong with it; without one and without `sha256` it is a foreign object,
    of which nobody can say whether it is whole. What is not known because of a problem is None.
    """

    key: str
    form: FormName | None
    size: int | None
    sha256: str | None
    base: str | None
    problem: DeltaloftError | None


@dataclass(frozen=True, slots=True)
class Alternative:
    """A base that a file could be a delta against.

    `resemblance` is what part of all that both hold is in both, from 0 to 1, and `inside` the same
    of what is packed in them; None where sketches do not tell. `estimated_size` of the delta
    follows from that. `measured_size` is that of a delta really made, None where none was.
    """

    base: str
    base_size: int
    stem: str
    resemblance: float | None
    inside: float | None
    same_stem: bool
    estimated_size: int
    measured_size: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a file is stored as it is, or what a put would do; the base it has or gets comes first.

    `reason` speaks for the base, or says why there is none. `new_base`: the file would become one.
    """

    key: str
    form: FormName
    size: int
    stored_size: int
    base: str | None
    new_base: bool
    reason: Reason
    alternatives: tuple[Alternative, ...]


def described(form: Form, stored_size: int) -> tuple[FormName, int, str | None, str | None]:
    """Return a form's name, and the size, SHA-256 and base of the file."""
    if isinstance(form, Delta):
        return "delta", form.size, form.sha256, form.base
    if isinstance(form, Foreign):
        return "foreign", stored_size, None, None
    return "plain", stored_size, form.sha256, None
