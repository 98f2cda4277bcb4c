"""How the staff recognised a person or a guardian: that confirms an address that no letter confirmed.

An account does not confirm an address that it entered, except the only account of a house, with a listed reason.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from plugin.errors import ConsentError, NotFound
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.people import accounts, acknowledgement, addresses, contacts
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import AddressRow

_ACTIVE = timedelta(days=180)
_LONGEST = 500  # characters of a reason


def recognise(
    services: Services,
    person_id: str,
    guardian_id: str | None,
    how: str,
    actor: str,
    *,
    reason: str = "",
    officer: bool = False,
) -> bool:
    """Record how the staff recognised the person, or a guardian: the address on file is theirs.

    False: no address is on file, so none is confirmed. `officer`: the account is an officer's. Raises ConsentError if
    the account may not record it, or a required reason is missing; NotFound.
    """
    if how not in addresses.WAYS_TO_RECOGNISE:
        raise ConsentError(f"say how they were recognised: {', '.join(addresses.WAYS_TO_RECOGNISE)}")
    reason = " ".join(reason.split())[:_LONGEST]
    with services.store.write() as tx:
        person = roster.load(services, tx.connection, person_id).person
        if guardian_id is not None and guardian_id not in person.guardians:
            raise NotFound("no such guardian of this person: facelease person export lists them")
        address_id = addresses.address_letter(services, tx, person_id, guardian_id, "system")
        row = addresses.find_on_file(tx.connection, person_id, guardian_id)
        if row is None and guardian_id is not None:
            raise NotFound("no address of this guardian is on file: enter it first")
        alone = _refuse_the_same(tx, row, actor, officer, reason)
        if row is not None and address_id:
            addresses.confirm(services, tx, row, how, actor, reason if alone else "")
        if guardian_id is None:
            acknowledgement.acknowledge(services, tx, person_id, how, actor)
        subject = roster.subject(services, tx, person_id)
        tx.audit(Action.PERSON_RECOGNISE, actor, subject=subject, how=how, alone=alone, guardian=bool(guardian_id))
    return row is not None and bool(address_id)


def _refuse_the_same(tx: Tx, row: AddressRow | None, actor: str, officer: bool, reason: str) -> bool:
    """Whether the only account of the house confirms what it entered itself. Raises ConsentError for any other."""
    if not accounts.is_account(actor) or actor.startswith("api:"):
        raise ConsentError("how somebody was recognised is recorded by a person of the staff, not by a program")
    entered_by = _account_of(row)
    if officer or (entered_by is not None and not accounts.is_same(entered_by, actor)):
        return False
    if row is None:
        return False
    if not _is_alone(tx, actor):
        raise ConsentError(
            "whoever entered an address cannot confirm it: a data protection officer, or another account than the "
            "one that entered it, records how the person was recognised"
        )
    if not reason:
        raise ConsentError("say why you confirm the address yourself, such as: I am the only one here (--reason)")
    return True


def _account_of(row: AddressRow | None) -> str | None:
    """The account that entered it, or that made the link of the holder who typed it; None if unknown."""
    if row is None:
        return None
    found = row.account if row.entered_by in addresses.HOLDERS else row.entered_by
    return found if accounts.is_account(found) else None


def _is_alone(tx: Tx, actor: str) -> bool:
    """Whether no other person of the staff has done anything here, or signed in, in the last half year."""
    since = tx.now - _ACTIVE
    acted = select(t.audit.c.actor).where(t.audit.c.at > since).distinct()
    came_in = select(t.session.c.user).where(t.session.c.seen_at > since).distinct()
    found = [*tx.connection.scalars(acted), *(f"dam:{user}" for user in tx.connection.scalars(came_in))]
    staff = [one for one in found if accounts.is_account(one) and not one.startswith("api:")]
    return all(accounts.is_same(one, actor) for one in staff)


@dataclass(frozen=True)
class AddressHolder:
    """The person, or a guardian of theirs, with the address on file and who entered it.

    `entered_by`: an account, `person`, `guardian`, or "" if unknown. `how`: "" if not confirmed. `waits_until`: it
    replaced another, and opens the full page from then on.
    """

    guardian_id: str | None
    name: str
    email: str
    entered_by: str
    how: str
    waits_until: datetime | None


def list_holders(services: Services, conn: Connection, person_id: str) -> tuple[AddressHolder, ...]:
    """Everybody about this person who can be written to, the person first."""
    person = roster.load(services, conn, person_id).person
    known: list[tuple[str | None, str]] = [(None, person.display_name)]
    known += [(one["id"], one["name"]) for one in contacts.guardians_of(services, conn, person_id)]
    return tuple(_side(services, conn, person_id, *one) for one in known)


def _side(services: Services, conn: Connection, person_id: str, guardian_id: str | None, name: str) -> AddressHolder:
    row = addresses.find_on_file(conn, person_id, guardian_id)
    email = contacts.address_of(services, conn, person_id, guardian_id)
    waits = row.opens_at if row is not None and row.opens_at and row.opens_at > services.clock.now() else None
    by = row.entered_by if row is not None and row.entered_by != addresses.UNKNOWN else ""
    return AddressHolder(guardian_id, name, email, by, row.confirmed_how or "" if row is not None else "", waits)


@dataclass(frozen=True)
class SelfConfirmed:
    """An address confirmed by the account that had entered it."""

    person_id: str
    name: str
    account: str
    reason: str
    at: datetime


def list_self_confirmed(services: Services, conn: Connection) -> list[SelfConfirmed]:
    """The officer's list of those on file, the latest first."""
    address = t.address.c
    query = (
        select(t.address, t.person.c.display_name)
        .join(t.person, t.person.c.id == address.person_id)
        .where(address.reason.is_not(None), address.retired_at.is_(None))
        .order_by(address.confirmed_at.desc())
    )
    texts = services.texts(conn)
    found = []
    for row in conn.execute(query).all():
        reason = texts.read(row.reason, addresses.REASON, row.person_id)
        found.append(SelfConfirmed(row.person_id, row.display_name, row.confirmed_by, reason, row.confirmed_at))
    return found
