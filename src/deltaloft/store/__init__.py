"""The store: files in, files out, small deltas in between.

Store           put, get, read, list, stat, delete, explain, verify, gc: the only class here that
                callers make
PutResult ...   what these return

store ─> gc, verify ─> put, get, explain, survey ─> choosing ─> base_bytes, input, clock ─> proof
"""

from deltaloft.store.results import (
    Alternative,
    CatalogResult,
    Entry,
    Explanation,
    GcResult,
    GetResult,
    PutResult,
    Stat,
    UnusedBase,
    Verified,
)
from deltaloft.store.store import Store

__all__ = [
    "Alternative",
    "CatalogResult",
    "Entry",
    "Explanation",
    "GcResult",
    "GetResult",
    "PutResult",
    "Stat",
    "Store",
    "UnusedBase",
    "Verified",
]
