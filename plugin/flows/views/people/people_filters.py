"""What the list of people can be narrowed to, each as a condition on the rows of `person`."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from plugin.flows.access.links import LinkKind
from plugin.flows.common import reference_sets
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.ledger import tables as t
from plugin.quitclaim.consent.model import EndKind, GrantKind

SOON = timedelta(days=60)
_ASKS = (LinkKind.SIGN.value, LinkKind.RENEW.value, LinkKind.MAJORITY.value)
_STOPPED = (EndKind.WITHDRAWN.value, EndKind.RESTRICTED.value)
_P, _G, _Q, _L = t.person.c, t.grant.c, t.quitclaim.c, t.invitation.c


class PeopleFilter(StrEnum):
    """Whom the list shows."""

    ENDING = "ending"  # something in force ends within 60 days
    MINORS = "minors"
    ASKED = "asked"  # a link to sign is out, and nothing is agreed to
    REFUSED = "refused"  # the last link to sign was answered with no
    WITHDRAWN = "withdrawn"  # they ended what they had agreed to, and nothing is left
    NEVER_ASKED = "never_asked"
    NO_RECOGNITION = "no_recognition"
    NOT_VOUCHED = "not_vouched"  # reference pictures that nobody vouched for


def conditions(services: Services, chosen: PeopleFilter, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions of a filter."""
    return _CONDITIONS[chosen](services, now)


def select_ends(now: datetime, before: datetime | None = None) -> "Select[str, datetime]":
    """By person, when the first of their grants in force ends, as signed; versions that were replaced do not count."""
    standing = _G.ended_at.is_(None) & (_G.valid_until > now) & (_G.valid_from <= now)
    until = func.min(_G.valid_until).label("until")
    query = select(_G.person_id, until).join(t.quitclaim, _Q.id == _G.quitclaim_id).where(_Q.superseded_at.is_(None))
    query = query.where(standing).group_by(_G.person_id)
    return query if before is None else query.where(_G.valid_until <= before)


def is_in_force(now: datetime, kind: GrantKind | None = None) -> ColumnElement[bool]:
    """Whether a grant of the person, of this kind if one is named, is in force by its row."""
    mine = (_G.person_id == _P.id) & _G.ended_at.is_(None) & (_G.valid_from <= now)
    alive = or_(_G.valid_until.is_(None), _G.valid_until > now)
    return exists().where(mine, alive, *([] if kind is None else [_G.kind == kind.value]))


def is_refused() -> ColumnElement[bool]:
    """Whether the person answered a link to sign with no, and has signed nothing since it was made."""
    later = exists().where(_Q.person_id == _L.person_id, _Q.recorded_at >= _L.created_at)
    half = exists().where(t.sealed.c.person_id == _L.person_id, t.sealed.c.kind == withdrawal.HALF)
    return exists().where(_L.person_id == _P.id, _L.kind.in_(_ASKS), _L.uses > 0, ~later, ~half)


def is_stopped(now: datetime) -> ColumnElement[bool]:
    """Whether the person ended something, and nothing is in force."""
    ended = exists().where(_G.person_id == _P.id, _G.ended_kind.in_(_STOPPED))
    return ended & ~is_in_force(now)


def is_asked(now: datetime) -> ColumnElement[bool]:
    """Whether a link to sign is out that was not answered, open or not, and nothing is in force."""
    out = exists().where(_L.person_id == _P.id, _L.kind.in_(_ASKS), _L.uses == 0, _L.revoked_at.is_(None))
    return out & ~is_in_force(now)


def _born_after(services: Services, years: int) -> ColumnElement[bool]:
    """Whether the person is younger than so many years today, by their birth date."""
    today = services.today()
    leap = (today.month, today.day) == (2, 29)
    return _P.birth_date > date(today.year - years, today.month, 28 if leap else today.day)


def _is_ending(services: Services, now: datetime) -> list[ColumnElement[bool]]:
    soon = select_ends(now, now + SOON).subquery()
    return [_P.id.in_(select(soon.c.person_id))]


def _has_no_recognition(services: Services, now: datetime) -> list[ColumnElement[bool]]:
    young = func.coalesce(_born_after(services, services.ages.recognition_from), False)
    return [or_(~is_in_force(now, GrantKind.RECOGNITION), young)]


def _is_never_asked(services: Services, now: datetime) -> list[ColumnElement[bool]]:
    asked = exists().where(_L.person_id == _P.id, _L.kind.in_(_ASKS))
    return [~asked, ~exists().where(_Q.person_id == _P.id)]


def _is_not_vouched(services: Services, now: datetime) -> list[ColumnElement[bool]]:
    s = t.reference_set.c
    mine = and_(s.person_id == _P.id, reference_sets.LIVE)
    return [exists().where(mine), ~exists().where(mine, s.vouched_at.is_not(None))]


_CONDITIONS: Mapping[PeopleFilter, Callable[[Services, datetime], list[ColumnElement[bool]]]] = {
    PeopleFilter.ENDING: _is_ending,
    PeopleFilter.MINORS: lambda services, now: [_born_after(services, services.ages.age)],
    PeopleFilter.ASKED: lambda services, now: [is_asked(now)],
    PeopleFilter.REFUSED: lambda services, now: [is_refused(), ~is_in_force(now)],
    PeopleFilter.WITHDRAWN: lambda services, now: [is_stopped(now)],
    PeopleFilter.NEVER_ASKED: _is_never_asked,
    PeopleFilter.NO_RECOGNITION: _has_no_recognition,
    PeopleFilter.NOT_VOUCHED: _is_not_vouched,
}
