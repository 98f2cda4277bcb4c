"""Who entered an address, how we know that it is the person's, and what a letter to it may open.

A *confirmed* address opens the full page, while it is on file. Nothing that a holder of a link says confirms one. An
address without a row is older than these rows: nobody knows who entered it.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, insert, select, update

from plugin.errors import NotFound
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.people import accounts, contacts, outbox
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import AddressRow
from plugin.quitclaim.consent.model import name_key

WAYS_TO_RECOGNISE = ("met", "document", "badge", "personnel", "called")
"""How somebody may have been recognised: seen, by a document, a badge, a personnel file, a known telephone number."""

FIRST_LETTER = "first letter"
OTHER_ACCOUNT = "other account"
UNKNOWN = "unknown"

REASON = "address.reason"
"""To what the reason is sealed for which an account confirmed an address that it had entered."""

_WAITS = timedelta(days=7)
_UNCONFIRMED = {"confirmed_at": None, "confirmed_by": None, "confirmed_how": None}
HOLDERS = ("person", "guardian")


def enter(
    services: Services,
    tx: Tx,
    person_id: str,
    email: str,
    actor: str,
    *,
    guardian_id: str | None = None,
    account: str | None = None,
    quitclaim_id: str | None = None,
) -> str:
    """Put this address on file, "" for none; returns the id of its row, "" for none.

    `actor`: an account, or `person` or `guardian` if a holder typed it; then `account` made the link they held, and
    `quitclaim_id` is what they signed. A replacement is reported to the address before, and opens the full page after
    seven days.
    """
    before = find_on_file(tx.connection, person_id, guardian_id)
    known = contacts.address_of(services, tx.connection, person_id, guardian_id)
    same = name_key(known) == name_key(email)
    if same and (not email or _is_kept(before, actor)):
        return before.id if before is not None else ""
    opens_at = _find_opening(tx, person_id, guardian_id, before, known, same)
    if known and not same:
        _notify_old(services, tx, person_id, guardian_id)
    _retire(tx, person_id, guardian_id, legacy=bool(known) and before is None)
    _seal(services, tx, person_id, guardian_id, email)
    row_id = ""
    if email:
        row_id = _insert(
            tx, person_id, guardian_id, entered_by=actor, account=account, quitclaim_id=quitclaim_id, opens_at=opens_at
        )
    _mark_if_guardians(services, tx, person_id)
    subject = roster.subject(services, tx, person_id)
    tx.audit(Action.ADDRESS_ENTER, actor, subject=subject, address=row_id, guardian=guardian_id is not None)
    return row_id


def _is_kept(before: AddressRow | None, actor: str) -> bool:
    """Whether the record of an address that is entered again stays; another account may improve on it."""
    return before is not None and (
        before.confirmed_at is not None or actor in HOLDERS or accounts.is_same(before.entered_by, actor)
    )


def _find_opening(
    tx: Tx, person_id: str, guardian_id: str | None, before: AddressRow | None, known: str, same: bool
) -> datetime | None:
    """When the new one may open the full page: one that replaces a removed one waits as well."""
    if known and same:
        return before.opens_at if before is not None else None
    ever = tx.execute(select(t.address.c.id).where(_of(person_id, guardian_id))).first() is not None
    return tx.now + _WAITS if known or ever else None


def _notify_old(services: Services, tx: Tx, person_id: str, guardian_id: str | None) -> None:
    """To the address that is on file until now."""
    person = roster.load(services, tx.connection, person_id).person
    to = guardian_id or "person"
    letter = outbox.Letter(f"address:{uuid4().hex}", "address-changed", person.language, person_id, to=to)
    outbox.put(services, tx, letter)


def _retire(tx: Tx, person_id: str, guardian_id: str | None, legacy: bool) -> None:
    if legacy:
        _insert(tx, person_id, guardian_id, entered_by=UNKNOWN)
    standing = _of(person_id, guardian_id) & t.address.c.retired_at.is_(None)
    tx.execute(update(t.address).where(standing).values(retired_at=tx.now))


def _seal(services: Services, tx: Tx, person_id: str, guardian_id: str | None, email: str) -> None:
    if guardian_id is None:
        contacts.seal_email(services, tx, person_id, email)
        return
    known = contacts.guardians_of(services, tx.connection, person_id)
    name = next((one["name"] for one in known if one["id"] == guardian_id), None)
    if name is None:
        raise NotFound("no such guardian of this person: facelease person export lists them")
    contacts.seal_guardian(services, tx, person_id, guardian_id, name, email)


def _mark_if_guardians(services: Services, tx: Tx, person_id: str) -> None:
    """A child's address that is also a guardian's never counts as the child's own."""
    own = contacts.email_of(services, tx.connection, person_id)
    if own and is_guardian_mailbox(services, tx.connection, person_id, own):
        row = find_on_file(tx.connection, person_id)
        mark_as_guardians(tx, row.id if row is not None else None)


def is_guardian_mailbox(services: Services, conn: Connection, person_id: str, email: str) -> bool:
    """Whether this is the mailbox of one of the person's guardians, however it is spelled."""
    known = contacts.guardians_of(services, conn, person_id)
    return contacts.mailbox_key(email) in {contacts.mailbox_key(one.get("email", "")) for one in known}


def mark_as_guardians(tx: Tx, address_id: str | None) -> None:
    """It was entered as the child's, and is a guardian's: only a recognition confirms it.

    What confirmed it before is void: it would open the page of somebody who has come of age.
    """
    this = t.address.c.id == address_id
    mine = this & t.address.c.entered_by.not_in(HOLDERS)
    tx.execute(update(t.address).where(mine).values(account=t.address.c.entered_by, entered_by="guardian"))
    childs = this & t.address.c.guardian_id.is_(None) & t.address.c.confirmed_how.in_((FIRST_LETTER, OTHER_ACCOUNT))
    tx.execute(update(t.address).where(childs).values(**_UNCONFIRMED))


def attach_quitclaim(tx: Tx, address_id: str | None, quitclaim_id: str) -> None:
    """A letter to an address typed in an earlier visit led to this quitclaim: the address belongs to it from now on,
    so that renewals and replaced keys go there in later years as well."""
    typed = (t.address.c.id == address_id) & t.address.c.quitclaim_id.is_not(None)
    tx.execute(update(t.address).where(typed).values(quitclaim_id=quitclaim_id))


def _insert(tx: Tx, person_id: str, guardian_id: str | None, **values: object) -> str:
    row_id = uuid4().hex
    tx.execute(
        insert(t.address).values(id=row_id, person_id=person_id, guardian_id=guardian_id, entered_at=tx.now, **values)
    )
    return row_id


def _of(person_id: str, guardian_id: str | None) -> ColumnElement[bool]:
    return (t.address.c.person_id == person_id) & (t.address.c.guardian_id == guardian_id)  # None: IS NULL


def find_on_file(conn: Connection, person_id: str, guardian_id: str | None = None) -> AddressRow | None:
    """The row of the address on file; None if there is none, or nobody knows who entered it."""
    standing = _of(person_id, guardian_id) & t.address.c.retired_at.is_(None)
    return conn.execute(select(t.address).where(standing)).first()


def may_open_page(services: Services, conn: Connection, person_id: str, guardian_id: str | None, asked_by: str) -> bool:
    """Whether a letter to the address on file, asked for by `asked_by`, may open the full page now."""
    row = find_on_file(conn, person_id, guardian_id)
    if row is None or (row.opens_at is not None and row.opens_at > services.clock.now()):
        return False
    return row.confirmed_at is not None or _is_by_another(row, asked_by)


def _is_by_another(row: AddressRow, account: str) -> bool:
    """Whether two people of the staff were involved.

    What a holder typed was entered by no account. A program is not a second person: whoever enters an address may
    hold its token.
    """
    both = accounts.is_person(row.entered_by) and accounts.is_person(account)
    return both and not accounts.is_same(row.entered_by, account)


def opens_page(services: Services, conn: Connection, address_id: str | None) -> bool:
    """Whether a link delivered to this address opens the full page now."""
    row = conn.execute(select(t.address).where(t.address.c.id == address_id)).first() if address_id else None
    if row is None or row.retired_at is not None or row.confirmed_at is None:
        return False
    return row.opens_at is None or bool(row.opens_at <= services.clock.now())


def address_letter(services: Services, tx: Tx, person_id: str, guardian_id: str | None, asked_by: str) -> str | None:
    """The id of the address for a letter that `asked_by` requests; None if there is none.

    If another account entered it, this confirms it.
    """
    if not contacts.address_of(services, tx.connection, person_id, guardian_id):
        return None
    row = find_on_file(tx.connection, person_id, guardian_id)
    if row is None:
        return _insert(tx, person_id, guardian_id, entered_by=UNKNOWN)
    if row.confirmed_at is None and _is_by_another(row, asked_by):
        confirm(services, tx, row, OTHER_ACCOUNT, asked_by)
    return row.id


def confirm_first_letter(services: Services, tx: Tx, address_id: str | None) -> bool:
    """A letter to it leads to the person's first signature, in this transaction; call it before that is recorded.

    False, and nothing changes, if anything is theirs already, a holder typed the address, or it is not on file.
    """
    row = tx.execute(select(t.address).where(t.address.c.id == address_id)).first() if address_id else None
    if row is None or row.retired_at is not None or row.entered_by in HOLDERS or _has_a_past(tx, row.person_id):
        return False
    if row.confirmed_at is None:
        confirm(services, tx, row, FIRST_LETTER, "system")
    return row.opens_at is None or bool(row.opens_at <= tx.now)


def doubt(services: Services, tx: Tx, person_id: str) -> None:
    """A version came by a weaker way than a letter to a confirmed address: on paper, or by a link handed over.

    An address that only a first letter confirmed may be another person's then: it opens the page again once confirmed.
    """
    first = (t.address.c.person_id == person_id) & (t.address.c.confirmed_how == FIRST_LETTER)
    standing = t.address.c.retired_at.is_(None)
    if tx.execute(update(t.address).where(first, standing).values(**_UNCONFIRMED)).rowcount:
        tx.audit(Action.ADDRESS_DOUBT, "system", subject=roster.subject(services, tx, person_id))


def _has_a_past(tx: Tx, person_id: str) -> bool:
    """Whether there is a version, picture or name by hand of theirs: then a first signature identifies nobody."""
    key = select(t.person.c.name_key).where(t.person.c.id == person_id).scalar_subquery()
    named = (t.tag.c.person_id == person_id) | (t.tag.c.node_key == key)
    of_theirs = (
        select(t.quitclaim.c.id).where(t.quitclaim.c.person_id == person_id),
        select(t.reference_set.c.id).where(t.reference_set.c.person_id == person_id),
        select(t.face.c.id).where(t.face.c.person_id == person_id),
        select(t.tag.c.id).where(named),
    )
    return any(tx.execute(query.limit(1)).first() is not None for query in of_theirs)


def confirm(services: Services, tx: Tx, row: AddressRow, how: str, actor: str, reason: str = "") -> None:
    """Record that it is the person's, and how that is known."""
    this = t.address.c.id == row.id
    kept = free_text.seal_text(tx, services.vault, reason, REASON, row.person_id) or None
    values = {"confirmed_at": tx.now, "confirmed_by": actor, "confirmed_how": how, "reason": kept}
    tx.execute(update(t.address).where(this).values(**values))
    subject = roster.subject(services, tx, row.person_id)
    tx.audit(Action.ADDRESS_CONFIRM, actor, subject=subject, address=row.id, how=how)


def is_own(conn: Connection, person_id: str) -> bool:
    """Whether the address on file is the young person's own: no guardian gave it, and no holder typed it."""
    row = find_on_file(conn, person_id)
    return row is not None and (accounts.is_account(row.entered_by) or row.confirmed_how in WAYS_TO_RECOGNISE)
