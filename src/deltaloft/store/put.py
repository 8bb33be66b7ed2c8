"""How a file gets into the store.

    1  read once: SHA-256 and size                     input
    2  can it gain?  no: plain                         eligible
    3  which base?  by sketches                        bases: one GET, conditional when warm
         its own bytes are one: a delta of a few copies
         one is chosen: encode                         choosing
         none, or a new one pays: the file becomes     bases.rebasing
           a base, and its key a tiny delta against that
    4  decode what was encoded, compare digests
    5  the base first, then the key, then the index    so that no key ever lacks its base
    6  that took long: does the base still stand?      rescue

Only step 5 writes. Whatever fails before leaves the bucket as it was; what fails inside it leaves a
base that nobody needs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import BinaryIO

from deltaloft import bases, layout
from deltaloft.bases import Base, BaseIndex
from deltaloft.bucket import Attributes, Bucket
from deltaloft.buffers import Buffer
from deltaloft.delta_reader import is_unpacked
from deltaloft.errors import (
    AlreadyExists,
    DeltaloftError,
    IntegrityError,
    NotFound,
    Unsupported,
)
from deltaloft.store import choosing, eligible, rescue
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.clock import Stopwatch
from deltaloft.store.deltas import proven_delta
from deltaloft.store.input import Input
from deltaloft.store.options import CodecPolicy, DeltaPolicy
from deltaloft.store.results import FormName, PutResult, Reason

__all__ = ["Putting"]

_log = logging.getLogger(__name__)

_CANDIDATES = 3  # bases that turn out to be gone or damaged before we stop asking


@dataclass(frozen=True, slots=True)
class Putting:
    """One file on its way to one key."""

    bucket: Bucket
    index: BaseIndex
    base_bytes: BaseBytes
    key: str
    given: Input
    attributes: Attributes
    no_clobber: bool
    level: int
    codec: CodecPolicy = "auto"
    watch: Stopwatch = field(default_factory=Stopwatch)

    def run(self, policy: DeltaPolicy) -> PutResult:
        """Store the file in the form that the policy and its bytes call for."""
        if policy == "never" or layout.is_archived(self.attributes):
            return self._put_plain("as asked")
        mapped = self.base_bytes.are_mapped
        if policy == "auto" and not eligible.may_gain(
            self.key, self.given.view, bases_are_mapped=mapped
        ):
            return self._put_plain("not eligible")
        return (
            self._put_against_known()
            or self._put_as_base("no base is close")
            or self._put_plain("no base is close, and it is none")
        )

    # ---- The three forms ----

    def _put_plain(self, why: str) -> PutResult:
        attributes = layout.plain_attributes(self.attributes, sha256=self.given.sha256)
        etag = self._upload(self.given.body(), attributes)
        return self._result("plain", self.given.size, etag, why)

    def _put_against_known(self) -> PutResult | None:
        """Store a delta against a base of the index; None when none is of use.

        When a new base pays, the file becomes one.
        """
        known = list(self.index.load())
        for _ in range(_CANDIDATES):
            found = self._base_for(known)
            if found is None:
                return None
            base, why = found
            with ExitStack() as stack:
                source = self._source(base, stack)
                if source is not None:
                    limit = int(bases.LARGEST_DELTA * self.given.size)
                    delta = stack.enter_context(self._delta(source, limit))
                    if delta is None:
                        return None
                    rebased = self._rebased(base, delta)
                    return rebased or self._put_and_note(base, source, delta, why)
            known.remove(base)
        return None

    def _base_for(self, known: Sequence[Base]) -> tuple[Base, Reason] | None:
        """Choose a base, and say why."""
        for base in known:
            if base.sha256 == self.given.sha256:
                return base, "same bytes as a base"
        candidates = choosing.candidates_for(
            known, self.given, key=self.key, unpacking=self.codec == "auto"
        )
        found = choosing.chosen(candidates, self.given, self.base_bytes)
        return (found.base, choosing.reason(found)) if found else None

    def _rebased(self, base: Base, delta: memoryview) -> PutResult | None:
        """Make a base of the file, if that pays in the long run and it may be one."""
        given = self.given
        if base.sha256 == given.sha256:
            return None
        if not bases.pays(base, size=given.size, delta_size=len(delta)):
            return None
        return self._put_as_base("a new base pays", paid_by=base)

    def _put_and_note(
        self, base: Base, source: memoryview, delta: memoryview, why: Reason
    ) -> PutResult:
        """Store a delta; now and then its size goes into the base's entry."""
        result = self._put_delta(base, source, delta, why)
        if base.sha256 != self.given.sha256:

            def noted(entry: Base) -> Base:
                return bases.noted(
                    entry,
                    size=self.given.size,
                    delta_size=len(delta),
                    sha256=self.given.sha256,
                )

            if noted(base) != base:
                self.index.note(base.sha256, noted)
        return result

    def _put_as_base(self, why: Reason, *, paid_by: Base | None = None) -> PutResult | None:
        """Make a base of the file; None when that costs more than it may, or one is about to go."""
        given = self.given
        if self.index.is_retiring(given.sha256):
            return None
        base = Base(given.sha256, given.size, bases.stem(self.key), str(given.sketch))
        with self._delta(given.view, eligible.base_overhead(base)) as delta:
            if delta is None:
                return None
            if not self._store_base(base, layout.base_attributes(base.stem, base.sketch)):
                return None
            result = self._put_delta(base, given.view, delta, why, new_base=True)
        self.index.add(base, paid_by=paid_by)
        return result

    def _put_delta(
        self,
        base: Base,
        source: memoryview,
        delta: memoryview,
        why: Reason,
        *,
        new_base: bool = False,
    ) -> PutResult:
        attributes = layout.delta_attributes(
            self.attributes,
            sha256=self.given.sha256,
            size=self.given.size,
            base=base.sha256,
            base_size=base.size,
            codec=layout.UNPACK if is_unpacked(delta) else layout.VCDIFF,
        )
        etag = self._upload(delta, attributes)
        if self.watch.seconds() > rescue.SLOW_SECONDS:
            rescue.keep_base(self.bucket, self.index, base, source, self.attributes)
        return self._result("delta", len(delta), etag, why, base=base.sha256, new_base=new_base)

    # ---- The steps ----

    def _store_base(self, base: Base, attributes: Attributes) -> bool:
        """Store the file as a base; False if it is one already, for whom this key is not meant."""
        key, token = layout.base_key(base.sha256), layout.protection(self.attributes)
        attributes = layout.protected(attributes, self.attributes)
        try:
            self.bucket.put(key, self.given.body(), attributes, no_clobber=True)
        except AlreadyExists:
            # Nobody knew of it, or it was found damaged.
            if layout.base_protection(self.bucket.head(key).attributes) != token:
                return False
            self.bucket.put(key, self.given.body(), attributes)
        except Unsupported:
            self.bucket.put(key, self.given.body(), attributes)
        self.base_bytes.remember(base.sha256, self.given.view, token, watch=self.watch)
        return True

    def _source(self, base: Base, stack: ExitStack) -> memoryview | None:
        """Return the bytes of a base that the bucket really holds; None if it does not."""
        same = base.sha256 == self.given.sha256
        try:
            if same:
                self.base_bytes.check(base.sha256, self.given.size)
                source = self.given.view
            else:
                opened = self.base_bytes.opened(base.sha256, base.size, check=True)
                source = stack.enter_context(opened)
            token = self.base_bytes.protection(base.sha256, base.size)
        except (NotFound, IntegrityError) as error:
            _log.warning("base %s is not used: %s", base.sha256, error)
            self.index.forget(base.sha256)
            return None
        if token != layout.protection(self.attributes):  # an index that was made again may name it
            self.index.forget(base.sha256)
            return None
        return source

    def _delta(self, source: memoryview, limit: int) -> AbstractContextManager[memoryview | None]:
        """Lend a proven delta from `source` to the file; None when it is larger than `limit`."""
        return proven_delta(
            source, self.given, key=self.key, limit=limit, level=self.level, policy=self.codec
        )

    def _upload(self, body: Buffer | BinaryIO, attributes: Attributes) -> str:
        self.given.check_unchanged()
        key = self.key
        try:
            return self.bucket.put(key, body, attributes, no_clobber=self.no_clobber)
        except DeltaloftError:
            self.given.check_unchanged()  # says better why an upload broke off
            raise

    def _result(
        self,
        form: FormName,
        stored_size: int,
        etag: str,
        why: str,
        *,
        base: str | None = None,
        new_base: bool = False,
    ) -> PutResult:
        given = self.given
        of = f" of the {'new ' if new_base else ''}base {base[:12]}" if base else ""
        sizes = stored_size, given.size
        _log.info("put %s: %s%s, %d bytes for %d: %s", self.key, form, of, *sizes, why)
        return PutResult(
            self.key, form, given.size, stored_size, given.sha256, base, new_base, etag
        )
