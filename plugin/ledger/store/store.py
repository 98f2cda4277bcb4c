"""The store: short transactions on SQLite or PostgreSQL, with their audit rows."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, insert, select, update
from sqlalchemy import exc as sql

from plugin.clock import Clock, machine_now
from plugin.errors import StoreAway, StoreError
from plugin.ledger import tables as t
from plugin.ledger.store import audit, engine, migrations

NOTE_SECONDS = 0.25
Parameters = Sequence[Mapping[str, object]] | Mapping[str, object]
_MIGRATE = "run `facelease migrate`"


def inserted_id(result: CursorResult[tuple[object, ...]]) -> int:
    """The id of the row just inserted."""
    key = result.inserted_primary_key
    if key is None:
        raise StoreError("the store did not say which row it inserted")
    return int(key[0])


class Tx:
    """One write transaction: a connection, one point in time, and its audit rows."""

    def __init__(self, connection: Connection, now: datetime, machine_now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.machine_now = machine_now  # also where the store has seen a later moment
        self.subjects: dict[str, str] = {}  # how the log refers to people, unwrapped in this transaction
        self._audit: list[audit.AuditEntry] = []
        self._last: list[Callable[[], None]] = []
        self._after: list[Callable[[], None]] = []

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        """Run one statement of SQLAlchemy Core."""
        return self.connection.execute(statement, parameters)

    def audit(
        self,
        action: audit.Action,
        actor: str,
        subject: str | None = None,
        resource_id: int | None = None,
        **details: audit.Scalar,
    ) -> None:
        """Add an audit row to this transaction. `details` are JSON scalars without personal data."""
        self._audit.append(audit.AuditEntry(action, actor, subject, resource_id, details))

    def before_commit(self, act: Callable[[], None]) -> None:
        """Call `act` at the end of this transaction, unless that fails. It may write and audit."""
        self._last.append(act)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Call `act` after the commit; not after a rollback."""
        self._after.append(act)

    def generation(self) -> int:
        """A number that changes whenever who may be matched changes."""
        return int(self.connection.scalar(select(t.state.c.generation)) or 0)

    def move_generation(self) -> int:
        """Invalidate every process's gallery; returns the new generation."""
        moved = update(t.state).values(generation=t.state.c.generation + 1).returning(t.state.c.generation)
        return int(self.execute(moved).scalar_one())

    def see(self) -> None:
        """Note when the store was last used, so that a clock set back is noticed."""
        self.execute(update(t.state).where(t.state.c.last_seen < self.now).values(last_seen=self.now))

    def seal_audit(self) -> None:
        """Run before_commit callbacks and append the audit rows. For Store.write, before the commit."""
        for act in self._last:
            act()
        audit.append_entries(self.connection, self.now, self._audit)
        self._audit = []

    def committed(self) -> None:
        """Run after_commit callbacks. For Store.write."""
        for act in self._after:
            act()


class Store:
    """An open, migrated store. Thread-safe; a forked child gets its own connections."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        parsed = engine.parse_url(url)
        self.kind = parsed.get_backend_name()
        self._path = engine.sqlite_path(parsed)
        self._engine = engine.create_store_engine(parsed)
        self._writing = threading.local()
        self.watch: Callable[[float], None] = lambda _seconds: None
        """Called with the duration of each write transaction, in seconds."""
        self.before_write: Callable[[], object] = lambda: None
        """Called before a write transaction begins, for slow work; it may read."""

    @classmethod
    def open(cls, url: str, clock: Clock) -> "Store":
        """The store at `url`. Raises StoreError when it is missing, out of reach or not migrated."""
        path = engine.sqlite_path(engine.parse_url(url))
        if path is not None and not path.is_file():
            raise StoreError(f"there is no store at {path}: {_MIGRATE}, which makes it")
        store = cls(url, clock)
        try:
            store._check()
        except BaseException:
            store.close()
            raise
        return store

    def _check(self) -> None:
        with self.read() as connection:
            at = migrations.revision_of(connection)
            if at != migrations.head():
                raise StoreError(
                    f"the store is at schema {at or 'none'}, this version needs {migrations.head()}: {_MIGRATE}"
                )
            if connection.execute(select(t.state.c.id)).first() is None:
                raise StoreError(f"the store holds no state: {_MIGRATE}")

    @property
    def is_sqlite(self) -> bool:
        return self._path is not None

    @contextlib.contextmanager
    def write(self, alone: bool = True, patience: float | None = None) -> Iterator[Tx]:
        """A write transaction: commits at the end of the block, rolls back on an exception.

        Writers are serialised on both databases, so what a transaction has read still holds when it commits: for rule 3
        (a match re-checks its grant) reading again inside is enough. SQLite always serialises; PostgreSQL takes an
        advisory lock. `alone=False` skips that lock, for the queue's own single statements. Keep blocks short, without
        calls to the DAM. Raises StoreAway, for another writer after `patience` seconds (None: BUSY_SECONDS).
        """
        if self.is_writing():
            raise StoreError("a write inside a write would wait for itself: hand the Tx on instead")
        if alone:
            self.before_write()
        self._writing.here = True
        try:
            with self._connect() as connection:
                options: dict[str, object] = {engine.WRITE: True, engine.ALONE: alone}
                options |= {} if patience is None else {engine.PATIENCE: patience}
                connection = connection.execution_options(**options)
                began = None
                try:
                    with connection.begin():
                        began = time.perf_counter()
                        tx = Tx(connection, self.clock.now(), machine_now(self.clock))
                        try:
                            yield tx
                            tx.seal_audit()
                        finally:
                            tx.subjects.clear()
                finally:
                    if began is not None:  # a rollback blocked others as well
                        self.watch(time.perf_counter() - began)
        finally:
            self._writing.here = False
        self._writing.count = self.writes() + 1
        tx.committed()

    def is_writing(self) -> bool:
        """Whether this thread is in a write."""
        return getattr(self._writing, "here", False)

    def writes(self) -> int:
        """The number of committed write transactions of this thread."""
        return int(getattr(self._writing, "count", 0))

    def note(self, statement: Executable) -> bool:
        """Run one statement that only notes a use; whether it was run.

        It is skipped where the store does not accept it at once: readers neither wait nor fail for it.
        """
        before = self.writes()
        try:
            with self.write(alone=False, patience=NOTE_SECONDS) as tx:
                tx.execute(statement)
        except StoreAway:
            return False
        self._writing.count = before
        return True

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only snapshot of the store. Keep it short: an open reader delays shredding. Raises StoreAway."""
        with self._connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    def _connect(self) -> Connection:
        try:
            return self._engine.connect()
        except sql.TimeoutError as error:  # all of this process's are taken: by others that wait for the store
            raise StoreAway("the store is busy: try again in a minute") from error

    def generation(self) -> int:
        """A number that changes whenever who may be matched changes."""
        with self.read() as connection:
            return int(connection.scalar(select(t.state.c.generation)) or 0)

    def last_seen(self) -> datetime | None:
        """The latest moment at which the store was in use."""
        with self.read() as connection:
            return connection.scalar(select(t.state.c.last_seen))

    def checkpoint(self, wait: float = 2.0) -> bool:
        """Move SQLite's WAL into the file and truncate it; True unless another connection blocked that.

        Waits up to `wait` seconds for readers. False on PostgreSQL.
        https://sqlite.org/pragma.html#pragma_wal_checkpoint: the first column is 0 when not busy.
        """
        if not self.is_sqlite:
            return False
        with engine.open_raw(self._engine) as raw:
            cursor = raw.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy: tuple[int, int, int] = cursor.fetchone() or (1, 0, 0)
            cursor.execute(f"PRAGMA busy_timeout = {engine.BUSY_SECONDS * 1000}")
            cursor.close()
        return busy[0] == 0

    def rewrite(self) -> bool:
        """Rewrite SQLite's file without its free pages, and truncate the WAL; True on success.

        Needs room for a second copy. False while another connection blocks it, on a full disk, and on PostgreSQL.
        """
        if not self.is_sqlite:
            return False
        try:
            with engine.open_raw(self._engine) as raw:
                cursor = raw.cursor()
                cursor.execute("PRAGMA query_only = OFF")
                cursor.execute("VACUUM")
                cursor.close()
        except (StoreAway, sqlite3.OperationalError):
            return False
        return self.checkpoint()

    def close(self) -> None:
        """Close every connection of this process."""
        self._engine.dispose()


def read_revision(url: str) -> str | None:
    """The schema's revision of the store at `url`; None where there is none."""
    path = engine.sqlite_path(engine.parse_url(url))
    return None if path is not None and not path.exists() else migrations.current(url)


def migrate(url: str) -> str:
    """Migrate the store at `url` to this version; returns the revision."""
    path = engine.sqlite_path(engine.parse_url(url))
    if path is not None and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrations.upgrade(url)
    return migrations.head()


def init_store(url: str, clock: Clock) -> Store:
    """Create or migrate the store at `url`, with its first rows, and open it. Idempotent."""
    migrate(url)
    store = Store(url, clock)
    try:
        with store.write() as tx:
            if tx.execute(select(t.state.c.id)).first() is None:
                tx.execute(insert(t.state).values(id=1, generation=1, installed_at=tx.now, last_seen=tx.now))
            audit.begin_log(tx.connection)
    except BaseException:
        store.close()
        raise
    return store
