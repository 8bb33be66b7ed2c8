"""A server of prepared answers: each request gets the next one, whatever was asked."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


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
