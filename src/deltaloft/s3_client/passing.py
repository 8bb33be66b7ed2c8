"""What is not of a store goes to the wrapped client as it is, with two guards.

No call reaches a key of deltaloft's own; and none that reads bytes on the endpoint's side gets
those of a delta for those of a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from deltaloft.errors import NotFound
from deltaloft.s3_client.answers import is_reworked
from deltaloft.s3_client.stores import Stores

__all__ = ["passed"]

# These read the object that these parameters name.
_READING = {
    "SelectObjectContent": None,
    "GetObjectTorrent": None,
    "UploadPartCopy": "CopySource",
}


def passed(stores: Stores, operation: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the wrapped client, guarded."""

    def call(**params: Any) -> Any:
        bucket, key = params.get("Bucket"), params.get("Key")
        if isinstance(bucket, str) and bucket and isinstance(key, str) and key:
            stores.place(operation, bucket, key)
        if operation in _READING:
            source = _READING[operation]
            _check_whole(stores, operation, params if source is None else params.get(source))
        return method(**params)

    call.__name__ = method.__name__
    call.__doc__ = method.__doc__
    return call


def _check_whole(stores: Stores, operation: str, named: Any) -> None:
    """Refuse an object whose bytes are not the file."""
    if isinstance(named, str):
        bucket, _, key = unquote(named.partition("?")[0]).removeprefix("/").partition("/")
        named = {"Bucket": bucket, "Key": key}
    if not isinstance(named, dict) or not named.get("Bucket") or not named.get("Key"):
        return  # the wrapped client says what is missing
    place = stores.place(operation, named["Bucket"], named["Key"])
    with stores.failing_as(operation, place):
        try:
            form = place.store.stat(place.key).form
        except NotFound:
            return
    if is_reworked(form):
        stores.refuse(operation, "NotImplemented", f"{place.whole_key}: it is not stored as itself")
