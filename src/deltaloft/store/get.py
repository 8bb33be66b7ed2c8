"""How a file comes out of the store.

one GET of the key        its headers say which form it has; above 16 MiB more, see `download`
  plain, foreign          the body flows to the target
  delta                   the body is taken whole; its base comes from the cache or is mapped;
                          windows flow to the target as they are decoded
SHA-256 compared          only then a path is renamed into place, or the last bytes released

An object that is replaced on the way is begun again, once, as long as the target can be. What a
killed process left of a large file is gone on with, see `partial`.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft import codec, layout
from deltaloft.atomic_file import replacing
from deltaloft.bucket import Bucket, ObjectInfo, Reading
from deltaloft.bucket_requests import object_url
from deltaloft.buffers import mapped_file
from deltaloft.deltaglider import Direct, StoredDelta
from deltaloft.download import downloading
from deltaloft.errors import (
    DamagedObject,
    DeltaError,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    WrongSource,
)
from deltaloft.layout import Delta, Foreign, Plain
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.meter import Meter
from deltaloft.store.partial import Partial
from deltaloft.store.proof import Progress, ProvingWriter
from deltaloft.store.results import FormName, GetResult

__all__ = ["Getting", "Older"]

_IN_MEMORY = 32 << 20  # a longer delta is spooled into an unlinked temporary file


class Older(Exception):
    """What stands at a key is not its file: `found`, which DeltaGlider stored, is."""

    def __init__(self, found: StoredDelta) -> None:
        super().__init__(found.info.key)
        self.found = found


@dataclass(frozen=True, slots=True)
class Getting:
    """One key on its way to one file.

    `older` says what DeltaGlider knows of a foreign object: its digest, or another object in place
    of it, which is raised as `Older`.
    """

    bucket: Bucket
    base_bytes: BaseBytes
    older: Callable[[str, ObjectInfo], StoredDelta | Direct | None]
    key: str
    progress: Progress | None
    meter: Meter = field(default_factory=Meter)

    def run(self, target: str | Path | BinaryIO) -> GetResult:
        """Give the file back: to a path whole or not at all, to a file object as it is proven."""
        partial = Partial(self._url)
        if isinstance(target, str | Path):
            with replacing(Path(target), adopt=partial.adopt, keep=partial.keeps) as file:
                again = partial.begin(file)
                return self._twice(partial, file, hold_back=False, again=lambda: again)
        watched = _Watched(target)
        stream = cast("BinaryIO", watched)
        return self._twice(partial, stream, hold_back=True, again=lambda: not watched.touched)

    def read(self) -> bytes:
        """Give the file back as bytes."""
        file = io.BytesIO()

        def again() -> bool:
            file.seek(0)
            file.truncate()
            return True

        self._twice(Partial(self._url), file, hold_back=False, again=again)
        return file.getvalue()

    def _twice(
        self, partial: Partial, file: BinaryIO, *, hold_back: bool, again: Callable[[], bool]
    ) -> GetResult:
        """Begin again with the new version, once, if the object is replaced meanwhile."""
        try:
            return self._to(partial, file, hold_back=hold_back)
        except PreconditionFailed:
            if not again():
                raise
            partial.start_over()
            return self._to(partial, file, hold_back=hold_back)

    def _to(self, partial: Partial, file: BinaryIO, *, hold_back: bool) -> GetResult:
        with ExitStack() as stack:
            with ExitStack() as opened:
                reading = self._opened(partial, opened)
                form = layout.form_of(reading.info, self._url)
                if not isinstance(form, Delta):
                    proof = self._proof(form, reading.info)
                    return self._whole(proof, reading, partial, file, hold_back=hold_back)
                stored_size = reading.info.size
                layout.check_delta_size(form, stored_size, self._url)
                delta = stack.enter_context(_spooled(reading))
                self.meter.fetched(stored_size)
            self._decoded(form, delta, file, hold_back=hold_back)
            proven = form.sha256, form.base, form.codec
            return GetResult(self.key, "delta", form.size, stored_size, *proven)

    def _opened(self, partial: Partial, stack: ExitStack) -> Reading:
        """Ask for the object, or for what a killed process left to fetch of the same version."""
        if (mark := partial.mark) is not None:
            try:
                rest = downloading(self.bucket, self.key, start=mark.done, if_match=mark.etag)
                reading = stack.enter_context(rest)
            except (PreconditionFailed, NotFound, InvalidRequest):
                pass  # another version, or none: what came of the old one is of no use
            else:
                if (reading.info.etag, reading.info.size) == (mark.etag, mark.size):
                    return reading
            partial.start_over()
        return stack.enter_context(downloading(self.bucket, self.key))

    def _whole(
        self,
        form: Plain | Foreign | Direct,
        reading: Reading,
        partial: Partial,
        file: BinaryIO,
        *,
        hold_back: bool,
    ) -> GetResult:
        sha256 = None if isinstance(form, Foreign) else form.sha256
        writer = ProvingWriter(file, hold_back=hold_back, progress=self.progress)
        partial.go_on(writer)
        self.meter.fetched(0)
        for piece in reading.chunks():
            self.meter.fetched(len(piece))
            writer.write(piece)
            partial.note(reading.info, writer)
        writer.finish(sha256, self._url)
        partial.finish(writer.size)
        names: dict[type, FormName] = {Plain: "plain", Foreign: "foreign", Direct: "deltaglider"}
        name = names[type(form)]
        return GetResult(self.key, name, writer.size, reading.info.size, sha256, None)

    def _proof(self, form: Plain | Foreign, info: ObjectInfo) -> Plain | Foreign | Direct:
        if isinstance(form, Plain):
            return form
        found = self.older(self.key, info)
        if isinstance(found, StoredDelta):
            raise Older(found)
        return found or form

    def _decoded(self, form: Delta, delta: memoryview, file: BinaryIO, *, hold_back: bool) -> None:
        writer = ProvingWriter(file, limit=form.size, hold_back=hold_back, progress=self.progress)
        try:
            opened = self.base_bytes.opened(form.base, form.base_size, fetched=self.meter.fetched)
            with opened as source:
                codec.decode_file(source, delta, cast("BinaryIO", writer), max_size=form.size)
        except NotFound as error:
            raise DamagedObject(
                f"{self._url}: its base is missing (or is this another store's key?): {error}"
            ) from error
        except (DeltaError, WrongSource, DamagedObject) as error:
            raise DamagedObject(f"{self._url}: with base {form.base}: {error}") from error
        if writer.size != form.size:
            raise DamagedObject(f"{self._url}: {form.size} bytes expected, found {writer.size}")
        writer.finish(form.sha256, f"{self._url}: with base {form.base}")

    @property
    def _url(self) -> str:
        return object_url(self.bucket.url, self.key)


class _Watched:
    """A target that knows whether anything has been written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.touched = False

    def write(self, data: memoryview, /) -> int | None:
        self.touched = True
        return self._file.write(data)


@contextmanager
def _spooled(reading: Reading) -> Iterator[memoryview]:
    if reading.info.size <= _IN_MEMORY:
        yield memoryview(b"".join(reading.chunks()))
        return
    with tempfile.TemporaryFile() as spool:
        for piece in reading.chunks():
            spool.write(piece)
        with mapped_file(cast("BinaryIO", spool)) as delta:
            yield delta
