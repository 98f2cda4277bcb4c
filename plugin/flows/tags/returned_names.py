"""Names that we removed and that a restored or reverted DAM brought back: they are still ours, and are removed again.

Such a tag has no person: theirs may have been erased, and a new person of that name has nothing to do with it.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, select

from plugin.errors import DamError, ResourceGone
from plugin.flows.common.services import Services
from plugin.flows.tags import removed_names, tag_rows
from plugin.hooks.dam import KeepsLog, Named, Resource, TellsHolders
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import name_key

OURS = t.tag.c.origin == "returned"
"""The tags that came back and wait to go."""


def find_returned(services: Services, resource: Resource) -> Mapping[str, frozenset[str]]:
    """The names (by key) on the resource that came back, and where. Asks the DAM; call it outside a transaction."""
    there = merge(resource.names)
    with services.store.read() as conn:
        row = conn.execute(select(t.resource.c.id).where(t.resource.c.ref == resource.ref)).first()
        number = row.id if row else -1
        mine = select(t.tag.c.node_key, t.tag.c.origin).where(t.tag.c.resource_id == number)
        tags = {row.node_key: row.origin for row in conn.execute(mine)}
        asked = there.keys() - {key for key, origin in tags.items() if origin != "hand"}
        taken = removed_names.find_among_version(services, conn, number, resource.file_version, asked)
        copies = _list_ours_on_twins(conn, number, resource.file_version) if taken else set()
    found: dict[str, frozenset[str]] = {}
    for key, what in taken.items():
        places = there[key].places & what.places
        if places and (what.own or (key not in tags and key not in copies)):
            back = services.dam.came_back(resource.ref, replace(there[key], places=places), what.position)
            if back:
                found[key] = back & places
    return found


def find_lost(services: Services, resource: Resource) -> frozenset[str]:
    """The names (by key) that a restored DAM has lost and nobody removed. Asks the DAM; call it outside a
    transaction."""
    there = merge(resource.names)
    tag = t.tag.c
    query = select(tag.node, tag.node_key, tag.created_at).join(t.resource, t.resource.c.id == tag.resource_id)
    dam = services.dam
    if not isinstance(dam, KeepsLog):
        return frozenset()
    with services.store.read() as conn:
        tags = conn.execute(query.where(t.resource.c.ref == resource.ref, t.tag.c.origin != "returned")).all()
    return frozenset(
        tag.node_key for tag in tags if tag.node_key not in there and dam.lost(resource.ref, tag.node, tag.created_at)
    )


def _list_ours_on_twins(conn: Connection, resource_id: int, version: str) -> set[str]:
    """The names that are ours on another resource with the same picture now: a copy of it rightly has them."""
    r = t.resource.c
    query = select(t.tag.c.node_key).join(t.resource, r.id == t.tag.c.resource_id)
    living = (r.file_version == version) & (r.id != resource_id) & r.deleted_at.is_(None)
    return set(conn.scalars(query.where(living, t.tag.c.origin.in_(("machine", "confirmed")))))


def merge(found: Iterable[Named]) -> Mapping[str, Named]:
    """One entry a name, by its key, with all its places."""
    by_key: dict[str, Named] = {}
    for named in found:
        key = name_key(named.node)
        first = by_key.get(key, named)
        by_key[key] = replace(first, places=first.places | named.places)
    return by_key


def remember(services: Services, resource_id: int, resource: Resource) -> None:
    """Give the DAM the names that are ours on the resource, so that a restored one is recognised."""
    there = merge(resource.names)
    ours = [node for node in _list_ours(services, resource_id) if name_key(node) in there]
    if ours:
        services.dam.remember(resource.ref, ours)


def remember_written(services: Services, refs: Collection[str]) -> None:
    """The same after writes of ours. A DamError is ignored: the next look does it."""
    mine = select(t.resource.c.ref, t.tag.c.node).join(t.tag, t.tag.c.resource_id == t.resource.c.id)
    ours = t.resource.c.ref.in_(refs), t.tag.c.origin != "hand", t.tag.c.person_id.is_not(None)
    nodes: dict[str, list[str]] = {}
    with services.store.read() as conn:
        for row in conn.execute(mine.where(*ours)):
            nodes.setdefault(row.ref, []).append(row.node)
    for ref, names in nodes.items():
        with suppress(DamError):
            services.dam.remember(ref, names)


def _list_ours(services: Services, resource_id: int) -> list[str]:
    mine = (t.tag.c.resource_id == resource_id) & (t.tag.c.origin != "hand")
    with services.store.read() as conn:
        return list(conn.scalars(select(t.tag.c.node).where(mine, t.tag.c.person_id.is_not(None))))


def count_by_others(services: Services, dam: TellsHolders, name: str) -> int:
    """On how many resources of the DAM the name stands otherwise than by what came back. Raises DamError."""
    refs, key = set(dam.holders(name)), name_key(name)
    mine = select(t.resource.c.ref).join(t.taken_off, t.taken_off.c.resource_id == t.resource.c.id)
    with services.store.read() as conn:
        ours = set(conn.scalars(mine.where(t.taken_off.c.name_mac == services.name_hasher.hash(key))))
    return len(refs - ours) + sum(_is_by_others(services, ref, key) for ref in sorted(refs & ours))


def _is_by_others(services: Services, ref: str, key: str) -> bool:
    try:
        resource = services.dam.look(ref)
    except ResourceGone:
        return False
    named = merge(resource.names).get(key)
    return named is None or bool(named.places - _find_back(services, resource, key))


def _find_back(services: Services, resource: Resource, key: str) -> frozenset[str]:
    with services.store.read() as conn:
        mine = select(t.tag.c.places).join(t.resource, t.resource.c.id == t.tag.c.resource_id)
        waiting = conn.scalar(mine.where(t.resource.c.ref == resource.ref, t.tag.c.node_key == key, OURS))
    return frozenset(waiting or ()) | find_returned(services, resource).get(key, frozenset())


def list_by_hand_again(services: Services, conn: Connection, *only: ColumnElement[bool]) -> list[tuple[str, str]]:
    """Names that we had removed and that are there by hand now, as (ref, name): for an editor to look at."""
    query = (
        select(t.resource.c.ref, t.tag.c.node, t.tag.c.node_key, t.taken_off.c.name_mac)
        .join(t.tag, t.tag.c.resource_id == t.resource.c.id)
        .join(t.taken_off, t.taken_off.c.resource_id == t.resource.c.id)
        .where(t.tag.c.origin == "hand", t.resource.c.deleted_at.is_(None), *only)
        .order_by(t.resource.c.ref, t.tag.c.node)
    )
    return [
        (row.ref, row.node) for row in conn.execute(query) if services.name_hasher.hash(row.node_key) == row.name_mac
    ]


def count_by_hand_again(services: Services, *only: ColumnElement[bool]) -> int:
    """How many those are."""
    with services.store.read() as conn:
        return len(list_by_hand_again(services, conn, *only))


def enter(services: Services, tx: Tx, resource_id: int, ref: str, named: Named, back: frozenset[str]) -> None:
    """Record a returned name as ours, and queue its removal."""
    tag_rows.drop(tx, t.tag.c.resource_id == resource_id, t.tag.c.node_key == name_key(named.node))
    tag_rows.enter(tx, resource_id, named.node, "returned", back)
    tx.audit(Action.TAG_RETURN, "dam", resource_id=resource_id)
    services.queue.put(tx, "returned", ref)
