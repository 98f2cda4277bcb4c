"""Adds and removes names without our plugin: the API has no call to remove one name.

It reads the field, writes it as a whole and reads it again. A concurrent edit shows in the log row of our own write, as
names that we did not touch, and is repaired at once.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from plugin.errors import DamError
from plugin.hooks.resourcespace.api.answers import expect_bool, expect_int_or_false
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.names.cursor import LogRow
from plugin.hooks.resourcespace.names.log import ResourceLog
from plugin.hooks.resourcespace.names.name_authors import parse_diff
from plugin.hooks.resourcespace.names.nodes import SEPARATOR, Node, Nodes

_ROUNDS = 8  # attempts and repairs before the job is queued again
_FRESH = 5.0  # seconds for which the log's end after our write is reused
ReadNodes = Callable[[str], Sequence[Node]]


@dataclass
class Repairs:
    """How often a concurrent edit was repaired, for the doctor and tests."""

    writes: int = 0
    lost: int = 0
    revived: int = 0


@dataclass(frozen=True)
class _Wish:
    add: frozenset[Node] = frozenset()
    remove: frozenset[Node] = frozenset()

    def on(self, have: Iterable[Node]) -> frozenset[Node]:
        return (frozenset(have) | self.add) - self.remove


@dataclass
class NameWriter:
    """Writes the people field of one server. Serialises our threads; other processes show in the log."""

    client: Client
    nodes: Nodes
    log: ResourceLog
    number: int
    own: Callable[[], int | None]
    may_add: Callable[[], bool]
    read: ReadNodes
    start: Callable[[], int] = lambda: 0
    now: Callable[[], float] = time.monotonic
    repairs: Repairs = field(default_factory=Repairs)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _mark: int = 0
    _marked_at: float | None = None

    def write(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> frozenset[Node]:
        """Add the names `add` to the resource and remove `remove`, in any spelling.

        Returns the names afterwards, by the log row of our own write.
        """
        with self._lock:
            adds = frozenset(self._verify_node(name) for name in add)
            removes = frozenset(node for name in remove for node in self.nodes.fitting(name))
            meant = wish = _Wish(adds, removes)
            failures: list[DamError] = []
            for _ in range(_ROUNDS):
                wish, stands, failure = self._carry_out(ref, wish)
                if failure is not None:  # the original change on a fresh read, and the repairs
                    failures.append(failure)
                    wish = _Wish(meant.add | wish.add, meant.remove | wish.remove)
                elif wish == _Wish():
                    return stands
        raise (failures or [DamError("others write these names all the time: it is tried again later")])[-1]

    def _verify_node(self, name: str) -> Node:
        """The node for a name, if it still has that name: renamed nodes keep their number."""
        node = self.nodes.made(name)
        there = self.client.ask("get_node_id", expect_int_or_false, value=node.name, resource_type_field=self.number)
        if there != node.ref:
            self.nodes.refresh()
            node = self.nodes.made(name)
        return node

    def _carry_out(self, ref: str, wish: _Wish) -> tuple[_Wish, frozenset[Node], DamError | None]:
        """One round: what must be repaired after it, the names now, and why it may have failed."""
        if not wish.remove and self.may_add():
            return _Wish(), self._add(ref, wish), None
        mark = self._find_log_end()
        have = frozenset(self.read(ref))
        want = wish.on(have)
        if want == have:
            return _Wish(), have, None
        failure = None
        try:
            self._set(ref, want)
        except DamError as error:  # it may have succeeded
            failure = error
        return self._find_lost(ref, mark, have, want, failure is not None), want, failure

    def _add(self, ref: str, wish: _Wish) -> frozenset[Node]:
        have = frozenset(self.read(ref))
        if missing := wish.add - have:
            numbers = ",".join(str(node.ref) for node in sorted(missing, key=lambda node: node.ref))
            if not self.client.ask("add_resource_nodes", expect_bool, resource=ref, nodestring=numbers):
                raise DamError("the server did not add the name: check that the account may edit this resource")
            self.repairs.writes += 1
        return have | missing

    def _set(self, ref: str, want: frozenset[Node]) -> None:
        names = [node.name for node in sorted(want, key=lambda node: node.ref)]
        # Quotes keep a single name whole; the separator keeps several from being parsed.
        value = SEPARATOR.join(names) if len(names) != 1 else '"' + names[0].replace('"', '""') + '"'
        if not self.client.ask("update_field", expect_bool, again=False, resource=ref, field=self.number, value=value):
            raise DamError(
                "the server did not write the names: check that the account may edit this resource, and "
                "that the people field is not a required one"
            )
        self.repairs.writes += 1

    def _find_log_end(self) -> int:
        """The end of the log; cached for a moment after our last write."""
        at, self._marked_at = self._marked_at, None
        if at is None or self.now() - at > _FRESH:
            self._mark = self.log.head(self._mark or self.start())
        return self._mark

    def _find_lost(self, ref: str, mark: int, have: frozenset[Node], want: frozenset[Node], doubtful: bool) -> _Wish:
        """Which names our write changed that an editor had changed after we read, to be repaired.

        The row's difference is to what was stored: it removed a name that was not there when we read (an editor just
        added it), or added one that an editor just removed. Later edits are right already.
        """
        every = list(self.log.since(mark + 1))
        mine = [e for e in every if str(e.resource) == ref and (e.kind, e.field) == ("e", self.number)]
        self._mark = max([mark, *(entry.ref for entry in every)])
        self._marked_at = self.now()
        before, after = {node.name for node in have}, {node.name for node in want}
        at = self._find_own_row(mine, before, after, doubtful)
        if at is None:
            return _Wish()
        less, more = parse_diff(mine[at].diff)
        lost, revived = less - before, more & before & after
        for entry in mine[at + 1 :]:
            less, more = parse_diff(entry.diff)
            lost, revived = lost - more, revived - less
        self.repairs.lost += len(lost)
        self.repairs.revived += len(revived)
        return _Wish(self._list_known(lost), self._list_known(revived))

    def _find_own_row(self, rows: Sequence[LogRow], before: set[str], after: set[str], doubtful: bool) -> int | None:
        """The row of the write that left `after`; other rows of our account are from other processes.

        `doubtful`: the write may have failed; then a row counts only if it did part of what we meant.
        """
        own = self.own()
        for at in reversed(range(len(rows))):
            less, more = parse_diff(rows[at].diff)
            meant = less & (before - after) or more & (after - before)
            if rows[at].user == own and more <= after and less.isdisjoint(after) and (meant or not doubtful):
                return at
        return None

    def _list_known(self, names: set[str]) -> frozenset[Node]:
        return frozenset(node for name in names for node in self.nodes.fitting(name) if node.name == name)
