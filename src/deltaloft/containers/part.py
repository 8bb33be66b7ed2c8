"""One member of a container."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NotUnderstood", "Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """Where the bytes of a member lie in its container.

    Attributes:
        name: The member's, as it stands in the container.
        offset: Of its bytes, in the container.
        size: Of its bytes as they lie there.
        deflated: Whether they are one deflate stream, or the member itself.
        plain_size: Of the member, as its container declares it.
        plain: The member, where it had to be inflated to be found.
    """

    name: bytes
    offset: int
    size: int
    deflated: bool
    plain_size: int
    plain: bytes | None = None

    @property
    def end(self) -> int:
        """Return where its bytes end."""
        return self.offset + self.size


class NotUnderstood(Exception):
    """A container breaks its format, or says two things at once."""
