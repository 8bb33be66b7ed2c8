"""The deflating part of the door: plain bytes into the very stream that some program made of them.

    plain     ── Deflater(parameters) ──→ deflated     bit for bit, as zlib or GNU gzip would
    both      ── guess_parameters() ────→ parameters   which of them did, at which level

Raw deflate (RFC 1951): headers and checksums of zlib, gzip and zip are the caller's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, Self, get_args

from deltaloft._vcdiff import ffi, lib
from deltaloft.buffers import Buffer
from deltaloft.errors import InvalidRequest
from deltaloft.native.memory import pinned

__all__ = [
    "DEFLATE_VERSION",
    "DeflateFamily",
    "DeflateParameters",
    "Deflater",
    "deflate",
    "guess_parameters",
]

DEFLATE_VERSION = 1  # of what is made from parameters; a later version makes the same of them

DeflateFamily = Literal["zlib", "gzip", "chromium"]

_FAMILIES: tuple[DeflateFamily, ...] = get_args(DeflateFamily)  # in the order of enum dfl_family


@dataclass(frozen=True, slots=True)
class DeflateParameters:
    """What decides about the deflated bytes, besides the plain ones.

    Attributes:
        family: Whose decisions are made: those of zlib (Python, Java and most others), of GNU gzip,
            or of Chromium's zlib (Node, npm).
        level: From 1 to 9.
        mem_level: 8 or 9: blocks of 16 or 32 Ki symbols. GNU gzip has 9 only.
    """

    family: DeflateFamily
    level: int
    mem_level: int

    def encoded(self) -> bytes:
        """Write them as two bytes: DEFLATE_VERSION, then family, memory level and level."""
        packed = _FAMILIES.index(self.family) << 5 | (self.mem_level - 8) << 4 | self.level
        return bytes([DEFLATE_VERSION, packed])

    @classmethod
    def decoded(cls, data: Buffer) -> Self:
        """Read what `encoded` wrote.

        Raises:
            InvalidRequest: two bytes of another version, or parameters that nothing here knows.
        """
        written = bytes(data)
        if len(written) == 2 and written[0] == DEFLATE_VERSION and written[1] >> 5 < len(_FAMILIES):
            packed = written[1]
            parameters = cls(_FAMILIES[packed >> 5], packed & 15, 8 + (packed >> 4 & 1))
            if parameters.known:
                return parameters
        raise InvalidRequest(
            f"deflate parameters of version {DEFLATE_VERSION} expected, {written[:8].hex()} found"
        )

    @property
    def known(self) -> bool:
        """Whether streams can be made with them."""
        return (
            self.family in _FAMILIES
            and 0 < self.level < 10
            and 0 < self.mem_level < 10
            and bool(lib.dfl_parameters_known(_in_c(self)))
        )


class Deflater:
    """One stream in the making, for one thread at a time.

    Args:
        parameters: Known ones.

    Raises:
        InvalidRequest: other ones.
    """

    def __init__(self, parameters: DeflateParameters) -> None:
        if not parameters.known:
            raise InvalidRequest(f"known deflate parameters expected, {parameters} found")
        deflater = lib.dfl_deflater_new(_in_c(parameters))
        if deflater == ffi.NULL:
            raise MemoryError("deflater")
        self._deflater = ffi.gc(deflater, lib.dfl_deflater_free, size=450 << 10)
        self._lock = Lock()
        self._finished = False

    def write(self, plain: Buffer) -> bytes:
        """Deflate what comes next; return what can be said of the deflated bytes by now.

        How the plain bytes are cut into pieces makes no difference to what comes out in all. A
        piece of 64 KiB to 1 MiB keeps memory low and calls few.

        Raises:
            RuntimeError: the stream is finished, or another thread is writing.
            MemoryError: there is none for the deflated bytes; the stream is lost.
        """
        return self._deflate(plain, last=False)

    def finish(self) -> bytes:
        """End the stream; return the rest of its bytes. Raises as `write`."""
        return self._deflate(b"", last=True)

    def _deflate(self, plain: Buffer, *, last: bool) -> bytes:
        deflated, size = ffi.new("uint8_t const **"), ffi.new("size_t *")
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("a deflater works for one thread at a time")
        try:
            if self._finished:
                raise RuntimeError("a deflater that is not finished expected")
            self._finished = last
            with pinned(plain) as memory:
                result = lib.dfl_deflate(self._deflater, memory, len(memory), last, deflated, size)
            if result != lib.DFL_OK:
                self._finished = True
                raise MemoryError("deflated bytes")
            return bytes(ffi.buffer(deflated[0], size[0]))
        finally:
            self._lock.release()


def deflate(plain: Buffer, parameters: DeflateParameters) -> bytes:
    """Deflate all of `plain` as one stream. Raises as `Deflater`."""
    deflater = Deflater(parameters)
    return deflater.write(plain) + deflater.finish()


def guess_parameters(plain: Buffer, deflated: Buffer) -> DeflateParameters | None:
    """Find parameters that make the stream `deflated` of `plain`, or None.

    The beginning is compared only, 128 KiB of `plain` and one block at least: to be sure, deflate
    all of it. Of parameters that make the same, the most common are returned.

    Args:
        plain: What the stream holds, from its first byte to its last.
        deflated: The whole stream, without what stands before and behind it.
    """
    found = ffi.new("struct dfl_parameters *")
    with pinned(plain) as source, pinned(deflated) as target:
        result = lib.dfl_guess(source, len(source), target, len(target), found)
    if result == lib.DFL_NO_MEMORY:
        raise MemoryError("deflater")
    if result != lib.DFL_OK:
        return None
    return DeflateParameters(_FAMILIES[found.family], found.level, found.mem_level)


def _in_c(parameters: DeflateParameters) -> Any:
    family = _FAMILIES.index(parameters.family)
    return ffi.new("struct dfl_parameters *", (family, parameters.level, parameters.mem_level))
