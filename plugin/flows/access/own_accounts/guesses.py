"""How often a password or a code may be guessed: growing delays, never a lock.

Wrong tries of a day are counted for an account from one network, for the account from anywhere, and for a network with
any account. Past what is free each further one makes the next wait twice as long, a quarter of an hour at the most. A
browser in which the account signed in before counts for itself: whoever works with it is not kept out by what strangers
do. A try is counted before it is looked at, so that many at once are no way round.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from plugin.errors import GuessRefused
from plugin.flows.access import rate_limits
from plugin.flows.common.services import Services
from plugin.ledger.store.store import Tx

LONGEST_WAIT = timedelta(minutes=15)
_FREE = {"browser": 10, "account here": 5, "account": 20, "network": 50}


@dataclass(frozen=True)
class Origin:
    """Where a try comes from: the network, and the browser's id if this account signed in with it before ("": not)."""

    network: str
    browser: str = ""


@dataclass(frozen=True)
class Try:
    """A try that is counted; `spare` are the counters that a right one sets to nothing."""

    counted: tuple[str, ...]
    spare: tuple[str, ...]


def begin(services: Services, tx: Tx, what: str, name: str, origin: Origin) -> Try:
    """Count a try to guess `what` (password, code) of an account. Raises GuessRefused, and nothing is counted."""
    keys = dict(_list_counters(services, what, name, origin))
    wait = max((_find_wait(tx, key, _FREE[kind]) for kind, key in keys.items()), default=timedelta())
    if wait > timedelta():
        raise GuessRefused(ceil(wait.total_seconds()))
    spare = tuple(key for kind, key in keys.items() if kind in {"browser", "account here"})
    return Try(tuple(rate_limits.note(tx, key) for key in keys.values()), spare)


def was_right(tx: Tx, one: Try) -> None:
    """It was no guess: it counts nowhere."""
    rate_limits.take_back(tx, one.counted)
    for key in one.spare:
        rate_limits.forget(tx, key)


def _find_wait(tx: Tx, key: str, free: int) -> timedelta:
    times = rate_limits.list_times(tx, key)
    if len(times) < free:
        return timedelta()
    delay = min(timedelta(seconds=2 ** min(len(times) - free, 20)), LONGEST_WAIT)
    return times[-1] + delay - tx.now


def _list_counters(services: Services, what: str, name: str, origin: Origin) -> Iterator[tuple[str, str]]:
    def key(kind: str, *parts: str) -> tuple[str, str]:
        return kind, rate_limits.make_key(services, "guess", what, kind, *parts)

    if origin.browser:
        yield key("browser", name, origin.browser)
        return
    yield key("account here", name, origin.network)
    yield key("account", name)
    yield key("network", origin.network)
