"""What the store asks of a bucket of any kind, tried out through `Bucket`."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import (
    AccessDenied,
    DeltaloftError,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    Throttled,
    Unreachable,
    Unsupported,
)
from deltaloft.findings import Answer, Finding

__all__ = ["PROMISES", "Trial"]

Seen = tuple[bool, str]

_SIZE = 1 << 20
_UNUSUAL = ("a b", "a+b", "a%20b", "%", "?a", "#", "&", "a//b", "a/./b", "..", "x.delta", "a\\b",
            "ä", "a\u0308", "\U0001f600", "\uffee", "'\"<>")  # fmt: skip
_OPEN = (AccessDenied, Throttled, Unreachable)


@dataclass(frozen=True, slots=True)
class Trial:
    """A bucket, and the beginning of keys to try it with; what was written is in `written`."""

    bucket: Bucket
    prefix: str
    written: set[str]

    def put(self, name: str, body: bytes = b"x", attributes: Attributes | None = None) -> str:
        """Put an object; return its ETag."""
        self.written.add(self.prefix + name)
        return self.bucket.put(self.prefix + name, body, attributes or Attributes())

    def read(self, name: str, **how: object) -> bytes | None:
        """Return the bytes of an object, or of a range of it."""
        with self.bucket.get(self.prefix + name, **how) as reading:  # type: ignore[arg-type]
            return None if reading is None else b"".join(reading.chunks())

    def names(self, below: str = "") -> list[str]:
        """Return what is listed."""
        listed = self.bucket.list(self.prefix + below)
        return [each.key.removeprefix(self.prefix) for each in listed]


def _read_after_write(trial: Trial) -> Seen:
    for number in range(5):
        etag = trial.put("written", b"%d" % number)
        if trial.read("written") != b"%d" % number:
            return False, "an older object was read"
        if trial.bucket.head(trial.prefix + "written").etag != etag:
            return False, "PUT and HEAD tell different ETags"
    return True, "5 of 5"


def _ranges(trial: Trial) -> Seen:
    content = random.Random(1).randbytes(_SIZE)
    trial.put("ranges", content)
    for start, size in ((0, 1), (0, 1000), (1, 1), (12345, 54321), (_SIZE - 1, 1), (_SIZE - 5, 99)):
        if trial.read("ranges", start=start, size=size) != content[start : start + size]:
            return False, f"{size} bytes from {start}: others came"
    return trial.read("ranges", start=777) == content[777:], "7 forms"


def _range_past_the_end(trial: Trial) -> Seen:
    trial.put("short", b"12345")
    try:
        trial.read("short", start=5)
    except InvalidRequest:
        return True, "refused"
    return False, "accepted"


def _conditional_get(trial: Trial) -> Seen:
    etag = trial.put("read")
    if trial.read("read", if_none_match=etag) is not None:
        return False, "If-None-Match ignored"
    if trial.read("read", if_match=etag) != b"x":
        return False, "If-Match refused"
    try:
        trial.read("read", start=0, size=1, if_match="0" * 32)
    except PreconditionFailed:
        return True, "If-Match, If-None-Match"
    return False, "If-Match ignored"


def _metadata(trial: Trial) -> Seen:
    given = Attributes(
        metadata={"dl-v": "1", "text": "blue and green", "much": "x" * 1900},
        content_type="text/x-probe",
        content_encoding="vcdiff",
        cache_control="max-age=60, public",
    )
    trial.put("metadata", attributes=given)
    found = trial.bucket.head(trial.prefix + "metadata").attributes
    return found == given, "2 KiB and headers"


def _unusual_keys(trial: Trial) -> Seen:
    for name in _UNUSUAL:
        trial.put(f"keys/{name}", name.encode())
    wrong = [name for name in _UNUSUAL if trial.read(f"keys/{name}") != name.encode()]
    missing = {f"keys/{name}" for name in _UNUSUAL} - set(trial.names("keys/"))
    if wrong or missing:
        return False, f"{len(wrong)} read wrong, {len(missing)} not listed"
    return True, f"{len(_UNUSUAL)} keys"


def _list_order(trial: Trial) -> Seen:
    names = [f"order/{name}" for name in ("a", "B", "a/b", "a-b", "ä", "\uffee", "\U0001f600")]
    for name in names:
        trial.put(name)
    return trial.names("order/") == sorted(names, key=str.encode), "by bytes of UTF-8"


def _list_after_write(trial: Trial) -> Seen:
    for number in range(5):
        trial.put(f"listed/{number}")
        if f"listed/{number}" not in trial.names("listed/"):
            return False, f"key {number + 1} of 5 came late"
    return True, "5 of 5"


def _delete_then_list(trial: Trial) -> Seen:
    for number in range(3):
        trial.put("deleted")
        trial.bucket.delete(trial.prefix + "deleted")
        if "deleted" in trial.names("deleted"):
            return False, f"listed after delete {number + 1} of 3"
        try:
            trial.bucket.head(trial.prefix + "deleted")
        except NotFound:
            continue
        return False, f"there after delete {number + 1} of 3"
    trial.bucket.delete(trial.prefix + "deleted")  # a missing key is no error
    return True, "3 of 3"


@dataclass(frozen=True, slots=True)
class Promise:
    """A question to a bucket."""

    name: str
    question: str
    ask: Callable[[Trial], Seen]
    essential: bool = True

    def run(self, trial: Trial) -> Finding:
        """Ask it."""
        answer: Answer
        try:
            right, detail = self.ask(trial)
            answer = "yes" if right else "no"
        except _OPEN as error:
            answer, detail = "undetermined", str(error)
        except (DeltaloftError, OSError) as error:
            # Only one that says that it does not know how is known not to.
            answer, detail = ("no" if _is_no(error) else "undetermined"), str(error)
        return Finding(self.name, self.question, answer, self.essential, detail)


def _is_no(error: Exception) -> bool:
    return isinstance(error, Unsupported | InvalidRequest | NotFound | PreconditionFailed)


PROMISES = (
    Promise("read_after_write", "what was written is read?", _read_after_write),
    Promise("ranges", "ranges of an object, byte for byte?", _ranges),
    Promise("range_past_the_end", "a range past the end is refused?", _range_past_the_end),
    Promise("conditional_get", "conditions on reading?", _conditional_get),
    Promise("metadata", "metadata and headers come back?", _metadata),
    Promise("unusual_keys", "blanks, %, +, emoji and the like in keys?", _unusual_keys, False),
    Promise("list_order", "listings in order?", _list_order),
    Promise("list_after_write", "what was written is listed?", _list_after_write),
    Promise("delete_then_list", "what was deleted is gone, from listings too?", _delete_then_list),
)
