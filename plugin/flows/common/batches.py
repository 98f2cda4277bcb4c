"""Many photographs and a DAM that fails now and then: work in batches, and retry what is left."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from plugin.errors import DamError, Unreadable, WriteRefused
from plugin.flows.common.services import Services
from plugin.ledger.store.store import Store, Tx
from plugin.words.plurals import pluralize

T = TypeVar("T")
Failed = list[tuple[T, DamError]]
_DOWN = 12  # batches that fail whole, one after the other: then the DAM is down, and the job comes again later
_ITS_OWN = (Unreadable, WriteRefused)  # errors that say nothing of other photographs
_SMALLER = 8
_SHORT = 0.04  # seconds after which a write takes no more: six times as long is the most (rule 45)


def chunked(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in chunks of `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def run_batches(
    items: Sequence[T], act: Callable[[Sequence[T]], Failed[T]], at_once: int = 1, apart: bool = False
) -> list[T]:
    """Run `act` on all of `items`, `at_once` at a time; it returns those on which the DAM failed, and why.

    The others go on and the failed ones are retried, so that one photograph does not block the rest and one error
    does not cost a whole new attempt. If all of a round fail, smaller batches follow, down to one: a single item may
    break the call for all. Raises DamError for what is left, at once if the DAM fails for everything. `apart`: what
    cannot be read, or takes no write, is returned instead.
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
            raise DamError(
                f"{len(left)} of {pluralize(len(pending), 'photograph is', 'photographs are')} not done yet: {error}"
            )
        size = max(1, min(size, len(left)) // _SMALLER) if stuck else size
        pending = left
    return aside


def chunks_for_one_write(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The first of the items, in chunks, for as long as one write may last."""
    until = time.monotonic() + _SHORT
    for some in chunked(items, size):
        yield some
        if time.monotonic() >= until:
            return


def in_short_writes(store: Store, items: Sequence[T], act: Callable[[Tx, Sequence[T]], object], size: int = 20) -> None:
    """Run `act` on all of the items, in as many short writes as it takes: other writers get a turn in between."""
    left = list(items)
    while left:
        with store.write() as tx:
            for some in chunks_for_one_write(left, size):
                act(tx, some)
                left = left[len(some) :]


def queue_jobs(
    services: Services, kind: str, keys: Iterable[str], priority: int = 5, delay: timedelta = timedelta(0)
) -> None:
    """Queue a job for each of the keys, in short writes; one that is queued already stays one."""

    def put(tx: Tx, some: Sequence[str]) -> None:
        for key in some:
            services.queue.put(tx, kind, key, priority=priority, delay=delay)

    in_short_writes(services.store, list(keys), put)
