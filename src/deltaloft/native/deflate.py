"""The deflating part of the door: plain bytes into the very stream that some program made of them.

    plain     ── Deflater(parameters) ──→ deflated     bit for bit, as that program would
    both      ── guess_parameters() ────→ parameters   which of them did, at which level
    two       ── find_ranges() ─────────→ ranges       what a Deflater need not look for
    deflated  ── inflate(), Inflater ───→ plain

Raw deflate (RFC 1951): headers and checksums of zlib, gzip and zip are the caller's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Literal, NamedTuple, Self, get_args

from deltaloft._vcdiff import ffi, lib
from deltaloft.buffers import Buffer
from deltaloft.errors import InvalidRequest, MalformedDelta, TargetTooLarge
from deltaloft.native.making import Making
from deltaloft.native.memory import Pinned, fresh_bytes, pinned

__all__ = [
    "DEFLATE_VERSION",
    "DeflateCaller",
    "DeflateFamily",
    "DeflateParameters",
    "Deflater",
    "Inflater",
    "Reuse",
    "SymbolRange",
    "deflate",
    "find_ranges",
    "guess_parameters",
    "inflate",
]

DEFLATE_VERSION = 1  # of what is made from parameters; a later version makes the same of them
_CALLED_VERSION = 2  # of parameters that name a caller

DeflateFamily = Literal["zlib", "gzip", "chromium", "miniz", "zlib-ng", "zlib-ng-full"]
DeflateCaller = Literal[
    "any",
    "python",
    "python-pieces",
    "flate2",
    "flate2-flushed",
    "flate2-pieces-flushed",
    "python-zlib-ng",
]

_FIRST_ROOM = 1 << 16  # bytes, at least, for what is inflated without a word on its size
_MOST_TIMES = 4  # as many as the deflated ones; then twice as many again

_FAMILIES: tuple[DeflateFamily, ...] = get_args(DeflateFamily)  # in the order of enum dfl_family
_CALLERS: tuple[DeflateCaller, ...] = get_args(DeflateCaller)  # and of enum dfl_caller
_CALLED = _FAMILIES.index("zlib-ng")  # from here on, families have callers


@dataclass(frozen=True, slots=True)
class DeflateParameters:
    """What decides about the deflated bytes, besides the plain ones.

    Attributes:
        family: Whose decisions are made: those of zlib (Python, Java and most others), of GNU gzip,
            of Chromium's zlib (Node, npm), of miniz (most of Rust), or of zlib-ng (newer
            Rust); `zlib-ng-full` is the zlib-ng of Python 3.14 for Windows.
        level: From 1 to 9; of miniz from 2 on; of zlib-ng 6.
        mem_level: 8 or 9: blocks of 16 or 32 Ki symbols. GNU gzip has 9 only, miniz and zlib-ng 8.
        caller: Who calls zlib-ng, and how: all at once or in pieces of 8 KiB, and flushed before
            the end or not. `any` of all others, where it makes no difference.
    """

    family: DeflateFamily
    level: int
    mem_level: int
    caller: DeflateCaller = "any"

    def encoded(self) -> bytes:
        """Write them as two bytes: a version, then what it packs into one.

        Version 1 has family, memory level and level in 3, 1 and 4 bits; version 2, of zlib-ng,
        which of the two, its caller and level in 1, 3 and 4.
        """
        family, caller = _FAMILIES.index(self.family), _CALLERS.index(self.caller)
        if family >= _CALLED:
            return bytes([_CALLED_VERSION, (family - _CALLED) << 7 | caller << 4 | self.level])
        packed = family << 5 | (self.mem_level - 8) << 4 | self.level
        return bytes([DEFLATE_VERSION, packed])

    @classmethod
    def decoded(cls, data: Buffer) -> Self:
        """Read what `encoded` wrote.

        Raises:
            InvalidRequest: two bytes of another version, or parameters that nothing here knows.
        """
        written = bytes(data)
        version, packed = written if len(written) == 2 else (0, 0)
        parameters = None
        if version == DEFLATE_VERSION and packed >> 5 < _CALLED:
            parameters = cls(_FAMILIES[packed >> 5], packed & 15, 8 + (packed >> 4 & 1))
        elif version == _CALLED_VERSION and packed >> 4 & 7 < len(_CALLERS):
            family, caller = _FAMILIES[_CALLED + (packed >> 7)], _CALLERS[packed >> 4 & 7]
            parameters = cls(family, packed & 15, 8, caller)
        if parameters is not None and parameters.known:
            return parameters
        raise InvalidRequest(
            f"deflate parameters of version {DEFLATE_VERSION} or {_CALLED_VERSION} expected, "
            f"{written[:8].hex()} found"
        )

    @property
    def known(self) -> bool:
        """Whether streams can be made with them."""
        return (
            self.family in _FAMILIES
            and self.caller in _CALLERS
            and 0 < self.level < 10
            and 0 < self.mem_level < 10
            and bool(lib.dfl_parameters_known(_in_c(self)))
        )

    @property
    def reusable(self) -> bool:
        """Whether streams can be made with them by reusing symbols of others."""
        return self.known and bool(lib.dfl_parameters_reusable(_in_c(self)))


class SymbolRange(NamedTuple):
    """A range of a stream whose symbols another stream has, too.

    Attributes:
        searched: Plain bytes of the stream from the range before to this one.
        skipped: Plain bytes of the other stream, likewise.
        reused: Plain bytes of both, from behind a match to behind a match.
    """

    searched: int
    skipped: int
    reused: int


@dataclass(frozen=True, slots=True)
class Reuse:
    """Symbols that need not be looked for: another stream, deflated, has them in these ranges."""

    deflated: Buffer
    ranges: Sequence[SymbolRange]


class Deflater(Making):
    """A stream that is deflated as a known program does it, by one thread at a time.

    Args:
        parameters: Known ones.
        reuse: Where symbols of another stream are taken, which saves time; the memory of that is
            pinned until the stream is finished. It may be a stranger's.

    Raises:
        InvalidRequest: other parameters, or with `reuse` those of levels 1 to 3, of miniz
            or of zlib-ng.
    """

    def __init__(self, parameters: DeflateParameters, reuse: Reuse | None = None) -> None:
        if not (parameters.known if reuse is None else parameters.reusable):
            raise InvalidRequest(f"known deflate parameters expected, {parameters} found")
        deflater = lib.dfl_deflater_new(_in_c(parameters))
        if deflater == ffi.NULL:
            raise MemoryError("deflater")
        deflater = ffi.gc(deflater, lib.dfl_deflater_free, size=900 << 10)
        malformed = "deflate: ranges of symbols that can be reused expected"
        super().__init__("deflater", partial(lib.dfl_deflate, deflater), malformed)
        self._reused: tuple[Pinned, ...] = ()
        if reuse is not None:
            ranges = ffi.new("struct dfl_range[]", list(reuse.ranges))
            stream = ffi.from_buffer("uint8_t[]", reuse.deflated)
            self._reused = (stream, ranges)
            result = lib.dfl_deflater_reuse(deflater, stream, len(stream), ranges, len(ranges))
            if result != lib.DFL_OK:
                raise MemoryError("deflater")

    def _let_go(self) -> None:
        if self._reused:
            ffi.release(self._reused[0])
            self._reused = ()


def deflate(plain: Buffer, parameters: DeflateParameters, reuse: Reuse | None = None) -> bytes:
    """Deflate all of `plain` as one stream. Raises as `Deflater`."""
    deflater = Deflater(parameters, reuse)
    return b"".join((deflater.write(plain), deflater.finish()))


def guess_parameters(
    plain: Buffer, deflated: Buffer, *, enough: int | None = None
) -> DeflateParameters | None:
    """Find parameters that make the stream `deflated` of `plain`, or None.

    Of parameters that make the same, the most common are returned.

    Args:
        plain: What the stream holds, from its first byte to its last.
        deflated: The whole stream, without what stands before and behind it.
        enough: How many bytes of it to compare; by default all, so that what is returned has been
            proven.
    """
    found = ffi.new("struct dfl_parameters *")
    with pinned(plain) as source, pinned(deflated) as target:
        compared = len(target) if enough is None else min(enough, len(target))
        result = lib.dfl_guess(source, len(source), target, len(target), compared, found)
    if result == lib.DFL_NO_MEMORY:
        raise MemoryError("deflater")
    if result != lib.DFL_OK:
        return None
    family, caller = _FAMILIES[found.family], _CALLERS[found.caller]
    return DeflateParameters(family, found.level, found.mem_level, caller)


def find_ranges(
    source: Buffer, target: Buffer, plain_size: int, *, least: int, most: int
) -> list[SymbolRange]:
    """Find what the stream `target` has of the symbols of the stream `source`.

    It is what they look like: whoever reuses the ranges compares what he makes.

    Args:
        source: A deflated stream.
        target: Another one; neither need be ours.
        plain_size: How many bytes the latter holds.
        least: The least plain bytes of a range, at least 1.
        most: The most ranges to find.

    Raises:
        MalformedDelta: one of them breaks RFC 1951.
        MemoryError: 6 bytes for each symbol of the source are needed.
    """
    most = min(most, plain_size // least)
    ranges, count = ffi.new("struct dfl_range[]", most), ffi.new("size_t *")
    with pinned(source) as old, pinned(target) as new:
        result = lib.dfl_find_ranges(
            old, len(old), new, len(new), plain_size, least, ranges, most, count
        )
    if result == lib.DFL_NO_MEMORY:
        raise MemoryError("symbols")
    if result != lib.DFL_OK:
        raise MalformedDelta("two deflate streams expected, what breaks RFC 1951 found")
    return [SymbolRange(each.searched, each.skipped, each.reused) for each in ranges[0 : count[0]]]


class Inflater:
    """One stream that is being read, for one thread at a time. Memory: 80 KiB."""

    def __init__(self) -> None:
        inflater = lib.dfl_inflater_new()
        if inflater == ffi.NULL:
            raise MemoryError("inflater")
        self._inflater = ffi.gc(inflater, lib.dfl_inflater_free, size=80 << 10)
        self._lock = Lock()
        self._read = 0
        self.finished = False

    def read(self, deflated: Buffer, size: int) -> tuple[bytes, int]:
        """Inflate up to `size` bytes more.

        With less than `size` bytes and `finished` still false, all of `deflated` has been read and
        more is needed. Large pieces and sizes are faster.

        Args:
            deflated: What comes next of the stream; what has not been read is given again.
            size: In plain bytes.

        Returns:
            The plain bytes, and how many bytes of `deflated` have been read for them. Once the
            stream has ended, nothing is read, and `finished` is true.

        Raises:
            MalformedDelta: the stream breaks RFC 1951; `.offset` says where in it.
            RuntimeError: another thread is reading.
        """
        plain = fresh_bytes(size)
        made, consumed = self.read_into(deflated, plain)
        return (plain if made == size else plain[:made]), consumed

    def read_into(self, deflated: Buffer, plain: Buffer) -> tuple[int, int]:
        """Like `read`, but fill `plain`, and return how many bytes of it were made."""
        with pinned(deflated) as source:
            return self._inflate(source, 0, plain)

    def _inflate(self, source: Pinned, start: int, plain: Buffer) -> tuple[int, int]:
        """Fill `plain` from `source[start:]`; return how much was made, and how much was read."""
        sizes = ffi.new("size_t[2]")
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("an inflater works for one thread at a time")
        try:
            with pinned(plain) as room:
                result = lib.dfl_inflate(
                    self._inflater,
                    source + start,
                    len(source) - start,
                    sizes,
                    room,
                    len(room),
                    sizes + 1,
                )
        finally:
            self._lock.release()
        self._read += sizes[0]
        if result == lib.DFL_MALFORMED:
            raise MalformedDelta(
                f"a deflate stream expected, what breaks RFC 1951 found at {self._read}",
                offset=self._read,
            )
        self.finished = result == lib.DFL_END
        return sizes[1], sizes[0]


def inflate(deflated: Buffer, *, max_size: int) -> tuple[bytes, int]:
    """Inflate the stream that `deflated` begins with.

    Args:
        deflated: The stream, and whatever follows it.
        max_size: The most plain bytes to make. If it is the very size, nothing is copied.

    Returns:
        The plain bytes, and how many bytes the stream has.

    Raises:
        MalformedDelta: the stream breaks RFC 1951, or ends early; `.offset` says where.
        TargetTooLarge: it holds more than `max_size` bytes.
    """
    inflater = Inflater()
    pieces: list[bytes] = []
    read = total = 0
    with pinned(deflated) as source:
        room = max(_FIRST_ROOM, _MOST_TIMES * len(source))
        while not inflater.finished:
            # One byte of room beyond the most tells a stream that goes on from one that is cut.
            size = max(1, min(room, max_size - total))
            piece = fresh_bytes(size)
            made, consumed = inflater._inflate(source, read, piece)
            read += consumed
            total += made
            if total > max_size:
                raise TargetTooLarge(f"{max_size} bytes expected at most in a deflate stream")
            if made < size and not inflater.finished:
                raise MalformedDelta(
                    f"the end of a deflate stream expected, none found in {read} bytes", offset=read
                )
            pieces.append(piece if made == size else piece[:made])
            room *= 2
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), read


def _in_c(parameters: DeflateParameters) -> Any:
    family, caller = _FAMILIES.index(parameters.family), _CALLERS.index(parameters.caller)
    told = (family, parameters.level, parameters.mem_level, caller)
    return ffi.new("struct dfl_parameters *", told)
