"""Whether we can work at all: asked by `/ready`, by the front page and by the staff's own."""

from collections.abc import Callable, Mapping

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from plugin.errors import FaceLeaseError, told
from plugin.flows import closed_house, working
from plugin.flows.services import Services
from plugin.ledger import house_key
from plugin.ledger import tables as t


def _store(services: Services) -> str | None:
    """A row of it is read."""
    services.store.generation()
    return None


def _master(services: Services) -> str | None:
    """It opens the key of the house: that it is there says nothing of whether it is the right one."""
    with services.store.read() as conn:
        house_key.unwrapped(conn, services.master)
    return None


def _worker(services: Services) -> str | None:
    found = working.worker(services)
    if found.age is None:
        return "no worker has swept yet: start `facelease work`"
    if not found.runs:
        return "the last sweep of a worker is long ago: is `facelease work` running?"
    return None if found.alike else "the worker runs with another configuration: restart `serve` and `work`"


def _dam(services: Services) -> str | None:
    services.dam.reach()
    return None


def _closed(services: Services) -> str | None:
    found = closed_house.why_now(services)
    return None if found is None else closed_house.said(found)


CHECKS: Mapping[str, Callable[[Services], str | None]] = {
    "store": _store,
    "ended.log": _closed,
    "master key": _master,
    "worker": _worker,
    "DAM": _dam,
}
"""What is looked at, in this order; each says what is wrong, or raises it."""


def unready(services: Services, but: str = "") -> str | None:
    """What keeps us from working, in one sentence; None when all that is in CHECKS is well, `but` one left out."""
    for name, check in CHECKS.items():
        if name == but:
            continue
        try:
            wrong = check(services)
        except FaceLeaseError as error:
            return f"{name}: {told(error)}"
        except SQLAlchemyError:
            return f"{name}: the store does not answer"
        if wrong is not None:
            return wrong
    return None


def sweep_age(services: Services) -> float | None:
    """Seconds since the last sweep; None before the first."""
    with services.store.read() as conn:
        last = conn.scalar(select(t.state.c.last_sweep))
    return None if last is None else (services.clock.now() - last).total_seconds()
