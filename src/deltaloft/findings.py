"""What has been found out about an endpoint, and where that is remembered.

    yes             it does
    no              it does not, or says that it does not know how (501)
    undetermined    no answer, an error of the server's, or not allowed: never taken for a yes

One JSON file for each endpoint and bucket, for 30 days, in the user's state folder:

    deltaloft/endpoints/<SHA-256 of endpoint and bucket>.json
        {"version": 1, "date": "2026-11-21T13:00:00+00:00", "answers": {"create_condition": "yes"}}
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from platformdirs import user_state_path

from deltaloft.atomic_file import replacing

__all__ = ["Answer", "Finding", "Remembered", "recall", "remember"]

Answer = Literal["yes", "no", "undetermined"]

_VERSION = 1
_KEPT = timedelta(days=30)
_LARGEST = 1 << 16  # bytes of a file that we would have written


@dataclass(frozen=True, slots=True)
class Finding:
    """One question about an endpoint and its answer.

    `check` names it for programs. A store works only where all that is `essential` is a yes.
    """

    check: str
    question: str
    answer: Answer
    essential: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """Answers by check, and when they were found."""

    date: datetime
    answers: Mapping[str, Answer]

    def lacks(self, *checks: str) -> bool:
        """Say whether one of these was answered with no."""
        return any(self.answers.get(check) == "no" for check in checks)


def remember(endpoint_url: str, bucket: str, answers: Mapping[str, Answer]) -> Path:
    """Write down what was found, for this user alone; return the file.

    Raises:
        OSError: the folder cannot be written.
    """
    path = _path(endpoint_url, bucket)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"version": _VERSION, "date": date, "answers": dict(answers)}
    with replacing(path) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(json.dumps(content, indent=1).encode())
    return path


def recall(endpoint_url: str, bucket: str) -> Remembered | None:
    """Return what was found of late; None where nothing is known, or nothing that makes sense."""
    path = _path(endpoint_url, bucket)
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        with path.open("rb") as file:
            content = json.loads(file.read(_LARGEST))
        date = datetime.fromisoformat(content["date"])
        answers = dict(content["answers"])
        sane = content["version"] == _VERSION and set(answers.values()) <= set(get_args(Answer))
        if sane and timedelta(0) <= datetime.now(UTC) - date + timedelta(hours=1) <= _KEPT:
            return Remembered(date, answers)
    return None


def _path(endpoint_url: str, bucket: str) -> Path:
    parts = urlsplit(endpoint_url)
    host = parts.netloc.rpartition("@")[2].lower()
    name = f"{parts.scheme}://{host}{parts.path.rstrip('/')}/{bucket}"
    return _folder() / f"{hashlib.sha256(name.encode()).hexdigest()}.json"


def _folder() -> Path:
    try:
        return user_state_path("deltaloft") / "endpoints"
    except RuntimeError:  # a user without a home; older platformdirs answer with the same path
        return Path("~/.local/state/deltaloft/endpoints")
