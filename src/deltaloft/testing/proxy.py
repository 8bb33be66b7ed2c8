"""An HTTP server before an S3 endpoint: it passes requests on unchanged, but for its faults.

    client ──http──> FaultyS3 ──http(s)──> endpoint
                     │ rules: the first one that takes a request makes its fault of it
                     └ seen:  every request, and how many bytes went which way

The Host header stays what the client signed, so that an endpoint which checks signatures is
content. `Expect: 100-continue` is answered once the body is really wanted.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from deltaloft.testing.exchange import Answer, ConnectionLost, Exchange, Fault, Request
from deltaloft.testing.rules import Match, Rule

__all__ = ["FaultyS3"]

_PIECE = 1 << 16
_PATIENCE = 120  # seconds that an endpoint may take for an answer
_HOP_BY_HOP = {"connection", "keep-alive", "expect", "proxy-connection"}


class FaultyS3:
    """An S3 endpoint that fails as it is told. To be closed, or used as a context manager."""

    def __init__(self, upstream: str) -> None:
        """Listen on a free port of 127.0.0.1.

        Args:
            upstream: URL of the real endpoint, like http://host:port. For https, certificates are
                checked against AWS_CA_BUNDLE, or what the system trusts.
        """
        self.rules: list[Rule] = []
        self.seen: list[Exchange] = []
        self._failures: list[Exception] = []
        self._lock = threading.Lock()
        self._server = _Server(_Upstream.at(upstream), self._take, self._failures)
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._serving.start()

    @property
    def url(self) -> str:
        """The endpoint URL for clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which boto3, the AWS CLI and deltaloft use this endpoint.

        Credentials that are set already are kept; what no upstream checks may be anything.
        """
        given = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "testsecret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            **{name: os.environ.get(name, value) for name, value in given.items()},
        }

    def inject(
        self,
        operation: str,
        fault: Fault,
        *,
        method: str = "*",
        key: str = "*",
        query: Mapping[str, str | None] | None = None,
        skip: int = 0,
        times: int | None = 1,
    ) -> Rule:
        """Let a fault happen to requests that fit; earlier rules come first.

        A request that an earlier rule took is not counted by later ones.

        Args:
            operation: What S3 calls it: `PutObject`, `UploadPart`, `Get*`, `*`.
            fault: One of `deltaloft.testing`, or any function of request and forward.
            method: `GET`, `PUT`, ...
            key: The key, or a pattern of keys.
            query: Parameters and the patterns of their values; None for one that is not there.
            skip: How many requests that fit are let pass before.
            times: How often the fault happens; None for always.
        """
        rule = Rule(Match(operation, method, key, query or {}), fault, skip, times)
        with self._lock:
            self.rules.append(rule)
        return rule

    def matching(
        self,
        operation: str = "*",
        *,
        method: str = "*",
        key: str = "*",
        query: Mapping[str, str | None] | None = None,
    ) -> list[Exchange]:
        """Return what was seen of requests that fit, in the order in which they came."""
        match = Match(operation, method, key, query or {})
        with self._lock:
            return [exchange for exchange in self.seen if match.fits(exchange.request)]

    def check(self) -> None:
        """Find out whether the test tested what it says.

        Raises:
            AssertionError: a fault that was injected has never happened, or a function that was
                injected failed, or the upstream did.
        """
        if self._failures:
            raise AssertionError(f"while serving: {self._failures[0]!r}") from self._failures[0]
        idle = [rule for rule in self.rules if not rule.fired]
        assert idle == [], f"faults that never happened: {idle}"

    def close(self) -> None:
        """Stop, and end what is still being said."""
        self._server.stop()
        self._serving.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if error is None:
            self.check()

    def _take(self, request: Request) -> Exchange:
        """Remember a request, and find out what is to happen to it."""
        with self._lock:
            rule = next((rule for rule in self.rules if rule.takes(request)), None)
            exchange = Exchange(request, fault=None if rule is None else rule.fault)
            self.seen.append(exchange)
            return exchange


@dataclass(frozen=True, slots=True)
class _Upstream:
    """Where the real endpoint is."""

    host: str
    port: int | None
    context: ssl.SSLContext | None

    @classmethod
    def at(cls, url: str) -> _Upstream:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"an endpoint like http://host:port expected, found {url!r}")
        context = None
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
        return cls(parts.hostname, parts.port, context)

    def connection(self) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=_PATIENCE)
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=_PATIENCE, context=self.context
        )


class _Server(ThreadingHTTPServer):
    """One thread per connection of a client."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: _Upstream, take: Any, failures: list[Exception]) -> None:
        self.upstream = upstream
        self.take = take
        self.failures = failures
        self.closing = threading.Event()
        self._clients: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._clients.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._clients.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away."""

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


class _ClientGone(Exception):
    """The client has left in the middle of its request."""


class _Handler(BaseHTTPRequestHandler):
    """The requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    _expected = False  # does the client wait for 100 before it sends its body?

    def handle_expect_100(self) -> bool:
        """Leave the answer until the body is wanted."""
        self._expected = True
        return True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: `FaultyS3.seen` knows."""

    def _serve(self) -> None:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known}, {value}"
        body = self._body(headers)
        request = Request(self.command, self.path, headers, body, self.server.closing)
        exchange: Exchange = self.server.take(request)
        self._exchange = exchange
        with contextlib.ExitStack() as stack:

            def forward(request: Request) -> Answer:
                connection = self.server.upstream.connection()
                stack.callback(connection.close)
                return _forward(connection, request)

            try:
                answer = exchange.fault(request, forward) if exchange.fault else forward(request)
                self._finish_reading(body)
                self._send(request, answer, exchange)
            except ConnectionLost as lost:
                self._hang_up(reset=lost.reset)
            except _ClientGone:
                self.close_connection = True
            except Exception as error:
                if not self.server.closing.is_set():
                    self.server.failures.append(error)
                self._hang_up(reset=True)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def _body(self, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Read the body of a request; where the client waits for a word, say it first."""
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        left = 0 if chunked else int(headers.get("content-length", "0"))
        if self._expected:
            self._expected = False
            self.send_response_only(100)
            self.end_headers()
        while chunked and (left := int(self.rfile.readline().partition(b";")[0], 16)):
            yield from self._pieces(left)
            self.rfile.readline()
        if chunked:
            while self.rfile.readline().strip():  # trailers
                pass
        else:
            yield from self._pieces(left)

    def _pieces(self, left: int) -> Iterator[bytes]:
        while left > 0:
            try:
                piece = self.rfile.read(min(left, _PIECE))
            except OSError as error:
                raise _ClientGone from error
            if not piece:
                raise _ClientGone
            left -= len(piece)
            self._exchange.received += len(piece)
            yield piece

    def _finish_reading(self, body: Iterator[bytes]) -> None:
        """Leave the connection ready for the next request, or say that there will be none."""
        if self._expected:  # a client that hears of an error does not send its body, or half of it
            self._expected = False
            self.close_connection = True
            return
        for _ in body:
            pass

    def _send(self, request: Request, answer: Answer, exchange: Exchange) -> None:
        exchange.status = answer.status
        length = answer.headers.get("content-length")
        chunked = "transfer-encoding" in answer.headers
        bodyless = request.method == "HEAD" or answer.status in (204, 304)
        if not bodyless and length is None and not chunked:
            self.close_connection = True
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name not in _HOP_BY_HOP:
                self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        try:
            self.end_headers()
            if bodyless:
                return
            for piece in answer.body:
                exchange.sent += len(piece)
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except OSError as error:
            raise _ClientGone from error
        if length is not None and int(length) != exchange.sent:
            self.close_connection = True

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            with contextlib.suppress(OSError):
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            # The socket closes, and by a reset, only once nothing reads from it any more.
            self.rfile.close()
            self.connection.close()


def _forward(connection: http.client.HTTPConnection, request: Request) -> Answer:
    """Send a request to the endpoint, and return its answer while the body is still coming."""
    connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.items():
        if name not in _HOP_BY_HOP:
            connection.putheader(name, value)
    connection.endheaders()
    chunked = "transfer-encoding" in request.headers
    # An endpoint that refuses early stops listening; its answer says why.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for piece in request.body:
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            connection.send(b"0\r\n\r\n")
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}

    def body() -> Iterator[bytes]:
        while piece := response.read1(_PIECE):
            yield piece
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)

    return Answer(response.status, headers, body())
