"""How a file gets into the store.

    1  read once: SHA-256 and size                     input
    2  can it gain?  no: plain                         eligible
    3  which base?                                     bases: one GET, conditional when warm
         its own bytes are one: a delta of a few copies
         one is chosen: encode; more than half of the file left: none
         none: the file becomes a base, and its key a tiny delta against that
    4  decode what was encoded, compare digests
    5  the base first, then the key, then the index    so that no key ever lacks its base

Only step 5 writes. Whatever fails before leaves the bucket as it was; what fails inside it leaves a
base that nobody needs.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import BinaryIO, Literal

from deltaloft import bases, layout
from deltaloft.bases import Base, BaseIndex
from deltaloft.bucket import Attributes, Bucket
from deltaloft.buffers import Buffer
from deltaloft.errors import DeltaloftError, IntegrityError, NotFound
from deltaloft.store import eligible
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.deltas import CodecPolicy, proven_delta
from deltaloft.store.input import Input
from deltaloft.store.results import FormName, PutResult
from deltaloft.unpack import is_unpacked

__all__ = ["DeltaPolicy", "Putting"]

DeltaPolicy = Literal["auto", "always", "never"]

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

    def run(self, policy: DeltaPolicy) -> PutResult:
        """Store the file in the form that the policy and its bytes call for."""
        if policy == "never":
            return self._put_plain()
        if policy == "auto" and not eligible.may_gain(self.key, self.given.view):
            return self._put_plain()
        return self._put_against_known() or self._put_as_base() or self._put_plain()

    # ---- The three forms ----

    def _put_plain(self) -> PutResult:
        attributes = layout.plain_attributes(self.attributes, sha256=self.given.sha256)
        etag = self._upload(self.given.body(), attributes)
        return self._result("plain", self.given.size, etag)

    def _put_against_known(self) -> PutResult | None:
        """Store a delta against a base of the index; None when none is of use."""
        known = list(self.index.load())
        for _ in range(_CANDIDATES):
            same = next((b for b in known if b.sha256 == self.given.sha256), None)
            base = same or bases.choose(known, key=self.key, size=self.given.size)
            if base is None:
                return None
            with ExitStack() as stack:
                source = self._source(base, stack)
                if source is not None:
                    delta = stack.enter_context(self._delta(source, self.given.size // 2))
                    return None if delta is None else self._put_delta(base, delta)
            known.remove(base)
        return None

    def _put_as_base(self) -> PutResult | None:
        """Make a base of the file; None when that costs more than it may."""
        given = self.given
        if given.size < eligible.SMALLEST_BASE:
            return None
        base = Base(given.sha256, given.size, bases.stem(self.key))
        with self._delta(given.view, given.size // 200) as delta:
            if delta is None:
                return None
            self.bucket.put(
                layout.base_key(base.sha256), given.body(), layout.base_attributes(base.stem)
            )
            self.base_bytes.remember(base.sha256, given.view)
            result = self._put_delta(base, delta, new_base=True)
        self.index.add(base)
        return result

    def _put_delta(self, base: Base, delta: memoryview, *, new_base: bool = False) -> PutResult:
        attributes = layout.delta_attributes(
            self.attributes,
            sha256=self.given.sha256,
            size=self.given.size,
            base=base.sha256,
            base_size=base.size,
            codec=layout.UNPACK if is_unpacked(delta) else layout.VCDIFF,
        )
        etag = self._upload(delta, attributes)
        return self._result("delta", len(delta), etag, base=base.sha256, new_base=new_base)

    # ---- The steps ----

    def _source(self, base: Base, stack: ExitStack) -> memoryview | None:
        """Return the bytes of a base that the bucket really holds; None if it does not."""
        try:
            if base.sha256 == self.given.sha256:
                self.base_bytes.check(base.sha256, self.given.size)
                return self.given.view
            return stack.enter_context(self.base_bytes.opened(base.sha256, base.size, check=True))
        except (NotFound, IntegrityError) as error:
            _log.warning("base %s is not used: %s", base.sha256, error)
            self.index.forget(base.sha256)
            return None

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
        *,
        base: str | None = None,
        new_base: bool = False,
    ) -> PutResult:
        given = self.given
        _log.info("%s: %s, %d bytes for %d", self.key, form, stored_size, given.size)
        return PutResult(
            self.key, form, given.size, stored_size, given.sha256, base, new_base, etag
        )
