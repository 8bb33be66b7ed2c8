"""Which base a file most likely resembles, by their sketches and names.

    resemblance       what part of all that both hold is in both: J, from two sketches
    shared            what part of the file is in the base: J / (1 + J) * (base + file) / file
    estimated delta   what is not shared

Where a sketch is missing, or says nothing, the name has to do: see `_shared_by_name`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from deltaloft import sketch
from deltaloft.bases.entry import Base
from deltaloft.bases.stem import stem
from deltaloft.sketch import Sketch

__all__ = ["Candidate", "best", "in_doubt", "ranked"]

# Of 1,647 pairs of releases none below 0.20 gave a delta of less than half of the file; of
# thousands of foreign bases hardly one reaches 0.07 by chance.
_CLOSE = 0.07
_STEP = 0.02  # of what is shared; estimates are not finer, so that within a step names decide
_BINS = 96
_MOST_IN_DOUBT = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A base, and how much of a file it probably holds.

    Attributes:
        base: The base.
        resemblance: Of the files' bytes, from 0 to 1; None if there are no sketches that tell.
        inside: The same of what is packed in them.
        same_stem: Whether the base came under the same name but for the version.
        same_name: Whether that is so for the last part of the names.
        shared: What part of the file is in the base, estimated from one of those.
        estimated_size: Of the delta, in bytes.
        close: Whether a delta is worth trying.
    """

    base: Base
    resemblance: float | None
    inside: float | None
    same_stem: bool
    same_name: bool
    shared: float
    estimated_size: int
    close: bool


def ranked(
    bases: Sequence[Base], *, key: str, size: int, of: Sketch, unpacking: bool = False
) -> list[Candidate]:
    """Return a candidate for each base, the best first.

    What is shared decides; within 2 % of the file the stem of the whole key, then that of the file
    name, then which base is newer.

    Args:
        bases: In the order of the index.
        key: The file's key.
        size: The file's size in bytes.
        of: The file's sketch.
        unpacking: Whether a delta can use what is the same only when unpacked.
    """
    wanted = stem(key)
    found = [_candidate(base, wanted, size, of, unpacking) for base in bases]

    def rank(place: int) -> tuple[bool, int, bool, bool, int]:
        each = found[place]
        return each.close, round(each.shared / _STEP), each.same_stem, each.same_name, place

    return [found[place] for place in sorted(range(len(found)), key=rank, reverse=True)]


def best(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the first of ranked candidates, unless it is not close."""
    return candidates[0] if candidates and candidates[0].close else None


def in_doubt(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return those of ranked candidates that may well be the best: at most three, all close.

    They are within two standard deviations of the first one's estimate.
    """
    first = best(candidates)
    if first is None:
        return []
    known = first.resemblance if first.resemblance is not None else first.inside
    if known is None:
        known = 0.5
    doubt = _STEP + 2 * sqrt(known * (1 - known) / _BINS)
    near = [each for each in candidates if each.close and each.shared >= first.shared - doubt]
    return near[:_MOST_IN_DOUBT]


def _candidate(base: Base, wanted: str, size: int, of: Sketch, unpacking: bool) -> Candidate:
    same_stem = base.stem == wanted
    same_name = base.stem.rpartition("/")[2] == wanted.rpartition("/")[2] != ""
    other = sketch.parsed(base.sketch)
    resemblance = inside = None
    if other is not None:
        resemblance = sketch.resemblance(of.content, other.content)
        # A tar file and a tgz of it share what is inside the one and is the other.
        if of.inside or other.inside:
            inside = sketch.resemblance(of.inside or of.content, other.inside or other.content)
    known = [each for each in (resemblance, inside if unpacking else None) if each is not None]
    if known:
        shared = _shared(max(known), base.size, size)
        close = max(known) >= _CLOSE
        if unpacking and of.inside:
            # Members of which each changed by a line have no CRC-32 in common, and yet much.
            named = _shared_by_name(base.size, size, same_stem=same_stem, same_name=same_name)
            shared, close = max(shared, named), close or named > 0
    else:
        shared = _shared_by_name(base.size, size, same_stem=same_stem, same_name=same_name)
        close = shared > 0
    estimated = round((1 - shared) * size)
    return Candidate(base, resemblance, inside, same_stem, same_name, shared, estimated, close)


def _shared(resemblance: float, base_size: int, size: int) -> float:
    return min(1.0, resemblance / (1 + resemblance) * (base_size + size) / size) if size else 0.0


def _shared_by_name(base_size: int, size: int, *, same_stem: bool, same_name: bool) -> float:
    """Assume what releases of one thing mostly share, and nothing of what has another name."""
    if not 0 < base_size <= 4 * size or size > 4 * base_size:
        return 0.0
    return 0.6 if same_stem else 0.4 if same_name else 0.0
