"""Connections to the store, for SQLite and PostgreSQL."""

import contextlib
import json
import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection

from plugin.errors import StoreError
from plugin.ledger.store import driver_errors
from plugin.ledger.tables.columns import UnreadableCell

MOST_NUMBER = (1 << 63) - 1
"""No store has a larger number; what asks for one is refused before it is asked."""
BUSY_SECONDS = 30
_SPARE = 35  # connections beside the five that stay: no surface's threads wait for another's
_SILENT_SECONDS = 30
"""How long PostgreSQL may be silent before it counts as away."""

_REST_SECONDS = 15
"""A process that holds the writers' lock and does nothing, such as a stopped one, loses it before the others give up.

Except a migration (`RESTS`): nothing else writes meanwhile, and it may compute for longer.
"""

# Serialises writers on PostgreSQL (see Store.write).
WRITER_LOCK = 0x_FACE_1EA5E

WRITE = driver_errors.WRITES
ALONE = "facelease_alone"
PATIENCE = "facelease_patience"
"""For how many seconds a write waits for others; BUSY_SECONDS without it."""
RESTS = "facelease_rests"
"""A write that may be idle without limit."""
_CURSORS = "facelease_cursors"

_engines: "weakref.WeakSet[Engine]" = weakref.WeakSet()
_inherited: list[Pool] = []


def parse_url(url: str) -> URL:
    """`url` as SQLAlchemy's URL with our driver. Raises StoreError for an unknown database."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(
            "store.url is no database URL: write sqlite:////path/to/ledger.db or postgresql://user@host/name"
        ) from error
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError("store.url names no file: write sqlite:////path/to/ledger.db")
        return parsed.set(drivername="sqlite+pysqlite")
    if kind == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreError(f"the store cannot be kept in {kind}: use SQLite or PostgreSQL")


def sqlite_path(url: URL) -> Path | None:
    """The file of an SQLite store; None for PostgreSQL."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def create_store_engine(url: URL, journal: str = "WAL", foreign_keys: bool = True) -> Engine:
    """An engine whose transactions begin as Store.read and Store.write need, and whose errors quote no value.

    Every use raises StoreAway while the store does not answer (`driver_errors.translate_error`).
    """
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url, creator=_build_opener(url), max_overflow=_SPARE, hide_parameters=True, json_deserializer=_parse_json
        )
        event.listen(engine, "connect", _build_pragmas(journal, foreign_keys))
        event.listen(engine, "begin", _begin_sqlite)
        event.listen(engine, "after_cursor_execute", _note_cursor)
        event.listen(engine, "reset", _close_cursors)
    else:
        engine = create_engine(
            url, connect_args=_build_connect_args(url), pool_pre_ping=True, max_overflow=_SPARE, hide_parameters=True
        )
        event.listen(engine, "connect", _refuse_encoding, insert=True)  # before anything is asked
        event.listen(engine, "begin", _begin_postgresql)
    event.listen(engine, "handle_error", driver_errors.translate_error)
    _engines.add(engine)
    return engine


def make_file(url: URL) -> None:
    """Create an empty SQLite file if missing, readable by us only, as its WAL and index then are."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _build_opener(url: URL) -> Callable[[], sqlite3.Connection]:
    """Opens an existing file: while its disk is away, no empty one is created."""
    uri = f"{Path(str(url.database)).absolute().as_uri()}?mode=rw"
    return lambda: sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)


def _build_connect_args(url: URL) -> dict[str, str | int]:
    """Timeouts for locks, idle transactions and silent servers; parameters in the URL take precedence.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    """
    patience: dict[str, str | int] = {"connect_timeout": 10, "tcp_user_timeout": _SILENT_SECONDS * 1000}
    patience |= {"keepalives_idle": _SILENT_SECONDS // 3, "keepalives_interval": _SILENT_SECONDS // 6}
    patience["keepalives_count"] = 4
    options = f"-c lock_timeout={BUSY_SECONDS}s -c idle_in_transaction_session_timeout=60s"
    return {"options": options} | {name: n for name, n in patience.items() if name not in url.query}


@contextlib.contextmanager
def open_raw(database: Engine) -> Iterator[PoolProxiedConnection]:
    """The driver's own connection, for what cannot run in a transaction. Raises StoreAway too."""
    try:
        with contextlib.closing(database.raw_connection()) as connection:
            yield connection
    except (sqlite3.Error, psycopg.Error) as error:
        driver_errors.translate_raw_error(database, error)
        raise


class InvalidJson(UnreadableCell):
    """Read from a cell without valid JSON: using it fails, other rows are read."""


def _parse_json(cell: str) -> object:
    try:
        return json.loads(cell)
    except ValueError:
        return InvalidJson()


def _build_pragmas(journal: str, foreign_keys: bool) -> Callable[[sqlite3.Connection, object], None]:
    def setup(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing: _begin_sqlite does
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode = {journal}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    return setup


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    writes, patience = options.get(WRITE, False), options.get(PATIENCE, BUSY_SECONDS)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(patience * 1000)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _note_cursor(connection: Connection, cursor: object, *_others: object) -> None:
    connection.info.setdefault(_CURSORS, weakref.WeakSet()).add(cursor)


def _close_cursors(_connection: object, record: ConnectionPoolEntry, _state: object) -> None:
    """Close results that were not read to the end: they hold their snapshot even after a rollback."""
    for cursor in record.info.pop(_CURSORS, ()):
        cursor.close()


def _refuse_encoding(connection: psycopg.Connection[object], _record: object) -> None:
    """Encodings other than UTF-8 cannot store some names, or return bytes instead of text."""
    found = connection.info.parameter_status("server_encoding")
    if found not in {"UTF8", None}:  # None: a proxy does not say
        raise StoreError(
            f"the store's database is kept in {found}, which cannot hold every name: make one with ENCODING 'UTF8'"
        )


def _begin_postgresql(connection: Connection) -> None:
    options = connection.get_execution_options()
    if PATIENCE in options:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(options[PATIENCE] * 1000)}")
    if options.get(ALONE, False):
        rest = 0 if options.get(RESTS, False) else _REST_SECONDS
        connection.exec_driver_sql(
            f"SELECT set_config('idle_in_transaction_session_timeout', '{rest}s', true),"
            f" pg_advisory_xact_lock({WRITER_LOCK})"
        )


def _forget_inherited_connections() -> None:
    """Give a forked child its own connections.

    SQLite's locks belong to a process: a child that used, or even closed, its parent's connection would break them. The
    old pools are therefore kept unused until the child ends.
    """
    for engine in list(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_inherited_connections)
