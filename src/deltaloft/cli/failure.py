"""What becomes of an exception: words for a person, a code for a script.

    0    done
    1    failed
    2    usage: an argument, key, URL or setting that can never work
    3    some of many failed
    4    not found
    5    integrity: bytes are not the bytes they should be
    130  interrupted
"""

from __future__ import annotations

from deltaloft.errors import (
    DeltaloftError,
    IntegrityError,
    InvalidRequest,
    MalformedDelta,
    NotFound,
)

__all__ = ["DONE", "EXPECTED", "FAILED", "INTERRUPTED", "SOME_FAILED", "USAGE", "code", "words"]

DONE = 0
FAILED = 1
USAGE = 2
SOME_FAILED = 3
INTERRUPTED = 130

# What bad input, a bucket or a disk may cause; anything else is a mistake of ours.
EXPECTED = (DeltaloftError, OSError, MemoryError)

_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (InvalidRequest, USAGE),
    (NotFound, 4),
    (IntegrityError, 5),
    (MalformedDelta, 5),
)


def code(error: BaseException) -> int:
    """Return the exit code that says what kind of failure this is."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def words(error: BaseException) -> str:
    """Return one line that says what went wrong."""
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror[:1].lower() + error.strerror[1:]
        text = f"{error.filename}: {text}" if error.filename is not None else text
    elif isinstance(error, MemoryError):
        text = "not enough memory"
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())
