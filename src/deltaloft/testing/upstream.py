"""The S3 that faults are put before, when no real one is at hand: moto in this process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["moto"]


@contextmanager
def moto() -> Iterator[str]:
    """Run moto on a free port of 127.0.0.1; yields its URL.

    It takes any credentials. All that run in one process share their buckets.
    """
    try:
        from moto.server import ThreadedMotoServer
    except ImportError as error:
        raise ImportError(f"{error}; pip install 'deltaloft[testing]'") from error

    said = logging.getLogger("werkzeug")  # a line per request otherwise
    level = said.level
    said.setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        said.setLevel(level)
