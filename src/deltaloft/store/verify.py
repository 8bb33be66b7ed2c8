"""Read everything again and prove it, as `get` would.

    1  walk through the keys     plain and foreign objects are read at once
    2  sort the deltas by base   on disk, so that any number of keys fits
    3  base by base              each is read once, from the bucket and no cache, and proven; then
                                 all its deltas are decoded against it

A base that is missing or damaged takes all its keys along, and they are named one by one.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from typing import IO, Any, BinaryIO, cast

from deltaloft import layout
from deltaloft.base_cache.plaintext import Plaintext
from deltaloft.bucket import Bucket
from deltaloft.bucket_requests import object_url
from deltaloft.buffers import Buffer, mapped
from deltaloft.deltaglider import DeltaGlider, StoredDelta
from deltaloft.download import downloading
from deltaloft.errors import (
    AccessDenied,
    BucketNotFound,
    DamagedObject,
    DeltaError,
    IntegrityError,
    NotFound,
    PreconditionFailed,
    UnsupportedFormat,
)
from deltaloft.layout import Delta
from deltaloft.store import survey
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.get import Getting, Older
from deltaloft.store.older import give
from deltaloft.store.proof import Progress
from deltaloft.store.results import Verified
from deltaloft.store.survey import Found, Survey

__all__ = ["Verifying"]

_THREADS = 4  # each may hold a delta of 32 MiB
_BATCH = 64
_RUN = 50_000  # deltas that are sorted in memory, 20 MB

# What is wrong with one object, and no reason not to go on with the next.
_PROBLEMS = (AccessDenied, DeltaError, IntegrityError, UnsupportedFormat)


@dataclass(frozen=True, slots=True, order=True)
class _Pending:
    """A delta to be proven; in order of bases."""

    base: str
    base_size: int
    key: str


class Verifying:
    """All keys below a prefix on their way through their proof."""

    def __init__(self, bucket: Bucket, deltaglider: DeltaGlider, progress: Progress | None) -> None:
        """Nothing is read yet; `progress` is told of bytes that were proven."""
        self._bucket = bucket
        self._deltaglider = deltaglider
        self._progress = progress
        self._bases = _FreshBases(bucket)
        self._deltas = _Sorted()

    def run(self, prefix: str) -> Iterator[Verified]:
        """Yield what became of each object: first those without a base, then base by base.

        Raises:
            StorageError: the listing cannot be completed, or the bucket does not answer.
        """
        walk = Survey(self._bucket, prefix, worth=survey.MANY)
        with closing(self._deltas), ThreadPoolExecutor(_THREADS) as pool:
            yield from self._proven(self._whole(walk.run()), pool)
            groups = groupby(self._deltas, lambda each: (each.base, each.base_size))
            for (base, size), group in groups:
                keys = (each.key for each in group)
                try:
                    held = self._bases.hold(base, size)
                except DamagedObject as error:
                    yield from (Verified(key, "delta", None, None, base, error) for key in keys)
                    continue
                with held:
                    yield from self._proven(keys, pool)

    def _whole(self, walk: Iterator[Found]) -> Iterator[str]:
        """Yield the keys that need no base, or say so wrongly, and put the others aside."""
        for found in walk:
            if isinstance(found.form, Delta):
                key = found.listed.key
                self._deltas.add(_Pending(found.form.base, found.form.base_size, key))
            else:
                yield found.listed.key

    def _proven(self, keys: Iterator[str], pool: ThreadPoolExecutor) -> Iterator[Verified]:
        while batch := list(islice(keys, _BATCH)):
            yield from (result for result in pool.map(self._prove, batch) if result is not None)

    def _prove(self, key: str) -> Verified | None:
        """Get one file as `get` does; None if its key is gone by now."""
        nowhere = cast("BinaryIO", _Nowhere())
        older = self._deltaglider.at
        try:
            done = Getting(self._bucket, self._bases, older, key, self._progress).run(nowhere)
        except Older as older_file:
            return self._prove_older(older_file.found, nowhere)
        except BucketNotFound:
            raise
        except NotFound:
            return None
        except _PROBLEMS as problem:
            return Verified(key, None, None, None, None, problem)
        return Verified(key, done.form, done.size, done.sha256, done.base, None)

    def _prove_older(self, found: StoredDelta, nowhere: BinaryIO) -> Verified:
        """Prove a file that DeltaGlider stored as a delta; its reference is a key of its own."""
        key, base = found.key, found.form.reference_sha256
        try:
            done = give(found, key, nowhere, progress=self._progress)
        except _PROBLEMS as problem:
            return Verified(key, "deltaglider", None, None, base, problem)
        return Verified(key, done.form, done.size, done.sha256, done.base, None)


class _FreshBases(BaseBytes):
    """Reads bases from the bucket, whatever a cache may hold, and proves them."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(bucket, None)
        self._fresh_bucket = bucket
        self._held: tuple[str, memoryview] | None = None

    def hold(self, sha256: str, size: int) -> ExitStack:
        """Read a base and keep it in memory until the result is closed.

        Raises:
            DamagedObject: it is missing, or not what its name says.
        """
        with ExitStack() as stack:
            try:
                try:
                    view = stack.enter_context(self._read(sha256, size))
                except PreconditionFailed:  # stored once more while it was read: the same bytes
                    view = stack.enter_context(self._read(sha256, size))
                self._held = sha256, view
            except NotFound as error:
                raise DamagedObject(
                    f"{error} (a base is missing; or is this another store's key?)"
                ) from error
            stack.callback(self._let_go)
            return stack.pop_all()

    @contextmanager
    def opened(self, sha256: str, size: int, **_: Any) -> Iterator[memoryview]:
        """See `BaseBytes.opened`; another base than that held is read for this once."""
        held = self._held
        if held is not None and held[0] == sha256 and len(held[1]) == size:
            yield held[1]
            return
        with self._read(sha256, size) as view:
            yield view

    def _let_go(self) -> None:
        self._held = None

    @contextmanager
    def _read(self, sha256: str, size: int) -> Iterator[memoryview]:
        key = layout.base_key(sha256)
        where = object_url(self._fresh_bucket.url, key)
        with ExitStack() as stack:
            path = self._fresh_bucket.local_path(key)
            if path is None:
                view = stack.enter_context(self._downloaded(key, size, where))
            else:
                view = stack.enter_context(mapped(path))
            found = hashlib.sha256(view).hexdigest()
            if (len(view), found) != (size, sha256):
                raise DamagedObject(
                    f"{where}: {size} bytes with sha256 {sha256} expected, "
                    f"found {len(view)} with {found}"
                )
            yield view

    @contextmanager
    def _downloaded(self, key: str, size: int, where: str) -> Iterator[memoryview]:
        with downloading(self._fresh_bucket, key) as reading:
            if reading.info.size != size:
                raise DamagedObject(f"{where}: {size} bytes expected, found {reading.info.size}")
            memory = Plaintext(size)
            try:
                filled = 0
                for piece in reading.chunks():
                    memory.writable[filled : filled + len(piece)] = piece
                    filled += len(piece)
                with memory.lent() as view:
                    yield view
            finally:
                memory.close()


class _Sorted:
    """Deltas in order of their bases: sorted runs on disk, merged when they are read."""

    def __init__(self) -> None:
        self._run: list[_Pending] = []
        self._files: list[IO[str]] = []
        self._closing = ExitStack()

    def add(self, delta: _Pending) -> None:
        """Put one aside."""
        self._run.append(delta)
        if len(self._run) >= _RUN:
            self._flush()

    def __iter__(self) -> Iterator[_Pending]:
        self._run.sort()
        return heapq.merge(self._run, *map(_lines, self._files))

    def close(self) -> None:
        """Remove what is on disk."""
        self._closing.close()

    def _flush(self) -> None:
        file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - see close()
        self._files.append(self._closing.enter_context(file))
        for delta in sorted(self._run):
            file.write(json.dumps([delta.base, delta.base_size, delta.key]) + "\n")
        self._run = []


def _lines(file: IO[str]) -> Iterator[_Pending]:
    file.seek(0)
    for line in file:
        yield _Pending(*json.loads(line))


class _Nowhere(io.RawIOBase):
    """Takes any bytes and keeps none."""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:  # type: ignore[override]
        return memoryview(data).nbytes
