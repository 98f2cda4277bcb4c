"""Translates errors of the database drivers into sentences of ours, without statements or values."""

import sqlite3
from collections.abc import Mapping

import psycopg
from sqlalchemy.engine import Engine, ExceptionContext

from plugin.errors import StoreAway, StoreBusy, StoreError

WRITES = "facelease_write"
"""The execution option of a connection that may write."""

_Sentence = tuple[str, str]  # the problem, and the remedy
_BUSY = ("another program kept {store} for too long", "let that end, then try again")
_FULL = ("the disk of {store} is full", "make room, then try again")
_SILENT = ("{store} does not answer", "see that its server runs and that store.url is right, then try again")

# By the result code's last byte: https://sqlite.org/rescode.html
_SQLITE: Mapping[int, _Sentence] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: (
        "{store} cannot be written to",
        "let the account that FaceLease runs as write to its file, its folder and its file system",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "{store} cannot be opened",
        "let the account that FaceLease runs as read and write its file and its folder",
    ),
    sqlite3.SQLITE_IOERR: ("the disk of {store} fails", "look into the system's log, then try again"),
}
_SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# By the first characters of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL: Mapping[str, _Sentence] = {
    "08": _SILENT,
    "25006": ("the store's server takes no writes", "name the server that does in store.url"),
    "25P0": ("the store's server ended a transaction that took too long", "try again"),
    "28": ("the store's server refuses our account", "mend store.url, its password or the server's pg_hba.conf"),
    "3D": ("the store's server has no such database", "mend store.url"),
    "40": ("another program changed the same rows of the store", "try again"),
    "53100": _FULL,
    "53300": ("the store's server has no connection left", "close some, or raise its max_connections"),
    "53": ("the store's server has too little memory", "look into its log, then try again"),
    "55P03": _BUSY,
    "57014": ("the store's server ended a statement that took too long", "try again"),
    "57P": ("{store} does not answer: its server starts or stops", "try again"),
    "58": ("the disk of the store's server fails", "look into its log, then try again"),
}
# libpq hands no SQLSTATE on where it could not connect, only words; in another language they are _SILENT.
_CONNECTING: Mapping[str, str] = {
    "password": "28",
    "pg_hba.conf": "28",
    "permitted to log in": "28",
    'FATAL:  role "': "28",
    'FATAL:  database "': "3D",
    "too many clients": "53300",
    "connection slots": "53300",
    "starting up": "57P",
    "shutting down": "57P",
}
_DAMAGED = "{store} is damaged: stop FaceLease, keep a copy, and `facelease restore` the last good backup"
_FORBIDDEN = "the account in store.url may not use the store's tables: make it their owner"


def translate_error(context: ExceptionContext) -> None:
    """Raise StoreAway where a retry may help, StoreError where it will not; else do nothing.

    A listener of SQLAlchemy's `handle_error`: covers everything but raw connections.
    """
    if context.is_pre_ping or context.engine is None:
        return  # the pool reconnects
    connection, error = context.connection, context.original_exception
    writes = connection is not None and bool(connection.get_execution_options().get(WRITES))
    found = _explain(error, writes or connection is None, context.is_disconnect)
    if found is None:
        return
    unsure = writes and context.statement is None and _may_be_written(error)
    written = "it is not known whether it was written; " if unsure else "nothing was written; "
    raise _build_error(context.engine, found, written if writes else "", unsure)


def translate_raw_error(engine: Engine, error: BaseException) -> None:
    """As `translate_error`, for an error on a raw connection, which writes nothing of ours."""
    found = _explain(error, writes=True, lost=False)
    if found is not None:
        raise _build_error(engine, found) from error


def _build_error(engine: Engine, found: _Sentence | str, written: str = "", unsure: bool = False) -> StoreError:
    file = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
    store = f"the store {file}" if file else "the store"
    if isinstance(found, str):
        return StoreError(found.format(store=store))
    kind = StoreBusy if found is _BUSY else StoreAway
    return kind(f"{found[0].format(store=store)}: {written}{found[1]}", unsure)


def _explain(error: BaseException, writes: bool, lost: bool) -> _Sentence | str | None:
    """What an error means; a single sentence where a retry is useless. `lost`: the connection was lost."""
    if isinstance(error, sqlite3.Error):
        return _explain_sqlite(getattr(error, "sqlite_errorcode", 0), writes)
    return _explain_postgresql(error, writes, lost) if isinstance(error, psycopg.Error) else None


def _explain_sqlite(code: int, writes: bool) -> _Sentence | str | None:
    if code & 0xFF in _SQLITE_DAMAGED:
        return _DAMAGED
    if code == sqlite3.SQLITE_READONLY and not writes:
        return None  # a write in a read transaction is a bug of ours
    return _SQLITE.get(code & 0xFF)


def _explain_postgresql(error: psycopg.Error, writes: bool, lost: bool) -> _Sentence | str | None:
    state = error.sqlstate or ""
    if not state and (lost or isinstance(error, psycopg.OperationalError)):
        state = next((known for words, known in _CONNECTING.items() if words in str(error)), "08")
    if state.startswith("XX00"):
        return _DAMAGED
    if state == "42501":
        return _FORBIDDEN
    if state == "25006" and not writes:
        return None
    return next((said for known, said in _POSTGRESQL.items() if state.startswith(known)), None)


def _may_be_written(error: BaseException) -> bool:
    """Whether a commit with this error may have succeeded."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(("08", "57P", "58"))
