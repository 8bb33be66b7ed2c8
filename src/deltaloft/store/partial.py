"""What a killed download left of a large object, and the proof that it can be gone on with.

    the temporary     0 ─────────── done ─ ─ ─ ─ ─ ─ ─ ─ size │ mark, 512 bytes
                      bytes that came │ a hole, or bytes      │ {"object":…, "etag":…, "size":…,
                                      │ nobody vouches for    │  "done":…, "sha256":…} and blanks

The mark stands behind where the file is to end, so that there is one file and not two, and is cut
off in the end. It tells which version of which object this is the beginning of, and the SHA-256 of
that beginning: what a crash or somebody else made of the bytes does not pass for them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from typing import BinaryIO

from deltaloft.bucket import ObjectInfo
from deltaloft.download import FIRST_SIZE
from deltaloft.errors import Throttled, Unreachable
from deltaloft.store.proof import ProvingWriter

__all__ = ["Mark", "Partial"]

_MARK_SIZE = 512
_STEP = 8 << 20  # bytes between marks: what a killed download fetches twice, at most
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a download came: `done` of `size` bytes, and the SHA-256 of those.

    `object` is a digest of the object's URL.
    """

    object: str
    etag: str
    size: int
    done: int
    sha256: str


class Partial:
    """The temporary of one download, or what another one left for it."""

    def __init__(self, url: str) -> None:
        """Stand by for the object at `url`."""
        self._object = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        self._digest = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._marked = 0
        self.mark: Mark | None = None

    def adopt(self, file: BinaryIO) -> bool:
        """Say whether a file is the beginning of this object, and if so go on with it."""
        mark = _read(file)
        if mark is None or mark.object != self._object:
            return False
        digest = hashlib.sha256()
        file.seek(0)
        left = mark.done
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            digest.update(piece)
            left -= len(piece)
        if left > 0 or digest.hexdigest() != mark.sha256:
            return False
        self._digest, self.mark, self._marked = digest, mark, mark.done
        return True

    def keeps(self, error: BaseException) -> bool:
        """Say whether the temporary should outlive an error: the line may be better tomorrow."""
        return self._marked > 0 and isinstance(error, (Unreachable, Throttled))

    def begin(self, file: BinaryIO) -> bool:
        """Write to a file from now on; False if it is a pipe or device and has no second try."""
        regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        self._file = file if regular else None
        return regular

    def go_on(self, writer: ProvingWriter) -> None:
        """Let a writer continue where the file that was adopted ends."""
        if self.mark is not None and self._file is not None:
            self._file.seek(self.mark.done)
            writer.go_on(self._digest, self.mark.done)

    def start_over(self) -> None:
        """Forget all that the file holds."""
        self.mark, self._marked = None, 0
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate(0)

    def note(self, info: ObjectInfo, writer: ProvingWriter) -> None:
        """Mark how far a writer has come, if the object is large and enough is new."""
        done = writer.size
        if self._file is None or info.size <= FIRST_SIZE or done >= info.size:
            return
        if done - self._marked < _STEP:
            return
        mark = Mark(self._object, info.etag, info.size, done, writer.hexdigest())
        text = json.dumps(asdict(mark)).encode().ljust(_MARK_SIZE)
        if len(text) > _MARK_SIZE:
            return  # an ETag longer than any known
        self._file.flush()
        with contextlib.suppress(OSError):  # a disk this full tells so by itself
            os.pwrite(self._file.fileno(), text, info.size)
            self._marked = done

    def finish(self, size: int) -> None:
        """Cut the mark off a file that is whole."""
        if self._file is not None:
            self._file.truncate(size)


def _read(file: BinaryIO) -> Mark | None:
    """Return the mark of a file, which is hostile until checked; None if it has none."""
    end = file.seek(0, os.SEEK_END)
    if end <= _MARK_SIZE:
        return None
    file.seek(end - _MARK_SIZE)
    try:
        mark = Mark(**json.loads(file.read(_MARK_SIZE)))
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (mark.object, mark.etag, mark.sha256)
    sizes = (mark.size, mark.done)
    if not all(type(text) is str for text in texts) or not all(type(n) is int for n in sizes):
        return None
    return mark if 0 < mark.done < mark.size == end - _MARK_SIZE else None
