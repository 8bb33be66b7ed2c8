"""PutObject and uploads. A body goes to the store whole: what is too large for one request, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deltaloft.s3_client.answers import of_write
from deltaloft.s3_client.attributes import WRITTEN, attributes_given
from deltaloft.s3_client.bodies import Mismatch, body_given
from deltaloft.s3_client.stores import Stores

__all__ = ["put_object"]

_HONOURED = {*WRITTEN, "Body", "Bucket", "ContentLength", "ContentMD5", "IfNoneMatch", "Key"}


def put_object(
    stores: Stores, params: Mapping[str, Any], callback: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """See S3's PutObject."""
    # A path is no body to botocore, nor is every buffer; what else is none, a store refuses.
    checked = {name: value for name, value in params.items() if name != "Body" or not _ours(value)}
    stores.check("PutObject", checked, _HONOURED)
    place = stores.place("PutObject", params["Bucket"], params["Key"])
    if params.get("IfNoneMatch", "*") != "*":
        stores.refuse("PutObject", "NotImplemented", "IfNoneMatch: * expected, found an ETag")
    with stores.doing("PutObject", place) as heard:
        try:
            result = place.store.put(
                body_given(params),
                place.key,
                attributes=attributes_given(params),
                no_clobber="IfNoneMatch" in params,
                progress=callback,
            )
        except Mismatch as error:
            stores.refuse("PutObject", error.code, str(error))
        written = ("PutObject", "CompleteMultipartUpload", "HeadObject")
        return of_write(result.etag, result.form, heard.about(result.etag, *written))


def _ours(body: object) -> bool:
    return isinstance(body, Path | memoryview) or (
        hasattr(body, "read") and not hasattr(body, "seek")
    )
