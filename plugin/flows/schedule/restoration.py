"""What a restored store brings back, as counts without names."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select

from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.queue import access_conditions
from plugin.quitclaim.consent.model import GrantKind


@dataclass(frozen=True)
class RestoredCounts:
    """People; grants in force, by kind; links and API tokens that work now."""

    people: int
    recognition: int
    publication: int
    links: int
    tokens: int


def count_restored(services: Services) -> RestoredCounts:
    """Count what is in force now. Call it after ended.log was replayed."""
    now = services.clock.now()
    grant = t.grant.c
    holds = and_(grant.valid_from <= now, _is_not_over(grant.valid_until, now), _is_not_over(grant.ended_at, now))
    with services.store.read() as conn:

        def number(what: ColumnElement[int], *where: ColumnElement[bool]) -> int:
            return int(conn.scalar(select(func.count(what)).where(*where)) or 0)

        return RestoredCounts(
            number(t.person.c.id),
            number(grant.id, holds, grant.kind == GrantKind.RECOGNITION.value),
            number(grant.id, holds, grant.kind == GrantKind.PUBLICATION.value),
            number(t.invitation.c.id, *access_conditions.is_open_link(now)),
            number(t.api_token.c.id, *access_conditions.is_open_token(now)),
        )


def _is_not_over(end: "ColumnElement[object]", now: object) -> ColumnElement[bool]:
    return or_(end.is_(None), end > now)
