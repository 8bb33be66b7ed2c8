"""Steps done, several at a time.

    steps ──> at most `jobs` threads ──> Done, as they come to their end

A step that fails is a `Done` with its error, and the others go on. Whoever stops listening, or is
interrupted, stops the transfers: those under way are given up within a piece, and leave nothing
behind that is half a file.
"""

from __future__ import annotations

import logging
import mimetypes
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from deltaloft.bucket import Attributes
from deltaloft.errors import DeltaloftError, InvalidRequest
from deltaloft.store import (
    CodecPolicy,
    CopyResult,
    DeltaPolicy,
    GetResult,
    Progress,
    PutOptions,
    PutResult,
)
from deltaloft.transfers.sides import Item, LocalSide, Side, StoreSide
from deltaloft.transfers.steps import Step

__all__ = ["Done", "Options", "run", "with_guessed_type"]

_log = logging.getLogger(__name__)

Result = PutResult | GetResult | CopyResult
Verb = Literal["upload", "download", "copy", "move", "delete"]


@dataclass(frozen=True, slots=True)
class Options:
    """How files are transferred.

    Attributes:
        move: Remove the source of each file that has arrived.
        size_only: A file of the same size has not changed.
        exact_timestamps: A file without a digest has changed when its time has, to either side.
        attributes: For files that come from this machine, and for copies if not None.
        guess_type: Derive the Content-Type of files of this machine from their names.
        delta: As `Store.put` takes it.
        codec: As `Store.put` takes it.
        level: As `Store.put` takes it.
        no_clobber: Replace nothing. Copies look first, and two of them may meet.
        dry: Do nothing, and say what would be done.
        jobs: How many files at a time.
    """

    move: bool = False
    size_only: bool = False
    exact_timestamps: bool = False
    attributes: Attributes | None = None
    guess_type: bool = True
    delta: DeltaPolicy = "auto"
    codec: CodecPolicy | None = None
    level: int = 6
    no_clobber: bool = False
    dry: bool = False
    jobs: int = 4

    @property
    def put(self) -> PutOptions:
        """Return what of it says how a file is stored."""
        return {
            "delta": self.delta,
            "codec": self.codec,
            "level": self.level,
            "no_clobber": self.no_clobber,
        }


@dataclass(frozen=True, slots=True)
class Done:
    """A step that came to its end. `target` is None for a removal; sizes are in bytes.

    `result` is what the store said of the transfer; None for a removal, and where nothing was done.
    """

    verb: Verb
    source: str
    target: str | None
    size: int | None
    error: BaseException | None = None
    result: Result | None = None


class _Stopped(BaseException):
    """Ends a transfer whose result nobody waits for any more; no error of its own."""


@dataclass(frozen=True, slots=True)
class _Work:
    source: Side | None
    target: Side
    options: Options
    progress: Progress | None
    stopped: threading.Event = field(default_factory=threading.Event)

    def do(self, step: Step) -> Done | None:
        """Do one step; None when there was nothing to do."""
        try:
            if step.verb == "compare":
                changed = self._has_changed(step)
                where = self.target.place(step.target_name)
                _log.debug("%s: %s", where, "has changed" if changed else "is up to date")
                if not changed:
                    self._advance(step.item.size or 0)
                    return None
            result = None if self.options.dry else self._transfer(step)
        except (DeltaloftError, OSError, MemoryError) as error:
            return self._done(step, error)
        return self._done(step, None, result)

    def _transfer(self, step: Step) -> Result | None:
        if step.verb == "delete":
            self.target.delete(step.target_name)
            return None
        source, item, name = self.source, step.item, step.target_name
        match source, self.target:
            case LocalSide(), StoreSide() as store:
                result: Result = self._upload(source, item, store, name)
            case StoreSide(), LocalSide() as local:
                result = self._download(source, item, local.path(name))
            case StoreSide(), StoreSide() as store:
                result = self._copy(source, item, store, name)
            case _:
                raise InvalidRequest("a store on at least one side expected")
        if self.options.move:
            source.delete(item.name)
        return result

    def _upload(self, source: LocalSide, item: Item, target: StoreSide, name: str) -> PutResult:
        path = source.path(item.name)
        begun, before = time.time_ns(), path.stat()
        attributes = self.options.attributes or Attributes()
        if self.options.guess_type:
            attributes = with_guessed_type(attributes, path.name)
        result = target.store.put(
            path,
            target.key(name),
            attributes=attributes,
            progress=self._advance,
            **self.options.put,
        )
        if source.known is not None:
            source.known.note(path, before, result.sha256, begun=begun)
        return result

    def _download(self, source: StoreSide, item: Item, path: Path) -> GetResult:
        if self.options.no_clobber and path.exists():
            raise FileExistsError(17, "file exists", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        result = source.store.get(source.key(item.name), path, progress=self._advance)
        seconds = item.modified.timestamp()
        os.utime(path, (seconds, seconds))
        return result

    def _copy(self, source: StoreSide, item: Item, target: StoreSide, name: str) -> CopyResult:
        key, target_key = source.key(item.name), target.key(name)
        same = source.store.url == target.store.url
        if same and key == target_key and self.options.move:
            raise InvalidRequest(f"{source.place(item.name)}: moved onto itself")
        other = None if same else target.store
        attributes = self.options.attributes
        how = self.options.put
        result = source.store.copy(key, target_key, target=other, attributes=attributes, **how)
        self._advance(item.size or 0)
        return result

    def _has_changed(self, step: Step) -> bool:
        here, there = step.item, step.there
        assert self.source is not None and there is not None
        if here.size is None or here.size != there.size:
            return True
        if self.options.size_only:
            return False
        differ = self._digests_differ(here, there)
        if differ is not None:
            return differ
        if isinstance(self.target, LocalSide):
            # A download leaves the object's time on the file: another time is another version.
            return int(here.modified.timestamp()) != int(there.modified.timestamp())
        exact = self.options.exact_timestamps and here.modified != there.modified
        return exact or here.modified > there.modified

    def _digests_differ(self, here: Item, there: Item) -> bool | None:
        """Compare contents; None when one of them cannot be told."""
        assert self.source is not None
        digests = set()
        # A store is asked first: it may not know, and the other side reads a whole file for it.
        for side, item in sorted(
            ((self.source, here), (self.target, there)), key=lambda e: isinstance(e[0], LocalSide)
        ):
            digest = side.sha256(item)
            if digest is None:
                return None
            digests.add(digest)
        return len(digests) > 1

    def _done(self, step: Step, error: BaseException | None, result: Result | None = None) -> Done:
        if step.verb == "delete":
            return Done("delete", self.target.place(step.target_name), None, step.item.size, error)
        assert self.source is not None
        verb: Verb = "copy"
        if self.options.move:
            verb = "move"
        elif isinstance(self.source, LocalSide):
            verb = "upload"
        elif isinstance(self.target, LocalSide):
            verb = "download"
        place = self.target.place(step.target_name)
        return Done(verb, self.source.place(step.item.name), place, step.item.size, error, result)

    def _advance(self, size: int) -> None:
        if self.stopped.is_set():
            raise _Stopped
        if self.progress is not None:
            self.progress(size)


def run(
    steps: Iterable[Step],
    source: Side | None,
    target: Side,
    options: Options,
    *,
    progress: Progress | None = None,
) -> Iterator[Done]:
    """Do all steps and yield how each ended, in the order in which they do.

    Args:
        steps: What to do; taken as threads become free.
        source: Where files come from; None when there are only removals.
        target: Where they go.
        options: How.
        progress: Told how many bytes more have been transferred, or need not be, from several
            threads.

    Raises:
        DeltaloftError, OSError: what `steps` raises, a listing that broke off for one; what was
            under way is brought to its end before.
    """
    work = _Work(source, target, options, progress)
    pool = ThreadPoolExecutor(options.jobs, thread_name_prefix="transfer")
    try:
        for done in _as_completed(pool, work.do, steps, 2 * options.jobs):
            if done is not None:
                yield done
    except BaseException:
        work.stopped.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _as_completed(
    pool: ThreadPoolExecutor,
    do: Callable[[Step], Done | None],
    steps: Iterable[Step],
    most: int,
) -> Iterator[Done | None]:
    running: set[Future[Done | None]] = set()
    waiting, broken = iter(steps), None
    while True:
        try:
            while len(running) < most and (step := next(waiting, None)) is not None:
                running.add(pool.submit(do, step))
        except (DeltaloftError, OSError) as error:
            waiting, broken = iter(()), error
        if not running:
            break
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        for each in ended:
            yield each.result()
    if broken is not None:
        raise broken


def with_guessed_type(attributes: Attributes, name: str) -> Attributes:
    """Return the attributes with the Content-Type that a name tells, if they have none."""
    guessed, encoding = mimetypes.guess_type(name)
    if attributes.content_type is not None or guessed is None or encoding is not None:
        return attributes
    return replace(attributes, content_type=guessed)
