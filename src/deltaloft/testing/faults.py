"""The faults that come ready-made: each is a frozen value, and a function as `Fault` wants it.

the line       Delay  Stall  Cut  LostAnswer  LostRequest
the endpoint   ErrorAnswer  ChecksumsRefused  ConditionsIgnored  WholeForRange
the answer     NoLength  WrongLength  WrongRange  FlippedBit

Those that change a request (ConditionsIgnored, WholeForRange) break its signature and need an
upstream that does not look, such as moto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from deltaloft.testing.exchange import Answer, ConnectionLost, Forward, Request

__all__ = [
    "ChecksumsRefused",
    "ConditionsIgnored",
    "Cut",
    "Delay",
    "ErrorAnswer",
    "FlippedBit",
    "LostAnswer",
    "LostRequest",
    "NoLength",
    "Stall",
    "WholeForRange",
    "WrongLength",
    "WrongRange",
]

_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


# ---- The line --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer comes `seconds` late; the server acts at once."""

    seconds: float

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        answer = forward(request)
        request.pause(self.seconds)
        return answer


@dataclass(frozen=True, slots=True)
class Stall:
    """The body stops after so many bytes, for `seconds` or until the client gives up."""

    after: int
    seconds: float | None = None

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        answer = forward(request)

        def body() -> Iterator[bytes]:
            first, rest = _split(answer.body, self.after)
            yield from first
            request.pause(self.seconds)
            if self.seconds is None:
                raise ConnectionLost
            yield from rest

        return replace(answer, body=body())


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends after so many bytes of the body, in order or by a reset.

    Of what is on its way when a connection is reset, some may be lost.
    """

    after: int
    reset: bool = False

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        answer = forward(request)

        def body() -> Iterator[bytes]:
            first, _ = _split(answer.body, self.after)
            yield from first
            raise ConnectionLost(reset=self.reset)

        return replace(answer, body=body())


@dataclass(frozen=True, slots=True)
class LostAnswer:
    """The server has acted, and the client never hears of it."""

    reset: bool = True

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        forward(request).read()
        raise ConnectionLost(reset=self.reset)


@dataclass(frozen=True, slots=True)
class LostRequest:
    """The connection ends before the request reaches the server."""

    reset: bool = True

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        if not self.reset:  # what is unread when a connection closes makes a reset of it
            for _ in request.body:
                pass
        raise ConnectionLost(reset=self.reset)


# ---- The endpoint ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error of S3, as XML; with status 200 too, as CompleteMultipartUpload may send it.

    The request is not forwarded, unless `acted`: then it is, and its answer is replaced.
    """

    status: int
    code: str
    message: str = "as the test wants it"
    acted: bool = False

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        if self.acted:
            forward(request).read()
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message>"
            f"<Resource>{escape(request.target)}</Resource><RequestId>0</RequestId></Error>"
        ).encode()
        headers = {"content-type": "application/xml", "content-length": str(len(body))}
        return Answer(self.status, headers, [body])


@dataclass(frozen=True, slots=True)
class ChecksumsRefused:
    """Requests with checksums of the newer kinds, in headers or trailers, are refused."""

    status: int = 400
    code: str = "InvalidArgument"

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        newer = ("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-trailer")
        if any(name.startswith(newer) for name in request.headers):
            return ErrorAnswer(self.status, self.code)(request, forward)
        return forward(request)


@dataclass(frozen=True, slots=True)
class ConditionsIgnored:
    """If-Match and its like are not looked at."""

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        return forward(request.without(*_CONDITIONS))


@dataclass(frozen=True, slots=True)
class WholeForRange:
    """A range is asked for, the whole object comes, with status 200."""

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        return forward(request.without("range"))


# ---- The answer ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoLength:
    """The answer does not say how long it is; it ends with the connection."""

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        answer = forward(request)
        left = {k: v for k, v in answer.headers.items() if k != "content-length"}
        return replace(answer, headers=left)


@dataclass(frozen=True, slots=True)
class WrongLength:
    """Content-Length is off by so many bytes."""

    by: int

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        answer = forward(request)
        wrong = str(int(answer.headers["content-length"]) + self.by)
        return replace(answer, headers={**answer.headers, "content-length": wrong})


@dataclass(frozen=True, slots=True)
class WrongRange:
    """Content-Range says something else, such as `bytes 0-9/10`."""

    content_range: str

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        answer = forward(request)
        return replace(answer, headers={**answer.headers, "content-range": self.content_range})


@dataclass(frozen=True, slots=True)
class FlippedBit:
    """The lowest bit of the byte at `at` of the body is the other one."""

    at: int

    def __call__(self, request: Request, forward: Forward) -> Answer:
        """Make the fault."""
        answer = forward(request)

        def body() -> Iterator[bytes]:
            before, rest = _split(answer.body, self.at)
            yield from before
            the_one, after = _split(rest, 1)
            for piece in the_one:
                yield bytes(byte ^ 1 for byte in piece)
            yield from after

        return replace(answer, body=body())


def _split(body: Iterable[bytes], at: int) -> tuple[Iterator[bytes], Iterator[bytes]]:
    """Return the first `at` bytes and the rest; the first are to be read first."""
    pieces = iter(body)
    kept: list[bytes] = []

    def first() -> Iterator[bytes]:
        left = at
        while left > 0 and (piece := next(pieces, b"")):
            yield piece[:left]
            kept[:] = [piece[left:]]
            left -= len(piece)

    def rest() -> Iterator[bytes]:
        yield from filter(None, kept)
        yield from pieces

    return first(), rest()
