import os
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from plugin.clock import ManualClock
from plugin.errors import VaultError
from plugin.ledger import tables as t
from plugin.ledger.keys import sealing
from plugin.ledger.keys.vault import Vault
from plugin.ledger.store.store import Store, Tx

AddPerson = Callable[[Tx, str], str]


def _count(store: Store, table: object) -> int:
    with store.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)  # type: ignore[arg-type]


def test_what_is_sealed_opens(store: Store, vault: Vault, asa: str) -> None:
    """To the byte, the empty one too, and the store holds none of it in the clear."""
    bodies = [b"", b"template " * 50, os.urandom(100_000)]
    with store.write() as tx:
        ids = [vault.seal(tx, asa, "face", "reference", body) for body in bodies]
    with store.read() as connection:
        assert [vault.open(connection, sealed) for sealed in ids] == bodies
        kept = b"".join(connection.scalars(select(t.sealed.c.body)))
    assert b"template" not in kept


def test_the_same_sealed_twice_differs(store: Store, vault: Vault, asa: str) -> None:
    """Nobody sees that two items are equal."""
    with store.write() as tx:
        for _ in range(2):
            vault.seal(tx, asa, "face", "template", b"same", engine="e")
        one, two = tx.connection.scalars(select(t.sealed.c.body).where(t.sealed.c.kind == "template"))
    assert one != two


def test_items_are_found_by_kind_subject_and_engine(store: Store, vault: Vault, clock: ManualClock, asa: str) -> None:
    """Oldest first; other people's and other kinds are left out."""
    with store.write() as tx:
        first = vault.seal(tx, asa, "face", "template", b"1", engine="old")
        guardian = vault.seal(tx, asa, "record", "guardian", b"2", subject="g1")
    clock.advance(clock.now() - clock.now().replace(hour=11))
    with store.write() as tx:
        second = vault.seal(tx, asa, "face", "template", b"3", engine="new")
    with store.read() as connection:
        assert vault.find(connection, asa, "template") == [first, second]
        assert vault.find(connection, asa, "template", engine="new") == [second]
        assert vault.find(connection, asa, "guardian", subject="g1") == [guardian]
        assert vault.find(connection, asa, "guardian", subject="g2") == []
        assert vault.find(connection, "bo", "template") == []
        assert list(vault.open_all(connection, "template", "new")) == [(asa, b"3")]


def test_one_item_can_be_discarded(store: Store, vault: Vault, asa: str) -> None:
    """A reference photo goes, the template stays."""
    with store.write() as tx:
        keep = vault.seal(tx, asa, "face", "template", b"1")
        vault.discard(tx, vault.seal(tx, asa, "face", "reference", b"2"))
    with store.read() as connection:
        assert vault.find(connection, asa, "reference") == []
        assert vault.open(connection, keep) == b"1"


def test_a_destroyed_key_takes_all_it_sealed(store: Store, vault: Vault, asa: str) -> None:
    """The face key goes with templates; the record key and what it seals stay. A second time is no error."""
    with store.write() as tx:
        template = vault.seal(tx, asa, "face", "template", b"1")
        contact = vault.seal(tx, asa, "record", "contact", b"2")
    with store.write() as tx:
        assert vault.destroy_key(tx, asa, "face")
        assert not vault.destroy_key(tx, asa, "face")
    with store.read() as connection:
        assert not vault.has_key(connection, asa, "face")
        assert vault.has_key(connection, asa, "record")
        assert vault.open(connection, contact) == b"2"
        with pytest.raises(VaultError, match="does not exist, or its key was destroyed"):
            vault.open(connection, template)
        row = connection.execute(select(t.shredding)).one()
    assert (row.person_id, row.purpose, row.shredded_at, row.how) == (asa, "face", None, None)


def test_a_destruction_that_is_rolled_back_destroys_nothing(store: Store, vault: Vault, asa: str) -> None:
    """Key deletion commits with what belongs to it, or not at all."""

    def fail() -> None:
        with store.write() as tx:
            vault.destroy_key(tx, asa, "face")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as connection:
        assert vault.has_key(connection, asa, "face")
    assert _count(store, t.shredding) == 0


def test_a_key_is_made_once(store: Store, vault: Vault, asa: str) -> None:
    """A second one would lose what the first sealed; an unknown purpose is refused."""
    with store.write() as tx:
        with pytest.raises(VaultError, match="has a face key already"):
            vault.create_key(tx, asa, "face")
        with pytest.raises(VaultError, match="face or record"):
            vault.create_key(tx, asa, "other")


def test_nothing_is_sealed_without_a_key(store: Store, vault: Vault, asa: str) -> None:
    """After the end of a grant no template can be kept."""
    with store.write() as tx:
        vault.destroy_key(tx, asa, "face")
        with pytest.raises(VaultError, match="no face key"):
            vault.seal(tx, asa, "face", "template", b"1")


def test_the_audit_reference_is_stable_and_dies_with_the_record_key(
    store: Store, vault: Vault, add_person: AddPerson, asa: str
) -> None:
    """The same person gives the same reference, another person another; after erasure nobody can make it."""
    with store.write() as tx:
        add_person(tx, "eva")
        vault.create_key(tx, "eva", "record")
        one, again, other = (vault.subject(tx.connection, who) for who in (asa, asa, "eva"))
        assert one == again != other
        assert len(one) == 64
        vault.destroy_key(tx, asa, "record")
        with pytest.raises(VaultError, match="no record key"):
            vault.subject(tx.connection, asa)
        vault.create_key(tx, asa, "record")
        assert vault.subject(tx.connection, asa) != one


def test_a_gallery_with_a_hole_is_refused(store: Store, vault: Vault, asa: str) -> None:
    """One changed template is an error, not a person fewer."""
    with store.write() as tx:
        vault.seal(tx, asa, "face", "template", b"1", engine="e")
        tx.execute(update(t.sealed).where(t.sealed.c.kind == "template").values(body=b"\0" * 40))
    with store.read() as connection, pytest.raises(VaultError, match="does not open"):
        list(vault.open_all(connection, "template", "e"))


def test_a_body_cut_short_is_refused() -> None:
    """Also one too short to hold nonce and tag."""
    bond = sealing.Bond("id", "asa", "face", "template", None, "e", 1)
    key = os.urandom(32)
    body = sealing.seal(key, b"data", bond)
    for length in range(len(body)):
        with pytest.raises(VaultError):
            sealing.unseal(key, body[:length], bond)


def test_parts_of_a_bond_cannot_run_together() -> None:
    """Two bonds that read the same when put end to end are different bonds."""
    one = sealing.Bond("id", "ab", "c", "k", None, "", 1)
    key = os.urandom(32)
    body = sealing.seal(key, b"data", one)
    for other in (one._replace(person_id="a", purpose="bc"), one._replace(subject=""), one._replace(subject="None")):
        with pytest.raises(VaultError):
            sealing.unseal(key, body, other)
