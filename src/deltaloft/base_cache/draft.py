"""An entry of the cache in the making: ciphertext in a temporary file of its own."""

from __future__ import annotations

import logging
import secrets
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path

from deltaloft.base_cache.private_files import create_private
from deltaloft.buffers import Buffer
from deltaloft.encrypted_file import EncryptedWriter
from deltaloft.interruption import taken_back

__all__ = ["Draft"]

_log = logging.getLogger(__name__)


class Draft:
    """An entry in the making; leaving it unkept removes it.

    It never raises: when the disk refuses, it says so in the log, gives back what room it took and
    lets the bytes pass by.
    """

    def __init__(self, goal: Path, *, key: bytes, sha256: str, size: int) -> None:
        self._goal = goal
        self._part = goal.with_name(f"{goal.name}.{secrets.token_hex(4)}.part")
        self._file: FileIO | None = None
        self._writer: EncryptedWriter | None = None
        self._entered = ExitStack()
        try:
            self._file = create_private(self._part)
            self._writer = EncryptedWriter(self._file, key=key, sha256=sha256, size=size)
        except OSError as trouble:
            self._give_up(trouble)

    def __enter__(self) -> Draft:
        self._entered.enter_context(taken_back(lambda: self._part.unlink(missing_ok=True)))
        return self

    def __exit__(self, *_: object) -> None:
        self._entered.close()
        if self._writer is not None:
            self._discard()

    def write(self, piece: Buffer) -> None:
        """Add the next bytes of the base."""
        if self._writer is not None:
            try:
                self._writer.write(piece)
            except OSError as trouble:
                self._give_up(trouble)

    def keep(self) -> None:
        """Make it the entry, in the place of any older one."""
        if self._writer is not None:
            try:
                self._writer.finish()
                self._part.replace(self._goal)
            except OSError as trouble:
                self._give_up(trouble)
            self._close()

    def _give_up(self, trouble: OSError) -> None:
        _log.warning("cache: a base is not kept: %s", trouble)
        self._discard()

    def _discard(self) -> None:
        with suppress(OSError):
            self._part.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        self._writer = None
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
