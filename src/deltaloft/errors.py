"""The exceptions of deltaloft: one root, a class for each decision a caller can take.

    DeltaloftError
    ├── DeltaError                 this delta cannot be used
    │   ├── MalformedDelta         it breaks RFC 3284
    │   ├── UnsupportedDelta       it is well-formed, but needs what this build lacks
    │   └── TargetTooLarge         it makes more than `max_size` allows
    ├── IntegrityError             bytes are not the bytes they should be
    │   ├── WrongSource            the delta was made from another source
    │   ├── DamagedObject          a stored object or base fails its SHA-256
    │   │   └── ContentOnly        DeltaGlider kept a file's inflated content, not the file
    │   └── InputChanged           a file changed while it was being read
    ├── InvalidRequest             a key, URL or setting that can never work; also a ValueError
    └── StorageError               the bucket said no, or nothing
        ├── NotFound               no such key
        │   └── BucketNotFound     no such bucket
        ├── PreconditionFailed     the object is not, or no longer, what the condition named
        │   └── AlreadyExists      `no_clobber` and the key is taken
        ├── AccessDenied           wrong or missing credentials, or not allowed
        ├── ClockSkewed            the clock of this machine is off
        ├── Throttled              the endpoint asks for patience, retries are used up
        ├── Unreachable            no answer from the endpoint
        ├── ObjectArchived         the object sleeps in an archive and must be restored first
        ├── Unsupported            this endpoint cannot do what was asked, or ignores it
        └── UnsupportedFormat      the object was written by a later deltaloft

Memory that runs out is Python's own MemoryError, a disk or folder that refuses is its OSError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "AccessDenied",
    "AlreadyExists",
    "BucketNotFound",
    "ClockSkewed",
    "ContentOnly",
    "DamagedObject",
    "DeltaError",
    "DeltaloftError",
    "InputChanged",
    "IntegrityError",
    "InvalidRequest",
    "MalformedDelta",
    "NotFound",
    "ObjectArchived",
    "PreconditionFailed",
    "StorageError",
    "TargetTooLarge",
    "Throttled",
    "Unreachable",
    "Unsupported",
    "UnsupportedDelta",
    "UnsupportedFormat",
    "WrongSource",
    "naming",
]


class DeltaloftError(Exception):
    """Everything deltaloft raises on purpose."""


class DeltaError(DeltaloftError):
    """A delta cannot be used.

    Attributes:
        window: Number of the window, from 0, or None when the header is at fault.
        offset: Where in the delta, in bytes, or None when not known.
    """

    def __init__(
        self, message: str, *, window: int | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.window = window
        self.offset = offset


class MalformedDelta(DeltaError):
    """A delta breaks RFC 3284 or an extension of it."""


class UnsupportedDelta(DeltaError):
    """A delta is well-formed, but needs what this build lacks."""


class TargetTooLarge(DeltaError):
    """A delta makes a target larger than `max_size`."""


class IntegrityError(DeltaloftError):
    """Bytes are not the bytes they should be."""


class WrongSource(IntegrityError):
    """A delta was made from another source than the one given, or was damaged.

    Attributes:
        window: Number of the window, from 0, whose Adler-32 or segment gave it away.
    """

    def __init__(self, message: str, *, window: int | None = None) -> None:
        super().__init__(message)
        self.window = window


class DamagedObject(IntegrityError):
    """A stored object or base fails its SHA-256."""


class ContentOnly(DamagedObject):
    """A compressed file cannot be made again, but its inflated content can be had."""


class InputChanged(IntegrityError):
    """A file changed while it was being read."""


class InvalidRequest(DeltaloftError, ValueError):
    """A key, URL or setting can never work."""


class StorageError(DeltaloftError):
    """The bucket said no, or nothing."""


class NotFound(StorageError):
    """There is no such key."""


class BucketNotFound(NotFound):
    """There is no such bucket or store folder."""


class PreconditionFailed(StorageError):
    """An object is not, or no longer, what the condition named."""


class AlreadyExists(PreconditionFailed):
    """A key that should be new is taken."""


class AccessDenied(StorageError):
    """Credentials are wrong or missing, or do not allow this."""


class ClockSkewed(StorageError):
    """The clock of this machine is off by more than the endpoint allows."""


class Throttled(StorageError):
    """The endpoint asks for patience and the retries are used up."""


class Unreachable(StorageError):
    """The endpoint gives no answer."""


class ObjectArchived(StorageError):
    """An object is in a storage class that has to restore it before it can be read."""


class Unsupported(StorageError):
    """The endpoint cannot do what was asked, or would ignore it."""


class UnsupportedFormat(StorageError):
    """An object was written in a format this version does not know."""


@contextmanager
def naming(delta: str) -> Iterator[None]:
    """Say in an exception which delta it is about."""
    try:
        yield
    except (DeltaError, WrongSource) as error:
        error.args = (f"{delta}: {error}",)
        raise
