"""Lists of the server, page by page: resources of a search, and collections."""

from collections.abc import Iterator, Sequence

from plugin.errors import DamError
from plugin.hooks.dam import Collection
from plugin.hooks.resourcespace.answers import Row, page, row, rows, whole
from plugin.hooks.resourcespace.client import Client

_PAGE = 500
_OVERLAP = 50  # rows read twice: what is deleted while we page moves the others up
_ROUNDS = 3
_DEEP = 8  # featured collections within one another


def search(client: Client, words: str, states: Sequence[int]) -> Iterator[int]:
    """The numbers of the resources that a search finds in these workflow states, ascending at first.

    Goes round again where fewer came than the server counts. Raises DamError where they never do.
    """
    found: set[int] = set()
    for _ in range(_ROUNDS):
        start = 0
        while True:
            total, data = client.ask(
                "do_search", page, search=words, restypes="", order_by="resourceid", sort="asc",
                archive=",".join(map(str, states)), fetchrows=f"{start},{_PAGE}",
            )  # fmt: skip
            for ref in (whole(one.get("ref")) for one in data):
                if ref not in found:
                    found.add(ref)
                    yield ref
            start += _PAGE - _OVERLAP
            if not data or start + _OVERLAP >= total:
                break
        if len(found) >= total:
            return
    raise DamError("the list of resources changes faster than it can be read: it is read again later")


def collections(client: Client, also: Sequence[tuple[int, str, int | None]] = ()) -> list[Collection]:
    """The collections that the account sees, and `also` those that our plugin told of, by number.

    The plugin counts them itself: of a private one of somebody else the server tells us nothing.
    """
    found = {whole(one.get("ref")): _title(one) for one in client.ask("get_user_collections", rows)}
    for one in client.ask("search_public_collections", rows, search=""):
        found.setdefault(whole(one.get("ref")), _title(one))
    for one in _featured(client, 0, _DEEP):
        found.setdefault(whole(one.get("ref")), _title(one))
    found |= {ref: title for ref, title, _ in also}
    refs = sorted(found)
    counted = {ref: size for ref, _, size in also if size is not None}
    counts = _counts(client, [ref for ref in refs if ref not in counted]) | counted
    return [Collection(str(ref), found[ref], counts.get(ref, 0)) for ref in refs]


def _featured(client: Client, parent: int, deep: int) -> Iterator[Row]:
    for one in client.ask("get_featured_collections", rows, parent=parent):
        yield one
        if deep and whole(one.get("has_children") or 0):
            yield from _featured(client, whole(one.get("ref")), deep - 1)


def _counts(client: Client, refs: Sequence[int]) -> dict[int, int]:
    if not refs:
        return {}
    counted = client.ask("get_collections_resource_count", row, refs=",".join(map(str, refs)))
    return {int(ref): whole(count) for ref, count in counted.items()}


def _title(one: Row) -> str:
    return str(one.get("name") or "")
