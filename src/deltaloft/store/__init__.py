"""The store: files in, files out, small deltas in between.

Store           put, get, read, list, stat, delete, verify, gc; the only class here that callers make
PutResult ...   what these return

store ─> gc, verify ─> put, get, survey ─> base_bytes, input, eligible, clock ─> proof, results
"""

from deltaloft.store.results import CatalogResult, Entry, GetResult, PutResult, Stat, Verified
from deltaloft.store.store import Store

__all__ = [
    "CatalogResult",
    "Entry",
    "GetResult",
    "PutResult",
    "Stat",
    "Store",
    "Verified",
]
