"""DeleteObject and DeleteObjects. What concerns versions or locks is the endpoint's to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from deltaloft.layout import is_ours
from deltaloft.s3_client.answers import metadata_of_answer
from deltaloft.s3_client.stores import Stores

__all__ = ["delete_object", "delete_objects"]

_DIRECTLY = {
    "BypassGovernanceRetention",
    "ExpectedBucketOwner",
    "IfMatch",
    "MFA",
    "RequestPayer",
    "VersionId",
}


def delete_object(stores: Stores, params: Mapping[str, Any]) -> dict[str, Any]:
    """See S3's DeleteObject."""
    stores.check("DeleteObject", params, {"Bucket", "Key", *_DIRECTLY})
    place = stores.place("DeleteObject", params["Bucket"], params["Key"])
    if _DIRECTLY & set(params):
        return cast("dict[str, Any]", stores.client.delete_object(**cast("Any", params)))
    with stores.doing("DeleteObject", place) as heard:
        place.store.delete(place.key)
        answer = heard.last("DeleteObject")
        return answer | {"ResponseMetadata": metadata_of_answer(answer, 204)}


def delete_objects(stores: Stores, params: Mapping[str, Any]) -> dict[str, Any]:
    """See S3's DeleteObjects. Keys that can be no user's are among its errors."""
    known = {"Bucket", "ChecksumAlgorithm", "Delete", *_DIRECTLY} - {"IfMatch", "VersionId"}
    stores.check("DeleteObjects", params, known)
    asked = params["Delete"]["Objects"]
    usable = [each for each in asked if _usable(stores, each["Key"])]
    refused = [
        {
            "Key": each["Key"],
            "Code": "InvalidArgument",
            "Message": "a key of deltaloft's own, or outside the root",
        }
        for each in asked
        if each not in usable
    ]
    answer: dict[str, Any] = {"ResponseMetadata": metadata_of_answer({})}
    if usable:
        delete = {**params["Delete"], "Objects": usable}
        given: Any = {**params, "Delete": delete}
        answer = cast("dict[str, Any]", stores.client.delete_objects(**given))
    if refused:
        answer["Errors"] = [*answer.get("Errors", []), *refused]
    return answer


def _usable(stores: Stores, key: str) -> bool:
    return key.startswith(stores.root) and not is_ours(key)
