"""Backups in two parts that are kept apart: the store without keys, and the wrapped keys.

The store may be kept for years, the wrapped keys for days (`backup.key_days`): a copy of the store
joined with the newest keys brings back nobody whose key was destroyed since. Neither part opens
without the master key, which is in neither.
"""

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, select

from plugin.clock import Clock
from plugin.ledger import engine, files, migrations, veil
from plugin.ledger import tables as t
from plugin.ledger.actions import Action
from plugin.ledger.audit import canonical
from plugin.ledger.keys import MasterKeys
from plugin.ledger.store import Store

FORMAT = 1
CHUNK = 500
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True)
class Backup:
    """The files of one backup, and how many rows its copy of the store has."""

    name: str
    store: Path
    keys: Path
    manifest: Path
    rows: int


def backup(
    store: Store, master: MasterKeys, target: Path, clock: Clock, key_days: int, actor: str = "system"
) -> Backup:
    """Write both parts and a manifest to the folder `target`, from one snapshot of `store`.

    The copy of the store is SQLite, whatever the store is, and names nobody in plain (veil.py).
    Files of wrapped keys older than `key_days` days are destroyed.
    """
    files.make_folder(target)
    name = _name(target, clock.now())
    copy, keys, manifest = (
        target / f"store-{name}.db",
        keys_file(target, name),
        target / f"manifest-{name}.json",
    )
    with store.read() as connection:
        rows = _write_copy(connection, copy, veil.record_keys(connection, master))
        files.write_secret(keys, _wrapped(connection, clock.now()), fresh=True)
    sums = {part.name: sha256(part) for part in (copy, keys)}
    tree = {
        "format": FORMAT, "made": clock.now().isoformat(), "revision": migrations.head(), "rows": rows,
        "sha256": sums,
    }  # fmt: skip
    files.write_secret(manifest, json.dumps(tree, indent=1).encode() + b"\n", fresh=True)
    _prune_keys(target, clock, key_days)
    with store.write() as tx:
        tx.audit(Action.BACKUP_WRITE, actor, rows=rows, sha256=sums[copy.name])
    return Backup(name, copy, keys, manifest, rows)


def write_keys(store: Store, target: Path, clock: Clock, key_days: int) -> Path:
    """Write only a fresh file of wrapped keys to `target`: what a rotation does before it retires.

    A keys file from before the rotation cannot be opened afterwards.
    """
    files.make_folder(target)
    path = keys_file(target, _name(target, clock.now()))
    with store.read() as connection:
        files.write_secret(path, _wrapped(connection, clock.now()), fresh=True)
    _prune_keys(target, clock, key_days)
    return path


def keys_file(folder: Path, name: str) -> Path:
    """The file of wrapped keys of that name."""
    return folder / f"keys-{name}.json"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(target: Path, now: datetime) -> str:
    """The moment, to the microsecond and never one that is taken, so that names sort by age."""
    while True:
        name = now.astimezone(UTC).strftime(_STAMP)
        if not any(target.glob(f"*-{name}.*")):
            return name
        now += timedelta(microseconds=1)


def _write_copy(source: Connection, path: Path, covers: veil.RecordKeys) -> int:
    """Every table but the keys, in the order in which they point to one another; returns the rows."""
    half = path.with_name(f".{path.name}.new")
    os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    url = f"sqlite:///{half}"
    try:
        migrations.upgrade(url)
        database = engine.connect(engine.parse(url), journal="DELETE")
        try:
            with database.connect() as connection:
                target = connection.execution_options(**{engine.WRITE: True})
                with target.begin():
                    rows = sum(_copy_table(source, target, name, covers) for name in _copied())
            raw = database.raw_connection()
            raw.cursor().execute("VACUUM")
            raw.close()
        finally:
            database.dispose()
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    files.sync_folder(path.parent)
    return rows


def _copied() -> list[str]:
    """Not the keys; and nobody who is signed in now is so again in what is put back."""
    left_out = (t.person_key, t.session, t.visit)
    return [table.name for table in t.metadata.sorted_tables if table not in left_out]


def _copy_table(source: Connection, target: Connection, name: str, covers: veil.RecordKeys) -> int:
    table = t.metadata.tables[name]
    count = 0
    for rows in source.execute(select(table)).mappings().partitions(CHUNK):
        target.execute(insert(table), [veil.cover(table, dict(row), covers) for row in rows])
        count += len(rows)
    return count


def _wrapped(connection: Connection, now: datetime) -> bytes:
    keys = [
        [row.person_id, row.purpose, row.master_version, base64.b64encode(row.wrapped).decode(),
         row.created_at.isoformat()]
        for row in connection.execute(select(t.person_key).order_by(*t.person_key.primary_key))
    ]  # fmt: skip
    digest = hashlib.sha256(canonical(keys)).hexdigest()
    tree = {"format": FORMAT, "made": now.isoformat(), "sha256": digest, "keys": keys}
    return json.dumps(tree).encode() + b"\n"


def past_days(target: Path, clock: Clock, key_days: int) -> list[Path]:
    """The files of wrapped keys older than `key_days` days, by the moment in their names."""
    oldest = (clock.now() - timedelta(days=key_days)).astimezone(UTC).strftime(_STAMP)
    return [path for path in target.glob("keys-*.json") if path.stem.removeprefix("keys-") < oldest]


def _prune_keys(target: Path, clock: Clock, key_days: int) -> None:
    for path in past_days(target, clock, key_days):
        files.destroy(path)
