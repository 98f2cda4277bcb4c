"""The names of the people field: each is a node, and spellings of one name must not become two nodes.

A node is stored raw, `~en:The Queen~sv:Drottningen` where it is translated. It is found by any translation, in any
case, with any white space; accents and commas matter.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from plugin.errors import DamError, WriteRefused
from plugin.hooks.dam import node_key
from plugin.hooks.resourcespace.api.answers import (
    JsonObject,
    Refused,
    UnexpectedAnswer,
    expect_int,
    expect_objects_or_false,
)
from plugin.hooks.resourcespace.api.client import Client

_TRANSLATION = re.compile(r"~[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)?:([^~]*)")
SEPARATOR = "@@|@@"
_KEPT = 60.0  # seconds after which the list is reloaded


@dataclass(frozen=True)
class Node:
    """One value of the field: its number, its stored name, and the name in the account's language.

    Nodes with the same number are equal, even if one was read before a rename.
    """

    ref: int
    name: str = field(compare=False)
    shown: str = field(default="", compare=False)


def list_translations(name: str) -> tuple[str, ...]:
    """The name as stored, and each of its translations."""
    found = [part.strip() for part in _TRANSLATION.findall(name)] if name.startswith("~") else []
    return (name, *dict.fromkeys(part for part in found if part))


def is_known_by(name: str, key: str) -> bool:
    """Whether the node `name` has this key."""
    return any(node_key(spelling) == key for spelling in list_translations(name))


def find_refusal(name: str) -> str | None:
    """Why the field cannot hold the name unchanged; None where it can."""
    mend = ": choose another display name"
    if name.startswith("~"):
        return f"the DAM takes a name that begins with ~ for a translation{mend}"
    if name.startswith('"'):
        return f"the DAM takes a quotation mark at the beginning for the end of another name{mend}"
    if SEPARATOR in name:
        return f"the DAM separates names by {SEPARATOR}{mend}"
    if not name.isprintable() or name != name.strip():
        return f"the DAM cannot hold this name as it is{mend}"
    return None


def refuse_name(name: str) -> None:
    """Raises WriteRefused for a name that the field cannot hold unchanged."""
    if why := find_refusal(name):
        raise WriteRefused(why)


RenamedLookup = Callable[[str, Mapping[int, Node]], list[Node]]
"""By a name's key, and all nodes by number, those that are known by it though they are called otherwise now."""


def _find_none(key: str, nodes: Mapping[int, Node]) -> list[Node]:
    return []


class Nodes:
    """A cache of the field's names; reloaded when one is missing, or after a minute."""

    def __init__(
        self, client: Client, field: int, now: Callable[[], float] = time.monotonic, also: RenamedLookup = _find_none
    ) -> None:
        self._client = client
        self._field = field
        self._now = now
        self._also = also
        self._lock = threading.Lock()
        self._nodes: dict[int, Node] = {}
        self._at: float | None = None

    def refresh(self) -> None:
        """Load the list. Raises DamError, Refused where the account may not see the field."""
        answer = self._client.ask("get_nodes", expect_objects_or_false, ref=self._field)
        if answer is None:
            raise Refused(
                f"the account may not see field {self._field}, or there is no such field: give its group the "
                f"permission f{self._field}"
            )
        found = [node for row in answer if (node := _parse_node(row)) is not None]
        with self._lock:
            self._nodes = {node.ref: node for node in found}
            self._at = self._now()

    def keys(self) -> frozenset[str]:
        """The keys of all names and translations, reloaded. Raises DamError."""
        self.refresh()
        with self._lock:
            names = [node.name for node in self._nodes.values()]
        return frozenset(node_key(spelling) for name in names for spelling in list_translations(name))

    def every(self) -> dict[int, Node]:
        """All nodes, reloaded."""
        self.refresh()
        with self._lock:
            return dict(self._nodes)

    def named(self, refs: Iterable[int], shown: str | None = None) -> list[Node]:
        """The nodes with these numbers, reloaded where one is unknown or has another name on the server.

        `shown`: their names on the server now, joined with ", ": a renamed node keeps its number.
        """
        wanted = list(refs)
        if not wanted:
            return []
        if self._is_old() or not self._knows(wanted, shown):
            self.refresh()
        with self._lock:
            missing = [ref for ref in wanted if ref not in self._nodes]
            if missing:
                raise DamError("a name on this resource is not in the people field's list: it just changed")
            return [self._nodes[ref] for ref in wanted]

    def fitting(self, name: str, fresh: bool = False) -> list[Node]:
        """The nodes with this name: the exact spelling first, renamed ones last."""
        if fresh or self._is_old():
            self.refresh()
        found = self._find(name)
        if not found and not fresh:
            self.refresh()
            found = self._find(name)
        return found

    def made(self, name: str) -> Node:
        """The node for this name, created if there is none in any spelling. Raises WriteRefused, DamError."""
        found = self.fitting(name)
        if found:
            return found[0]
        refuse_name(name)
        ref = self._client.ask("set_node", expect_int, ref="NULL", resource_type_field=self._field, name=name)
        node = Node(ref, name, name)
        with self._lock:
            self._nodes[ref] = node
        return node

    def _find(self, name: str) -> list[Node]:
        key = node_key(name)
        with self._lock:
            nodes = dict(self._nodes)
        found = [node for node in nodes.values() if is_known_by(node.name, key)]
        found.sort(key=lambda node: (node.name != name, node.name.startswith("~"), node.ref))
        return found + self._also(key, nodes)

    def _is_old(self) -> bool:
        with self._lock:
            return self._at is None or self._now() - self._at > _KEPT

    def _knows(self, refs: list[int], shown: str | None) -> bool:
        with self._lock:
            nodes = [self._nodes.get(ref) for ref in refs]
        if any(node is None for node in nodes):
            return False
        mine = ", ".join(node.shown for node in nodes if node is not None)
        return shown is None or sorted(mine.split(", ")) == sorted(shown.split(", "))


def _parse_node(row: JsonObject) -> Node | None:
    """None for a broken row: its people cannot be read until it is mended."""
    name, shown = row.get("name"), row.get("translated_name")
    try:
        ref = expect_int(row.get("ref"))
    except UnexpectedAnswer:
        return None
    if not isinstance(name, str):
        return None
    return Node(ref, name, shown if isinstance(shown, str) and shown else name)
