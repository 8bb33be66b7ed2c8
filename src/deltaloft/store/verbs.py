"""What a store's verbs do, get aside; each room is imported when something in it is first needed.

Together they take 20 ms, and a command needs one or two of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deltaloft.store.copy import Copying, check_free
    from deltaloft.store.explain import Explaining
    from deltaloft.store.gc import Collecting
    from deltaloft.store.input import fetched, opened
    from deltaloft.store.listing import bases, entries, refreshed
    from deltaloft.store.object_file import ObjectFile
    from deltaloft.store.put import Putting
    from deltaloft.store.verify import Verifying

__all__ = [
    "Collecting",
    "Copying",
    "Explaining",
    "ObjectFile",
    "Putting",
    "Verifying",
    "bases",
    "check_free",
    "entries",
    "fetched",
    "opened",
    "refreshed",
]

_HOMES = {
    "Collecting": "gc",
    "Copying": "copy",
    "Explaining": "explain",
    "ObjectFile": "object_file",
    "Putting": "put",
    "Verifying": "verify",
    "bases": "listing",
    "check_free": "copy",
    "entries": "listing",
    "fetched": "input",
    "opened": "input",
    "refreshed": "listing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deltaloft.store.verbs' has no attribute {name!r}")
    return getattr(importlib.import_module(f"deltaloft.store.{_HOMES[name]}"), name)
