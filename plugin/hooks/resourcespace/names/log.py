"""The resource log: what happened, row after row. It tells nothing of collections and of renamed names."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from plugin.errors import DamError
from plugin.hooks.dam import Change, What
from plugin.hooks.resourcespace.api.answers import Refused, Row, Unexpected, rows, whole
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.names.acts import Act
from plugin.hooks.resourcespace.names.cursor import OVERLAP, Cursor, Entry, Standing

_PAGE = 1000
_PREVIEWS = "Create previews"
_BROKEN = "broken"  # what of a row cannot be read may be anything
_BEYOND = 1 << 40  # no row has such a number
_WHAT = {
    "c": What.NEW, "u": What.NEW, "f": What.REPLACED, "s": What.METADATA, "x": What.METADATA,
    _BROKEN: What.METADATA, "N": What.METADATA, "m": What.METADATA, "r": What.REPLACED, "xx": What.DELETED,
}  # fmt: skip
_WEIGHT = (What.METADATA, What.NEW, What.REPLACED, What.DELETED)


class Log:
    """Reads rows in the order of their numbers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.broken: set[int] = set()  # where rows begin on which the server itself breaks

    def since(self, ref: int) -> Iterator[Entry]:
        """Every row from number `ref` on. The call itself promises no order."""
        start, self.broken = max(1, ref), set()
        while True:
            before, read = len(self.broken), self._rows(start, _PAGE)
            found = _entries(read)
            yield from found
            if not found or (len(read) < _PAGE and len(self.broken) == before):
                return
            start = found[-1].ref + 1

    def head(self, known: int = 0) -> int:
        """The number of the newest row; 0 for an empty log. There is no call that tells it: sought from `known` on."""
        low, step = known if known and self._page(known, 1) else 0, 1
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

    def last_until(self, date: str, end: int) -> int:
        """The last row up to `end` that is no younger than `date`, in the DAM's own time; 0 where all are."""
        low, high = 0, end + 1
        while high - low > 1:
            middle = (low + high) // 2
            found = self._page(middle, 1)
            if found and found[0].ref <= end and found[0].date <= date:
                low = max(middle, found[0].ref)
            else:
                high = middle
        return low

    def acts(self, ref: str) -> list[Act]:
        """What was done to one resource, by name of the account, the oldest first."""
        found = [_act(row) for row in self._client.ask("get_resource_log", rows, resource=ref)]
        return sorted(found, key=lambda act: act.ref)

    def _page(self, start: int, count: int) -> list[Entry]:
        return _entries(self._rows(start, count))

    def _rows(self, start: int, count: int) -> list[Row]:
        """One page; where the server breaks on a row of it, those around that row, which is passed over."""
        try:
            return self._ask(start, count)
        except Refused:
            raise
        except DamError:
            self._ask(_BEYOND, 1)  # raises where it is not the row
        if count == 1:
            after = self._whole_after(start)
            self.broken.add(start)
            return self._ask(after, 1) if after else []
        some = self._rows(start, count // 2)
        if not some:
            return []
        more = self._rows(max(whole(row.get("ref")) for row in some) + 1, count - count // 2)
        return [*some, *more]

    def _whole_after(self, broken: int) -> int | None:
        """The first number behind a row that the server breaks on from which it answers again."""
        low, step = broken, 1
        while not self._answers(low + step):
            low += step
            step *= 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._answers(middle) else (middle, high)
        return high

    def _answers(self, start: int) -> bool:
        try:
            self._ask(start, 1)
        except DamError:
            self._ask(_BEYOND, 1)
            return False
        return True

    def _ask(self, start: int, count: int) -> list[Row]:
        return self._client.ask("resource_log_last_rows", rows, minref=start, maxrecords=count)


def _act(row: Row) -> Act:
    return Act(
        whole(row.get("ref")), str(row.get("type") or ""), whole(row.get("field") or 0),
        str(row.get("username") or ""), str(row.get("notes") or ""), str(row.get("diff") or ""),
    )  # fmt: skip


def _entries(read: Sequence[Row]) -> list[Entry]:
    found = [entry for row in read if (entry := _entry(row)) is not None]
    return sorted(found, key=lambda entry: entry.ref)


def _entry(row: Row) -> Entry | None:
    """None of a row without a number; one that is broken otherwise has the resource looked at, where it names one."""
    try:
        ref = whole(row.get("ref"))
    except Unexpected:
        return None
    told = [_number(row.get(name)) for name in ("resource", "field", "user")]
    texts = [row.get(name) or "" for name in ("type", "notes", "diff", "date")]
    broken = None in told or not all(isinstance(one, str) for one in texts)
    kind, notes, diff, date = (one if isinstance(one, str) else "" for one in texts)
    return Entry(
        ref, told[0] or 0, _BROKEN if broken else kind, told[1] or 0, told[2] or 0, notes, diff, date
    )


def _number(value: Any) -> int | None:
    try:
        return whole(value or 0)
    except Unexpected:
        return None


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
            before = list(self._log.since(head - OVERLAP))
            self._cursor.add(frozenset(entry.ref for entry in before), head, before)
            return []
        rows = list(self._log.since(at.position + 1 - OVERLAP))
        if at.was_set_back(rows):
            self._restart(at)
            return []
        self._know(at, rows)
        self._cursor.set_aside(self._log.broken, [row.ref for row in rows if row.kind == _BROKEN])
        return self._tell([entry for entry in rows if entry.ref not in at.seen])

    def _restart(self, at: Standing) -> None:
        """Go on from the new end. What came between is not told row by row: everything is looked at anew."""
        end = self._log.head()
        floor = self._log.last_until(at.latest, end) if at.latest else end
        self._cursor.restart(floor, list(self._log.since(end + 1 - OVERLAP)))

    def position(self) -> int:
        """The number of the newest row now, by which the log will be known again."""
        at = self._cursor.load()
        if at is None:
            return self._log.head()
        rows = list(self._log.since(at.position + 1 - OVERLAP))
        if at.was_set_back(rows):
            self._restart(at)
            return self.position()
        self._know(at, rows)
        return max((row.ref for row in rows), default=at.position)

    def floors(self) -> tuple[int, ...]:
        """Of each time that the log was set back, as far as it can be seen now, the last row that stayed."""
        if self._cursor.load() is None:
            return ()
        self.position()
        at = self._cursor.load()
        return at.floors if at else ()

    def _know(self, at: Standing, rows: Sequence[Entry]) -> None:
        newest = max((number for number, _ in at.marks), default=0)
        if any(row.ref > newest for row in rows):
            self._cursor.know(rows)

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
