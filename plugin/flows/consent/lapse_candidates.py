"""People for whom something may be over, found by the dates of grants, so that a sweep need not load everybody.

The rules alone decide about each of them.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, union

from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.quitclaim.consent import rules
from plugin.quitclaim.consent.model import GrantKind

_G, _Q, _P = t.grant.c, t.quitclaim.c, t.person.c
_OPEN = _G.ended_at.is_(None)


def list_due(services: Services, conn: Connection, now: datetime) -> list[str]:
    """People with a grant that may be over and has no written end: by its dates, an objection, or its signature."""
    dated = select(_G.person_id).where(_OPEN, _G.valid_until <= now)
    replaced = select(_Q.person_id).where(_Q.superseded_at <= now, _held())
    mine = and_(_G.person_id == _P.id, _G.kind == GrantKind.RECOGNITION.value, _OPEN)
    objected = select(_P.id).where(_P.objected_at.is_not(None), exists().where(mine))
    return sorted({*conn.scalars(union(dated, replaced, objected)), *_list_unsigned(services, conn, now)})


def _held() -> ColumnElement[bool]:
    return exists().where(_G.quitclaim_id == _Q.id, _OPEN)


def list_keys_due(conn: Connection, now: datetime) -> list[str]:
    """People with a face key, and no recognition grant that is in force by its dates."""
    here = and_(_G.person_id == t.person_key.c.person_id, _G.kind == GrantKind.RECOGNITION.value)
    holds = and_(here, _OPEN, _G.valid_from <= now, _after(_G.valid_until, now), _G.quitclaim_id == _Q.id)
    kept = exists().where(holds, _after(_Q.superseded_at, now))
    return list(conn.scalars(select(t.person_key.c.person_id).where(t.person_key.c.purpose == "face", ~kept)))


def _after(moment: "ColumnElement[datetime | None]", now: datetime) -> ColumnElement[bool]:
    return or_(moment.is_(None), moment > now)


def _list_unsigned(services: Services, conn: Connection, now: datetime) -> Iterable[str]:
    """People whose signature is not valid any more: a guardian's authority ended, or the guardian was removed."""
    doubtful = or_(_P.birth_date.is_not(None), _Q.signed_by_person.is_(False))
    query = select(t.quitclaim, _P.birth_date).join(t.person, _P.id == _Q.person_id)
    rows = conn.execute(query.where(doubtful, _held())).all()
    guardians = roster.guardians(conn) if any(not row.signed_by_person for row in rows) else {}
    for row in rows:
        signer = roster.signer(row, guardians.get(row.person_id, ()))
        window = rules.signature_window(*signer, services.ages)
        if window is None or (window[1] is not None and window[1] <= now):
            yield row.person_id
