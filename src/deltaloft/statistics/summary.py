"""The numbers: keys and bytes, in all, by prefix, by base, and as they came in time.

    logical    the files as they were put
    stored     bodies of keys, and of the bases that they need
    saved      the difference; less than nothing while there are more bases than deltas

Copies of one file are deltas of a few bytes: they count as files, and save themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from deltaloft.store import Entry, Store, StoredBase

__all__ = ["BaseUse", "Drift", "Moment", "Summary", "Totals", "summarized"]


@dataclass(frozen=True, slots=True)
class Totals:
    """Keys and bytes of some of them. `stored_size` is their bodies alone, without bases."""

    keys: int = 0
    deltas: int = 0
    logical_size: int = 0
    stored_size: int = 0

    def plus(self, entry: Entry) -> Totals:
        """Return the totals with one key more."""
        return Totals(
            self.keys + 1,
            self.deltas + (entry.form == "delta"),
            self.logical_size + _logical_size(entry),
            self.stored_size + entry.stored_size,
        )


@dataclass(frozen=True, slots=True)
class BaseUse:
    """A base, and the keys that need it. `size` is None where the base is missing."""

    sha256: str
    size: int | None
    modified: datetime | None
    totals: Totals

    @property
    def cost(self) -> int:
        """Return the bytes of the base and its deltas."""
        return (self.size or 0) + self.totals.stored_size


@dataclass(frozen=True, slots=True)
class Moment:
    """What there was when a key had been put: sums over all that is older, as it stands now."""

    when: datetime
    logical_size: int
    stored_size: int


@dataclass(frozen=True, slots=True)
class Drift:
    """One delta: when it was put, and its size as a share of its file's."""

    when: datetime
    base: str
    share: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What is stored below a prefix.

    Attributes:
        url: Of the store.
        prefix: Of the keys.
        totals: Of all keys.
        bases_size: Bytes of the bases that these keys need.
        unused_bases: How many bases no key needs; 0 unless the prefix is empty.
        unused_size: Their bytes.
        prefixes: Totals by what keys have before their first slash after `prefix`.
        bases: The bases in use, the most expensive first.
        history: One moment for each key and base, oldest first.
        drift: One for each delta that has not its base's own bytes, oldest first.
    """

    url: str
    prefix: str
    totals: Totals
    bases_size: int
    unused_bases: int
    unused_size: int
    prefixes: dict[str, Totals]
    bases: tuple[BaseUse, ...]
    history: tuple[Moment, ...] = field(repr=False)
    drift: tuple[Drift, ...] = field(repr=False)

    @property
    def stored_size(self) -> int:
        """Return the bytes of all keys and the bases they need."""
        return self.totals.stored_size + self.bases_size

    @property
    def saved_size(self) -> int:
        """Return how many bytes less that is than the files have."""
        return self.totals.logical_size - self.stored_size

    @property
    def saved_share(self) -> float:
        """Return the same as a share of the files' bytes, 0 where there are none."""
        return self.saved_size / self.totals.logical_size if self.totals.logical_size else 0.0


def summarized(store: Store, prefix: str = "") -> Summary:
    """Sum up what is stored below a prefix: one listing of the keys, and one of the bases.

    Raises:
        StorageError: a listing cannot be completed.
    """
    known = {base.sha256: base for base in store.bases()}
    totals = Totals()
    by_prefix: defaultdict[str, Totals] = defaultdict(Totals)
    by_base: defaultdict[str, Totals] = defaultdict(Totals)
    entries = []
    for entry in store.list(prefix):
        totals = totals.plus(entry)
        name, slash, _ = entry.key[len(prefix) :].partition("/")
        part = f"{prefix}{name}/" if slash else prefix
        by_prefix[part] = by_prefix[part].plus(entry)
        if entry.form == "delta" and entry.base is not None:
            by_base[entry.base] = by_base[entry.base].plus(entry)
        entries.append(entry)
    used = [known[sha256] for sha256 in by_base if sha256 in known]
    unused = [] if prefix else [base for base in known.values() if base.sha256 not in by_base]
    uses = (_use(sha256, of, known.get(sha256)) for sha256, of in by_base.items())
    return Summary(
        store.url,
        prefix,
        totals,
        bases_size=sum(base.size for base in used),
        unused_bases=len(unused),
        unused_size=sum(base.size for base in unused),
        prefixes=dict(by_prefix),
        bases=tuple(sorted(uses, key=lambda use: (-use.cost, use.sha256))),
        history=tuple(_history(entries, used)),
        drift=tuple(_drift(entries)),
    )


def _use(sha256: str, totals: Totals, base: StoredBase | None) -> BaseUse:
    if base is None:
        return BaseUse(sha256, None, None, totals)
    return BaseUse(sha256, base.size, base.modified, totals)


def _logical_size(entry: Entry) -> int:
    """Return the size of a key's file; one that is not known counts as it is stored."""
    return entry.stored_size if entry.logical_size is None else entry.logical_size


def _history(entries: Iterable[Entry], used: Iterable[StoredBase]) -> Iterable[Moment]:
    came = [(e.modified, _logical_size(e), e.stored_size) for e in entries]
    came += [(base.modified, 0, base.size) for base in used]
    logical = stored = 0
    for when, logical_size, stored_size in sorted(came):
        logical, stored = logical + logical_size, stored + stored_size
        yield Moment(when, logical, stored)


def _drift(entries: Iterable[Entry]) -> Iterable[Drift]:
    for entry in sorted(entries, key=lambda e: (e.modified, e.key)):
        if entry.form == "delta" and entry.base not in (None, entry.sha256) and entry.logical_size:
            yield Drift(entry.modified, entry.base, entry.stored_size / entry.logical_size)
