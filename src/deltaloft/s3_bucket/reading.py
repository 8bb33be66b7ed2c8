"""An object of S3 being read, whatever the line does.

A body that breaks off or stalls is continued from where it ended, on condition that the object
still is the same; bytes of two versions never mix. Five breaks without a megabyte between them are
the end of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError  # where a broken TLS record ends up, past botocore

from deltaloft.bucket import ObjectInfo
from deltaloft.errors import InvalidRequest, NotFound, PreconditionFailed, Unreachable
from deltaloft.s3_bucket.answers import range_of, unquoted

__all__ = ["S3Reading"]

_BREAKS = 5
_PROGRESS = 1 << 20
_READ_SIZE = 1 << 18  # what is lost of a read that breaks off
_BROKEN = (BotoCoreError, HTTPError, OSError)


class S3Reading:
    """Implements `Reading`. To be closed."""

    def __init__(
        self,
        info: ObjectInfo,
        body: Any,
        *,
        start: int,
        size: int,
        where: str,
        ask: Callable[[int, int, str], Mapping[str, Any]],
    ) -> None:
        """Read on from an answer.

        Args:
            info: What the answer says of the object.
            body: Its body, a botocore StreamingBody.
            start: Where in the object it begins.
            size: How many bytes it promises.
            where: The object's URL.
            ask: Sends a GET for so many bytes from such an offset if the ETag is this.
        """
        self._info = info
        self._body = body
        self._next = start
        self._end = start + size
        self._where = where
        self._ask = ask

    @property
    def info(self) -> ObjectInfo:
        """See `Reading.info`."""
        return self._info

    def chunks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """See `Reading.chunks`."""
        breaks, since_break = 0, 0
        while self._next < self._end:
            cause = None
            try:
                chunk = self._body.read(min(size, _READ_SIZE, self._end - self._next))
            except _BROKEN as error:
                chunk, cause = b"", error
            if chunk:
                self._next += len(chunk)
                since_break += len(chunk)
                yield chunk
                continue
            breaks, since_break = (1 if since_break >= _PROGRESS else breaks + 1), 0
            if breaks > _BREAKS:
                raise Unreachable(
                    f"{self._where}: {self._end - self._next} more bytes expected, "
                    f"but the body broke off {_BREAKS} times"
                ) from cause
            time.sleep(random.uniform(0, 0.05 * 2**breaks))
            self._resume()

    def close(self) -> None:
        """Let go of the connection."""
        self._body.close()

    def _resume(self) -> None:
        self._body.close()
        left = self._end - self._next
        try:
            answer = self._ask(self._next, left, self._info.etag)
        except (PreconditionFailed, NotFound, InvalidRequest) as error:
            # Gone, shorter than it was, or another: some endpoints look at the range first.
            raise self._replaced() from error
        self._body = answer["Body"]
        whole = range_of(answer, self._next, left, self._where)
        if whole != self._info.size or unquoted(answer.get("ETag", "")) != self._info.etag:
            # An endpoint, or a proxy before it, that does not know If-Match.
            raise self._replaced()

    def _replaced(self) -> PreconditionFailed:
        return PreconditionFailed(f"{self._where}: replaced or deleted while it was read")
