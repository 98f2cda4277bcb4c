"""A PostgreSQL server of our own, in a temporary folder and on a Unix socket only: for benches and tests."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg


def _binary(name: str) -> str:
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        raise RuntimeError(f"the program `{name}` is not installed: the ledger is kept on PostgreSQL too")
    return found


class Postgres:
    """A server of our own; a superuser may not run it, so as root it runs as somebody else."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        place = memory if os.access(memory, os.W_OK) else Path("/tmp")
        self.folder = Path(tempfile.mkdtemp(prefix="facelease-pg-", dir=place))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "facelease", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._log = (self.folder / "log").open("wb")
        self._server = subprocess.Popen(
            [_binary("postgres"), "-D", data, "-k", str(self.folder),
             "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off",
             "-c", "max_wal_size=64MB"],
            cwd="/", stdout=self._log, stderr=self._log, **self._as,
        )  # fmt: skip
        self._wait()

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run([_binary(name), *arguments], cwd="/", capture_output=True, **self._as)
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr.decode(errors='replace')}")

    def _wait(self) -> None:
        for _ in range(200):
            try:
                self.do("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        log = (self.folder / "log").read_text(errors="replace")
        raise RuntimeError(f"PostgreSQL does not start: {log}")

    def do(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(host=str(self.folder), user="facelease", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, name: str) -> str:
        return f"postgresql://facelease@/{name}?host={self.folder}"

    def stop(self) -> None:
        self._server.send_signal(signal.SIGINT)  # a fast stop: it does not wait for who is connected
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
