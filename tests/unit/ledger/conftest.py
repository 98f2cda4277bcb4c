"""What the ledger's tests share: a vault, people, a queue."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert

from plugin.ledger import tables as t
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.vault import Vault
from plugin.ledger.store.store import Store, Tx


@pytest.fixture
def master(tmp_path: Path) -> MasterKeys:
    """A fresh master key in a file."""
    return MasterKeys.create(tmp_path / "keys" / "master.json")


@pytest.fixture
def vault(master: MasterKeys) -> Vault:
    """A vault over that master key."""
    return Vault(master)


@pytest.fixture
def add_person() -> Callable[[Tx, str], str]:
    """Puts a bare person row into the store, with the name as id."""

    def add(tx: Tx, name: str) -> str:
        tx.execute(insert(t.person).values(id=name, display_name=name, name_key=name, created_at=tx.now))
        return name

    return add


@pytest.fixture
def asa(store: Store, vault: Vault, add_person: Callable[[Tx, str], str]) -> str:
    """Åsa, with both keys."""
    with store.write() as tx:
        add_person(tx, "asa")
        vault.create_key(tx, "asa", "record")
        vault.create_key(tx, "asa", "face")
    return "asa"
