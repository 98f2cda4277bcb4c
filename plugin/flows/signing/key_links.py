"""A key: the link to what was signed in one visit. Its holder may read that and end any of it, and nothing else.

It stays valid whatever is signed later. It names nobody, and leads to no photograph and no other version.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, select

from plugin.errors import ConsentError, Forgotten, LinkRefused, NotFound
from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind, MadeLink
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.mail.papers import receipts
from plugin.flows.people import contacts, outbox
from plugin.flows.rights import erasure, erasure_register
from plugin.flows.rights.erasure_register import Filed
from plugin.flows.signing import pending_signatures
from plugin.flows.signing.pending_signatures import PendingSignature
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.lifecycle import CHANGES, StopMode
from plugin.quitclaim.consent.model import Quitclaim
from plugin.quitclaim.forms.statements import StatementLine, list_lines

_NO_END = timedelta(days=36500)


@dataclass(frozen=True)
class Holder:
    """The holder of a key: the person and quitclaim, and the guardian if it is a guardian's key."""

    link_id: str
    person_id: str
    guardian_id: str | None
    quitclaim_id: str
    language: str

    @property
    def actor(self) -> str:
        """How the audit log calls them."""
        return "guardian" if self.guardian_id else "person"


@dataclass(frozen=True)
class KeyPage:
    """What was signed in that visit. `text`: "" if none is kept; `waiting`: for another guardian."""

    day: date
    text: str
    lines: tuple[StatementLine, ...]
    replaced: bool
    waiting: bool
    receipt: bool


@dataclass(frozen=True)
class NewKey:
    """A key to make. `end`: of what was signed, None without an end."""

    person_id: str
    quitclaim_id: str
    language: str
    guardian_id: str | None = None
    end: datetime | None = None
    address_id: str | None = None


def make_key(services: Services, tx: Tx, key: NewKey, actor: str) -> MadeLink:
    """Make a key; it opens until its `end`, and for `signing.page_days` at least."""
    least = timedelta(days=services.config.signing.page_days)
    lasts = max(least, key.end - tx.now) if key.end is not None else _NO_END
    link = Link(LinkKind.KEY, key.language, key.person_id, guardian_id=key.guardian_id, lasts=lasts)
    link = replace(link, address_id=key.address_id, quitclaim_id=key.quitclaim_id)
    return links.make(services, tx, link, actor)


def find_end(claim: Quitclaim) -> datetime | None:
    """When the last of its grants expires; None if one has no end."""
    ends = [grant.valid_until for grant in claim.grants]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def find_guardian(claim: Quitclaim) -> str | None:
    """The guardian who gets a key that the staff makes: the last of those who signed."""
    return claim.signed_by_guardians[-1] if claim.signed_by_guardians else None


def find_holder(services: Services, link_id: str) -> Holder:
    """The holder of a visit, checked at each request. Raises LinkRefused, Forgotten for an erased person."""
    row = links.find_usable(services, link_id)
    if row.kind != LinkKind.KEY or row.person_id is None or row.quitclaim_id is None:
        raise LinkRefused("unknown")
    with services.store.read() as conn:
        if not services.vault.has_key(conn, row.person_id, "record"):
            raise Forgotten("nothing is held on this person any more, or it is being erased")
    return Holder(row.id, row.person_id, row.guardian_id, row.quitclaim_id, row.language)


def note_look(services: Services, who: Holder) -> None:
    """Audit a look, once a visit (rule 9)."""
    with services.store.write() as tx:
        subject = roster.subject(services, tx, who.person_id)
        tx.audit(Action.KEY_LOOK, who.actor, subject=subject, link=who.link_id)


def load_page(services: Services, who: Holder) -> KeyPage:
    """What was signed, as of now. Raises NotFound if it was withdrawn before it came into force."""
    with services.store.read() as conn:
        half = _find_pending(services, conn, who)
        if half is not None:
            text = next((item.body.decode() for item in half[1].evidence if item.name.endswith("text.txt")), "")
            return KeyPage(_local_day(services, half[1].signed_at), text, (), False, True, False)
        claim = _find_claim(services, conn, who)
        kept = receipts.is_kept(services, conn, who.person_id, claim.id)
        text = str(receipts.load(services, conn, claim.id).tree["text"]) if kept else ""
        replaced = claim.superseded_at is not None and claim.superseded_at <= services.clock.now()
        uses, day = _build_lines(services, conn, who, claim), _local_day(services, claim.signed_at)
        return KeyPage(day, text, uses, replaced, False, kept)


def _local_day(services: Services, moment: datetime) -> date:
    return moment.astimezone(services.config.site.zone).date()


def _find_claim(services: Services, conn: Connection, who: Holder) -> Quitclaim:
    claims = roster.load(services, conn, who.person_id).quitclaims
    found = next((claim for claim in claims if claim.id == who.quitclaim_id), None)
    if found is None:
        raise NotFound("what was signed was taken back before it held")
    return found


def _build_lines(services: Services, conn: Connection, who: Holder, claim: Quitclaim) -> tuple[StatementLine, ...]:
    person = roster.load(services, conn, who.person_id).person
    return tuple(list_lines(person, [claim], services.ages, services.clock.now()))


def _find_pending(services: Services, conn: Connection, who: Holder) -> tuple[str, PendingSignature] | None:
    waiting = pending_signatures.list_pending(services, conn, who.person_id)
    return next(((other, half) for other, half in waiting if half.number == who.quitclaim_id), None)


def find_line(services: Services, who: Holder, grant_id: str) -> StatementLine:
    """One use of what was signed that is in force or to come. Raises NotFound for any other id."""
    for one in load_page(services, who).lines:
        if one.grant_id == grant_id and one.open:
            return one
    raise NotFound("no such use is in force: load the page again")


def end_uses(services: Services, who: Holder, how: StopMode, grant_ids: Collection[str] | None) -> int:
    """End these uses of what was signed, or all of it (None), at once; returns how many ended.

    Other versions are not changed. Raises NotFound for a use of another version.
    """
    filed = erasure_register.NOTHING_FILED
    with services.store.read() as conn:
        half = _find_pending(services, conn, who)
    if half is not None:
        filed = erasure_register.read_filed(services, who.person_id)
    with services.store.write() as tx:
        half = _find_pending(services, tx.connection, who)
        if half is not None:
            return _take_back(services, tx, who, *half, filed)
        claim = _find_claim(services, tx.connection, who)
        open_ = {one.grant_id for one in _build_lines(services, tx.connection, who, claim) if one.open}
        wanted = open_ if grant_ids is None else set(grant_ids)
        if not wanted <= open_:
            raise NotFound("no such use is in force: load the page again")
        claims = roster.load(services, tx.connection, who.person_id).quitclaims
        change: Callable[..., tuple[Quitclaim, ...]] = CHANGES[how]
        due = withdrawal.find_ended(claims, change(claims, wanted, tx.now)) if wanted else []
        ended = withdrawal.end_in(services, tx, who.person_id, due, who.actor)
        if ended:
            _queue_notice(services, tx, who)
    return ended


def _take_back(services: Services, tx: Tx, who: Holder, other_id: str, half: PendingSignature, filed: Filed) -> int:
    """Withdraw before the other guardian has signed. A child who was entered only for this form is erased."""
    out = pending_signatures.find_second_link(tx.connection, who.person_id, other_id, half.form_id, tx.now)
    if out is not None:
        links.revoke(services, tx, out.id, who.actor)
    pending_signatures.discard_pending(services, tx, who.person_id, other_id, half.number)
    subject = roster.subject(services, tx, who.person_id)
    tx.audit(Action.CONSENT_DECLINE, who.actor, subject=subject, link=who.link_id)
    if half.fresh and not roster.load(services, tx.connection, who.person_id).quitclaims:
        erasure.begin_in(services, tx, who.person_id, who.actor, filed)
    return 1


def find_receipt(services: Services, who: Holder) -> receipts.Receipt:
    """The receipt of what was signed. Raises NotFound if none was made (paper)."""
    with services.store.read() as conn:
        return receipts.load(services, conn, _find_claim(services, conn, who).id)


def follow_completion(tx: Tx, number: str, quitclaim_id: str) -> None:
    """The second guardian has signed: the key and the address of the first now refer to the quitclaim."""
    for table in (t.invitation, t.address):
        tx.execute(table.update().where(table.c.quitclaim_id == number).values(quitclaim_id=quitclaim_id))


def _queue_notice(services: Services, tx: Tx, who: Holder) -> None:
    """Notify the address on file that something ended by a key, but not what: the address may be another's."""
    if not contacts.address_of(services, tx.connection, who.person_id, who.guardian_id):
        return
    person = roster.load(services, tx.connection, who.person_id).person
    to = who.guardian_id or "person"
    letter = outbox.Letter(f"key:{uuid4().hex}", "key-used", person.language, who.person_id, to=to)
    outbox.put(services, tx, letter)


def make_key_for_staff(services: Services, tx: Tx, person_id: str, quitclaim_id: str, actor: str) -> MadeLink:
    """A key to what was signed on paper, to print with it. Raises NotFound, ConsentError.

    What was signed by a link has a key already, which only the signer saw.
    """
    standing = roster.load(services, tx.connection, person_id)
    claim = next((one for one in standing.quitclaims if one.id == quitclaim_id), None)
    if claim is None:
        raise NotFound("no such quitclaim of this person: facelease quitclaim list shows them")
    signed = tx.execute(select(t.quitclaim.c.method).where(t.quitclaim.c.id == quitclaim_id)).scalar_one()
    if signed == "link":
        raise ConsentError("this was signed by a link: its key was shown to the signer, and to nobody else")
    language = standing.person.language
    key = NewKey(person_id, claim.id, language, find_guardian(claim), find_end(claim))
    return make_key(services, tx, key, actor)
