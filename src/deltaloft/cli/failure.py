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

import re
from collections.abc import Sequence

import click

from deltaloft.errors import (
    DeltaloftError,
    IntegrityError,
    InvalidRequest,
    MalformedDelta,
    NotFound,
)

__all__ = [
    "DONE",
    "ENDINGS",
    "EXPECTED",
    "FAILED",
    "SOME_FAILED",
    "code",
    "combined",
    "without_secrets",
    "words",
]

DONE = 0
FAILED = 1

# What bad input, a bucket or a disk may cause.
EXPECTED = (DeltaloftError, OSError, MemoryError)
# All that may end a command; anything else is a mistake of ours and deserves its traceback.
ENDINGS = (*EXPECTED, click.ClickException, click.Abort, KeyboardInterrupt)

SOME_FAILED = 3
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (click.UsageError, 2),
    (InvalidRequest, 2),
    (NotFound, 4),
    (IntegrityError, 5),
    (MalformedDelta, 5),
    (click.Abort, 130),
    (KeyboardInterrupt, 130),
)


def code(error: BaseException) -> int:
    """Return the exit code that says what kind of failure this is."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def combined(codes: Sequence[int], count: int) -> int:
    """Return the exit code of `count` things, of which those with `codes` failed."""
    if not codes:
        return DONE
    if len(codes) < count:
        return SOME_FAILED
    return codes[0] if len(set(codes)) == 1 else FAILED


def words(error: BaseException) -> str:
    """Return one line that says what went wrong."""
    match error:
        case click.UsageError(ctx=click.Context(command_path=path)):
            text = f"{error.format_message()} (see {path} --help)"
        case click.ClickException():
            text = error.format_message()
        case click.Abort() | KeyboardInterrupt():
            text = "interrupted"
        case OSError(strerror=str(reason)) if reason:
            text = reason[:1].lower() + reason[1:]
            if error.filename is not None:
                text = f"{_goal(str(error.filename))}: {text}"
        case MemoryError():
            text = "not enough memory"
        case _:
            text = str(error) or type(error).__name__
    return without_secrets(" ".join(text.split()))


def _goal(name: str) -> str:
    """Return the file that was to be written, where only a temporary one beside it was."""
    return re.sub(r"(^|/)\.([^/]+)\.[0-9a-f]{8}\.dg-part$", r"\1\2", name)


def without_secrets(text: str) -> str:
    """Cut out of URLs what may let others in: user and password, and what signs a request."""
    text = re.sub(r"://[^/\s@]*@", "://…@", text)
    return re.sub(r"(https?://[^\s?]*)\?\S*", r"\1?…", text)
