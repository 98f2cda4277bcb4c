"""The invitations to sign, and what became of each."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, exists, func, literal, or_, select

from plugin.errors import NotFound
from plugin.flows.access import sight
from plugin.flows.access.links import LinkKind
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.tables.rows import InvitationRow

_ASKED = (LinkKind.SIGN.value, LinkKind.RENEW.value, LinkKind.MAJORITY.value)


class Answer(StrEnum):
    """What became of an invitation. `OPENED`: its page stands open somewhere, as far as is known."""

    PENDING = "pending"
    OPENED = "opened"
    SIGNED = "signed"
    REFUSED = "refused"
    BOUNCED = "bounced"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True)
class SentInvitation:
    """One invitation; `answered_at`: when it was signed or refused. `open`: it may be withdrawn, and reminded of."""

    id: str
    person_id: str
    name: str
    made_at: datetime
    made_by: str
    until: datetime
    by_mail: bool
    reminded: int
    answer: Answer
    answered_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether it may still be signed."""
        return self.answer in (Answer.PENDING, Answer.OPENED, Answer.BOUNCED)


def list_sent(
    services: Services, staff: Staff, answer: Answer | None, before: tuple[datetime, str] | None, limit: int
) -> list[SentInvitation]:
    """The newest first, of the people whom the account may see; `before`: moment and id of the last one shown."""
    i, now = t.invitation.c, services.clock.now()
    with services.store.read() as conn:
        refused = _list_refused(conn)
        query = select(t.invitation).where(_seen_by(conn, staff))
        if answer is not None:
            query = query.where(_conditions(refused, now)[answer])
        if before is not None:
            query = query.where(or_(i.created_at < before[0], and_(i.created_at == before[0], i.id < before[1])))
        rows = conn.execute(query.order_by(i.created_at.desc(), i.id.desc()).limit(limit)).all()
        names = roster.labels(conn, [row.person_id for row in rows])
        answers = {row.id: _find_answer(conn, row.id, refused, now) for row in rows}
    return [_describe(row, names[row.person_id], answers[row.id]) for row in rows]


def find_person(services: Services, link_id: str) -> str:
    """Whom the invitation asks. Raises NotFound."""
    asked = (t.invitation.c.id == link_id) & t.invitation.c.kind.in_(_ASKED)
    with services.store.read() as conn:
        found = conn.scalar(select(t.invitation.c.person_id).where(asked))
    if found is None:
        raise NotFound("no such link: list those that are out and choose again")
    return str(found)


def count_answers(services: Services, staff: Staff) -> dict[str, int]:
    """How many of each."""
    now = services.clock.now()
    with services.store.read() as conn:
        refused, seen = _list_refused(conn), _seen_by(conn, staff)
        return {
            one.value: int(conn.scalar(select(func.count(t.invitation.c.id)).where(seen, condition)) or 0)
            for one, condition in _conditions(refused, now).items()
        }


def _seen_by(conn: Connection, staff: Staff) -> ColumnElement[bool]:
    people = select(t.person.c.id).where(sight.people(conn, staff))
    return t.invitation.c.kind.in_(_ASKED) & t.invitation.c.person_id.in_(people)


def _list_refused(conn: Connection) -> list[str]:
    """The links by which somebody said no to everything: the log has it."""
    query = select(t.audit.c.details).where(t.audit.c.action == Action.CONSENT_DECLINE.value)
    return [str(json.loads(details).get("link")) for details in conn.scalars(query)]


def _conditions(refused: Collection[str], now: datetime) -> dict[Answer, ColumnElement[bool]]:
    """Each invitation meets one of them."""
    i, m, v = t.invitation.c, t.mail.c, t.visit.c
    used, said_no, gone = i.uses > 0, i.id.in_(refused), i.revoked_at.is_not(None)
    late = i.expires_at <= now
    causes = [literal(f"{kind}:").concat(i.id) for kind in ("invite", "reminder")]
    failed = exists().where(m.cause.in_(causes), m.state == "failed")
    visited = exists().where(v.invitation_id == i.id)
    waits = ~used & ~gone & ~late
    return {
        Answer.PENDING: waits & ~failed & ~visited,
        Answer.OPENED: waits & ~failed & visited,
        Answer.SIGNED: used & ~said_no,
        Answer.REFUSED: used & said_no,
        Answer.BOUNCED: waits & failed,
        Answer.WITHDRAWN: ~used & gone,
        Answer.EXPIRED: ~used & ~gone & late,
    }


def _find_answer(conn: Connection, link_id: str, refused: Collection[str], now: datetime) -> Answer:
    for answer, condition in _conditions(refused, now).items():
        if conn.execute(select(t.invitation.c.id).where(t.invitation.c.id == link_id, condition)).first():
            return answer
    raise NotFound("no such invitation")


def _describe(row: InvitationRow, name: str, answer: Answer) -> SentInvitation:
    return SentInvitation(
        id=row.id,
        person_id=str(row.person_id),
        name=name,
        made_at=row.created_at,
        made_by=row.created_by,
        until=row.expires_at,
        by_mail=row.by_mail,
        reminded=row.reminded,
        answer=answer,
        answered_at=row.used_at,
    )
