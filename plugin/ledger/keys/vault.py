"""The vault: two keys a person, and what they seal. Deleting the key deletes the data.

The face key seals templates and reference photographs and exists while a recognition grant does; the record key seals
evidence, contacts and the key of audit references.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from plugin.errors import VaultError
from plugin.ledger import tables as t
from plugin.ledger.keys import house_key, rotation, sealing, shredding
from plugin.ledger.keys.master_keys import KEY_BYTES, MasterKeys
from plugin.ledger.keys.rotation import Rotation
from plugin.ledger.keys.sealing import Bond
from plugin.ledger.store.store import Store, Tx
from plugin.ledger.tables.rows import PersonKeyRow, SealedRow

FACE = "face"
RECORD = "record"
PURPOSES = (FACE, RECORD)
AUDIT_KEY = "audit_key"


class _SealedItem(SealedRow, Protocol):
    """A row of `sealed` with its wrapped key."""

    wrapped: bytes
    master_version: int


class Vault:
    """Seals and opens. People's keys are unwrapped for one operation and never cached."""

    def __init__(self, master: MasterKeys) -> None:
        self.master = master

    def create_key(self, tx: Tx, person_id: str, purpose: str) -> None:
        """Create the person's key for `purpose` (face or record). Raises VaultError where it exists.

        With the record key comes the key of the person's audit references.
        """
        if purpose not in PURPOSES:
            raise VaultError(f"a key is for {' or '.join(PURPOSES)}, not for {purpose!r}")
        if self.has_key(tx.connection, person_id, purpose):
            raise VaultError(f"person {person_id} has a {purpose} key already")
        # Reloaded under the writers' lock: a concurrent rotation may be about to destroy a version.
        version = self.master.newest(house_key.find_version_in_use(tx.connection))
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = sealing.wrap(self.master.key(version), key, person_id, purpose, version)
        new = {"person_id": person_id, "purpose": purpose, "wrapped": wrapped, "master_version": version}
        tx.execute(insert(t.person_key).values(**new, created_at=tx.now))
        if purpose == RECORD:
            bond = Bond(secrets.token_hex(16), person_id, RECORD, AUDIT_KEY, None, "", 1)
            _insert_sealed(tx, key, bond, secrets.token_bytes(KEY_BYTES))

    def has_key(self, connection: Connection, person_id: str, purpose: str) -> bool:
        return _find_key(connection, person_id, purpose) is not None

    def destroy_key(self, tx: Tx, person_id: str, purpose: str) -> bool:
        """Delete the key and everything that it seals; False where there was none.

        After the commit nothing opens (*unusable*). It is *shredded* once `shred` or `rotate` confirms that.
        """
        tx.subjects.pop(person_id, None)
        row = _find_key(tx.connection, person_id, purpose)
        tx.execute(delete(t.sealed).where(t.sealed.c.person_id == person_id, t.sealed.c.purpose == purpose))
        if row is None:
            return False
        tx.execute(delete(t.person_key).where(t.person_key.c.person_id == person_id, t.person_key.c.purpose == purpose))
        tx.execute(
            insert(t.shredding).values(
                person_id=person_id, purpose=purpose, master_version=row.master_version, unusable_at=tx.now
            )
        )
        return True

    def seal(
        self,
        tx: Tx,
        person_id: str,
        purpose: str,
        kind: str,
        data: bytes,
        *,
        subject: str | None = None,
        engine: str = "",
        version: int = 1,
        since: datetime | None = None,
    ) -> str:
        """Store `data` sealed under the person's key for `purpose`; returns the item's id.

        `since`: of what it takes the place of; None: now.
        """
        key = self._key(tx.connection, person_id, purpose)
        bond = Bond(secrets.token_hex(16), person_id, purpose, kind, subject, engine, version)
        return _insert_sealed(tx, key, bond, data, since)

    def open(self, connection: Connection, sealed_id: str) -> bytes:
        """The sealed data. Raises VaultError where item or key is gone or does not match."""
        for row in _find_items(connection, t.sealed.c.id == sealed_id):
            return self._open(row)
        raise VaultError(f"sealed item {sealed_id} does not exist, or its key was destroyed")

    def find(
        self, conn: Connection, person_id: str, kind: str, *, subject: str | None = None, engine: str | None = None
    ) -> list[str]:
        """The ids of the person's sealed items of `kind`, oldest first; optionally of one subject or engine."""
        query = select(t.sealed.c.id).where(t.sealed.c.person_id == person_id, t.sealed.c.kind == kind)
        if subject is not None:
            query = query.where(t.sealed.c.subject == subject)
        if engine is not None:
            query = query.where(t.sealed.c.engine == engine)
        return list(conn.scalars(query.order_by(t.sealed.c.created_at, t.sealed.c.id)))

    def discard(self, tx: Tx, sealed_id: str) -> None:
        """Delete one sealed item; its key and the others stay."""
        tx.execute(delete(t.sealed).where(t.sealed.c.id == sealed_id))

    def discard_engine(self, tx: Tx, engine: str, others: bool = False) -> int:
        """Delete the templates of this engine, or of all `others`; returns how many there were."""
        made = t.sealed.c.engine != engine if others else t.sealed.c.engine == engine
        return tx.execute(delete(t.sealed).where(t.sealed.c.kind == "template", made)).rowcount

    def open_all(self, connection: Connection, kind: str, engine: str) -> Iterator[tuple[str, bytes]]:
        """Person and data of every sealed item of `kind` and `engine`, such as all templates.

        Raises VaultError at the first that does not open: otherwise a gap in the gallery would go unnoticed.
        """
        for person_id, _, body in self.open_subjects(connection, kind, engine):
            yield person_id, body

    def open_subjects(
        self, connection: Connection, kind: str, engine: str, damaged: Callable[[str], None] | None = None
    ) -> Iterator[tuple[str, str | None, bytes]]:
        """The same, with each item's subject.

        `damaged` is called for an item that does not open though the house's key does; the others are still yielded.
        """
        for row in _find_items(connection, t.sealed.c.kind == kind, t.sealed.c.engine == engine):
            try:
                body = self._open(row)
            except VaultError:
                if damaged is None:
                    raise
                house_key.unwrap(connection, self.master)
                damaged(row.id)
            else:
                yield row.person_id, row.subject, body

    def subject(self, connection: Connection, person_id: str) -> str:
        """The person's pseudonym in the audit log: HMAC-SHA256 under a key of theirs.

        The key is random and destroyed with the record key. Raises VaultError without a record key.
        """
        for row in _find_items(connection, t.sealed.c.person_id == person_id, t.sealed.c.kind == AUDIT_KEY):
            return hmac.new(self._open(row), person_id.encode(), hashlib.sha256).hexdigest()
        raise VaultError(f"person {person_id} has no record key: it was destroyed, or never made")

    def shred(self, store: Store) -> int:
        """See shredding.shred."""
        return shredding.shred(store)

    def rotate(self, store: Store, retire: bool = True, before_retire: Callable[[], object] | None = None) -> Rotation:
        """See rotation.rotate."""
        return rotation.rotate(store, self.master, retire, before_retire)

    def record_key(self, connection: Connection, person_id: str) -> bytes:
        """The person's plain record key, for one operation. Raises VaultError where there is none."""
        return self._key(connection, person_id, RECORD)

    def refuse_shut(self, connection: Connection, person_id: str) -> None:
        """Raises VaultError if the current master key does not open a key of this person."""
        for row in connection.execute(select(t.person_key).where(t.person_key.c.person_id == person_id)).all():
            self._unwrap(row)

    def fits(self, row: PersonKeyRow) -> bool:
        """Whether the current master key opens this row of `person_key`."""
        try:
            self._unwrap(row)
        except VaultError:
            return False
        return True

    def _key(self, connection: Connection, person_id: str, purpose: str) -> bytes:
        row = _find_key(connection, person_id, purpose)
        if row is None:
            raise VaultError(f"person {person_id} has no {purpose} key: it was destroyed, or never made")
        return self._unwrap(row)

    def _open(self, row: _SealedItem) -> bytes:
        bond = Bond(row.id, row.person_id, row.purpose, row.kind, row.subject, row.engine, row.version)
        return sealing.unseal(self._unwrap(row), row.body, bond)

    def _unwrap(self, row: PersonKeyRow | _SealedItem) -> bytes:
        master = self.master.key(row.master_version)
        return sealing.unwrap(master, row.wrapped, row.person_id, row.purpose, row.master_version)


def _insert_sealed(tx: Tx, key: bytes, bond: Bond, data: bytes, since: datetime | None = None) -> str:
    body = sealing.seal(key, data, bond)
    tx.execute(insert(t.sealed).values(**bond._asdict(), body=body, created_at=since or tx.now))
    return bond.id


def _find_key(connection: Connection, person_id: str, purpose: str) -> PersonKeyRow | None:
    key = t.person_key.c
    return connection.execute(select(t.person_key).where(key.person_id == person_id, key.purpose == purpose)).first()


def _find_items(connection: Connection, *conditions: ColumnElement[bool]) -> Sequence[_SealedItem]:
    """All of them: a caller that stops half-way leaves no statement, and so no reader, open."""
    fits = (t.person_key.c.person_id == t.sealed.c.person_id) & (t.person_key.c.purpose == t.sealed.c.purpose)
    query = select(t.sealed, t.person_key.c.wrapped, t.person_key.c.master_version).join(t.person_key, fits)
    return connection.execute(query.where(*conditions).order_by(t.sealed.c.person_id, t.sealed.c.id)).all()
