"""A bucket as a whole: DeleteBucket, GetBucketAcl, PutBucketAcl; to make one, `S3Bucket.create`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from deltaloft.bucket import Acl, Grant
from deltaloft.errors import InvalidRequest, StorageError
from deltaloft.s3_bucket import S3Bucket
from deltaloft.s3_bucket.acl import acl_of
from deltaloft.s3_bucket.failures import failing

__all__ = ["bucket_acl", "remove_bucket", "set_bucket_acl"]

_BATCH = 1000  # keys of one DeleteObjects
_GRANTS = {
    "FULL_CONTROL": "GrantFullControl",
    "READ": "GrantRead",
    "READ_ACP": "GrantReadACP",
    "WRITE": "GrantWrite",
    "WRITE_ACP": "GrantWriteACP",
}
_GRANTEE = re.compile(r'(id|uri|emailAddress)=([^\s",]+)', re.ASCII)


def remove_bucket(bucket: S3Bucket, *, emptied: bool, last: Callable[[str], bool]) -> None:
    """Remove a bucket.

    Args:
        bucket: A whole one, not what is below a prefix of one.
        emptied: Remove its objects before; one that holds old versions is left as it is.
        last: Says which keys are to go after all others.

    Raises:
        BucketNotFound: there is none.
        StorageError: it is not empty, or it holds old versions.
    """
    if emptied:
        if next(bucket.versions(), None) is not None:
            raise StorageError(f"{bucket.url}: a bucket without old versions expected")
        for late in (False, True):
            _delete(bucket, (each.key for each in bucket.list() if last(each.key) == late))
    with failing(bucket.url):
        bucket.client.delete_bucket(Bucket=bucket.name)


def bucket_acl(bucket: S3Bucket) -> Acl:
    """Return who may do what with a bucket."""
    with failing(bucket.url):
        answer: Any = bucket.client.get_bucket_acl(Bucket=bucket.name)
    return acl_of(answer, bucket.url)


def set_bucket_acl(bucket: S3Bucket, acl: str | None, grants: Sequence[Grant]) -> None:
    """Replace the ACL of a bucket by a canned one or by grants.

    Raises:
        InvalidRequest: not one of the two, or a grant that S3 does not know.
    """
    if (acl is None) == (not grants):
        raise InvalidRequest(f"{bucket.url}: either a canned acl or grants expected")
    given: dict[str, Any] = {} if acl is None else {"ACL": acl}
    for grant in grants:
        grantee = _GRANTEE.fullmatch(grant.grantee)
        if grant.permission not in _GRANTS or grantee is None:
            raise InvalidRequest(
                f"{bucket.url}: one of {', '.join(_GRANTS)} expected, for id=…, uri=… or "
                f"emailAddress=…, found {grant.permission}={grant.grantee}"
            )
        name, quoted = _GRANTS[grant.permission], f'{grantee[1]}="{grantee[2]}"'
        given[name] = f"{given[name]},{quoted}" if name in given else quoted
    with failing(bucket.url):
        bucket.client.put_bucket_acl(Bucket=bucket.name, **given)


def _delete(bucket: S3Bucket, keys: Iterable[str]) -> None:
    left = iter(keys)
    while batch := list(islice(left, _BATCH)):
        named: Any = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
        with failing(bucket.url):
            answer = bucket.client.delete_objects(Bucket=bucket.name, Delete=named)
        for error in answer.get("Errors", []):
            raise StorageError(
                f"{bucket.url}: {len(answer['Errors'])} objects could not be removed, the first "
                f"with {re.sub('[^A-Za-z0-9]', '', error.get('Code', ''))[:64]}"
            )
