"""How a file comes out of the store.

one GET of the key        its headers say which form it has
  plain, foreign          the body flows to the target
  delta                   the body is taken whole; its base comes from the cache or is mapped;
                          windows flow to the target as they are decoded
SHA-256 compared          only then a path is renamed into place, or the last bytes released
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from deltaloft import codec, layout
from deltaloft.atomic_file import replacing
from deltaloft.bucket import Bucket, Reading
from deltaloft.bucket_requests import object_url
from deltaloft.buffers import mapped_file
from deltaloft.errors import DamagedObject, DeltaError, NotFound, WrongSource
from deltaloft.layout import Delta, Foreign, Plain
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.proof import Progress, ProvingWriter
from deltaloft.store.results import FormName, GetResult

__all__ = ["Getting"]

_IN_MEMORY = 32 << 20  # a longer delta is spooled into an unlinked temporary file


@dataclass(frozen=True, slots=True)
class Getting:
    """One key on its way to one file."""

    bucket: Bucket
    base_bytes: BaseBytes
    key: str
    progress: Progress | None

    def run(self, target: str | Path | BinaryIO) -> GetResult:
        """Give the file back: to a path whole or not at all, to a file object as it is proven."""
        if isinstance(target, str | Path):
            with replacing(Path(target)) as file:
                return self._to(file, hold_back=False)
        return self._to(target, hold_back=True)

    def _to(self, file: BinaryIO, *, hold_back: bool) -> GetResult:
        with ExitStack() as stack:
            with self.bucket.get(self.key) as reading:
                assert reading is not None  # no condition was asked
                form = layout.form_of(reading.info, self._url)
                if not isinstance(form, Delta):
                    return self._whole(form, reading, file, hold_back=hold_back)
                stored_size = reading.info.size
                layout.check_delta_size(form, stored_size, self._url)
                delta = stack.enter_context(_spooled(reading))
            self._decoded(form, delta, file, hold_back=hold_back)
            return GetResult(self.key, "delta", form.size, stored_size, form.sha256, form.base)

    def _whole(
        self, form: Plain | Foreign, reading: Reading, file: BinaryIO, *, hold_back: bool
    ) -> GetResult:
        sha256 = form.sha256 if isinstance(form, Plain) else None
        writer = ProvingWriter(file, hold_back=hold_back, progress=self.progress)
        for piece in reading.chunks():
            writer.write(piece)
        writer.finish(sha256, self._url)
        name: FormName = "plain" if isinstance(form, Plain) else "foreign"
        return GetResult(self.key, name, writer.size, reading.info.size, sha256, None)

    def _decoded(self, form: Delta, delta: memoryview, file: BinaryIO, *, hold_back: bool) -> None:
        writer = ProvingWriter(file, limit=form.size, hold_back=hold_back, progress=self.progress)
        try:
            with self.base_bytes.opened(form.base, form.base_size) as source:
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
