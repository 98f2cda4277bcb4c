import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from plugin.clock import ManualClock
from plugin.ledger import tables as t
from plugin.ledger.keys import rotation
from plugin.ledger.keys.vault import Vault
from plugin.ledger.store.store import Store, Tx, init_store
from tests.stores import Stores

AddPerson = Callable[[Tx, str], str]


def _raw(store: Store) -> bytes:
    path = Path(store.url.removeprefix("sqlite:///"))
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def _hits(pieces: list[bytes], raw: bytes) -> int:
    return sum(piece[start : start + 16] in raw for piece in pieces for start in range(0, len(piece) - 15, 997))


@pytest.fixture
def sqlite_store(stores: Stores, clock: ManualClock) -> Store:
    """An SQLite store only: its files are searched."""
    return init_store(stores.migrated("sqlite"), clock)


def _fill_and_destroy(store: Store, vault: Vault, add_person: AddPerson) -> list[bytes]:
    """40 people come and go among each other; returns every wrapped key and body of the 39 gone."""
    gone: list[bytes] = []
    names = [f"p{(number * 17) % 40}" for number in range(40)]
    for name in names:
        with store.write() as tx:
            add_person(tx, name)
            vault.create_key(tx, name, "face")
            vault.seal(tx, name, "face", "template", os.urandom(512))
            vault.seal(tx, name, "face", "reference", os.urandom(9000))
    for name in sorted(names)[:-1]:
        with store.write() as tx:
            gone += tx.connection.scalars(select(t.person_key.c.wrapped).where(t.person_key.c.person_id == name))
            gone += tx.connection.scalars(select(t.sealed.c.body).where(t.sealed.c.person_id == name))
            vault.destroy_key(tx, name, "face")
    return gone


def test_shredded_bytes_are_nowhere_in_the_files(sqlite_store: Store, vault: Vault, add_person: AddPerson) -> None:
    """After destroy and shred neither keys nor bodies are in the database, its WAL or its index.

    The one who stays is found, so the search can find.
    """
    gone = _fill_and_destroy(sqlite_store, vault, add_person)
    assert _hits(gone, _raw(sqlite_store)) > 0
    assert vault.shred(sqlite_store) == 39
    raw = _raw(sqlite_store)
    assert _hits(gone, raw) == 0
    with sqlite_store.read() as connection:
        alive = [*connection.scalars(select(t.person_key.c.wrapped)), *connection.scalars(select(t.sealed.c.body))]
        assert set(connection.scalars(select(t.shredding.c.how))) == {"checkpoint"}
    assert len(alive) == 3
    assert all(_hits([piece], raw) for piece in alive)
    assert vault.shred(sqlite_store) == 0


def test_an_open_reader_holds_shredding_back(sqlite_store: Store, vault: Vault, add_person: AddPerson) -> None:
    """While a snapshot is open the answer is "not yet", for the bytes are still there; then it goes through."""
    _fill_and_destroy(sqlite_store, vault, add_person)
    with sqlite_store.write() as tx:
        add_person(tx, "late")
        vault.create_key(tx, "late", "face")
    with sqlite_store.read() as connection:
        wrapped = list(connection.scalars(select(t.person_key.c.wrapped).where(t.person_key.c.person_id == "late")))
        with sqlite_store.write() as tx:
            vault.destroy_key(tx, "late", "face")
        assert vault.shred(sqlite_store) == 0
        assert _hits(wrapped, _raw(sqlite_store)) > 0
    assert vault.shred(sqlite_store) == 40
    assert _hits(wrapped, _raw(sqlite_store)) == 0


def test_postgresql_shreds_only_by_rotation(store: Store, vault: Vault, asa: str) -> None:
    """Its dead tuples and WAL are out of our reach: no checkpoint of ours says otherwise."""
    with store.write() as tx:
        vault.destroy_key(tx, asa, "face")
    assert vault.shred(store) == (1 if store.is_sqlite else 0)
    assert rotation.is_rotation_due(store)
    assert vault.rotate(store).shredded == 1
    with store.write() as tx:
        tx.execute(delete(t.shredding))
    assert not rotation.is_rotation_due(store)
