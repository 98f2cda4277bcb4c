"""Searches a server's tables for a name, by our plugin; without it only what the API shows."""

import json
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from plugin.errors import DamError
from plugin.hooks.mention import CertificateLine, Mention, Mentions
from plugin.hooks.name_search import SoughtName
from plugin.hooks.resourcespace.api import listing
from plugin.hooks.resourcespace.api.answers import NoSuchFunction
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.names.nodes import Nodes
from plugin.hooks.resourcespace.plugin_answers import read_as
from plugin.hooks.resourcespace.profile import Profile
from plugin.hooks.resourcespace.without_plugin import PlainProfile

_TOLD_ONE_BY_ONE = frozenset({"node", "resource", "collection", "resource_alt_files", "comment", "annotation"})
_PEOPLE = "people"
_PAGE = 500
_PAGES = 20  # of one column: more rows than so many hold are counted


class TextRow(BaseModel):
    """A row whose text may contain the name."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str = ""
    text: str
    resource: int = 0
    field: str = ""
    refs: tuple[int, ...] = ()


class TextPage(BaseModel):
    """A page of a column's rows, `total` in all."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    total: int
    rows: tuple[TextRow, ...]


class Mentioning:
    """The search of the Dam protocol."""

    _client: Client
    _nodes: Nodes
    _with: Callable[[Callable[[Profile], Mentions]], Mentions]

    def mentions(self, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
        """Searches every table that holds text. Does not open original files."""
        return self._with(lambda profile: self._search_by(profile, sought, beat))

    def _search_by(self, profile: Profile, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
        """An old plugin without this function counts as no plugin."""
        found = _search_api(self._client, self._nodes, sought)
        if not isinstance(profile, PlainProfile):
            with suppress(NoSuchFunction):
                found = _search_tables(self._client, sought, beat)
        known = {one.ref for one in found.found if one.named}
        holders = dict.fromkeys(str(ref) for name in sought.spellings for ref in profile.holders(name))
        more = [Mention(f"resource {ref}", (_PEOPLE,), ref, True) for ref in holders if ref not in known]
        return replace(found, found=(*found.found, *more))


def build_patterns(sought: SoughtName) -> list[list[str]]:
    """The words of each spelling as a database may store them: composed or not, escaped for a URL or JSON."""
    found: dict[tuple[str, ...], None] = {}
    for spelling in sought.spellings:
        apart = (sign if sign.isalnum() or unicodedata.combining(sign) else " " for sign in spelling)
        words = "".join(apart).split()
        for write in (_compose, _decompose, quote, _escape_json, _misread_as_latin):
            found[tuple(write(word) for word in words)] = None
        found[("".join(map(_compose, words)),)] = None
    return [list(words) for words in found if words]


def _compose(word: str) -> str:
    return unicodedata.normalize("NFC", word)


def _decompose(word: str) -> str:
    return unicodedata.normalize("NFD", word)


def _escape_json(word: str) -> str:
    return json.dumps(word)[1:-1]


def _misread_as_latin(word: str) -> str:
    return word.encode().decode("cp1252", "ignore")


def _search_tables(client: Client, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
    tables = client.ask("facelease_tables", read_as(dict[str, tuple[str, ...]]))
    asked = json.dumps(build_patterns(sought))
    found: list[Mention] = []
    cut: list[CertificateLine] = []
    for table, column in ((table, column) for table, columns in tables.items() for column in columns):
        hits: list[TextRow] = []
        left = _search_column(client, table, column, asked, sought, hits)
        beat()
        if left:
            cut.append(CertificateLine("unread_rows", {"column": f"{table}.{column}", "count": left}))
        if any(len(row.refs) >= _PAGE for row in hits):
            cut.append(CertificateLine("unread_rows", {"column": "resource_node", "count": "?"}))
        if table in _TOLD_ONE_BY_ONE:
            found += [one for row in hits for one in _list_mentions(table, column, row, sought)]
        elif hits:
            found.append(Mention(f"{table}.{column}", (f"{len(hits)}",)))
    looked = CertificateLine("dam_tables", {"tables": len(tables), "found": len(found)})
    return Mentions(tuple(found), (looked,), (*cut, CertificateLine("unread_originals")))


def _search_column(client: Client, table: str, column: str, asked: str, sought: SoughtName, hits: list[TextRow]) -> int:
    """Append a column's rows that contain the name to `hits`; returns how many rows were not read."""
    start = 0
    for _ in range(_PAGES):
        page = client.ask(
            "facelease_mentions", read_as(TextPage), table=table, column=column, patterns=asked, offset=start
        )
        hits += [row for row in page.rows if sought.stands_in(row.text)]
        start += len(page.rows)
        if not page.rows or start >= page.total:
            return 0
    return page.total - start


def _list_mentions(table: str, column: str, row: TextRow, sought: SoughtName) -> Iterator[Mention]:
    """For a node one for each resource that has it; an unused one is in the field's list."""
    named = sought.is_name(row.text)
    field = f"{table}.{column}" if table != "node" else f"field {row.field}"
    refs = row.refs or ((row.resource,) if row.resource else ())
    for ref in refs:
        yield Mention(f"resource {ref}", (field,), str(ref), named)
    if not refs:
        yield Mention(f"{table} {row.id}", (field,), None, named)


def _search_api(client: Client, nodes: Nodes, sought: SoughtName) -> Mentions:
    """The people field's list, and the titles of collections."""
    listed = [
        Mention(f"node {node.ref}", (_PEOPLE,), None, True)
        for node in nodes.every().values()
        if sought.stands_in(node.name)
    ]
    try:
        shelves = listing.list_collections(client)
    except DamError:
        shelves = []
    titled = [Mention(f"collection {one.ref}", ("title",)) for one in shelves if sought.stands_in(one.title)]
    looked = CertificateLine("dam_api", {"collections": len(shelves), "found": len(listed) + len(titled)})
    return Mentions(
        (*listed, *titled), (looked,), (CertificateLine("unread_classic"), CertificateLine("unread_originals"))
    )
