"""How somebody of the staff recognised a person or a guardian: what makes an address theirs that no letter confirmed.

Whoever entered an address does not confirm it, but in a house with one account, with a reason, which is listed.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from plugin.errors import ConsentError, NotFound
from plugin.flows import accounts, addresses, roster
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.ledger.audit import Action
from plugin.ledger.store import Tx

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
) -> None:
    """Record how somebody of the staff recognised the person, or a guardian: the address on file is theirs.

    `officer`: the account is an officer's. Raises ConsentError where the account may not record it, or no reason
    is given where one is needed; NotFound.
    """
    if how not in addresses.HOW:
        raise ConsentError(f"say how they were recognised: {', '.join(addresses.HOW)}")
    reason = " ".join(reason.split())[:_LONGEST]
    with services.store.write() as tx:
        person, _ = roster.load(tx.connection, person_id)
        if guardian_id is not None and guardian_id not in person.guardians:
            raise NotFound("no such guardian of this person: facelease person export lists them")
        address_id = addresses.deliver(services, tx, person_id, guardian_id, "system")
        row = addresses.on_file(tx.connection, person_id, guardian_id)
        if row is None and guardian_id is not None:
            raise NotFound("no address of this guardian is on file: enter it first")
        alone = _refuse_the_same(tx, row, actor, officer, reason)
        if row is not None and address_id:
            addresses.confirm(services, tx, row, how, actor, reason if alone else "")
        if guardian_id is None:
            tx.execute(update(t.person).where(t.person.c.id == person_id).values(self_entered=False))
        subject = roster.subject(services, tx.connection, person_id)
        tx.audit(
            Action.PERSON_RECOGNISE, actor, subject=subject, how=how, alone=alone, guardian=bool(guardian_id)
        )


def _refuse_the_same(tx: Tx, row: Row[Any] | None, actor: str, officer: bool, reason: str) -> bool:
    """Whether the account confirms what it entered itself, as the only one of its house. Raises ConsentError."""
    if not accounts.is_account(actor) or actor.startswith("api:"):
        raise ConsentError(
            "how somebody was recognised is recorded by a person of the staff, not by a program"
        )
    entered_by = _account_of(row)
    if officer or (entered_by is not None and not accounts.same(entered_by, actor)):
        return False
    if row is None:
        return False
    if not _is_alone(tx, actor):
        raise ConsentError(
            "whoever entered an address cannot confirm it: a data protection officer, or another account than the "
            "one that entered it, records how the person was recognised"
        )
    if not reason:
        raise ConsentError(
            "say why you confirm the address yourself, such as: I am the only one here (--reason)"
        )
    return True


def _account_of(row: Row[Any] | None) -> str | None:
    """The account that entered it, or whose link the holder held who typed it; None where nobody knows."""
    if row is None:
        return None
    found = row.account if row.entered_by in addresses.HOLDERS else row.entered_by
    return str(found) if accounts.is_account(found) else None


def _is_alone(tx: Tx, actor: str) -> bool:
    """Whether no other person of the staff has done anything here, or signed in, in the last half year."""
    since = tx.now - _ACTIVE
    acted = select(t.audit.c.actor).where(t.audit.c.at > since).distinct()
    came_in = select(t.session.c.user).where(t.session.c.seen_at > since).distinct()
    found = [*tx.connection.scalars(acted), *(f"dam:{user}" for user in tx.connection.scalars(came_in))]
    staff = [one for one in found if accounts.is_account(one) and not one.startswith("api:")]
    return all(accounts.same(one, actor) for one in staff)


def self_confirmed(conn: Connection) -> list[tuple[str, str, str, datetime]]:
    """Addresses that the account confirmed which entered them: person id, account, reason, when."""
    query = select(t.address).where(t.address.c.reason.is_not(None), t.address.c.retired_at.is_(None))
    rows = conn.execute(query.order_by(t.address.c.confirmed_at))
    return [(row.person_id, row.confirmed_by, row.reason, row.confirmed_at) for row in rows]
