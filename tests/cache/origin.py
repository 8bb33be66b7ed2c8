"""Where bases come from: a server that counts, and can be held up in the middle of a body."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deltaloft.base_cache import BaseCache

KEY = bytes(range(32))
MARKER = b"this plaintext must not be found"


def sha256(content: bytes) -> str:
    """Return the digest in the spelling of the cache."""
    return hashlib.sha256(content).hexdigest()


def base(name: object, size: int = 100_000) -> bytes:
    """Return `size` bytes, full of the marker and different for each name."""
    block = MARKER + repr(name).encode().ljust(32)
    return (block * (size // len(block) + 1))[:size]


class Downloads:
    """A `fetch` for one content that counts how often it ran; `served` is what it really brings."""

    def __init__(self, content: bytes, *, served: bytes | None = None) -> None:
        self.content = content
        self.sha256 = sha256(content)
        self.served = content if served is None else served
        self.count = 0

    @contextmanager
    def fetch(self) -> Iterator[Iterator[bytes]]:
        """Lend the content in pieces of a size that fits no chunk."""
        self.count += 1
        yield (self.served[i : i + 9973] for i in range(0, len(self.served), 9973))

    def through(self, cache: BaseCache) -> bytes:
        """Return what the cache lends for this content."""
        with cache.open(self.sha256, len(self.content), self.fetch) as view:
            return bytes(view)


class Origin:
    """An HTTP server on this machine with one body for every path.

    `half_sent` says that half a body is on its way; the rest waits for `go_on`.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.requests = 0
        self.half_sent = threading.Semaphore(0)
        self.go_on = threading.Event()
        self._guard = threading.Lock()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with origin._guard:
                    origin.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(origin.content)))
                self.end_headers()
                middle = len(origin.content) // 2
                self.wfile.write(origin.content[:middle])
                origin.half_sent.release()
                origin.go_on.wait()
                self.wfile.write(origin.content[middle:])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Let go of whoever waits, and stop."""
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


def entries_in(folder: Path) -> list[Path]:
    """Return the entries of a cache folder, without locks, drafts and the key."""
    return [path for path in folder.iterdir() if path.name.count(".") == 1]


def drafts_in(folder: Path) -> list[Path]:
    """Return the entries in the making."""
    return list(folder.glob("*.part"))
