"""Reports that a command waits for the store, and which process holds the lock, as far as that can be found."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL

from plugin.ledger.store import engine

PATIENCE_SECONDS = 2.0
"""A wait is reported after so many seconds."""

_LOOK_SECONDS = 0.5
_WRITER = 120  # the byte of the -shm file that SQLite's writer locks: https://sqlite.org/walformat.html#wal_locks
_WHOLE = (
    0x40000000  # from here on lie the locks of the file itself: https://sqlite.org/fileformat.html#the_lock_byte_page
)
_BLOCKING = (
    b"SELECT pid, application_name FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids(%s)) "
    b"ORDER BY backend_start LIMIT 1"
)


class StoreWaitWatch:
    """Context manager: calls `say` once, with a sentence, if this process waits for the store."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._waits: dict[int, tuple[float, Connection | None]] = {}
        self._url: URL | None = None
        self._holder = ""
        self._told = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._listeners: list[tuple[str, Callable[..., None]]] = [("do_connect", self._note_connect)]
        self._listeners += [(name, self._note_end) for name in ("engine_connect", "after_cursor_execute")]
        self._listeners += [("before_cursor_execute", self._note_begin)]

    def __enter__(self) -> Self:
        for name, note in self._listeners:
            event.listen(Engine, name, note)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        for name, note in self._listeners:
            event.remove(Engine, name, note)

    def describe_holder(self) -> str:
        """The process that held the store when we last waited, or how to find it; never its statement (names)."""
        if self._holder or self._url is None:
            return f"it is {self._holder}" if self._holder else "nobody knows which"
        path = engine.sqlite_path(self._url)
        return f"`fuser -v {path}` names it" if path else "pg_stat_activity and pg_blocking_pids name it"

    def _note_connect(self, *_others: object) -> None:
        self._waits[threading.get_ident()] = (time.monotonic(), None)

    def _note_begin(self, connection: Connection, _cursor: object, statement: str, *_others: object) -> None:
        if connection.dialect.name != "sqlite" or statement.startswith("BEGIN IMMEDIATE"):
            self._waits[threading.get_ident()] = (time.monotonic(), connection)

    def _note_end(self, *_others: object) -> None:
        self._waits.pop(threading.get_ident(), None)

    def _look(self) -> None:
        while not self._told and not self._stop.wait(_LOOK_SECONDS):
            for since, connection in list(self._waits.values()):
                if time.monotonic() - since >= PATIENCE_SECONDS and not self._told:
                    with suppress(Exception):  # the server does not answer: the statement itself fails
                        self._tell(connection)

    def _tell(self, connection: Connection | None) -> None:
        said = "the store does not answer yet"
        if connection is not None:
            self._url = connection.engine.url
            path = engine.sqlite_path(self._url)
            self._holder = _find_file_writer(path) if path else _find_blocking_session(connection)
            if not path and not self._holder:
                return  # the statement is slow, and waits for no lock
            said = f"{self._holder or 'another program'} is writing to the store"
        self._told = True
        self._say(f"waiting: {said}")


def _find_file_writer(path: Path) -> str:
    """The process that holds the write lock of an SQLite file; "" where the kernel does not say."""
    try:
        index, file = (Path(f"{path}{end}").stat().st_ino for end in ("-shm", ""))
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, _, mode, pid, where, first, *_ = line.split()
            inode = int(where.rpartition(":")[2])
            if (
                kind == "POSIX"
                and mode == "WRITE"
                and ((inode == index and int(first) == _WRITER) or (inode == file and int(first) >= _WHOLE))
            ):
                return f"process {pid} ({Path('/proc', pid, 'comm').read_text().strip()})"
    except (OSError, ValueError):
        pass
    return ""


def _find_blocking_session(connection: Connection) -> str:
    waiting = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
    with engine.open_raw(connection.engine) as other:
        row = other.cursor().execute(_BLOCKING, [waiting]).fetchone()
    return f"process {row[0]} of the server ({row[1] or 'no name'})" if row else ""
