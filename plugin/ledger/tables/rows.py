"""Rows of the tables as types, with the columns that are read; a test compares them with the tables."""

from datetime import date, datetime
from typing import Protocol


class PersonRow(Protocol):
    """A row of `person`."""

    id: str
    display_name: str
    node_adopted: bool
    language: str
    birth_date: date | None
    objected_at: datetime | None
    ended_at: datetime | None
    self_entered: bool
    of_age_at: datetime | None
    sought_at: datetime | None


class GuardianRow(Protocol):
    """A row of `guardian`."""

    id: str


class AddressRow(Protocol):
    """A row of `address`."""

    id: str
    person_id: str
    entered_by: str
    account: str | None
    quitclaim_id: str | None
    opens_at: datetime | None
    confirmed_at: datetime | None
    confirmed_how: str | None


class QuitclaimRow(Protocol):
    """A row of `quitclaim`."""

    id: str
    person_id: str
    version: int
    text_version: str
    text_sha256: str | None
    language: str
    method: str
    signed_by_person: bool
    signed_by_guardians: object
    signed_at: datetime
    recorded_at: datetime
    recorded_by: str
    superseded_at: datetime | None


class GrantLineRow(Protocol):
    """A row of `grant_line`."""

    id: str
    kind: str
    purpose: str | None
    channel: str | None
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    ended_kind: str | None


class ReferenceSetRow(Protocol):
    """A row of `reference_set`."""

    id: str
    person_id: str
    came_by: str
    added_at: datetime
    invited_by: str | None
    mark: str | None
    vouched_at: datetime | None
    vouched_by: str | None
    vouched_how: str | None
    refused_at: datetime | None
    near_id: str | None
    ended_at: datetime | None
    missed_engine: str | None
    missed_why: str | None


class FormRow(Protocol):
    """A row of `form`."""

    id: str
    version: int
    sha256: str
    created_at: datetime
    retired_at: datetime | None


class InvitationRow(Protocol):
    """A row of `invitation`."""

    id: str
    kind: str
    form_id: str | None
    person_id: str | None
    guardian_id: str | None
    collection_ref: str | None
    language: str
    by_mail: bool
    created_at: datetime
    created_by: str
    expires_at: datetime
    most_uses: int | None
    uses: int
    used_at: datetime | None
    reminded: int
    revoked_at: datetime | None
    address_id: str | None
    quitclaim_id: str | None
    may_replace: bool
    face_id: int | None


class VisitRow(Protocol):
    """A row of `visit`."""

    invitation_id: str
    created_at: datetime
    seen_at: datetime
    body: bytes | None


class RequestRow(Protocol):
    """A row of `request`."""

    id: str
    person_id: str
    asked_by: str
    due_on: date


class MailRow(Protocol):
    """A row of `mail`."""

    id: str
    kind: str
    person_id: str | None
    language: str
    state: str
    created_at: datetime


class ErasureRow(Protocol):
    """A row of `erasure`."""

    number: str
    person_id: str
    asked_at: datetime
    finished_at: datetime | None
    held: str | None


class ResourceRow(Protocol):
    """A row of `resource`."""

    file_version: str
    further: str | None


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
    engine: str | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None
    set_id: str | None
    file_px: int | None
    dismissal: str | None
    act: str | None


class TagRow(Protocol):
    """A row of `tag`."""

    id: int
    resource_id: int
    node: str
    node_key: str
    person_id: str | None
    origin: str
    places: list[str]
    set_id: str | None


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
    set_id: str | None


class StatementRow(Protocol):
    """A row of `statement`."""

    resource_id: int


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


class JobRow(Protocol):
    """A row of `job`."""

    id: int
    kind: str
    key: str
    payload: object
    priority: int
    again: bool
    attempt: int
    run_after: datetime
    created_at: datetime


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


class PersonKeyRow(Protocol):
    """A row of `person_key`."""

    person_id: str
    purpose: str
    wrapped: bytes
    master_version: int


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
