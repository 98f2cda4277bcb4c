"""Backups in two separate parts: the store without keys, and the wrapped keys.

The store may be kept for years, the wrapped keys for days (`backup.key_days`): a copy of the store with the newest keys
restores nobody whose key was destroyed since. Neither part opens without the master key, which is in neither. Manifest
and keys are signed with the key of heads, and a head records the hash of each.
"""

import base64
import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, select

from plugin.clock import Clock, machine_now
from plugin.errors import VaultError
from plugin.ledger import tables as t
from plugin.ledger.backups import signed_parts
from plugin.ledger.backups.backup_sealing import BackupSealer, unwrap_record_keys
from plugin.ledger.backups.signed_parts import KEYS, MANIFEST
from plugin.ledger.keys import house_key, private_files
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.log.endings import NOTHING_ENDED, EndedLog, Mark
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.store import audit, engine, migrations
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store

CHUNK = 500
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True)
class WrittenBackup:
    """The files of one backup, and the rows in its copy of the store."""

    name: str
    store: Path
    keys: Path
    manifest: Path
    rows: int


def write_backup(
    store: Store, master: MasterKeys, target: Path, clock: Clock, book: HeadBook, key_days: int, actor: str = "system"
) -> WrittenBackup:
    """Write both parts and a manifest to `target` from one snapshot of `store`; two heads record them.

    The copy is SQLite in any case; what may contain a name is sealed in it (`backup_sealing`). Files of wrapped keys
    older than `key_days` days are destroyed.
    """
    private_files.make_folder(target)
    with store.write() as tx:
        house_key.make(tx, master)
        # Before the snapshot: what has ended by now is in the copy.
        ended = _find_ended_mark(tx.connection, book.ended)
    made = machine_now(clock)
    name = _choose_name(target, made)
    copy = target / f"store-{name}.db"
    keys, manifest = (signed_parts.build_path(target, part, name) for part in (KEYS, MANIFEST))
    with store.read() as connection:
        house, keys_of = house_key.unwrap(connection, master), unwrap_record_keys(connection, master)
        rows = _write_copy(connection, copy, BackupSealer(keys_of, house, name))
        last = audit.read_head(connection)
        signed_parts.write_part(keys, KEYS, name, made, book.key, {"keys": _list_wrapped_keys(connection)})
    digest = hash_file(copy)
    about = {"revision": migrations.head(), "rows": rows, "store": digest}
    about |= {"ended": list(ended), "last": list(last)}
    signed_parts.write_part(manifest, MANIFEST, name, made, book.key, about)
    # Read completely before the write.
    notes = [_build_note(part, name, path) for part, path in ((MANIFEST, manifest), (KEYS, keys))]
    book.reach()
    with store.write() as tx:
        for note in notes:
            book.add(tx, note, actor)
        tx.audit(Action.BACKUP_WRITE, actor, rows=rows, sha256=digest)
    _destroy_expired_keys(target, clock, key_days)
    return WrittenBackup(name, copy, keys, manifest, rows)


def _find_ended_mark(connection: Connection, log: EndedLog) -> Mark:
    """How far ended.log is known to go: the file itself may be the wrong one.

    If nothing has ended yet, an empty file is created: then a copy without the file is incomplete.
    """
    row = connection.execute(select(t.state.c.ended_lines, t.state.c.ended_hash)).one()
    known = Mark(row.ended_lines or 0, row.ended_hash or NOTHING_ENDED.hash)
    if not log.path.exists() and known == NOTHING_ENDED:
        with contextlib.suppress(FileExistsError):  # somebody's end came between
            private_files.write_secret(log.path, b"", fresh=True)
    return log.mark() if row.ended_lines is None else known


def write_key_file(
    store: Store, target: Path, clock: Clock, book: HeadBook, key_days: int, actor: str = "system"
) -> Path:
    """Write only a fresh file of wrapped keys to `target`, before a rotation retires a version.

    Key files from before a rotation cannot be opened afterwards.
    """
    private_files.make_folder(target)
    made = machine_now(clock)
    name = _choose_name(target, made)
    path = signed_parts.build_path(target, KEYS, name)
    with store.read() as connection:
        signed_parts.write_part(path, KEYS, name, made, book.key, {"keys": _list_wrapped_keys(connection)})
    # An unreachable file of heads keeps no key alive: the hourly head fails too, and the doctor reports it.
    with contextlib.suppress(VaultError):
        note = _build_note(KEYS, name, path)
        book.reach()
        with store.write() as tx:
            book.add(tx, note, actor)
    _destroy_expired_keys(target, clock, key_days)
    return path


def _build_note(part: str, name: str, path: Path) -> dict[str, str]:
    return {"kind": part, "name": name, "sha256": hash_file(path)}


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _choose_name(target: Path, now: datetime) -> str:
    """The time in microseconds, and never a name in use, so that names sort by age."""
    while True:
        name = now.astimezone(UTC).strftime(_STAMP)
        if not any(target.glob(f"*-{name}.*")):
            return name
        now += timedelta(microseconds=1)


def _write_copy(source: Connection, path: Path, sealer: BackupSealer) -> int:
    """Every table but the keys, in the order of foreign keys; returns the number of rows."""
    half = path.with_name(f".{path.name}.new")
    os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    url = f"sqlite:///{half}"
    try:
        migrations.upgrade(url)
        database = engine.create_store_engine(engine.parse_url(url), journal="DELETE")
        try:
            with database.connect() as connection:
                target = connection.execution_options(**{engine.WRITE: True})
                with target.begin():
                    rows = sum(_copy_table(source, target, name, sealer) for name in _list_tables())
            with engine.open_raw(database) as raw:
                raw.cursor().execute("VACUUM")
        finally:
            database.dispose()
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    private_files.sync_folder(path.parent)
    return rows


# A running erasure's row holds name and address under the house's key, which outlives the erasure. Photographs are
# read again after a restore.
_LEFT_OUT: Mapping[str, Mapping[str, object]] = {t.erasure.name: {"held": None}, t.resource.name: {"indexed": None}}


def _list_tables() -> list[str]:
    """Without keys and hashes of names; and without sessions and accounts of our own, which must not come back."""
    left_out = (t.person_key, t.house_key, t.session, t.staff, t.recovery_code, t.visit, t.name_word)
    return [table.name for table in t.metadata.sorted_tables if table not in left_out]


def _copy_table(source: Connection, target: Connection, name: str, sealer: BackupSealer) -> int:
    table = t.metadata.tables[name]
    query = select(table)
    if table is t.job:  # a restored store does not need finished jobs
        query = query.where(t.job.c.state.in_(("queued", "running")))
    count = 0
    for rows in source.execute(query).mappings().partitions(CHUNK):
        left_out = _LEFT_OUT.get(name, {})
        target.execute(insert(table), [sealer.seal_row(table, {**row, **left_out}) for row in rows])
        count += len(rows)
    return count


def _list_wrapped_keys(connection: Connection) -> list[list[str | int]]:
    """The keys of people, and the house's own without a person."""
    people = connection.execute(select(t.person_key).order_by(*t.person_key.primary_key)).all()
    house = connection.execute(select(t.house_key)).all()
    rows = [(house_key.NOBODY, row) for row in house] + [(row.person_id, row) for row in people]
    return [
        [who, row.purpose, row.master_version, base64.b64encode(row.wrapped).decode(), row.created_at.isoformat()]
        for who, row in rows
    ]


def list_expired_key_files(target: Path, clock: Clock, key_days: int) -> list[Path]:
    """Files of wrapped keys older than `key_days` days, by their names;

    and those dated in the future, by a wrong clock.
    """
    now = machine_now(clock).astimezone(UTC)  # as they are named, also where the store has seen a later moment
    oldest, latest = ((now + timedelta(days=days)).strftime(_STAMP) for days in (-key_days, 1))
    return [path for path in target.glob("keys-*.json") if not oldest <= path.stem.removeprefix("keys-") <= latest]


def _destroy_expired_keys(target: Path, clock: Clock, key_days: int) -> None:
    for path in list_expired_key_files(target, clock, key_days):
        private_files.destroy(path)
