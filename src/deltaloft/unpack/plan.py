"""What to inflate: the streams of a target that changed, and what they came from in the source.

    target     container ── parts ── unchanged: stays as it is, the delta will COPY it
                                  └─ changed:   inflated, if it can be deflated again exactly;
                                                then the same for the container inside it
    source     container ── parts ── only the counterparts of changed ones: inflated behind it

A changed stream mostly holds what its counterpart holds, deflated by the same program: the symbols
that both have are noted, so that nobody has to look for them again.

What a container's parser does not understand, what does not inflate, what lies beyond the limits,
and what neither parameters of ours nor corrections reproduce to the last byte, stays raw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

from deltaloft.buffers import same_bytes
from deltaloft.containers import Part, looks_like_container, parts_of
from deltaloft.errors import DeltaError
from deltaloft.native.corrections import Restorer, correct
from deltaloft.native.deflate import (
    DeflateParameters,
    Deflater,
    Reuse,
    find_ranges,
    guess_parameters,
    inflate,
)
from deltaloft.unpack.counterparts import Pairing, pair_up
from deltaloft.unpack.limits import MOST_DEPTH, MOST_RANGES, MOST_STREAMS, most_plain
from deltaloft.unpack.recipe import ReusedStream, SourceStream, TargetStream
from deltaloft.unpack.replay import ProvenStream

__all__ = ["MOST_INFLATED", "Plan", "make_plan"]

# The encoder has both sides inflated in memory, three times over at worst: what takes more than
# this stays raw.
MOST_INFLATED = 1 << 30

_SMALLEST = 64  # bytes of a deflated stream; below, the recipe costs more than the literals

_REMEMBERED = 3  # parameter sets of streams before: most containers have one or two

# Corrections are of use up to this share of a stream: the plain bytes have to be described as well.
# zlib-ng's fast levels have 17 % on text, optimal parsers 12 % (docs/unpack.md).
_MOST_CORRECTIONS = 0.25

# So many streams that no parameters made, one after the other, and those behind them are not tried
# with each of ours any more: containers are written by one program.
_ENOUGH_STRANGE = 4

_PIECE = 256 << 10  # bytes to deflate before what was made is compared

# Deflated bytes by which parameters are guessed, before they are proven with what can be reused.
_ENOUGH = 64 << 10

# Plain bytes of a range whose symbols are reused. It takes 4 bytes of the recipe, and saves 100 µs
# and more. With 2048, Django's sdist took 63 MB/s instead of 56, in a delta larger by 5 %; with
# 8192, 50 MB/s (csrc alone).
_LEAST_REUSED = 4096

# Deflated bytes of two streams whose symbols are compared: about 8 bytes of memory for each.
_MOST_COMPARED = 256 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """Streams to inflate, and the result of it.

    Attributes:
        source_streams: In their order in source′.
        inflated: What they inflate to, in the same order.
        target_streams: Those of target′, outer ones first.
        proven: What each of these was deflated from, and to.
        pieces: Of target′: of the target itself, and of inflated streams. Who joins these, and
            what is inflated, empties both lists.
    """

    source_streams: list[SourceStream] = field(default_factory=list)
    inflated: list[bytes] = field(default_factory=list)
    target_streams: list[TargetStream] = field(default_factory=list)
    proven: list[ProvenStream] = field(default_factory=list)
    pieces: list[memoryview] = field(default_factory=list)

    @property
    def corrections_size(self) -> int:
        """Return how many bytes of corrections there are."""
        return sum(len(stream.corrections) for stream in self.target_streams)


@dataclass(frozen=True, slots=True)
class _Region:
    """A container of the source: its bytes, and where they begin in source′."""

    view: memoryview
    start: int


_NOTHING = _Region(memoryview(b""), 0)


@dataclass(frozen=True, slots=True)
class _Old:
    """A part of the source: where it is, and if it is deflated there, what it holds."""

    region: _Region
    plain: bytes | None


@dataclass(frozen=True, slots=True)
class _Made:
    """What a stream is deflated by, again: parameters, or corrections."""

    parameters: DeflateParameters | bytes
    reuse: Reuse | None = None


def make_plan(source: memoryview, target: memoryview, *, corrected: bool = True) -> Plan | None:
    """Find the changed streams of `target`; None if there are none that can be deflated again.

    Args:
        source: What the reader of a delta will have.
        target: What the reader wants. What has been proven stays a view of it.
        corrected: Correct streams that no parameters make; else they stay raw.
    """
    planner = _Planner(source, target, corrected)
    planner.unfold(target, _Region(source, 0), depth=0)
    streams = planner.plan.target_streams
    # A stream counts with those inside it inflated, which was not known before.
    inflated = sum(stream.end - stream.start for stream in streams)
    return planner.plan if 0 < inflated <= most_plain(len(target)) else None


class _Planner:
    """Walks the containers of a target beside those of its source."""

    def __init__(self, source: memoryview, target: memoryview, corrected: bool) -> None:
        self.plan = Plan()
        self._corrected = corrected
        self._strange = 0  # streams in a row that no parameters made
        self._place = 0  # in target′
        self._source_end = len(source)
        self._last_start = self._last_end = 0  # of the source stream before: inflated, deflated
        self._source_left = min(MOST_INFLATED, most_plain(len(source)))
        self._target_left = min(MOST_INFLATED, most_plain(len(target)))
        self._ranges_left = MOST_RANGES
        self._recent: list[DeflateParameters] = []

    def unfold(self, target: memoryview, source: _Region, *, depth: int) -> None:
        """Append a part of the target to target′, with the changed streams in it inflated."""
        new = _openable(target, self._target_left) if depth < MOST_DEPTH else []
        if not new:
            self._raw(target)
            return
        old = _openable(source.view, self._source_left)
        pairing = pair_up(source.view, old, target, new)
        alone = 0
        at = 0
        for number, part in enumerate(new):
            if number in pairing.unchanged:
                continue
            self._raw(target[at : part.offset])
            at = part.end
            counterpart = pairing.counterparts.get(number)
            inside = None if counterpart is None else old[counterpart]
            if part.deflated:
                unfound = self._stream(target[part.offset : at], part, source, inside, depth)
                alone += part.plain_size if number in pairing.guessed else unfound
            else:
                old_part = None if inside is None else self._old(source, inside)
                region = _NOTHING if old_part is None else self._region(old_part)
                self.unfold(target[part.offset : at], region, depth=depth)
        self._raw(target[at:])
        self._add_gone(source, old, pairing, 2 * alone)

    def _stream(
        self,
        deflated: memoryview,
        part: Part,
        source: _Region,
        counterpart: Part | None,
        depth: int,
    ) -> int:
        """Append one stream, and return how many bytes of it are without a counterpart."""
        plain = None if part.size < _SMALLEST else self._inflated(deflated, part)
        old = None if counterpart is None or plain is None else self._old(source, counterpart)
        made = None if plain is None else self._how(plain, deflated, old)
        if plain is None or made is None:
            self._raw(deflated)
            return 0
        self._target_left -= len(plain)
        region = _NOTHING if old is None else self._region(old)
        streams = self.plan.target_streams
        number, start = len(streams), self._place
        reused = None
        if made.reuse is not None:
            reused = ReusedStream(len(self.plan.source_streams) - 1, tuple(made.reuse.ranges))
            self._ranges_left -= len(reused.ranges)
        opened = TargetStream(start, start, made.parameters, reused)
        streams.append(opened)
        self.plan.proven.append(ProvenStream(opened, hashlib.sha256(plain).digest(), deflated))
        self.unfold(memoryview(plain), region, depth=depth + 1)
        streams[number] = replace(opened, end=self._place)
        self.plan.proven[number] = replace(self.plan.proven[number], stream=streams[number])
        return len(plain) if region is _NOTHING else 0

    def _inflated(self, deflated: memoryview, part: Part) -> bytes | None:
        """Inflate a stream of the target, if it is one and there is room for it."""
        if part.plain_size > self._target_left or len(self.plan.target_streams) >= MOST_STREAMS:
            return None
        if part.plain is not None:
            return part.plain or None
        return _inflate_whole(deflated, part.plain_size)

    def _old(self, source: _Region, part: Part) -> _Old | None:
        """Return a part of the source; None if it does not inflate, or there is no room for it."""
        region = _Region(source.view[part.offset : part.end], source.start + part.offset)
        if not part.deflated:
            return _Old(region, None)
        if part.plain_size > self._source_left or len(self.plan.source_streams) >= MOST_STREAMS:
            return None
        plain = part.plain or _inflate_whole(region.view, part.plain_size)
        return None if plain is None else _Old(region, plain)

    def _region(self, old: _Old) -> _Region:
        """Return where a part can be found; what was inflated is appended to source′."""
        plain, offset = old.plain, old.region.start
        if plain is None:
            return old.region
        start = self._source_end
        inside = offset >= self._last_start > 0
        before = self._last_start if inside else self._last_end
        self.plan.source_streams.append(SourceStream(offset - before, inside))
        self.plan.inflated.append(plain)
        self._last_start, self._last_end = start, offset + len(old.region.view)
        self._source_end += len(plain)
        self._source_left -= len(plain)
        return _Region(memoryview(plain), start)

    def _add_gone(self, source: _Region, old: list[Part], pairing: Pairing, budget: int) -> None:
        """Inflate what is gone from the source, up to a budget: it may have got another name."""
        for number in pairing.gone:
            part = old[number]
            if part.deflated and part.plain_size <= budget:
                budget -= part.plain_size
                old_part = self._old(source, part)
                if old_part is not None:
                    self._region(old_part)

    def _how(self, plain: bytes, deflated: memoryview, old: _Old | None) -> _Made | None:
        """Return what deflates a stream as it was: parameters, or else corrections."""
        made = self._made(plain, deflated, old)
        self._strange = 0 if made is not None else self._strange + 1
        return self._by_corrections(plain, deflated) if made is None and self._corrected else made

    def _by_corrections(self, plain: bytes, deflated: memoryview) -> _Made | None:
        """Return corrections that deflate a stream as it was, where they are of use."""
        corrections = correct(plain, deflated, most=int(_MOST_CORRECTIONS * len(deflated)))
        try:
            if corrections and _deflates_to(plain, deflated, Restorer(corrections)):
                return _Made(corrections)
        except DeltaError:  # as of a stream that is longer than theirs may be
            pass
        return None

    def _made(self, plain: bytes, deflated: memoryview, old: _Old | None) -> _Made | None:
        """Return what deflates a stream as it was; what did so with others is tried first."""
        reuse = cache(lambda: self._reuse(plain, deflated, old))
        for parameters in self._recent:
            made = _proven(plain, deflated, parameters, reuse)
            if made is not None:
                break
        else:
            if self._corrected and self._strange >= _ENOUGH_STRANGE:
                return None
            guessed = guess_parameters(plain, deflated, enough=_ENOUGH)
            made = None if guessed is None else _proven(plain, deflated, guessed, reuse)
            if guessed is not None and made is None:
                guessed = guess_parameters(plain, deflated)
                made = None if guessed is None else _Made(guessed, None)
            if made is None:
                return None
        assert isinstance(made.parameters, DeflateParameters)
        others = [each for each in self._recent if each != made.parameters]
        self._recent = [made.parameters, *others][:_REMEMBERED]
        return made

    def _reuse(self, plain: bytes, deflated: memoryview, old: _Old | None) -> Reuse | None:
        """Find what a stream may have of its counterpart's symbols."""
        if old is None or old.plain is None or len(plain) < 2 * _LEAST_REUSED:
            return None
        there = old.region.view
        if len(there) + len(deflated) > _MOST_COMPARED:
            return None
        try:
            ranges = find_ranges(
                there, deflated, len(plain), least=_LEAST_REUSED, most=self._ranges_left
            )
        except (DeltaError, MemoryError):
            return None
        return Reuse(there, ranges) if ranges else None

    def _raw(self, piece: memoryview) -> None:
        if len(piece) > 0:
            self.plan.pieces.append(piece)
            self._place += len(piece)


def _openable(view: memoryview, max_size: int) -> list[Part]:
    """Return the parts of a container, if it is one, that are deflated or containers themselves."""
    return [
        part
        for part in parts_of(view, max_size=max_size)
        if part.deflated or looks_like_container(view[part.offset : part.end])
    ]


def _inflate_whole(deflated: memoryview, plain_size: int) -> bytes | None:
    """Inflate a stream that is to have this size; None if it does not, or goes on behind."""
    try:
        plain, consumed = inflate(deflated, max_size=plain_size)
    except DeltaError:
        return None
    return plain if consumed == len(deflated) and len(plain) == plain_size > 0 else None


def _proven(
    plain: bytes,
    deflated: memoryview,
    parameters: DeflateParameters,
    reuse: Callable[[], Reuse | None],
) -> _Made | None:
    """Say whether a stream comes out as it was; with what can be reused, or else without."""
    found = reuse() if parameters.reusable else None
    if found is not None:
        try:
            if _deflates_to(plain, deflated, Deflater(parameters, found)):
                return _Made(parameters, found)
        except DeltaError:
            pass
    if _deflates_to(plain, deflated, Deflater(parameters)):
        return _Made(parameters, None)
    return None


def _deflates_to(plain: bytes, deflated: memoryview, deflater: Deflater | Restorer) -> bool:
    """Say whether a stream comes out as it was, to its end."""
    made_size = 0
    with memoryview(plain) as view:
        for at in range(0, len(plain), _PIECE):
            made = memoryview(deflater.write(view[at : at + _PIECE]))
            if not same_bytes(made, deflated[made_size : made_size + len(made)]):
                return False
            made_size += len(made)
    return deflater.finish() == bytes(deflated[made_size:])
