"""The pages of a listing, to its end or to an error: a part must never look like the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from deltaloft.errors import StorageError
from deltaloft.s3_bucket.failures import failing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["listed_objects"]

# In a row. A service may give some where much was deleted; one that gives nothing else never ends.
_MOST_EMPTY_PAGES = 1000


def listed_objects(
    client: S3Client, asked: dict[str, Any], where: str
) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a ListObjectsV2; `where` names the bucket in messages.

    Raises:
        StorageError: the listing contradicts itself, has no end, or cannot be had.
    """
    tokens: set[str] = set()
    empty = 0
    while True:
        with failing(where):
            page = client.list_objects_v2(**asked)
        if "IsTruncated" not in page:
            raise StorageError(f"{where}: a listing expected, found another answer")
        yield from page.get("Contents", [])
        if not page["IsTruncated"]:
            return
        empty = 0 if page.get("Contents") else empty + 1
        if empty > _MOST_EMPTY_PAGES:
            raise StorageError(f"{where}: a listing that ends expected, found {empty} empty pages")
        token = page.get("NextContinuationToken")
        if not token or token in tokens:
            raise StorageError(
                f"{where}: more pages of the listing expected, found no way to the next"
            )
        tokens.add(token)
        asked = {**asked, "ContinuationToken": token}
        asked.pop("StartAfter", None)
