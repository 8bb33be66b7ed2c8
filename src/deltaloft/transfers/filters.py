"""Which files are meant: --include and --exclude, in their order, as in `aws s3`."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["Filters"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Patterns with whether they include: the last one that matches a name decides.

    Patterns are those of a shell (`*`, `?`, `[...]`), but for `*`, which matches slashes too. They
    apply to the name below the folder or prefix. What no pattern matches is included.
    """

    patterns: tuple[tuple[bool, str], ...] = ()

    def include(self, name: str) -> bool:
        """Say whether a file is meant."""
        return next((yes for yes, each in reversed(self.patterns) if fnmatchcase(name, each)), True)
