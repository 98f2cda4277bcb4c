"""How far the DAM's log was read, and the rows that identify it: the table dam_cursor.

A database restored from a dump has fewer rows, or other rows under known numbers: its log was set back. Reading
continues from the new end, and older rows do not count as new.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from plugin.ledger.queue import set_aside
from plugin.ledger.store.store import Store, Tx
from plugin.ledger.tables import dam_cursor

OVERLAP = 100  # rows read again: one that was written in a longer transaction shows up late
_MARKS = 40  # rows of which we keep what they were
_FLOORS = 20  # set-backs that are remembered


@dataclass(frozen=True)
class LogRow:
    """One row: number, resource, type, field, account, note, difference, and the DAM's time."""

    ref: int
    resource: int
    kind: str
    field: int
    user: int
    notes: str
    diff: str
    date: str = ""

    @property
    def mark(self) -> tuple[int, str]:
        """What identifies the row: nothing in the DAM changes these."""
        return self.ref, f"{self.date}|{self.resource}|{self.kind}|{self.field}"


@dataclass(frozen=True)
class CursorPosition:
    """The position, the acknowledged rows near it, and earlier rows (number and mark)."""

    position: int
    seen: frozenset[int]
    marks: tuple[tuple[int, str], ...] = ()
    floors: tuple[int, ...] = ()

    def was_set_back(self, rows: Sequence[LogRow]) -> bool:
        """Whether `rows`, all from before the position on, belong to a log that was set back."""
        if not self.position:
            return False
        newest = max([self.position, *(number for number, _ in self.marks)])
        if max((row.ref for row in rows), default=0) < newest:
            return True
        there = dict(row.mark for row in rows)
        known = [(number, mark) for number, mark in self.marks if number > self.position - OVERLAP]
        if any(number in there and there[number] != mark for number, mark in known):
            return True
        return bool(known) and not any(number in there for number, _ in known)

    @property
    def latest(self) -> str:
        """The DAM's time of the newest known row; "" for none."""
        return max((mark.split("|")[0] for _, mark in self.marks), default="")


class Cursor:
    """The row of one DAM."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._mine = dam_cursor.c.name == name
        self._name = name

    def load(self) -> CursorPosition | None:
        """None before the first poll."""
        with self._store.read() as connection:
            return self._find(connection)

    def add(self, seen: frozenset[int], position: int = 0, rows: Iterable[LogRow] = ()) -> None:
        """These rows are acknowledged; concurrent polls add up. `rows`: remember their marks."""
        with self._store.write() as tx:
            before = self._read(tx)
            every = seen | before.seen
            at = max(every | {position, before.position})
            self._keep(tx, at, every, _newest_marks(before.marks, rows), before.floors)

    def know(self, rows: Iterable[LogRow]) -> None:
        """Remember the marks of these rows, which are not acknowledged yet."""
        with self._store.write() as tx:
            before = self._read(tx)
            self._keep(tx, before.position, before.seen, _newest_marks(before.marks, rows), before.floors)

    def restart(self, floor: int, rows: Sequence[LogRow]) -> None:
        """The log was set back: row `floor` is the last that stayed, `rows` are at its end now."""
        seen = frozenset(row.ref for row in rows)
        with self._store.write() as tx:
            before = self._read(tx)
            floors = (*before.floors, floor)[-_FLOORS:]
            self._keep(
                tx, max(seen, default=0), seen, _newest_marks((), rows), floors, set_back_at=tx.now, heard_at=None
            )

    def set_aside(self, *broken: Iterable[int]) -> None:
        """Record unreadable rows, which are skipped."""
        for number in sorted(one for some in broken for one in some):
            set_aside.note_set_aside(self._store, "a row of the DAM's log", str(number), "unreadable")

    def pending(self) -> bool:
        """Whether a set-back was noticed without a full comparison since."""
        at, heard = self.times()
        return at is not None and heard is None

    def times(self) -> tuple[datetime | None, datetime | None]:
        """When the log was last found set back, and when everything was compared again after that."""
        with self._store.read() as connection:
            row = connection.execute(select(dam_cursor).where(self._mine)).first()
        return (None, None) if row is None else (row.set_back_at, row.heard_at)

    def heard(self) -> None:
        """Everything was compared again."""
        with self._store.write() as tx:
            tx.execute(update(dam_cursor).where(self._mine).values(heard_at=tx.now))

    def _read(self, tx: Tx) -> CursorPosition:
        return self._find(tx.connection) or CursorPosition(0, frozenset())

    def _find(self, connection: Connection) -> CursorPosition | None:
        row = connection.execute(select(dam_cursor).where(self._mine)).first()
        if row is None:
            return None
        marks = tuple((int(number), str(mark)) for number, mark in row.marks or ())
        return CursorPosition(row.position, frozenset(row.seen), marks, tuple(row.floors or ()))

    def _keep(
        self,
        tx: Tx,
        at: int,
        seen: frozenset[int],
        marks: Sequence[tuple[int, str]],
        floors: Sequence[int],
        **more: datetime | None,
    ) -> None:
        near = sorted(ref for ref in seen if ref > at - 2 * OVERLAP)
        values: dict[str, object] = {"position": at, "seen": near, "moved_at": tx.now, **more}
        values |= {"marks": [list(mark) for mark in marks], "floors": list(floors)}
        if tx.execute(update(dam_cursor).where(self._mine).values(**values)).rowcount == 0:
            tx.execute(insert(dam_cursor).values(name=self._name, **values))


def _newest_marks(before: Iterable[tuple[int, str]], rows: Iterable[LogRow]) -> list[tuple[int, str]]:
    """The newest marks, one a number."""
    return sorted((dict(before) | dict(row.mark for row in rows)).items())[-_MARKS:]
