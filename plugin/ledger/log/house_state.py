"""What the store knows of ended.log: how far it goes, since when it was begun anew, and whether the house is closed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Tx


class Mark(NamedTuple):
    """How far ended.log goes: its whole lines, and the hash chained over them (SHA-256 of the hash before, in hex, and
    the line with its end)."""

    lines: int
    hash: str


NOTHING_ENDED = Mark(0, "0" * 64)


class HouseState(NamedTuple):
    """`mark`: how far ended.log is known to go; None in a house of before, which has not looked yet.

    `closed_why`: missing, shorter or different. `anew_at`: since when the house runs on a file that was begun anew,
    because somebody opened it without the one that was known.
    """

    mark: Mark | None
    closed_at: datetime | None
    closed_why: str | None
    anew_at: datetime | None


def read(conn: Connection) -> HouseState:
    """What it is now."""
    s = t.state.c
    row = conn.execute(select(s.ended_lines, s.ended_hash, s.closed_at, s.closed_why, s.ended_anew_at)).one()
    mark = None if row.ended_lines is None else Mark(row.ended_lines, row.ended_hash or "")
    return HouseState(mark, row.closed_at, row.closed_why, row.ended_anew_at)


def set_mark(tx: Tx, mark: Mark) -> None:
    """ended.log is known to go this far."""
    tx.execute(update(t.state).values(ended_lines=mark.lines, ended_hash=mark.hash))


def close(tx: Tx, why: str, known: Mark) -> None:
    """From this commit on nothing is compared, tagged or cleared. `known`: how far the right file goes at least."""
    # What is stored counts no more; its rows follow in portions (flows/anew).
    tx.execute(update(t.state).values(closed_at=tx.now, closed_why=why, anew_after=0))
    set_mark(tx, known)
    tx.move_generation()
    tx.audit(Action.HOUSE_CLOSE, "system", why=why, lines=known.lines)


def change_reason(tx: Tx, why: str, known: Mark) -> None:
    """The house stays closed, for this reason now."""
    tx.execute(update(t.state).values(closed_why=why))
    set_mark(tx, known)


def reopen(tx: Tx, mark: Mark) -> None:
    """From this commit on the file with this mark counts."""
    tx.execute(update(t.state).values(closed_at=None, closed_why=None))
    set_mark(tx, mark)
    tx.move_generation()


def set_restarted_at(tx: Tx, at: datetime) -> None:
    """Since then the house runs on a file that was begun without the one which was known."""
    tx.execute(update(t.state).values(ended_anew_at=at))
