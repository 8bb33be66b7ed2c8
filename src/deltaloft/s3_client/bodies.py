"""What PutObject is given for a body, and what it is said to be.

boto3 takes bytes, text and seekable file objects. A path, any buffer and a stream of unknown length
are taken, too.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from deltaloft.bucket_requests import view_of
from deltaloft.buffers import Buffer

__all__ = ["Mismatch", "body_given"]

Body: TypeAlias = "Path | Buffer | BinaryIO"


class Mismatch(Exception):
    """A body is not what ContentLength or ContentMD5 promised.

    Attributes:
        code: The word that S3 has for it.
    """

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


def body_given(params: Mapping[str, Any]) -> Body:
    """Return the body as a store takes it; a promise is kept before the store has the last byte.

    Raises:
        TypeError: that is no body.
    """
    body = params.get("Body", b"")
    if isinstance(body, str):
        body = body.encode()
    if "ContentLength" not in params and "ContentMD5" not in params:
        return _plain(body)
    if isinstance(body, Path):
        raise TypeError("Body: no path expected with ContentLength or ContentMD5")
    view = view_of(body)
    file = io.BytesIO(view) if view is not None else cast("BinaryIO", body)
    return cast("BinaryIO", _Checked(file, params.get("ContentLength"), params.get("ContentMD5")))


def _plain(body: Any) -> Body:
    if not isinstance(body, Path) and view_of(body) is None and not hasattr(body, "read"):
        raise TypeError(f"Body: bytes, text, a path or a file object expected, found {type(body)}")
    return cast("Body", body)


class _Checked:
    """A file object that breaks off at its end if it is not what was promised."""

    def __init__(self, file: BinaryIO, size: int | None, md5: str | None) -> None:
        self._file = file
        self._size = size
        self._md5 = md5
        self._digest = hashlib.md5(usedforsecurity=False)
        self._seen = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._seen += len(piece)
        self._digest.update(piece)
        if not piece or size < 0:
            self._check()
        return piece

    def _check(self) -> None:
        if self._size is not None and self._seen != self._size:
            raise Mismatch(
                "IncompleteBody", f"{self._size} bytes expected in the body, found {self._seen}"
            )
        digest = base64.b64encode(self._digest.digest()).decode()
        if self._md5 is not None and digest != self._md5:
            raise Mismatch(
                "BadDigest", f"a body with MD5 {self._md5} expected, found one with {digest}"
            )
