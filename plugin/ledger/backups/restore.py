"""Restores a backup: any copy of the store, with the newest wrapped keys.

What was sealed with a key destroyed since the copy is left out; without the record key, so is the person. Other endings
since, such as of a publication grant, are in ended.log: the flows replay it after every restore, before anything else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from plugin.clock import Clock
from plugin.errors import StoreError, VaultError
from plugin.ledger import tables as t
from plugin.ledger.backups import backup, backup_sealing, backup_trust
from plugin.ledger.backups.backup_sealing import TableRow
from plugin.ledger.backups.backup_trust import RestoreOptions, TrustedBackup
from plugin.ledger.backups.signed_parts import WrappedKey
from plugin.ledger.keys import house_key, sealing
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.sealing import Bond
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.queue import access_conditions
from plugin.ledger.store import engine
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store, Tx

_OWN = {"state", "audit_head", "house_key", "engine"}  # tables with rows in a new store
_BY_ITSELF = tuple(
    one.value
    for one in (
        Action.HEAD_WRITE,
        Action.HEAD_KEY,
        Action.HOUSE_CLOSE,
        Action.HOUSE_OPEN,
        Action.ENGINE_CHOOSE,
        Action.ENGINE_SERVE,
    )
)
"""Actions that the log of an empty store may contain."""
_LivingKeys = dict[tuple[str, str], tuple[WrappedKey, bytes]]
_NEWEST = RestoreOptions()
RESTORE = "restore"


@dataclass(frozen=True)
class RestoreReport:
    """What was restored:

    rows and keys; rows and people left out, whose key is gone; access revoked without ended.log.
    """

    name: str
    keys_name: str
    rows: int
    keys: int
    left_out: int
    people_left_out: int
    older_keys: bool = False
    links_shut: int = 0
    tokens_shut: int = 0


def restore_backup(
    url: str,
    source: Path,
    master: MasterKeys,
    clock: Clock,
    book: HeadBook,
    wish: RestoreOptions = _NEWEST,
    actor: str = "system",
) -> RestoreReport:
    """Fill the new, migrated, empty store at `url` from the folder `source`, in one transaction.

    Raises StoreError where files are missing or not trusted (`backup_trust`), the schema differs, or the store has
    rows; VaultError where the master key opens none of the keys. The caller then replays ended.log.
    """
    parts = backup_trust.choose_backup(source, book, wish)
    store = Store.open(url, clock)
    database = engine.create_store_engine(engine.parse_url(f"sqlite:///{parts.copy}"), journal="DELETE")
    try:
        with store.write() as tx, database.connect() as old:
            _refuse_unless_empty(tx.connection)
            living = _unwrap_all(parts.keys, master)
            for own in (t.state, t.audit, t.audit_head, t.house_key, t.engine):
                tx.execute(delete(own))
            made = _copy_tables(tx, old, living, parts.name)
            _end_visits(tx)
            shut = _revoke_access(tx) if wish.without_ended_log else (0, 0)
            tx.move_generation()
            _record_restore(tx, _choose_book(tx, book, wish), parts, made, bool(wish.without_ended_log), actor)
    finally:
        database.dispose()
        store.close()
    return RestoreReport(parts.name, parts.keys_name, *made, parts.older, *shut)


def _record_restore(
    tx: Tx, book: HeadBook, parts: TrustedBackup, made: tuple[int, int, int, int], endings_lost: bool, actor: str
) -> None:
    """An audit row, and a head from which the log continues; last, so that a failed restore is not recorded."""
    rows, keys, left_out, people = made
    counts = {"rows": rows, "keys": keys, "left_out": left_out, "people_left_out": people}
    risks = {"older_keys": parts.older, "without_ended_log": endings_lost}
    tx.audit(Action.BACKUP_RESTORE, actor, None, None, backup=parts.name, **counts, **risks)
    last = parts.manifest.last
    book.add(tx, {"kind": RESTORE, "name": parts.name, "sha256": parts.sha256, "from": last.seq}, actor)
    if book.begins:
        book.add(tx, {"kind": "begin", "reason": "restored with the public key that was written down"}, actor)


def _choose_book(tx: Tx, book: HeadBook, wish: RestoreOptions) -> HeadBook:
    """With a lost key that was written down, the next signature follows no head: heads restart."""
    if not wish.head_key or wish.head_key in book.key.known:
        return book
    return replace(book, key=book.key.knowing(wish.head_key, tx.now), begins=True)


def _refuse_unless_empty(connection: Connection) -> None:
    for table in t.metadata.sorted_tables:
        if table.name in _OWN:
            continue
        found = select(text("1")).select_from(table).limit(1)
        if table is t.audit:
            found = found.where(t.audit.c.action.not_in(_BY_ITSELF))
        if connection.execute(found).first() is not None:
            raise StoreError(
                f"the store holds rows already ({table.name}): let store.url name a new one, run "
                "`facelease migrate`, and restore into that"
            )


def _unwrap_all(keys: Iterable[WrappedKey], master: MasterKeys) -> _LivingKeys:
    """The keys that the master key opens, with their plain keys, for the duration of the restore."""
    living: _LivingKeys = {}
    for key in keys:
        try:
            version = master.key(key.master_version)
            plain = sealing.unwrap(version, key.wrapped, key.person_id, key.purpose, key.master_version)
        except VaultError:
            continue
        living[key.person_id, key.purpose] = (key, plain)
    if (house_key.NOBODY, house_key.PURPOSE) not in living:  # re-wrapped with the others and never destroyed
        raise VaultError("the master key opens none of the backup's keys: put the right master key file back")
    return living


def _copy_tables(tx: Tx, old: Connection, living: _LivingKeys, name: str) -> tuple[int, int, int, int]:
    """Copy every table; returns rows, keys, rows left out, people left out."""
    total, left_out = 0, 0
    records = {who: plain for (who, what), (_, plain) in living.items() if what == "record"}
    sealer = backup_sealing.BackupSealer(records, living[house_key.NOBODY, house_key.PURPOSE][1], name)
    lost = sealer.list_erased(old)
    for table in t.metadata.sorted_tables:
        for chunk in old.execute(select(table)).mappings().partitions(backup.CHUNK):
            rows: list[TableRow] = [dict(row) for row in chunk]
            kept = [
                backup_sealing.strip_person(table, sealer.unseal_row(table, row), lost)
                for row in rows
                if not backup_sealing.is_left_out(table, row, lost)
                and (table is not t.sealed or _is_openable(row, living))
            ]
            _insert(tx, table, kept)
            total, left_out = total + len(kept), left_out + len(rows) - len(kept)
        _continue_numbers(tx, table)
    keys = _put_keys(tx, living, set(old.scalars(select(t.person.c.id))) - lost)
    _cut_clearances(tx, old, lost)
    return total, keys, left_out, len(lost)


def _put_keys(tx: Tx, living: _LivingKeys, people: set[str]) -> int:
    keys = [vars(key) for key, _ in living.values()]
    own = [{n: v for n, v in key.items() if n != "person_id"} for key in keys if key["person_id"] == house_key.NOBODY]
    theirs = [key for key in keys if key["person_id"] in people]
    _insert(tx, t.house_key, own)
    _insert(tx, t.person_key, theirs)
    return len(theirs)


def _revoke_access(tx: Tx) -> tuple[int, int]:
    """Unknown which of them ended since, so all are revoked. Returns how many links and tokens were open."""
    counts = []
    for table, opens in (
        (t.invitation, access_conditions.is_open_link(tx.now)),
        (t.api_token, access_conditions.is_open_token(tx.now)),
    ):
        counts.append(tx.connection.scalar(select(func.count()).select_from(table).where(*opens)) or 0)
        tx.execute(update(table).where(table.c.revoked_at.is_(None)).values(revoked_at=tx.now))
    return counts[0], counts[1]


def _end_visits(tx: Tx) -> None:
    """End all sessions and one-time codes in the copy."""
    tx.execute(delete(t.visit))
    tx.execute(update(t.session).where(t.session.c.ended_at.is_(None)).values(ended_at=tx.now))
    tx.execute(update(t.code).where(t.code.c.expires_at > tx.now).values(expires_at=tx.now))


def _cut_clearances(tx: Tx, old: Connection, lost: frozenset[str]) -> None:
    """Delete clearances based on a grant of a person whose key is gone, until they are recomputed."""
    for table in (t.tag, t.face):
        for row in old.execute(select(table.c.resource_id, table.c.person_id)).all():
            if row.person_id in lost:
                tx.execute(delete(t.clearance).where(t.clearance.c.resource_id == row.resource_id))


def _insert(tx: Tx, table: Table, rows: Sequence[TableRow]) -> None:
    if rows:
        tx.execute(insert(table), rows)


def _is_openable(row: TableRow, living: _LivingKeys) -> bool:
    """Whether the current key sealed this item: a later key of the person did not."""
    held, body = living.get((str(row["person_id"]), str(row["purpose"]))), row["body"]
    if held is None or not isinstance(body, bytes):
        return False
    try:
        sealing.unseal(held[1], body, Bond._make(row[field] for field in Bond._fields))
    except VaultError:
        return False
    return True


def _continue_numbers(tx: Tx, table: Table) -> None:
    """Let PostgreSQL number new rows after the copied ones."""
    column = table.autoincrement_column
    if column is None or tx.connection.dialect.name != "postgresql":
        return
    last = tx.connection.scalar(select(func.max(column)))
    if last is not None:
        tx.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), last)))
