"""Faces without a name that need a decision: those that count, in the file or on any channel."""

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, exists, func, select

from plugin.flows.common.services import Services
from plugin.flows.review import download_gate, face_decisions
from plugin.flows.review.face_decisions import WaitingFace
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import Policy


def list_unnamed(
    services: Services, conn: Connection, after: int = 0, limit: int = 100, *only: ColumnElement[bool]
) -> Iterator[WaitingFace]:
    """As `face_decisions.list_waiting`, without small figures that count nowhere."""
    counted = download_gate.is_counted(_largest_policy(services))
    yield from face_decisions.list_waiting(conn, "unmatched", after, limit, counted, *only)


def list_photographs(
    services: Services, conn: Connection, shoot: str, after: int, limit: int, *only: ColumnElement[bool]
) -> list[int]:
    """Photographs of a collection on which a face waits for a name, as they came, from after the photograph `after`."""
    places, f, counted = t.resource_collection.c, t.face.c, download_gate.is_counted(_largest_policy(services))
    waits = exists().where(f.resource_id == places.resource_id, f.state == "unmatched", counted)
    query = select(places.resource_id).join(t.resource, t.resource.c.id == places.resource_id)
    query = query.where(places.collection_ref == shoot, places.resource_id > after, waits, *only)
    query = query.where(t.resource.c.deleted_at.is_(None))
    return list(conn.scalars(query.order_by(places.resource_id).limit(limit)))


def lies_in(shoot: str) -> ColumnElement[bool]:
    """Selects faces on photographs of this collection."""
    places = t.resource_collection.alias().c
    return exists().where(places.resource_id == t.face.c.resource_id, places.collection_ref == shoot)


def count_small_figures(services: Services, conn: Connection, resource_ids: Iterable[int]) -> dict[int, int]:
    """By photograph how many faces `list_unnamed` leaves out, if any."""
    f, counted = t.face.c, download_gate.is_counted(_largest_policy(services))
    query = (
        select(f.resource_id, func.count().label("number"))
        .join(t.resource, t.resource.c.id == f.resource_id)
        .where(f.resource_id.in_(list(resource_ids)), f.state == "unmatched", ~counted)
        .group_by(f.resource_id)
    )
    return {row.resource_id: row.number for row in conn.execute(query)}


def _largest_policy(services: Services) -> Policy:
    """The policy at the file's own size, at which most faces count."""
    return services.policy_for("", None)
