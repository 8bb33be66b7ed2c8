"""The store: files in, files out, small deltas in between.

Store           put, get, read, list, stat, delete; the only class here that callers make
PutResult ...   what these return

store ─> put, get ─> base_bytes, input, eligible ─> proof, results
"""

from deltaloft.store.proof import Progress
from deltaloft.store.put import DeltaPolicy
from deltaloft.store.results import Entry, GetResult, PutResult, Stat
from deltaloft.store.store import Store

__all__ = ["DeltaPolicy", "Entry", "GetResult", "Progress", "PutResult", "Stat", "Store"]
