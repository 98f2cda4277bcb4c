"""The names of the people field: each is a node, and one person's spellings must never become two.

A node is stored raw, `~en:The Queen~sv:Drottningen` where it is translated. It is found by any of its
translations, in any case, with any white space; accents and commas belong to a name.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import select

from plugin.errors import DamError, WriteRefused
from plugin.hooks.dam import node_key
from plugin.hooks.resourcespace.answers import Refused, Row, rows_or_false, whole
from plugin.hooks.resourcespace.client import Client
from plugin.ledger import tables as t
from plugin.ledger.store import Store

_TRANSLATION = re.compile(r"~[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)?:([^~]*)")
SEPARATOR = "@@|@@"
_KEPT = 60.0  # seconds after which the list is read anew


@dataclass(frozen=True)
class Node:
    """One value of the field: its number, its name as stored, and as the account's language shows it."""

    ref: int
    name: str
    shown: str = ""


def spellings(name: str) -> tuple[str, ...]:
    """The name as stored, and each of its translations."""
    found = [part.strip() for part in _TRANSLATION.findall(name)] if name.startswith("~") else []
    return (name, *dict.fromkeys(part for part in found if part))


def fits(name: str, key: str) -> bool:
    """Whether the node `name` is the one that is known by the key."""
    return any(node_key(spelling) == key for spelling in spellings(name))


def called(name: str, store: Store) -> str:
    """How the ledger knows this node: by the translation that is a person's display name, else as stored."""
    several = spellings(name)[1:]
    if not several:
        return name
    keys = [node_key(spelling) for spelling in several]
    with store.read() as connection:
        known = set(connection.scalars(select(t.person.c.name_key).where(t.person.c.name_key.in_(keys))))
    return next((spelling for spelling, key in zip(several, keys, strict=True) if key in known), name)


def refuse(name: str) -> None:
    """Raises WriteRefused for a name that the field cannot hold as it is."""
    if SEPARATOR in name or not name.isprintable() or name.startswith(("~", '"')) or name != name.strip():
        raise WriteRefused("the DAM cannot hold this name as it is: choose another display name")


class Nodes:
    """The list of names as it was read last; read anew when something is not in it, or it is old."""

    def __init__(self, client: Client, field: int, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._field = field
        self._now = now
        self._lock = threading.Lock()
        self._nodes: dict[int, Node] = {}
        self._at: float | None = None

    def refresh(self) -> None:
        """Read the list. Raises DamError, Refused where the account may not see the field."""
        answer = self._client.ask("get_nodes", rows_or_false, ref=self._field)
        if answer is None:
            raise Refused(
                f"the account may not see field {self._field}, or there is no such field: give its group the "
                f"permission f{self._field}"
            )
        found = [_node(row) for row in answer]
        with self._lock:
            self._nodes = {node.ref: node for node in found}
            self._at = self._now()

    def keys(self) -> frozenset[str]:
        """The keys of every name, in each of its translations, read anew. Raises DamError."""
        self.refresh()
        with self._lock:
            names = [node.name for node in self._nodes.values()]
        return frozenset(node_key(spelling) for name in names for spelling in spellings(name))

    def named(self, refs: Iterable[int], shown: str | None = None) -> list[Node]:
        """The nodes of these numbers, read anew where one is not known or the server shows another name.

        `shown` is what the server showed of them just now, joined with ", ": a node that was
        renamed keeps its number.
        """
        wanted = list(refs)
        if not wanted:
            return []
        if self._old() or not self._know(wanted, shown):
            self.refresh()
        with self._lock:
            missing = [ref for ref in wanted if ref not in self._nodes]
            if missing:
                raise DamError("a name on this resource is not in the people field's list: it just changed")
            return [self._nodes[ref] for ref in wanted]

    def fitting(self, name: str, fresh: bool = False) -> list[Node]:
        """The nodes that are known by this name, the one that is spelled exactly so first."""
        if fresh or self._old():
            self.refresh()
        found = self._find(name)
        if not found and not fresh:
            self.refresh()
            found = self._find(name)
        return found

    def made(self, name: str) -> Node:
        """The node for this name, made where there is none of any spelling. Raises WriteRefused, DamError."""
        found = self.fitting(name)
        if found:
            return found[0]
        refuse(name)
        ref = self._client.ask("set_node", whole, ref="NULL", resource_type_field=self._field, name=name)
        node = Node(ref, name, name)
        with self._lock:
            self._nodes[ref] = node
        return node

    def _find(self, name: str) -> list[Node]:
        key = node_key(name)
        with self._lock:
            found = [node for node in self._nodes.values() if fits(node.name, key)]
        return sorted(found, key=lambda node: (node.name != name, node.name.startswith("~"), node.ref))

    def _old(self) -> bool:
        with self._lock:
            return self._at is None or self._now() - self._at > _KEPT

    def _know(self, refs: list[int], shown: str | None) -> bool:
        with self._lock:
            nodes = [self._nodes.get(ref) for ref in refs]
        if any(node is None for node in nodes):
            return False
        mine = ", ".join(node.shown for node in nodes if node is not None)
        return shown is None or sorted(mine.split(", ")) == sorted(shown.split(", "))


def _node(row: Row) -> Node:
    name = str(row.get("name") or "")
    return Node(whole(row.get("ref")), name, str(row.get("translated_name") or name))
