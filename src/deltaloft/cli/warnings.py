"""What the library warns of, in the manner of the command line."""

from __future__ import annotations

import logging

from deltaloft.cli.output import say

__all__ = ["show_warnings"]


class _Saying(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(" ".join(record.getMessage().split()))


_SAYING = _Saying(logging.WARNING)


def show_warnings() -> None:
    """Show warnings as words on stderr from now on."""
    logger = logging.getLogger("deltaloft")
    if not logger.hasHandlers():  # nobody else has arranged for them to be seen
        logger.addHandler(_SAYING)
