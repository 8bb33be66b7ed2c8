"""The ACL of one object: GetObjectAcl, PutObjectAcl."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deltaloft.bucket import Acl, Grant
from deltaloft.bucket_requests import check_acl
from deltaloft.errors import StorageError
from deltaloft.s3_bucket.attributes import grant_arguments
from deltaloft.s3_bucket.failures import failing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["acl_of", "get_acl", "put_acl"]

# What a grantee of an answer is called in a header.
_KINDS = {"CanonicalUser": ("id", "ID"), "Group": ("uri", "URI"),
          "AmazonCustomerByEmail": ("emailAddress", "EmailAddress")}  # fmt: skip


def get_acl(client: S3Client, target: Mapping[str, Any], where: str) -> Acl:
    """Return the ACL of the object that `target`, Bucket and Key, names."""
    with failing(where):
        answer: Mapping[str, Any] = client.get_object_acl(**target)
    return acl_of(answer, where)


def acl_of(answer: Mapping[str, Any], where: str) -> Acl:
    """Return the ACL that an answer tells.

    Raises:
        StorageError: it tells none.
    """
    try:
        grants = tuple(
            Grant(each["Permission"], _grantee(each["Grantee"])) for each in answer["Grants"]
        )
        return Acl(answer["Owner"]["ID"], grants)
    except (KeyError, TypeError) as error:
        raise StorageError(f"{where}: an ACL expected, found one without {error}") from error


def put_acl(
    client: S3Client,
    target: Mapping[str, Any],
    acl: str | None,
    grants: Sequence[Grant],
    where: str,
) -> None:
    """Replace the ACL of an object by a canned one or by grants."""
    check_acl(where, acl, grants)
    given: Any = grant_arguments(tuple(grants)) if acl is None else {"ACL": acl}
    with failing(where):
        client.put_object_acl(**target, **given)


def _grantee(answer: Mapping[str, str]) -> str:
    kind, field = _KINDS[answer["Type"]]
    return f"{kind}={answer[field]}"
