"""What a store's verbs do, get aside; each room is imported when something in it is first needed.

Together they take 20 ms, and a command needs one or two of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deltaloft.lazily import imported

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
    "Collecting": "deltaloft.store.gc",
    "Copying": "deltaloft.store.copy",
    "Explaining": "deltaloft.store.explain",
    "ObjectFile": "deltaloft.store.object_file",
    "Putting": "deltaloft.store.put",
    "Verifying": "deltaloft.store.verify",
    "bases": "deltaloft.store.listing",
    "check_free": "deltaloft.store.copy",
    "entries": "deltaloft.store.listing",
    "fetched": "deltaloft.store.input",
    "opened": "deltaloft.store.input",
    "refreshed": "deltaloft.store.listing",
}

__getattr__ = imported(__name__, _HOMES)
