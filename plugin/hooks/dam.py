"""What FaceLease asks of a DAM, in the DAM's own words: resource, collection, node.

An adapter is one class with these methods, and those of what else it can do. It knows nothing of consent: flows
decide, and hand it writes whose effect can be read back.
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
    """What two spellings of one name have in common: NFKC, casefolded, white space folded, until it stays so."""
    folded = " ".join(unicodedata.normalize("NFKC", node).casefold().split())
    return node if folded == node else node_key(folded)


@dataclass(frozen=True)
class Named:
    """A person's name as it stands on a resource: in which places, and where in the picture.

    `places` are the adapter's own words, such as `exif`, `iptc`, `xmp`, `region`, `node`.
    """

    node: str
    places: frozenset[str]
    box: Box | None = None


@dataclass(frozen=True)
class Resource:
    """A resource as it stands in the DAM now.

    `file_version` changes when the pixels may have changed, not when metadata did.
    `kind` is `photo` for what the recogniser examines, else `other` (video, PDF).
    `complete` is False where it may lie in collections that we cannot see: one of them may forbid
    what the others allow. `further` changes with what else the file shows (thumbnails); None where that is not told
    by itself. `rulings` are the modes that the DAM itself keeps for its collections.
    `unread` says why there may be names that are not told (`hooks.unread`); None where all are.
    `words`: keys of all names that its texts can be read as; None where the DAM itself tells who bears a name.
    `changed_at`: when it last changed in any way, where the DAM's own clock tells.
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
    """One person's name to be put on, or taken off, a resource.

    `places`: for an add, where the name is missing now and will be ours; for a removal, the
    places that were ours. Nothing outside them is touched.
    """

    node: str
    add: bool
    places: frozenset[str]
    box: Box | None = None


@dataclass(frozen=True)
class Task:
    """What is to be written on one resource; `released` as `Dam.write` has it."""

    ref: str
    writes: tuple[Write, ...]
    released: bool | None = None


Names = tuple[Named, ...]
Dates = Mapping[str, date | None]
"""By channel, the last day on which a resource is cleared."""


class Dam(Protocol):
    """What every DAM does; what some can do besides is below.

    Every method raises DamError when the DAM fails, ResourceGone when it is not there.
    """

    places: frozenset[str]
    """Where this adapter writes a name."""

    keeps: tuple[CertificateLine, ...]
    """What the DAM itself keeps of a name that was taken off everywhere, and we cannot reach; a line each."""

    title: str
    """What a sentence calls it, such as "a folder"."""

    @property
    def limits(self) -> tuple[str, ...]:
        """What cannot be done with it as it is installed, one line each."""

    @property
    def at_once(self) -> int:
        """How many resources the calls for many reach in one go; 1 where they take one after the other. Those never
        raise DamError: what fails is told resource by resource."""

    def close(self) -> None:
        """Let go of what it holds open."""

    def collections(self) -> Sequence[Collection]:
        """All collections."""

    def lies_in(self, ref: str) -> tuple[str, ...]:
        """Where a resource or collection of this ref lies, the innermost first; nothing where the ref does not say."""

    def changes(self) -> Sequence[Change]:
        """What happened since the last call that was acknowledged; nothing is lost by not acknowledging."""

    def acknowledge(self, changes: Sequence[Change]) -> None:
        """The changes are stored as jobs and need not be told again."""

    def reach(self) -> None:
        """Raises DamError where the DAM is not there; costs the same at any size."""

    def one_walk(self) -> AbstractContextManager[None]:
        """What is asked inside, by this thread, of all resources and collections is answered from one look at them."""

    def refs(self, *collections: str) -> Iterator[str]:
        """Every resource, or those of these collections (with what lies under them), each once."""

    def left_out(self) -> Sequence[LeftOut]:
        """What lies in the DAM and is not taken up."""

    def look(self, ref: str) -> Resource:
        """The resource as it stands now."""

    def read_anew(self, ref: str) -> None:
        """Have the next look tell the content as it is now, whatever size and times say."""

    def picture(self, ref: str) -> Picture:
        """A picture to examine: the file itself where it is to be had."""

    def preview(self, ref: str) -> Picture:
        """A picture to show, which may be smaller."""

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        """Carry out `writes` and read back.

        `released`: everybody whom we tagged has a publication grant (True) or not (False); None
        takes our release statement out. Idempotent. Raises WriteRefused where the file would not
        survive unharmed; nothing was written then.
        """

    def write_many(self, tasks: Sequence[Task]) -> Mapping[str, Names | DamError]:
        """Carry out one task a resource, as `write` does; the names that stand there after it, or why not."""

    def names_on(self, refs: Sequence[str]) -> Mapping[str, Names | DamError]:
        """The names that stand on each resource, read from the DAM itself now; why not, where some may not be told."""

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        """Of the places where a name stands that we had taken off, those into which a restored or reverted DAM
        brought it back; none where somebody else put it there after our removal. `since`: how far a DAM that
        `KeepsLog` had come before it.

        Wrong in doubt is a name by hand: it is listed, and stays.
        """

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        """Names of ours stand on the resource as it is now: `came_back` knows it by that, where it needs to."""

    def concerns(self) -> Sequence[Concern]:
        """What the DAM's administrator should know of it."""

    def refusal(self, node: str) -> str | None:
        """Why the DAM cannot hold this as a person's name, in a sentence for who enters it; None where it can."""

    def mentions(self, sought: SoughtName, beat: Callable[[], None]) -> Mentions:
        """Wherever the name stands, in whichever field or file, in one pass; `beat` is called on the way."""


# ---- what some can do: a flow asks whether a DAM is one of these, never which DAM it is ----


@runtime_checkable
class ShowsDates(Protocol):
    """It has fields for the last day on which a resource is cleared."""

    def state_many(self, until: Mapping[str, Dates]) -> Mapping[str, DamError | None]:
        """Show on each resource, by channel, the last day on which it is cleared; None empties it. Idempotent.

        None where it was done, else why not.
        """


@runtime_checkable
class TellsHolders(Protocol):
    """It knows which resources bear a name. Of another the index of what was read is asked (`flows.name_index`)."""

    def holders(self, node: str) -> Iterator[str]:
        """Every resource that carries the name now, in any state."""

    def standing(self, nodes: Iterable[str]) -> dict[str, int]:
        """On how many resources each of the names stands, by its key; one that stands nowhere is left out."""


@runtime_checkable
class NamedCollections(Protocol):
    """Its collections are known by names that people change: rulings are bound to what `identities` tells."""

    def identities(self, refs: Iterable[str] | None = None) -> Mapping[str, str]:
        """What each of these collections (None: of all) is known by whatever its name is."""

    def out_of_sight(self, ref: str) -> bool:
        """Whether nothing can be said of a collection now, not even that it is gone."""

    def sure(self, identity: str) -> bool:
        """Whether no other collection can ever be given this identity."""


@runtime_checkable
class KeepsModes(Protocol):
    """It is where modes are set: here they are only heard."""

    def rulings(self) -> Sequence[CollectionRuling]:
        """What was decided in the DAM itself about its collections."""


@runtime_checkable
class KeepsLog(Protocol):
    """It has a log of changes, by which it is seen that it was set back."""

    def position(self) -> int | None:
        """How far the log goes now; None where that is not known. Asked before we take a name off."""

    def lost(self, ref: str, node: str, put_at: datetime) -> bool:
        """Whether a name that stood there since `put_at` is gone because the DAM was set back: nobody took it off."""

    def set_back(self) -> bool:
        """Whether the log was found set back (a database put back) and nobody was told of it yet."""

    def set_back_heard(self) -> None:
        """Everything was asked for anew because of it."""


@runtime_checkable
class ListsNames(Protocol):
    """It has a list of names of its own, in which somebody may change one."""

    def forget(self, node: str) -> bool:
        """Take the name out of the list, if nobody carries it; False where it stays there."""

    def renamed(self) -> Sequence[tuple[str, str]]:
        """Names that we wrote, as the ledger knows them, and as the DAM calls them now: an administrator's doing."""


@runtime_checkable
class KeepsVersions(Protocol):
    """It keeps other files beside a resource's own: earlier versions, alternatives."""

    def leftovers(self, refs: Sequence[str]) -> Mapping[str, int | DamError]:
        """How many there are beside each resource. They may show whom it shows; nobody examines or rewrites them."""


@runtime_checkable
class Accounts(Protocol):
    """The staff signs in there."""

    def groups(self, user: str) -> tuple[int, ...] | None:
        """The groups of an account as they are now; None where it is none, or may not sign in.

        Raises DamError where that cannot be asked: unknown is not "may".
        """


@runtime_checkable
class HasPages(Protocol):
    """Each resource has a page of its own in a browser."""

    def page_of(self, ref: str) -> str:
        """The address of the page."""
