"""Which names are where, answered from an index of the library: no file is opened for it, and no DAM asked.

Tags are the names that were known as such; `name_word` has every key by which somebody may be named, so that an older
keyword is found once a person has that name. A DAM that `TellsHolders` is asked itself.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.hooks.dam import Resource, TellsHolders
from plugin.hooks.left_out import OUT_OF_REACH
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import name_key

_WAYS = "1"  # of making keys out of texts: where they change, everything is read anew
_CHUNK = 500
_READING = ("photo", "names")
_LIVING = t.resource.c.deleted_at.is_(None)


class IndexGaps(NamedTuple):
    """What is not in the index: photographs that were not read since they changed, or cannot be."""

    photographs: int = 0
    never: bool = False
    """The library was not looked at yet, so that nobody knows how many there are."""
    away: bool = False
    """The DAM, which answers for itself, did not."""
    returned: int = 0
    """Photographs on which the name itself came back, so that nobody knows what else stands there."""

    @property
    def any(self) -> bool:
        """Whether a name may stand where nobody has read it."""
        return self.photographs > 0 or self.never or self.away or self.returned > 0


def hash_words(services: Services, resource: Resource) -> frozenset[int] | None:
    """The keyed hashes to store for a resource that was read; None if nothing was."""
    return None if resource.words is None else frozenset(map(services.name_hasher.number, resource.words))


def index_words(services: Services, tx: Tx, resource_id: int, resource: Resource, found: frozenset[int] | None) -> None:
    """Index a resource that was read. If it was read only in part, what was known before stays."""
    if isinstance(services.dam, TellsHolders):
        return
    mine = t.name_word.c.resource_id == resource_id
    known = frozenset(tx.connection.scalars(select(t.name_word.c.mac).where(mine)))
    seen = known if found is None else found
    for some in chunked([] if resource.unread else sorted(known - seen), _CHUNK):
        tx.execute(delete(t.name_word).where(mine, t.name_word.c.mac.in_(some)))
    fresh = [{"mac": mac, "resource_id": resource_id} for mac in sorted(seen - known)]
    if fresh:
        tx.execute(insert(t.name_word), fresh)
    how = None if found is None or resource.unread else index_version(services)
    tx.execute(update(t.resource).where(t.resource.c.id == resource_id).values(indexed=how))


def mark_stale(tx: Tx, ref: str) -> None:
    """The resource changed, and was not read since."""
    tx.execute(update(t.resource).where(t.resource.c.ref == ref).values(indexed=None))


def note_poll(services: Services, began: datetime, aside: int = 0) -> datetime | None:
    """Record that a poll which began then is done: every change that it found is a job, except `aside` many.

    Returns when the previous poll began; None if there was none.
    """
    unreadable = 0
    if not isinstance(services.dam, TellsHolders):
        unreadable = aside + sum(one.why in OUT_OF_REACH for one in services.dam.left_out())
    with services.store.write() as tx:
        before = tx.connection.scalar(select(t.state.c.polled_at))
        tx.execute(update(t.state).values(polled_at=began, unreadable=unreadable))
    return before


def note_empty_library(tx: Tx) -> None:
    """A new store with no resource counts as read."""
    unheard = t.state.c.polled_at.is_(None) & ~select(t.resource.c.id).exists()
    tx.execute(update(t.state).where(unheard).values(polled_at=tx.now))


def strike(services: Services, tx: Tx, resource_ids: Sequence[int], name: str) -> None:
    """The name was seen not to stand on these any more."""
    if not isinstance(services.dam, TellsHolders):
        mac = services.name_hasher.number(name_key(name))
        tx.execute(delete(t.name_word).where(t.name_word.c.resource_id.in_(resource_ids), t.name_word.c.mac == mac))


def drop(tx: Tx, resource_id: int) -> None:
    """Delete a resource from the index."""
    tx.execute(delete(t.name_word).where(t.name_word.c.resource_id == resource_id))


def index_version(services: Services) -> str:
    """Version of the index: other hash keys, or other ways of making keys, make what was read stale."""
    return f"{_WAYS}:{services.name_hasher.sign}"


def find_gaps(services: Services, conn: Connection) -> IndexGaps:
    """What the index does not know now, by one statement: each person who is entered asks it."""
    how, c = index_version(services), t.resource.c
    others = (c.indexed.is_(None), c.indexed < how, c.indexed > how)  # each by the index on it, and none by a scan
    counts = [select(func.count()).where(_LIVING, one) for one in others]
    entered = select(c.id).where(c.ref == t.job.c.key, _LIVING).exists()
    waiting = t.job.c.state.in_(("queued", "running", "dead")) & t.job.c.kind.in_(_READING)
    counts.append(select(func.count(t.job.c.key.distinct())).where(waiting, ~entered))
    asked = select(t.state.c.polled_at, t.state.c.unreadable, *(one.scalar_subquery() for one in counts))
    polled_at, *numbers = conn.execute(asked).one()
    return IndexGaps(sum(numbers), never=polled_at is None)


def count_names(services: Services, conn: Connection, keys: Collection[str]) -> dict[str, int]:
    """How many resources have each of these names (by key), not counting returned ones."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    macs = {services.name_hasher.number(key): key for key in keys}
    for some in chunked(sorted(macs), _CHUNK):
        for mac, resource_id in _words(conn, some):
            found[macs[mac]].add(resource_id)
    for names in chunked(sorted(keys), _CHUNK):
        for key, resource_id, origin in _tags(conn, names):
            if origin == "returned":
                found[key].discard(resource_id)
            else:
                found[key].add(resource_id)
    return {key: len(numbers) for key, numbers in found.items() if numbers}


def count_returning(conn: Connection, key: str) -> int:
    """How many resources have the name returned and not removed yet: what else is there is not known."""
    back = (t.tag.c.node_key == key) & (t.tag.c.origin == "returned")
    return conn.scalar(select(func.count()).where(back)) or 0


def list_holders(services: Services, conn: Connection, name: str) -> set[str]:
    """Every resource that has, or may have, the name."""
    refs: set[str] = set()
    for some in chunked(sorted(_numbers(services, conn, name_key(name))), _CHUNK):
        refs |= set(conn.scalars(select(t.resource.c.ref).where(t.resource.c.id.in_(some))))
    return refs


def count_of_others(services: Services, conn: Connection, person_id: str, key: str) -> int:
    """How many resources have, or may have, the name without being this person's."""
    theirs = set(conn.scalars(select(t.tag.c.resource_id).where(t.tag.c.person_id == person_id)))
    return len(_numbers(services, conn, key) - theirs)


def _numbers(services: Services, conn: Connection, key: str) -> set[int]:
    words = _words(conn, [services.name_hasher.number(key)])
    return {resource_id for _, resource_id in words} | {resource_id for _, resource_id, _ in _tags(conn, [key])}


def _words(conn: Connection, macs: Collection[int]) -> Iterable[tuple[int, int]]:
    w = t.name_word.c
    query = select(w.mac, w.resource_id).join(t.resource, t.resource.c.id == w.resource_id)
    return conn.execute(query.where(w.mac.in_(macs), _LIVING))


def _tags(conn: Connection, keys: Collection[str]) -> Iterable[tuple[str, int, str]]:
    tag = t.tag.c
    query = select(tag.node_key, tag.resource_id, tag.origin).join(t.resource, t.resource.c.id == tag.resource_id)
    return conn.execute(query.where(tag.node_key.in_(keys), _LIVING))
