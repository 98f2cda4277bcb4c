"""Rows of people, their consents and letters, as the types of their columns say (a test compares both)."""

from datetime import date, datetime
from typing import Protocol


class PersonRow(Protocol):
    """A row of `person`."""

    id: str
    display_name: str
    name_key: str
    node_adopted: bool
    language: str
    birth_date: date | None
    objected_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    namesake: bool
    self_entered: bool
    given_name: str | None
    of_age_at: datetime | None
    of_age_by: str | None
    sought_at: datetime | None
    doubted_at: datetime | None


class GuardianRow(Protocol):
    """A row of `guardian`."""

    id: str
    person_id: str
    created_at: datetime


class AddressRow(Protocol):
    """A row of `address`."""

    id: str
    person_id: str
    guardian_id: str | None
    entered_by: str
    entered_at: datetime
    account: str | None
    quitclaim_id: str | None
    opens_at: datetime | None
    confirmed_at: datetime | None
    confirmed_by: str | None
    confirmed_how: str | None
    reason: str | None
    retired_at: datetime | None


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
    form_id: str | None


class GrantLineRow(Protocol):
    """A row of `grant_line`."""

    id: str
    quitclaim_id: str
    person_id: str
    kind: str
    purpose: str | None
    channel: str | None
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    ended_kind: str | None
    settled_at: datetime | None
    basis: str | None


class ReferenceSetRow(Protocol):
    """A row of `reference_set`."""

    id: str
    person_id: str
    came_by: str
    added_at: datetime
    added_by: str
    invitation_id: str | None
    invited_by: str | None
    mark: str | None
    vouched_at: datetime | None
    vouched_by: str | None
    vouched_how: str | None
    refused_at: datetime | None
    refused_by: str | None
    near_id: str | None
    ended_at: datetime | None


class FormRow(Protocol):
    """A row of `form`."""

    id: str
    name: str
    version: int
    body: object
    sha256: str
    created_at: datetime
    created_by: str
    retired_at: datetime | None


class InvitationRow(Protocol):
    """A row of `invitation`."""

    id: str
    kind: str
    token_sha256: str
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
    revoked_at: datetime | None
    reminded: int
    reminded_at: datetime | None
    address_id: str | None
    quitclaim_id: str | None
    may_replace: bool


class VisitRow(Protocol):
    """A row of `visit`."""

    id_sha256: str
    invitation_id: str
    person_id: str | None
    full: bool
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    device: str | None
    version: int
    body: bytes | None


class SessionRow(Protocol):
    """A row of `session`."""

    id_sha256: str
    user: str
    role: str
    language: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None


class RequestRow(Protocol):
    """A row of `request`."""

    id: str
    person_id: str
    kind: str
    asked_at: datetime
    asked_by: str
    due_on: date
    decided_at: datetime | None
    decided_by: str | None
    outcome: str | None
    reason: str | None


class MailRow(Protocol):
    """A row of `mail`."""

    id: str
    cause: str
    kind: str
    person_id: str | None
    data: object
    language: str
    state: str
    created_at: datetime
    finished_at: datetime | None
    error: str | None


class ErasureRow(Protocol):
    """A row of `erasure`."""

    number: str
    person_id: str
    asked_at: datetime
    asked_by: str
    finished_at: datetime | None
    held: str | None
