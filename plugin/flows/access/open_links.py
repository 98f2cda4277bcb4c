"""Links and visits that open somebody's page now, shown on that page; each can be closed.

A guardian sees their own, those by the links to siblings included, never another guardian's.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from plugin.errors import NotFound
from plugin.flows.access import links, token_digest, visits
from plugin.flows.access.links import LinkKind
from plugin.flows.common.services import Services
from plugin.flows.people import guardian_links
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx

KINDS = (LinkKind.PAGE.value, LinkKind.KEY.value)
"""What opens something of a person's own: the page, or by a key what was signed in one visit."""

_NUMBER = 16  # digits of a visit's hash that number it


class PageHolder(Protocol):
    """Whoever is on the page."""

    @property
    def link_id(self) -> str: ...
    @property
    def person_id(self) -> str: ...
    @property
    def guardian_id(self) -> str | None: ...
    @property
    def actor(self) -> str: ...


@dataclass(frozen=True)
class OpenLink:
    """A link that opens: what, since and until when, how it was delivered; whether this visit came by it."""

    id: str
    kind: str
    since: datetime
    until: datetime
    by_mail: bool
    here: bool


@dataclass(frozen=True)
class OpenVisit:
    """A visit that is open: with what, since when, when it was last used; whether it is this one."""

    id: str
    kind: str
    device: str
    since: datetime
    seen: datetime
    here: bool


@dataclass(frozen=True)
class WaysIn:
    """All of them, the newest first."""

    links: tuple[OpenLink, ...]
    visits: tuple[OpenVisit, ...]


def list_open(services: Services, who: PageHolder, token: str) -> WaysIn:
    """The links and visits that open this page; `token` is that of the visit on which they are shown."""
    mine, now = token_digest.digest(token), services.clock.now()
    i, v = t.invitation.c, t.visit.c
    with services.store.read() as conn:
        theirs = _theirs(services, conn, who)
        query = select(t.invitation).where(theirs, _opens(now)).order_by(i.created_at.desc(), i.id)
        rows = conn.execute(query).all()
        found = [one for one in rows if one.kind == LinkKind.KEY or links.is_full(services, conn, one)]
        come = conn.execute(
            select(t.visit, i.kind)
            .join(t.invitation, i.id == v.invitation_id)
            .where(theirs, _opens(now), ~visits.is_over(services, now))
            .order_by(v.created_at.desc(), v.id_sha256)
        ).all()
    open_links = (
        OpenLink(one.id, one.kind, one.created_at, one.expires_at, one.by_mail, one.id == who.link_id) for one in found
    )
    open_visits = (
        OpenVisit(id_[:_NUMBER], one.kind, one.device or "", one.created_at, one.seen_at, id_ == mine)
        for one in come
        for id_ in [one.id_sha256]
    )
    return WaysIn(tuple(open_links), tuple(open_visits))


def close_link(services: Services, who: PageHolder, link_id: str) -> None:
    """Revoke the link and end every visit by it. Raises NotFound for one that is not theirs."""
    with services.store.write() as tx:
        if not _close_links(services, tx, who, t.invitation.c.id == link_id):
            raise NotFound("no such way in is open: load your page again")


def close_visit(services: Services, who: PageHolder, visit_id: str) -> None:
    """End the visit. Raises NotFound for one that is not theirs."""
    with services.store.write() as tx:
        this = func.substr(t.visit.c.id_sha256, 1, _NUMBER) == visit_id
        if not visits.end_in(services, tx, and_(this, _by_theirs(services, tx, who)), who.actor):
            raise NotFound("no such way in is open: load your page again")


def close_others(services: Services, who: PageHolder, token: str) -> int:
    """Every link and visit but this visit and the link that it came by; returns how many were closed."""
    with services.store.write() as tx:
        closed = _close_links(services, tx, who, t.invitation.c.id != who.link_id)
        others = and_(t.visit.c.id_sha256 != token_digest.digest(token), _by_theirs(services, tx, who))
        return closed + visits.end_in(services, tx, others, who.actor)


def _close_links(services: Services, tx: Tx, who: PageHolder, which: ColumnElement[bool]) -> int:
    theirs = and_(_theirs(services, tx.connection, who), _opens(tx.now), which)
    found = list(tx.connection.scalars(select(t.invitation.c.id).where(theirs)))
    for link_id in found:
        links.revoke(services, tx, link_id, who.actor)
        visits.end_in(services, tx, t.visit.c.invitation_id == link_id, who.actor)
    return len(found)


def _by_theirs(services: Services, tx: Tx, who: PageHolder) -> ColumnElement[bool]:
    theirs = select(t.invitation.c.id).where(_theirs(services, tx.connection, who))
    return t.visit.c.invitation_id.in_(theirs)


def _theirs(services: Services, conn: Connection, who: PageHolder) -> ColumnElement[bool]:
    """Which links are this visitor's."""
    i, pairs = t.invitation.c, [(who.person_id, who.guardian_id)]
    if who.guardian_id is not None:
        pairs += guardian_links.list_children(services, conn, who.person_id, who.guardian_id)
    return and_(i.kind.in_(KINDS), or_(*(and_(i.person_id == child, _addressed_to(entry)) for child, entry in pairs)))


def _addressed_to(guardian_id: str | None) -> ColumnElement[bool]:
    """Links that are addressed to this guardian; None: to the person."""
    column = t.invitation.c.guardian_id
    return column.is_(None) if guardian_id is None else column == guardian_id


def _opens(now: datetime) -> ColumnElement[bool]:
    i = t.invitation.c
    return and_(i.revoked_at.is_(None), i.expires_at > now)
