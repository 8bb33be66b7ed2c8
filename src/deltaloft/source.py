"""A source that is prepared once, for any number of targets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from deltaloft.buffers import PAGES_KEPT, Buffer, give_pages_back, mapped
from deltaloft.errors import InvalidRequest
from deltaloft.native import Index, Pinned, pinned

__all__ = ["DEFAULT_LEVEL", "DENSEST_LEVEL", "LEVELS", "Source", "borrowed"]

LEVELS = range(1, 10)
DEFAULT_LEVEL = 6
DENSEST_LEVEL = 10  # for sources that were inflated, see effort.h; nobody can ask for it


class Source:
    """What targets are described by: bytes, and the index over them once a target asks for it.

    Encoding against the same source again saves building the index, which takes about 1 ns and
    0.28 bytes of memory for each byte of source, 72 MiB at most (288 from level 7 on). Threads may
    share a source. Close it, or use it as a context manager, to give memory and file back.

    Args:
        source: The bytes, or a file of them, which is mapped. They must not change meanwhile.
        level: 1 (fast) to 9 (small): the level at which targets are encoded.

    Raises:
        InvalidRequest: no such level.
        OSError: the file cannot be read.
    """

    def __init__(self, source: Buffer | Path, *, level: int = DEFAULT_LEVEL) -> None:
        if level not in (*LEVELS, DENSEST_LEVEL):
            raise InvalidRequest(f"a level from 1 to 9 expected, found {level!r}")
        self.level = level
        with ExitStack() as stack:
            self.buffer = stack.enter_context(borrowed(source))
            self.memory: Pinned = stack.enter_context(pinned(self.buffer))
            self._resources = stack.pop_all()
        self.index: Index | None = None
        self._building = threading.Lock()

    def __len__(self) -> int:
        return len(self.memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def build_index(self) -> Index:
        """Return the index, after building it if nobody has yet."""
        with self._building:
            if self.index is None:
                index = Index(self.memory, self.level)
                while index.fill(PAGES_KEPT) > 0:
                    give_pages_back(self.buffer)
                self.index = index
            return self.index

    def close(self) -> None:
        """Give memory and file back. Nothing may be encoding or decoding with this source."""
        self.index = None
        self._resources.close()


@contextmanager
def borrowed(source: Buffer | Path | Source) -> Iterator[Buffer]:
    """Lend the bytes of whatever a caller may give as a source."""
    if isinstance(source, Source):
        yield source.buffer
    elif isinstance(source, str):
        raise TypeError("bytes or a pathlib.Path expected, found str")
    elif isinstance(source, Path):
        with mapped(source) as view:
            yield view
    else:
        yield source
