"""The protocol of a DAM, in the DAM's own words: resource, collection, node.

An adapter is one class with these methods, and with those of its further capabilities. It knows nothing of consent:
flows decide, and hand it writes; their effect can be read back.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from plugin.errors import DamError
from plugin.hooks.change import Change as Change
from plugin.hooks.change import ChangeKind as ChangeKind
from plugin.hooks.collection import Collection as Collection
from plugin.hooks.collection import CollectionRuling as CollectionRuling
from plugin.hooks.concern import Concern
from plugin.hooks.each_resource import for_each_ref as for_each_ref
from plugin.hooks.left_out import LeftOut
from plugin.hooks.mention import CertificateLine, Mentions
from plugin.hooks.name_search import SoughtName
from plugin.hooks.picture import Picture as Picture

Box = tuple[float, float, float, float]
"""left, top, width, height in 0..1 of the upright original (EXIF orientation applied)."""


def node_key(node: str) -> str:
    """Equal for two spellings of one name: NFKC, casefolded, white space folded, until nothing changes."""
    folded = " ".join(unicodedata.normalize("NFKC", node).casefold().split())
    return node if folded == node else node_key(folded)


@dataclass(frozen=True)
class Named:
    """A person's name on a resource: in which places, and where in the picture.

    `places` are the adapter's own words, such as `exif`, `iptc`, `xmp`, `region`, `node`.
    """

    node: str
    places: frozenset[str]
    box: Box | None = None


@dataclass(frozen=True)
class Resource:
    """The current state of a resource in the DAM.

    `file_version` changes when the pixels may have changed, not when metadata did.
    `kind` is `photo` for what the recogniser examines, else `other` (video, PDF).
    `complete` is False where it may be in collections that we cannot see: one of them may forbid
    what the others allow. `further` changes with what else the file shows (thumbnails); None where that is not known
    separately. `rulings` are the modes that the DAM itself keeps for its collections.
    `unread` says why some names may be missing (`names_in_files.unreadable_files`); None where none is.
    `words`: keys of all names that its texts can be read as; None where the DAM itself finds who has a name.
    `changed_at`: when it last changed in any way, by the DAM's own clock, if it has one.
    """

    ref: str
    file_version: str
    collections: tuple[str, ...]
    names: tuple[Named, ...]
    kind: str = "photo"
    complete: bool = True
    rulings: tuple[CollectionRuling, ...] = ()
    further: str | None = None
    unread: str | None = None
    words: frozenset[str] | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Write:
    """One person's name to add to a resource, or to remove from it.

    `places`: for an add, where the name is missing now and will be ours; for a removal, the
    places that were ours. Nothing outside them is touched.
    """

    node: str
    add: bool
    places: frozenset[str]
    box: Box | None = None


@dataclass(frozen=True)
class Task:
    """What to write on one resource; `released` as in `Dam.write`."""

    ref: str
    writes: tuple[Write, ...]
    released: bool | None = None


Names = tuple[Named, ...]
Dates = Mapping[str, date | None]
"""By channel, the last day on which a resource is cleared."""


class Dam(Protocol):
    """What every DAM does; optional capabilities are below.

    Every method raises DamError when the DAM fails, ResourceGone when the resource does not exist.
    """

    places: frozenset[str]
    """Where this adapter writes a name."""

    keeps: tuple[CertificateLine, ...]
    """What the DAM itself keeps of a name that was removed everywhere, and we cannot reach; a line each."""

    title: str
    """Its name in a sentence, such as "a folder"."""

    @property
    def limits(self) -> tuple[str, ...]:
        """What this installation cannot do, one line each."""

    @property
    def at_once(self) -> int:
        """How many resources the calls for many handle at once; 1 where they take one after the other. Those calls
        never raise DamError: they return errors by resource."""

    def close(self) -> None:
        """Close what it holds open."""

    def collections(self) -> Sequence[Collection]:
        """All collections."""

    def lies_in(self, ref: str) -> tuple[str, ...]:
        """The collections that contain this ref, the innermost first; none where the ref does not say."""

    def changes(self) -> Sequence[Change]:
        """Changes since the last acknowledged call; without acknowledgement they are returned again."""

    def acknowledge(self, changes: Sequence[Change]) -> None:
        """The changes are stored as jobs and need not be returned again."""

    def reach(self) -> None:
        """Raises DamError where the DAM does not answer; costs the same at any size."""

    def one_walk(self) -> AbstractContextManager[None]:
        """Inside, this thread's questions about all resources and collections are answered from one reading."""

    def refs(self, *collections: str) -> Iterator[str]:
        """Every resource, or those of these collections (with what is below them), each once."""

    def left_out(self) -> Sequence[LeftOut]:
        """What is in the DAM and is not used."""

    def look(self, ref: str) -> Resource:
        """The current state of the resource."""

    def read_anew(self, ref: str) -> None:
        """Have the next look read the content again, even if size and times are unchanged."""

    def picture(self, ref: str) -> Picture:
        """A picture to examine: the file itself where it is available."""

    def preview(self, ref: str) -> Picture:
        """A picture to show, which may be smaller."""

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        """Carry out `writes` and read back.

        `released`: everybody whom we tagged has a publication grant (True) or not (False); None
        removes our release statement. Idempotent. Raises WriteRefused where the write would damage
        the file; nothing was written then.
        """

    def write_many(self, tasks: Sequence[Task]) -> Mapping[str, Names | DamError]:
        """Carry out one task a resource, as `write` does; the names after it, or the error."""

    def names_on(self, refs: Sequence[str]) -> Mapping[str, Names | DamError]:
        """The names on each resource, read from the DAM itself now; an error where some may be missing."""

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        """The places of a name that we had removed, into which a restored or reverted DAM brought it back.

        None where somebody else added it after our removal. `since`: the position of a DAM that `KeepsLog` before
        the removal. In doubt it counts as added by hand: it is listed, and stays.
        """

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        """Remember the current state, with our names on it, for `came_back`."""

    def concerns(self) -> Sequence[Concern]:
        """What the DAM's administrator should know."""

    def refusal(self, node: str) -> str | None:
        """Why the DAM cannot hold this as a person's name, in a sentence for whoever enters it; None where it can."""

    def mentions(self, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
        """Every place of the name, in any field or file, in one pass; `beat` is called now and then."""


# ---- capabilities: a flow asks whether a DAM has one, never which DAM it is ----


@runtime_checkable
class ShowsDates(Protocol):
    """It has fields for the last day on which a resource is cleared."""

    def state_many(self, until: Mapping[str, Dates]) -> Mapping[str, DamError | None]:
        """Show on each resource, by channel, the last day on which it is cleared; None empties it. Idempotent.

        None where it was done, else the error.
        """


@runtime_checkable
class TellsHolders(Protocol):
    """It knows which resources have a name. For other DAMs our own index is asked (`flows.names.name_index`)."""

    def holders(self, node: str) -> Iterator[str]:
        """Every resource that carries the name now, in any state."""

    def standing(self, nodes: Iterable[str]) -> dict[str, int]:
        """The number of resources with each name, by its key; names on none are left out."""


@runtime_checkable
class NamedCollections(Protocol):
    """Its collections are known by names that people change: rulings are bound to their `identities`."""

    def identities(self, refs: Iterable[str] | None = None) -> Mapping[str, str]:
        """The identity of each of these collections (None: of all), which a change of name leaves."""

    def out_of_sight(self, ref: str) -> bool:
        """Whether nothing is known of a collection now, not even that it is gone."""

    def sure(self, identity: str) -> bool:
        """Whether no other collection can ever be given this identity."""


@runtime_checkable
class KeepsModes(Protocol):
    """Modes are set in the DAM: here they are only read."""

    def rulings(self) -> Sequence[CollectionRuling]:
        """The modes set in the DAM itself for its collections."""


@runtime_checkable
class KeepsLog(Protocol):
    """It has a log of changes, which shows when the DAM was set back."""

    def position(self) -> int | None:
        """The position of the log now; None if unknown. Asked before we remove a name."""

    def lost(self, ref: str, node: str, put_at: datetime) -> bool:
        """Whether a name that was there since `put_at` is gone because the DAM was set back: nobody removed it."""

    def set_back(self) -> bool:
        """Whether the log was found set back (a restored database) and nothing was done about it yet."""

    def set_back_heard(self) -> None:
        """Everything was read again because of that."""


@runtime_checkable
class ListsNames(Protocol):
    """It has its own list of names, in which somebody may change one."""

    def forget(self, node: str) -> bool:
        """Remove the name from the list if no resource has it; False where it stays."""

    def renamed(self) -> Sequence[tuple[str, str]]:
        """Names that we wrote, as in the ledger, and as an administrator changed them in the DAM."""


@runtime_checkable
class KeepsVersions(Protocol):
    """It keeps other files of a resource: earlier versions, alternatives."""

    def leftovers(self, refs: Sequence[str]) -> Mapping[str, int | DamError]:
        """How many each resource has. They may show the same people; nothing examines or rewrites them."""


@runtime_checkable
class Accounts(Protocol):
    """Staff sign in there."""

    def groups(self, user: str) -> tuple[int, ...] | None:
        """The current groups of an account; None where it does not exist or may not sign in.

        Raises DamError where the DAM does not answer: unknown is not "may".
        """


@runtime_checkable
class HasPages(Protocol):
    """Each resource has its own page in a browser."""

    def page_of(self, ref: str) -> str:
        """The address of the page."""
