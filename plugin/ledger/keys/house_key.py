"""The house's own record key: it seals what belongs to no person, and covers what a backup says of photographs.

Wrapped by the master key like the keys of people, and re-wrapped with them; it is not destroyed with anybody's.
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
"""Whose the key is, where a wrapped key says whose it is."""


def make(tx: "Tx", master: MasterKeys) -> None:
    """Make the key unless there is one."""
    if tx.execute(select(t.house_key.c.purpose)).first() is not None:
        return
    # As for a person's key: never under a version that a rotation is about to destroy.
    version = master.newest(find_version_in_use(tx.connection))
    key = secrets.token_bytes(KEY_BYTES)
    wrapped = sealing.wrap(master.key(version), key, NOBODY, PURPOSE, version)
    tx.execute(
        insert(t.house_key).values(
            purpose=PURPOSE, wrapped=wrapped, master_version=version, created_at=tx.now
        )
    )


def find_version_in_use(connection: Connection) -> int:
    """The version of the master key that the last rotation went on to, for it begins with this key; 0: none yet."""
    version = connection.scalar(select(t.house_key.c.master_version))
    if version is None:
        version = connection.scalar(select(func.max(t.person_key.c.master_version)))
    return version or 0


def load_keys_before_writes(store: "Store", master: MasterKeys) -> None:
    """Let a command for the master key run before a write and never in one, where others would wait for it."""

    def catch_up() -> None:
        with store.read() as conn:
            used = find_version_in_use(conn)
        master.catch_up(used)

    if master.read_only:
        master.hurried, store.before_write = store.is_writing, catch_up


def unwrap(connection: Connection, master: MasterKeys) -> bytes:
    """The key in the clear. Raises VaultError where there is none, or the master key does not open it."""
    row = connection.execute(select(t.house_key).where(t.house_key.c.purpose == PURPOSE)).first()
    if row is None:
        raise VaultError("the store has no key of its own yet: `facelease init` makes it")
    return sealing.unwrap(master.key(row.master_version), row.wrapped, NOBODY, PURPOSE, row.master_version)
