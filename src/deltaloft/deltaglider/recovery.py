"""Make a compressed file again from its content: try what may have made it until the digest fits.

    content ── recompressor ──→ stream ── size fits? ── header ── SHA-256 ──→ the file, exactly

The digest and size of the file are known. The size alone rules out nearly every program and level,
and of gzip it tells how long the header was; what remains is a search for the header's few fields.
Trying ends with the CPU time that the caller gives.
"""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field

from deltaloft.deltaglider.gzip_header import GzipHints, first_headers, later_headers
from deltaloft.deltaglider.inflating import Kind
from deltaloft.deltaglider.recompressors import Recompressor, recompressors

__all__ = ["Budget", "Goal", "NotMadeAgain", "recover"]

_GZIP_LEAST = 10  # bytes of the shortest header
_GZIP_TRAILER = 8
_LONGEST_HEADER = 10 + 128  # a longer name is mere chance


class NotMadeAgain(Exception):
    """Nothing that was tried makes the file; the message says what was."""


class Budget:
    """CPU time of this process and those it ran, in seconds."""

    def __init__(self, seconds: float) -> None:
        """Count from now."""
        self.seconds = seconds
        self._end = _cpu_seconds() + seconds

    @property
    def left(self) -> float:
        """Return how many seconds are left."""
        return max(0.0, self._end - _cpu_seconds())

    @property
    def half_spent(self) -> bool:
        """Say whether less than half is left."""
        return _cpu_seconds() > self._end - self.seconds / 2

    @property
    def spent(self) -> bool:
        """Say whether nothing is left."""
        return _cpu_seconds() > self._end


def _cpu_seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


@dataclass(frozen=True, slots=True)
class Goal:
    """A compressed file that is known by its content, size and digest.

    Attributes:
        kind: What it begins like.
        size: In bytes.
        sha256: Of the whole file.
        hints: What helps to guess a gzip header, and a file of the same folder.
        first: The name of the recompressor that made the last one like this.
        before: The first bytes of the file, where they are known: what follows is to be made.
    """

    kind: Kind
    size: int
    sha256: str
    hints: GzipHints
    first: str | None = None
    before: bytes = b""
    _begun: hashlib._Hash = field(init=False, default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        """Read what is known once."""
        self._begun.update(self.before)

    @property
    def rest_size(self) -> int:
        """Return how many bytes are to be made."""
        return self.size - len(self.before)

    def is_met(self, pieces: Iterable[bytes]) -> bool:
        """Say whether the pieces are the file, or the rest of it."""
        digest = self._begun.copy()
        for piece in pieces:
            digest.update(piece)
        return digest.hexdigest() == self.sha256


@dataclass(slots=True)
class _Trials:
    """What was tried so far."""

    tried: int = 0
    of_right_size: list[str] = field(default_factory=list)


def recover(content: memoryview, goal: Goal, budget: Budget) -> tuple[str, list[bytes]]:
    """Return what made the file, and the file in pieces, or what follows its known members.

    The compressed file is held in memory once, and once more while it is made.

    Raises:
        NotMadeAgain: nothing that was tried makes it, or the budget is spent.
    """
    trials = _Trials()
    streams: list[tuple[Recompressor, bytes]] = []
    trailer = _trailer(content)
    for each in _ordered(goal):
        stream = _made(each, content, goal.rest_size, budget)
        if budget.spent or (streams and budget.half_spent):
            break  # a size that fits is hardly chance: the other half is for the header
        trials.tried += 1
        if stream is None:
            continue
        if goal.kind != "gzip":
            if len(stream) == goal.rest_size:
                trials.of_right_size.append(each.name)
                if goal.is_met([stream]):
                    return each.name, [stream]
            continue
        room = _room(stream, goal)
        if _GZIP_LEAST <= room <= _LONGEST_HEADER:
            trials.of_right_size.append(f"{each.name} and a header of {room} bytes")
            for header in first_headers(goal.hints, room, each.trait[0]):
                if goal.is_met((header, stream, trailer)):
                    return each.name, [header, stream, trailer]
                if budget.spent:
                    break
            streams.append((each, stream))
    found = _searched(streams, trailer, goal, budget)
    if found is not None:
        return found
    raise NotMadeAgain(_report(trials, goal, budget))


def _ordered(goal: Goal) -> list[Recompressor]:
    """Return the recompressors, those first that made the last file, or could the reference."""
    kin = goal.hints.kin
    trait = kin.trait(goal.kind)

    def rank(each: Recompressor) -> tuple[bool, bool]:
        return each.name != goal.first, trait is not None and each.trait != trait

    return sorted(recompressors(goal.kind, blocks=kin.blocks(goal.kind)), key=rank)


def _made(
    recompressor: Recompressor, content: memoryview, most: int, budget: Budget
) -> bytes | None:
    """Return what a recompressor makes; None as soon as it is too long or the budget is spent."""
    stream = bytearray()
    with closing(recompressor.run(content)) as pieces:
        for piece in pieces:
            stream += piece
            if len(stream) > most or budget.spent:
                return None
    return bytes(stream)


def _trailer(content: memoryview) -> bytes:
    crc = zlib.crc32(content)
    return crc.to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")


def _searched(
    streams: list[tuple[Recompressor, bytes]], trailer: bytes, goal: Goal, budget: Budget
) -> tuple[str, list[bytes]] | None:
    """Search the headers' times, for all streams of the right size in turns."""
    searches = [
        (each, stream, later_headers(goal.hints, _room(stream, goal), each.trait[0]))
        for each, stream in streams
    ]
    while searches:
        for search in list(searches):
            each, stream, headers = search
            header = next(headers, None)
            if header is None:
                searches.remove(search)
            elif goal.is_met((header, stream, trailer)):
                return each.name, [header, stream, trailer]
            if budget.spent:
                return None
    return None


def _room(stream: bytes, goal: Goal) -> int:
    return goal.rest_size - _GZIP_TRAILER - len(stream)


def _report(trials: _Trials, goal: Goal, budget: Budget) -> str:
    words = f"{trials.tried} ways to make a {goal.kind} file of {goal.rest_size} bytes tried"
    if trials.of_right_size:
        words += f"; the size is that of {', '.join(trials.of_right_size[:3])}"
    if budget.spent:
        words += f"; {budget.seconds:g} s of CPU time spent"
    return words
