"""A file of the store, opened for reading anywhere in it.

plain, foreign    a ranged GET for each read, of the version that was opened
delta             the body once and whole, the base out of the cache; then only the windows that
                  cover what is read
  unpack/1        the whole file once, into an unlinked temporary file: streams have no middle
DeltaGlider's     likewise, and proven by its SHA-256

Else, whoever reads a part has no SHA-256 of it to compare: windows of a delta are proven by their
Adler-32, the parts of a plain object by nothing. `Store.get` proves the whole.
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from deltaloft import codec, layout
from deltaloft.bucket import Bucket, ObjectInfo
from deltaloft.bucket_requests import object_url
from deltaloft.buffers import mapped_file
from deltaloft.delta_range import decode_range
from deltaloft.deltaglider import StoredDelta
from deltaloft.download import downloading
from deltaloft.errors import DamagedObject, DeltaError, NotFound, WrongSource
from deltaloft.layout import Delta
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.proof import ProvingWriter

__all__ = ["ObjectFile"]


class ObjectFile(io.RawIOBase):
    """One version of one key, read-only and seekable; later versions do not show.

    Several threads may call `read_at`; the others keep a position, as those of any file.
    """

    def __init__(
        self, bucket: Bucket, base_bytes: BaseBytes, found: ObjectInfo | StoredDelta
    ) -> None:
        super().__init__()
        self._bucket = bucket
        self._base_bytes = base_bytes
        self._info = info = found.info if isinstance(found, StoredDelta) else found
        self._url = object_url(bucket.url, info.key)
        self._older = found if isinstance(found, StoredDelta) else None
        self._form = layout.form_of(info, self._url)
        self._position = 0
        self._loading = threading.Lock()
        self._delta: tuple[memoryview, bytes] | None = None  # source and body
        self._whole: memoryview | None = None  # the file, where it was decoded at once
        self._resources = ExitStack()
        self.size = self._form.size if isinstance(self._form, Delta) else info.size
        if self._older is not None:
            self.size = self._older.form.size
        self.etag = info.etag

    def read_at(self, start: int, size: int) -> bytes:
        """Return `size` bytes from `start`, or those up to the end of the file.

        Raises:
            PreconditionFailed: the key was replaced since it was opened, and the bucket does not
                hold that version any more.
            DamagedObject: what is stored cannot give these bytes back.
            WrongSource: DeltaGlider's reference was overwritten.
        """
        size = max(0, min(size, self.size - start))
        if size == 0:
            return b""
        if self._older is not None:
            return bytes(self._given_back(self._older)[start : start + size])
        if not isinstance(self._form, Delta):
            return self._stored(start, size)
        source, body = self._loaded(self._form)
        try:
            if self._form.codec == layout.UNPACK:
                return bytes(self._unpacked(self._form, source, body)[start : start + size])
            return decode_range(source, body, start, size)
        except (DeltaError, WrongSource) as error:
            raise DamagedObject(f"{self._url}: with base {self._form.base}: {error}") from error

    def _stored(self, start: int, size: int) -> bytes:
        info = self._info
        with self._bucket.get(info.key, start=start, size=size, if_match=info.etag) as reading:
            assert reading is not None  # no condition was asked that it could meet
            return b"".join(reading.chunks())

    def _loaded(self, form: Delta) -> tuple[memoryview, bytes]:
        with self._loading:
            if self._delta is None:
                layout.check_delta_size(form, self._info.size, self._url)
                with downloading(self._bucket, self._info.key, if_match=self.etag) as reading:
                    body = b"".join(reading.chunks())
                try:
                    opened = self._base_bytes.opened(form.base, form.base_size)
                    self._delta = self._resources.enter_context(opened), body
                except NotFound as error:
                    raise DamagedObject(f"{self._url}: its base is missing: {error}") from error
            return self._delta

    def _unpacked(self, form: Delta, source: memoryview, body: bytes) -> memoryview:
        def write(spool: BinaryIO) -> None:
            size = codec.decode_file(source, body, spool, max_size=form.size)
            if size != form.size:
                raise DamagedObject(f"{self._url}: {form.size} bytes expected, found {size}")

        return self._spooled(write)

    def _given_back(self, older: StoredDelta) -> memoryview:
        def write(spool: BinaryIO) -> None:
            writer = ProvingWriter(spool, limit=older.form.size)
            older.write_to(cast("BinaryIO", writer))
            writer.finish(older.form.sha256, self._url)
            if writer.size != self.size:
                raise DamagedObject(f"{self._url}: {self.size} bytes expected, found {writer.size}")

        return self._spooled(write)

    def _spooled(self, write: Callable[[BinaryIO], None]) -> memoryview:
        """Return the whole file, which `write` makes when it is asked for first."""
        with self._loading:
            if self._whole is None:
                with tempfile.TemporaryFile() as file:
                    spool = cast("BinaryIO", file)
                    write(spool)
                    self._whole = self._resources.enter_context(mapped_file(spool))
            return self._whole

    # ---- What io asks for ----

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position; behind the end nothing is read.

        Raises:
            ValueError: it would be before the beginning.
        """
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if origin + offset < 0:
            raise ValueError(f"a position from 0 on expected, found {origin + offset}")
        self._position = origin + offset
        return self._position

    def readinto(self, room: Any, /) -> int:
        """Fill `room` from the position on, as far as the file goes."""
        view = memoryview(room).cast("B")
        piece = self.read_at(self._position, len(view))
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        """Give the base back."""
        self._resources.close()
        super().close()
