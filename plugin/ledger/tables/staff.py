"""The tables of the staff: accounts of our own, and sessions; with the types of their rows. See tables.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import JSON, Column, ForeignKey, Table, Text, text

from plugin.ledger.tables.columns import BIG, Instant, metadata

# Who of the staff has an account of our own. In no backup: an old one must not bring back who was removed.
staff = Table(
    "staff",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("collections", JSON(none_as_null=True)),  # those that the account is limited to; null: to none
    Column("link_sha256", Text, unique=True),  # the one-time link by which a password is set
    Column("link_expires_at", Instant),
    Column("password", Text),  # argon2id, in its own notation; null until the link was used
    Column("totp", Text),  # the secret of the second factor, sealed
    Column("totp_step", BIG),  # of the last code that was accepted: each is accepted once
    Column("created_by", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("signed_in_at", Instant),
)

# Recovery codes that are not used up, in no backup either.
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("code_sha256", Text, primary_key=True),  # of the account's name and the code
    Column("staff_name", Text, ForeignKey("staff.name"), nullable=False, index=True),
)

# Somebody of the staff who signed in.
session = Table(
    "session",
    metadata,
    Column("id_sha256", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("door", Text, nullable=False, server_default=text("'dam'")),  # dam, openid, staff
    Column("proved_at", Instant),  # when the account proved itself last, at the door or for a step-up
    Column("subject", Text),  # openid: the account's number at the provider
    Column("renewal", Text),  # openid: tokens by which the provider is asked again, sealed
    Column("checked_at", Instant),  # openid: when it was asked which groups the account has
    Column("asking_at", Instant),  # openid: when a request began to ask
    Column("limits", JSON(none_as_null=True)),  # openid: the collections that the account is limited to; null: to none
)


class StaffRow(Protocol):
    """A row of `staff`."""

    name: str
    role: str
    collections: Sequence[str] | None
    link_expires_at: datetime | None
    password: str | None
    totp: str | None
    totp_step: int | None
    created_at: datetime
    signed_in_at: datetime | None


class SessionRow(Protocol):
    """A row of `session`."""

    id_sha256: str
    user: str
    role: str
    language: str
    door: str
    proved_at: datetime | None
    subject: str | None
    renewal: str | None
    created_at: datetime
    checked_at: datetime | None
    limits: Sequence[str] | None
