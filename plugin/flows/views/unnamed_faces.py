"""Faces without a name about which somebody has to be asked: those that count, in the file or on any channel."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, func, select

from plugin.flows.common.services import Services
from plugin.flows.review import download_gate, review
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import Policy


def list_unnamed(services: Services, conn: Connection, after: int = 0, limit: int = 100) -> Iterator[Row[Any]]:
    """As `review.waiting` has them, without small figures that count nowhere."""
    yield from review.list_waiting(conn, "unmatched", after, limit, download_gate.is_counted(_largest_policy(services)))


def count_small_figures(services: Services, conn: Connection, resource_ids: Iterable[int]) -> dict[int, int]:
    """How many of each of these photographs `waiting` leaves out, those of which there are any."""
    query = (
        select(t.face.c.resource_id, func.count().label("number"))
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .where(
            t.face.c.resource_id.in_(list(resource_ids)), t.face.c.state == "unmatched",
            ~download_gate.is_counted(_largest_policy(services)),
        )
        .group_by(t.face.c.resource_id)
    )  # fmt: skip
    return {row.resource_id: row.number for row in conn.execute(query)}


def _largest_policy(services: Services) -> Policy:
    """The policy at the file's own size, at which most faces count."""
    return services.policy_for("", None)
