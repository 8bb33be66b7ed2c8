"""What the environment says about the cache.

DG_CACHE_DIR    the folder, instead of the user's cache folder
DG_CACHE_KEY    the key, base64 of 32 bytes, instead of the key file in that folder
DG_CACHE_SIZE   the budget: bytes, or a whole number with K, M, G or T; 0 keeps nothing

A variable that is set has to make sense, the empty string included: a key that got lost on the way
is not replaced by a weaker arrangement in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deltaloft.base_cache.key import key_from_text
from deltaloft.errors import InvalidRequest

__all__ = ["DEFAULT_BUDGET", "Settings", "settings_from"]

DEFAULT_BUDGET = 4 << 30

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """How to make a cache; without `repr`, because of the key. None means: the default."""

    folder: Path | None
    key: bytes | None
    budget: int


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read the three variables.

    Raises:
        InvalidRequest: one of them makes no sense.
    """
    folder = key = None
    budget = DEFAULT_BUDGET
    if (text := environment.get("DG_CACHE_DIR")) is not None:
        folder = _folder(text)
    if (text := environment.get("DG_CACHE_KEY")) is not None:
        key = key_from_text(text, where="DG_CACHE_KEY")
    if (text := environment.get("DG_CACHE_SIZE")) is not None:
        budget = _budget(text)
    return Settings(folder, key, budget)


def _folder(text: str) -> Path:
    try:
        folder = Path(text).expanduser()
    except RuntimeError:
        raise InvalidRequest(f"DG_CACHE_DIR: no home folder for {text!r}") from None
    if not folder.is_absolute():
        raise InvalidRequest(f"DG_CACHE_DIR: an absolute path expected, found {text!r}")
    return folder


def _budget(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,18})([KMGT]?)", text.strip().upper())
    if match is None:
        raise InvalidRequest(f"DG_CACHE_SIZE: bytes such as 500M or 4G expected, found {text!r}")
    return int(match[1]) << _UNITS[match[2]]
