"""Who does the work: threads of this process, or the workers of a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from deltaloft.errors import InvalidRequest, Unreachable
from deltaloft.migration.location import Location
from deltaloft.migration.moving import Check, Moved, Mover, move_elsewhere
from deltaloft.transfers import Item, Options, Side, StoreSide

__all__ = ["Crew", "cluster", "threads"]

_BATCH = 16  # files in one errand to a cluster: its scheduler takes about a millisecond for each
_CONNECT_SECONDS = 10
_USUAL = Options()
_ADDRESS = re.compile(r"(tcp|tls|ws|wss)://[^/\s]+:\d{1,5}/?|inproc://\S+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Crew:
    """Hands that move files.

    Attributes:
        pool: Takes errands.
        move: What an errand does with some files.
        hands: How many errands are done at a time.
        batch: How many files make an errand.
        lost: What an errand ends with whose worker has died, again and again.
    """

    pool: Executor
    move: Callable[[tuple[Item, ...]], list[Moved]]
    hands: int
    batch: int = 1
    lost: tuple[type[Exception], ...] = ()


@contextmanager
def threads(
    source: Side,
    target: StoreSide,
    *,
    check: Check = "read",
    jobs: int = 4,
    options: Options = _USUAL,
) -> Iterator[Crew]:
    """Lend threads of this process; the end of the block waits for what has begun.

    Of the options those count that say how a file is stored.
    """
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="migrate")
    try:
        yield Crew(pool, Mover(source, target, check, options).move, jobs)
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def cluster(
    address: str,
    source: Location,
    target: Location,
    *,
    check: Check = "read",
    options: Options = _USUAL,
) -> Iterator[Crew]:
    """Lend the workers of a Dask cluster, which have deltaloft and reach both ends.

    Args:
        address: Of the scheduler, like `tcp://10.0.0.1:8786`.
        source: Where files come from: what each worker sees there.
        target: Where they go.
        check: As in `Mover`.
        options: As in `threads`.

    Raises:
        InvalidRequest: distributed is not installed, the cluster has no workers, or that is no
            address.
        Unreachable: no scheduler answers there.
    """
    # Of anything else Client makes half an object, which complains 20 seconds later.
    if not _ADDRESS.fullmatch(address):
        raise InvalidRequest(f"{address!r}: an address like tcp://10.0.0.1:8786 expected")
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise InvalidRequest("a scheduler needs pip install 'deltaloft[dask]'") from error

    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise Unreachable(f"{address}: a Dask scheduler expected, none answers") from error
    with client:
        hands = sum(client.nthreads().values())
        if not hands:
            raise InvalidRequest(f"{address}: a cluster with workers expected, found none")
        pool = client.get_executor(pure=False)
        move = partial(move_elsewhere, source, target, check, options)
        try:
            yield Crew(pool, move, hands, _BATCH, (KilledWorker, CancelledError))
        finally:
            pool.shutdown(wait=False)
