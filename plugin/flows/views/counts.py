"""How many photographs, faces, letters and jobs there are: for the front page and the metrics."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, func, select

from plugin.flows.common import worker_state
from plugin.flows.common.services import Services
from plugin.ledger import tables as t


@dataclass(frozen=True)
class Counts:
    """Photographs by how far they are examined, faces, jobs and letters by state; `sweep_age` in seconds."""

    photos: dict[str, int]
    faces: dict[str, int]
    jobs: dict[str, int]
    templates: int
    sweep_age: float | None
    mails: dict[str, int] = field(default_factory=dict)


def now(services: Services) -> Counts:
    """The counts; those of rows in one snapshot."""
    with services.store.read() as conn:
        photos = _by(conn, t.resource.c.examined, t.resource.c.deleted_at.is_(None))
        faces = _by(conn, t.face.c.state)
        mails = _by(conn, t.mail.c.state)
        templates = conn.scalar(select(func.count()).where(t.sealed.c.kind == "template")) or 0
    age = worker_state.sweep_age(services)
    return Counts(photos, faces, services.queue.counts(), templates, age, mails)


def _by(conn: Connection, column: "Column[Any]", *which: Any) -> dict[str, int]:
    rows = conn.execute(select(column, func.count()).where(*which).group_by(column))
    return {str(value): int(count) for value, count in rows}
