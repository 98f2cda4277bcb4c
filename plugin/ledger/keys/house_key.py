"""The house's own record key: seals what belongs to no person, and parts of backups.

Wrapped by the master key like people's keys and re-wrapped with them; never destroyed with a person's.
"""

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, insert, select

from plugin.errors import VaultError
from plugin.ledger import tables as t
from plugin.ledger.keys import sealing
from plugin.ledger.keys.master_keys import KEY_BYTES, MasterKeys

if TYPE_CHECKING:
    from plugin.ledger.store.store import Store, Tx

PURPOSE = "house"
NOBODY = ""
"""The `person_id` of the wrapped house key."""


def make(tx: "Tx", master: MasterKeys) -> None:
    """Create the key unless it exists."""
    if tx.execute(select(t.house_key.c.purpose)).first() is not None:
        return
    # As for a person's key: not under a version that a rotation will destroy.
    version = master.newest(find_version_in_use(tx.connection))
    key = secrets.token_bytes(KEY_BYTES)
    wrapped = sealing.wrap(master.key(version), key, NOBODY, PURPOSE, version)
    tx.execute(insert(t.house_key).values(purpose=PURPOSE, wrapped=wrapped, master_version=version, created_at=tx.now))


def find_version_in_use(connection: Connection) -> int:
    """The master key version of the last rotation, which starts with this key; 0 for none."""
    version = connection.scalar(select(t.house_key.c.master_version))
    if version is None:
        version = connection.scalar(select(func.max(t.person_key.c.master_version)))
    return version or 0


def load_keys_before_writes(store: "Store", master: MasterKeys) -> None:
    """Run keys.master_command before a write, never inside one, where others would wait for it."""

    def catch_up() -> None:
        with store.read() as conn:
            used = find_version_in_use(conn)
        master.catch_up(used)

    if master.read_only:
        master.hurried, store.before_write = store.is_writing, catch_up


def unwrap(connection: Connection, master: MasterKeys) -> bytes:
    """The plain key. Raises VaultError where there is none, or the master key does not open it."""
    row = connection.execute(select(t.house_key).where(t.house_key.c.purpose == PURPOSE)).first()
    if row is None:
        raise VaultError("the store has no key of its own yet: `facelease init` makes it")
    return sealing.unwrap(master.key(row.master_version), row.wrapped, NOBODY, PURPOSE, row.master_version)
