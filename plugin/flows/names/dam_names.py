"""Compares the names on a resource with the ledger, and decides who each belongs to.

A name is *machine* or *confirmed* while it is where we wrote it. One that we did not write is *hand*: linked if its
node belongs to a person, else proposed for linking. People who entered themselves own no such name until the staff
knows them. A name that is gone, ours or not, was removed by an editor, and that is a rejection. A copy of a
photograph that carries our tag carries ours.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from sqlalchemy import Connection, select

from plugin.flows.common import face_rows, roster
from plugin.flows.common.services import Services
from plugin.flows.names import name_doubts
from plugin.flows.tags import intents, returned_names, tag_rows
from plugin.hooks.dam import Named, Resource
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import PersonRow, TagRow
from plugin.quitclaim.consent.model import name_key


def list_settled(conn: Connection, ref: str) -> frozenset[int]:
    """The intents on a resource whose outcome is known: read this before looking at the resource in the DAM."""
    mine = (t.resource.c.ref == ref) & (t.intent.c.resource_id == t.resource.c.id)
    return frozenset(conn.scalars(select(t.intent.c.id).where(mine, t.intent.c.state != "open")))


def compare(
    services: Services,
    tx: Tx,
    resource_id: int,
    resource: Resource,
    settled: frozenset[int],
    fresh: bool,
    back: Mapping[str, frozenset[str]],
    lost: frozenset[str] = frozenset(),
) -> None:
    """Bring the ledger's tags of the resource in line with the names that were on it.

    `back`: names that we had removed and that a restored DAM brought back, with their places; `lost`: names that it
    lost, which nobody removed. A name with an intent that was not `settled` when we looked is skipped: it may have
    been written or removed since. `fresh`: the resource is new to us, so our tag on it came with a copy.
    """
    known = {row.node_key: row for row in tx.execute(select(t.tag).where(t.tag.c.resource_id == resource_id))}
    there: dict[str, list[Named]] = {}
    for named in resource.names:
        there.setdefault(name_key(named.node), []).append(named)
    in_flight = _list_in_flight(tx.connection, resource_id, settled)
    returned = {k for k in there.keys() & back.keys() - in_flight if k not in known or known[k].origin == "hand"}
    for key in returned:
        returned_names.enter(services, tx, resource_id, resource.ref, there[key][0], back[key])
    for key in there.keys() - known.keys() - in_flight - returned:
        _enter_new(services, tx, resource_id, resource, there[key], fresh)
    if resource.unread:
        return  # what was not seen is not gone, and may stand in more places than were seen
    for key in known.keys() - there.keys() - in_flight:
        _drop_vanished(services, tx, known[key], resource, key in lost)
    for key in known.keys() & there.keys() - in_flight - returned:
        _update_known(services, tx, known[key], there[key])


def _list_in_flight(conn: Connection, resource_id: int, settled: frozenset[int]) -> set[str]:
    query = select(t.intent.c.id, t.intent.c.node).where(t.intent.c.resource_id == resource_id)
    return {name_key(row.node) for row in conn.execute(query) if row.id not in settled}


def _enter_new(services: Services, tx: Tx, resource_id: int, resource: Resource, named: list[Named], new: bool) -> None:
    key = name_key(named[0].node)
    places = frozenset[str]().union(*(one.places for one in named))
    copied = _find_copied(tx.connection, resource_id, resource.file_version, key) & places if new else frozenset()
    person = find_owner(tx.connection, key, ours=bool(copied))
    if person and not copied and name_doubts.doubt_if_older(services, tx, person, resource):
        person = None
    tag_rows.enter(
        tx,
        resource_id,
        named[0].node,
        "machine" if copied and person else "hand",
        copied,
        person_id=person.id if person else None,
        listed_at=tx.now if person and person.ended_at and not copied else None,
        set_id=_find_set(tx.connection, resource_id, resource.file_version, person.id) if person else None,
    )
    if person:
        subject = roster.subject(services, tx, person.id)
        tx.audit(Action.TAG_HAND, "dam", subject=subject, resource_id=resource_id, copied=bool(copied))
        if copied:
            services.queue.put(tx, "revoke", person.id)


def _find_copied(conn: Connection, resource_id: int, file_version: str, key: str) -> frozenset[str]:
    """The places that hold our own tag because this file is a copy of one that we tagged, or that one itself.

    Not if an editor had removed the name from this resource before: then somebody wrote it again. Not if the name is
    by hand on another copy either: nobody can say which copy this is of, and hands win.
    """
    refused = select(t.rejection.c.id).join(t.person, t.person.c.id == t.rejection.c.person_id)
    here = (t.rejection.c.resource_id == resource_id) & (t.person.c.name_key == key)
    if conn.execute(refused.where(here)).first() is not None:
        return frozenset()
    by_hand = select(t.tag.c.id).join(t.resource, t.resource.c.id == t.tag.c.resource_id)
    twins = (t.resource.c.file_version == file_version) & (t.tag.c.node_key == key)
    if conn.execute(by_hand.where(twins, t.tag.c.origin == "hand")).first() is not None:
        return frozenset()
    intent = t.intent.c
    query = (
        select(intent.resource_id, intent.action, intent.node, intent.places)
        .join(t.resource, t.resource.c.id == intent.resource_id)
        .where(t.resource.c.file_version == file_version, intent.action.in_(("add", "remove")), intent.state == "done")
        .order_by(intent.id)
    )
    return _find_last((ref, act, places) for ref, act, node, places in conn.execute(query) if name_key(node) == key)


def _find_set(conn: Connection, resource_id: int, file_version: str, person_id: str) -> str | None:
    """The set on which our name rested here, or on a copy, when we last wrote it: a returned one rests on it too."""
    query = (
        select(t.intent.c.set_id)
        .join(t.resource, t.resource.c.id == t.intent.c.resource_id)
        .where(
            (t.resource.c.id == resource_id) | (t.resource.c.file_version == file_version),
            t.intent.c.person_id == person_id,
            t.intent.c.action == "add",
        )
        .order_by(t.intent.c.id.desc())
    )
    return conn.scalar(query.limit(1))


def _find_last(writes: Iterable[tuple[int, str, list[str]]]) -> frozenset[str]:
    """The places where the name was ours, on each copy when it was last there: the intersection."""
    times: dict[int, list[frozenset[str]]] = {}
    for resource_id, action, places in writes:
        mine = times.setdefault(resource_id, [frozenset()])
        if action == "add":
            mine[-1] |= frozenset(places)
        elif mine[-1]:
            mine.append(frozenset())
    last = [next((some for some in reversed(mine) if some), frozenset[str]()) for mine in times.values()]
    return frozenset.intersection(*last) if last else frozenset()


def _drop_vanished(services: Services, tx: Tx, tag: TagRow, resource: Resource, lost: bool) -> None:
    tag_rows.drop(tx, t.tag.c.id == tag.id)
    if tag.person_id is None:
        return
    if lost:
        _write_again(services, tx, tag, resource)
        return
    subject = roster.subject(services, tx, tag.person_id)
    face_rows.reject(tx, tag.resource_id, tag.person_id, resource.file_version, "dam")
    if tag.origin == "hand":
        tx.audit(Action.TAG_HAND, "dam", subject=subject, resource_id=tag.resource_id, gone=True)
        return
    tx.audit(Action.FACE_REJECT, "dam", subject=subject, resource_id=tag.resource_id, where="dam")


def _write_again(services: Services, tx: Tx, tag: TagRow, resource: Resource) -> None:
    """The DAM was restored to before the name was there: write ours again, not one by hand."""
    if tag.origin == "hand" or tag.person_id is None:
        return
    face = select(t.face.c.id).where(
        t.face.c.resource_id == tag.resource_id, t.face.c.person_id == tag.person_id, t.face.c.state == "matched"
    )
    face_id, places = tx.connection.scalar(face.limit(1)), services.dam.places
    intent = intents.NewIntent(tag.resource_id, tag.person_id, tag.node, "add", tag.origin, places, face_id, tag.set_id)
    intents.propose(services, tx, intent)
    services.queue.put(tx, "names", resource.ref)


def _update_known(services: Services, tx: Tx, tag: TagRow, named: list[Named]) -> None:
    """Link an unlinked name if its person exists now; ours that is only where we never wrote it is by hand."""
    if tag.person_id is None and tag.origin == "hand":
        person = find_owner(tx.connection, tag.node_key)
        if person is not None and person.node_adopted:
            tag_rows.change(tx, t.tag.c.id == tag.id, person_id=person.id)
        return
    places = frozenset[str]().union(*(one.places for one in named))
    ours = places & frozenset(tag.places)
    if tag.origin != "hand" and not ours:
        tag_rows.change(tx, t.tag.c.id == tag.id, origin="hand", places=[])
        subject = roster.subject(services, tx, tag.person_id) if tag.person_id else None
        tx.audit(Action.TAG_HAND, "dam", subject=subject, resource_id=tag.resource_id)


def find_owner(conn: Connection, key: str, ours: bool = False) -> PersonRow | None:
    """The person who owns a name that the DAM shows; `ours`: we wrote it there.

    Nobody, if it matches only by spelling somebody who entered themselves.
    """
    person = find_bearer(conn, key)
    return None if person is None or (person.self_entered and not ours) else person


def find_bearer(conn: Connection, key: str) -> PersonRow | None:
    """The person of this name: there is never a second one."""
    return conn.execute(select(t.person).where(t.person.c.name_key == key)).first()


class KnownTag(TagRow, Protocol):
    """A tag, and whether its person entered themselves; None for nobody's."""

    self_entered: bool | None


def is_by_spelling_alone(tag: KnownTag) -> bool:
    """Whether the name is by hand, and matches only by spelling somebody the staff does not know (`self_entered`)."""
    return bool(tag.self_entered) and tag.origin == "hand" and tag.set_id is None


def list_unlinked(conn: Connection) -> list[tuple[str, int]]:
    """Names set by hand that no person owns, with the number of resources: proposed for linking."""
    counts: dict[str, tuple[str, int]] = {}
    nobodys = t.tag.c.person_id.is_(None) & (t.tag.c.origin == "hand")
    for row in conn.execute(select(t.tag.c.node, t.tag.c.node_key).where(nobodys)):
        name, count = counts.get(row.node_key, (row.node, 0))
        counts[row.node_key] = (name, count + 1)
    return sorted(counts.values(), key=lambda pair: (-pair[1], pair[0]))
