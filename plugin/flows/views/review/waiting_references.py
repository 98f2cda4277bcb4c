"""The page of reference pictures that wait for somebody who knows the face; each look at it is audited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common.services import Services
from plugin.flows.matching import declared_sets
from plugin.flows.matching.declared_sets import DeclaredSet, OwnVouching, VouchProposal
from plugin.flows.views.review import face_preview
from plugin.ledger.store.audit import Action


@dataclass(frozen=True)
class Waiting:
    """One page of `sets` by name, and whether there are `more`; `near`: all that resemble somebody; `proposed`: all for
    which photographs speak; `own`: vouched for by who invited. `pictures`: how many a set has, by its id."""

    sets: Sequence[DeclaredSet]
    more: bool
    near: Sequence[DeclaredSet]
    proposed: Sequence[VouchProposal]
    own: Sequence[OwnVouching]
    pictures: Mapping[str, int]


def look(services: Services, after: str, limit: int, staff: Staff, with_own: bool) -> Waiting:
    """What waits and the account may see, from after the person's key `after`, with an audit row for the look."""
    with services.store.write() as tx:
        conn = tx.connection
        seen = sight.people(conn, staff)
        found = declared_sets.list_declared(conn, after, limit + 1, seen)
        resembling = declared_sets.list_near(conn, seen)
        near = [row for row in resembling if sight.may_see_person(services, conn, staff, row.near_id or "")]
        sets, proposed = found[:limit], declared_sets.list_proposals(conn, None, sight.photographs(staff))
        pictures = {row.id: face_preview.count_references(conn, row.id) for row in (*sets, *near)}
        own = declared_sets.list_own_vouchings(conn) if with_own else []
        shown = len(sets) + len(near) + len(proposed)
        tx.audit(Action.WAITING_LOOK, staff.actor, list="references", rows=shown)
    return Waiting(sets, len(found) > limit, near, proposed, own, pictures)
