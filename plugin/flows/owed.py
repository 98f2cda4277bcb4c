"""What we promised and is not done yet, though it should be by now: by number, from indexes alone.

A job that is tried again and again is neither done nor given up, so no list of those that were given up has it.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select

from plugin.flows import health
from plugin.flows.services import Services
from plugin.ledger import tables as t

LATE = timedelta(hours=1)
"""A withdrawal, an erasure or a date takes a minute while the DAM answers."""

BULK_LATE = timedelta(days=1)
"""Photographs to look at come by the thousand: a queue of a day is long, and no fault before."""

_OWN = ("revoke", "erase", "state", "mail")  # kinds of job that have a line of their own
_BULK = ("photo", "names", "compare", "gone", "members", "anew", "closely")


def _late(services: Services, by: timedelta) -> ColumnElement[bool]:
    """Open, and due for longer: since it was asked for where it was tried, else since it was to begin."""
    j, since = t.job.c, services.clock.now() - by
    tried = (j.attempt > 0) & (j.created_at < since)
    return j.state.in_(("queued", "running")) & or_(tried, (j.attempt == 0) & (j.run_after < since))


def _count(services: Services, query: Select[tuple[str]]) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(query.subquery())) or 0


def revocations(services: Services) -> int:
    """People who ended recognition, or everything, and of whom names of ours may stand in the DAM still."""
    p, j = t.person.c, t.job.c
    asked = select(j.key).where(j.kind == "revoke", _late(services, LATE))
    named = select(t.tag.c.id).where(t.tag.c.person_id == p.id, t.tag.c.origin.in_(("machine", "confirmed")))
    over = p.ended_at < services.clock.now() - LATE
    return _count(services, select(p.id).where(or_(p.id.in_(asked), over & named.exists())))


def still(services: Services, person_id: str) -> bool:
    """Whether a revocation or the erasure of this person is not carried out yet."""
    j = t.job.c
    mine = (j.key == person_id) & j.kind.in_(("revoke", "erase")) & j.state.in_(("queued", "running"))
    with services.store.read() as conn:
        return conn.execute(select(j.id).where(mine)).first() is not None


def erasures(services: Services) -> int:
    """People whose keys are destroyed and whose rows are here still, for longer than an erasure takes."""
    p, j, k = t.person.c, t.job.c, t.person_key.c
    keyed = select(k.person_id).where(k.person_id == p.id, k.purpose == "record")
    fresh = select(j.id).where(
        j.kind == "erase", j.key == p.id, j.state.in_(("queued", "running")), ~_late(services, LATE)
    )
    return _count(services, select(p.id).where(~keyed.exists(), ~fresh.exists()))


def dates(services: Services) -> int:
    """Photographs of which the DAM shows another last day than it should, and was not told better."""
    s = t.statement.c
    late = s.wanted_at < services.clock.now() - LATE
    return _count(services, select(s.resource_id).where(s.stated_at.is_(None), late))


def writes(services: Services) -> int:
    """Names that were to be written or taken off, and of which nobody knows whether they were."""
    i = t.intent.c
    late = i.created_at < services.clock.now() - LATE
    return _count(services, select(i.id).where(i.state == "open", late))


def jobs(services: Services) -> int:
    """Everything else that is due for longer than it takes."""
    kind = t.job.c.kind
    soon = _late(services, LATE) & kind.not_in((*_OWN, *_BULK))
    return _count(services, select(t.job.c.id).where(or_(soon, _late(services, BULK_LATE) & kind.in_(_BULK))))


def letters(services: Services) -> int:
    """Letters that no server took in the last month, and those that wait for longer than two hours."""
    errors, waiting = health.undelivered(services)
    return len(errors) + waiting
