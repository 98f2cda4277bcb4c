"""Previews what an irreversible act would end, in numbers, before anybody confirms it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from plugin.flows.access import staff_sessions
from plugin.flows.access.links import LinkKind
from plugin.flows.common import reference_sets, roster
from plugin.flows.common.services import Services
from plugin.flows.consent import tag_revocation, withdrawal
from plugin.flows.people import contacts
from plugin.ledger import tables as t
from plugin.ledger.queue import access_conditions
from plugin.quitclaim.clearance.scope import Mode
from plugin.quitclaim.consent import lifecycle
from plugin.quitclaim.consent.intervals import containing
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.quitclaim.consent.standing import Standing

PAGES = (LinkKind.PAGE, LinkKind.RENEW, LinkKind.KEY)
Held = tuple[Grant, datetime, datetime | None]


@dataclass(frozen=True)
class Consequences:
    """Counts: grants by kind, photographs that lose the person's name, reference photographs, links."""

    name: str
    recognition: int = 0
    publication: int = 0
    photographs: int = 0
    pictures: int = 0
    links: int = 0

    @property
    def anything(self) -> bool:
        """Whether something ends at all: else there is nothing to ask about."""
        return any((self.recognition, self.publication, self.photographs, self.pictures, self.links))


def preview_ending(
    services: Services, person_id: str, grant_ids: Collection[str] | None, kind: str = "withdraw"
) -> Consequences:
    """What `withdrawal.withdraw`, `restrict` or, as `object`, the person's objection would end. Raises NotFound."""
    now = services.clock.now()
    with services.store.read() as conn:
        standing = roster.load(services, conn, person_id)
        claims = standing.quitclaims
        if kind == "object":
            after = lifecycle.object_to_recognition(standing.person, claims, now)[1]
        else:
            after = (lifecycle.withdraw if kind == "withdraw" else lifecycle.restrict)(claims, grant_ids, now)
        due = [grant.kind for grant, _, _ in withdrawal.find_ended(claims, after)]
        then = replace(standing, quitclaims=after)
        return Consequences(
            standing.person.display_name,
            recognition=due.count(GrantKind.RECOGNITION),
            publication=due.count(GrantKind.PUBLICATION),
            photographs=_count_named(conn, person_id, tag_revocation.find_origins(services, then)) if due else 0,
            pictures=_count_pictures(services, conn, person_id, then) if due else 0,
        )


def preview_version(services: Services, person_id: str, signing: Signing) -> Consequences:
    """The grants that such a new version ends, or shortens. Raises ConsentError if it could not be recorded."""
    now = services.clock.now()
    with services.store.read() as conn:
        held = roster.load(services, conn, person_id)
        person, claims = held.person, held.quitclaims
        claim = lifecycle.record(person, claims, signing, services.ages, quitclaim_id="", now=now, by="")
        then = replace(held, quitclaims=(*lifecycle.supersede(claims, claim), claim))
        kept = then.windows()
        lost = [one[0].kind for one in held.windows() if _is_shortened(one, kept, now)]
        return Consequences(
            person.display_name,
            lost.count(GrantKind.RECOGNITION),
            lost.count(GrantKind.PUBLICATION),
            photographs=_count_named(conn, person_id, tag_revocation.find_origins(services, then)) if lost else 0,
            pictures=_count_pictures(services, conn, person_id, then) if GrantKind.RECOGNITION in lost else 0,
        )


def _is_shortened(held: Held, kept: Iterable[Held], now: datetime) -> bool:
    """Whether the remaining windows allow less, from now on, than this grant did."""
    grant, start, end = held
    if end is not None and end <= now:
        return False
    same = [(at, to) for one, at, to in kept if (one.purpose, one.channel) == (grant.purpose, grant.channel)]
    whole = containing(same, max(start, now))
    return whole is None or (whole[1] is not None and (end is None or whole[1] < end))


def preview_erasure(services: Services, person_id: str) -> Consequences:
    """What an erasure destroys. Raises NotFound."""
    whole = preview_ending(services, person_id, None)
    with services.store.read() as conn:
        return Consequences(
            whole.name,
            whole.recognition,
            whole.publication,
            photographs=_count_named(conn, person_id, tag_revocation.ALL),
            pictures=_count_references(conn, person_id),
            links=_count_links(services, conn, person_id, tuple(LinkKind)),
        )


def preview_lock(services: Services, person_id: str) -> Consequences:
    """The open links to the person's page, and keys."""
    with services.store.read() as conn:
        name = roster.load(services, conn, person_id).person.display_name
        return Consequences(name, links=_count_links(services, conn, person_id, PAGES))


def preview_link(services: Services, link_id: str) -> Consequences:
    """The person of the link, and whether it still opens something."""
    link = t.invitation.c
    open_ = access_conditions.is_open_link(services.clock.now())
    with services.store.read() as conn:
        row = conn.execute(select(link.person_id).where(link.id == link_id, *open_)).first()
        if row is None:
            return Consequences("")
        name = roster.labels(conn, [row.person_id]).get(row.person_id, "") if row.person_id else ""
    return Consequences(name or "everybody at the shoot", links=1)


def preview_pictures(services: Services, person_id: str, set_id: str | None = None) -> Consequences:
    """Reference photographs of the set; without one, the vouched ones that new pictures would replace."""
    with services.store.read() as conn:
        name = roster.load(services, conn, person_id).person.display_name
        sets = reference_sets.list_of(conn, person_id)
        chosen = [row for row in sets if row.id == set_id or (set_id is None and row.vouched_at is not None)]
        count = sum(
            _count_sealed(conn, (t.sealed.c.kind == "reference") & reference_sets.pictures_of(row)) for row in chosen
        )
    return Consequences(name, pictures=count)


def preview_address(services: Services, person_id: str, guardian_id: str | None) -> bool:
    """Whether an address is on file that would be removed."""
    with services.store.read() as conn:
        return bool(contacts.address_of(services, conn, person_id, guardian_id))


def preview_mode(services: Services, ref: str, mode: str) -> tuple[int, int]:
    """Photographs of the collection that would lose a machine's name, and suggestions that would go, under the mode."""
    mine = select(t.resource_collection.c.resource_id).where(t.resource_collection.c.collection_ref == ref)
    with services.store.read() as conn:
        named = suggested = 0
        if mode == Mode.NEVER.value:
            machine = (t.tag.c.origin == "machine") & t.tag.c.resource_id.in_(mine)
            named = _count_distinct(conn, t.tag.c.resource_id, machine)
        if mode not in {Mode.SUGGEST.value, Mode.AUTO.value}:
            waiting = (t.face.c.state == "suggested") & t.face.c.resource_id.in_(mine)
            suggested = _count_distinct(conn, t.face.c.id, waiting)
    return named, suggested


def preview_sessions(services: Services, session: str | None, user: str | None) -> int:
    """Open staff sessions: the one of this number, those of an account, or all."""
    return sum(session in {None, one.id} and user in {None, one.user} for one in staff_sessions.list_open(services))


def is_ruling_lost(services: Services, ref: str) -> bool:
    """Whether the ruling on the collection is lost, so that it can be given up."""
    this = (t.collection.c.ref == ref) & t.collection.c.lost_at.is_not(None)
    with services.store.read() as conn:
        return conn.execute(select(t.collection.c.ref).where(this)).first() is not None


def _count_named(conn: Connection, person_id: str, origins: Collection[str]) -> int:
    mine = (t.tag.c.person_id == person_id) & t.tag.c.origin.in_(sorted(origins))
    return _count_distinct(conn, t.tag.c.resource_id, mine)


def _count_pictures(services: Services, conn: Connection, person_id: str, after: Standing) -> int:
    return 0 if after.recognition(services.clock.now()) is not None else _count_references(conn, person_id)


def _count_references(conn: Connection, person_id: str) -> int:
    return _count_sealed(conn, (t.sealed.c.person_id == person_id) & (t.sealed.c.kind == "reference"))


def _count_sealed(conn: Connection, which: ColumnElement[bool]) -> int:
    return int(conn.scalar(select(func.count()).select_from(t.sealed).where(which)) or 0)


def _count_distinct(conn: Connection, what: ColumnElement[int], which: ColumnElement[bool]) -> int:
    return int(conn.scalar(select(func.count(what.distinct())).where(which)) or 0)


def _count_links(services: Services, conn: Connection, person_id: str, kinds: Sequence[LinkKind]) -> int:
    link = t.invitation.c
    mine = (link.person_id == person_id) & link.kind.in_([kind.value for kind in kinds])
    open_ = access_conditions.is_open_link(services.clock.now())
    return int(conn.scalar(select(func.count(link.id)).where(mine, *open_)) or 0)
