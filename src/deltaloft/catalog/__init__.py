"""The catalog: what is stored under which key, so that a listing needs no request per key.

page      rows of one range of keys, and how they are written
catalog   which pages there are
revision  a walk through them that reads and rewrites

    .deltaloft/catalog/pages            {"version": 1, "pages": [[<first key>, <name>], ...]}
    .deltaloft/catalog/page/<name>      zlib: {"version": 1, "id": ..., "keys": [[...], ...]}

A cache that nobody has to believe: a row counts only for the very object it was made from. Missing
or damaged, it costs a HEAD per key. Pages are never changed; a new list of them replaces the old.
"""

from deltaloft.catalog.catalog import Catalog
from deltaloft.catalog.page import PAGE_ROWS, Row
from deltaloft.catalog.revision import Revision

__all__ = ["PAGE_ROWS", "Catalog", "Revision", "Row"]
