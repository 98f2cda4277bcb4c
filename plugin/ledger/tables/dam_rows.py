"""Rows of photographs, the DAM, and work, as the types of their columns say (a test compares both)."""

from datetime import date, datetime
from typing import Protocol


class ResourceRow(Protocol):
    """A row of `resource`."""

    id: int
    ref: str
    file_version: str
    kind: str
    examined: str
    examined_reason: str | None
    examined_at: datetime | None
    engine: str | None
    matched: bool
    matched_generation: int
    released: bool | None
    seen_at: datetime
    deleted_at: datetime | None
    placed_at: datetime | None
    longest_px: int | None
    unread: str | None
    further: str | None
    looked_px: int | None
    indexed: str | None


class FaceRow(Protocol):
    """A row of `face`."""

    id: int
    resource_id: int
    file_version: str
    left: float
    top: float
    width: float
    height: float
    width_px: int
    state: str
    person_id: str | None
    distance: float | None
    thresholds: object
    engine: str | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None
    created_at: datetime
    set_id: str | None
    file_px: int | None
    dismissal: str | None


class TagRow(Protocol):
    """A row of `tag`."""

    id: int
    resource_id: int
    node: str
    node_key: str
    person_id: str | None
    origin: str
    places: list[str]
    listed_at: datetime | None
    created_at: datetime
    set_id: str | None
    kept_at: datetime | None
    kept_by: str | None


class IntentRow(Protocol):
    """A row of `intent`."""

    id: int
    resource_id: int
    person_id: str
    face_id: int | None
    node: str
    action: str
    origin: str
    places: list[str]
    state: str
    generation: int
    created_at: datetime
    finished_at: datetime | None
    error: str | None
    set_id: str | None


class StatementRow(Protocol):
    """A row of `statement`."""

    resource_id: int
    wanted: object
    wanted_at: datetime
    stated: object
    stated_at: datetime | None


class CollectionRow(Protocol):
    """A row of `collection`."""

    ref: str
    title: str
    mode: str
    basis: str | None
    basis_reference: str | None
    basis_by: str | None
    basis_date: date | None
    review_date: date | None
    set_by: str
    set_at: datetime
    identity: str | None
    lost_at: datetime | None
    lost_below: str | None
    shoot_id: str | None


class JobRow(Protocol):
    """A row of `job`."""

    id: int
    kind: str
    key: str
    payload: object
    priority: int
    state: str
    again: bool
    attempt: int
    run_after: datetime
    lease_until: datetime | None
    created_at: datetime
    finished_at: datetime | None
    error: str | None


class SealedRow(Protocol):
    """A row of `sealed`."""

    id: str
    person_id: str
    purpose: str
    kind: str
    subject: str | None
    engine: str
    version: int
    body: bytes
    created_at: datetime


class PersonKeyRow(Protocol):
    """A row of `person_key`."""

    person_id: str
    purpose: str
    wrapped: bytes
    master_version: int
    created_at: datetime


class AuditRow(Protocol):
    """A row of `audit`."""

    seq: int
    at: datetime
    action: str
    actor: str
    subject: str | None
    resource_id: int | None
    details: str
    previous: str
    hash: str
