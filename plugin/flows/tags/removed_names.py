"""Names that we removed: remembered by keyed hash, so that one that returns with a restored DAM is known as ours.

The record outlives an erasure and names nobody. It ends when we write the name on that resource again, and after its
term (`retention.taken_off_months`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import name_key

NO_FILE = "none"


@dataclass(frozen=True)
class RemovedName:
    """Where a name was ours, and the position of the DAM's log before we removed it (None: it has no such log).

    `own` False: removed only from other resources with the same picture; their position says nothing about this one.
    """

    places: frozenset[str]
    position: int | None
    own: bool = True


def note(
    services: Services, tx: Tx, resource_id: int, name: str, places: Collection[str], position: int | None
) -> None:
    """Record that we removed `name` from these places of the resource; `position` was read before."""
    note_many(services, tx, [(resource_id, name, places)], position)


def note_many(
    services: Services, tx: Tx, taken: Iterable[tuple[int, str, Collection[str]]], position: int | None
) -> None:
    """The same of many: resource, name and places of each."""
    places: dict[tuple[int, str], set[str]] = {}
    for resource_id, name, out_of in taken:
        mac = services.name_hasher.hash(name_key(name))
        places.setdefault((resource_id, mac), set()).update(out_of)
    if not places:
        return
    off = t.taken_off.c
    there = tx.execute(
        select(off.resource_id, off.name_mac, off.places).where(tuple_(off.resource_id, off.name_mac).in_(list(places)))
    )
    before = {(row.resource_id, row.name_mac): row.places for row in there}
    rows = {
        key: {"places": sorted({*mine, *before.get(key, ())}), "position": position, "taken_at": tx.now}
        for key, mine in places.items()
    }
    new = [{"resource_id": key[0], "name_mac": key[1]} | row for key, row in rows.items() if key not in before]
    if new:
        tx.execute(insert(t.taken_off).values(new))
    for key in before:
        this = (off.resource_id == key[0]) & (off.name_mac == key[1])
        tx.execute(update(t.taken_off).where(this).values(**rows[key]))


def forget(services: Services, tx: Tx, resource_id: int, name: str) -> None:
    """Forget the record: we wrote `name` on the resource again."""
    mac = services.name_hasher.hash(name_key(name))
    tx.execute(delete(t.taken_off).where(t.taken_off.c.resource_id == resource_id, t.taken_off.c.name_mac == mac))


def find(services: Services, conn: Connection, resource_id: int, key: str) -> RemovedName | None:
    """What we removed from this resource, or from another with the same picture: a restored tree may differ."""
    return find_among(services, conn, resource_id, [key]).get(key)


def find_among(
    services: Services, conn: Connection, resource_id: int, keys: Collection[str]
) -> Mapping[str, RemovedName]:
    """Those of these names (by `node_key`) that we removed from the resource, or from one with the same picture."""
    if not keys:
        return {}
    version = conn.scalar(select(t.resource.c.file_version).where(t.resource.c.id == resource_id))
    return find_among_version(services, conn, resource_id, version or "", keys)


def find_among_version(
    services: Services, conn: Connection, resource_id: int, version: str, keys: Collection[str]
) -> Mapping[str, RemovedName]:
    """The same for a picture that may not be entered yet (`resource_id` -1)."""
    if not keys:
        return {}
    macs = {services.name_hasher.hash(key): key for key in keys}
    here = t.taken_off.c.resource_id == resource_id
    if version not in {"", NO_FILE}:
        twins = select(t.resource.c.id).where(t.resource.c.file_version == version)
        here = here | t.taken_off.c.resource_id.in_(twins)
    query = select(t.taken_off).where(here, t.taken_off.c.name_mac.in_(macs)).order_by(t.taken_off.c.id)
    found: dict[str, RemovedName] = {}
    for row in conn.execute(query):
        before = found.get(macs[row.name_mac], RemovedName(frozenset(), None, own=False))
        own = row.resource_id == resource_id
        found[macs[row.name_mac]] = RemovedName(
            before.places | frozenset(row.places), row.position if own else before.position, own or before.own
        )
    return found


def note_gone(services: Services, tx: Tx, person_id: str, resource_ids: Collection[int]) -> None:
    """Record what we wrote on those of these resources that are gone from the DAM: a restore would bring it back."""
    written = (
        select(t.intent.c.resource_id, t.intent.c.node, t.intent.c.places)
        .join(t.resource, t.resource.c.id == t.intent.c.resource_id)
        .where(
            t.intent.c.person_id == person_id,
            t.intent.c.action == "add",
            t.intent.c.state == "done",
            t.resource.c.deleted_at.is_not(None),
            t.intent.c.resource_id.in_(resource_ids),
        )
    )
    note_many(services, tx, [(row.resource_id, row.node, row.places) for row in tx.execute(written)], None)


def backfill(services: Services) -> int:
    """Once: record what was removed before such records existed, as far as intents still show. Returns how many."""
    with services.store.read() as conn:
        if conn.scalar(select(t.state.c.taken_off_at)) is not None:
            return 0
        gone = [(this, places) for this, places in _last_acts(conn).items() if places is not None]

    def keep(tx: Tx, some: Sequence[tuple[tuple[int, str], frozenset[str]]]) -> None:
        for (resource_id, key), places in some:
            if find(services, tx.connection, resource_id, key) is None:
                note(services, tx, resource_id, key, places, None)

    in_short_writes(services.store, gone, keep)
    with services.store.write() as tx:  # last: what is killed before begins once more
        tx.execute(update(t.state).values(taken_off_at=tx.now))
    return len(gone)


def _last_acts(conn: Connection) -> dict[tuple[int, str], frozenset[str] | None]:
    """By resource and name, the places it was removed from; None if it was written after that."""
    done = (
        select(t.intent.c.resource_id, t.intent.c.node, t.intent.c.action, t.intent.c.places)
        .where(t.intent.c.state == "done", t.intent.c.action.in_(("add", "remove")))
        .order_by(t.intent.c.id)
    )
    last: dict[tuple[int, str], frozenset[str] | None] = {}
    for row in conn.execute(done):
        this = row.resource_id, name_key(row.node)
        last[this] = None if row.action == "add" else frozenset(row.places)
    return last
