"""The last letter to somebody who is forgotten: it has the number of the certificate.

The person's own keys are destroyed by then, so its address is sealed under the house's until it is sent, or given up.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import Connection, insert

from plugin.errors import NotFound
from plugin.flows.common.services import Services
from plugin.flows.people import outbox, register
from plugin.flows.rights import certificate, erasure_register
from plugin.flows.rights.erasure_register import ErasureFacts
from plugin.hooks.mention import CertificateLine
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

PERSON, GUARDIAN = "person", "guardian"
WAITS, GONE = CertificateLine("letter_waits"), CertificateLine("letter_gone")


def find_recipient(
    services: Services, conn: Connection, person_id: str, held: ErasureFacts, asked_by: str
) -> ErasureFacts:
    """Who gets it: the guardian who asked, the person, or a guardian of one without an address; nobody without mail."""
    if not services.config.mail.host:
        return held
    known = [one for one in register.guardians_of(services, conn, person_id) if one.get("email")]
    own = outbox.address_of(services, conn, outbox.Letter("", "erased", held.language, person_id))
    called = replace(held, name=register.own_name_of(conn, person_id))
    if known and (asked_by == GUARDIAN or not own):
        return replace(called, to=str(known[0]["email"]), guardian=str(known[0]["name"]))
    return replace(called, to=own) if own else held


def put(services: Services, tx: Tx, number: str, held: ErasureFacts) -> None:
    """Queue it, if there is an address."""
    if not held.to:
        return
    mail_id = uuid4().hex
    tx.execute(
        insert(t.mail).values(
            id=mail_id,
            cause=f"erased:{mail_id}",
            kind="erased",
            person_id=None,
            data={"erasure": number},
            language=held.language,
            state="queued",
            created_at=tx.now,
        )
    )
    tx.audit(Action.MAIL_QUEUE, "system", mail=mail_id, kind="erased")
    services.queue.put(tx, "mail", mail_id, priority=3)


def read_secret(services: Services, conn: Connection, number: str) -> Mapping[str, str] | None:
    """Its address and words; None if they are deleted."""
    held = erasure_register.read_held(services, conn, erasure_register.find_by_number(conn, number))
    if held is None or not held.to:
        return None
    guardian = {"guardian": held.guardian} if held.guardian else {}
    return {"to": held.to, "name": held.name, "number": number, **guardian}


def finish(services: Services, tx: Tx, number: str) -> None:
    """It was sent, or never will be: delete its address, and update the certificate."""
    erasure_register.forget_address(services, tx, number)
    with certificate.alone(services), suppress(NotFound):  # none is made yet, or it was taken away
        made = certificate.load(services, number)
        if WAITS in made.left:
            certificate.save(services, made.settled([GONE], [], frozenset({WAITS.key})))
