"""The addresses of a person and their guardians, sealed under the person's record key.

Who entered an address, and what it opens, is in `addresses`, the only module that changes one.
"""

import json
import re
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from plugin.errors import ConsentError
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import clean_name, name_key


def mailbox_key(email: str) -> str:
    """The same for every spelling of one mailbox: without case, a tag after "+", a dot after the domain."""
    name, _, domain = name_key(email).rpartition("@")
    return f"{name.partition('+')[0]}@{domain.rstrip('.')}" if name else domain


_EMAIL = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\"]+")
_MOST_EMAIL = 254  # RFC 5321 4.5.3.1.3


def is_email(text: str) -> bool:
    """Whether this can be an address."""
    return len(text) <= _MOST_EMAIL and text.isprintable() and _EMAIL.fullmatch(text) is not None


def clean_email(text: str) -> str:
    """An address as somebody typed it, "" for none. Raises ConsentError where it can be none."""
    if (found := text.strip()) and not is_email(found):
        raise ConsentError("this is not an e-mail address: does it have an @?")
    return found


def guardians_of(services: Services, conn: Connection, person_id: str) -> Sequence[dict[str, str]]:
    """The guardians' ids and names, and addresses if known, opened from the vault; the oldest entry first."""
    mine = (t.sealed.c.person_id == person_id) & (t.sealed.c.kind == "guardian")
    since = t.guardian.c.created_at
    found = select(t.sealed.c.id, t.sealed.c.subject, since).join(t.guardian, t.guardian.c.id == t.sealed.c.subject)
    rows = sorted(conn.execute(found.where(mine)), key=lambda row: row.created_at)
    return [{"id": row.subject, **json.loads(services.vault.open(conn, row.id))} for row in rows]


def email_of(services: Services, conn: Connection, person_id: str) -> str:
    """The person's address, "" where none is known."""
    kept = services.vault.find(conn, person_id, "contact")
    return str(json.loads(services.vault.open(conn, kept[-1])).get("email", "")) if kept else ""


def address_of(services: Services, conn: Connection, person_id: str, guardian_id: str | None) -> str:
    """The address of the person, or of this guardian of theirs; "" where none is known."""
    if guardian_id is None:
        return email_of(services, conn, person_id)
    known = guardians_of(services, conn, person_id)
    return next((one.get("email", "") for one in known if one["id"] == guardian_id), "")


def seal_email(services: Services, tx: Tx, person_id: str, email: str) -> None:
    """Store the person's address, replacing the known one."""
    for old in services.vault.find(tx.connection, person_id, "contact"):
        services.vault.discard(tx, old)
    services.vault.seal(tx, person_id, "record", "contact", json.dumps({"email": email}).encode())


def seal_guardian(services: Services, tx: Tx, person_id: str, guardian_id: str, name: str, email: str) -> None:
    """Store a guardian's name and address, replacing the known ones."""
    for old in services.vault.find(tx.connection, person_id, "guardian", subject=guardian_id):
        services.vault.discard(tx, old)
    body = json.dumps({"name": clean_name(name)} | ({"email": email} if email else {})).encode()
    services.vault.seal(tx, person_id, "record", "guardian", body, subject=guardian_id)


def new_guardian(services: Services, tx: Tx, person_id: str, name: str) -> str:
    """Enter a guardian without an address; returns the guardian's id."""
    guardian_id = uuid4().hex
    tx.execute(insert(t.guardian).values(id=guardian_id, person_id=person_id, created_at=tx.now))
    seal_guardian(services, tx, person_id, guardian_id, name, "")
    return guardian_id
