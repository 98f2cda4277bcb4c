"""The profile with our plugin in the server: one call a look, changes by node, nothing filtered."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from plugin.errors import DamError, ResourceGone
from plugin.hooks.dam import Resource, node_key
from plugin.hooks.resourcespace.binding import Applied, Deleted, Holders, Kept, Photo, Status, of, rulings
from plugin.hooks.resourcespace.client import Client
from plugin.hooks.resourcespace.nodes import Nodes, fits, refuse
from plugin.hooks.resourcespace.previews import NOT_YET
from plugin.hooks.resourcespace.profile import BIN, NO_FILE, Source, kind, named
from plugin.ledger.store import Store

_PAGE = 1000


class Bound:
    """Asks the functions facelease_* of the plugin."""

    limits: tuple[str, ...] = ()

    def __init__(self, client: Client, store: Store, nodes: Nodes) -> None:
        self._client = client
        self._store = store
        self._nodes = nodes

    def look(self, ref: str) -> Resource:
        return self._resource(self._photo(ref))

    def source(self, ref: str) -> Source:
        photo = self._photo(ref)
        if photo.has_image != 1 or photo.preview is None:
            raise DamError(NOT_YET)
        return Source(photo.file_version or NO_FILE, photo.preview.url, photo.preview.extension)

    def write(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> Resource:
        """One look and, where something is to change, one write, whose answer is read after it."""
        photo = self._photo(ref)
        there = {person.node: person.name for person in photo.people}
        missing = [
            self._spelt(name) for name in add if not any(fits(n, node_key(name)) for n in there.values())
        ]
        gone = [node for node, n in there.items() if any(fits(n, node_key(name)) for name in remove)]
        if missing or gone:
            applied = self._apply(ref, {"add": missing, "remove": gone})
            photo = photo.model_copy(update={"people": applied.people})
        return self._resource(photo)

    def holders(self, name: str) -> Iterator[int]:
        seen: set[int] = set()
        for node in self._nodes.fitting(name, fresh=True):
            for ref in self._paged("facelease_holders", "node", node.ref):
                if ref not in seen:
                    seen.add(ref)
                    yield ref

    def members(self, collection: int) -> Iterator[int]:
        """Unfiltered: a private collection of somebody else cannot be searched without permission a."""
        return self._paged("facelease_members", "collection", collection)

    def _paged(self, function: str, name: str, value: int) -> Iterator[int]:
        start = 0
        while True:
            page = self._client.ask(function, of(Holders), True, **{name: value}, offset=start, limit=_PAGE)
            yield from page.refs
            start += len(page.refs)
            if not page.refs or start >= page.total:
                break

    def told(self) -> Sequence[tuple[int, str]]:
        kept = self._client.ask("facelease_modes", of(tuple[Kept, ...]))
        return [(one.ref, one.title) for one in kept]

    def state(self, ref: str, until: Mapping[str, date | None]) -> None:
        """The plugin's set-up page says which field is whose."""
        fields = self._client.ask("facelease_status", of(Status)).fields
        days = {fields[name]: day.isoformat() if day else "" for name, day in until.items() if name in fields}
        if days:
            self._apply(ref, {"cleared_until": days})

    def forget(self, name: str) -> bool:
        gone = [
            self._client.ask("facelease_delete_node", of(Deleted), node=node.ref).deleted
            for node in self._nodes.fitting(name, fresh=True)
        ]
        self._nodes.refresh()
        return all(gone)

    def _photo(self, ref: str) -> Photo:
        photo = self._client.ask("facelease_photo", of(Photo), ref=ref)
        if str(photo.ref) != ref:
            raise DamError("the plugin answered for another resource than it was asked for")
        if photo.gone:
            raise ResourceGone(f"resource {ref} is no longer in the DAM")
        return photo

    def _resource(self, photo: Photo) -> Resource:
        # What lies in the bin keeps its names, which must come off it too, but nothing new is done there.
        binned = photo.archive == BIN
        return Resource(
            str(photo.ref), photo.file_version or NO_FILE,
            () if binned else tuple(dict.fromkeys(str(one.ref) for one in photo.collections)),
            named((person.name for person in photo.people), self._store), kind(photo.extension),
            photo.complete, rulings(photo.collections),
        )  # fmt: skip

    def _spelt(self, name: str) -> str:
        """The name as an existing node is spelt, so that no second one is made."""
        found = self._nodes.fitting(name)
        if not found:
            refuse(name)
        return found[0].name if found else name

    def _apply(self, ref: str, change: dict[str, Any]) -> Applied:
        items = json.dumps([{"ref": int(ref), **change}])
        answers = self._client.ask("facelease_apply", of(tuple[Applied, ...]), items=items)
        mine = next((answer for answer in answers if str(answer.ref) == ref), None)
        if mine is None or not mine.ok:
            raise DamError(
                "the plugin did not carry out the write: check that the account may edit the resource"
            )
        return mine
