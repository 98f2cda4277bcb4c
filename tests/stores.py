"""Fixtures: fresh stores of both kinds. PostgreSQL runs in a temporary folder, on a Unix socket only."""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from plugin.clock import ManualClock
from plugin.ledger.store import migrations
from plugin.ledger.store.store import Store, init_store

KINDS = ("sqlite", "postgresql")

_PREFIX = "facelease-pg-"


def _binary(name: str) -> str:
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        pytest.fail(f"the program `{name}` is not installed: the ledger is tested on PostgreSQL too", pytrace=False)
    return found


def _remove_left(place: Path) -> None:
    """Remove what runs left that were killed: their servers, and the files of these, which may lie in memory."""
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < 60:
                continue  # being made
            with ExitStack() as stack:
                lock = os.open(folder, os.O_RDONLY)
                stack.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _end_server(folder)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its run goes on, or it is somebody else's, or another run removes it just now


def _end_server(folder: Path) -> None:
    try:
        pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        if str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGQUIT)
    except (OSError, ValueError, IndexError):
        pass  # it has ended, or never began


class Postgres:
    """A server of our own; a superuser may not run it, so as root it runs as somebody else."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        place = memory if os.access(memory, os.W_OK) else Path("/tmp")
        _remove_left(place)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        self._lock = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "facelease", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._connection: psycopg.Connection[Any] | None = None
        self._log = (self.folder / "log").open("wb")
        self._server = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server, again after `halt`."""
        self._server = subprocess.Popen(
            [_binary("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder),
             "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off",
             "-c", "max_wal_size=64MB"],
            cwd="/", stdout=self._log, stderr=self._log, **self._as,
        )  # fmt: skip
        self._wait()
        return self._server

    def halt(self) -> None:
        """Stop the server; its data stay."""
        if self._connection is not None:
            self._connection.close()
        self._server.send_signal(signal.SIGINT)  # a fast stop: it does not wait for who is connected
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run([_binary(name), *arguments], cwd="/", capture_output=True, **self._as)
        if done.returncode:
            pytest.fail(f"{name} failed: {done.stderr.decode(errors='replace')}", pytrace=False)

    def _wait(self) -> None:
        for _ in range(200):
            try:
                self.do("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        log = (self.folder / "log").read_text(errors="replace")
        pytest.fail(f"PostgreSQL does not start: {log}", pytrace=False)

    def do(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        self._superuser().execute(statement.encode())

    def copy(self, template: str, name: str) -> None:
        """A database like `template`, to which nobody is connected; its files are copied, not logged page by page."""
        files = " STRATEGY FILE_COPY" if self._superuser().info.server_version >= 150000 else ""
        self.do(f"CREATE DATABASE {name} TEMPLATE {template}{files}")

    def _superuser(self) -> "psycopg.Connection[Any]":
        """One connection for the whole run: each costs a process of the server."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                host=str(self.folder), user="facelease", dbname="postgres", autocommit=True
            )
        return self._connection

    def url(self, name: str) -> str:
        return f"postgresql://facelease@/{name}?host={self.folder}"

    def stop(self) -> None:
        self.halt()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


class Stores:
    """Makes stores: filled once a session, copied for each test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._postgres: Postgres | None = None
        self._made: set[tuple[str, str]] = set()
        self._count = 0

    def empty(self, kind: str) -> str:
        """The URL of a store without a schema (for SQLite: of no file yet)."""
        return self._copy(kind, None)

    def migrated(self, kind: str) -> str:
        """The URL of a store with the schema of today and no row."""
        return self.alike(kind, "ledger", migrations.upgrade)

    def alike(self, kind: str, name: str, fill: Callable[[str], None]) -> str:
        """The URL of a copy of the store that `fill` makes of an empty one, once a session for each `name`."""
        template = f"template_{name}"
        if (kind, name) not in self._made:
            if kind == "postgresql":
                self._server().do(f"CREATE DATABASE {template}")
            fill(self._url(kind, template))
            self._made.add((kind, name))
        return self._copy(kind, template)

    @property
    def server(self) -> Postgres:
        """The server, for who stops it for a while."""
        return self._server()

    def drop(self, url: str) -> None:
        """Take a server's database away: a run makes a thousand of them."""
        self._server().do(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def stop(self) -> None:
        if self._postgres is not None:
            self._postgres.stop()

    def _copy(self, kind: str, template: str | None) -> str:
        self._count += 1
        name = f"ledger_{self._count}"
        if kind == "postgresql":
            self._server().copy(template or "template1", name)
        elif template:
            shutil.copyfile(self._path(template), self._path(name))
        return self._url(kind, name)

    def _url(self, kind: str, name: str) -> str:
        return self._server().url(name) if kind == "postgresql" else f"sqlite:///{self._path(name)}"

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.db"

    def _server(self) -> Postgres:
        if self._postgres is None:
            self._postgres = Postgres()
        return self._postgres


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Makes fresh stores: `stores.migrated("postgresql")` is a URL."""
    made = Stores(tmp_path_factory.mktemp("stores"))
    yield made
    made.stop()


@pytest.fixture(params=KINDS)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Runs the test once for each kind of store."""
    return str(request.param)


@pytest.fixture
def store_url(stores: Stores, store_kind: str) -> str:
    """A migrated store without rows."""
    return stores.migrated(store_kind)


@pytest.fixture
def store(store_url: str, clock: ManualClock) -> Iterator[Store]:
    """An open store, new, on each kind of database in turn."""
    opened = init_store(store_url, clock)
    yield opened
    opened.close()
