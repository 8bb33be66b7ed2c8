"""Files that prove what passes through them by its SHA-256.

put    file ──> ProvenReader ──> bucket       the last bytes are withheld from a torn upload
get    bucket ──> ProvingWriter ──> target    the last bytes are withheld from the target
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import BinaryIO, Protocol

from deltaloft.buffers import Buffer
from deltaloft.errors import DamagedObject, InputChanged

__all__ = ["Progress", "ProvenReader", "ProvingWriter"]

# Told how many bytes more are done.
Progress = Callable[[int], None]


class _Writable(Protocol):
    def write(self, data: memoryview, /) -> int | None:
        """Take some or all of `data` and say how much."""


class ProvingWriter(io.RawIOBase):
    """Hands bytes on to `target` and knows their digest; `target` stays open and the caller's.

    With `hold_back`, the latest piece waits here until `finish` has seen the right digest, so that
    whoever reads the target's other end never gets a whole file that is wrong.
    """

    def __init__(
        self,
        target: _Writable | None,
        *,
        limit: int | None = None,
        hold_back: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Take at most `limit` bytes. Without a target, only the digest remains."""
        super().__init__()
        self._target = target
        self._limit = limit
        self._hold_back = hold_back
        self._progress = progress
        self._held = b""
        self._digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def go_on(self, digest: hashlib._Hash, size: int) -> None:
        """Begin behind `size` bytes that the target has already; `digest` has taken them."""
        self._digest = digest
        self.size = size
        if self._progress is not None:
            self._progress(size)

    def write(self, data: Buffer, /) -> int:  # type: ignore[override]
        """Take all of `data`.

        Raises:
            DamagedObject: it is more than was promised.
        """
        view = memoryview(data).cast("B")
        if self._limit is not None and self.size + len(view) > self._limit:
            raise DamagedObject(f"{self._limit} bytes expected, found more")
        self._digest.update(view)
        self.size += len(view)
        if self._hold_back:
            self._hand_on(memoryview(self._held))
            self._held = bytes(view)
        else:
            self._hand_on(view)
        if self._progress is not None:
            self._progress(len(view))
        return len(view)

    def finish(self, sha256: str | None, what: str) -> None:
        """Compare digests, then let go of what was held back; None means that there is no proof.

        Raises:
            DamagedObject: they differ; the message begins with `what`.
        """
        found = self.hexdigest()
        if sha256 is not None and found != sha256:
            raise DamagedObject(f"{what}: sha256 {sha256} expected, found {found}")
        self._hand_on(memoryview(self._held))
        self._held = b""

    def hexdigest(self) -> str:
        """Return the SHA-256 of all that was written."""
        return self._digest.hexdigest()

    def _hand_on(self, view: memoryview) -> None:
        while self._target is not None and len(view) > 0:
            written = self._target.write(view)  # a raw file may take less
            view = view[len(view) if written is None else written :]


class ProvenReader(io.RawIOBase):
    """Reads `file` from its start and refuses to hand out its end, unless the SHA-256 is right.

    An upload declares its size first and is refused when it breaks off: so a file that changes
    while it is uploaded leaves nothing behind. Reading again after a seek to the start, as retries
    do, proves again. Other seeks are allowed; what is read behind one is not proven.
    """

    def __init__(self, file: BinaryIO, *, size: int, sha256: str, name: str) -> None:
        """Promise `size` bytes with this digest; `name` is for messages."""
        super().__init__()
        self._file = file
        self._size = size
        self._sha256 = sha256
        self._name = name
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._place = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move; the end is where it was promised."""
        start = {0: 0, 1: self._place, 2: self._size}[whence]
        self._place = max(0, start + offset)
        if self._place == 0:
            self._digest = hashlib.sha256()
            self._hashed = 0
        return self._place

    def readinto(self, buffer: Buffer, /) -> int:  # type: ignore[override]
        """Fill `buffer` as far as the promised size goes.

        Raises:
            InputChanged: the file is shorter than promised, or its digest is another.
        """
        view = memoryview(buffer).cast("B")
        view = view[: max(0, self._size - self._place)]
        self._file.seek(self._place)
        filled = 0
        while filled < len(view):
            piece = self._file.read(len(view) - filled)
            if not piece:
                raise InputChanged(f"{self._name}: {self._size} bytes expected, found fewer")
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        if self._hashed == self._place:
            self._digest.update(view)
            self._hashed += filled
        self._place += filled
        if self._hashed == self._size and self._digest.hexdigest() != self._sha256:
            raise InputChanged(f"{self._name}: it changed while it was being uploaded")
        return filled
