"""A resource as it is in the DAM, entered in the ledger; and forgotten when it is gone from there."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import delete, insert, select, update

from plugin.flows.collections import modes, photo_places, ruling_identity
from plugin.flows.common import face_rows, valid_clearances
from plugin.flows.common.services import Services
from plugin.flows.names import dam_names, name_index
from plugin.flows.tags import intent_rows, returned_names, tag_rows
from plugin.hooks.dam import NamedCollections, Resource
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx, inserted_id
from plugin.ledger.tables.photos import fold_file_name
from plugin.ledger.tables.rows import ResourceRow
from plugin.quitclaim.clearance.scope import Scope
from plugin.quitclaim.words.examination_words import NotExamined


@dataclass(frozen=True)
class EnteredResource:
    """A resource as it was looked at, and what may be done with it."""

    resource_id: int
    resource: Resource
    scope: Scope
    generation: int


def find_number(services: Services, ref: str) -> int:
    """The ledger's number of a resource; -1 for one it does not know."""
    with services.store.read() as conn:
        return conn.scalar(select(t.resource.c.id).where(t.resource.c.ref == ref)) or -1


def enter(services: Services, ref: str) -> EnteredResource:
    """Look at the resource in the DAM and enter it as it is there.

    Names that we wrote or removed during the look are left for the next one, since what we saw is older. Names that
    could not be read end no known tag. Raises DamError, ResourceGone.
    """
    with services.store.read() as conn:
        settled = dam_names.list_settled(conn, ref)
    resource = ruling_identity.guard(services, services.dam.look(ref))
    back, lost = (returned_names.find_returned(services, resource), returned_names.find_lost(services, resource))
    arrival = register(services, resource, settled, back, lost)
    returned_names.remember(services, arrival.resource_id, resource)
    return arrival


def register(
    services: Services,
    resource: Resource,
    settled: frozenset[int],
    back: Mapping[str, frozenset[str]] = MappingProxyType({}),
    lost: frozenset[str] = frozenset(),
) -> EnteredResource:
    """Enter the resource, its collections and the names that were on it when those intents had closed."""
    words = name_index.hash_words(services, resource)
    with services.store.write() as tx:
        number = tx.connection.scalar(select(t.resource.c.id).where(t.resource.c.ref == resource.ref)) or -1
        stood = photo_places.find_known(tx.connection, number)
        key, fresh = _upsert(tx, resource)
        valid_clearances.apply_cuts(tx, [key])
        before = modes.scope_of(services, tx.connection, key)
        mine = t.resource_collection.c.resource_id == key
        tx.execute(delete(t.resource_collection).where(mine))
        for ref in resource.collections:
            tx.execute(insert(t.resource_collection).values(resource_id=key, collection_ref=ref))
        tx.execute(delete(t.resource_hidden).where(t.resource_hidden.c.resource_id == key))
        if not resource.complete:
            tx.execute(insert(t.resource_hidden).values(resource_id=key))
        if isinstance(services.dam, NamedCollections):
            photo_places.note_change(tx, key, stood, resource)
        modes.import_in(services, tx, resource.rulings)
        name_index.index_words(services, tx, key, resource, words)
        dam_names.compare(services, tx, key, resource, settled, fresh, back, lost)
        scope = modes.scope_of(services, tx.connection, key)
        if scope != before and not fresh:  # put into another collection, or that one means something else now
            services.queue.put(tx, "photo", resource.ref)
        return EnteredResource(key, resource, scope, tx.generation())


def _upsert(tx: Tx, resource: Resource) -> tuple[int, bool]:
    """The resource's number, and whether it is new to us, or back after it was gone."""
    row = tx.execute(select(t.resource).where(t.resource.c.ref == resource.ref)).first()
    values: dict[str, object] = {"file_version": resource.file_version, "kind": resource.kind}
    values |= {"seen_at": tx.now, "deleted_at": None, "unread": resource.unread}
    if resource.further is not None:
        values["further"] = resource.further
    if row is None:
        result = tx.execute(insert(t.resource).values(ref=resource.ref, examined="no", **values))
        return inserted_id(result), True
    if _is_changed(row, resource):
        values |= {"examined": "no", "examined_reason": NotExamined.REPLACED.value}
        values |= {"matched": False, "longest_px": None}
        valid_clearances.drop(tx, row.id)
        face_rows.forget_suggestions(tx, row.id)
    tx.execute(update(t.resource).where(t.resource.c.id == row.id).values(**values))
    return int(row.id), row.deleted_at is not None


def _is_changed(row: ResourceRow, resource: Resource) -> bool:
    """Whether the file's content changed since it was examined: its picture, or what it holds besides."""
    told = None not in {row.further, resource.further}
    return row.file_version != resource.file_version or (told and row.further != resource.further)


def move(tx: Tx, old: str, new: str) -> None:
    """Rename the resource. If the new ref exists already, it takes over the rejections; a job forgets the old."""
    ids = {row.ref: row.id for row in tx.execute(select(t.resource).where(t.resource.c.ref.in_((old, new))))}
    if old not in ids:
        return
    if new not in ids:
        tx.execute(update(t.resource).where(t.resource.c.id == ids[old]).values(ref=new, file_key=fold_file_name(new)))
        return
    mine = t.rejection.c.resource_id == ids[old]
    tx.execute(update(t.rejection).where(mine).values(resource_id=ids[new]))


def forget(services: Services, ref: str) -> None:
    """The resource is gone from the DAM: delete its faces, tags and clearances; keep audit rows.

    Keep the rejections too: it may only have been moved a moment ago.
    """
    with services.store.write() as tx:
        key = tx.connection.scalar(select(t.resource.c.id).where(t.resource.c.ref == ref))
        if key is None:
            return
        stood = photo_places.find_known(tx.connection, key) if isinstance(services.dam, NamedCollections) else None
        if stood is not None:
            photo_places.add_former(tx, stood)
        name_index.drop(tx, key)
        face_rows.drop(tx, key)
        tag_rows.drop(tx, t.tag.c.resource_id == key)
        valid_clearances.drop(tx, key)
        for table in (t.resource_collection, t.resource_hidden, t.statement):
            tx.execute(delete(table).where(table.c.resource_id == key))
        intent_rows.void(tx, key)
        tx.execute(update(t.resource).where(t.resource.c.id == key).values(deleted_at=tx.now, examined="no"))
        tx.audit(Action.RESOURCE_GONE, "dam", resource_id=key)
