"""A TCP proxy between a client and a real server, and a server of prepared answers.

BrokenLine      passes everything on, but for the faults it is told to make, one request each
Script          answers each request with the next of its answers, whatever was asked
"""

from __future__ import annotations

import contextlib
import http.server
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_METHODS = (b"GET ", b"PUT ", b"HEAD ", b"POST ", b"DELETE ")


@dataclass
class BrokenLine:
    """What is to go wrong, in this order; each fault waits for a request of its method.

    A fault is the method and how many bytes of the answer get through before the connection ends;
    with 0 it is reset once the server has acted, with None before the request reaches the server.
    """

    upstream: tuple[str, int]
    faults: list[tuple[str, int | None]] = field(default_factory=list)
    url: str = ""

    def next_fault(self, request: bytes) -> tuple[str, int | None] | None:
        """Take the next fault if it is for this request."""
        if self.faults and request.startswith(self.faults[0][0].encode() + b" "):
            return self.faults.pop(0)
        return None


@contextmanager
def broken_line(endpoint: str) -> Iterator[BrokenLine]:
    """Open a line to an endpoint like http://host:port."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    line = BrokenLine((host, int(port)))
    with socket.create_server(("127.0.0.1", 0)) as server:
        line.url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def accept() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_serve, args=(line, client), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield line
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _serve(line: BrokenLine, client: socket.socket) -> None:
    """Pass on the requests of one connection, one after the other."""
    with client, socket.create_connection(line.upstream) as server:
        allowed: list[int | None] = [None]

        def answer() -> None:
            with contextlib.suppress(OSError):
                while data := server.recv(65536):
                    if allowed[0] is None or data.startswith(b"HTTP/1.1 100"):
                        client.sendall(data)
                        continue
                    if allowed[0] == 0:
                        _reset(client)
                        return
                    client.sendall(data[: allowed[0]])
                    allowed[0] -= len(data)
                    if allowed[0] <= 0:
                        break
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if data.startswith(_METHODS) and (fault := line.next_fault(data)):
                    if fault[1] is None:
                        _reset(client)
                        break
                    allowed[0] = fault[1]
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        answering.join()


def _reset(client: socket.socket) -> None:
    """End a connection as a lost line does, by RST."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.shutdown(socket.SHUT_RD)
        client.close()


@dataclass(frozen=True)
class Answer:
    """An answer; a Content-Length that is not given is the body's."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Script:
    """The answers still to give, and the requests that came: method, path, headers.

    An answer may be a function of the requests so far.
    """

    answers: list[Answer | Callable[[Script], Answer]]
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""


@contextmanager
def script(*answers: Answer | Callable[[Script], Answer]) -> Iterator[Script]:
    """Serve prepared answers; 418 when there are no more."""
    served = Script(list(answers))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            served.requests.append((self.command, self.path, dict(self.headers)))
            next_one = served.answers.pop(0) if served.answers else Answer(418)
            answer = next_one if isinstance(next_one, Answer) else next_one(served)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            # A body shorter than promised ends with the connection.
            self.close_connection = "Content-Length" in answer.headers

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield served
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
