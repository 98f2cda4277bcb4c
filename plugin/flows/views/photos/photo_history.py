"""What the audit log says of one photograph, newest first. The look is audited."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action

MOST = 100
"""How many rows are shown."""


@dataclass(frozen=True)
class PhotoEvent:
    """One row: when, what, by whom; `name` is of a person on the photograph now, "" for anybody else."""

    at: datetime
    action: str
    actor: str
    name: str
    details: Mapping[str, object]


def read(services: Services, photo_id: int, actor: str) -> Sequence[PhotoEvent]:
    """The newest rows. The log calls people by pseudonyms: those who are on the photograph are called by name."""
    a, f, g = t.audit.c, t.face.c, t.tag.c
    query = select(a.at, a.action, a.actor, a.subject, a.details).where(a.resource_id == photo_id)
    named = select(f.person_id).where(f.resource_id == photo_id, f.state == "matched")
    here = named.union(select(g.person_id).where(g.resource_id == photo_id))
    with services.store.write() as tx:
        rows = tx.execute(query.order_by(a.seq.desc()).limit(MOST)).all()
        labels = roster.labels(tx.connection, [one for one in tx.execute(here).scalars() if one])
        names = {roster.subject(services, tx, person_id): name for person_id, name in labels.items()}
        tx.audit(Action.LOG_LOOK, actor, rows=len(rows))
    return [
        PhotoEvent(row.at, row.action, row.actor, names.get(row.subject, "") if row.subject else "", _read(row.details))
        for row in rows
    ]


def _read(details: str) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads(details)
    return found
