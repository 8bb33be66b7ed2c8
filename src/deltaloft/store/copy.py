"""How a file gets from one key to another.

within a store      the bucket copies the object as it is, a delta as a delta
between stores      get, then put: the file is proven on the way, and finds its base at the target

Within a store the bytes take the second way, too, where the endpoint does not copy such an object
(Ceph 16 copies none that it encrypts), and where new attributes do not go with the base of a delta:
another protection, or a storage class that has to be restored before it can be read. So they do
where a collection has marked the base, for it may have missed a key that moves: see docs/gc.md.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO, cast

from deltaloft import layout
from deltaloft.bucket import Attributes, Bucket, Lock, ObjectInfo
from deltaloft.bucket_requests import check_copy, object_url
from deltaloft.deltaglider import user_attributes
from deltaloft.errors import (
    AlreadyExists,
    InputChanged,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    Unsupported,
)
from deltaloft.layout import Delta, Foreign, Form
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.get import Older
from deltaloft.store.marks import Marks
from deltaloft.store.older import OlderFiles, give
from deltaloft.store.options import PutOptions
from deltaloft.store.results import CopyResult, PutResult, described

__all__ = ["Copying", "check_free"]

_log = logging.getLogger(__name__)

_TRIES = 4  # a source that is replaced this often while it is copied


def check_free(bucket: Bucket, key: str) -> None:
    """Look whether a key is free; endpoints know no condition on the target of a copy.

    Raises:
        AlreadyExists: it is not.
    """
    with suppress(NotFound):
        bucket.head(key)
        raise AlreadyExists(f"{object_url(bucket.url, key)}: the key is taken")


@dataclass(frozen=True, slots=True)
class Copying:
    """One file on its way from key to key; `get` and `put` are those of the two stores.

    `older` says of a foreign source whether DeltaGlider has another object in place of it.
    """

    bucket: Bucket
    base_bytes: BaseBytes
    source_key: str
    target_key: str
    attributes: Attributes | None
    options: PutOptions
    get: Callable[[str, BinaryIO], object]
    put: Callable[..., PutResult]
    marks: Marks
    older: OlderFiles

    def run(self, *, within: bool) -> CopyResult:
        """Copy `within` one store or to another, whatever form the source has."""
        result = self._run(within=within)
        how = "in the bucket" if result.in_place else "by way of this machine"
        _log.info("copy %s to %s: %s, %s", self.source_key, self.target_key, result.form, how)
        return result

    def _run(self, *, within: bool) -> CopyResult:
        try:
            return self.within() if within else self.between()
        except (NotFound, Older) as missing:
            found = self.older.found(self.source_key, missing)
        kept = user_attributes(found.info.attributes)
        with tempfile.TemporaryFile() as file:
            spool = cast("BinaryIO", file)
            give(found, self.source_key, spool)
            return self._put(spool, kept if self.attributes is None else self.attributes)

    def within(self) -> CopyResult:
        """Copy inside one store.

        Raises:
            PreconditionFailed: the source was replaced, again and again.
        """
        where = object_url(self.bucket.url, self.target_key)
        check_copy(where, self.source_key, self.target_key, self.attributes)
        for _ in range(_TRIES):
            info = self.bucket.head(self.source_key)
            form = layout.form_of(info, self._source_url)
            if isinstance(form, Foreign):
                self.older.check(self.source_key, info)
            if not self._goes_with_base(form):
                return self.between()
            given = self.attributes and layout.with_user(info.attributes, self.attributes)
            try:
                self.bucket.copy(info, self.target_key, attributes=given)
            except Unsupported:
                return self.between()
            except PreconditionFailed:
                continue
            if isinstance(form, Delta) and self.marks.is_retiring(form):
                return self.between()
            return self._result(self.bucket.head(self.target_key), where)
        raise PreconditionFailed(f"{self._source_url}: replaced {_TRIES} times while it was copied")

    def between(self) -> CopyResult:
        """Copy to another store, or by way of this machine.

        Raises:
            InputChanged: the source was replaced meanwhile.
        """
        info = self.bucket.head(self.source_key)
        attributes = self._kept(info) if self.attributes is None else self.attributes
        with tempfile.TemporaryFile() as file:
            spool = cast("BinaryIO", file)
            self.get(self.source_key, spool)
            if self.bucket.head(self.source_key).etag != info.etag:
                raise InputChanged(f"{self._source_url}: replaced while it was copied")
            return self._put(spool, attributes)

    def _put(self, spool: BinaryIO, attributes: Attributes) -> CopyResult:
        spool.seek(0)
        put = self.put(spool, self.target_key, attributes=attributes, **self.options)
        return CopyResult(
            self.source_key,
            put.key,
            put.form,
            put.size,
            put.stored_size,
            put.sha256,
            put.base,
            put.etag,
            in_place=False,
        )

    def _goes_with_base(self, form: Form) -> bool:
        """Say whether an object may have the new attributes and remain what it is."""
        if self.attributes is None or not isinstance(form, Delta):
            return True
        if layout.is_archived(self.attributes):
            return False
        token = self.base_bytes.protection(form.base, form.base_size)
        return token == layout.protection(self.attributes)

    def _kept(self, info: ObjectInfo) -> Attributes:
        """Return all that the user gave to the source, for another bucket to keep or refuse."""
        kept = layout.user_attributes(info.attributes)
        if info.tag_count:
            kept = replace(kept, tags=self.bucket.tags(self.source_key))
        # AWS encrypts whatever nobody asked about, and so will the target if it can.
        if kept.encryption is not None and kept.encryption.method == "AES256":
            kept = replace(kept, encryption=None)
        if kept.lock and kept.lock.until and kept.lock.until <= datetime.now(UTC):
            kept = replace(kept, lock=Lock(legal_hold=True) if kept.lock.legal_hold else None)
        try:
            acl = self.bucket.acl(self.source_key)
        except (InvalidRequest, Unsupported):  # no ACLs there
            return kept
        if any(grant.grantee != f"id={acl.owner}" for grant in acl.grants):
            kept = replace(kept, grants=acl.grants)
        return kept

    def _result(self, info: ObjectInfo, url: str) -> CopyResult:
        name, size, sha256, base = described(layout.form_of(info, url), info.size)
        return CopyResult(
            self.source_key,
            self.target_key,
            name,
            size,
            info.size,
            sha256,
            base,
            info.etag,
            in_place=True,
        )

    @property
    def _source_url(self) -> str:
        return object_url(self.bucket.url, self.source_key)
