"""Who may be tagged: adding people, their guardians and contact, and what an export says."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from plugin.errors import NameTaken
from plugin.flows import holdings, names, returned_names, roster
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.ledger.audit import Action
from plugin.ledger.store import Tx
from plugin.quitclaim.model import clean_name, name_key


@dataclass(frozen=True)
class Newcomer:
    """What is said of a person when they are entered."""

    display_name: str
    language: str = "en"
    birth_date: date | None = None
    email: str = ""
    guardians: tuple[str, ...] = ()  # names; sealed under the record key
    namesake: bool = False  # the name was somebody's, and was made to differ


def add(services: Services, newcomer: Newcomer, actor: str, adopt: bool = False) -> str:
    """Enter a person; returns their id.

    Raises ConsentError for a name that cannot be one, NameTaken where it belongs to somebody or
    stands in the DAM: then only a staff decision (`adopt`) makes it this person's.
    """
    name = clean_name(newcomer.display_name)
    standing = returned_names.by_others(services, name) if not adopt else 0
    person_id = uuid4().hex
    with services.store.write() as tx:
        _free(tx, name, standing)
        enter(services, tx, person_id, replace(newcomer, display_name=name), actor, adopt)
    return person_id


def enter(
    services: Services, tx: Tx, person_id: str, newcomer: Newcomer, actor: str, adopt: bool = False
) -> None:
    """Enter a person whose clean name is known to be free, in the caller's transaction."""
    name = newcomer.display_name
    tx.execute(
        insert(t.person).values(
            id=person_id, display_name=name, name_key=name_key(name), node_adopted=adopt,
            language=newcomer.language, birth_date=newcomer.birth_date, created_at=tx.now,
            namesake=newcomer.namesake,
        )
    )  # fmt: skip
    services.vault.create_key(tx, person_id, "record")
    contact = json.dumps({"email": newcomer.email}).encode()
    services.vault.seal(tx, person_id, "record", "contact", contact)
    for guardian in newcomer.guardians:
        enter_guardian(services, tx, person_id, guardian)
    subject = roster.subject(services, tx.connection, person_id)
    tx.audit(Action.RECORD_CREATE, actor, subject=subject, guardians=len(newcomer.guardians))
    if adopt:
        _adopt(tx, person_id, name)
        tx.audit(Action.NODE_ADOPT, actor, subject=subject)


def _free(tx: Tx, name: str, standing: int) -> None:
    if names.owner(tx.connection, name_key(name)) is not None:
        raise NameTaken(
            f"{name!r} is somebody else's display name: add what tells them apart, such as a place or a year"
        )
    if standing:
        raise NameTaken(
            f"{name!r} stands on {standing} photographs already. If that is this person, say so with --adopt; "
            "else choose another display name"
        )


def _adopt(tx: Tx, person_id: str, name: str) -> None:
    """The names by hand that nobody owned are this person's: somebody on the staff decided so."""
    tx.execute(
        update(t.tag)
        .where(t.tag.c.node_key == name_key(name), t.tag.c.person_id.is_(None), t.tag.c.origin == "hand")
        .values(person_id=person_id)
    )


def enter_guardian(services: Services, tx: Tx, person_id: str, name: str, email: str = "") -> str:
    """Make a guardian known in the caller's transaction; returns the guardian's id."""
    guardian_id = uuid4().hex
    tx.execute(insert(t.guardian).values(id=guardian_id, person_id=person_id, created_at=tx.now))
    body = json.dumps({"name": clean_name(name)} | ({"email": email} if email else {})).encode()
    services.vault.seal(tx, person_id, "record", "guardian", body, subject=guardian_id)
    return guardian_id


def add_guardian(services: Services, person_id: str, name: str, actor: str, email: str = "") -> str:
    """Make somebody known as a guardian of the person; returns the guardian's id."""
    with services.store.write() as tx:
        roster.load(tx.connection, person_id)
        guardian_id = enter_guardian(services, tx, person_id, name, email)
        tx.audit(Action.RECORD_CHANGE, actor, subject=roster.subject(services, tx.connection, person_id))
    return guardian_id


def distinct(services: Services, person_id: str, actor: str) -> None:
    """Somebody on the staff looked: who signed up under a name that was taken is another person indeed."""
    with services.store.write() as tx:
        roster.load(tx.connection, person_id)
        tx.execute(update(t.person).where(t.person.c.id == person_id).values(namesake=False))
        tx.audit(Action.RECORD_CHANGE, actor, subject=roster.subject(services, tx.connection, person_id))


def listed(conn: Connection) -> Iterable[Any]:
    """Everybody, by name."""
    return conn.execute(select(t.person).order_by(t.person.c.name_key))


def name_of(conn: Connection, person_id: str) -> str:
    """The person's display name. Raises NotFound."""
    return roster.load(conn, person_id)[0].display_name


def export(services: Services, person_id: str, actor: str) -> dict[str, Any]:
    """Everything that is held on a person (GDPR Art. 15), with an audit row; templates by their existence."""
    with services.store.write() as tx:
        person, claims = roster.load(tx.connection, person_id)
        tags = tx.execute(
            select(t.resource.c.ref, t.tag.c.origin)
            .join(t.tag, t.tag.c.resource_id == t.resource.c.id)
            .where(t.tag.c.person_id == person_id)
            .order_by(t.resource.c.ref)
        ).all()
        kinds = tx.execute(
            select(t.sealed.c.kind, t.sealed.c.created_at).where(t.sealed.c.person_id == person_id)
        ).all()
        contact = _opened(services, tx.connection, person_id, "contact")
        rest = holdings.of(services, tx.connection, person_id)
        tx.audit(Action.RECORD_EXPORT, actor, subject=roster.subject(services, tx.connection, person_id))
    return {
        "person": asdict(person), "contact": contact[0] if contact else {},
        "quitclaims": [asdict(claim) for claim in claims],
        "photographs": [{"resource": row.ref, "tag": row.origin} for row in tags],
        "sealed": [{"kind": row.kind, "since": row.created_at} for row in kinds if row.kind != "audit_key"],
        **rest,
    }  # fmt: skip


def guardians_of(services: Services, conn: Connection, person_id: str) -> Sequence[dict[str, Any]]:
    """The guardians' ids and names, opened from the vault."""
    mine = (t.sealed.c.person_id == person_id) & (t.sealed.c.kind == "guardian")
    rows = conn.execute(select(t.sealed.c.id, t.sealed.c.subject).where(mine)).all()
    return [{"id": row.subject, **json.loads(services.vault.open(conn, row.id))} for row in rows]


def email_of(services: Services, conn: Connection, person_id: str) -> str:
    """The person's address, "" where none is known."""
    kept = _opened(services, conn, person_id, "contact")
    return str(kept[-1].get("email", "")) if kept else ""


def set_email(services: Services, tx: Tx, person_id: str, email: str) -> None:
    """Keep this address, in the place of what was known."""
    for old in services.vault.find(tx.connection, person_id, "contact"):
        services.vault.discard(tx, old)
    services.vault.seal(tx, person_id, "record", "contact", json.dumps({"email": email}).encode())


def set_guardian_email(services: Services, tx: Tx, person_id: str, guardian_id: str, email: str) -> None:
    """Keep this address of a guardian, in the place of what was known."""
    known = {one["id"]: one for one in guardians_of(services, tx.connection, person_id)}
    for old in services.vault.find(tx.connection, person_id, "guardian", subject=guardian_id):
        services.vault.discard(tx, old)
    body = json.dumps({"name": known[guardian_id]["name"], "email": email}).encode()
    services.vault.seal(tx, person_id, "record", "guardian", body, subject=guardian_id)


def _opened(services: Services, conn: Connection, person_id: str, kind: str) -> list[dict[str, Any]]:
    return [
        json.loads(services.vault.open(conn, found)) for found in services.vault.find(conn, person_id, kind)
    ]
