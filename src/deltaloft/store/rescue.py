"""What a slow writer owes to the base of what it wrote.

    index read ......... key put     less than ten minutes: no collection deleted the base, for it
                                     would have had to mark it an hour before
    index read ........................ key put      more: look; if the base is marked or gone, put
                                                     it back and take the mark away

docs/gc.md has the proof.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from deltaloft import layout
from deltaloft.bases import Base, BaseIndex
from deltaloft.bucket import Attributes, Bucket
from deltaloft.errors import NotFound

__all__ = ["SETTLE_SECONDS", "SLOW_SECONDS", "keep_base"]

_log = logging.getLogger(__name__)

SLOW_SECONDS = 600.0  # from reading the index to the end of the put; an hour is the limit
# For how long a collection may be about to delete a base whose mark it has seen: it looks at most
# 30 s before, and a request takes 5 s to connect and 30 s to be answered, five times.
SETTLE_SECONDS = 300.0


def keep_base(
    bucket: Bucket, index: BaseIndex, base: Base, source: memoryview, user: Attributes
) -> None:
    """Make sure that a base stays, now that something refers to it; `source` are its bytes.

    `user` are the attributes of what refers to it, whose protection the base has.

    Costs two requests where the base is neither marked nor gone; else it waits until no collection
    can be about to delete it.

    Raises:
        StorageError: that cannot be made sure of.
    """
    attributes = layout.protected(layout.base_attributes(base.stem, base.sketch), user)
    is_marked = base.sha256 in index.marks()
    if not _put_back(bucket, base, source, attributes) and not is_marked:
        return
    time.sleep(SETTLE_SECONDS)
    _put_back(bucket, base, source, attributes)
    index.note(base.sha256, lambda entry: replace(entry, retiring=""))


def _put_back(bucket: Bucket, base: Base, source: memoryview, attributes: Attributes) -> bool:
    """Put a base that is gone; return whether it was."""
    key = layout.base_key(base.sha256)
    try:
        bucket.head(key)
    except NotFound:
        _log.warning("base %s was deleted meanwhile and is put back", base.sha256)
        bucket.put(key, source, attributes)
        return True
    return False
