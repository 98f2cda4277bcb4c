"""The dashboard of the staff: counts of what waits, and what is due next."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Select, func, select

from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common.services import Services
from plugin.flows.rights import erasure_requests
from plugin.flows.rights.erasure_requests import WaitingRequest
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import DeadJob
from plugin.quitclaim.clearance.scope import COMPARING, Basis

SOON = timedelta(days=60)
_MOST = 10


@dataclass(frozen=True)
class EndingSoon:
    """The end of a person's quitclaim, as it was signed."""

    person_id: str
    name: str
    until: datetime


@dataclass(frozen=True)
class ReviewedBasis:
    """A collection with a basis that should be reviewed."""

    ref: str
    title: str
    review_date: date | None


@dataclass(frozen=True)
class Dashboard:
    """`endings` are the first few of `ending_people`; `requests` are all, the most urgent first."""

    suggestions: int
    unnamed: int
    dead: tuple[DeadJob, ...]
    ending_people: int
    endings: tuple[EndingSoon, ...]
    controller: tuple[ReviewedBasis, ...]
    overdue: tuple[ReviewedBasis, ...]
    requests: tuple[WaitingRequest, ...]


def load_dashboard(services: Services, staff: Staff | None = None) -> Dashboard:
    """What waits now, as far as the account may see it."""
    today = services.today()
    with services.store.read() as conn:
        counts = _count_faces(conn, staff)
        soon = _select_ending(services.clock.now()).where(sight.people(conn, staff))
        people = conn.scalar(select(func.count()).select_from(soon.subquery())) or 0
        rows = conn.execute(soon.order_by(func.min(t.grant.c.valid_until)).limit(_MOST)).all()
        compared = t.collection.c.mode.in_([mode.value for mode in COMPARING])
        rested = conn.execute(select(t.collection).where(compared)).all()
    is_limited = staff is not None and staff.collections is not None
    resting = [
        (row, ReviewedBasis(row.ref, row.title, row.review_date))
        for row in rested
        if sight.may_see_collection(staff, row.ref)
    ]
    return Dashboard(
        suggestions=counts.get("suggested", 0),
        unnamed=counts.get("unmatched", 0),
        dead=() if is_limited else tuple(services.queue.dead(_MOST)),
        ending_people=people,
        endings=tuple(EndingSoon(row.id, row.display_name, row.until) for row in rows),
        controller=tuple(one for row, one in resting if row.basis == Basis.CONTROLLER.value),
        overdue=tuple(one for row, one in resting if row.review_date is not None and row.review_date < today),
        requests=() if is_limited else tuple(erasure_requests.list_waiting(services)),
    )


def _count_faces(conn: Connection, staff: Staff | None) -> dict[str, int]:
    """Counted by the index alone where all are counted: a deleted photograph has no faces left."""
    query = (
        select(t.face.c.state, func.count().label("n"))
        .where(t.face.c.state.in_(("suggested", "unmatched")))
        .group_by(t.face.c.state)
    )
    if staff is not None and staff.collections is not None:
        query = query.where(sight.lies_in(t.face.c.resource_id, staff.collections))
    return {str(row.state): int(row.n) for row in conn.execute(query)}


def _select_ending(at: datetime) -> Select[tuple[str, str, datetime]]:
    """People with a grant in force that ends soon, as signed; a version that was replaced does not count."""
    g = t.grant.c
    soon = g.ended_at.is_(None) & (g.valid_until > at) & (g.valid_until <= at + SOON)
    return (
        select(t.person.c.id, t.person.c.display_name, func.min(t.grant.c.valid_until).label("until"))
        .join(t.grant, t.grant.c.person_id == t.person.c.id)
        .join(t.quitclaim, t.quitclaim.c.id == t.grant.c.quitclaim_id)
        .where(soon, t.quitclaim.c.superseded_at.is_(None))
        .group_by(t.person.c.id, t.person.c.display_name)
    )
