"""What the store's verbs return. Sizes are in bytes; an ETag is without quotes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from deltaloft.bucket import Attributes

__all__ = ["Entry", "FormName", "GetResult", "PutResult", "Stat"]

FormName = Literal["plain", "delta", "foreign", "deltaglider"]


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
    """One file that was given back.

    `sha256` was proven. It is None for a foreign object, and for the inflated content of a file.
    """

    key: str
    form: FormName
    size: int
    stored_size: int
    sha256: str | None
    base: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a listing.

    `logical_size`, the file's, is known when the bucket is on this machine. A listing of S3 says
    nothing of it, and asking would be a request per key: then it is None.
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
