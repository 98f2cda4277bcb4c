"""The mail outbox: a letter is queued in the transaction of its cause, once a cause, and sent by a job.

Its address and its link are sealed under the person's record key until it is sent.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from plugin.flows.common.services import Services
from plugin.flows.people import contacts
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

OWNER = "owner"


@dataclass(frozen=True)
class Letter:
    """A mail to be written when it is sent.

    `cause`: what it is sent for, once (`receipt:QUITCLAIM`). `to`: `person`, a guardian's id, or
    `owner` (`mail.owner`, and then without `person_id`). `data`: ids and days, no personal data.
    `secret`: what is sealed with the address, such as a link.
    """

    cause: str
    kind: str
    language: str
    person_id: str | None = None
    to: str = "person"
    data: Mapping[str, object] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict)


def is_due(services: Services, tx: Tx, letter: Letter) -> bool:
    """Whether the letter can be queued: the person exists, can be written to, and had none for this cause."""
    person_id = letter.person_id or ""
    if is_known(tx.connection, letter.cause) or not services.vault.has_key(tx.connection, person_id, "record"):
        return False
    return bool(address_of(services, tx.connection, letter))


def is_known(conn: Connection, cause: str) -> bool:
    """Whether a letter was queued for this cause, whatever became of it."""
    return conn.execute(select(t.mail.c.id).where(t.mail.c.cause == cause)).first() is not None


def put(services: Services, tx: Tx, letter: Letter) -> bool:
    """Queue the letter in the caller's transaction; False if nobody can be written to, or it was queued before."""
    address = address_of(services, tx.connection, letter)
    if not (services.config.mail.host and address) or is_known(tx.connection, letter.cause):
        return False
    mail_id = uuid4().hex
    new = insert(t.mail).values(id=mail_id, cause=letter.cause, kind=letter.kind, person_id=letter.person_id)
    new = new.values(data=_kept(letter), language=letter.language, state="queued")
    tx.execute(new.values(created_at=tx.now))
    if letter.person_id is not None:
        body = json.dumps({"to": address, **letter.secret}).encode()
        services.vault.seal(tx, letter.person_id, "record", "mail", body, subject=mail_id)
    tx.audit(Action.MAIL_QUEUE, "system", mail=mail_id, kind=letter.kind)
    services.queue.put(tx, "mail", mail_id, priority=3)
    return True


def _kept(letter: Letter) -> dict[str, object]:
    """The data, with the guardian to whom it goes, so that the letter can greet them."""
    guardian = {"guardian": letter.to} if letter.to not in ("person", OWNER) else {}
    return {**letter.data, **guardian}


def address_of(services: Services, conn: Connection, letter: Letter) -> str:
    """Where the letter would go; "" where nobody can be written to."""
    if letter.person_id is None:
        return services.config.mail.owner if letter.to == OWNER else ""
    guardian_id = None if letter.to == "person" else letter.to
    return contacts.address_of(services, conn, letter.person_id, guardian_id)
