"""The store: files in, files out, small deltas in between.

Store           put, get, copy, read, list, stat, delete, explain, verify, gc: all that callers make
PutResult ...   what these return

store ─> gc, verify ─> put, get, copy, explain, survey ─> choosing ─> base_bytes, input ─> proof
"""

from deltaloft.store.options import CodecPolicy, DeltaPolicy, PutOptions
from deltaloft.store.proof import Progress
from deltaloft.store.results import (
    Alternative,
    CatalogResult,
    CopyResult,
    Entry,
    Explanation,
    GcResult,
    GetResult,
    PutResult,
    Spent,
    Stat,
    StoredBase,
    UnusedBase,
    Verified,
)
from deltaloft.store.store import Store

__all__ = [
    "Alternative",
    "CatalogResult",
    "CodecPolicy",
    "CopyResult",
    "DeltaPolicy",
    "Entry",
    "Explanation",
    "GcResult",
    "GetResult",
    "Progress",
    "PutOptions",
    "PutResult",
    "Spent",
    "Stat",
    "Store",
    "StoredBase",
    "UnusedBase",
    "Verified",
]
