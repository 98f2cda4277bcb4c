"""Another program that holds the writer's turn of a store: `python -m tests.lock_holder URL`, until a line is read."""

import sqlite3
import sys

import psycopg

from plugin.ledger.store import engine


def hold(url: str) -> None:
    """Take the turn, and on PostgreSQL the row of the state too; say so; wait; let go without a change."""
    path = engine.sqlite_path(engine.parse_url(url))
    if path is not None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        _wait()
        connection.execute("ROLLBACK")
        return
    with psycopg.connect(url, application_name="lock_holder") as server:
        server.execute(f"SELECT pg_advisory_xact_lock({engine.WRITER_LOCK})".encode())
        server.execute("SELECT 1 FROM state FOR UPDATE")
        _wait()
        server.rollback()


def _wait() -> None:
    sys.stdout.write("held\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    hold(sys.argv[1])
