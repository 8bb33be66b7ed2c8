"""What the tar in a compressed file tells about the day it was made.

name (100) │ … │ size (12) │ mtime (12) │ … │ ustar │ …    a header of 512 bytes for each member
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TarFacts"]

_BLOCK = 512
_MOST_MEMBERS = 100_000  # looked at; a time that is found too low costs only search
_MOST_TIMES = 200


@dataclass(frozen=True, slots=True)
class TarFacts:
    """Times and names in a tar; empty if it is none.

    Attributes:
        newest: The youngest member's time, in seconds since 1970; None if there is no sensible one.
        times: The youngest members' times, the youngest first: 200 at most.
        top: What the path of the first member begins with.
    """

    newest: int | None = None
    times: tuple[int, ...] = ()
    top: str = ""

    @classmethod
    def of(cls, content: memoryview) -> TarFacts:
        """Read the headers of a tar, as far as they make sense."""
        times: set[int] = set()
        top = ""
        place = 0
        for _ in range(_MOST_MEMBERS):
            head = bytes(content[place : place + _BLOCK])
            if len(head) < _BLOCK or head[257:262] != b"ustar":
                break
            try:
                size = int(head[124:136].strip(b" \0") or b"0", 8)
                times.add(int(head[136:148].strip(b" \0") or b"0", 8))
            except ValueError:
                break
            if not top and head[156:157] not in b"xgLK":  # these are of the next member, or of all
                path = head[:100].partition(b"\0")[0].decode("utf-8", "replace")
                top = path.removeprefix("./").partition("/")[0]
            place += _BLOCK * (1 + -(-max(size, 0) // _BLOCK))
        sensible = sorted((time for time in times if 0 < time < 2**32), reverse=True)
        newest = sensible[0] if sensible else None
        return cls(newest, tuple(sensible[:_MOST_TIMES]), top)
