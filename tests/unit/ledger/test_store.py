import os
import stat
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from plugin.clock import ManualClock
from plugin.errors import StoreError
from plugin.ledger import tables as t
from plugin.ledger.store import engine, migrations
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Store, Tx, init_store, migrate
from tests.stores import Stores

AddPerson = Callable[[Tx, str], str]


def _people(store: Store) -> int:
    with store.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(t.person)) or 0)


def test_a_write_commits_whole(store: Store, add_person: AddPerson) -> None:
    """Rows, their audit row and what waits for the commit happen together."""
    seen: list[int] = []
    with store.write() as tx:
        add_person(tx, "asa")
        tx.audit(Action.RECORD_CREATE, "editor")
        tx.after_commit(lambda: seen.append(_people(store)))
        assert seen == []
    assert seen == [1]
    with store.read() as connection:
        assert connection.scalar(select(t.audit.c.action)) == "person:record:create"


def test_a_write_fails_whole(store: Store, add_person: AddPerson) -> None:
    """After an exception nothing is there: no row, no audit row, no call."""
    seen: list[int] = []

    def fail() -> None:
        with store.write() as tx:
            add_person(tx, "asa")
            tx.audit(Action.RECORD_CREATE, "editor")
            tx.after_commit(lambda: seen.append(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (_people(store), seen) == (0, [])
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.audit)) == 0


def test_an_audit_row_that_cannot_be_written_undoes_the_write(store: Store, add_person: AddPerson) -> None:
    """There is no effect without its audit row."""

    def fail() -> None:
        with store.write() as tx:
            add_person(tx, "asa")
            tx.audit(Action.RECORD_CREATE, "editor", body=[1])  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="no JSON scalar"):
        fail()
    assert _people(store) == 0


def test_reading_writes_nothing(store: Store) -> None:
    """A statement that writes is refused in a read, on both stores."""
    with pytest.raises(DBAPIError), store.read() as connection:
        connection.execute(update(t.state).values(generation=9))


def test_a_read_is_one_snapshot(store: Store, add_person: AddPerson) -> None:
    """What commits while a read is open is not seen in it."""
    count = select(func.count()).select_from(t.person)
    with store.read() as connection:
        assert connection.scalar(count) == 0
        with store.write() as tx:
            add_person(tx, "asa")
        assert connection.scalar(count) == 0
    assert _people(store) == 1


def test_a_write_inside_a_write_is_refused(store: Store) -> None:
    """It would wait for itself; the store says so instead, and works on."""
    with store.write(), pytest.raises(StoreError, match="hand the Tx on"), store.write():
        pass
    with store.write() as tx:
        tx.see()


def test_writers_take_turns(store: Store) -> None:
    """What a write has read still holds when it commits: no update of 8 threads is lost."""

    def count_up() -> None:
        for _ in range(10):
            with store.write() as tx:
                now = tx.generation()
                time.sleep(0.0005)
                tx.execute(update(t.state).values(generation=now + 1))

    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.generation() == 81


def test_a_writer_that_was_stopped_loses_its_turn(
    stores: Stores, clock: ManualClock, add_person: AddPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stands still in the middle of a write: others go on, and what it did is gone."""
    assert engine._REST_SECONDS < engine.BUSY_SECONDS
    monkeypatch.setattr(engine, "_REST_SECONDS", 1)
    store = init_store(stores.migrated("postgresql"), clock)
    stands, goes_on, failed = threading.Event(), threading.Event(), list[Exception]()

    def stand_still() -> None:
        try:
            with store.write() as tx:
                add_person(tx, "bo")
                stands.set()
                goes_on.wait(60)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=stand_still)
    thread.start()
    assert stands.wait(60)
    with store.write() as tx:
        add_person(tx, "asa")
    goes_on.set()
    thread.join(60)
    assert len(failed) == 1
    with store.read() as connection:
        assert list(connection.scalars(select(t.person.c.id))) == ["asa"]
    store.close()


def test_the_generation_moves_for_everybody(store: Store, clock: ManualClock) -> None:
    """A change in one process is seen in another that has the store open."""
    other = Store.open(store.url, clock)
    before = other.generation()
    with store.write() as tx:
        assert tx.move_generation() == before + 1
    assert other.generation() == before + 1
    other.close()


def test_last_seen_never_moves_back(store: Store, clock: ManualClock) -> None:
    """So a clock set back is noticed."""
    later = clock.now() + timedelta(hours=1)
    clock.set(later)
    with store.write() as tx:
        tx.see()
    clock.advance(-timedelta(days=1))
    with store.write() as tx:
        tx.see()
    with store.read() as connection:
        assert connection.scalar(select(t.state.c.last_seen)) == later


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path, clock: ManualClock) -> None:
    """Opening a wrong path says what to do and leaves no file behind."""
    with pytest.raises(StoreError, match="facelease migrate"):
        Store.open(f"sqlite:///{tmp_path / 'no.db'}", clock)
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_a_schema_is_refused(stores: Stores, store_kind: str, clock: ManualClock) -> None:
    """The message names both revisions and the command."""
    url = stores.empty(store_kind)
    if store_kind == "sqlite":
        Path(url.removeprefix("sqlite:///")).touch()
    with pytest.raises(StoreError, match=f"schema none, .* {migrations.head()}: run `facelease migrate`"):
        Store.open(url, clock)


def test_a_server_that_does_not_answer_is_told_in_a_sentence(tmp_path: Path, clock: ManualClock) -> None:
    """No traceback of a driver, and no password."""
    with pytest.raises(StoreError, match="does not answer") as caught:
        Store.open(f"postgresql://somebody:secret-word@/ledger?host={tmp_path}", clock)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_another_kind_of_store_is_refused(url: str, clock: ManualClock) -> None:
    """Only a file and PostgreSQL serve."""
    with pytest.raises(StoreError):
        Store.open(url, clock)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_name_is_refused(stores: Stores, clock: ManualClock, encoding: str) -> None:
    """At once, and not when the first Łucja signs."""
    url = make_url(stores.empty("postgresql"))
    with psycopg.connect(
        host=str(url.query["host"]), user=url.username, dbname=url.database, autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {encoding} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0".encode())
    with pytest.raises(StoreError, match=f"kept in {encoding}.*ENCODING 'UTF8'"):
        init_store(url.set(database=encoding.lower()).render_as_string(), clock)


def test_init_can_be_repeated(store: Store, clock: ManualClock) -> None:
    """A second `init` or `migrate` keeps what is there."""
    with store.write() as tx:
        tx.move_generation()
    migrate(store.url)
    again = init_store(store.url, clock)
    assert again.generation() == 2
    again.close()


def test_nobody_else_can_read_the_file(tmp_path: Path, clock: ManualClock) -> None:
    """The database, its WAL and its index are for the owner only."""
    store = init_store(f"sqlite:///{tmp_path / 'data' / 'ledger.db'}", clock)
    with store.write() as tx:
        tx.see()
    files = list((tmp_path / "data").iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()


def test_sqlite_keeps_what_it_promises(stores: Stores, clock: ManualClock) -> None:
    """Every connection has WAL, synchronous=FULL, foreign keys and secure_delete."""
    store = init_store(stores.migrated("sqlite"), clock)
    with store.read() as one, store.write() as two:
        for connection in (one, two.connection):
            names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
            values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
            assert values == ["wal", 2, 1, 1, 30000]
    store.close()


def test_a_checkpoint_waits_for_readers(stores: Stores, clock: ManualClock) -> None:
    """With an open snapshot it says no; without, the WAL is cut to nothing."""
    store = init_store(stores.migrated("sqlite"), clock)
    with store.read() as connection:
        connection.execute(select(t.state)).all()
        with store.write() as tx:
            tx.see()
            tx.move_generation()
        assert not store.checkpoint(wait=0.05)
    assert store.checkpoint()
    assert Path(store.url.removeprefix("sqlite:///") + "-wal").stat().st_size == 0
    store.close()


def test_a_read_left_half_way_leaves_no_reader(stores: Stores, clock: ManualClock, add_person: AddPerson) -> None:
    """A result that nobody read to its end does not hold a snapshot after the block."""
    store = init_store(stores.migrated("sqlite"), clock)
    with store.write() as tx:
        for number in range(300):
            add_person(tx, f"p{number}")
    with store.read() as connection:
        rows = connection.execute(select(t.person))
        assert rows.fetchone() is not None
    with store.write() as tx:
        tx.move_generation()
    assert store.checkpoint(wait=0.05)
    del rows
    store.close()


def test_a_forked_child_has_connections_of_its_own(store: Store) -> None:
    """Child and parent write after a fork, and neither breaks the other."""
    with store.write() as tx:
        tx.move_generation()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with store.write() as tx:
                tx.move_generation()
            status = 0
        finally:
            os._exit(status)
    with store.write() as tx:
        tx.move_generation()
    assert os.waitpid(child, 0)[1] == 0
    assert store.generation() == 4
