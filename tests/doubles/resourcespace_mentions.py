"""The double's tables as our plugin searches them: LIKE without case and accents, page by page."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from tests.doubles.resourcespace_state import Library

COLUMNS = {
    "collection": ("name",),
    "consent": ("name", "notes"),
    "node": ("name",),
    "resource_alt_files": ("name",),
    "resource_log": ("notes", "diff"),
    "user": ("username",),
}
MOST = 100
_PAGE = 500


def found(library: Library, table: str, column: str, patterns: list[list[str]], offset: int) -> dict[str, Any]:
    """A page, as the plugin tells it. A column that is not there has nothing."""
    if column not in COLUMNS.get(table, ()):
        return {"total": 0, "rows": []}
    wanted = [re.compile(".*".join(re.escape(_bare(word)) for word in words), re.DOTALL) for words in patterns]
    rows = [row for row in _rows(library, table, column) if any(one.search(_bare(row["text"])) for one in wanted)]
    return {"total": len(rows), "rows": rows[offset : offset + _PAGE]}


def _bare(text: str) -> str:
    """As utf8mb4_general_ci compares: composed letters without accents; a mark of its own stays a sign."""
    return "".join(unicodedata.normalize("NFD", sign)[0] for sign in text).casefold()


def _rows(library: Library, table: str, column: str) -> Iterator[dict[str, Any]]:
    if table == "node":
        yield from _nodes(library)
    elif table == "collection":
        yield from (_row(shelf.ref, shelf.name) for shelf in library.shelves.values())
    elif table == "resource_alt_files":
        photos = library.photos.values()
        yield from (_row(name, name, photo.ref) for photo in photos for name in photo.alternatives)
    elif table == "resource_log":
        yield from (_row(one["ref"], str(one[column] or ""), one["resource"]) for one in library.log)
    elif table == "consent":
        yield from (_row(number, str(one.get(column) or "")) for number, one in library.consents.items())
    else:
        yield from (_row(user.ref, user.name) for user in library.users.values())


def _nodes(library: Library) -> Iterator[dict[str, Any]]:
    """The server keeps texts of fields as nodes too."""
    for node in library.nodes.values():
        held = [photo.ref for photo in library.photos.values() if node.ref in photo.nodes]
        yield _row(node.ref, node.name, 0, _field(library, node.field), held)
    for photo in library.photos.values():
        for field, text in photo.texts.items():
            yield _row(f"{photo.ref}-{field}", text, 0, _field(library, field), [photo.ref])


def _row(
    number: object, text: str, resource: int = 0, field: str = "", refs: list[int] | None = None
) -> dict[str, Any]:
    return {"id": str(number), "text": text, "resource": resource, "field": field, "refs": refs or []}


def _field(library: Library, number: int) -> str:
    return str(library.fields.get(number, {}).get("name", number))
