"""The release statement in a photograph's file: whether everybody whom we tagged on it agrees to be published."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from plugin.flows.common import closed_house, reference_sets, roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t


@dataclass(frozen=True)
class Change:
    """People whose write on a resource is on its way: `coming` with the set on which each rests, and `leaving`."""

    coming: Mapping[str, str | None] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()


def of_many(services: Services, conn: Connection, changes: Mapping[int, Change]) -> dict[int, bool | None]:
    """By resource, whether everybody whom we tagged on it has a publication grant; None if nobody is tagged.

    No, where a name rests on pictures that nobody has vouched for. `changes`: what is on its way.
    """
    tag = t.tag.c
    query = select(tag.resource_id, tag.person_id, tag.set_id).where(
        tag.resource_id.in_(changes), tag.origin != "hand", tag.person_id.is_not(None)
    )
    rests: dict[int, dict[str, str | None]] = {one: {} for one in changes}
    for row in conn.execute(query):
        rests[row.resource_id][row.person_id] = row.set_id
    for one, change in changes.items():
        # who was tagged on a set already, and comes on none, rests on that one still
        rests[one] |= {who: on for who, on in change.coming.items() if on or who not in rests[one]}
        rests[one] = {who: on for who, on in rests[one].items() if who not in change.leaving}
    vouched = reference_sets.find_vouched(conn, (on for sets in rests.values() for on in sets.values()))
    standings = roster.load_many(services, conn, (who for sets in rests.values() for who in sets))
    barred = _unsaid(services, conn, changes)
    now = services.clock.now()
    refuse = {who for who, standing in standings.items() if not standing.any_publication(now)}

    def agreed(resource_id: int, sets: Mapping[str, str | None]) -> bool:
        sound = {on for on in sets.values() if on} <= vouched
        return sound and resource_id not in barred and not refuse & sets.keys()

    return {one: agreed(one, sets) if sets else None for one, sets in rests.items()}


def _unsaid(services: Services, conn: Connection, resource_ids: Collection[int]) -> set[int]:
    """Those of which a closed house may not say yes: it says none that was not said before."""
    if closed_house.find_reason_in(services, conn) is None:
        return set()
    said = select(t.resource.c.id).where(t.resource.c.id.in_(resource_ids), t.resource.c.released.is_(True))
    return set(resource_ids) - set(conn.scalars(said))
