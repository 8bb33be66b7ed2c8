"""An object on its way here: a small one in one request, a large one by several lines at once.

    0 ───────────── 16 MiB ─── 24 ─── 32 ─── 40 ─── 48 …          offset
    first answer            │ four parts of 8 MiB fetched ahead │

The first answer says how large the object is and which version. All that follows is asked for on
condition of that ETag, and looked at again when it comes: an endpoint may not know conditions. The
bytes come out in order; in memory are at most the four parts.

What lies on this machine is read in one piece. A body that breaks off is the bucket's affair: it
continues or raises (see `Reading`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from deltaloft.bucket import Bucket, ObjectInfo, Reading
from deltaloft.bucket_requests import object_url
from deltaloft.errors import InvalidRequest, NotFound, PreconditionFailed

__all__ = ["FIRST_SIZE", "downloading"]

FIRST_SIZE = 16 << 20  # bytes; an object up to here is one request
_PART_SIZE = 8 << 20
_AHEAD = 4


@contextmanager
def downloading(
    bucket: Bucket, key: str, *, start: int = 0, if_match: str | None = None
) -> Iterator[Reading]:
    """Lend an object, or what there is of it from `start`; one thread at a time may read it.

    Its `chunks` raise `PreconditionFailed` when the object is replaced or deleted on the way.

    Raises:
        NotFound: no such key.
        PreconditionFailed: the ETag is not `if_match`.
        InvalidRequest: the object ends at `start` or before, unless that is 0.
    """
    with ExitStack() as stack:
        if bucket.local_path(key) is not None:
            whole = stack.enter_context(bucket.get(key, start=start, if_match=if_match))
            assert whole is not None  # that is the answer to another condition
            yield whole
            return
        try:
            first = stack.enter_context(
                bucket.get(key, start=start, size=FIRST_SIZE, if_match=if_match)
            )
            end = start + FIRST_SIZE
        except InvalidRequest:
            if start > 0:
                raise
            # An object of no bytes has no range.
            first = stack.enter_context(bucket.get(key, if_match=if_match))
            end = 0 if first is None else first.info.size
        assert first is not None
        download = _Download(bucket, key, first, end)
        stack.callback(download.close)
        yield download


class _Download:
    """Implements `Reading`. To be closed."""

    def __init__(self, bucket: Bucket, key: str, first: Reading, end: int) -> None:
        """Go on from an answer that ends at `end`, or with the object."""
        self._bucket = bucket
        self._key = key
        self._first = first
        self._end = end
        self._threads: ThreadPoolExecutor | None = None
        self._closed = threading.Event()

    @property
    def info(self) -> ObjectInfo:
        """See `Reading.info`."""
        return self._first.info

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """See `Reading.chunks`."""
        starts = iter(range(self._end, self.info.size, _PART_SIZE))
        ahead: deque[Future[list[bytes]]] = deque()

        def fetch_ahead() -> None:
            while len(ahead) < _AHEAD and (start := next(starts, None)) is not None:
                if self._threads is None:
                    self._threads = ThreadPoolExecutor(_AHEAD, "deltaloft-download")
                ahead.append(self._threads.submit(self._part, start, size))

        fetch_ahead()
        yield from self._first.chunks(size)
        while ahead:
            pieces = ahead.popleft().result()
            pieces.reverse()
            while pieces:
                yield pieces.pop()
            fetch_ahead()

    def close(self) -> None:
        """End what is on its way."""
        self._closed.set()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def _part(self, start: int, size: int) -> list[bytes]:
        etag, whole = self.info.etag, self.info.size
        length = min(_PART_SIZE, whole - start)
        pieces = []
        try:
            with self._bucket.get(self._key, start=start, size=length, if_match=etag) as reading:
                assert reading is not None  # that is the answer to another condition
                if (reading.info.etag, reading.info.size) != (etag, whole):
                    raise self._replaced()
                for piece in reading.chunks(size):
                    if self._closed.is_set():
                        break
                    pieces.append(piece)
        except (NotFound, InvalidRequest, PreconditionFailed) as error:
            # Gone, shorter than it was, or another: some endpoints look at the range first.
            raise self._replaced() from error
        return pieces

    def _replaced(self) -> PreconditionFailed:
        url = object_url(self._bucket.url, self._key)
        return PreconditionFailed(f"{url}: replaced or deleted while it was read")
