"""The store's state about ended.log: its mark, when it was restarted, and whether the house is closed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Tx


class Mark(NamedTuple):
    """How far ended.log goes:

    its complete lines, and their hash chain (SHA-256 over the previous hash, in hex, and the line with its end).
    """

    lines: int
    hash: str


NOTHING_ENDED = Mark(0, "0" * 64)


class HouseState(NamedTuple):
    """`mark`: how far ended.log is known to go; None in an upgraded store that has not looked yet.

    `closed_why`: missing, shorter or different. `anew_at`: when ended.log was restarted, because somebody reopened the
    house without the expected file.
    """

    mark: Mark | None
    closed_at: datetime | None
    closed_why: str | None
    anew_at: datetime | None


def read(conn: Connection) -> HouseState:
    """The current state."""
    s = t.state.c
    row = conn.execute(select(s.ended_lines, s.ended_hash, s.closed_at, s.closed_why, s.ended_anew_at)).one()
    mark = None if row.ended_lines is None else Mark(row.ended_lines, row.ended_hash or "")
    return HouseState(mark, row.closed_at, row.closed_why, row.ended_anew_at)


def set_mark(tx: Tx, mark: Mark) -> None:
    """Record how far ended.log goes."""
    tx.execute(update(t.state).values(ended_lines=mark.lines, ended_hash=mark.hash))


def close(tx: Tx, why: str, known: Mark) -> None:
    """From this commit on nothing is compared, tagged or cleared. `known`: how far the right file goes at least."""
    # Stored clearances do not count from now on; they are recomputed in portions.
    tx.execute(update(t.state).values(closed_at=tx.now, closed_why=why, anew_after=0))
    set_mark(tx, known)
    tx.move_generation()
    tx.audit(Action.HOUSE_CLOSE, "system", why=why, lines=known.lines)


def change_reason(tx: Tx, why: str, known: Mark) -> None:
    """The house stays closed, for a new reason."""
    tx.execute(update(t.state).values(closed_why=why))
    set_mark(tx, known)


def reopen(tx: Tx, mark: Mark) -> None:
    """From this commit on the file with this mark is valid."""
    tx.execute(update(t.state).values(closed_at=None, closed_why=None))
    set_mark(tx, mark)
    tx.move_generation()


def set_restarted_at(tx: Tx, at: datetime) -> None:
    """Record when ended.log was restarted without the expected file."""
    tx.execute(update(t.state).values(ended_anew_at=at))
