"""Which person a node is, by its number, which survives a rename in the DAM.

Learned where a node has a person's name, whoever set it. It holds until the node gets another person's name.
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from plugin.hooks.dam import node_key
from plugin.hooks.resourcespace.names.nodes import Node, is_known_by, list_translations
from plugin.ledger import tables as t
from plugin.ledger.store.store import Store


class NodeOwners:
    """The table dam_node, for one DAM."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    def labels(self, nodes: Iterable[tuple[int, str]]) -> dict[int, str]:
        """The ledger's name for each of these nodes (number and raw name): its person's."""
        raw = dict(nodes)
        if not raw:
            return {}
        with self._store.read() as conn:
            people = _find_people(conn, raw.values())
            known = self._find_known(conn, raw)
        labels, news = dict[int, str](), dict[int, str]()
        for number, name in raw.items():
            mine = next(((s, people[node_key(s)]) for s in list_translations(name) if node_key(s) in people), None)
            if mine is None:
                labels[number] = known[number][1] if number in known else name
                continue
            labels[number] = mine[0]
            if number not in known or known[number][0] != mine[1]:
                news[number] = mine[1]
        if news:
            self._learn(news)
        return labels

    def also(self, key: str, nodes: Mapping[int, Node]) -> list[Node]:
        """The nodes that belong to the person of this name key, though they have other names now."""
        query = (
            select(t.dam_node.c.number)
            .join(t.person, t.person.c.id == t.dam_node.c.person_id)
            .where(t.dam_node.c.name == self._name, t.person.c.name_key == key)
        )
        with self._store.read() as conn:
            mine = [nodes[n] for n in conn.scalars(query) if n in nodes and not is_known_by(nodes[n].name, key)]
            people = _find_people(conn, [node.name for node in mine])
        return [node for node in mine if not any(node_key(s) in people for s in list_translations(node.name))]

    def renamed(self, nodes: Mapping[int, Node]) -> list[tuple[str, str]]:
        """The name of each person with a renamed node, and its new name."""
        query = (
            select(t.person.c.display_name, t.person.c.name_key)
            .join(t.dam_node, t.person.c.id == t.dam_node.c.person_id)
            .where(t.dam_node.c.name == self._name)
            .order_by(t.person.c.name_key)
            .distinct()
        )
        with self._store.read() as conn:
            people = [(str(row.display_name), str(row.name_key)) for row in conn.execute(query)]
        return [(name, node.name) for name, key in people for node in self.also(key, nodes)]

    def _find_known(self, conn: Connection, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
        query = (
            select(t.dam_node.c.number, t.person.c.id, t.person.c.display_name)
            .join(t.person, t.person.c.id == t.dam_node.c.person_id)
            .where(t.dam_node.c.name == self._name, t.dam_node.c.number.in_(list(numbers)))
        )
        return {row.number: (row.id, row.display_name) for row in conn.execute(query)}

    def _learn(self, news: Mapping[int, str]) -> None:
        with self._store.write() as tx:
            there = set(tx.execute(select(t.person.c.id).where(t.person.c.id.in_(set(news.values())))).scalars())
            for number, person_id in news.items():
                mine = (t.dam_node.c.name == self._name) & (t.dam_node.c.number == number)
                tx.execute(delete(t.dam_node).where(mine))
                if person_id in there:  # not erased meanwhile
                    tx.execute(insert(t.dam_node).values(name=self._name, number=number, person_id=person_id))


def _find_people(conn: Connection, names: Iterable[str]) -> dict[str, str]:
    """The id of each person with one of these names, by name key."""
    keys: Sequence[str] = sorted({node_key(s) for name in names for s in list_translations(name)})
    query = select(t.person.c.name_key, t.person.c.id).where(t.person.c.name_key.in_(keys))
    return {row.name_key: row.id for row in conn.execute(query)}
