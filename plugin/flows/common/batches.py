"""Many photographs and a DAM that fails now and then: in batches, and what is left of them comes again."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from plugin.errors import DamError, Unreadable, WriteRefused
from plugin.flows.common.services import Services
from plugin.ledger.store.store import Store, Tx

T = TypeVar("T")
Failed = list[tuple[T, DamError]]
_DOWN = 12  # batches that fail whole, one after the other: then the DAM is down, and the job comes again later
_ITS_OWN = (Unreadable, WriteRefused)  # errors that say nothing of other photographs
_SMALLER = 8
_SHORT = 0.04  # seconds after which a write takes no more: six times as long is the most (rule 45)


def chunked(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items, so many at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def run_batches(
    items: Sequence[T], act: Callable[[Sequence[T]], Failed[T]], at_once: int = 1, apart: bool = False
) -> list[T]:
    """Do `act` on all of `items`, so many at once; it returns those on which the DAM failed, and why.

    Those come again while others succeed: one photograph that fails must not keep the others, and a
    DAM that fails now and then must not cost a whole new attempt. Where all fail, one of them may break
    the call for all: smaller batches follow, down to one. Raises DamError for what is left, at once
    where the DAM fails for all. With `apart` what cannot be read, or takes no write, is returned instead.
    """
    aside: list[T] = []
    pending, size, in_a_row, error = list(items), max(1, at_once), 0, DamError("the DAM failed")
    while pending:
        left: list[T] = []
        for batch in chunked(pending, size):
            if in_a_row == _DOWN:
                left += batch
                continue
            failed = act(batch)
            if apart:
                aside += [item for item, error in failed if isinstance(error, _ITS_OWN)]
                failed = [(item, error) for item, error in failed if not isinstance(error, _ITS_OWN)]
            in_a_row = in_a_row + 1 if len(failed) == len(batch) else 0
            error = failed[-1][1] if failed else error
            left += [item for item, _ in failed]
        stuck = len(left) == len(pending)
        if left and (in_a_row == _DOWN or (stuck and size == 1)):
            raise DamError(f"{len(left)} of {len(pending)} photographs are not done yet: {error}")
        size = max(1, min(size, len(left)) // _SMALLER) if stuck else size
        pending = left
    return aside


def chunks_for_one_write(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The first of the items, so many at a time, for as long as a write may take more."""
    until = time.monotonic() + _SHORT
    for some in chunked(items, size):
        yield some
        if time.monotonic() >= until:
            return


def in_short_writes(store: Store, items: Sequence[T], act: Callable[[Tx, Sequence[T]], object], size: int = 20) -> None:
    """Do `act` on all of the items, so many at a time, in as many writes as it takes: others have a turn between."""
    left = list(items)
    while left:
        with store.write() as tx:
            for some in chunks_for_one_write(left, size):
                act(tx, some)
                left = left[len(some) :]


def queue_jobs(
    services: Services, kind: str, keys: Iterable[str], priority: int = 5, delay: timedelta = timedelta(0)
) -> None:
    """Ask for a job for each of the keys, in short writes; one asked for already is one job."""

    def put(tx: Tx, some: Sequence[str]) -> None:
        for key in some:
            services.queue.put(tx, kind, key, priority=priority, delay=delay)

    in_short_writes(services.store, list(keys), put)
