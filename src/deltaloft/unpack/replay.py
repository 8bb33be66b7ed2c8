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
from deltaloft.native.deflate import Deflater, Reuse
from deltaloft.unpack.recipe import TargetStream

__all__ = ["ProvenStream", "replayed"]

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
class _Maker:
    """How a stream is made: from what of the source, or of what was proven."""

    stream: TargetStream
    sources: Sequence[memoryview]
    proven: ProvenStream | None

    def deflater(self) -> Deflater | Restorer | _Compared:
        if self.proven is not None:
            return _Compared(self.proven)
        if isinstance(self.stream.parameters, bytes):
            return Restorer(self.stream.parameters)
        reused = self.stream.reused
        if reused is None:
            return Deflater(self.stream.parameters)
        reuse = Reuse(self.sources[reused.number], reused.ranges)
        return Deflater(self.stream.parameters, reuse)


@dataclass(frozen=True, slots=True)
class _Collected:
    """Bytes that go on as they are, or deflated as a stream."""

    plain: bytes
    maker: _Maker | None = None

    def replayed(self) -> bytes:
        if self.maker is None:
            return self.plain
        deflater = self.maker.deflater()
        return deflater.write(self.plain) + deflater.finish()


def replayed(
    pieces: Iterable[memoryview],
    streams: Sequence[TargetStream],
    sources: Sequence[memoryview],
    threads: int,
    proven: Sequence[ProvenStream] = (),
) -> Generator[bytes]:
    """Yield the target that these pieces of target′ make.

    Args:
        pieces: Each is good until the next is asked for.
        streams: Those of target′.
        sources: Those of source′, deflated; none if nothing is reused.
        threads: How many streams are deflated at once.
        proven: The same streams, proven; or none of them.

    Raises:
        MalformedDelta: target′ ends inside a stream; or it is not what was proven, or what
            corrections are for; or it cannot reuse what it is said to.
    """
    if proven and [each.stream for each in proven] != list(streams):
        raise MalformedDelta("unpack: the streams expected that were proven")
    proofs: Sequence[ProvenStream | None] = proven or [None] * len(streams)
    makers = [_Maker(stream, sources, proof) for stream, proof in zip(streams, proofs, strict=True)]
    yield from side_by_side(_Collected.replayed, _collected(pieces, makers), threads)


def _collected(pieces: Iterable[memoryview], makers: Sequence[_Maker]) -> Iterator[_Collected]:
    """Cut target′ at the borders of its streams, and deflate the large and the nested ones."""
    stack = _Stack(makers)
    for piece in pieces:
        at = 0
        while at < len(piece):
            size = min(len(piece) - at, stack.until_next, _PIECE)
            yield from stack.take(piece[at : at + size])
            at += size
    yield from stack.finish()


class _Stack:
    """The streams that are open at a place of target′, outermost first."""

    def __init__(self, makers: Sequence[_Maker]) -> None:
        self._makers = makers
        self._next = 0
        self._place = 0
        self._open: list[tuple[TargetStream, Deflater | Restorer | _Compared]] = []
        # A stream that is collected whole.
        self._whole: _Maker | None = None
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
        if self._open or self._whole is not None or self._next < len(self._makers):
            raise MalformedDelta("unpack: a target that holds all streams of the recipe expected")
        return iter(())

    def _border(self) -> int:
        if self._whole is not None:
            return self._whole.stream.end
        borders = [stream.end for stream, _ in self._open[-1:]]
        if self._next < len(self._makers):
            borders.append(self._makers[self._next].stream.start)
        return min(borders, default=1 << 62)

    def _begin(self) -> None:
        while self._next < len(self._makers) and self._whole is None:
            maker = self._makers[self._next]
            if maker.stream.start != self._place:
                return
            self._next += 1
            if not self._open and self._stands_alone(maker.stream):
                self._whole = maker
            else:
                self._open.append((maker.stream, maker.deflater()))

    def _stands_alone(self, stream: TargetStream) -> bool:
        if stream.end - stream.start > _COLLECTED:
            return False
        if self._next == len(self._makers):
            return True
        return self._makers[self._next].stream.start >= stream.end

    def _end(self) -> Iterator[_Collected]:
        if self._whole is not None and self._whole.stream.end == self._place:
            yield _Collected(bytes(self._room), self._whole)
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
