"""The people who may be tagged: adding them, their guardians and contact, and exporting what is held."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select, update

from plugin.clock import SystemClock
from plugin.errors import ConsentError, NameTaken, NothingDone
from plugin.flows.common import roster
from plugin.flows.common.batches import queue_jobs
from plugin.flows.common.services import Services
from plugin.flows.names import dam_names, name_doubts, name_index
from plugin.flows.people import addresses, ages, contacts, data_export
from plugin.flows.people.ages import Age
from plugin.flows.people.contacts import email_of as email_of
from plugin.flows.people.contacts import guardians_of as guardians_of
from plugin.flows.tags import tag_rows
from plugin.hooks.dam import TellsHolders
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import clean_name, name_key
from plugin.words.plurals import pluralize

JOB = "adopted"
_PORTION = 500  # names of one write: others wait for it
SELF = ("person", "guardian")
"""Actors who are no account: whoever they enter is somebody whom nobody of the staff knows yet."""


@dataclass(frozen=True)
class Newcomer:
    """What is said of a person when they are entered."""

    display_name: str
    language: str = "en"
    birth_date: date | None = None
    email: str = ""
    guardians: tuple[str, ...] = ()  # names; sealed under the record key
    namesake: bool = False  # the name was somebody's, and was made to differ
    given_name: str | None = None  # what they call themselves, then
    of_age: bool = False  # declared, where there is no birth date


def add(services: Services, newcomer: Newcomer, actor: str, adopt: bool = False) -> str:
    """Enter a person; returns their id. Reads no file: `name_doubts.find_gaps` says what that leaves open.

    Raises ConsentError for an invalid name or address, NameTaken if the name is somebody's or is in the DAM: then
    only a staff decision (`adopt`) makes it this person's.
    """
    name, email = clean_name(newcomer.display_name), contacts.clean_email(newcomer.email)
    ages.refuse_invalid(services, Age(newcomer.of_age, newcomer.birth_date))
    found = name_doubts.NameCount(0, False) if adopt else name_doubts.count_name(services, name)
    person_id = uuid4().hex
    with services.store.write() as tx:
        _refuse_taken(tx, name, found.standing)
        about = replace(newcomer, display_name=name, email=email)
        enter(services, tx, person_id, about, actor, adopt, found.unsure)
    return person_id


def enter(
    services: Services, tx: Tx, person_id: str, who: Newcomer, actor: str, adopt: bool = False, unsure: bool = False
) -> None:
    """Enter a person with a clean and free name, in the caller's transaction.

    `unsure`: the name may be where it was not read. Then no name is theirs by its spelling, as for somebody who
    entered themselves, until that is known or an account knows them (`name_doubts`). Raises ConsentError for a name
    that the DAM cannot hold.
    """
    name = who.display_name
    if why := services.dam.refusal(name):
        raise ConsentError(why)
    own = {"language": who.language, "birth_date": who.birth_date, "given_name": who.given_name}
    age = {"of_age_at": tx.now, "of_age_by": actor} if who.of_age else {}
    doubt = {
        "self_entered": not adopt and (unsure or actor in SELF),
        "sought_at": None if adopt else SystemClock().now(),
        "doubted_at": tx.now if unsure and not adopt and actor not in SELF else None,
    }
    named = {"id": person_id, "display_name": name, "name_key": name_key(name), "node_adopted": adopt}
    tx.execute(insert(t.person).values(created_at=tx.now, namesake=who.namesake, **named, **own, **age, **doubt))
    services.vault.create_key(tx, person_id, "record")
    for guardian in who.guardians:
        enter_guardian(services, tx, person_id, guardian)
    subject = roster.subject(services, tx, person_id)
    tx.audit(Action.RECORD_CREATE, actor, subject=subject, guardians=len(who.guardians))
    if who.email:
        addresses.enter(services, tx, person_id, who.email, actor)
    if unsure and isinstance(services.dam, TellsHolders) and not adopt:
        services.queue.put(tx, name_doubts.JOB, person_id)
    if adopt:
        _adopt(tx, person_id, name)
        services.queue.put(tx, JOB, person_id)
        tx.audit(Action.NODE_ADOPT, actor, subject=subject)


def change(tx: Tx, person_id: str, **values: object) -> None:
    """Correct what is recorded of a person."""
    tx.execute(update(t.person).where(t.person.c.id == person_id).values(**values))


def _refuse_taken(tx: Tx, name: str, standing: int) -> None:
    if dam_names.find_bearer(tx.connection, name_key(name)) is not None:
        raise NameTaken(
            f"{name!r} is somebody else's display name: add what tells them apart, such as a place or a year"
        )
    if standing:
        raise NameTaken(
            f"{name!r} stands on {pluralize(standing, 'photograph')} already. If that is this person, say so with "
            "--adopt; else choose another display name"
        )


def _adopt(tx: Tx, person_id: str, name: str) -> bool:
    """Give the next names by hand that nobody owned to this person, as the staff decided. False: no more.

    A name that is not adopted yet is nobody's, which clears nothing.
    """
    mine = (t.tag.c.node_key == name_key(name)) & t.tag.c.person_id.is_(None) & (t.tag.c.origin == "hand")
    ids = list(tx.connection.scalars(select(t.tag.c.id).where(mine).limit(_PORTION)))
    tag_rows.change(tx, t.tag.c.id.in_(ids), person_id=person_id)
    return len(ids) == _PORTION


def handle_adopt(services: Services, job: ClaimedJob) -> None:
    """Queue every photograph that has a name which is a person's now: as a keyword it was nobody's.

    In short writes; if killed between two of them it starts again.
    """
    while _adopt_more(services, job.key):
        pass
    with services.store.read() as conn:
        name = conn.scalar(select(t.person.c.display_name).where(t.person.c.id == job.key))
        refs = (
            sorted(name_index.list_holders(services, conn, name))
            if name and not isinstance(services.dam, TellsHolders)
            else []
        )
    if name and isinstance(services.dam, TellsHolders):
        refs = sorted(set(services.dam.holders(name)))
    queue_jobs(services, "names", refs)
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def _adopt_more(services: Services, person_id: str) -> bool:
    mine = (t.person.c.id == person_id) & t.person.c.node_adopted
    with services.store.write() as tx:
        name = tx.connection.scalar(select(t.person.c.display_name).where(mine))
        return name is not None and _adopt(tx, person_id, name)


def enter_guardian(services: Services, tx: Tx, person_id: str, name: str) -> str:
    """Enter a guardian in the caller's transaction; returns the guardian's id."""
    return contacts.new_guardian(services, tx, person_id, name)


def add_guardian(services: Services, person_id: str, name: str, actor: str, email: str = "") -> str:
    """Enter a guardian of the person; returns the guardian's id. Raises ConsentError."""
    email = contacts.clean_email(email)
    with services.store.write() as tx:
        roster.load(services, tx.connection, person_id)
        guardian_id = enter_guardian(services, tx, person_id, name)
        if email:
            addresses.enter(services, tx, person_id, email, actor, guardian_id=guardian_id)
        tx.audit(Action.RECORD_CHANGE, actor, subject=roster.subject(services, tx, person_id))
    return guardian_id


def clear_namesake(services: Services, person_id: str, actor: str) -> None:
    """The staff confirms that somebody who signed up under a taken name is another person.

    Raises NotFound, and NothingDone if they have no such mark.
    """
    with services.store.write() as tx:
        roster.load(services, tx.connection, person_id)
        marked = (t.person.c.id == person_id) & t.person.c.namesake
        if tx.execute(update(t.person).where(marked).values(namesake=False)).rowcount == 0:
            raise NothingDone("this person bears no mark of a name that was taken: there is none to take off")
        tx.audit(Action.RECORD_CHANGE, actor, subject=roster.subject(services, tx, person_id))


def name_of(services: Services, conn: Connection, person_id: str) -> str:
    """The person's display name. Raises NotFound."""
    return roster.load(services, conn, person_id).person.display_name


def own_name_of(conn: Connection, person_id: str) -> str:
    """The name that the person gave themselves, never one made to differ; "" if gone."""
    return own_names_of(conn, [person_id]).get(person_id, "")


def own_names_of(conn: Connection, person_ids: Collection[str]) -> dict[str, str]:
    """The same of several people, by id. Nobody outside the staff is shown another name."""
    name = func.coalesce(t.person.c.given_name, t.person.c.display_name).label("name")
    query = select(t.person.c.id, name).where(t.person.c.id.in_(person_ids))
    return {row.id: row.name for row in conn.execute(query)}


def export(services: Services, person_id: str, actor: str, own: bool = False) -> dict[str, Any]:
    """Everything that is held on a person (GDPR Art. 15), with an audit row; templates by their existence.

    `own`: for the person themself. Then nothing is in it that rests on pictures which nobody has vouched
    for, since it may be about somebody else; the officer's says of each row whether it does.
    """
    own = own or actor in SELF
    with services.store.read() as conn:  # no write waits for what may be thousands of photographs
        standing = roster.load(services, conn, person_id)
        tags = data_export.list_photographs(conn, person_id, own)
        mine = t.sealed.c
        kinds = conn.execute(select(mine.kind, mine.created_at).where(mine.person_id == person_id)).all()
        email = email_of(services, conn, person_id)
        person = replace(standing.person, display_name=own_name_of(conn, person_id))  # it is handed to the person
        rest = data_export.collect(services, conn, person_id, own)
    with services.store.write() as tx:
        tx.audit(Action.RECORD_EXPORT, actor, subject=roster.subject(services, tx, person_id))
    return {
        "person": asdict(person),
        "contact": {"email": email},
        "quitclaims": [asdict(claim) for claim in standing.quitclaims],
        "photographs": tags,
        "sealed": [{"kind": row.kind, "since": row.created_at} for row in kinds if row.kind != "audit_key"],
        **rest,
    }


def change_address(services: Services, person_id: str, email: str, actor: str, guardian_id: str | None = None) -> bool:
    """Change the address of the person, or of a guardian, "" for none; False: it is unchanged.

    Raises NotFound, ConsentError, and NothingDone if none is on file to be removed.
    """
    email = contacts.clean_email(email)
    with services.store.write() as tx:
        roster.load(services, tx.connection, person_id)
        known = contacts.address_of(services, tx.connection, person_id, guardian_id)
        if not email and not known:
            raise NothingDone("no address is on file, so there is none to take off")
        addresses.enter(services, tx, person_id, email, actor, guardian_id=guardian_id)
    return name_key(known) != name_key(email)
