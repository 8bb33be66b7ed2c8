"""The store: files in, files out, small deltas in between.

Store           put, get, read, list, stat, delete, explain; the only class here that callers make
PutResult ...   what these return

store ─> put, get, explain ─> choosing ─> base_bytes, input, eligible ─> proof, results
"""

from deltaloft.store.results import Alternative, Entry, Explanation, GetResult, PutResult, Stat
from deltaloft.store.store import Store

__all__ = ["Alternative", "Entry", "Explanation", "GetResult", "PutResult", "Stat", "Store"]
