"""Examine one collection now, or later: what is not examined yet is queued; a pause puts off what is queued."""

from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from plugin.errors import NothingDone
from plugin.flows.clearance import policy_fingerprint
from plugin.flows.collections import modes
from plugin.flows.common import closed_house
from plugin.flows.common.batches import in_short_writes, queue_jobs
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import IS_OPEN
from plugin.quitclaim.clearance.scope import Mode, current_mode

PRIORITY = 6
"""Of these jobs: uploads go first."""

PAUSE = timedelta(hours=12)
"""How long a pause lasts, if nobody ends it before: nothing is forgotten by it."""

MOST = 20_000
"""How many photographs are queued at once."""

_EXAMINES = frozenset({Mode.DETECT, Mode.SUGGEST, Mode.AUTO})
_SOON = timedelta(hours=1)  # what is due later, and was not tried yet, was put off
_J = t.job.c


def lies_in(ref: str) -> ColumnElement[bool]:
    """Whether the row of `resource` lies in the collection."""
    places = t.resource_collection.c
    return t.resource.c.id.in_(select(places.resource_id).where(places.collection_ref == ref))


def begin(services: Services, ref: str) -> int:
    """Queue what is not examined in the collection, also what a pause had put off; returns how many.

    Raises NothingDone where the collection is not examined, or is examined already; ConsentError in a closed house.
    """
    closed_house.refuse(services)
    with services.store.read() as conn:
        rules = modes.list_rules(conn, [ref])
        if not any(current_mode(rule, services.today()) in _EXAMINES for rule in rules):
            raise NothingDone("nothing is examined in this collection: its mode is off or never")
        due = lies_in(ref), t.resource.c.deleted_at.is_(None), ~policy_fingerprint.is_examined(services)
        refs = list(conn.scalars(select(t.resource.c.ref).where(*due).order_by(t.resource.c.id).limit(MOST)))
    if not refs:
        raise NothingDone("every photograph of this collection that is known here was examined already")
    queue_jobs(services, "photo", refs, PRIORITY)
    return len(refs)


def pause(services: Services, ref: str) -> int:
    """Put off what is queued of the collection, but for new uploads; returns how many. Idempotent.

    Raises NothingDone where nothing is queued.
    """
    later = services.clock.now() + PAUSE
    with services.store.read() as conn:
        queued = list(conn.scalars(select(_J.id).join(t.resource, t.resource.c.ref == _J.key).where(_is_queued(ref))))
    if not queued:
        raise NothingDone("nothing of this collection is queued: there is nothing to put off")
    in_short_writes(services.store, queued, lambda tx, some: services.queue.put_off(tx, some, later, PRIORITY))
    return len(queued)


def count_queued(services: Services, conn: Connection, ref: str) -> tuple[int, int]:
    """How many photographs of the collection are queued or being examined, and how many of them only later."""
    soon = services.clock.now() + _SOON
    later = case((and_(_J.state == "queued", _J.attempt == 0, _J.run_after > soon), 1), else_=0)
    query = select(func.count(), func.coalesce(func.sum(later), 0)).select_from(t.job)
    open_ = query.join(t.resource, t.resource.c.ref == _J.key).where(_J.kind == "photo", IS_OPEN, lies_in(ref))
    queued, paused = conn.execute(open_).one()
    return queued, int(paused)


def _is_queued(ref: str) -> ColumnElement[bool]:
    return and_(_J.kind == "photo", _J.state == "queued", _J.priority >= PRIORITY, lies_in(ref))
