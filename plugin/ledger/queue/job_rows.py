"""Rows of the queue as returned to callers, and conditions that several statements share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, and_, case, or_, select, text

from plugin.errors import redact_error
from plugin.ledger.tables import job

T = TypeVar("T")
_LONGEST_ERROR = 200
DEAD = text("job.state = 'dead'")
"""Literal, as `jobs.IS_OPEN`, so that the partial index is used."""


@dataclass(frozen=True)
class ClaimedJob:
    """A job that we hold until its lease ends. (id, attempt) is the token: a later claim has another."""

    id: int
    kind: str
    key: str
    payload: Any  # JSON that the handler of this kind knows
    attempt: int


@dataclass(frozen=True)
class DeadJob:
    """A job that was given up, and why."""

    id: int
    kind: str
    key: str
    attempt: int
    error: str
    at: datetime


@dataclass(frozen=True)
class UnfinishedJob:
    """A job that waits for a retry or another worker, or was given up (`dead`)."""

    kind: str
    key: str
    error: str
    dead: bool


def is_ready(now: datetime) -> ColumnElement[bool]:
    """Queued, and due."""
    return and_(job.c.state == "queued", job.c.run_after <= now)


def is_overrun(now: datetime) -> ColumnElement[bool]:
    """Running, with an expired lease."""
    return and_(job.c.state == "running", job.c.lease_until <= now)


def is_due(now: datetime) -> ColumnElement[bool]:
    """Either: a worker may claim it."""
    return or_(is_ready(now), is_overrun(now))


def is_given_up(kind: str, key: str) -> ColumnElement[bool]:
    """Given up, of this kind and key."""
    return and_(DEAD, job.c.kind == kind, job.c.key == key)


def select_next(condition: ColumnElement[bool], name: str, *order: ColumnElement[object]) -> sa.CTE:
    """The first matching row that no other worker holds."""
    query = select(job.c.id).where(condition).order_by(*order).limit(1)
    return query.with_for_update(skip_locked=True).cte(name)


def select_lesser(one: ColumnElement[T], other: ColumnElement[T]) -> ColumnElement[T]:
    """The smaller of two values, in SQL."""
    return case((one < other, one), else_=other)


def describe_error(error: BaseException) -> str:
    """What is stored of an error: its class, and the message only if it is ours.

    Libraries' messages may quote names, paths or metadata.
    """
    name, said = type(error).__name__, redact_error(error)
    return f"{name}: {said}"[:_LONGEST_ERROR] if said else name
