"""Which requests a fault waits for, and how often it happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from deltaloft.testing.exchange import Fault, Request

__all__ = ["Match", "Rule"]


@dataclass(frozen=True, slots=True)
class Match:
    """A kind of request. All texts are patterns with `*`, `?` and `[...]`.

    Attributes:
        operation: As S3 calls it: `PutObject`, `UploadPart`, `Get*`.
        method: `GET`, `PUT`, ...
        key: The object's key.
        query: Parameters that have to fit; None for one that must not be there.
    """

    operation: str = "*"
    method: str = "*"
    key: str = "*"
    query: Mapping[str, str | None] = field(default_factory=dict)

    def fits(self, request: Request) -> bool:
        """Say whether a request is of this kind."""
        return (
            fnmatchcase(request.operation, self.operation)
            and fnmatchcase(request.method, self.method)
            and fnmatchcase(request.key, self.key)
            and all(_fits(request.query.get(k), v) for k, v in self.query.items())
        )


@dataclass(slots=True)
class Rule:
    """A fault that waits.

    Attributes:
        match: The requests it is for.
        fault: What happens to them.
        skip: How many of them pass before.
        times: How often it happens; None for always.
        fired: How often it has happened.
    """

    match: Match
    fault: Fault
    skip: int = 0
    times: int | None = 1
    fired: int = 0

    def takes(self, request: Request) -> bool:
        """Say whether the fault happens to this request, and count it."""
        if self.fired == self.times or not self.match.fits(request):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.fired += 1
        return True


def _fits(value: str | None, pattern: str | None) -> bool:
    if value is None or pattern is None:
        return value is pattern
    return fnmatchcase(value, pattern)
