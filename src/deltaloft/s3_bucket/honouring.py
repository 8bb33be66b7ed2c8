"""Attributes that an endpoint might ignore are tried on an object of our own, before the upload.

Ceph 16 takes `x-amz-server-side-encryption: AES256` and stores plaintext, without a word. So where
the endpoint is not AWS, the first put that asks for a storage class, encryption, tags, an ACL, an
expiry or a redirect writes an empty object with the same wish below .deltaloft/probe/, asks what
has become of it, and removes it. What was kept once is not asked again by this process.

A lock is not tried, since its object could not be removed; a bucket without Object Lock refuses it.
"""

from __future__ import annotations

import logging
import secrets
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from deltaloft.bucket import PROBE_PREFIX, Attributes
from deltaloft.errors import Unsupported
from deltaloft.s3_bucket.acl import get_acl
from deltaloft.s3_bucket.attributes import arguments_of, attributes_of, tag_count_of
from deltaloft.s3_bucket.connection import is_aws
from deltaloft.s3_bucket.failures import code_of, failing, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["Honouring"]

_log = logging.getLogger(__name__)

# What is tried in the place of the user's own, where the value makes no difference.
_SAMPLES = {
    "tags": {"deltaloft": "probe"},
    "expires": datetime(2038, 1, 1, tzinfo=UTC),
    "website_redirect": "/",
}
_AS_GIVEN = ("storage_class", "encryption", "acl", "grants")
# Canned ACLs that may give nobody but the owner anything, as far as the writer owns the bucket.
_PRIVATE = ("private", "bucket-owner-read", "bucket-owner-full-control")
_REFUSALS = (400, 405, 501)


class Honouring:
    """What one bucket is known to keep. Several threads may share it."""

    def __init__(self, bucket: str, prefix: str) -> None:
        """Know nothing yet. Objects to try it on have keys that begin with `prefix`."""
        self._bucket = bucket
        self._prefix = prefix + PROBE_PREFIX
        self._kept: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def ensure(self, client: S3Client, attributes: Attributes, where: str) -> None:
        """Make sure that attributes would be kept.

        Raises:
            Unsupported: the endpoint refuses or ignores one of them.
        """
        wish = {name: getattr(attributes, name) for name in _AS_GIVEN}
        wish |= {name: value for name, value in _SAMPLES.items() if getattr(attributes, name)}
        wish = {name: value for name, value in wish.items() if value}
        if not wish or is_aws(client.meta.endpoint_url):
            return
        with self._lock:
            asked = {(name, repr(value)) for name, value in wish.items()}
            if asked <= self._kept:
                return
            self._try(client, Attributes(**wish), where)
            self._kept |= asked

    def _try(self, client: S3Client, wish: Attributes, where: str) -> None:
        target: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": f"{self._prefix}{secrets.token_hex(8)}",
        }
        with failing(where):
            try:
                client.put_object(**target, Body=b"", **arguments_of(wish))
            except ClientError as error:
                if status_of(error) not in _REFUSALS:
                    raise
                names = ", ".join(_named(wish))
                raise Unsupported(
                    f"{where}: the endpoint refuses {names} ({code_of(error)})"
                ) from error
            try:
                ignored = _ignored(client, target, wish, where)
            finally:
                _remove(client, target, where)
        if ignored:
            raise Unsupported(f"{where}: the endpoint ignores {', '.join(ignored)}")


def _ignored(client: S3Client, target: dict[str, Any], wish: Attributes, where: str) -> list[str]:
    """Return the names of what an object was given and does not have."""
    answer = client.head_object(**target)
    found = attributes_of(answer, {})
    kept = {
        "expires": found.expires == wish.expires,
        "website_redirect": found.website_redirect == wish.website_redirect,
        "storage_class": (found.storage_class or "STANDARD") == (wish.storage_class or "STANDARD"),
        "tags": tag_count_of(answer) == len(wish.tags or {}),
        "encryption": wish.encryption is None
        or (found.encryption is not None and found.encryption.method == wish.encryption.method),
    }
    if wish.acl is not None or wish.grants:
        acl = get_acl(client, target, where)
        private = {grant.grantee for grant in acl.grants} == {f"id={acl.owner}"}
        kept["acl"] = wish.acl is None or private == (wish.acl in _PRIVATE)
        kept["grants"] = len(acl.grants) >= len(set(wish.grants))
    return [name for name in _named(wish) if not kept[name]]


def _named(wish: Attributes) -> list[str]:
    return [name for name in (*_AS_GIVEN, *_SAMPLES) if getattr(wish, name)]


def _remove(client: S3Client, target: dict[str, Any], where: str) -> None:
    try:
        client.delete_object(**target)
    except (ClientError, BotoCoreError) as error:
        _log.warning("%s: %s is left behind: %s", where, target["Key"], type(error).__name__)
