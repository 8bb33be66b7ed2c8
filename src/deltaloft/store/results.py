"""What the store's verbs return. Sizes are in bytes; an ETag is without quotes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from deltaloft.bucket import Attributes
from deltaloft.errors import DeltaloftError

__all__ = ["CatalogResult", "Entry", "FormName", "GetResult", "PutResult", "Stat", "Verified"]

FormName = Literal["plain", "delta", "foreign"]


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
class GetResult:
    """One file that was given back. `sha256` was proven; it is None for a foreign object."""

    key: str
    form: FormName
    size: int
    stored_size: int
    sha256: str | None
    base: str | None


@dataclass(frozen=True, slots=True)
class CatalogResult:
    """A catalog brought up to date: of `keys`, `asked` were not in it; it now has other pages."""

    keys: int
    asked: int
    written_pages: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a listing.

    `logical_size` is the file's; None if it was not asked for or the object does not tell.
    """

    key: str
    stored_size: int
    logical_size: int | None
    etag: str
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
