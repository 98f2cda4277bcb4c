"""The profile with our plugin on the server: one call a look, writes by node, nothing filtered."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from plugin.errors import DamError, ResourceGone
from plugin.hooks.concern import Concern
from plugin.hooks.dam import CollectionRuling, Dates, Names, Resource, Task, for_each_ref, node_key
from plugin.hooks.resourcespace import concerns
from plugin.hooks.resourcespace.api.answers import NoSuchFunction
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.names.node_owners import NodeOwners
from plugin.hooks.resourcespace.names.nodes import Nodes, is_known_by, refuse_name
from plugin.hooks.resourcespace.plugin_answers import (
    APPLY_AT_ONCE,
    AccountAnswer,
    AppliedAnswer,
    CollectionAnswer,
    DeletedAnswer,
    HoldersAnswer,
    NamedAnswer,
    PersonNode,
    PhotoAnswer,
    StatusAnswer,
    build_days,
    list_rulings,
    read_as,
)
from plugin.hooks.resourcespace.previews import build_source
from plugin.hooks.resourcespace.profile import BIN, NO_FILE, PictureSource, find_kind, split_writes, to_names

T = TypeVar("T")
A = TypeVar("A", AppliedAnswer, NamedAnswer)
People = Sequence[PersonNode]
NodeChange = Mapping[str, object]
_PAGE = 1000
_JUST_NOW = 2.0  # seconds for which a look is reused to fetch its picture
_WRITES = 500  # of the 1,000 allowed in a call: a large server takes seconds for so many
_FIELDS = 60.0  # seconds after which the set-up page's fields are reloaded


class PluginProfile:
    """Calls the plugin's functions facelease_*."""

    limits: tuple[str, ...] = ()
    at_once = APPLY_AT_ONCE

    def __init__(
        self,
        client: Client,
        whose: NodeOwners,
        nodes: Nodes,
        max_px: Mapping[str, int],
        side: int = 1024,
        recognisable_px: int = 64,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._whose, self._nodes, self._now = client, whose, nodes, now
        self._max_px, self._side, self._recognisable_px = max_px, side, recognisable_px
        self._looked = threading.local()
        self._fields: tuple[float, dict[str, str]] | None = None

    def look(self, ref: str) -> Resource:
        photo = self._fetch_photo(ref)
        self._looked.at = (self._now(), photo)
        return self._build_resource(photo)

    def read_anew(self, ref: str) -> None:
        """The plugin reads the file and uses the result from now on."""
        self._fetch_photo(ref, afresh=True)

    def source(self, ref: str, closely: bool = False) -> PictureSource:
        """From this thread's look of a moment ago, else from a new one."""
        at, seen = self._looked.__dict__.pop("at", (0.0, None))
        fresh = seen is not None and str(seen.ref) == ref and self._now() - at < _JUST_NOW
        photo: PhotoAnswer = seen if fresh else self._fetch_photo(ref)
        return build_source(photo, self._side, self._recognisable_px if closely else 0)

    def original(self, ref: str, limit: int) -> tuple[str, bytes]:
        return self._client.file("facelease_original", limit, ref=ref)

    def write(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> Resource:
        """One look and, if anything changes, one write, whose answer is read afterwards."""
        photo = self._fetch_photo(ref)
        change = self._change(photo.people, self._labels(photo.people), add, remove)
        if change:
            applied = self._apply({ref: change})[ref]
            if isinstance(applied, DamError):
                raise applied
            photo = photo.model_copy(update={"people": applied.people})
        return self._build_resource(photo)

    def write_many(self, tasks: Sequence[Task]) -> dict[str, Names | DamError]:
        """Three calls for 1,000 resources: who is there, and two writes, whose answers are read afterwards.

        Names that are only added need no look: an existing one stays.
        """
        wanted = {task.ref: split_writes(task) for task in tasks}
        looks = {ref for ref, (add, remove) in wanted.items() if remove or not add}
        beside = self._fetch_named(sorted(looks)) if looks else {}
        people = {ref: _people_of(beside[ref]) if ref in looks else () for ref in wanted}
        labels = self._labels(_list_people(people))
        changes = for_each_ref(wanted, lambda ref: self._change(_unwrap(people[ref]), labels, *wanted[ref]))
        applied = self._apply({ref: c for ref, c in changes.items() if not isinstance(c, DamError) and c})
        for ref, answer in applied.items():
            people[ref] = _people_of(answer)
        labels |= self._labels(_list_people(people))

        def names(ref: str) -> Names:
            _unwrap(changes[ref])
            return to_names(labels[person.node] for person in _unwrap(people[ref]))

        return for_each_ref(wanted, names)

    def _change(self, who: People, labels: Mapping[int, str], add: Sequence[str], remove: Sequence[str]) -> NodeChange:
        """The change to send, {} for none. Raises WriteRefused."""

        def there(name: str) -> list[int]:
            key = node_key(name)
            return [p.node for p in who if is_known_by(p.name, key) or node_key(labels[p.node]) == key]

        missing = [self._find_spelling(name) for name in add if not there(name)]
        gone = sorted({node for name in remove for node in there(name)})
        return {"add": missing, "remove": gone} if missing or gone else {}

    def names_on(self, refs: Sequence[str]) -> dict[str, Names | DamError]:
        """One call for 1,000 resources."""
        beside = self._fetch_named(refs)
        labels = self._labels(_list_people({ref: _people_of(one) for ref, one in beside.items()}))
        return for_each_ref(refs, lambda ref: to_names(labels[p.node] for p in _unwrap(beside[ref]).people))

    def leftovers(self, refs: Sequence[str]) -> dict[str, int | DamError]:
        beside = self._fetch_named(refs)
        return for_each_ref(refs, lambda ref: _unwrap(beside[ref]).alternatives)

    def holders(self, name: str) -> Iterator[int]:
        seen: set[int] = set()
        for node in self._nodes.fitting(name, fresh=True):
            for ref in self._paged("facelease_holders", "node", node.ref):
                if ref not in seen:
                    seen.add(ref)
                    yield ref

    def members(self, collection: int) -> Iterator[int]:
        """All to which its mode applies: others' private collections are not searched without permission a."""
        return self._paged("facelease_members", "collection", collection)

    def _paged(self, function: str, name: str, value: int) -> Iterator[int]:
        start = 0
        while True:
            where = {name: value, "offset": start, "limit": _PAGE}
            page = self._client.ask(function, read_as(HoldersAnswer), True, **where)
            yield from page.refs
            before, start = start, start + len(page.refs) if page.next is None else page.next
            if start <= before or start >= page.total:
                break

    def told(self) -> Sequence[tuple[int, str, int | None]]:
        kept = self._client.ask("facelease_modes", read_as(tuple[CollectionAnswer, ...]))
        return [(one.ref, one.title, one.resources) for one in kept]

    def rulings(self) -> Sequence[CollectionRuling]:
        return list_rulings(self._client.ask("facelease_modes", read_as(tuple[CollectionAnswer, ...])))

    def state_many(self, until: Mapping[str, Dates]) -> dict[str, DamError | None]:
        """One call for 1,000 resources. The plugin's set-up page maps channels to fields."""
        try:
            fields = self._list_channels()
        except NoSuchFunction:
            raise
        except DamError as error:
            return dict.fromkeys(until, error)
        days = {ref: build_days(dates, fields, self._max_px) for ref, dates in until.items()}
        applied = self._apply({ref: one for ref, one in days.items() if one})
        return {ref: one if isinstance(one := applied.get(ref), DamError) else None for ref in until}

    def _list_channels(self) -> dict[str, str]:
        kept = self._fields
        if kept is None or self._now() - kept[0] > _FIELDS:
            kept = self._fields = (self._now(), self._fetch_status().fields)
        return kept[1]

    def concerns(self) -> Sequence[Concern]:
        return list(concerns.list_plugin_concerns(self._fetch_status()))

    def _fetch_status(self) -> StatusAnswer:
        return self._client.ask("facelease_status", read_as(StatusAnswer))

    def groups(self, user: str) -> tuple[int, ...] | None:
        account = self._client.ask("facelease_account", read_as(AccountAnswer), username=user)
        return account.groups if account.found and account.active else None

    def forget(self, name: str) -> bool:
        gone = [
            self._client.ask("facelease_delete_node", read_as(DeletedAnswer), node=node.ref).deleted
            for node in self._nodes.fitting(name, fresh=True)
        ]
        self._nodes.refresh()
        return all(gone)

    def _fetch_photo(self, ref: str, afresh: bool = False) -> PhotoAnswer:
        photo = self._client.ask("facelease_photo", read_as(PhotoAnswer), ref=ref, afresh=afresh)
        if str(photo.ref) != ref:
            raise DamError("the plugin answered for another resource than it was asked for")
        if photo.gone:
            raise ResourceGone(f"resource {ref} is no longer in the DAM")
        return photo

    def _build_resource(self, photo: PhotoAnswer) -> Resource:
        # A deleted resource keeps its names, which must be removable, but gets no new ones.
        binned = photo.archive == BIN
        refs = () if binned else tuple(dict.fromkeys(str(one.ref) for one in photo.collections))
        names, version = to_names(self._labels(photo.people).values()), photo.file_version or NO_FILE
        seen = find_kind(photo.extension), photo.complete, list_rulings(photo.collections)
        return Resource(str(photo.ref), version, refs, names, *seen)

    def _find_spelling(self, name: str) -> str:
        """The name as an existing node spells it, so that no second one is created."""
        found = self._nodes.fitting(name)
        if not found:
            refuse_name(name)
        return found[0].name if found else name

    def _labels(self, people: Iterable[PersonNode]) -> dict[int, str]:
        return self._whose.labels((person.node, person.name) for person in people)

    def _fetch_named(self, refs: Sequence[str]) -> dict[str, NamedAnswer | DamError]:
        """The people on each, 1,000 in a call."""

        def ask(some: Sequence[str]) -> Iterable[NamedAnswer]:
            asked = json.dumps([int(ref) for ref in some])
            return self._client.ask("facelease_named", read_as(tuple[NamedAnswer, ...]), refs=asked)

        def there(found: Mapping[str, NamedAnswer], ref: str) -> NamedAnswer:
            if ref not in found:
                raise DamError("the plugin left out a resource that it was asked for")
            if found[ref].gone:
                raise ResourceGone(f"resource {ref} is no longer in the DAM")
            return found[ref]

        return _in_batches(refs, APPLY_AT_ONCE, ask, there)

    def _apply(self, changes: Mapping[str, Mapping[str, object]]) -> dict[str, AppliedAnswer | DamError]:
        """One failed write does not affect the others."""

        def ask(some: Sequence[str]) -> Iterable[AppliedAnswer]:
            items = json.dumps([{"ref": int(ref), **changes[ref]} for ref in some])
            return self._client.ask("facelease_apply", read_as(tuple[AppliedAnswer, ...]), items=items)

        def done(found: Mapping[str, AppliedAnswer], ref: str) -> AppliedAnswer:
            if ref not in found or not found[ref].ok:
                raise DamError("the plugin did not carry out the write: check that the account may edit the resource")
            return found[ref]

        return _in_batches(list(changes), _WRITES, ask, done)


def _in_batches(
    refs: Sequence[str],
    size: int,
    ask: Callable[[Sequence[str]], Iterable[A]],
    take: Callable[[Mapping[str, A], str], A],
) -> dict[str, A | DamError]:
    """Call in batches; where a call fails, it fails for each of its resources only."""
    answers: dict[str, A | DamError] = {}
    for start in range(0, len(refs), size):
        some = refs[start : start + size]
        try:
            found = {str(one.ref): one for one in ask(some)}
        except NoSuchFunction:
            raise
        except DamError as error:
            answers |= dict.fromkeys(some, error)
        else:
            answers |= for_each_ref(some, partial(take, found))
    return answers


def _people_of(answer: NamedAnswer | AppliedAnswer | DamError) -> People | DamError:
    return answer if isinstance(answer, DamError) else answer.people


def _list_people(people: Mapping[str, People | DamError]) -> Iterator[PersonNode]:
    return (person for some in people.values() if not isinstance(some, DamError) for person in some)


def _unwrap(answer: T | DamError) -> T:
    if isinstance(answer, DamError):
        raise answer
    return answer
