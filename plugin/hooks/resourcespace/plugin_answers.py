"""The answers of our plugin's functions facelease_*, each validated and typed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator

from plugin.hooks.dam import CollectionRuling, Dates
from plugin.hooks.resourcespace.api.answers import UnexpectedAnswer

T = TypeVar("T")
APPLY_AT_ONCE = 1000


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def build_days(dates: Dates, fields: Mapping[str, str], max_px: Mapping[str, int]) -> dict[str, Mapping[str, object]]:
    """What the plugin gets for one resource: by field the day, and the largest size of copies.

    The plugin uses it for downloads while we do not answer. {} where no channel has a field.
    """
    shown = {fields[name]: day.isoformat() if day else "" for name, day in dates.items() if name in fields}
    sizes = {fields[name]: max_px.get(name, 0) for name in dates if name in fields}
    return {"cleared_until": shown, "max_px": sizes} if shown else {}


class PersonNode(_Answer):
    """A node on a resource, with its raw name."""

    node: int
    name: str


class CollectionAnswer(_Answer):
    """A collection, with the mode that was set in the DAM."""

    ref: int
    title: str = ""
    mode: Literal["off", "detect", "suggest", "auto", "never"] = "off"
    basis: Literal["all-asked", "shoot", "controller"] | None = None
    reference: str = ""
    by: str = ""
    decided: date | None = None
    review: date | None = None
    set_by: str = ""
    set_at: str = ""
    resources: int | None = None

    @field_validator("basis", "decided", "review", mode="before")
    @classmethod
    def nothing(cls, value: object) -> object:
        return value or None

    @field_validator("title", "reference", "by", "set_by", "set_at", mode="before")
    @classmethod
    def words(cls, value: object) -> object:
        return "" if value is None else value

    @property
    def ruling(self) -> CollectionRuling | None:
        """None where no mode was ever set in the DAM."""
        if not (self.set_by or self.set_at):
            return None
        chosen = str(self.ref), self.title, self.mode, self.basis
        return CollectionRuling(*chosen, self.reference, self.by, self.decided, self.review, self.set_by)


class PreviewAnswer(_Answer):
    """An existing preview."""

    size_code: str = ""
    url: str
    width: int = 0
    height: int = 0
    extension: str = "jpg"


class OriginalAnswer(_Answer):
    """The original file: its sides, 0 where the DAM cannot measure them, and its bytes."""

    width: int = 0
    height: int = 0
    bytes: int = 0


class PhotoAnswer(_Answer):
    """A resource as a whole, with collections of every account."""

    ref: int
    gone: bool = False
    file_version: str = ""
    has_image: int = 0
    archive: int = 0
    extension: str = ""
    collections: tuple[CollectionAnswer, ...] = ()
    complete: bool = False
    people: tuple[PersonNode, ...] = ()
    previews: tuple[PreviewAnswer, ...] | None = None
    original: OriginalAnswer | None = None
    turned: int = 0

    @field_validator("file_version", "extension", mode="before")
    @classmethod
    def words(cls, value: object) -> object:
        return "" if value is None else str(value)


class NamedAnswer(_Answer):
    """The people on a resource, and how many alternative files the DAM keeps."""

    ref: int
    gone: bool = False
    people: tuple[PersonNode, ...] = ()
    alternatives: int = 0


class AppliedAnswer(_Answer):
    """The result of one write, and the people on the resource now."""

    ref: int
    ok: bool
    error: str = ""
    people: tuple[PersonNode, ...] = ()


class HoldersAnswer(_Answer):
    """A page of the resources that have a node, or are in a collection.

    `next`: the next page's offset where this page leaves some out: a mode is void where its account may not edit.
    """

    total: int
    refs: tuple[int, ...]
    next: int | None = None


class DeletedAnswer(_Answer):
    """Whether a node was deleted: one in use is not."""

    deleted: bool


class AccountAnswer(_Answer):
    """A DAM account: whether it may sign in, and the numbers of its groups."""

    found: bool
    active: bool = False
    groups: tuple[int, ...] = ()


class SeenAnswer(_Answer):
    """How resources open for an account, by number: 0 whole, 1 restricted; what is closed to it has no entry."""

    seen: Mapping[str, int]


class FoundAnswer(_Answer):
    """Resources that were looked for."""

    refs: tuple[int, ...]


class FacesPlugin(_Answer):
    """The DAM's own faces plugin, and how many face descriptions it keeps; None if unknown."""

    on: bool
    kept: int | None = None
    named: int = 0


class FieldVisibility(_Answer):
    """The titles of our fields that shares show, and the groups that see any of them."""

    shares: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    neighbour: FacesPlugin = FacesPlugin(on=False)


class GateAnswer(_Answer):
    """The download gate:

    whether it is on, what its canary saw, what is missing. Ages in seconds, by the DAM's clock.
    """

    on: bool
    canary: str = ""
    canary_age: int = 0
    canary_seen: str = ""
    lacks: tuple[str, ...] = ()
    tried: bool = False
    host: str = ""
    open: tuple[str, ...] = ()
    waiting: int = 0
    waiting_age: int = 0


class StatusAnswer(_Answer):
    """The plugin's status."""

    version: str
    people_field: int = 0
    fields: dict[str, str] = {}
    problems: tuple[str, ...] = ()
    sight: FieldVisibility | None = None
    gate: GateAnswer | None = None

    @field_validator("fields", mode="before")
    @classmethod
    def some(cls, value: object) -> object:
        return value or {}  # PHP writes an empty map as []


def read_as(kind: type[T]) -> Callable[[object], T]:
    """A parser for Client.ask that validates the answer as `kind`. Errors do not quote it."""
    adapter = TypeAdapter(kind)

    def expect(value: object) -> T:
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            where = sorted({".".join(str(part) for part in e["loc"] if isinstance(part, str)) for e in error.errors()})
            raise UnexpectedAnswer(f"something odd ({', '.join(where) or 'altogether'})") from None

    return expect


def list_rulings(collections: Sequence[CollectionAnswer]) -> tuple[CollectionRuling, ...]:
    """The modes set in the DAM on these collections."""
    return tuple(ruling for one in collections if (ruling := one.ruling) is not None)
