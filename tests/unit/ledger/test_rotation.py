import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert, select

from plugin.errors import StoreAway, VaultError
from plugin.ledger import tables as t
from plugin.ledger.keys import house_key, rotation, sealing
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.rotation import Rotation
from plugin.ledger.keys.vault import Vault
from plugin.ledger.store import engine
from plugin.ledger.store.store import Store, Tx

AddPerson = Callable[[Tx, str], str]


def test_rotation_keeps_the_living_and_shreds_the_dead(
    store: Store, vault: Vault, master: MasterKeys, add_person: AddPerson, asa: str
) -> None:
    """What lives opens under the new version, the old one is destroyed, and the dead say so."""
    with store.write() as tx:
        sealed = vault.seal(tx, asa, "face", "template", b"1")
        add_person(tx, "bo")
        vault.create_key(tx, "bo", "face")
    with store.write() as tx:
        vault.destroy_key(tx, "bo", "face")
    assert rotation.is_rotation_due(store)
    done = vault.rotate(store)
    assert (done.version, done.rewrapped, done.retired, done.shredded) == (2, 2, (1,), 1)
    assert (master.versions, rotation.count_behind(store, master), rotation.is_rotation_due(store)) == ((2,), 0, False)
    with store.read() as connection:
        assert vault.open(connection, sealed) == b"1"
        assert connection.scalar(select(t.shredding.c.how)) == "rotation"
        assert connection.scalar(select(t.audit.c.action)) == "vault:master:rotate"


def test_an_older_copy_opens_nothing_after_rotation(store: Store, vault: Vault, asa: str) -> None:
    """A wrapped key that somebody copied before does not unwrap with any key that is left."""
    with store.read() as connection:
        copy = connection.execute(select(t.person_key).where(t.person_key.c.purpose == "face")).one()
    with store.write() as tx:
        vault.destroy_key(tx, asa, "face")
    vault.rotate(store)
    with store.write() as tx:
        tx.execute(insert(t.person_key).values(**dict(copy._mapping)))
        with pytest.raises(VaultError, match="version 1 is gone"):
            vault.seal(tx, asa, "face", "template", b"1")
        for version in vault.master.versions:
            with pytest.raises(VaultError):
                sealing.unwrap(vault.master.key(version), copy.wrapped, asa, "face", copy.master_version)


def test_rotation_without_retiring_keeps_the_old_version(store: Store, vault: Vault, asa: str) -> None:
    """So nothing counts as shredded, until a later one retires it."""
    with store.write() as tx:
        vault.destroy_key(tx, asa, "face")
    assert vault.rotate(store, retire=False).retired == ()
    assert (vault.master.versions, rotation.is_rotation_due(store)) == ((1, 2), True)
    done = vault.rotate(store)
    assert (done.version, done.retired, done.shredded) == (2, (1,), 1)


def test_a_key_destroyed_under_the_new_version_waits_for_a_newer_one(
    store: Store, vault: Vault, add_person: AddPerson, asa: str
) -> None:
    """An interrupted rotation has wrapped a key that was destroyed afterwards: only a third version shreds it."""
    vault.rotate(store, retire=False)
    with store.write() as tx:
        vault.destroy_key(tx, asa, "face")
    done = vault.rotate(store)
    assert (done.version, done.retired, done.shredded) == (3, (1, 2), 1)


def test_before_the_old_version_goes_a_fresh_keys_file_can_be_written(store: Store, vault: Vault, asa: str) -> None:
    """At that moment everything is wrapped anew, and the old version is still there."""
    seen: list[tuple[int, tuple[int, ...]]] = []
    vault.rotate(
        store, before_retire=lambda: seen.append((rotation.count_behind(store, vault.master), vault.master.versions))
    )
    assert seen == [(0, (1, 2))]


def test_a_key_made_while_another_process_rotates_is_not_lost(
    store: Store, vault: Vault, master: MasterKeys, add_person: AddPerson, asa: str
) -> None:
    """The other process has the old version in memory; the key it makes is wrapped under the new."""
    assert master.path is not None
    theirs = Vault(MasterKeys.load(master.path))
    vault.rotate(store)
    with store.write() as tx:
        add_person(tx, "eva")
        theirs.create_key(tx, "eva", "face")
        theirs.seal(tx, "eva", "face", "template", b"1", engine="e")
    with store.read() as connection:
        assert list(vault.open_all(connection, "template", "e")) == [("eva", b"1")]


def _by_another(store: Store, master: MasterKeys, before_retire: Callable[[], object]) -> Rotation:
    """A rotation of another process, which has read the master key by itself."""
    assert master.path is not None
    return rotation.rotate(store, MasterKeys.load(master.path), before_retire=before_retire)


def test_two_rotations_at_once_lose_no_key(
    store: Store, vault: Vault, master: MasterKeys, add_person: AddPerson, asa: str
) -> None:
    """As when two workers finish an erasure each: the first comes to its end while the second, which began a newer
    version, is about to retire the older ones, and somebody is entered."""
    with store.write() as tx:
        sealed = vault.seal(tx, asa, "face", "template", b"1")
        for who in ("bo", "dag"):
            add_person(tx, who)
            vault.create_key(tx, who, "face")
        vault.destroy_key(tx, "bo", "face")
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go_on.wait(60)

    first = threading.Thread(target=_by_another, args=(store, master, wait))
    first.start()
    assert begun.wait(60)
    with store.write() as tx:
        vault.destroy_key(tx, "dag", "face")  # wrapped under the version of the first: that does not serve

    def let_the_first_end() -> None:
        go_on.set()
        first.join(60)
        with store.write() as tx:
            add_person(tx, "eva")
            vault.create_key(tx, "eva", "face")  # reads the master key anew

    vault.rotate(store, before_retire=let_the_first_end)
    master.reload()
    assert (master.versions, rotation.count_behind(store, master), rotation.is_rotation_due(store)) == ((3,), 0, False)
    with store.read() as connection:
        assert vault.open(connection, sealed) == b"1"


def test_a_version_that_another_process_began_meanwhile_is_not_destroyed(
    store: Store, vault: Vault, master: MasterKeys, asa: str
) -> None:
    """The file is read when it is written: what stands in memory may be older."""
    with store.write() as tx:
        sealed = vault.seal(tx, asa, "face", "template", b"1")
    assert master.path is not None
    other = MasterKeys.load(master.path)
    fresh, seen = list[int](), list[int]()

    def meanwhile() -> None:
        if not fresh:
            fresh.append(other.add())
        seen.append(rotation.count_behind(store, other))

    done = vault.rotate(store, before_retire=meanwhile)
    assert (fresh, done.version, done.retired, seen[-1]) == ([3], 3, (1, 2), 0)
    assert other.add() == 4
    with store.read() as connection:
        assert vault.open(connection, sealed) == b"1"


def test_a_master_key_from_a_command_is_followed_not_rotated(
    store: Store, vault: Vault, master: MasterKeys, asa: str
) -> None:
    """We re-wrap to the version it names, and mark the dead when the old one has gone from it."""
    assert master.path is not None
    command = MasterKeys.from_command(["cat", str(master.path)])
    with store.write() as tx:
        vault.destroy_key(tx, asa, "face")
    with pytest.raises(VaultError, match="not ours to rotate"):
        rotation.rotate(store, command)
    master.add()
    done = rotation.rotate(store, command)
    assert (done.version, done.rewrapped, done.retired, done.shredded) == (2, 1, (), 0)
    master.retire(2)
    assert rotation.rotate(store, command).shredded == 1
    assert not rotation.is_rotation_due(store)


def test_a_command_for_the_master_key_runs_inside_no_write(
    store: Store, vault: Vault, master: MasterKeys, asa: str, tmp_path: Path
) -> None:
    """It may take half a minute where the keys are kept elsewhere: nobody's withdrawal waits for that."""
    command, seen = _watched(store, master, tmp_path)
    with store.write() as tx:
        vault.destroy_key(tx, asa, "face")
    master.add()
    assert rotation.rotate(store, command).rewrapped == 1
    assert set(seen.read_text()) == {"0"}, seen.read_text()


def test_nor_does_it_where_another_process_has_rotated(
    store: Store, vault: Vault, master: MasterKeys, add_person: AddPerson, asa: str, tmp_path: Path
) -> None:
    """It runs before the write; whoever learns of it inside is asked to come again, and then succeeds."""
    with store.write() as tx:
        house_key.make(tx, master)
    command, seen = _watched(store, master, tmp_path)
    house_key.load_keys_before_writes(store, command)
    theirs, others = Vault(command), MasterKeys.load(tmp_path / "keys" / "master.json")
    with store.write() as tx:
        theirs.create_key(tx, add_person(tx, "bo"), "record")
    rotation.rotate(store, others)
    with store.write() as tx:
        theirs.create_key(tx, add_person(tx, "clara"), "record")
        theirs.subject(tx.connection, asa)
    assert rotation.count_behind(store, others) == 0
    for act in (lambda tx: theirs.subject(tx.connection, "bo"), lambda tx: theirs.create_key(tx, "bo", "face")):
        with pytest.raises(StoreAway, match="try again"):
            _while_another_rotates(store, others, act)
        with store.write() as tx:
            assert command.current == others.current
            act(tx)
    assert set(seen.read_text()) == {"0"}, seen.read_text()


def test_a_command_that_fails_keeps_no_write_that_needs_no_new_key(
    store: Store, vault: Vault, master: MasterKeys, asa: str, tmp_path: Path
) -> None:
    """What cannot be opened is told as what it is; a key is not made under a version that may be gone."""
    with store.write() as tx:
        house_key.make(tx, master)
    path, spare = tmp_path / "keys" / "master.json", tmp_path / "spare.json"
    command = MasterKeys.from_command(["cat", str(path)])
    rotation.rotate(store, MasterKeys.load(path))
    path.rename(spare)
    house_key.load_keys_before_writes(store, command)
    with store.write() as tx:
        with pytest.raises(VaultError, match="version 2 is gone"):
            Vault(command).subject(tx.connection, asa)
        assert Vault(command).destroy_key(tx, asa, "face")
    with pytest.raises(StoreAway), store.write() as tx:
        Vault(command).create_key(tx, asa, "face")
    spare.rename(path)
    with store.write() as tx:
        Vault(command).create_key(tx, asa, "face")


def _while_another_rotates(store: Store, others: MasterKeys, act: Callable[[Tx], object]) -> None:
    """Do it in a write that finds what the other process committed a moment before."""
    with store.write() as tx:
        others.add()
        rotation._rewrap(tx, others, others.current)
        act(tx)


def _watched(store: Store, master: MasterKeys, tmp_path: Path) -> tuple[MasterKeys, Path]:
    """A command, and the file in which it notes whether it was run in a write."""
    lock, seen = tmp_path / "writing", tmp_path / "seen"
    script = (
        "import pathlib, sys\n"
        "key, lock, seen = map(pathlib.Path, sys.argv[1:])\n"
        "seen.write_text((seen.read_text() if seen.exists() else '') + str(int(lock.exists())))\n"
        "print(key.read_text())\n"
    )
    command = MasterKeys.from_command([sys.executable, "-c", script, str(master.path), str(lock), str(seen)])

    def began(conn: Connection) -> None:
        if conn.get_execution_options().get(engine.WRITE):
            lock.touch()

    def ended(_conn: Connection) -> None:
        lock.unlink(missing_ok=True)

    event.listen(store._engine, "begin", began)
    event.listen(store._engine, "commit", ended)
    event.listen(store._engine, "rollback", ended)
    return command, seen
