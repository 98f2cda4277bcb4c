"""Webhook events of a DAM: ids only, a frozen dataclass each; anything else is refused."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from plugin.errors import EventRefused

MOST_BYTES = 20_000
"""The largest body, as Standard Webhooks advises; ids need a hundredth of it."""


@dataclass(frozen=True)
class Event:
    """An event of `ref` at `at`, by the DAM's clock."""

    type: ClassVar[str]
    ref: str
    at: datetime


@dataclass(frozen=True)
class ResourceCreated(Event):
    """A resource exists, with its file."""

    type: ClassVar[str] = "resource.created"


@dataclass(frozen=True)
class ResourceReplaced(Event):
    """A resource has another file."""

    type: ClassVar[str] = "resource.replaced"


@dataclass(frozen=True)
class ResourceMetadata(Event):
    """Somebody else edited a field: names may have changed."""

    type: ClassVar[str] = "resource.metadata"


@dataclass(frozen=True)
class ResourceDeleted(Event):
    """A resource is deleted, or in the deleted state."""

    type: ClassVar[str] = "resource.deleted"


@dataclass(frozen=True)
class CollectionChanged(Event):
    """A collection's resources or meaning changed; `ref` is the collection's."""

    type: ClassVar[str] = "collection.changed"


@dataclass(frozen=True)
class NodeChanged(Event):
    """A value of the people field was renamed, disabled or deleted; `ref` is the node's."""

    type: ClassVar[str] = "node.changed"


_RESOURCE_EVENTS = (ResourceCreated, ResourceReplaced, ResourceMetadata, ResourceDeleted)
EVENT_TYPES: dict[str, type[Event]] = {kind.type: kind for kind in (*_RESOURCE_EVENTS, CollectionChanged, NodeChanged)}

# A number, or a text without control characters.
EventRef = (
    Annotated[int, Field(ge=1, lt=1 << 63)]
    | Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]
)


class _Subject(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    ref: EventRef


class _Envelope(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    type: Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)*$")]
    timestamp: AwareDatetime
    data: dict[str, object]


_ENVELOPE = TypeAdapter(_Envelope)
_SUBJECT = TypeAdapter(_Subject)


def parse_event(body: bytes) -> Event | None:
    """The event in a signed body; None for a type that we ignore.

    Raises EventRefused for a body that is not `{"type", "timestamp", "data"}` with data `{"ref"}` only: ids are all we
    accept.
    """
    try:
        envelope = _ENVELOPE.validate_json(body)
        kind = EVENT_TYPES.get(envelope.type)
        return None if kind is None else kind(str(_SUBJECT.validate_python(envelope.data).ref), envelope.timestamp)
    except (ValidationError, RecursionError) as error:
        raise EventRefused(f"not an event: {_explain(error)}") from None


def _explain(error: Exception) -> str:
    """Where it is wrong and what is expected; never the value."""
    if not isinstance(error, ValidationError):
        return "nested too deep"
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part in _NAMES) or "the body"
    return f"{where}: {first['msg']}"


_NAMES = frozenset({"type", "timestamp", "data", "ref"})
