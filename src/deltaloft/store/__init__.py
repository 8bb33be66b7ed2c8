"""The store: files in, files out, small deltas in between.

Store           put, get, copy, read, list, stat, delete; the only class here that callers make
PutResult ...   what these return

store ─> put, get, copy ─> base_bytes, input, eligible ─> proof, results
"""

from deltaloft.store.results import CopyResult, Entry, GetResult, PutResult, Stat
from deltaloft.store.store import Store

__all__ = ["CopyResult", "Entry", "GetResult", "PutResult", "Stat", "Store"]
