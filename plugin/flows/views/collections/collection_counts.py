"""One collection in numbers: its photographs, how many were examined, the faces on them, and what waits."""

from dataclasses import dataclass

from sqlalchemy import func, select

from plugin.flows.common.services import Services
from plugin.flows.photos import collection_scan
from plugin.ledger import tables as t


@dataclass(frozen=True)
class CollectionCounts:
    """`photographs`: that the ledger knows; `unnamed`: faces without a name; `waiting`: proposals to decide on.

    `queued`: photographs still to be examined, `paused` of them only later.
    """

    photographs: int
    scanned: int
    faces: int
    unnamed: int
    waiting: int
    queued: int
    paused: int


def count(services: Services, ref: str) -> CollectionCounts:
    """As the store knows it now."""
    r, f = t.resource.c, t.face.c
    lies = collection_scan.lies_in(ref)
    examined = select(r.examined, func.count()).where(lies, r.deleted_at.is_(None)).group_by(r.examined)
    by_state = select(f.state, func.count()).select_from(t.face).join(t.resource, r.id == f.resource_id)
    with services.store.read() as conn:
        done: dict[str, int] = dict(conn.execute(examined).all())
        states: dict[str, int] = dict(conn.execute(by_state.where(lies).group_by(f.state)).all())
        queued, paused = collection_scan.count_queued(services, conn, ref)
    unnamed = sum(states.get(state, 0) for state in ("unmatched", "rejected"))
    scanned = sum(number for key, number in done.items() if key != "no")
    return CollectionCounts(
        sum(done.values()), scanned, sum(states.values()), unnamed, states.get("suggested", 0), queued, paused
    )
