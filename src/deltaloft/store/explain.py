"""Why a file is stored as it is, or what would be done with one, and what else could have been.

Nothing is written. Deltas are really made, against the best few bases, so that estimates can be
held against sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deltaloft import bases, codec, unpack
from deltaloft.bases import BaseIndex, Candidate
from deltaloft.errors import IntegrityError, NotFound
from deltaloft.store import choosing, eligible
from deltaloft.store.base_bytes import BaseBytes
from deltaloft.store.input import Input
from deltaloft.store.results import Alternative, Explanation, FormName, Reason, Stat

__all__ = ["Explaining"]

_MEASURED = 3
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Explaining:
    """One file, and the bases it could be a delta against."""

    index: BaseIndex
    base_bytes: BaseBytes
    key: str
    given: Input
    measure: bool

    def of_stored(self, stat: Stat) -> Explanation:
        """Explain what is stored under the key."""
        candidates = self._candidates()
        own = next((each for each in candidates if each.base.sha256 == stat.base), None)
        reason: Reason = "stored plain" if stat.base is None else "base unknown"
        if stat.base == self.given.sha256:
            reason = "same bytes as a base"
        elif own is not None:
            reason = choosing.reason(own)
        shown = [*([own] if own else []), *(each for each in candidates if each is not own)]
        return Explanation(
            self.key,
            stat.form,
            stat.size,
            stat.stored_size,
            stat.base,
            False,
            reason,
            tuple(self._alternatives(shown[:_SHOWN])),
        )

    def of_put(self) -> Explanation:
        """Explain what a put would do."""
        given = self.given
        mapped = self.base_bytes.are_mapped
        if not eligible.may_gain(self.key, given.view, bases_are_mapped=mapped):
            return self._planned("plain", given.size, None, "not eligible", ())
        candidates = self._candidates()
        same = next((each for each in candidates if each.base.sha256 == given.sha256), None)
        found = same or choosing.chosen(candidates, given, self.base_bytes)
        if found is None:
            shown = self._alternatives(candidates[:_SHOWN])
            return self._planned_base("no base is close", shown)
        rest = (each for each in candidates if each is not found)
        shown = self._alternatives([found, *rest][:_SHOWN], always=found)
        size = shown[0].measured_size
        if size is None:
            return self._planned_base("base missing", shown)
        if same is None and bases.pays(found.base, size=given.size, delta_size=size):
            return self._planned_base("a new base pays", shown)
        reason = choosing.reason(found) if same is None else "same bytes as a base"
        return self._planned("delta", size, found.base.sha256, reason, shown)

    def _candidates(self) -> list[Candidate]:
        return choosing.candidates_for(self.index.load(), self.given, key=self.key)

    def _planned(
        self,
        form: FormName,
        stored_size: int,
        base: str | None,
        reason: Reason,
        shown: Sequence[Alternative],
        *,
        new_base: bool = False,
    ) -> Explanation:
        size = self.given.size
        found = tuple(shown)
        return Explanation(self.key, form, size, stored_size, base, new_base, reason, found)

    def _planned_base(self, reason: Reason, shown: Sequence[Alternative]) -> Explanation:
        given = self.given
        base = bases.Base(given.sha256, given.size, bases.stem(self.key), str(given.sketch))
        delta = codec.encode(given.view, given.view)
        if len(delta) > eligible.base_overhead(base):
            return self._planned("plain", given.size, None, "too small for a base", shown)
        return self._planned("delta", len(delta), given.sha256, reason, shown, new_base=True)

    def _alternatives(
        self, candidates: Sequence[Candidate], *, always: Candidate | None = None
    ) -> list[Alternative]:
        found = []
        for place, each in enumerate(candidates):
            tried = each is always or (each.close and place < _MEASURED)
            found.append(self._alternative(each, tried=tried, download=each is always))
        return found

    def _alternative(self, each: Candidate, *, tried: bool, download: bool) -> Alternative:
        base = each.base
        size = None
        if tried:
            size = self._measured(base, download=download or self.measure)
        return Alternative(
            base.sha256,
            base.size,
            base.stem,
            each.resemblance,
            each.inside,
            each.same_stem,
            each.estimated_size,
            size,
        )

    def _measured(self, base: bases.Base, *, download: bool) -> int | None:
        try:
            with self.base_bytes.opened(base.sha256, base.size, download=download) as source:
                plain = codec.encode(source, self.given.view)
                body = unpack.encode_unpacked(
                    source, self.given.view, memoryview(plain), limit=len(plain), level=6
                )
                return len(plain if body is None else body)
        except (NotFound, IntegrityError):
            return None
