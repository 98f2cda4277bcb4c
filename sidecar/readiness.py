"""Whether we can work at all: asked by `/ready`, by the front page and by the staff's own."""

from sqlalchemy import select

from plugin.errors import DamError, StoreError, VaultError
from plugin.flows import closed_house
from plugin.flows.services import Services
from plugin.ledger import tables as t

SWEEP_LATE = 180  # seconds: three sweeps missed is a worker that does not run


def unready(services: Services) -> str | None:
    """What keeps us from working, in one sentence; None when all is well."""
    try:
        closed = closed_house.why_now(services)
        if closed is not None:
            return closed_house.said(closed)
        services.master.key(services.master.current)
        age = sweep_age(services)
        services.dam.collections()
    except (StoreError, VaultError, DamError) as error:
        return str(error)
    if age is None or age > SWEEP_LATE:
        return "the last sweep is long ago: is `facelease work` running?"
    return None


def sweep_age(services: Services) -> float | None:
    """Seconds since the last sweep; None before the first."""
    with services.store.read() as conn:
        last = conn.scalar(select(t.state.c.last_sweep))
    return None if last is None else (services.clock.now() - last).total_seconds()
