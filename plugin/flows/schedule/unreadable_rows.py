"""Rows that cannot be read: they grant nothing (`roster`, `modes`), and they are reported."""

from datetime import timedelta

from sqlalchemy import select, update

from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts
from plugin.ledger import tables as t
from plugin.ledger.queue import set_aside

_NO_DELAY = timedelta(days=366)
_NO_LEASE = timedelta(days=2)
"""No job waits or is leased for so long: its moment cannot be read."""


def report_unreadable(services: Services) -> int:
    """Report each, at start and each night; returns how many.

    Stored clearances of the person of such a grant are cut, because they may rest on it.
    """
    with services.store.read() as conn:
        found = {
            person_id: ids
            for person_id, standing in roster.load_many(services, conn).items()
            if (ids := [term.grant.id for term in standing.terms() if roster.is_unreadable(term.grant)])
        }
        rulings = [row.ref for row in conn.execute(select(t.collection)) if not modes.is_readable(row)]
    for person_id, ids in found.items():
        named = [set_aside.note_set_aside(services.store, "a grant", one, "unreadable") for one in ids]
        if any(named):
            with services.store.write() as tx:
                cuts.add(services, tx, person_id, [cuts.UNREADABLE_USE], machine=True)
                tx.move_generation()
    for ref in rulings:
        set_aside.note_set_aside(services.store, "a ruling", modes.pseudonym(ref), "unreadable")
    return sum(map(len, found.values())) + len(rulings)


def hasten_unreadable_jobs(services: Services) -> int:
    """Make jobs due now if their moment cannot be read; returns how many."""
    j, now = t.job.c, services.clock.now()
    late = {
        # In SQLite any text is greater than each number.
        j.run_after: (j.state == "queued") & (j.run_after > now + _NO_DELAY),
        j.lease_until: (j.state == "running") & (j.lease_until > now + _NO_LEASE),
    }
    with services.store.read() as conn:
        found = {column: list(conn.scalars(select(j.id).where(which))) for column, which in late.items()}
    for column, ids in found.items():
        for one in ids:
            with services.store.write() as tx:
                tx.execute(update(t.job).where(j.id == one, late[column]).values({column: now}))
            set_aside.note_set_aside(services.store, "a job", str(one), "unreadable")
    return sum(map(len, found.values()))
