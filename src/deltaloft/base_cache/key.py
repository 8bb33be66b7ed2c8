"""The key of the cache: 32 random bytes, as text in base64.

The same text stands in the key file and in DG_CACHE_KEY, so that one can be made from the other.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from deltaloft.base_cache.private_files import create_private, open_no_link
from deltaloft.encrypted_file import KEY_SIZE
from deltaloft.errors import InvalidRequest

__all__ = ["key_from_file", "key_from_text"]

_TEXT_LIMIT = 256  # bytes; a key file has 45


def key_from_text(text: str, *, where: str) -> bytes:
    """Decode a key; `where` names its place in the message, for the text itself is secret.

    Raises:
        InvalidRequest: the text is not the base64 of 32 bytes.
    """
    key = b""
    with suppress(ValueError):
        key = base64.b64decode(text.strip(), validate=True)
    if len(key) != KEY_SIZE:
        raise InvalidRequest(f"{where}: base64 of {KEY_SIZE} bytes expected, found something else")
    return key


def key_from_file(path: Path) -> bytes:
    """Read the key file, or make it when there is none; of racing processes one makes it for all.

    Raises:
        InvalidRequest: it does not hold a key.
        OSError: it cannot be read or made, or is not ours alone.
    """
    while True:
        with suppress(FileNotFoundError):
            return _read(path)
        _make(path)


def _read(path: Path) -> bytes:
    with open_no_link(path) as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
            raise PermissionError(f"{path}: a key file of our own expected")
        if stat.S_IMODE(state.st_mode) & 0o077:
            raise PermissionError(
                f"{path}: mode 600 expected, found {stat.S_IMODE(state.st_mode):o}"
            )
        return key_from_text(file.read(_TEXT_LIMIT).decode("ascii", "replace"), where=str(path))


def _make(path: Path) -> None:
    """Give a whole key file its name, unless the name was taken meanwhile."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with create_private(part) as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_SIZE)) + b"\n")
            os.fsync(file.fileno())  # a key lost in a power cut would make every entry worthless
        with suppress(FileExistsError, FileNotFoundError):  # the latter: tidied as abandoned
            path.hardlink_to(part)
    finally:
        part.unlink(missing_ok=True)
