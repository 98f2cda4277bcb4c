"""A store that does not answer: one error, one sentence, and never a statement, a value or a driver's words."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from plugin.clock import ManualClock
from plugin.errors import StoreAway, StoreError
from plugin.ledger import tables as t
from plugin.ledger.store import engine
from plugin.ledger.store.store import Store, init_store
from tests.stores import Postgres, Stores

MARK = "Quixotic Sample"


def _write(store: Store) -> None:
    with store.write() as tx:
        tx.execute(update(t.state).values(generation=9))


def _file(store: Store) -> Path:
    return Path(store.url.removeprefix("sqlite:///"))


@pytest.fixture
def embedded(stores: Stores, clock: ManualClock) -> Iterator[Store]:
    opened = init_store(stores.migrated("sqlite"), clock)
    yield opened
    opened.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 1)


@contextmanager
def _held(url: str) -> Iterator[None]:
    """Another process holds the writer's turn."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.lock_holder", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        child.communicate(b"\n", timeout=30)


def test_a_store_that_is_held_is_away_and_can_be_read(hasty: None, store: Store) -> None:
    """Who writes is told after the limit; who reads does not wait; what was refused is written once it is free."""
    impatient = Store.open(store.url, store.clock)
    with _held(store.url):
        assert impatient.generation() == 1
        with pytest.raises(StoreAway, match=r"kept the store.* for too long: nothing was written") as caught:
            _write(impatient)
        assert not caught.value.unsure
    _write(impatient)
    assert impatient.generation() == 9
    impatient.close()


def test_a_full_disk_is_away(embedded: Store) -> None:
    """It says to make room; nothing of the transaction stands; with room it goes on."""
    with pytest.raises(StoreAway, match=r"disk of the store .* is full: nothing was written"):
        _fill(embedded)
    _write(embedded)
    assert embedded.generation() == 9


def _fill(store: Store) -> None:
    with store.write() as tx:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        try:
            tx.execute(update(t.state).values(generation=5))
            tx.connection.exec_driver_sql("CREATE TABLE big (value BLOB)")
            tx.connection.exec_driver_sql("INSERT INTO big VALUES (zeroblob(9000000))")
        finally:
            tx.connection.exec_driver_sql("PRAGMA max_page_count = 4294967294")


def test_a_damaged_file_is_no_outage(embedded: Store, clock: ManualClock) -> None:
    """It never mends itself: the words name the backup."""
    embedded.checkpoint()
    embedded.close()
    with _file(embedded).open("r+b") as file:
        file.seek(0)
        file.write(b"\0" * 8192)
    with pytest.raises(StoreError, match=r"damaged: .* last good backup") as caught:
        Store.open(embedded.url, clock)
    assert not isinstance(caught.value, StoreAway)


def test_a_file_that_cannot_be_written_is_away(embedded: Store, clock: ManualClock) -> None:
    """Its owner is told which rights are missing."""
    embedded.checkpoint()
    embedded.close()
    assert _as_nobody(_file(embedded), 0o444, 0o755, clock).startswith("the store ")
    assert _as_nobody(_file(embedded), 0o000, 0o755, clock).endswith("read and write its file and its folder")


def test_a_file_that_is_gone_is_away_and_no_other_is_made(embedded: Store) -> None:
    """As when its disk is taken away under a running house."""
    embedded.checkpoint()
    embedded.close()  # what the next thread does is to connect
    _file(embedded).rename(_file(embedded).with_suffix(".away"))
    with pytest.raises(StoreAway, match="cannot be opened"):
        _write(embedded)
    assert not _file(embedded).exists()
    _file(embedded).with_suffix(".away").rename(_file(embedded))
    _write(embedded)
    assert embedded.generation() == 9


def _as_nobody(file: Path, mode: int, folder: int, clock: ManualClock) -> str:
    """What an account without rights is told; a child, for no process gets its rights back."""
    for above in file.parents[:-2]:
        above.chmod(above.stat().st_mode | 0o011)
    file.parent.chmod(folder)
    file.chmod(mode)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setuid(65534)
        try:
            with Store(f"sqlite:///{file}", clock).write() as tx:
                tx.see()
            os.write(write, b"written")
        except BaseException as error:
            os.write(write, (str(error) if isinstance(error, StoreAway) else repr(error)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        os.waitpid(child, 0)
        return said.read()


def test_a_server_that_stops_is_away_and_comes_back(clock: ManualClock) -> None:
    """In a read, in a write, and while it is down; the same Store works once it is up again."""
    server = Postgres()
    try:
        server.do("CREATE DATABASE ledger")
        store = init_store(server.url("ledger"), clock)
        with store.read() as connection:
            server.do(_END_ALL)
            with pytest.raises(StoreAway, match="does not answer"):
                connection.execute(text("SELECT 1"))
        with pytest.raises(StoreAway, match="not known whether it was written") as caught:
            _lost_at_commit(store, server)
        assert caught.value.unsure
        _write(store)
        assert store.generation() == 9
        store.close()
    finally:
        server.stop()
    with pytest.raises(StoreAway, match="does not answer: see that its server runs"):
        Store.open(store.url, clock)


def _lost_at_commit(store: Store, server: Postgres) -> None:
    with store.write() as tx:
        tx.execute(update(t.state).values(generation=5))
        tx.before_commit(lambda: server.do(_END_ALL))


_END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)


@pytest.mark.parametrize(
    ("before", "kind", "said"),
    [
        ("SELECT 1", StoreError, "may not use the store's tables"),
        (
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO weak; ALTER ROLE weak SET default_transaction_read_only = on",
            StoreAway,
            "takes no writes",
        ),
        ("ALTER ROLE weak NOLOGIN", StoreAway, "refuses our account"),
    ],
)
def test_an_account_without_rights_is_told_so(
    stores: Stores, clock: ManualClock, before: str, kind: type[StoreError], said: str
) -> None:
    """Each in a sentence that says what to mend."""
    url = stores.migrated("postgresql")
    init_store(url, clock).close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS weak")
        connection.execute("CREATE ROLE weak LOGIN")
        connection.execute(before.encode())
    try:
        weak = Store(url.replace("facelease@", "weak@"), clock)
        with pytest.raises(kind, match=said):
            _write(weak)
        weak.close()
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP OWNED BY weak")
            connection.execute("DROP ROLE weak")


def test_a_database_that_is_not_there_is_told_so(stores: Stores, clock: ManualClock) -> None:
    """It is the server that answers, and store.url that is wrong."""
    init_store(stores.migrated("postgresql"), clock).close()
    url = stores.migrated("postgresql").replace("/ledger_", "/no_such_")
    with pytest.raises(StoreAway, match="has no such database"):
        Store.open(url, clock)


def test_a_fault_of_ours_stays_one(store: Store, add_person: Callable[..., str]) -> None:
    """A statement that is wrong, a row that is there twice and a write in a read are nobody's outage."""
    with pytest.raises(DBAPIError), store.read() as connection:
        connection.execute(text("SELECT nonsense"))
    with pytest.raises(DBAPIError), store.read() as connection:
        connection.execute(update(t.state).values(generation=9))
    with pytest.raises(IntegrityError), store.write() as tx:
        tx.execute(insert(t.state).values(id=1, generation=1, installed_at=tx.now, last_seen=tx.now))


def test_no_sentence_holds_a_value(hasty: None, store: Store) -> None:
    """What was being written is not quoted by the error, nor by what is behind it."""
    impatient = Store.open(store.url, store.clock)
    caught: BaseException | None = None
    with _held(store.url):
        try:
            with impatient.write(alone=False) as tx:
                tx.execute(update(t.state).values(generation=3).where(text(f"'{MARK}' = '{MARK}'")))
        except StoreAway as error:
            caught = error
    while caught is not None:
        assert MARK not in f"{caught!s}{caught!r}"
        assert "UPDATE" not in f"{caught!s}{caught!r}"
        caught = caught.__cause__
    impatient.close()
