"""A backup put back: any copy of the store, joined with the newest wrapped keys.

A key that was destroyed since the copy was made is not in the newest file, so what it sealed is left
out, and with the record key the whole person. What ended since without a key's end (a publication
grant, say) is in ended.log: the flows replay that file after every restore, before anything else.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from plugin.clock import Clock
from plugin.errors import StoreError, VaultError
from plugin.ledger import backup, engine, migrations, sealing, veil
from plugin.ledger import tables as t
from plugin.ledger.actions import Action
from plugin.ledger.audit import canonical
from plugin.ledger.keys import MasterKeys
from plugin.ledger.sealing import Bond
from plugin.ledger.store import Store, Tx

NEWEST = "newest"
_OWN = {"state", "audit_head"}  # tables that a new store has rows in


@dataclass(frozen=True)
class Restored:
    """What came back: rows and keys; what was left out: rows whose key is gone."""

    name: str
    keys_name: str
    rows: int
    keys: int
    left_out: int


@dataclass(frozen=True)
class _Key:
    person_id: str
    purpose: str
    wrapped: bytes
    master_version: int
    created_at: datetime


def restore(
    url: str, source: Path, master: MasterKeys, clock: Clock, name: str = NEWEST, actor: str = "system"
) -> Restored:
    """Fill the new, migrated, empty store at `url` from the folder `source`; all of it or nothing.

    Raises StoreError where files are missing or changed, the schema is another, or the store holds
    rows; VaultError where the master key opens none of the keys. The caller replays ended.log next.
    """
    name = _choose(source, "manifest", ".json") if name == NEWEST else name
    copy = _verified_copy(source, name)
    keys_name = _choose(source, "keys", ".json")
    keys = _read_keys(backup.keys_file(source, keys_name))
    store = Store.open(url, clock)
    database = engine.connect(engine.parse(f"sqlite:///{copy}"), journal="DELETE")
    try:
        with store.write() as tx, database.connect() as old:
            _refuse_unless_empty(tx.connection)
            living = _unwrap_all(keys, master)
            tx.execute(delete(t.state))
            tx.execute(delete(t.audit_head))
            made = _fill(tx, old, living)
            _end_visits(tx)
            result = Restored(name, keys_name, *made)
            tx.move_generation()
            tx.audit(Action.BACKUP_RESTORE, actor, rows=made[0], keys=made[1], left_out=made[2])
    finally:
        database.dispose()
        store.close()
    return result


def _choose(source: Path, part: str, suffix: str) -> str:
    names = sorted(path.name for path in source.glob(f"{part}-*{suffix}"))
    if not names:
        raise StoreError(
            f"{source} holds no {part}-*{suffix}: give the folder that `facelease backup` wrote to"
        )
    return names[-1].removeprefix(f"{part}-").removesuffix(suffix)


def _verified_copy(source: Path, name: str) -> Path:
    manifest, copy = source / f"manifest-{name}.json", source / f"store-{name}.db"
    try:
        tree: dict[str, Any] = json.loads(manifest.read_text("utf-8"))
        fits = tree["sha256"][copy.name] == backup.sha256(copy)
        revision, version = tree["revision"], tree["format"]
    except FileNotFoundError as error:
        raise StoreError(f"the backup {name} is not whole: {error.filename} is missing") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{manifest} is damaged: use another backup") from error
    if not fits:
        raise StoreError(
            f"{copy} is not what its manifest describes: it was changed or damaged; use another backup"
        )
    if version != backup.FORMAT or revision != migrations.head():
        raise StoreError(
            f"the backup {name} is of schema {revision}, this version needs {migrations.head()}: restore it "
            "with the version of FaceLease that made it, and migrate afterwards"
        )
    return copy


def _read_keys(path: Path) -> list[_Key]:
    try:
        tree: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if tree["sha256"] != hashlib.sha256(canonical(tree["keys"])).hexdigest():
            raise StoreError(f"{path} is damaged: remove it only if an older file of keys may be used")
        return [
            _Key(who, what, base64.b64decode(wrapped), version, datetime.fromisoformat(at))
            for who, what, version, wrapped, at in tree["keys"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged: remove it only if an older file of keys may be used") from error


def _refuse_unless_empty(connection: Connection) -> None:
    for table in t.metadata.sorted_tables:
        if table.name in _OWN:
            continue
        if connection.execute(select(text("1")).select_from(table).limit(1)).first() is not None:
            raise StoreError(
                f"the store holds rows already ({table.name}): let store.url name a new one, run "
                "`facelease migrate`, and restore into that"
            )


def _unwrap_all(keys: Iterable[_Key], master: MasterKeys) -> dict[tuple[str, str], tuple[_Key, bytes]]:
    """The keys that the master key opens, with what they are: they live as long as the restore."""
    living, failed = {}, None
    for key in keys:
        try:
            version = master.key(key.master_version)
            plain = sealing.unwrap(version, key.wrapped, key.person_id, key.purpose, key.master_version)
            living[key.person_id, key.purpose] = (key, plain)
        except VaultError as error:
            failed = error
    if failed is not None and not living:
        raise VaultError("the master key opens none of the backup's keys: put the right master key file back")
    return living


def _fill(tx: Tx, old: Connection, living: dict[tuple[str, str], tuple[_Key, bytes]]) -> tuple[int, int, int]:
    """Copy every table; returns rows, keys, and rows left out."""
    total, left_out, keys = 0, 0, []
    records = {who: plain for (who, what), (_, plain) in living.items() if what == "record"}
    lost = veil.gone(old, records)
    for table in t.metadata.sorted_tables:
        if table is t.person_key:
            people = set(old.scalars(select(t.person.c.id))) - lost
            keys = [vars(key) for key, _ in living.values() if key.person_id in people]
            _insert(tx, table, keys)
            continue
        for rows in _chunks(old, table):
            kept = [
                veil.unnamed(table, veil.lift(table, row, records), lost)
                for row in rows
                if not veil.left_out(table, row, lost) and (table is not t.sealed or _opens(row, living))
            ]
            _insert(tx, table, kept)
            total, left_out = total + len(kept), left_out + len(rows) - len(kept)
        _continue_numbers(tx, table)
    _cut_clearances(tx, old, lost)
    return total, len(keys), left_out


def _end_visits(tx: Tx) -> None:
    """Nobody who has left since the copy was made is in again, and no one-time code of then opens anything."""
    tx.execute(delete(t.visit))
    tx.execute(update(t.session).where(t.session.c.ended_at.is_(None)).values(ended_at=tx.now))
    tx.execute(update(t.code).where(t.code.c.expires_at > tx.now).values(expires_at=tx.now))


def _cut_clearances(tx: Tx, old: Connection, lost: frozenset[str]) -> None:
    """What was cleared with a grant of somebody who is gone is cleared no more, until it is computed anew."""
    for table in (t.tag, t.face):
        for row in old.execute(select(table.c.resource_id, table.c.person_id)).all():
            if row.person_id in lost:
                tx.execute(delete(t.clearance).where(t.clearance.c.resource_id == row.resource_id))


def _insert(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        tx.execute(insert(table), rows)


def _chunks(old: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    for rows in old.execute(select(table)).mappings().partitions(backup.CHUNK):
        yield [dict(row) for row in rows]


def _opens(row: dict[str, Any], living: dict[tuple[str, str], tuple[_Key, bytes]]) -> bool:
    """Whether the key that there is now is the one that sealed this: a later key of the person is not."""
    held = living.get((row["person_id"], row["purpose"]))
    if held is None:
        return False
    try:
        sealing.unseal(held[1], row["body"], Bond(*(row[field] for field in Bond._fields)))
    except VaultError:
        return False
    return True


def _continue_numbers(tx: Tx, table: Table) -> None:
    """Let PostgreSQL number new rows after those that were copied with their numbers."""
    column = table.autoincrement_column
    if column is None or tx.connection.dialect.name != "postgresql":
        return
    last = tx.connection.scalar(select(func.max(column)))
    if last is not None:
        tx.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), last)))
