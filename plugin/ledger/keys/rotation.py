"""Rotates the master key: afterwards no older copy of the store opens destroyed keys."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, bindparam, func, select, update

from plugin.ledger import tables as t
from plugin.ledger.keys import house_key, sealing
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store, Tx

_BATCH = 100  # keys of one write


@dataclass(frozen=True)
class Rotation:
    """The result: the current version, keys re-wrapped, versions destroyed."""

    version: int
    rewrapped: int
    retired: tuple[int, ...]
    shredded: int


def rotate(
    store: Store,
    master: MasterKeys,
    retire: bool = True,
    before_retire: Callable[[], object] | None = None,
    actor: str = "system",
) -> Rotation:
    """Re-wrap every key under a new master key, and destroy the old one if `retire`.

    The new version is on disk before a key is wrapped under it, and the old one is destroyed when no key needs it: a
    process killed at any point leaves a store that opens, and the next call resumes. Concurrent rotations continue with
    the newest version of any. `before_retire` is called when all keys are re-wrapped, to write a fresh file of wrapped
    keys. Raises VaultError where the master key comes from a command and has no newer version.
    """
    if master.read_only:
        master.reload()  # a command is slow: not inside a write
    with store.write() as tx:
        _begin_version(tx, master, retire)
    rewrapped = 0
    while True:
        version, count = _rewrap_all(store, master)
        if before_retire is not None:
            before_retire()
        if master.read_only:
            master.reload()
        with store.write() as tx:
            # Under the writers' lock no key and no version can be created. If one was created before, repeat: what
            # is wrapped in this write could be rolled back after the old version is gone.
            late = _rewrap(tx, master, version) if master.newest() == version else None
            rewrapped += count + (late or 0)
            if late == 0:
                retired = master.retire(version) if retire and not master.read_only else ()
                done = Rotation(version, rewrapped, retired, _mark_shredded(tx, master))
                counts = {"rewrapped": rewrapped, "retired": len(retired), "shredded": done.shredded}
                tx.audit(Action.MASTER_ROTATE, actor, None, None, version=version, **counts)
                return done


def _rewrap_all(store: Store, master: MasterKeys) -> tuple[int, int]:
    """Re-wrap until no key is behind; returns the current version, and the number of keys."""
    total = 0
    while True:
        with store.write() as tx:
            version = master.newest()
            count = _rewrap(tx, master, version)
        total += count
        if count == 0:
            return version, total


def is_rotation_due(store: Store) -> bool:
    """Whether an older copy of the store could still open a destroyed key."""
    with store.read() as connection:
        return connection.execute(select(t.shredding.c.id).where(_is_waiting()).limit(1)).first() is not None


def count_behind(store: Store, master: MasterKeys) -> int:
    """The number of keys not wrapped under the current version."""
    with store.read() as connection:
        tables = (t.person_key, t.house_key)
        counts = [select(func.count()).where(one.c.master_version != master.current) for one in tables]
        return sum(int(connection.scalar(query) or 0) for query in counts)


def _begin_version(tx: Tx, master: MasterKeys, retire: bool) -> None:
    """Create the version to rotate to, unless an interrupted rotation's version serves.

    It serves when no key destroyed since was wrapped under it.
    """
    if not master.read_only:
        master.reload()
    late = tx.execute(
        select(t.shredding.c.id).where(_is_waiting(), t.shredding.c.master_version >= master.current).limit(1)
    ).first()
    unfinished = any(
        tx.execute(select(one.c.purpose).where(one.c.master_version != master.current).limit(1)).first()
        for one in (t.person_key, t.house_key)
    )
    begun = unfinished or (retire and len(master.versions) > 1)
    if master.read_only and not begun:
        query = select(t.shredding.c.id).where(_is_waiting(), _is_retired(master)).limit(1)
        begun = tx.execute(query).first() is not None
    if not begun or not (late is None or master.read_only):
        master.add()


def _rewrap(tx: Tx, master: MasterKeys, version: int) -> int:
    """Re-wrap the next batch; returns how many."""
    house = _rewrap_house(tx, master, version)
    rows = tx.execute(select(t.person_key).where(t.person_key.c.master_version != version).limit(_BATCH)).all()
    fresh = []
    for row in rows:
        old = master.key(row.master_version)
        key = sealing.unwrap(old, row.wrapped, row.person_id, row.purpose, row.master_version)
        wrapped = sealing.wrap(master.key(version), key, row.person_id, row.purpose, version)
        fresh.append({"who": row.person_id, "what": row.purpose, "wrapped": wrapped, "master_version": version})
    if fresh:
        tx.execute(
            update(t.person_key).where(
                t.person_key.c.person_id == bindparam("who"), t.person_key.c.purpose == bindparam("what")
            ),
            fresh,
        )
    return len(fresh) + house


def _rewrap_house(tx: Tx, master: MasterKeys, version: int) -> int:
    behind = select(t.house_key).where(t.house_key.c.master_version != version)
    rows = tx.execute(behind).all()
    for row in rows:
        old = row.master_version
        key = sealing.unwrap(master.key(old), row.wrapped, house_key.NOBODY, row.purpose, old)
        wrapped = sealing.wrap(master.key(version), key, house_key.NOBODY, row.purpose, version)
        mine = t.house_key.c.purpose == row.purpose
        tx.execute(update(t.house_key).where(mine).values(wrapped=wrapped, master_version=version))
    return len(rows)


def _mark_shredded(tx: Tx, master: MasterKeys) -> int:
    """Mark keys as shredded that were only wrapped under destroyed versions; returns how many."""
    done = update(t.shredding).where(_is_waiting(), _is_retired(master)).values(shredded_at=tx.now, how="rotation")
    return int(tx.execute(done).rowcount)


def _is_retired(master: MasterKeys) -> ColumnElement[bool]:
    """Keys that no remaining version has ever wrapped."""
    return t.shredding.c.master_version < master.versions[0]


def _is_waiting() -> ColumnElement[bool]:
    return t.shredding.c.how.is_distinct_from("rotation")
