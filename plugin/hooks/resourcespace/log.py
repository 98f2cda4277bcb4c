"""The resource log: what happened, row after row. It tells nothing of collections and of renamed names."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from plugin.hooks.dam import Change, What
from plugin.hooks.resourcespace.answers import Row, rows, whole
from plugin.hooks.resourcespace.client import Client
from plugin.ledger.store import Store
from plugin.ledger.tables import dam_cursor

_PAGE = 1000
_OVERLAP = 100  # rows read again: one that was written in a longer transaction shows up late
_PREVIEWS = "Create previews"
_WHAT = {
    "c": What.NEW, "u": What.NEW, "f": What.REPLACED, "s": What.METADATA, "x": What.METADATA,
    "N": What.METADATA, "m": What.METADATA, "r": What.REPLACED, "xx": What.DELETED,
}  # fmt: skip
_WEIGHT = (What.METADATA, What.NEW, What.REPLACED, What.DELETED)


@dataclass(frozen=True)
class Entry:
    """One row: its number, the resource, the type of event, the field, the account, the difference."""

    ref: int
    resource: int
    kind: str
    field: int
    user: int
    notes: str
    diff: str


class Log:
    """Reads rows in the order of their numbers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def since(self, ref: int) -> Iterator[Entry]:
        """Every row from number `ref` on. The call itself promises no order."""
        start = max(1, ref)
        while True:
            found = self._page(start, _PAGE)
            yield from found
            if len(found) < _PAGE:
                return
            start = found[-1].ref + 1

    def head(self, known: int = 0) -> int:
        """The number of the newest row, not below `known`; 0 for an empty log. There is no call that tells it."""
        low, step = known, 1
        while self._page(low + step, 1):
            low += step
            step *= 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            if self._page(middle, 1):
                low = middle
            else:
                high = middle
        return low

    def _page(self, start: int, count: int) -> list[Entry]:
        found = self._client.ask("resource_log_last_rows", rows, minref=start, maxrecords=count)
        return sorted((_entry(row) for row in found), key=lambda entry: entry.ref)


def _entry(row: Row) -> Entry:
    return Entry(
        whole(row.get("ref")), whole(row.get("resource") or 0), str(row.get("type") or ""),
        whole(row.get("field") or 0), whole(row.get("user") or 0),
        str(row.get("notes") or ""), str(row.get("diff") or ""),
    )  # fmt: skip


class Cursor:
    """How far the log of this DAM was acknowledged: the table dam_cursor."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    def load(self) -> tuple[int, frozenset[int]] | None:
        """The position, and the acknowledged rows close to it; None before the first poll."""
        with self._store.read() as connection:
            row = connection.execute(select(dam_cursor).where(dam_cursor.c.name == self._name)).first()
        return None if row is None else (row.position, frozenset(row.seen))

    def add(self, seen: frozenset[int], position: int = 0) -> None:
        """These rows need not be told again. Two processes that poll add up."""
        with self._store.write() as tx:
            mine = dam_cursor.c.name == self._name
            row = tx.execute(select(dam_cursor).where(mine)).first()
            every = seen | frozenset(row.seen if row else ())
            at = max(every | {position, row.position if row else 0})
            tx.execute(delete(dam_cursor).where(mine))
            kept = sorted(ref for ref in every if ref > at - 2 * _OVERLAP)
            tx.execute(insert(dam_cursor).values(name=self._name, position=at, seen=kept, moved_at=tx.now))


class Feed:
    """The log as changes. Rows of our own writes are dropped: by account, since every process writes."""

    def __init__(
        self, log: Log, cursor: Cursor, own: Callable[[], int | None], field: Callable[[], int]
    ) -> None:
        self._log = log
        self._cursor = cursor
        self._own = own
        self._field = field
        self._lock = threading.Lock()
        self._told: dict[Change, frozenset[int]] = {}
        self._dropped: frozenset[int] = frozenset()

    def changes(self) -> Sequence[Change]:
        """What happened since it was last acknowledged; at the first call, nothing: that is a scan's."""
        at = self._cursor.load()
        if at is None:
            head = self._log.head()
            before = frozenset(entry.ref for entry in self._log.since(head - _OVERLAP))
            self._cursor.add(before, head)
            return []
        position, seen = at
        fresh = [entry for entry in self._log.since(position + 1 - _OVERLAP) if entry.ref not in seen]
        return self._tell(fresh)

    def _tell(self, fresh: Sequence[Entry]) -> Sequence[Change]:
        own, field = (self._own(), self._field()) if fresh else (None, 0)
        by_resource: dict[int, What] = {}
        refs: dict[int, set[int]] = {}
        dropped = set()
        for entry in fresh:
            what = _what(entry, own, field)
            if what is None or entry.resource <= 0:
                dropped.add(entry.ref)
                continue
            refs.setdefault(entry.resource, set()).add(entry.ref)
            before = by_resource.get(entry.resource, what)
            by_resource[entry.resource] = max(before, what, key=_WEIGHT.index)
        if dropped and not by_resource:
            self._cursor.add(frozenset(dropped))
        told = {
            Change(str(resource), what): frozenset(refs[resource]) for resource, what in by_resource.items()
        }
        with self._lock:
            self._told = told
            self._dropped = frozenset(dropped)
        return list(told)

    def acknowledge(self, changes: Sequence[Change]) -> None:
        """Remember the rows behind these changes, and those that said nothing to us once all are told."""
        with self._lock:
            done = [self._told.pop(change) for change in changes if change in self._told]
            rest = self._dropped if done and not self._told else frozenset()
        if done:
            low = min((min(refs) for refs in self._told.values()), default=None)
            self._cursor.add(frozenset().union(rest, *done) if low is None else _below(done, low))


def _below(done: Sequence[frozenset[int]], low: int) -> frozenset[int]:
    """Of acknowledged rows those before the first that is not: the position must not pass that one."""
    return frozenset(ref for refs in done for ref in refs if ref < low)


def _what(entry: Entry, own: int | None, field: int) -> What | None:
    """What a row says to us; None for nothing."""
    if entry.kind == "e":
        return What.METADATA if entry.field == field and entry.user != own else None
    if entry.kind == "t":
        return What.METADATA if entry.notes.startswith(_PREVIEWS) else None
    return _WHAT.get(entry.kind)
