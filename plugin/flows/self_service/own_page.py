"""A person's own page: the visitor, what the page shows, and what they change, each change with a letter.

Everything here is about one person: the one of the link, or a child that the staff joined to the same guardian. No id
from a browser opens anybody else's page.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from plugin.errors import ConsentError, Forgotten, LinkRefused, NotFound
from plugin.flows.access import links
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.mail import page_links
from plugin.flows.mail.page_links import Visitor as Visitor
from plugin.flows.mail.papers import receipts
from plugin.flows.people import guardian_links, register
from plugin.flows.review import disowning
from plugin.flows.rights import erasure_requests
from plugin.flows.self_service import own_photos
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.quitclaim.consent.model import Quitclaim
from plugin.quitclaim.consent.standing import Standing
from plugin.quitclaim.forms.statements import StatementLine, list_lines

RENEWAL_LASTS = timedelta(days=1)


@dataclass(frozen=True)
class SignedVersion:
    """A signed version that has a receipt."""

    quitclaim_id: str
    version: int
    day: date


@dataclass(frozen=True)
class OwnPage:
    """What the page says of the person. `album`: their photographs; `anew`: whether there is a form to renew."""

    name: str
    minor: bool
    objected: bool
    now: tuple[StatementLine, ...]
    past: tuple[StatementLine, ...]
    signed: tuple[SignedVersion, ...]
    references: int
    forget_by: date | None
    forget_number: str
    anew: bool
    album: own_photos.PhotoPage
    children: tuple[tuple[str, str], ...]


def find_visitor(services: Services, link_id: str, child: str | None = None) -> Visitor:
    """The visitor of a session, checked at each request; `child`: another child of the same guardian.

    Raises LinkRefused if the link or the guardian's authority has ended; Forgotten for an erased person; NotFound for
    a child that is not theirs.
    """
    row = links.find_usable(services, link_id)
    if row.kind != links.LinkKind.PAGE or row.person_id is None:
        raise LinkRefused("unknown")
    with services.store.read() as conn:
        if not services.vault.has_key(conn, row.person_id, "record"):
            raise Forgotten("nothing is held on this person any more, or it is being erased")
        if not links.is_full(services, conn, row):
            raise LinkRefused("revoked")
        mine = _list_theirs(services, conn, row.person_id, row.guardian_id)
    found = next((pair for pair in mine if pair[0] == child), None) if child else mine[0]
    if found is None:
        raise NotFound("no such child is yours")
    return Visitor(row.id, *found, row.language, tuple(person for person, _ in mine))


def _list_theirs(
    services: Services, conn: Connection, person_id: str, guardian_id: str | None
) -> list[tuple[str, str | None]]:
    """The person of the link, then the guardian's other children. Raises LinkRefused if their authority has ended."""
    if guardian_id is None:
        return [(person_id, None)]
    known = guardian_links.list_children(services, conn, person_id, guardian_id)
    if not known or not _has_say(services, conn, *known[0]):
        raise LinkRefused("expired")
    return [pair for pair in known if _has_say(services, conn, *pair)]


def _has_say(services: Services, conn: Connection, person_id: str, guardian_id: str) -> bool:
    """Whether the guardian still decides, until the birthday that ends it."""
    standing = roster.load_many(services, conn, [person_id]).get(person_id)
    if standing is None or guardian_id not in standing.person.guardians:
        return False
    return standing.is_minor(services.clock.now())


def note_look(services: Services, who: Visitor) -> None:
    """Audit a look at the page, once a session (rule 9)."""
    with services.store.write() as tx:
        subject = roster.subject(services, tx, who.person_id)
        tx.audit(Action.RECORD_LOOK, who.actor, subject=subject, link=who.link_id)


def load_page(services: Services, who: Visitor) -> OwnPage:
    """The page as of now."""
    now = services.clock.now()
    with services.store.read() as conn:
        standing = roster.load(services, conn, who.person_id)
        person, claims = standing.person, standing.quitclaims
        asked = erasure_requests.find_waiting(conn, who.person_id)
        labels = register.own_names_of(conn, who.children)
        all_ = list_lines(person, claims, services.ages, now)
        return OwnPage(
            name=register.own_name_of(conn, who.person_id),
            minor=standing.is_minor(now),
            objected=person.objected_at is not None,
            now=tuple(line for line in all_ if line.open),
            past=tuple(line for line in all_ if not line.open),
            signed=tuple(_list_signed(services, conn, who, claims)),
            references=len(services.vault.find(conn, who.person_id, "reference")),
            forget_by=asked.due_on if asked else None,
            forget_number=erasure_requests.find_number(conn, who.person_id),
            anew=_find_form(services, conn, who, standing) is not None,
            album=own_photos.list_photos(services, conn, who.person_id),
            children=tuple((child, labels[child]) for child in who.children if child in labels),
        )


def _list_signed(
    services: Services, conn: Connection, who: Visitor, claims: Sequence[Quitclaim]
) -> Iterator[SignedVersion]:
    for claim in reversed(claims):
        if receipts.is_kept(services, conn, who.person_id, claim.id):
            day = claim.signed_at.astimezone(services.config.site.zone).date()
            yield SignedVersion(claim.id, claim.version, day)


def find_line(services: Services, who: Visitor, grant_id: str) -> StatementLine:
    """One use that is in force or to come. Raises NotFound for any other id."""
    with services.store.read() as conn:
        standing = roster.load(services, conn, who.person_id)
    found = list_lines(standing.person, standing.quitclaims, services.ages, services.clock.now())
    for one in found:
        if one.grant_id == grant_id and one.open:
            return one
    raise NotFound("no such use is in force: load your page again")


def end_uses(services: Services, who: Visitor, how: StopMode, grant_ids: Collection[str] | None) -> int:
    """End these uses, or all (None), at once; returns how many ended. Raises NotFound for another person's."""
    with services.store.write() as tx:
        due = withdrawal.stop_in(services, tx, who.person_id, how, grant_ids, who.actor)
        if due:
            page_links.queue_confirmation(services, tx, who, how.value, grants=[grant.id for grant, _, _ in due])
    return len(due)


def object_to_recognition(services: Services, who: Visitor) -> int:
    """The child objects to recognition: from now on only they can allow it, once of age.

    Raises ConsentError for an adult, who withdraws instead.
    """
    with services.store.write() as tx:
        if not roster.load(services, tx.connection, who.person_id).is_minor(services.clock.now()):
            raise ConsentError("you decide for yourself: withdraw recognition instead")
        ended = withdrawal.object_in(services, tx, who.person_id, who.actor)
        page_links.queue_confirmation(services, tx, who, "object")
    return ended


def disown(services: Services, who: Visitor, resource_id: int) -> None:
    """ "That is not me": see `disowning.disown`. Raises NotFound for a photograph that is not shown to them."""
    with services.store.read() as conn:
        own_photos.find_photo(services, conn, who.person_id, resource_id)

    def tell(tx: Tx) -> None:
        page_links.queue_confirmation(services, tx, who, "not me", resource=resource_id)

    disowning.disown(services, resource_id, who.person_id, who.actor, tell)


def request_erasure(services: Services, who: Visitor) -> erasure_requests.ErasureRequest:
    """File a request for erasure: see `erasure_requests.ask`."""
    filed = erasure_requests.read_filed(services, who.person_id)
    with services.store.write() as tx:
        listed = services.config.requests.erasure == "list"
        if listed and erasure_requests.find_waiting(tx.connection, who.person_id) is None:
            page_links.queue_confirmation(
                services, tx, who, "erasure", "forget", due=erasure_requests.due_day(services).isoformat()
            )
        return erasure_requests.request_in(services, tx, who.person_id, who.actor, filed)


def open_reference(services: Services, who: Visitor, number: int) -> bytes:
    """A copy of their reference photograph `number` (from 1), as it was given. Raises NotFound.

    The look is audited first; the photograph, of megabytes, is opened after that write.
    """
    with services.store.write() as tx:
        chosen = _find_reference(services, tx.connection, who, number)
        subject = roster.subject(services, tx, who.person_id)
        tx.audit(Action.REFERENCE_LOOK, who.actor, subject=subject, photos=1, link=who.link_id)
    with services.store.read() as conn:
        if chosen not in services.vault.find(conn, who.person_id, "reference"):
            raise NotFound("this photograph was taken away this moment")
        return services.vault.open(conn, chosen)


def _find_reference(services: Services, conn: Connection, who: Visitor, number: int) -> str:
    found = services.vault.find(conn, who.person_id, "reference")
    if not 1 <= number <= len(found):
        raise NotFound("no such reference photograph is kept")
    return found[number - 1]


def export_own_data(services: Services, who: Visitor) -> dict[str, Any]:
    """Everything that is held on the person, without the addresses of other guardians (GDPR Art. 15(4))."""
    held = register.export(services, who.person_id, who.actor, own=True)
    for guardian in held["guardians"]:
        if guardian["id"] != who.guardian_id:
            guardian.pop("email", None)
    return held


def find_receipt(services: Services, who: Visitor, quitclaim_id: str) -> receipts.Receipt:
    """The receipt of a signed version. Raises NotFound for another person's, and if none was made (paper)."""
    with services.store.read() as conn:
        if not receipts.is_kept(services, conn, who.person_id, quitclaim_id):
            raise NotFound("no such receipt is kept")
        return receipts.load(services, conn, quitclaim_id)


def make_renewal_link(services: Services, who: Visitor) -> links.MadeLink:
    """A link for one day to sign a new version of the last form, with the strength of the link to this page.

    Raises ConsentError if there is no such form.
    """
    with services.store.write() as tx:
        standing = roster.load(services, tx.connection, who.person_id)
        form_id = _find_form(services, tx.connection, who, standing)
        if form_id is None:
            raise ConsentError("there is no form to sign here: ask the organisation for one")
        address = select(t.invitation.c.address_id).where(t.invitation.c.id == who.link_id)
        base = links.Link(links.LinkKind.RENEW, who.language, who.person_id, form_id, who.guardian_id, most_uses=1)
        link = replace(base, lasts=RENEWAL_LASTS, address_id=tx.connection.scalar(address))
        return links.make(services, tx, link, who.actor)


def _find_form(services: Services, conn: Connection, who: Visitor, standing: Standing) -> str | None:
    """The id of the newest version of the form that was signed last, if this visitor may sign it."""
    if standing.is_minor(services.clock.now()) != (who.guardian_id is not None):
        return None
    last = (
        select(t.form.c.name)
        .join(t.quitclaim, t.quitclaim.c.form_id == t.form.c.id)
        .where(t.quitclaim.c.person_id == who.person_id)
        .order_by(t.quitclaim.c.version.desc())
        .limit(1)
    )
    name = conn.scalar(last)
    newest = select(func.max(t.form.c.version)).where(t.form.c.name == name, t.form.c.retired_at.is_(None))
    query = select(t.form.c.id).where(t.form.c.name == name, t.form.c.version == newest.scalar_subquery())
    return conn.scalar(query)
