"""The recipe: which streams to inflate in the source, and how to deflate the target's again.

    integer   sizes and numbers: the RFC's, 7 bits a byte, the high ones first
    signed    an integer z: z / 2 where z is even, -(z + 1) / 2 where it is odd
    step      an integer s: from one of two places s / 2 further on, from the second where s is odd

    recipe    source size · target size · SHA-256 of the target
              number of parameter sets    · 2 bytes each: version of deflate; family 3 bits,
                                            memLevel - 8 1 bit, level 4 bits
              size of all source streams, inflated
              number of source streams    · all offsets: steps, signed, from the end of the stream
                                            before, or from where that is inflated
              number of target streams    · all starts: steps from the end of the stream before,
                                            or from its start
                                          · all sizes, inflated
                                          · all numbers of parameter sets; the number behind the
                                            last one is for streams with corrections
                                          · all sizes of corrections
              number of difference blocks · all sizes of places
                                          · all sizes of values
              if any stream reuses symbols:
              whose, for each target stream: 0 for nobody's, or 1 + z, where z signed leads from the
                                            source stream behind the one before to this one
              all numbers of ranges, of those that reuse
              of all ranges                 all plain sizes that are searched
                                          · skipped, less searched: signed
                                          · reused

Source streams count in source′: the source, and behind it the streams so far, inflated. Where one
ends, inflating it tells. Target streams count in target′, in which all of them stand inflated; one
that lies inside another follows it. The RFC is 3284.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from deltaloft.errors import InvalidRequest, MalformedDelta, UnsupportedDelta
from deltaloft.native.deflate import DeflateParameters, SymbolRange
from deltaloft.unpack.differences import BLOCK_SIZE, BlockSizes
from deltaloft.unpack.integers import read_integer, write_integers
from deltaloft.unpack.limits import (
    MOST_BLOCKS,
    MOST_DEPTH,
    MOST_RANGES,
    MOST_STREAMS,
    most_plain,
)

__all__ = [
    "Recipe",
    "ReusedStream",
    "SourceStream",
    "TargetStream",
    "read_recipe",
    "write_recipe",
]

_MOST_PARAMETERS = 256
_DIGEST_SIZE = 32
_LARGEST_SIZE = 1 << 46


@dataclass(frozen=True, slots=True)
class SourceStream:
    """A deflate stream of source′, `distance` bytes behind a place.

    That is the end of the stream before, or with `inside` the place where that one is inflated; for
    the first stream, both are the beginning of the source.
    """

    distance: int
    inside: bool


@dataclass(frozen=True, slots=True)
class ReusedStream:
    """A source stream, by its number, and what of its symbols a target stream has."""

    number: int
    ranges: tuple[SymbolRange, ...]


@dataclass(frozen=True, slots=True)
class TargetStream:
    """The bytes from `start` to `end` of target′, which the target holds deflated.

    Its `parameters` make it; or, where there are none that do, corrections.
    """

    start: int
    end: int
    parameters: DeflateParameters | bytes
    reused: ReusedStream | None = None

    @property
    def corrections(self) -> bytes:
        """Return the corrections, empty where parameters make the stream."""
        return self.parameters if isinstance(self.parameters, bytes) else b""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How source and source′, target′ and target hang together; sizes in bytes.

    `inflated_size` is that of all source streams together.
    """

    source_size: int
    target_size: int
    target_sha256: bytes
    inflated_size: int
    source_streams: tuple[SourceStream, ...]
    target_streams: tuple[TargetStream, ...]


# ---- Writing -----------------------------------------------------------------------------------


def write_recipe(recipe: Recipe, blocks: Sequence[BlockSizes]) -> bytes:
    """Return the bytes of a recipe and of the table of difference blocks."""
    parameters = _parameter_sets(recipe.target_streams)
    out = bytearray()
    out += write_integers([recipe.source_size, recipe.target_size])
    out += recipe.target_sha256
    out += write_integers([len(parameters)])
    for each in parameters:
        out += each.encoded()
    sources, targets = recipe.source_streams, recipe.target_streams
    out += write_integers([recipe.inflated_size, len(sources)])
    out += write_integers(2 * _signed(stream.distance) + stream.inside for stream in sources)
    out += write_integers([len(targets)])
    out += write_integers(_steps(targets))
    out += write_integers(stream.end - stream.start for stream in targets)
    out += write_integers(_number(parameters, stream) for stream in targets)
    out += write_integers(len(stream.corrections) for stream in targets if stream.corrections)
    out += write_integers([len(blocks)])
    out += write_integers(block.places for block in blocks)
    out += write_integers(block.values for block in blocks)
    if any(stream.reused is not None for stream in targets):
        out += _written_reuse([stream.reused for stream in targets])
    return bytes(out)


def _parameter_sets(streams: Iterable[TargetStream]) -> list[DeflateParameters]:
    found = (stream.parameters for stream in streams)
    return list(dict.fromkeys(each for each in found if not isinstance(each, bytes)))


def _number(parameters: list[DeflateParameters], stream: TargetStream) -> int:
    how = stream.parameters
    return len(parameters) if isinstance(how, bytes) else parameters.index(how)


def _written_reuse(reused: Sequence[ReusedStream | None]) -> bytes:
    numbers = []
    expected = 0
    for stream in reused:
        numbers.append(0 if stream is None else 1 + _signed(stream.number - expected))
        expected = expected if stream is None else stream.number + 1
    there = [stream.ranges for stream in reused if stream is not None]
    ranges = [each for column in there for each in column]
    return b"".join(
        [
            write_integers(numbers),
            write_integers(map(len, there)),
            write_integers(each.searched for each in ranges),
            write_integers(_signed(each.skipped - each.searched) for each in ranges),
            write_integers(each.reused for each in ranges),
        ]
    )


def _signed(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _steps(streams: Iterable[TargetStream]) -> Iterator[int]:
    start = end = 0
    for stream in streams:
        behind = stream.start >= end
        yield 2 * (stream.start - end) if behind else 2 * (stream.start - start) + 1
        start, end = stream.start, stream.end


# ---- Reading -----------------------------------------------------------------------------------


def read_recipe(
    plain: bytes, behind: memoryview
) -> tuple[Recipe, tuple[BlockSizes, ...], memoryview]:
    """Read and check a recipe and the table of difference blocks; they may be a stranger's.

    Args:
        plain: Of the recipe.
        behind: What stands behind the parts of the body: corrections, and the delta.

    Returns:
        They, and the delta.

    Raises:
        MalformedDelta: it breaks the format, contradicts itself, or asks for more than the format's
            limits allow.
        UnsupportedDelta: it was written for a later engine of deflate.
    """
    reader = _Reader(plain)
    source_size = reader.integer("the source's size")
    target_size = reader.integer("the target's size")
    _require(max(source_size, target_size) <= _LARGEST_SIZE, "sizes of files")
    sha256 = reader.part(_DIGEST_SIZE, "a SHA-256")
    parameters = [_parameters(reader) for _ in range(reader.count(_MOST_PARAMETERS, "parameters"))]

    inflated_size = reader.integer("a size of source streams")
    _require(inflated_size <= most_plain(source_size), "a source that inflates to less")
    count = reader.count(MOST_STREAMS, "source streams")
    steps = reader.integers(count, "offsets")
    sources = tuple(SourceStream(_unsigned(step >> 1), step & 1 == 1) for step in steps)

    count = reader.count(MOST_STREAMS, "target streams")
    steps = reader.integers(count, "starts")
    sizes = reader.integers(count, "sizes of target streams")
    numbers = reader.integers(count, "numbers of parameters")
    corrected = len(parameters)
    _require(all(number <= corrected for number in numbers), "a parameter set that is there")
    corrections = reader.integers(numbers.count(corrected), "sizes of corrections")
    _require(min(corrections, default=1) > 0, "corrections that are not empty")
    _require(sum(corrections) <= len(behind), "corrections that fit their body")
    left = iter(corrections)
    how: list[DeflateParameters | bytes] = []
    for number in numbers:
        if number < corrected:
            how.append(parameters[number])
        else:
            size = next(left)
            how.append(bytes(behind[:size]))
            behind = behind[size:]
    targets = tuple(_targets(steps, sizes, how))
    _check_targets(targets, target_size)

    count = reader.count(MOST_BLOCKS, "blocks")
    places = reader.integers(count, "sizes of places")
    values = reader.integers(count, "sizes of values")
    _require(max([0, *places, *values]) <= BLOCK_SIZE, f"at most {BLOCK_SIZE} bytes of differences")
    if reader.left > 0:
        targets = tuple(_with_reuse(reader, targets, len(sources), inflated_size))
    reader.finish()
    blocks = tuple(map(BlockSizes, places, values))
    recipe = Recipe(source_size, target_size, sha256, inflated_size, sources, targets)
    return recipe, blocks, behind


def _with_reuse(
    reader: _Reader, targets: Sequence[TargetStream], sources: int, inflated_size: int
) -> Iterator[TargetStream]:
    numbers = reader.integers(len(targets), "numbers of reused streams")
    there = sum(number > 0 for number in numbers)
    _require(there > 0, "a stream that reuses symbols")
    counts = reader.integers(there, "numbers of ranges")
    count = sum(counts)
    reader.check_count(count, MOST_RANGES, "ranges")
    searched = reader.integers(count, "sizes that are searched")
    skipped = reader.integers(count, "sizes that are skipped")
    reused = reader.integers(count, "sizes that are reused")
    ranges = [
        SymbolRange(size, size + _unsigned(more), again)
        for size, more, again in zip(searched, skipped, reused, strict=True)
    ]
    _require(all(each.skipped >= 0 for each in ranges), "ranges one behind the other")
    # What has to be read for them all is bounded with it.
    passed = sum(each.skipped + each.reused for each in ranges)
    _require(passed <= inflated_size, f"ranges of at most {inflated_size} bytes")
    expected = at = 0
    taken: set[int] = set()
    each_count = iter(counts)
    for target, number in zip(targets, numbers, strict=True):
        if number == 0:
            yield target
            continue
        count = next(each_count)
        how = target.parameters
        reusable = isinstance(how, DeflateParameters) and how.reusable
        _require(count > 0 and reusable, "ranges of a stream that can reuse")
        source = expected + _unsigned(number - 1)
        _require(0 <= source < sources, "a source stream that is there")
        # Each is read once more, so that this takes no longer than to inflate them.
        _require(source not in taken, "a source stream that no other reuses")
        taken.add(source)
        yield replace(target, reused=ReusedStream(source, tuple(ranges[at : at + count])))
        expected, at = source + 1, at + count


def _unsigned(value: int) -> int:
    return value >> 1 if value & 1 == 0 else -(value + 1 >> 1)


def _targets(
    steps: Iterable[int], sizes: Iterable[int], parameters: Iterable[DeflateParameters | bytes]
) -> Iterator[TargetStream]:
    start = end = 0
    for step, size, each in zip(steps, sizes, parameters, strict=True):
        start = (start if step & 1 else end) + (step >> 1)
        end = start + size
        yield TargetStream(start, end, each)


def _check_targets(streams: Iterable[TargetStream], target_size: int) -> None:
    around: list[TargetStream] = []
    inflated = 0
    for stream in streams:
        while around and around[-1].end <= stream.start:
            around.pop()
        _require(stream.end > stream.start, "a stream that is not empty")
        _require(not around or stream.end <= around[-1].end, "a stream inside the one around it")
        around.append(stream)
        _require(len(around) <= MOST_DEPTH, f"at most {MOST_DEPTH} streams around another")
        inflated += stream.end - stream.start
    _require(inflated <= most_plain(target_size), "a target that inflates to less")


def _parameters(reader: _Reader) -> DeflateParameters:
    try:
        return DeflateParameters.decoded(reader.part(2, "a parameter set"))
    except InvalidRequest as error:
        raise UnsupportedDelta(f"recipe: {error}") from error


def _require(truth: bool, expected: str) -> None:
    if not truth:
        raise MalformedDelta(f"recipe: {expected} expected")


class _Reader:
    """A place in the bytes of a recipe."""

    def __init__(self, plain: bytes) -> None:
        self._plain = plain
        self._at = 0

    def integer(self, expected: str) -> int:
        """Read one integer."""
        try:
            value, self._at = read_integer(self._plain, self._at)
        except MalformedDelta as error:
            raise MalformedDelta(f"recipe: {expected} expected") from error
        return value

    @property
    def left(self) -> int:
        """Return how many bytes have not been read."""
        return len(self._plain) - self._at

    def count(self, most: int, what: str) -> int:
        """Read how many of something follow; each takes a byte at least."""
        count = self.integer(f"a number of {what}")
        self.check_count(count, most, what)
        return count

    def check_count(self, count: int, most: int, what: str) -> None:
        """Make sure that there may be so many."""
        most = min(most, self.left)
        _require(count <= most, f"at most {most} {what}")

    def integers(self, count: int, expected: str) -> list[int]:
        """Read a column."""
        return [self.integer(expected) for _ in range(count)]

    def part(self, size: int, expected: str) -> bytes:
        """Read bytes as they are."""
        part = self._plain[self._at : self._at + size]
        _require(len(part) == size, expected)
        self._at += size
        return part

    def finish(self) -> None:
        """Make sure that nothing is left."""
        _require(self._at == len(self._plain), "nothing more")
