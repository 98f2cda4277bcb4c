"""Whom somebody was taken for when they were invited from a face of a photograph."""

from dataclasses import dataclass

from sqlalchemy import select

from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t


@dataclass(frozen=True)
class FacePointer:
    """Whom somebody was taken for when they were invited from a face; `agreed`: something of theirs is in force now."""

    name: str
    agreed: bool


def list_pointers(services: Services, ref: str) -> dict[int, FacePointer]:
    """By face of the photograph, who was invited from it last, while the link is kept and was not revoked."""
    i, now = t.invitation.c, services.clock.now()
    query = (
        select(i.face_id, i.person_id, t.person.c.display_name)
        .join(t.face, t.face.c.id == i.face_id)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .join(t.person, t.person.c.id == i.person_id)
        .where(t.resource.c.ref == ref, i.revoked_at.is_(None), t.person.c.ended_at.is_(None))
        .order_by(i.created_at)
    )
    with services.store.read() as conn:
        rows = conn.execute(query).all()
        standings = roster.load_many(services, conn, {row.person_id for row in rows})
    return {
        row.face_id: FacePointer(row.display_name, bool(standings[row.person_id].in_force(now)))
        for row in rows
        if row.person_id in standings
    }
