"""What happened with a person, from the rows that it left; the links that are out; photographs that name them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from plugin.errors import NotFound
from plugin.flows.access import links, sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.queue import access_conditions

SHOWN = 24
"""How many photographs, and how many lines of the history, a page shows."""


@dataclass(frozen=True)
class PastEvent:
    """What happened: a key of the words, when, and by whom, as the log names them ("" if nobody is known)."""

    at: datetime
    what: str
    by: str = ""


@dataclass(frozen=True)
class LinkOut:
    """A link that opens something now: what, since and until when, who made it, whether it was mailed."""

    id: str
    kind: str
    since: datetime
    until: datetime
    by: str
    by_mail: bool


@dataclass(frozen=True)
class PersonStory:
    """The newest first. `photographs`: numbers of resources, after which `more` follow."""

    events: Sequence[PastEvent]
    links: Sequence[LinkOut]
    photographs: Sequence[int]
    more: bool


def load_story(services: Services, person_id: str, staff: Staff, before: int = 0) -> PersonStory:
    """Of somebody whose file was opened: the look is audited there. `before`: photographs before this number."""
    with services.store.read() as conn:
        events = sorted(_list_events(conn, person_id), key=lambda one: one.at)[::-1]
        photographs = _list_photographs(conn, person_id, staff, before)
        out = _list_links(services, conn, person_id)
    return PersonStory(events, out, photographs[:SHOWN], len(photographs) > SHOWN)


def close_link(services: Services, person_id: str, link_id: str, actor: str) -> None:
    """Close a link of this person's. Raises NotFound for one that is not theirs, or opens nothing any more."""
    i = t.invitation.c
    with services.store.write() as tx:
        open_ = access_conditions.is_open_link(tx.now)
        if tx.execute(select(i.id).where(i.id == link_id, i.person_id == person_id, *open_)).first() is None:
            raise NotFound("no such link: list those that are out and choose again")
        links.revoke(services, tx, link_id, actor)


def _list_photographs(conn: Connection, person_id: str, staff: Staff, before: int) -> list[int]:
    tag, r = t.tag.c, t.resource.c
    query = select(r.id).join(t.tag, tag.resource_id == r.id).where(tag.person_id == person_id, r.deleted_at.is_(None))
    query = query.where(sight.photographs(staff), *([r.id < before] if before else []))
    return list(conn.scalars(query.distinct().order_by(r.id.desc()).limit(SHOWN + 1)))


def _list_links(services: Services, conn: Connection, person_id: str) -> list[LinkOut]:
    i = t.invitation.c
    query = select(t.invitation).where(i.person_id == person_id, *access_conditions.is_open_link(services.clock.now()))
    return [
        LinkOut(row.id, row.kind, row.created_at, row.expires_at, row.created_by, row.by_mail)
        for row in conn.execute(query.order_by(i.created_at.desc(), i.id))
    ]


def _list_events(conn: Connection, person_id: str) -> Iterator[PastEvent]:
    yield from _list_signed(conn, person_id)
    for link in conn.execute(select(t.invitation).where(t.invitation.c.person_id == person_id)):
        yield PastEvent(link.created_at, f"link_{link.kind}", link.created_by)
        if link.revoked_at is not None:
            yield PastEvent(link.revoked_at, "link_closed")
    for one in conn.execute(select(t.reference_set).where(t.reference_set.c.person_id == person_id)):
        yield PastEvent(one.added_at, "pictures", one.added_by)
        if one.vouched_at is not None and one.vouched_how != "chosen":
            yield PastEvent(one.vouched_at, "vouched", one.vouched_by or "")
        if one.refused_at is not None:
            yield PastEvent(one.refused_at, "pictures_refused", one.refused_by or "")
    for row in conn.execute(select(t.address).where(t.address.c.person_id == person_id)):
        yield PastEvent(row.entered_at, "address", row.entered_by)
    for asked in conn.execute(select(t.request).where(t.request.c.person_id == person_id)):
        yield PastEvent(asked.asked_at, "asked_erasure", asked.asked_by)


def _list_signed(conn: Connection, person_id: str) -> Iterator[PastEvent]:
    p, g = t.person.c, t.grant.c
    yield PastEvent(conn.execute(select(p.created_at).where(p.id == person_id)).scalar_one(), "entered")
    for claim in conn.execute(select(t.quitclaim).where(t.quitclaim.c.person_id == person_id)):
        yield PastEvent(claim.recorded_at, "signed", claim.recorded_by)
    ends = select(g.ended_at, g.ended_kind).where(g.person_id == person_id, g.ended_at.is_not(None)).distinct()
    for end in conn.execute(ends):
        yield PastEvent(end.ended_at, f"ended_{end.ended_kind}")
