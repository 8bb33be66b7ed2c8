"""From target′ to the target: streams are deflated again while the bytes flow by.

    target′   raw |   stream        | raw |    stream                   | raw
                  |    raw | stream |     |
                         |                          |
                      Deflater, whose output goes to the Deflater of the stream around it
                                                    |
    target    raw |  deflated  | raw | deflated | raw

Nothing is kept but the state of the streams that are open. Streams that are small, and stand in no
other, are collected whole and deflated side by side.

Whoever has just deflated a stream, and seen the very bytes of a target come out, need not do so
again: what is proven is given beside the stream, and only the plain bytes are compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from deltaloft.buffers import Buffer
from deltaloft.delta_reader import side_by_side
from deltaloft.errors import MalformedDelta
from deltaloft.native.corrections import Restorer
from deltaloft.native.deflate import DeflateParameters, Deflater
from deltaloft.unpack.recipe import TargetStream

__all__ = ["ProvenStream", "deflater_of", "replayed"]

# A stream up to here is collected and deflated by a thread of its own, at most threads + 1 at once.
_COLLECTED = 8 << 20
# What is handed to a Deflater at once: its output is not much longer.
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class ProvenStream:
    """A stream of the target that came out as it was when these plain bytes were deflated."""

    stream: TargetStream
    plain_sha256: bytes
    deflated: memoryview


class _Compared:
    """Takes the place of a Deflater where plain bytes have only to be those that were proven."""

    def __init__(self, proven: ProvenStream) -> None:
        self._proven = proven
        self._digest = hashlib.sha256()

    def write(self, plain: Buffer) -> bytes:
        self._digest.update(plain)
        return b""

    def finish(self) -> bytes:
        """Return the stream.

        Raises:
            MalformedDelta: other bytes were written than proven.
        """
        if self._digest.digest() != self._proven.plain_sha256:
            raise MalformedDelta("unpack: the plain bytes expected that were proven")
        return bytes(self._proven.deflated)


@dataclass(frozen=True, slots=True)
class _Collected:
    """Bytes that go on as they are, or deflated as a stream."""

    plain: bytes
    stream: TargetStream | None = None
    proven: ProvenStream | None = None

    def replayed(self) -> bytes:
        if self.stream is None:
            return self.plain
        deflater = _deflater(self.stream, self.proven)
        return deflater.write(self.plain) + deflater.finish()


def _deflater(stream: TargetStream, proven: ProvenStream | None) -> Deflater | Restorer | _Compared:
    return _Compared(proven) if proven is not None else deflater_of(stream.parameters)


def deflater_of(parameters: DeflateParameters | bytes) -> Deflater | Restorer:
    """Return what deflates a stream by parameters, or by corrections."""
    return Restorer(parameters) if isinstance(parameters, bytes) else Deflater(parameters)


def replayed(
    pieces: Iterable[memoryview],
    streams: Sequence[TargetStream],
    threads: int,
    proven: Sequence[ProvenStream] = (),
) -> Generator[bytes]:
    """Yield the target that these pieces of target′ make.

    Args:
        pieces: Each is good until the next is asked for.
        streams: Those of target′.
        threads: How many streams are deflated at once.
        proven: The same streams, proven; or none of them.

    Raises:
        MalformedDelta: target′ ends inside a stream; or it is not what was proven, or what
            corrections are for.
    """
    if proven and [each.stream for each in proven] != list(streams):
        raise MalformedDelta("unpack: the streams expected that were proven")
    yield from side_by_side(_Collected.replayed, _collected(pieces, streams, proven), threads)


def _collected(
    pieces: Iterable[memoryview], streams: Sequence[TargetStream], proven: Sequence[ProvenStream]
) -> Iterator[_Collected]:
    """Cut target′ at the borders of its streams, and deflate the large and the nested ones."""
    stack = _Stack(streams, proven)
    for piece in pieces:
        at = 0
        while at < len(piece):
            size = min(len(piece) - at, stack.until_next, _PIECE)
            yield from stack.take(piece[at : at + size])
            at += size
    yield from stack.finish()


class _Stack:
    """The streams that are open at a place of target′, outermost first."""

    def __init__(self, streams: Sequence[TargetStream], proven: Sequence[ProvenStream]) -> None:
        self._streams = streams
        self._proven: Sequence[ProvenStream | None] = proven or [None] * len(streams)
        self._next = 0
        self._place = 0
        self._open: list[tuple[TargetStream, Deflater | Restorer | _Compared]] = []
        # A stream that is collected whole: the last one that began.
        self._whole: TargetStream | None = None
        self._room = bytearray()
        self._begin()

    @property
    def until_next(self) -> int:
        """Return how many bytes there are before a stream begins or ends; 0 is not among it."""
        return self._border() - self._place

    def take(self, piece: memoryview) -> Iterator[_Collected]:
        """Take bytes that cross no border, and whatever begins or ends behind them."""
        self._place += len(piece)
        if self._whole is not None:
            self._room += piece
        else:
            yield from self._raw(bytes(piece), len(self._open))
        yield from self._end()
        self._begin()

    def finish(self) -> Iterator[_Collected]:
        """Make sure that nothing is open."""
        if self._open or self._whole is not None or self._next < len(self._streams):
            raise MalformedDelta("unpack: a target that holds all streams of the recipe expected")
        return iter(())

    def _border(self) -> int:
        if self._whole is not None:
            return self._whole.end
        borders = [stream.end for stream, _ in self._open[-1:]]
        if self._next < len(self._streams):
            borders.append(self._streams[self._next].start)
        return min(borders, default=1 << 62)

    def _begin(self) -> None:
        while self._next < len(self._streams) and self._whole is None:
            stream = self._streams[self._next]
            if stream.start != self._place:
                return
            self._next += 1
            if not self._open and self._stands_alone(stream):
                self._whole = stream
            else:
                self._open.append((stream, _deflater(stream, self._proven[self._next - 1])))

    def _stands_alone(self, stream: TargetStream) -> bool:
        if stream.end - stream.start > _COLLECTED:
            return False
        return self._next == len(self._streams) or self._streams[self._next].start >= stream.end

    def _end(self) -> Iterator[_Collected]:
        if self._whole is not None and self._whole.end == self._place:
            proven = self._proven[self._next - 1]
            yield _Collected(bytes(self._room), self._whole, proven)
            self._whole = None
            self._room.clear()
        while self._open and self._open[-1][0].end == self._place:
            _, deflater = self._open.pop()
            yield from self._raw(deflater.finish(), len(self._open))

    def _raw(self, piece: bytes, depth: int) -> Iterator[_Collected]:
        """Pass bytes through the open streams, innermost of the first `depth` first."""
        for _, deflater in reversed(self._open[:depth]):
            piece = deflater.write(piece)
        if piece:
            yield _Collected(piece)
