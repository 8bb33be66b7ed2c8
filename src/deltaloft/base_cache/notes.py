"""A few words that one process leaves for the next beside the entries, for an hour at most.

    WHAT.KEYID.note     HMAC-SHA256 of name and text (32 bytes), then the text
      WHAT              16 bytes of the name's HMAC, in hexadecimal: it tells nobody the name

Whoever can change the folder but does not have the key can take notes away or bring old ones back,
and write none; what is noted has to say itself how long it counts.
"""

from __future__ import annotations

import hmac
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from deltaloft.base_cache.private_files import open_no_link
from deltaloft.encrypted_file import key_id

__all__ = ["Notes", "is_note"]

_NAME = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{16}\.note")
_KEPT_SECONDS = 3600.0
_LONGEST = 4096  # bytes
_MAC_SIZE = 32


class Notes:
    """The notes in a cache's folder that were written with one key."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = hmac.digest(key, b"deltaloft cache: notes", "sha256")
        self._suffix = f"{key_id(key)}.note"

    def write(self, name: str, text: str) -> None:
        """Leave a note in the place of an older one; nothing where the disk refuses."""
        body = self._mac(name, text.encode()) + text.encode()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with suppress(OSError):
            descriptor = os.open(self._path(name), flags, 0o600)
            try:
                os.write(descriptor, body)  # one that is cut short does not prove itself
            finally:
                os.close(descriptor)

    def read(self, name: str) -> str | None:
        """Return a note; None where there is none, or none that was written with this key."""
        try:
            with open_no_link(self._path(name)) as file:
                body = file.read(_LONGEST) or b""
        except OSError:
            return None
        mac, text = body[:_MAC_SIZE], body[_MAC_SIZE:]
        return text.decode() if hmac.compare_digest(mac, self._mac(name, text)) else None

    def _path(self, name: str) -> Path:
        what = hmac.digest(self._key, b"name " + name.encode(), "sha256")[:16]
        return self._folder / f"{what.hex()}.{self._suffix}"

    def _mac(self, name: str, text: bytes) -> bytes:
        named = name.encode()
        size = len(named).to_bytes(8, "big")  # so that no name runs into a text
        return hmac.digest(self._key, b"note " + size + named + text, "sha256")


def is_note(name: str, changed: float | None = None) -> bool:
    """Say by its name whether a file is a note; given when it `changed`, whether an old one."""
    if _NAME.fullmatch(name) is None:
        return False
    return changed is None or time.time() - changed > _KEPT_SECONDS
