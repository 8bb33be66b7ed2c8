"""The bases that this machine has downloaded, encrypted on disk and lent as plain memory.

    cache           `BaseCache`: from memory, from disk, or downloaded
    plaintext       anonymous memory that readers share
    folder          the entries on disk: names, locks, eviction
    draft           an entry in the making
    settings        what DG_CACHE_DIR, DG_CACHE_KEY and DG_CACHE_SIZE say
    key             the key file
    notes           what a process leaves for the next
    private_files   files that are ours alone

docs/cache.md says whom this protects from what.
"""

from deltaloft.base_cache.cache import BaseCache, CacheStats
from deltaloft.base_cache.folder import CachedBase

__all__ = ["BaseCache", "CacheStats", "CachedBase"]
