"""The profile without our plugin: only the server's own API; what it cannot do is stated in `limits`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from plugin.errors import DamError, ResourceGone
from plugin.hooks.concern import Concern
from plugin.hooks.dam import CollectionRuling, Dates, Names, Resource, Task, for_each_ref
from plugin.hooks.resourcespace import concerns
from plugin.hooks.resourcespace.api import listing
from plugin.hooks.resourcespace.api.answers import (
    JsonObject,
    expect_bool,
    expect_int,
    expect_numbers,
    expect_object_or_false,
    expect_objects,
)
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.fields import build_short_name
from plugin.hooks.resourcespace.names.log import ResourceLog
from plugin.hooks.resourcespace.names.node_owners import NodeOwners
from plugin.hooks.resourcespace.names.nodes import Node, Nodes
from plugin.hooks.resourcespace.names.writing import NameWriter
from plugin.hooks.resourcespace.previews import NOT_YET, choose_preview, needed_px, original_px
from plugin.hooks.resourcespace.profile import BIN, NO_FILE, PictureSource, find_kind, split_writes, to_names

_LONG_PAST = "1970-01-01"
_INVALID = 99  # the access level of a resource that does not exist


class PlainProfile:
    """Calls the functions that every server has."""

    limits: tuple[str, ...] = (
        "without the plugin only previews are looked at, not what the originals hold besides: nothing is cleared",
        "without the plugin the collections of other accounts cannot be seen: no face is compared, only found",
        "without the plugin a change of collections or of a name's spelling is noticed once a day",
        "without the plugin names that several processes write on one resource at the same moment may undo each other",
    )
    at_once = 1

    def __init__(
        self, client: Client, whose: NodeOwners, nodes: Nodes, log: ResourceLog, field: int, states: Sequence[int],
        side: int,
        own: Callable[[], int | None], may: Callable[[str], bool], start: Callable[[], int], recognisable_px: int = 64,
    ) -> None:  # fmt: skip
        self._client = client
        self._whose = whose
        self._nodes = nodes
        self._field = field
        self._may = may
        self._states = states
        self._side = side
        self._recognisable_px = recognisable_px
        self._categories = listing.Categories(client)
        self._empty = ""  # what empties a date on this server
        self._believed: set[bool] = set()  # whether a write that says true was seen to set, and to empty, a date
        self.writer = NameWriter(client, nodes, log, field, own, lambda: may("a"), self.people, start)

    def look(self, ref: str) -> Resource:
        """Names first: if the resource is deleted between the calls, names must not look removed."""
        people = self.people(ref)
        data = self._read_data(ref)
        lists = self._client.ask("get_resource_collections", expect_objects, ref=ref)
        refs = tuple(map(str, self._categories.above([expect_int(one.get("ref")) for one in lists])))
        within = () if expect_int(data.get("archive")) == BIN else refs
        form = find_kind(str(data.get("file_extension") or ""))
        return Resource(ref, build_version(data), within, self._name_people(people), form, complete=False)

    def people(self, ref: str) -> list[Node]:
        """The nodes in the people field."""
        fields = self._client.ask("get_resource_field_data", expect_objects, resource=ref)
        field = next((one for one in fields if expect_int(one.get("ref") or 0) == self._field), None)
        if field is None:
            raise DamError(
                f"field {self._field} is not shown to the account, or not for this kind of resource: check "
                "resourcespace.people_field and the account's permissions"
            )
        return self._nodes.named(expect_numbers(field.get("nodes")), str(field.get("value") or ""))

    def read_anew(self, ref: str) -> None:
        """Does nothing: only the server's metadata is available."""

    def source(self, ref: str, closely: bool = False) -> PictureSource:
        data = self._read_data(ref)
        if expect_int(data.get("has_image") or 0) != 1:
            raise DamError(NOT_YET)
        sizes = self._client.ask("get_resource_all_image_sizes", expect_objects, resource=ref)
        longest = original_px(sizes)
        size = choose_preview(sizes, needed_px(longest, self._side, self._recognisable_px if closely else 0))
        return PictureSource(build_version(data), str(size["url"]), str(size.get("extension") or "jpg"), longest)

    def original(self, ref: str, limit: int) -> tuple[str, bytes]:
        """Raises DamError: only the plugin hands it out without counting a download."""
        raise DamError("without the plugin the DAM hands out no original that is not counted as a download")

    def write(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> Resource:
        self._put(ref, add, remove)
        return self.look(ref)

    def write_many(self, tasks: Sequence[Task]) -> dict[str, Names | DamError]:
        """Three calls for a removed name: the field, its write, and the log row that proves it."""
        by_ref = {task.ref: split_writes(task) for task in tasks}
        return for_each_ref(by_ref, lambda ref: self._name_people(self._put(ref, *by_ref[ref])))

    def _put(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> Iterable[Node]:
        if not add and not remove:
            return self.people(ref)
        try:
            return self.writer.write(ref, add, remove)
        except DamError:
            self._read_data(ref)  # the write itself cannot tell that the resource is gone
            raise

    def names_on(self, refs: Sequence[str]) -> dict[str, Names | DamError]:
        """One call each; for a deleted resource the server returns no names."""
        return for_each_ref(refs, lambda ref: self._name_people(self.people(ref)))

    def _name_people(self, nodes: Iterable[Node]) -> Names:
        return to_names(self._whose.labels((node.ref, node.name) for node in nodes).values())

    def leftovers(self, refs: Sequence[str]) -> dict[str, int | DamError]:
        return for_each_ref(
            refs, lambda ref: len(self._client.ask("get_alternative_files", expect_objects, resource=ref))
        )

    def holders(self, name: str) -> Iterator[int]:
        seen: set[int] = set()
        for node in self._nodes.fitting(name, fresh=True):
            for ref in listing.search_resources(self._client, f"@@{node.ref}", (*self._states, BIN)):
                if ref not in seen:
                    seen.add(ref)
                    yield ref

    def members(self, collection: int) -> Iterator[int]:
        seen: set[int] = set()
        for one in self._categories.below(collection):
            for ref in listing.search_resources(self._client, f"!collection{one}", self._states):
                if ref not in seen:
                    seen.add(ref)
                    yield ref

    def told(self) -> Sequence[tuple[int, str, int | None]]:
        return ()

    def rulings(self) -> Sequence[CollectionRuling]:
        return ()

    def state(self, ref: str, until: Dates) -> None:
        """By the short names that the fields got when they were created.

        A write is read back until one is seen to work.
        """
        days = {build_short_name(channel): day.isoformat() if day else self._empty for channel, day in until.items()}
        set_ = {build_short_name(channel): day is not None for channel, day in until.items()}
        doubtful = [
            field
            for field, day in days.items()
            if not self._write_date(ref, field, day) or set_[field] not in self._believed
        ]
        shown = self._read_dates(ref, doubtful) if doubtful else {}
        for field, stands in shown.items():  # a channel without a field shows nothing
            if stands == days[field]:
                self._believed.add(set_[field])
            elif set_[field] or not self._write_long_past(ref, field):
                raise DamError(
                    f"the server did not write the field {field}: check that the account may edit this resource"
                )

    def state_many(self, until: Mapping[str, Dates]) -> dict[str, DamError | None]:
        return for_each_ref(until, lambda ref: self.state(ref, until[ref]))

    def _write_long_past(self, ref: str, field: str) -> bool:
        """Some releases cannot empty a date: a day long past means the same, that nothing is cleared."""
        self._write_date(ref, field, _LONG_PAST)
        if self._read_dates(ref, [field]).get(field) != _LONG_PAST:
            return False
        self._empty = _LONG_PAST
        return True

    def concerns(self) -> Sequence[Concern]:
        return list(concerns.list_server_concerns(self._client, self._field, self._may))

    def groups(self, user: str) -> tuple[int, ...] | None:
        """The API also lists accounts that may not sign in: only the absence of one is an answer."""
        listed = self._client.ask("get_users", expect_objects, find=user)
        if any(str(one.get("username")) == user for one in listed):
            raise DamError(
                "without the plugin the DAM does not tell whether an account may sign in: switch the plugin "
                "facelease on"
            )
        return None

    def forget(self, name: str) -> bool:
        """The API deletes no node: it stays in the field's list, where an administrator may delete it."""
        return not self._nodes.fitting(name, fresh=True)

    def _write_date(self, ref: str, field: str, day: str) -> bool:
        return self._client.ask("update_field", expect_bool, resource=ref, field=field, value=day)

    def _read_dates(self, ref: str, fields: Sequence[str]) -> dict[str, str]:
        """The days in those fields that exist; the server may add a time."""
        found = self._client.ask("get_resource_field_data", expect_objects, resource=ref)
        mine = {str(one.get("name")): str(one.get("value") or "")[:10] for one in found}
        return {field: mine[field] for field in fields if field in mine}

    def _read_data(self, ref: str) -> JsonObject:
        data = self._client.ask("get_resource_data", expect_object_or_false, resource=ref)
        if data is not None:
            return data
        if self._client.ask("get_resource_access", expect_int, resource=ref) == _INVALID:
            raise ResourceGone(f"resource {ref} is no longer in the DAM")
        raise DamError(f"resource {ref} is not shown to the account: check its permissions")


def build_version(data: JsonObject) -> str:
    """Changes with the file: its checksum, else its date, and its size.

    A rotated preview counts as another file: boxes refer to the upright picture.
    """
    if not data.get("file_extension"):
        return NO_FILE
    angle = str(data.get("preview_tweaks") or "").split("|")[0]
    parts = [data.get("file_checksum") or data.get("file_modified"), data.get("file_size")]
    return "-".join([str(part) for part in parts] + ([f"turned{angle}"] if angle not in {"", "0"} else []))
