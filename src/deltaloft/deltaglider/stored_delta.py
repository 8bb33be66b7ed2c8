"""A file that DeltaGlider stored as a delta, on its way out.

reference ── inflated, if xdelta3 did so ──→ source ┐
delta ──────────────────────────────────────────────┴→ target ─→ the file
                                                         └ inflated, if xdelta3 did so: then
                                                           compressed again as it was

DeltaGlider itself compresses such a target with the default level of whatever gzip, bzip2 or xz is
installed, finds another digest, and never gives the file back.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from deltaloft import codec, xdelta3
from deltaloft.atomic_file import write_all
from deltaloft.bucket import Bucket, ObjectInfo
from deltaloft.bucket_requests import object_url
from deltaloft.buffers import mapped_file
from deltaloft.delta_reader import open_delta
from deltaloft.deltaglider import metadata
from deltaloft.deltaglider.gzip_header import GzipHints
from deltaloft.deltaglider.inflating import Kind, Marks, inflated, kind_of, marks_of
from deltaloft.deltaglider.kin import Kin
from deltaloft.deltaglider.members import shared_members
from deltaloft.deltaglider.metadata import folder_of
from deltaloft.deltaglider.recovery import Budget, Goal, NotMadeAgain, recover
from deltaloft.deltaglider.references import OpenedReference, References
from deltaloft.deltaglider.tar_facts import TarFacts
from deltaloft.errors import ContentOnly, DamagedObject, DeltaError, UnsupportedDelta, WrongSource
from deltaloft.native import Delta
from deltaloft.secondary import DJW, FGK, compressor_name

__all__ = ["Limits", "StoredDelta"]

_IN_MEMORY = 32 << 20  # a longer delta is spooled into an unlinked temporary file
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far to go for one file.

    Attributes:
        replay_seconds: CPU time for making a compressed file again.
        inflated_size: The most bytes that a reference or a target may be when inflated.
    """

    replay_seconds: float = 120.0
    inflated_size: int = 4 << 30


@dataclass(frozen=True, slots=True)
class StoredDelta:
    """A delta of DeltaGlider's, described but not read yet.

    `made_by` remembers what made the files of a folder, for the next one of it.
    """

    bucket: Bucket
    references: References
    info: ObjectInfo
    form: metadata.Delta
    limits: Limits
    made_by: dict[tuple[str, Kind], str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return the file's key."""
        return self.info.key.removesuffix(metadata.DELTA_SUFFIX)

    @property
    def url(self) -> str:
        """Name the delta for messages."""
        return object_url(self.bucket.url, self.info.key)

    def write_to(self, file: BinaryIO, *, content: bool = False) -> bool:
        """Write the file, and say whether it is that; the caller compares the digest.

        With `content`, a file that was compressed comes out inflated, and False is returned.

        Raises:
            ContentOnly: the file's content is here, but nothing makes the file of it.
            WrongSource: the reference is not what the delta was made from.
            DamagedObject: delta or reference are damaged or missing.
            UnsupportedDelta: the delta needs what this build lacks.
        """
        with ExitStack() as stack:
            reference = stack.enter_context(self.references.opened(self.form, self.url))
            if reference.sha256 == self.form.sha256 and not content:
                write_all(file, reference.view)
                return True
            delta = stack.enter_context(self._body())
            try:
                return self._decoded(delta, reference, file, content)
            except UnsupportedDelta as error:
                raise UnsupportedDelta(f"{self.url}: {error}") from error
            except (DeltaError, WrongSource) as error:
                raise DamagedObject(
                    f"{self.url}: with reference {reference.sha256}: {error}"
                ) from error

    @contextmanager
    def _body(self) -> Iterator[memoryview]:
        with self.bucket.get(self.info.key, if_match=self.info.etag) as reading:
            assert reading is not None  # if_none_match was not asked
            if reading.info.size <= _IN_MEMORY:
                body = b"".join(reading.chunks())
                yield memoryview(body)
                return
            with tempfile.TemporaryFile() as spool:
                for piece in reading.chunks():
                    spool.write(piece)
                with mapped_file(cast("BinaryIO", spool)) as view:
                    yield view

    def _decoded(
        self, delta: memoryview, reference: OpenedReference, file: BinaryIO, content: bool
    ) -> bool:
        with open_delta(delta) as opened:
            _check_engine(opened)
            header, source_size = opened.app_header, opened.source_size
        marks = marks_of(header)
        kinds = [marks.source] if marks else _guesses(reference.view)
        if marks is not None and marks.target is None and len(kinds) == 1:
            with self._source(reference, kinds[0], source_size) as source:
                codec.decode_file(source, delta, file, max_size=self.form.size)
            return True
        with tempfile.TemporaryFile() as spool:
            target = cast("BinaryIO", spool)
            inside = self._spool(delta, reference, kinds, source_size, target)
            kin = Kin(reference.view, reference.source_name, reference.created_at, inside)
            with mapped_file(target) as view:
                return self._finished(view, marks, kin, file, content)

    def _spool(
        self,
        delta: memoryview,
        reference: OpenedReference,
        kinds: list[Kind | None],
        source_size: int,
        target: BinaryIO,
    ) -> TarFacts:
        """Decode to `target` with the first reading of the reference that the delta agrees to.

        Returns what the tar in the reference tells, read that way.
        """
        for kind in kinds:
            target.seek(0)
            target.truncate()
            try:
                with self._source(reference, kind, source_size) as source:
                    codec.decode_file(source, delta, target, max_size=self.limits.inflated_size)
                    return TarFacts.of(source)
            except (WrongSource, DamagedObject):
                if kind == kinds[-1]:
                    raise
        raise AssertionError("no reading of the reference was tried")

    @contextmanager
    def _source(
        self, reference: OpenedReference, kind: Kind | None, size: int
    ) -> Iterator[memoryview]:
        """Lend the reference as xdelta3 saw it; what no window reaches is not inflated."""
        if kind is None:
            yield reference.view
            return
        try:
            found = inflated(reference.view, kind, most=size, limit=self.limits.inflated_size)
        except DamagedObject as error:
            raise DamagedObject(f"{self.url}: its reference: {error}") from error
        with memoryview(found) as view:
            yield view

    def _finished(
        self,
        target: memoryview,
        marks: Marks | None,
        kin: Kin,
        file: BinaryIO,
        content: bool,
    ) -> bool:
        """Write what the delta made, if it is the file, or else what it can be made into."""
        if hashlib.sha256(target).hexdigest() == self.form.sha256:
            _copy(target, file)
            return True
        if content:
            _copy(target, file)
            return False
        kinds: list[Kind] = [marks.target] if marks and marks.target else ["gzip", "bzip2", "xz"]
        for piece in self._made_again(target, kinds, kin):
            write_all(file, memoryview(piece))
        return True

    def _made_again(self, target: memoryview, kinds: list[Kind], kin: Kin) -> list[bytes]:
        budget = Budget(self.limits.replay_seconds)
        folder = folder_of(self.info.key)
        refusals = []
        for kind in kinds:
            for goal, content, share in self._goals(kind, target, kin, budget):
                try:
                    name, pieces = recover(content, goal, share)
                except NotMadeAgain as refusal:
                    refusals.append(str(refusal))
                    continue
                self.made_by[folder, kind] = name
                _log.info("%s: made again by %s", self.url, name)
                return [goal.before, *pieces]
        raise ContentOnly(
            f"{self.url}: its content of {len(target)} bytes is here, but not how it was "
            f"compressed: {'; '.join(refusals)} (dg get --inflated gives the content)"
        )

    def _goals(
        self, kind: Kind, target: memoryview, kin: Kin, budget: Budget
    ) -> Iterator[tuple[Goal, memoryview, Budget]]:
        """Yield what is to be made of which content, and in what time.

        If the content begins like the reference's, the file may have been appended to: what would
        follow then is tried first, for half of the time that is left.
        """
        form = self.form
        first = self.made_by.get((folder_of(self.info.key), kind))

        def goal(content: memoryview, before: bytes = b"") -> Goal:
            uploaded = form.created_at or self.info.modified
            hints = GzipHints.of(form.original_name, uploaded, content, kin)
            return Goal(kind, form.size, form.sha256, hints, first, before)

        end, plain_end = shared_members(kind, kin.view, target)
        if 0 < end < form.size and plain_end < len(target):
            rest = target[plain_end:]
            yield goal(rest, bytes(kin.view[:end])), rest, Budget(budget.left / 2)
        yield goal(target), target, budget


def _guesses(view: memoryview) -> list[Kind | None]:
    """Return how the reference may have been read when no header says so."""
    kind = kind_of(view)
    return [None] if kind is None else [kind, None]


def _check_engine(delta: Delta) -> None:
    """Say before the work begins what this build lacks for it."""
    if delta.packed_windows and delta.secondary in (DJW, FGK) and not xdelta3.available():
        name = compressor_name(delta.secondary)
        raise UnsupportedDelta(
            f"sections packed by {name}: this build lacks the xdelta3 engine, which reads them"
        )


def _copy(view: memoryview, file: BinaryIO) -> None:
    for start in range(0, len(view), 1 << 20):
        write_all(file, view[start : start + (1 << 20)])
