"""A person's name is corrected (GDPR Art. 16), and the names that we wrote in the DAM follow it.

From the commit on the person is known by the new name; a job then puts it on each photograph and takes the old one
off, by intents as any other write. The new name first, so that no photograph loses both. Faces, rejections and
clearances stay: they are by the person, not by the name. What somebody else wrote in the DAM is replaced only where
the staff says so, and only while a grant is in force; otherwise it stays, still known as the person's.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, func, select

from plugin.errors import ConsentError, DamError, NameTaken, NothingDone
from plugin.flows.clearance import photo_answers
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.names import dam_names, name_doubts
from plugin.flows.people import register
from plugin.flows.tags import intents
from plugin.flows.tags.intents import NewIntent
from plugin.hooks.dam import ListsNames
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import TagRow
from plugin.quitclaim.consent.model import clean_name, name_key
from plugin.words.plurals import pluralize

JOB = "follow-name"
_OURS = ("machine", "confirmed")


def rename(services: Services, person_id: str, name: str, actor: str, by_hand: bool = False) -> int:
    """Call the person by another name; returns on how many photographs the old one is to be replaced.

    `by_hand`: also where somebody else wrote it. Raises NotFound; NothingDone for the name that they have; NameTaken
    for one that is somebody's, or stands on photographs as nobody's; ConsentError for one that cannot be a name.
    """
    name = clean_name(name)
    if why := services.dam.refusal(name):
        raise ConsentError(why)
    with services.store.read() as conn:
        old = roster.load(services, conn, person_id).person.display_name
    changed = name_key(old) != name_key(name)
    standing = name_doubts.count_name(services, name).standing if changed else 0
    with services.store.write() as tx:
        person = roster.load(services, tx.connection, person_id).person
        if person.display_name == name:
            raise NothingDone("this is the name of the person already: nothing is to be changed")
        _refuse_taken(tx, person_id, name, standing)
        named = {"display_name": name, "name_key": name_key(name), "given_name": None, "namesake": False}
        register.change(tx, person_id, **named)
        subject = roster.subject(services, tx, person_id)
        tx.audit(Action.RECORD_CHANGE, actor, subject=subject, what="name", by_hand=by_hand)
        services.queue.put(tx, JOB, person_id, {"by_hand": by_hand})
        query = select(func.count(t.tag.c.id)).where(*_is_old(person_id, name, by_hand))
        return int(tx.connection.scalar(query) or 0)


def _refuse_taken(tx: Tx, person_id: str, name: str, standing: int) -> None:
    bearer = dam_names.find_bearer(tx.connection, name_key(name))
    if bearer is not None and bearer.id != person_id:
        raise NameTaken(
            f"{name!r} is somebody else's display name: add what tells them apart, such as a place or a year"
        )
    if standing:
        raise NameTaken(
            f"{name!r} stands on {pluralize(standing, 'photograph')} already, as nobody's name: have it taken off "
            "there, or choose another display name"
        )


def _is_old(person_id: str, name: str, by_hand: bool) -> Collection[ColumnElement[bool]]:
    """Selects the tags of the person that bear another name."""
    origins = (*_OURS, "hand") if by_hand else _OURS
    tag = t.tag.c
    return tag.person_id == person_id, tag.node != name, tag.origin.in_(origins)


def handle_follow(services: Services, job: ClaimedJob) -> None:
    """Replace the old name on every photograph; the job's key is the person's id.

    In portions; begun again wherever it was interrupted. Raises DamError if the DAM fails: it is tried again.
    """
    by_hand, tried = bool(job.payload.get("by_hand")), set[int]()
    with services.store.read() as conn:
        left = list(intents.list_open(conn, job.key))
    _carry_out(services, left)
    while rows := _find_portion(services, job.key, by_hand, tried):
        tried |= {row.id for row in rows}
        _replace(services, job.key, rows)
        photo_answers.recompute_many(services, [row.resource_id for row in rows])
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def _find_portion(services: Services, person_id: str, by_hand: bool, tried: set[int]) -> Sequence[TagRow]:
    """The next tags that bear an old name; none where the person may not be named any more, or is gone."""
    with services.store.read() as conn:
        standing = roster.load_many(services, conn, [person_id]).get(person_id)
        if standing is None or not standing.in_force(services.clock.now()):
            return ()
        query = select(t.tag).where(*_is_old(person_id, standing.person.display_name, by_hand))
        after = max(tried, default=0)
        return conn.execute(query.where(t.tag.c.id > after).order_by(t.tag.c.id).limit(intents.CHUNK)).all()


def _replace(services: Services, person_id: str, rows: Sequence[TagRow]) -> None:
    """Put the new name on, then take the old one off where the new one stands; the other way about for one that
    differs in spelling only, which the DAM may take for the same."""
    with services.store.write() as tx:
        name = roster.load(services, tx.connection, person_id).person.display_name
        alike = [row for row in rows if row.node_key == name_key(name)]
        other = [row for row in rows if row not in alike]
        taken = intents.propose_many(services, tx, [_take_off(services, row) for row in alike])
        put = [_put_on(services, tx, row, name) for row in (*alike, *other)]
        added = intents.propose_many(services, tx, put)
    _carry_out(services, [*taken, *added])
    key = t.tag.c.node_key == name_key(name)
    with services.store.write() as tx:
        stands = set(tx.connection.scalars(select(t.tag.c.resource_id).where(t.tag.c.person_id == person_id, key)))
        gone = [_take_off(services, row) for row in other if row.resource_id in stands]
        removed = intents.propose_many(services, tx, gone)
    _carry_out(services, list(removed))
    if isinstance(services.dam, ListsNames):
        for node in {row.node for row in rows}:
            services.dam.forget(node)


def _put_on(services: Services, tx: Tx, row: TagRow, name: str) -> NewIntent:
    """With the face that bears it, if there is one; by hand becomes confirmed: the staff said who it is."""
    face = (t.face.c.resource_id == row.resource_id) & (t.face.c.person_id == row.person_id)
    face_id = tx.connection.scalar(select(t.face.c.id).where(face, t.face.c.state == "matched").limit(1))
    origin = "confirmed" if row.origin == "hand" else row.origin
    places = frozenset(row.places) or services.dam.places
    return NewIntent(row.resource_id, str(row.person_id), name, "add", origin, places, face_id, row.set_id)


def _take_off(services: Services, row: TagRow) -> NewIntent:
    places = frozenset(row.places) or services.dam.places
    return NewIntent(row.resource_id, str(row.person_id), row.node, "remove", row.origin, places)


def _carry_out(services: Services, ids: Sequence[int]) -> None:
    failed: dict[int, DamError] = intents.carry_out_many(services, ids)
    if failed:
        raise next(iter(failed.values()))
