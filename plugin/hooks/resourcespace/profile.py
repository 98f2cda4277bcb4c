"""What the adapter needs of a server, however it is asked: with our plugin in it, or without."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from plugin.errors import DamError
from plugin.hooks.concern import Concern
from plugin.hooks.dam import CollectionRuling, Dates, Named, Names, Resource, Task
from plugin.hooks.files import file_kinds

PLACE = "node"
BIN = 3  # the workflow state of what was deleted and can be brought back
NO_FILE = "none"
_PICTURES = file_kinds.EXAMINED | file_kinds.NOT_EXAMINED - {file_kinds.DRAWING}


@dataclass(frozen=True)
class PictureSource:
    """Where the preview to take lies, and of which file it was made.

    `original_px`: the longest side of that file, 0 where nobody knows. `bytes`: how large it is, where we are handed
    the file itself. `turned` as `Picture` has it.
    """

    file_version: str
    url: str
    extension: str
    original_px: int = 0
    bytes: int = 0
    turned: int = 0


class Profile(Protocol):
    """A way to ask the server. Every method raises DamError, ResourceGone where the resource is not there."""

    limits: tuple[str, ...]
    """What cannot be done this way, one line each."""

    def look(self, ref: str) -> Resource:
        """The resource as it stands now."""
        ...

    def read_anew(self, ref: str) -> None:
        """As the Dam protocol has it."""
        ...

    def source(self, ref: str, closely: bool = False) -> PictureSource:
        """Its smallest preview that serves, to show it or to look closely. Raises DamError while there is none."""
        ...

    def original(self, ref: str, limit: int) -> tuple[str, bytes]:
        """The version and the bytes of the file itself, as one. Raises DamError."""
        ...

    def write(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> Resource:
        """Put names on and take names off; returns what a read after it shows."""
        ...

    at_once: int
    """How many resources a call for many reaches."""

    def write_many(self, tasks: Sequence[Task]) -> Mapping[str, Names | DamError]:
        """As the Dam protocol has it; raises NoSuchFunction alone."""
        ...

    def names_on(self, refs: Sequence[str]) -> Mapping[str, Names | DamError]:
        """As the Dam protocol has it; raises NoSuchFunction alone."""
        ...

    def leftovers(self, refs: Sequence[str]) -> Mapping[str, int | DamError]:
        """As the Dam protocol has it; raises NoSuchFunction alone."""
        ...

    def state_many(self, until: Mapping[str, Dates]) -> Mapping[str, DamError | None]:
        """As the Dam protocol has it; raises NoSuchFunction alone."""
        ...

    def holders(self, name: str) -> Iterator[int]:
        """Every resource that carries the name."""
        ...

    def members(self, collection: int) -> Iterator[int]:
        """Every resource of a collection that we are shown."""
        ...

    def told(self) -> Sequence[tuple[int, str, int | None]]:
        """Number, title and size of collections that the account need not see itself."""
        ...

    def rulings(self) -> Sequence[CollectionRuling]:
        """What was decided in the server about its collections."""
        ...

    def state(self, ref: str, until: Dates) -> None:
        """Write the last day on which the resource is cleared, by channel; None empties it.

        A channel without a field in the DAM shows nothing there.
        """
        ...

    def concerns(self) -> Sequence[Concern]:
        """As the Dam protocol has it."""
        ...

    def groups(self, user: str) -> tuple[int, ...] | None:
        """As ResourceSpaceDam.groups has it."""
        ...

    def forget(self, name: str) -> bool:
        """Delete the name itself from the field's list, if nobody carries it; whether none is left."""
        ...


def find_kind(extension: str) -> str:
    """`photo` for a picture, by its ending, though perhaps by its preview alone; else `other`: a film, a document."""
    return "photo" if file_kinds.guess_by_ending(_file_name(extension)) in _PICTURES else "other"


def is_opened(extension: str) -> bool:
    """Whether the recogniser opens such a file itself."""
    return file_kinds.guess_by_ending(_file_name(extension)) in file_kinds.EXAMINED


def _file_name(extension: str) -> str:
    return f"a.{extension.lstrip('.')}"


def split_writes(task: Task) -> tuple[list[str], list[str]]:
    """The names to put on and those to take off. A release is stated in files, which are not ours to change."""
    mine = [write for write in task.writes if PLACE in write.places]
    return [write.node for write in mine if write.add], [write.node for write in mine if not write.add]


def to_names(labels: Iterable[str]) -> Names:
    """Names as the ledger knows them, each in the one place that there is."""
    return tuple(Named(label, frozenset({PLACE})) for label in labels)
