"""The store: files in, files out, small deltas in between.

Store           put, get, copy, read, list, stat, delete, explain; all that callers make
PutResult ...   what these return

store ─> put, get, copy, explain ─> choosing ─> base_bytes, input, eligible ─> proof, results
"""

from deltaloft.store.results import (
    Alternative,
    CopyResult,
    Entry,
    Explanation,
    GetResult,
    PutResult,
    Stat,
)
from deltaloft.store.store import Store

__all__ = [
    "Alternative",
    "CopyResult",
    "Entry",
    "Explanation",
    "GetResult",
    "PutResult",
    "Stat",
    "Store",
]
