"""Whether a worker runs: when one last swept, and whether it has the configuration of this process.

A sweep at the start of a command does not count: no other follows it.
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import select, update

from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx

LATE = timedelta(minutes=3)
"""Three sweeps missed is a worker that does not run."""


@dataclass(frozen=True)
class WorkerState:
    """`age` since a worker swept, None before the first; `alike`: it has this process's configuration."""

    age: timedelta | None
    alike: bool

    @property
    def runs(self) -> bool:
        """Whether one swept in the last minutes."""
        return self.age is not None and self.age <= LATE


def note_sweep(services: Services, tx: Tx) -> None:
    """Record that a worker swept now."""
    tx.execute(update(t.state).values(worked_at=tx.now, worked_as=_configuration(services)))


def read(services: Services) -> WorkerState:
    """The worker as the store knows it."""
    with services.store.read() as conn:
        row = conn.execute(select(t.state.c.worked_at, t.state.c.worked_as)).one()
    age = None if row.worked_at is None else services.clock.now() - row.worked_at
    return WorkerState(age, row.worked_as in {None, _configuration(services)})


def sweep_age(services: Services) -> float | None:
    """Seconds since the last sweep of a worker or a command; None before the first."""
    with services.store.read() as conn:
        last = conn.scalar(select(t.state.c.last_sweep))
    return None if last is None else (services.clock.now() - last).total_seconds()


def _configuration(services: Services) -> str:
    return sha256(services.config.model_dump_json().encode()).hexdigest()
