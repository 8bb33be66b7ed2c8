"""The delta of one file against one base: the smaller of two codecs, and proven.

    vcdiff      ends as soon as it is larger than it may be
    unpack/1    where streams inside changed, or bytes nearly agree; decoded and compared as it is
                made

Nothing is lent that does not give the file back.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, cast

from deltaloft import codec, unpack
from deltaloft.buffers import Buffer, mapped_file
from deltaloft.errors import DeltaloftError
from deltaloft.store.input import Input
from deltaloft.store.options import CodecPolicy
from deltaloft.store.proof import ProvingWriter

__all__ = ["proven_delta"]

_log = logging.getLogger(__name__)


@contextmanager
def proven_delta(
    source: memoryview, given: Input, *, key: str, limit: int, level: int, policy: CodecPolicy
) -> Iterator[memoryview | None]:
    """Lend a delta of at most `limit` bytes from `source` to a file; None if there is none."""
    with tempfile.TemporaryFile() as spool:
        fits = _encoded(source, given, spool, limit, level)
        with mapped_file(cast("BinaryIO", spool)) as view:
            plain = view if fits else None
            if policy == "auto":
                body = unpack.encode_unpacked(
                    source,
                    given.view,
                    plain,
                    limit=limit,
                    level=level,
                    sha256=bytes.fromhex(given.sha256),
                )
                if body is not None:
                    yield memoryview(body)
                    return
            yield plain if plain is not None and _is_right(source, given, plain, key) else None


def _encoded(source: memoryview, given: Input, spool: IO[bytes], limit: int, level: int) -> bool:
    try:
        limited = cast("BinaryIO", _Limited(spool, limit))
        codec.encode_file(source, given.view, limited, level=level)
    except _TooLarge:
        return False
    return True


def _is_right(source: memoryview, given: Input, delta: memoryview, key: str) -> bool:
    """Decode a delta and compare digests: what cannot be given back is never stored."""
    proof = ProvingWriter(None)
    try:
        codec.decode_file(source, delta, cast("BinaryIO", proof), max_size=given.size)
    except DeltaloftError as error:
        _log.error("%s: the delta that was made cannot be decoded: %s", key, error)
        return False
    if proof.hexdigest() == given.sha256:
        return True
    given.check_unchanged()
    _log.error("%s: the delta that was made decodes to other bytes", key)
    return False


class _TooLarge(Exception):
    """A delta has outgrown what it may be."""


class _Limited(io.RawIOBase):
    """Ends an encode as soon as its delta is not worth having."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        super().__init__()
        self._file = file
        self._left = limit

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:  # type: ignore[override]
        size = memoryview(data).nbytes
        if size > self._left:
            raise _TooLarge
        self._left -= size
        return self._file.write(data)
