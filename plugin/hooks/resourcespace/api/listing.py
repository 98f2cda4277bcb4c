"""Paginates the server's lists: resources of a search, and collections."""

import time
from collections.abc import Callable, Iterator, Sequence

from plugin.errors import DamError
from plugin.hooks.dam import Collection
from plugin.hooks.resourcespace.api.answers import (
    JsonObject,
    Refused,
    expect_int,
    expect_object,
    expect_objects,
    expect_page,
)
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.api.numbers import is_number

_PAGE = 500
_OVERLAP = 50  # rows read twice: what is deleted while we page moves the others up
_ROUNDS = 3
_BEYOND = 1 << 30  # no search finds so many
_DEEP = 64  # featured collections within one another
_KEPT = 60.0  # seconds


def search_resources(client: Client, words: str, states: Sequence[int]) -> Iterator[int]:
    """The numbers of the resources that a search finds in these workflow states, roughly ascending.

    Repeats where fewer came than the server counts. Raises DamError where they never match.
    """
    found: set[int] = set()
    asked = _Search(client, words, states)
    for _ in range(_ROUNDS):
        start = 0
        while True:
            total, data = asked.page(start, _PAGE)
            for ref in (expect_int(one.get("ref")) for one in data if is_number(str(one.get("ref")))):
                if ref not in found:
                    found.add(ref)
                    yield ref
            start += _PAGE - _OVERLAP
            if start + _OVERLAP >= total or not (data or asked.broken):
                break
        if len(found) + len(asked.broken) >= total:
            return
    raise DamError("the list of resources changes faster than it can be read: it is read again later")


class _Search:
    """One search, page by page. `broken`: offsets of rows on which the server fails; they are skipped."""

    def __init__(self, client: Client, words: str, states: Sequence[int]) -> None:
        self._client = client
        self._words = words
        self._states = ",".join(map(str, states))
        self.broken: set[int] = set()

    def page(self, start: int, count: int) -> tuple[int, list[JsonObject]]:
        """The total, and up to `count` rows from `start`. Raises DamError where a failure is not about one row."""
        try:
            total, data = self._ask(start, count)
        except Refused:
            raise
        except DamError:
            total, _ = self._ask(_BEYOND, 1)
            if count == 1:
                self.broken.add(start)
                return total, []
            half = count // 2
            return total, [*self.page(start, half)[1], *self.page(start + half, count - half)[1]]
        self.broken |= {start + n for n, one in enumerate(data) if not is_number(str(one.get("ref")))}
        return total, data

    def _ask(self, start: int, count: int) -> tuple[int, list[JsonObject]]:
        ordered = {"restypes": "", "order_by": "resourceid", "sort": "asc", "fetchrows": f"{start},{count}"}
        return self._client.ask("do_search", expect_page, True, search=self._words, archive=self._states, **ordered)


def list_collections(client: Client, also: Sequence[tuple[int, str, int | None]] = ()) -> list[Collection]:
    """The collections visible to the account, and `also` those that our plugin reports.

    The plugin counts those itself: the server says nothing about others' private collections.
    """
    found = {expect_int(one.get("ref")): _title(one) for one in client.ask("get_user_collections", expect_objects)}
    for one in client.ask("search_public_collections", expect_objects, search=""):
        found.setdefault(expect_int(one.get("ref")), _title(one))
    for one in _list_featured(client, 0, _DEEP):
        found.setdefault(expect_int(one.get("ref")), _title(one))
    found |= {ref: title for ref, title, _ in also}
    refs = sorted(found)
    counted = {ref: size for ref, _, size in also if size is not None}
    counts = _count_resources(client, [ref for ref in refs if ref not in counted]) | counted
    return [Collection(str(ref), found[ref], counts.get(ref, 0)) for ref in refs]


def _list_featured(client: Client, parent: int, deep: int) -> Iterator[JsonObject]:
    for one in client.ask("get_featured_collections", expect_objects, parent=parent):
        yield one
        if deep and expect_int(one.get("has_children") or 0):
            yield from _list_featured(client, expect_int(one.get("ref")), deep - 1)


class Categories:
    """Which featured collection is in which, as the account sees it; cached for a minute."""

    def __init__(self, client: Client, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._now = now
        self._read: tuple[float, dict[int, int]] | None = None

    def above(self, refs: Sequence[int]) -> list[int]:
        """These collections and their parent categories, at any depth."""
        parents, found, rest = self._parents(), dict[int, None](), list(refs)
        while rest:
            ref = rest.pop(0)
            if ref not in found:
                found[ref] = None
                rest += [parents[ref]] if parents.get(ref) else []
        return list(found)

    def below(self, ref: int) -> list[int]:
        """This collection and, for a category, its descendants."""
        parents, found = self._parents(), {ref: None}
        while more := [child for child, parent in parents.items() if parent in found and child not in found]:
            found |= dict.fromkeys(more)
        return list(found)

    def _parents(self) -> dict[int, int]:
        kept = self._read
        if kept is None or self._now() - kept[0] > _KEPT:
            found = {
                expect_int(one.get("ref")): expect_int(one.get("parent") or 0)
                for one in _list_featured(self._client, 0, _DEEP)
            }
            kept = self._read = (self._now(), found)
        return kept[1]


def _count_resources(client: Client, refs: Sequence[int]) -> dict[int, int]:
    if not refs:
        return {}
    counted = client.ask("get_collections_resource_count", expect_object, refs=",".join(map(str, refs)))
    return {int(ref): expect_int(count) for ref, count in counted.items()}


def _title(one: JsonObject) -> str:
    return str(one.get("name") or "")
