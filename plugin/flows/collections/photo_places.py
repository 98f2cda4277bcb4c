"""Where else the same picture lies, or lay, under a ruling: moving or copying a photograph escapes none.

Only for a DAM whose collections are known by names that people change.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from plugin.flows.common.batches import chunked
from plugin.hooks.dam import Resource
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import CollectionRow

_CHUNK = 500


@dataclass(frozen=True)
class RuledPlace:
    """Collections with rulings in which a picture lies, or lay; `since` is None from before that was recorded."""

    refs: frozenset[str]
    since: datetime | None


@dataclass(frozen=True)
class KnownPlace:
    """How the ledger knew a resource until now."""

    version: str
    place: RuledPlace


def find_known(conn: Connection, resource_id: int) -> KnownPlace | None:
    """The resource as the ledger has it; None if it has not, or it was gone."""
    r = t.resource.c
    row = conn.execute(select(r.file_version, r.placed_at).where(r.id == resource_id, r.deleted_at.is_(None))).first()
    return (
        None if row is None else KnownPlace(row.file_version, RuledPlace(_list_ruled(conn, resource_id), row.placed_at))
    )


def _list_ruled(conn: Connection, resource_id: int) -> frozenset[str]:
    mine = t.resource_collection.c
    query = select(mine.collection_ref).join(t.collection, t.collection.c.ref == mine.collection_ref)
    return frozenset(conn.scalars(query.where(mine.resource_id == resource_id)))


def note_change(tx: Tx, resource_id: int, before: KnownPlace | None, resource: Resource) -> None:
    """The resource is entered again: record where it, or its picture, left collections with rulings."""
    refs = _list_ruled(tx.connection, resource_id)
    if before is None or before.place.refs != refs:
        tx.execute(update(t.resource).where(t.resource.c.id == resource_id).values(placed_at=tx.now))
    if before is not None and (before.place.refs != refs or before.version != resource.file_version):
        add_former(tx, before)


def add_former(tx: Tx, left: KnownPlace) -> None:
    """Record that the picture lay there."""
    if not left.place.refs or any(one.refs == left.place.refs for one in _list_former(tx.connection, left.version)):
        return
    place = uuid4().hex
    for ref in sorted(left.place.refs):
        new = insert(t.former_place).values(place=place, file_version=left.version, collection_ref=ref)
        tx.execute(new.values(since=left.place.since, left_at=tx.now))


def list_elsewhere(conn: Connection, resource_id: int) -> list[RuledPlace]:
    """The other places of its picture that are older than its own, as far as they have rulings."""
    r = t.resource.c
    row = conn.execute(select(r.file_version, r.placed_at).where(r.id == resource_id)).one()
    found = [*_list_twins(conn, resource_id, row.file_version), *_list_former(conn, row.file_version)]
    mine = _list_ruled(conn, resource_id) if found else frozenset()
    return [one for one in found if not one.refs <= mine and _is_older(one.since, row.placed_at)]


def _is_older(since: datetime | None, mine: datetime | None) -> bool:
    """Whether it is not younger; equal moments count both ways."""
    if mine is None:
        return False
    return since is None or since <= mine


def _list_twins(conn: Connection, resource_id: int, version: str) -> list[RuledPlace]:
    r, rc = t.resource.c, t.resource_collection.c
    query = (
        select(r.id, r.placed_at.label("since"), rc.collection_ref)
        .join(t.resource_collection, rc.resource_id == r.id)
        .join(t.collection, t.collection.c.ref == rc.collection_ref)
        .where(r.file_version == version, r.id != resource_id, r.deleted_at.is_(None))
    )
    return _group((row.id, row.since, row.collection_ref) for row in conn.execute(query))


def _list_former(conn: Connection, version: str) -> list[RuledPlace]:
    f = t.former_place.c
    query = select(f.place, f.since, f.collection_ref).where(f.file_version == version)
    return _group((row.place, row.since, row.collection_ref) for row in conn.execute(query))


def _group(rows: Iterable[tuple[object, datetime | None, str]]) -> list[RuledPlace]:
    groups: dict[object, tuple[set[str], datetime | None]] = {}
    for number, since, ref in rows:
        groups.setdefault(number, (set(), since))[0].add(ref)
    return [RuledPlace(frozenset(refs), since) for refs, since in groups.values()]


def is_decided_since(conn: Connection, resource_id: int, refs: Collection[str], folder: str, place: RuledPlace) -> bool:
    """Whether somebody ruled on the resource's own collections after it came there: on the one in which it lies, or
    on one above that is not part of the other place."""
    came = conn.scalar(select(t.resource.c.placed_at).where(t.resource.c.id == resource_id))
    rows = conn.execute(select(t.collection).where(t.collection.c.ref.in_(refs)))
    return is_decided_after(rows, came, folder, place)


def is_decided_after(rulings: Iterable[CollectionRow], came: datetime | None, folder: str, place: RuledPlace) -> bool:
    """The same, given the resource's own rulings."""
    return any(
        (came is None or row.set_at > came) and (row.ref == folder or row.ref not in place.refs)
        for row in rulings
        if row.lost_at is None
    )


class RuledPlaces:
    """`list_elsewhere` for many pictures, read at once."""

    def __init__(self, conn: Connection, versions: Collection[str]) -> None:
        r, rc, f = t.resource.c, t.resource_collection.c, t.former_place.c
        lies = (
            select(r.id, r.file_version, r.placed_at, rc.collection_ref)
            .join(t.resource_collection, rc.resource_id == r.id)
            .join(t.collection, t.collection.c.ref == rc.collection_ref)
            .where(r.deleted_at.is_(None))
        )
        lay = select(f.place, f.file_version, f.since, f.collection_ref)
        self._ruled: dict[object, frozenset[str]] = {}
        self._of: dict[str, dict[object, RuledPlace]] = {}
        for some in chunked(sorted(set(versions)), _CHUNK):
            here = conn.execute(lies.where(r.file_version.in_(some))).all()
            for number, version, since, ref in [*here, *conn.execute(lay.where(f.file_version.in_(some)))]:
                refs = self._ruled[number] = self._ruled.get(number, frozenset()) | {ref}
                self._of.setdefault(version, {})[number] = RuledPlace(refs, since)

    def ruled(self, resource_id: int) -> frozenset[str]:
        """The collections with rulings in which it lies."""
        return self._ruled.get(resource_id, frozenset())

    def elsewhere(self, resource_id: int, version: str, came: datetime | None) -> list[RuledPlace]:
        """As the function of that name."""
        mine, found = self.ruled(resource_id), self._of.get(version, {})
        places = [place for number, place in found.items() if number != resource_id]
        return [one for one in places if not one.refs <= mine and _is_older(one.since, came)]
