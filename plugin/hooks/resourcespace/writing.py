"""Names put on and taken off without our plugin: the API has no call that takes one name off.

The field is read, written whole and read again. What an editor did in between shows in the log row of
our own write, as names that we never meant to touch, and is put right at once.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from plugin.errors import DamError
from plugin.hooks.resourcespace.answers import truth, whole_or_false
from plugin.hooks.resourcespace.client import Client
from plugin.hooks.resourcespace.log import Entry, Log
from plugin.hooks.resourcespace.nodes import SEPARATOR, Node, Nodes

_ROUNDS = 8  # tries, and repairs of repairs, before the job is put back
Read = Callable[[str], Sequence[Node]]


@dataclass
class Repairs:
    """How often an editor's work was put right after a write of ours, for the doctor and for tests."""

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
class Writer:
    """Writes the people field of one server. Our own threads take turns; other processes show in the log."""

    client: Client
    nodes: Nodes
    log: Log
    number: int
    own: Callable[[], int | None]
    may_add: Callable[[], bool]
    read: Read
    start: Callable[[], int] = lambda: 0
    repairs: Repairs = field(default_factory=Repairs)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _mark: int = 0

    def write(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Put the names `add` on the resource and take `remove` off, in whatever spelling they stand there."""
        with self._lock:
            adds = frozenset(self._verified(name) for name in add)
            removes = frozenset(node for name in remove for node in self.nodes.fitting(name))
            meant = wish = _Wish(adds, removes)
            failures: list[DamError] = []
            for _ in range(_ROUNDS):
                wish, failure = self._carry_out(ref, wish)
                if failure is not None:  # what was meant, on what is read anew, and what went astray
                    failures.append(failure)
                    wish = _Wish(meant.add | wish.add, meant.remove | wish.remove)
                elif wish == _Wish():
                    return
        raise (failures or [DamError("others write these names all the time: it is tried again later")])[-1]

    def _verified(self, name: str) -> Node:
        """The node for a name, which still is called so: numbers stay when nodes are renamed."""
        node = self.nodes.made(name)
        there = self.client.ask(
            "get_node_id", whole_or_false, value=node.name, resource_type_field=self.number
        )
        if there != node.ref:
            self.nodes.refresh()
            node = self.nodes.made(name)
        return node

    def _carry_out(self, ref: str, wish: _Wish) -> tuple[_Wish, DamError | None]:
        """One round; returns what has to be put right after it, and why it may not have been done."""
        if not wish.remove and self.may_add():
            self._add(ref, wish)
            return _Wish(), None
        mark = self._head()
        have = frozenset(self.read(ref))
        want = wish.on(have)
        if want == have:
            return _Wish(), None
        try:
            self._set(ref, want)
        except DamError as failure:  # it may have been done all the same
            return self._stray(ref, mark, have, want), failure
        return self._stray(ref, mark, have, want), None

    def _add(self, ref: str, wish: _Wish) -> None:
        missing = wish.add - frozenset(self.read(ref))
        if missing:
            numbers = ",".join(str(node.ref) for node in sorted(missing, key=lambda node: node.ref))
            if not self.client.ask("add_resource_nodes", truth, resource=ref, nodestring=numbers):
                raise DamError(
                    "the server did not add the name: check that the account may edit this resource"
                )
            self.repairs.writes += 1

    def _set(self, ref: str, want: frozenset[Node]) -> None:
        names = [node.name for node in sorted(want, key=lambda node: node.ref)]
        # One name in double quotes is one name; several are joined so that nothing in them is parsed.
        value = SEPARATOR.join(names) if len(names) != 1 else '"' + names[0].replace('"', '""') + '"'
        if not self.client.ask(
            "update_field", truth, again=False, resource=ref, field=self.number, value=value
        ):
            raise DamError(
                "the server did not write the names: check that the account may edit this resource, and "
                "that the people field is not a required one"
            )
        self.repairs.writes += 1

    def _head(self) -> int:
        self._mark = self.log.head(self._mark or self.start())
        return self._mark

    def _stray(self, ref: str, mark: int, have: frozenset[Node], want: frozenset[Node]) -> _Wish:
        """What writes of ours did to names that an editor changed after we had read, to be put right.

        Ours took off a name that was not there when we read: an editor's, just added. Or it put a
        name back that was there when we read: an editor had just taken it off.
        """
        before, kept = {node.name for node in have}, {node.name for node in have & want}
        lost, revived, own = set[str](), set[str](), self.own()
        for entry in self.log.since(mark + 1):
            if str(entry.resource) != ref or (entry.kind, entry.field) != ("e", self.number):
                continue
            less, more = changed(entry)
            lost, revived = lost - more, revived - less  # whoever did that: it is right already
            if entry.user == own:
                lost, revived = lost | (less - before), revived | (more & kept)
        self.repairs.lost += len(lost)
        self.repairs.revived += len(revived)
        return _Wish(self._known(lost), self._known(revived))

    def _known(self, names: set[str]) -> frozenset[Node]:
        return frozenset(node for name in names for node in self.nodes.fitting(name) if node.name == name)


def changed(entry: Entry) -> tuple[set[str], set[str]]:
    """The names that a row took off, and those that it put on."""
    less, more = set(), set()
    for line in entry.diff.splitlines():
        name = line[2:].removeprefix(",").strip()
        if line.startswith("- "):
            less.add(name)
        elif line.startswith("+ "):
            more.add(name)
    return less - {""}, more - {""}
