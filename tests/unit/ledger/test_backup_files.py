import json
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from plugin.clock import ManualClock
from plugin.config import JobsSection
from plugin.errors import StoreError, VaultError
from plugin.ledger import tables as t
from plugin.ledger.backups import signed_parts
from plugin.ledger.backups.backup import WrittenBackup, write_backup, write_key_file
from plugin.ledger.backups.backup_trust import RestoreOptions
from plugin.ledger.backups.restore import restore_backup
from plugin.ledger.keys import house_key, rotation
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.vault import FACE, RECORD, Vault
from plugin.ledger.log.endings import EndedLog
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.queue.jobs import Queue
from plugin.ledger.store import audit
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store, Tx, init_store
from tests.stores import Stores

AddPerson = Callable[[Tx, str], str]
PEOPLE = ("asa", "bo", "clara")


@dataclass
class _Scene:
    store: Store
    vault: Vault
    clock: ManualClock
    folder: Path
    stores: Stores
    book: HeadBook

    def backup(self, key_days: int = 30) -> WrittenBackup:
        self.clock.advance(timedelta(minutes=1))
        return write_backup(self.store, self.vault.master, self.folder, self.clock, self.book, key_days)

    def restore(
        self, kind: str = "sqlite", name: str = "newest", master: MasterKeys | None = None, **wish: Any
    ) -> Store:
        fresh = init_store(self.stores.migrated(kind), self.clock)
        fresh.close()
        restore_backup(
            fresh.url, self.folder, master or self.vault.master, self.clock, self.book, RestoreOptions(name, **wish)
        )
        return Store.open(fresh.url, self.clock)


@pytest.fixture
def scene(
    store: Store, stores: Stores, vault: Vault, clock: ManualClock, tmp_path: Path, add_person: AddPerson
) -> _Scene:
    """Three people with both keys, a template and evidence each; a photo with Åsa's tag; a job; audit rows."""
    queue = Queue(store, JobsSection(), Random(0))
    with store.write() as tx:
        for who in PEOPLE:
            add_person(tx, who)
            for purpose in (FACE, RECORD):
                vault.create_key(tx, who, purpose)
            vault.seal(tx, who, FACE, "template", who.encode() * 20, engine="e")
            vault.seal(tx, who, RECORD, "evidence", b"signed")
            tx.audit(Action.RECORD_CREATE, "editor", vault.subject(tx.connection, who))
        tx.execute(insert(t.resource).values(id=41, ref="a.jpg", file_version="1", kind="photo", seen_at=tx.now))
        tx.execute(
            insert(t.tag).values(
                resource_id=41,
                node="Åsa",
                node_key="åsa",
                person_id="asa",
                origin="hand",
                places=["xmp"],
                created_at=tx.now,
            )
        )
        queue.put(tx, "photo", "41", {"ref": "a.jpg"})
    keys = tmp_path / "keys"
    book = HeadBook(HeadKey.create(keys / "heads.key"), keys / "heads", 84, EndedLog(keys / "ended.log"))
    return _Scene(store, vault, clock, tmp_path / "backups", stores, book)


def _templates(store: Store, vault: Vault) -> dict[str, bytes]:
    with store.read() as connection:
        return dict(vault.open_all(connection, "template", "e"))


def _whole() -> dict[str, bytes]:
    return {who: who.encode() * 20 for who in PEOPLE}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_backed_up_comes_back(scene: _Scene, kind: str) -> None:
    """From each kind of store into each: rows, keys, sealed items, jobs, the audit chain; and it can be written on."""
    scene.backup()
    back = scene.restore(kind)
    assert _templates(back, scene.vault) == _whole()
    with back.read() as connection, scene.store.read() as old:
        for table in (t.person, t.tag, t.resource, t.job, t.sealed, t.person_key):
            order = list(table.primary_key)
            assert (
                connection.execute(select(table).order_by(*order)).all()
                == old.execute(select(table).order_by(*order)).all()
            )
        assert audit.verify_chain(connection).rows == 5
        assert connection.scalar(select(t.audit.c.action).where(t.audit.c.seq == 4)) == "store:backup:restore"
    assert back.generation() > scene.store.generation()
    queue = Queue(back, JobsSection(), Random(0))
    with back.write() as tx:
        assert queue.put(tx, "photo", "42") == 2
        added = insert(t.resource).values(ref="b.jpg", file_version="1", kind="photo", seen_at=tx.now)
        assert tx.execute(added).inserted_primary_key == (42,)
    back.close()


def test_the_copy_of_the_store_opens_nothing(scene: _Scene) -> None:
    """No wrapped key is in it, and it is a database without leftovers beside it."""
    made = scene.backup()
    copy = made.store.read_bytes()
    with scene.store.read() as connection:
        wrapped = list(connection.scalars(select(t.person_key.c.wrapped)))
    assert len(wrapped) == 6
    assert not any(key in copy or key[12:44] in copy for key in wrapped)
    assert sorted(file.name for file in scene.folder.iterdir()) == sorted(
        path.name for path in (made.store, made.keys, made.manifest)
    )


def test_nobody_else_can_read_a_backup(scene: _Scene) -> None:
    """The folder and all three files are for the owner only."""
    made = scene.backup()
    assert stat.S_IMODE(scene.folder.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (made.store, made.keys, made.manifest)}
    assert modes == {0o600}


def test_an_old_copy_joined_with_the_newest_keys_brings_no_key_back(scene: _Scene) -> None:
    """Bo's template is in the first copy; his key is not in the newest file; the others keep theirs."""
    first = scene.backup()
    with scene.store.write() as tx:
        scene.vault.destroy_key(tx, "bo", FACE)
    scene.backup()
    back = scene.restore(name=first.name)
    assert _templates(back, scene.vault) == {who: data for who, data in _whole().items() if who != "bo"}
    with back.read() as connection:
        assert not scene.vault.has_key(connection, "bo", FACE)
        assert scene.vault.find(connection, "bo", "template") == []
        assert scene.vault.has_key(connection, "bo", RECORD)
    back.close()


def test_a_key_made_anew_does_not_revive_what_the_old_one_sealed(scene: _Scene) -> None:
    """Bo withdrew and signed again: the old template is under a key that is gone, and is left out."""
    first = scene.backup()
    with scene.store.write() as tx:
        scene.vault.destroy_key(tx, "bo", FACE)
        scene.vault.create_key(tx, "bo", FACE)
        scene.vault.seal(tx, "bo", FACE, "template", b"new", engine="e")
    scene.backup()
    back = scene.restore(name=first.name)
    assert "bo" not in _templates(back, scene.vault)
    back.close()


def test_a_backup_is_good_after_a_rotation_that_wrote_fresh_keys(scene: _Scene) -> None:
    """The copy stays, the keys are new: all of the living open."""
    made = scene.backup()
    scene.clock.advance(timedelta(seconds=1))
    rotation.rotate(
        scene.store,
        scene.vault.master,
        before_retire=lambda: write_key_file(scene.store, scene.folder, scene.clock, scene.book, 30),
    )
    back = scene.restore(name=made.name)
    assert _templates(back, scene.vault) == _whole()
    back.close()


def test_keys_of_before_a_rotation_open_nothing(scene: _Scene) -> None:
    """Without the fresh file the message says that the master key does not fit, and nothing is restored."""
    scene.backup()
    rotation.rotate(scene.store, scene.vault.master)
    with pytest.raises(VaultError, match="opens none"):
        scene.restore()


def test_another_master_key_is_told(scene: _Scene, tmp_path: Path) -> None:
    """Rather than a store in which every template was left out."""
    scene.backup()
    with pytest.raises(VaultError, match="put the right master key file back"):
        scene.restore(master=MasterKeys.create(tmp_path / "other.json"))


def test_files_of_keys_past_their_days_are_destroyed(scene: _Scene) -> None:
    """The copies of the store stay; of the keys only the young ones do."""
    for _ in range(4):
        scene.backup(key_days=10)
        scene.clock.advance(timedelta(days=4))
    assert len(list(scene.folder.glob("store-*.db"))) == 4
    kept = sorted(path.name for path in scene.folder.glob("keys-*.json"))
    assert len(kept) == 3
    assert "keys-20260302" not in kept[0]


def test_a_store_that_holds_rows_is_not_restored_over(scene: _Scene) -> None:
    """The message names the table and the way; nothing is changed."""
    scene.backup()
    before = _templates(scene.store, scene.vault)
    with pytest.raises(StoreError, match=r"holds rows already \(\w+\).* `facelease migrate`"):
        restore_backup(scene.store.url, scene.folder, scene.vault.master, scene.clock, scene.book)
    assert _templates(scene.store, scene.vault) == before


def _nothing_restored(scene: _Scene, store: Store) -> bool:
    with store.read() as connection:
        return connection.scalar(select(func.count()).select_from(t.person)) == 0


@pytest.mark.parametrize("part", ["store", "keys", "manifest"])
def test_a_changed_file_is_refused(scene: _Scene, part: str) -> None:
    """One byte is enough; the message names the file, and nothing is restored."""
    path: Path = getattr(scene.backup(), part)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    fresh = init_store(scene.stores.migrated("sqlite"), scene.clock)
    with pytest.raises(StoreError, match=r"damaged|not what its manifest"):
        restore_backup(fresh.url, scene.folder, scene.vault.master, scene.clock, scene.book)
    assert _nothing_restored(scene, fresh)
    fresh.close()


@pytest.mark.parametrize("part", ["store", "keys", "manifest"])
def test_a_missing_file_is_told(scene: _Scene, part: str) -> None:
    """By its name, or by what the folder should hold."""
    path: Path = getattr(scene.backup(), part)
    path.unlink()
    with pytest.raises(StoreError, match=part):
        scene.restore()


def test_a_backup_of_another_schema_is_refused(scene: _Scene) -> None:
    """The message names both and the way."""
    made = scene.backup()
    tree = json.loads(made.manifest.read_text())
    content = {name: tree[name] for name in ("rows", "store", "ended", "last")} | {"revision": "0000"}
    made.manifest.unlink()
    signed_parts.write_part(made.manifest, "manifest", made.name, scene.clock.now(), scene.book.key, content)
    scene.book = replace(scene.book, path=scene.folder / "no heads")
    with pytest.raises(StoreError, match="of schema 0000, this version needs"):
        scene.restore()


def test_a_backup_of_the_first_format_is_refused(scene: _Scene) -> None:
    """It was not signed; the message says the way."""
    made = scene.backup()
    tree = json.loads(made.manifest.read_text())
    made.manifest.write_text(json.dumps(tree | {"format": 1}))
    with pytest.raises(StoreError, match=r"of format 1, .* the version of FaceLease that made it, migrate"):
        scene.restore()


def test_jobs_that_are_over_are_in_no_backup(scene: _Scene) -> None:
    """Of the queue only what waits comes back; the house's own key does, as it was."""
    with scene.store.write() as tx:
        for state in ("done", "dead"):
            tx.execute(
                insert(t.job).values(
                    kind="photo",
                    key="kanarie.jpg",
                    payload={"ref": "kanarie.jpg"},
                    state=state,
                    run_after=tx.now,
                    created_at=tx.now,
                    finished_at=tx.now,
                    error="kanarie",
                )
            )
    scene.backup()
    with scene.store.read() as connection:
        own = house_key.unwrap(connection, scene.vault.master)
    back = scene.restore()
    with back.read() as connection:
        assert list(connection.scalars(select(t.job.c.key))) == ["41"]
        assert house_key.unwrap(connection, scene.vault.master) == own
    back.close()


def test_two_backups_of_one_moment_are_two(scene: _Scene) -> None:
    """Neither writes over the other."""
    clock = scene.clock
    names = {write_backup(scene.store, scene.vault.master, scene.folder, clock, scene.book, 30).name for _ in range(3)}
    assert len(names) == len(list(scene.folder.glob("store-*.db"))) == 3


def test_a_backup_leaves_an_audit_row(scene: _Scene) -> None:
    """With the sum of the copy, so that one can tell which file it was."""
    scene.backup()
    with scene.store.read() as connection:
        row = connection.execute(select(t.audit).order_by(t.audit.c.seq.desc())).first()
    assert row is not None
    assert row.action == "store:backup:write"
