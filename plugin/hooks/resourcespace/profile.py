"""What the adapter needs of a server, with our plugin or without."""

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
    """The URL of the preview to fetch, and the version of its file.

    `original_px`: the longest side of that file, 0 if unknown. `bytes`: its size, if the file itself is available.
    `turned` as in `Picture`.
    """

    file_version: str
    url: str
    extension: str
    original_px: int = 0
    bytes: int = 0
    turned: int = 0


class Profile(Protocol):
    """A way to call the server. Every method raises DamError, ResourceGone where the resource does not exist."""

    limits: tuple[str, ...]
    """What cannot be done this way, one line each."""

    def look(self, ref: str) -> Resource:
        """The current state of the resource."""
        ...

    def read_anew(self, ref: str) -> None:
        """As the Dam protocol has it."""
        ...

    def source(self, ref: str, closely: bool = False) -> PictureSource:
        """The smallest sufficient preview, to show it or to examine it. Raises DamError while there is none."""
        ...

    def original(self, ref: str, limit: int) -> tuple[str, bytes]:
        """The version and bytes of the file itself, consistent. Raises DamError."""
        ...

    def write(self, ref: str, add: Sequence[str], remove: Sequence[str]) -> Resource:
        """Add and remove names; returns the resource as read afterwards."""
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
        """Every resource with the name."""
        ...

    def members(self, collection: int) -> Iterator[int]:
        """Every resource of a collection that is visible to us."""
        ...

    def told(self) -> Sequence[tuple[int, str, int | None]]:
        """Number, title and size of collections that the account may not see itself."""
        ...

    def rulings(self) -> Sequence[CollectionRuling]:
        """The modes set on the server."""
        ...

    def concerns(self) -> Sequence[Concern]:
        """As the Dam protocol has it."""
        ...

    def groups(self, user: str) -> tuple[int, ...] | None:
        """As ResourceSpaceDam.groups has it."""
        ...

    def forget(self, name: str) -> bool:
        """Delete the name itself from the field's list, if unused; whether none is left."""
        ...


def find_kind(extension: str) -> str:
    """`photo` for a picture by its ending, if only by its preview; else `other`: a film, a document."""
    return "photo" if file_kinds.guess_by_ending(_file_name(extension)) in _PICTURES else "other"


def is_opened(extension: str) -> bool:
    """Whether the recogniser can open such a file itself."""
    return file_kinds.guess_by_ending(_file_name(extension)) in file_kinds.EXAMINED


def _file_name(extension: str) -> str:
    return f"a.{extension.lstrip('.')}"


def split_writes(task: Task) -> tuple[list[str], list[str]]:
    """The names to add and to remove. Releases are stated in files, which we do not change here."""
    mine = [write for write in task.writes if PLACE in write.places]
    return [write.node for write in mine if write.add], [write.node for write in mine if not write.add]


def to_names(labels: Iterable[str]) -> Names:
    """Names of the ledger, each in the only place."""
    return tuple(Named(label, frozenset({PLACE})) for label in labels)
