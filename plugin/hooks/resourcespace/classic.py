"""The profile without our plugin: only what the server offers everybody, and what it cannot tell is said."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

from plugin.errors import DamError, ResourceGone
from plugin.hooks.dam import Resource
from plugin.hooks.resourcespace import listing
from plugin.hooks.resourcespace.answers import Row, numbers, row_or_false, rows, truth, whole
from plugin.hooks.resourcespace.client import Client
from plugin.hooks.resourcespace.fields import short_name
from plugin.hooks.resourcespace.log import Log
from plugin.hooks.resourcespace.nodes import Node, Nodes
from plugin.hooks.resourcespace.previews import NOT_YET, chosen
from plugin.hooks.resourcespace.profile import BIN, NO_FILE, Source, kind, named
from plugin.hooks.resourcespace.writing import Writer
from plugin.ledger.store import Store

_LONG_PAST = "1970-01-01"
_INVALID = 99  # the access level of a resource that does not exist


class Classic:
    """Asks the functions that every server has."""

    limits: tuple[str, ...] = (
        "without the plugin the collections of other accounts cannot be seen: no face is compared, only found",
        "without the plugin a change of collections or of a name's spelling is noticed once a day",
    )

    def __init__(
        self, client: Client, store: Store, nodes: Nodes, log: Log, field: int, states: Sequence[int], side: int,
        own: Callable[[], int | None], may: Callable[[str], bool], start: Callable[[], int],
    ) -> None:  # fmt: skip
        self._client = client
        self._store = store
        self._nodes = nodes
        self._field = field
        self._states = states
        self._side = side
        self.writer = Writer(client, nodes, log, field, own, lambda: may("a"), self.people, start)

    def look(self, ref: str) -> Resource:
        """Names first: were the resource deleted between the calls, they must not look taken off."""
        people = self.people(ref)
        data = self._data(ref)
        within = self._client.ask("get_resource_collections", rows, ref=ref)
        refs = tuple(dict.fromkeys(str(whole(one.get("ref"))) for one in within))
        return Resource(
            ref, version(data), () if whole(data.get("archive")) == BIN else refs,
            named((node.name for node in people), self._store), kind(str(data.get("file_extension") or "")),
            complete=False,
        )  # fmt: skip

    def people(self, ref: str) -> list[Node]:
        """The nodes that stand in the people field."""
        fields = self._client.ask("get_resource_field_data", rows, resource=ref)
        field = next((one for one in fields if whole(one.get("ref") or 0) == self._field), None)
        if field is None:
            raise DamError(
                f"field {self._field} is not shown to the account, or not for this kind of resource: check "
                "resourcespace.people_field and the account's permissions"
            )
        return self._nodes.named(numbers(field.get("nodes")), str(field.get("value") or ""))

    def source(self, ref: str) -> Source:
        data = self._data(ref)
        if whole(data.get("has_image") or 0) != 1:
            raise DamError(NOT_YET)
        size = chosen(self._client.ask("get_resource_all_image_sizes", rows, resource=ref), self._side)
        return Source(version(data), str(size["url"]), str(size.get("extension") or "jpg"))

    def write(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> Resource:
        if add or remove:
            self._data(ref)  # the write itself cannot tell why it fails
            self.writer.write(ref, add, remove)
        return self.look(ref)

    def holders(self, name: str) -> Iterator[int]:
        seen: set[int] = set()
        for node in self._nodes.fitting(name, fresh=True):
            for ref in listing.search(self._client, f"@@{node.ref}", (*self._states, BIN)):
                if ref not in seen:
                    seen.add(ref)
                    yield ref

    def members(self, collection: int) -> Iterator[int]:
        return listing.search(self._client, f"!collection{collection}", self._states)

    def told(self) -> Sequence[tuple[int, str]]:
        return ()

    def state(self, ref: str, until: Mapping[str, date | None]) -> None:
        """By the short names that the fields got when they were made."""
        for channel, day in until.items():
            field = short_name(channel)
            if self._stated(ref, field) in {None, day.isoformat() if day else ""}:
                continue
            # Not every release can empty a date: a day long past says the same, that nothing is cleared.
            tries = [day.isoformat()] if day else ["", _LONG_PAST]
            if not any(self._state(ref, field, value) for value in tries):
                raise DamError(
                    f"the server did not write the field {field}: check that the account may edit this resource"
                )

    def forget(self, name: str) -> bool:
        """The API deletes no node: it stays in the field's list, where an administrator may delete it."""
        return not self._nodes.fitting(name, fresh=True)

    def _state(self, ref: str, field: str, value: str) -> bool:
        self._client.ask("update_field", truth, resource=ref, field=field, value=value)
        return self._stated(ref, field) == value

    def _stated(self, ref: str, field: str) -> str | None:
        """The day that stands there, None without such a field; the server may add a time."""
        found = self._client.ask("get_resource_field_data", rows, resource=ref)
        mine = next((one for one in found if one.get("name") == field), None)
        return None if mine is None else str(mine.get("value") or "")[:10]

    def _data(self, ref: str) -> Row:
        data = self._client.ask("get_resource_data", row_or_false, resource=ref)
        if data is not None:
            return data
        if self._client.ask("get_resource_access", whole, resource=ref) == _INVALID:
            raise ResourceGone(f"resource {ref} is no longer in the DAM")
        raise DamError(f"resource {ref} is not shown to the account: check its permissions")


def version(data: Row) -> str:
    """What changes with the file: its checksum where there is one, else when it was put there; and its size.

    A preview that was turned counts as another file: boxes stand in the upright picture.
    """
    if not data.get("file_extension"):
        return NO_FILE
    angle = str(data.get("preview_tweaks") or "").split("|")[0]
    parts = [data.get("file_checksum") or data.get("file_modified"), data.get("file_size")]
    return "-".join([str(part) for part in parts] + ([f"turned{angle}"] if angle not in {"", "0"} else []))
