"""What collections have marked for deletion, for those who are about to refer to it."""

from __future__ import annotations

from deltaloft.bases import BaseIndex
from deltaloft.bucket import Bucket
from deltaloft.layout import Delta
from deltaloft.store.base_bytes import BaseBytes

__all__ = ["Marks"]


class Marks:
    """Which bases of a store a collection has marked."""

    def __init__(self, bucket: Bucket, base_bytes: BaseBytes) -> None:
        """Look where these bases are."""
        self._bucket = bucket
        self._base_bytes = base_bytes
        self._indexes: dict[str, BaseIndex] = {}  # by protection

    def is_retiring(self, form: Delta) -> bool:
        """Say whether the base of a delta is marked, as the bucket has it now."""
        token = self._base_bytes.protection(form.base, form.base_size)
        index = self._indexes.setdefault(token, BaseIndex(self._bucket, token=token))
        return form.base in index.marks()
