"""Reads the resource log row by row. It says nothing about collections and renamed names."""

import threading
from collections.abc import Callable, Iterator, Sequence

from plugin.errors import DamError
from plugin.hooks.dam import Change, ChangeKind
from plugin.hooks.resourcespace.api.answers import JsonObject, Refused, UnexpectedAnswer, expect_int, expect_objects
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.names.cursor import OVERLAP, Cursor, CursorPosition, LogRow
from plugin.hooks.resourcespace.names.name_authors import LogAct

_PAGE = 1000
_PREVIEWS = "Create previews"
_BROKEN = "broken"  # what of a row cannot be read may be anything
_BEYOND = 1 << 40  # no row has such a number
_KINDS = dict.fromkeys(("s", "x", "N", "m", _BROKEN), ChangeKind.METADATA)
_KINDS |= {"c": ChangeKind.NEW, "u": ChangeKind.NEW, "xx": ChangeKind.DELETED}
_KINDS |= {"f": ChangeKind.REPLACED, "r": ChangeKind.REPLACED}
_WEIGHT = (ChangeKind.METADATA, ChangeKind.NEW, ChangeKind.REPLACED, ChangeKind.DELETED)


class ResourceLog:
    """Reads rows in the order of their numbers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.broken: set[int] = set()  # where rows begin on which the server itself breaks

    def since(self, ref: int) -> Iterator[LogRow]:
        """Every row from number `ref` on. The call itself guarantees no order."""
        start, self.broken = max(1, ref), set()
        while True:
            before, read = len(self.broken), self._read_rows(start, _PAGE)
            found = _parse_rows(read)
            yield from found
            if not found or (len(read) < _PAGE and len(self.broken) == before):
                return
            start = found[-1].ref + 1

    def head(self, known: int = 0) -> int:
        """The number of the newest row; 0 for an empty log. No call returns it: a binary search from `known`."""
        low, step = known if known and self._read_page(known, 1) else 0, 1
        while self._read_page(low + step, 1):
            low += step
            step *= 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            if self._read_page(middle, 1):
                low = middle
            else:
                high = middle
        return low

    def last_until(self, date: str, end: int) -> int:
        """The last row up to `end` that is not newer than `date`, in the DAM's time; 0 for none."""
        low, high = 0, end + 1
        while high - low > 1:
            middle = (low + high) // 2
            found = self._read_page(middle, 1)
            if found and found[0].ref <= end and found[0].date <= date:
                low = max(middle, found[0].ref)
            else:
                high = middle
        return low

    def acts(self, ref: str) -> list[LogAct]:
        """What was done to one resource, with account names, oldest first."""
        found = [_parse_act(row) for row in self._client.ask("get_resource_log", expect_objects, resource=ref)]
        return sorted(found, key=lambda act: act.ref)

    def _read_page(self, start: int, count: int) -> list[LogRow]:
        return _parse_rows(self._read_rows(start, count))

    def _read_rows(self, start: int, count: int) -> list[JsonObject]:
        """One page; where the server fails on a row, the rows around it."""
        try:
            return self._ask(start, count)
        except Refused:
            raise
        except DamError:
            self._ask(_BEYOND, 1)  # raises where it is not the row
        if count == 1:
            after = self._find_whole_after(start)
            self.broken.add(start)
            return self._ask(after, 1) if after else []
        some = self._read_rows(start, count // 2)
        if not some:
            return []
        more = self._read_rows(max(expect_int(row.get("ref")) for row in some) + 1, count - count // 2)
        return [*some, *more]

    def _find_whole_after(self, broken: int) -> int | None:
        """The first number after a broken row from which the server answers again."""
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

    def _ask(self, start: int, count: int) -> list[JsonObject]:
        return self._client.ask("resource_log_last_rows", expect_objects, minref=start, maxrecords=count)


def _parse_act(row: JsonObject) -> LogAct:
    kind, user, notes, diff = (str(row.get(name) or "") for name in ("type", "username", "notes", "diff"))
    return LogAct(expect_int(row.get("ref")), kind, expect_int(row.get("field") or 0), user, notes, diff)


def _parse_rows(read: Sequence[JsonObject]) -> list[LogRow]:
    found = [entry for row in read if (entry := _parse_row(row)) is not None]
    return sorted(found, key=lambda entry: entry.ref)


def _parse_row(row: JsonObject) -> LogRow | None:
    """None for a row without a number; a row broken otherwise has its resource looked at, if it names one."""
    try:
        ref = expect_int(row.get("ref"))
    except UnexpectedAnswer:
        return None
    told = [_parse_number(row.get(name)) for name in ("resource", "field", "user")]
    texts = [row.get(name) or "" for name in ("type", "notes", "diff", "date")]
    broken = None in told or not all(isinstance(one, str) for one in texts)
    kind, notes, diff, date = (one if isinstance(one, str) else "" for one in texts)
    return LogRow(ref, told[0] or 0, _BROKEN if broken else kind, told[1] or 0, told[2] or 0, notes, diff, date)


def _parse_number(value: object) -> int | None:
    try:
        return expect_int(value or 0)
    except UnexpectedAnswer:
        return None


class ChangeFeed:
    """The log as changes. Drops rows of our own writes by account, since every process writes."""

    def __init__(
        self, log: ResourceLog, cursor: Cursor, own: Callable[[], int | None], field: Callable[[], int]
    ) -> None:
        self._log = log
        self._cursor = cursor
        self._own = own
        self._field = field
        self._lock = threading.Lock()
        self._reported: dict[Change, frozenset[int]] = {}
        self._dropped: frozenset[int] = frozenset()

    def changes(self) -> Sequence[Change]:
        """What happened since the last acknowledgement; nothing on the first call: a scan covers that."""
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
        self._remember(at, rows)
        self._cursor.set_aside(self._log.broken, [row.ref for row in rows if row.kind == _BROKEN])
        return self._collect_changes([entry for entry in rows if entry.ref not in at.seen])

    def _restart(self, at: CursorPosition) -> None:
        """Continue from the new end. Everything is compared again instead of row by row."""
        end = self._log.head()
        floor = self._log.last_until(at.latest, end) if at.latest else end
        self._cursor.restart(floor, list(self._log.since(end + 1 - OVERLAP)))

    def position(self) -> int:
        """The number of the newest row; remembers the rows that identify the log."""
        at = self._cursor.load()
        if at is None:
            return self._log.head()
        rows = list(self._log.since(at.position + 1 - OVERLAP))
        if at.was_set_back(rows):
            self._restart(at)
            return self.position()
        self._remember(at, rows)
        return max((row.ref for row in rows), default=at.position)

    def floors(self) -> tuple[int, ...]:
        """For each known set-back of the log, the last row that stayed."""
        if self._cursor.load() is None:
            return ()
        self.position()
        at = self._cursor.load()
        return at.floors if at else ()

    def _remember(self, at: CursorPosition, rows: Sequence[LogRow]) -> None:
        newest = max((number for number, _ in at.marks), default=0)
        if any(row.ref > newest for row in rows):
            self._cursor.know(rows)

    def _collect_changes(self, fresh: Sequence[LogRow]) -> Sequence[Change]:
        own, field = (self._own(), self._field()) if fresh else (None, 0)
        by_resource: dict[int, ChangeKind] = {}
        refs: dict[int, set[int]] = {}
        dropped = set()
        for entry in fresh:
            what = _find_kind(entry, own, field)
            if what is None or entry.resource <= 0:
                dropped.add(entry.ref)
                continue
            refs.setdefault(entry.resource, set()).add(entry.ref)
            before = by_resource.get(entry.resource, what)
            by_resource[entry.resource] = max(before, what, key=_WEIGHT.index)
        if dropped and not by_resource:
            self._cursor.add(frozenset(dropped))
        told = {Change(str(resource), what): frozenset(refs[resource]) for resource, what in by_resource.items()}
        with self._lock:
            self._reported = told
            self._dropped = frozenset(dropped)
        return list(told)

    def acknowledge(self, changes: Sequence[Change]) -> None:
        """Remember the rows behind these changes, and the irrelevant ones once all are acknowledged."""
        with self._lock:
            done = [self._reported.pop(change) for change in changes if change in self._reported]
            rest = self._dropped if done and not self._reported else frozenset()
        if done:
            low = min((min(refs) for refs in self._reported.values()), default=None)
            self._cursor.add(frozenset().union(rest, *done) if low is None else _filter_below(done, low))


def _filter_below(done: Sequence[frozenset[int]], low: int) -> frozenset[int]:
    """Acknowledged rows before the first that is not: the position must not pass that one."""
    return frozenset(ref for refs in done for ref in refs if ref < low)


def _find_kind(entry: LogRow, own: int | None, field: int) -> ChangeKind | None:
    """The change that a row means; None for none."""
    if entry.kind == "e":
        return ChangeKind.METADATA if entry.field == field and entry.user != own else None
    if entry.kind == "t":
        return ChangeKind.METADATA if entry.notes.startswith(_PREVIEWS) else None
    return _KINDS.get(entry.kind)
