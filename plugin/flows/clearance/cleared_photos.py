"""Lists the cleared photographs of the whole library: "everything for social media until March".

Answered from the stored intervals by one index on use and end: the earliest end comes first, and no page reads the
rows of the pages before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from plugin.clock import NO_END
from plugin.errors import UseUnknown
from plugin.flows.clearance import policy_fingerprint
from plugin.flows.common import closed_house, valid_clearances
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.quitclaim.consent.intervals import TICK

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class UseSpan:
    """A use over a time: cleared at each moment from `start` until before `end`.

    `closed`: why the house is closed, then nothing is cleared. `max_px`: the longest side of the copies that it
    applies to, None for the original.
    """

    purpose: str
    channel: str
    start: datetime
    end: datetime
    closed: str | None = None
    max_px: int | None = None


@dataclass(frozen=True)
class ClearedPhoto:
    """A photograph, and when it stops being cleared for the use; None if no end is known. `id`: our number of it."""

    ref: str
    until: datetime | None
    id: int


@dataclass(frozen=True)
class ClearedPage:
    """Some photographs, and where the next page begins; "" after the last."""

    photos: tuple[ClearedPhoto, ...]
    next: str


def span_now(services: Services, purpose: str, channel: str) -> UseSpan:
    """This moment. Raises UseUnknown for a use that is not configured."""
    at = services.clock.now()
    return span_between(services, purpose, channel, at, at + TICK)


def span_until(services: Services, purpose: str, channel: str, last: date, first: date | None = None) -> UseSpan:
    """From `first` (default: now) through the whole of the day `last`, both in the organisation's zone.

    Raises UseUnknown where the days run backwards, or for a use that is not configured.
    """
    zone = services.config.site.zone
    at = services.clock.now()
    start = max(at, datetime.combine(first, time(), zone)) if first else at
    if last == date.max:
        raise UseUnknown("the last day is out of the calendar: give one like 2026-03-31")
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    if end <= start:
        raise UseUnknown("the last day lies before the first: give a day from today on")
    return span_between(services, purpose, channel, start, end)


def span_between(services: Services, purpose: str, channel: str, start: datetime, end: datetime) -> UseSpan:
    """The span of a use. Raises UseUnknown for one that is not configured; ConsentError as
    `policy_fingerprint.refuse_another`."""
    refuse_unknown(services, purpose, channel)
    most = services.config.clearance.max_px.get(channel)
    with services.store.read() as conn:
        policy_fingerprint.refuse_another(services, conn)
        return UseSpan(purpose, channel, start, end, closed_house.find_reason_in(services, conn), most)


def refuse_unknown(services: Services, purpose: str, channel: str) -> None:
    """Raises UseUnknown for a purpose or a channel that the configuration does not list."""
    listed = services.config.clearance
    if purpose not in listed.purposes or channel not in listed.channels:
        raise UseUnknown(
            f"{purpose!r} on {channel!r} is not configured: purposes are {', '.join(listed.purposes)}; "
            f"channels are {', '.join(listed.channels)}"
        )


def list_page(
    conn: Connection, span: UseSpan, after: str = "", limit: int = 100, *only: ColumnElement[bool]
) -> ClearedPage:
    """At most `limit` photographs that are cleared over the whole span, the earliest end first.

    `after` is the `next` of the page before. Pages show the present: a photograph whose end moved may appear twice or
    not at all. `only` filters the photographs. Raises UseUnknown for an invalid `after`.
    """
    query = (
        select(t.resource.c.ref, t.clearance.c.valid_until, t.clearance.c.resource_id)
        .join(t.resource, t.resource.c.id == t.clearance.c.resource_id)
        .where(*_select_after(span, after), valid_clearances.is_valid(conn), *only)
        .order_by(t.clearance.c.valid_until, t.clearance.c.resource_id)
        .limit(limit + 1)
    )
    rows = conn.execute(query).all()
    photos = (ClearedPhoto(ref, None if until == NO_END else until, id_) for ref, until, id_ in rows[:limit])
    return ClearedPage(tuple(photos), _format_mark(*rows[limit - 1][1:]) if len(rows) > limit else "")


def count(conn: Connection, span: UseSpan) -> int:
    """How many photographs are cleared over the whole span: exact, counted in the index."""
    return valid_clearances.count(conn, span.purpose, span.channel, _contains(span, span.end))


def count_some(conn: Connection, span: UseSpan, *only: ColumnElement[bool]) -> int:
    """The same of the photographs that `only` selects: each row is looked at."""
    query = (
        select(func.count())
        .select_from(t.clearance)
        .join(t.resource, t.resource.c.id == t.clearance.c.resource_id)
        .where(_covers(span, span.end), valid_clearances.is_valid(conn), *only)
    )
    return conn.scalar(query) or 0


def _covers(span: UseSpan, end: datetime) -> ColumnElement[bool]:
    c = t.clearance.c
    return and_(c.purpose == span.purpose, c.channel == span.channel, _contains(span, end))


def _contains(span: UseSpan, end: datetime) -> ColumnElement[bool]:
    """The intervals of one photograph and use do not overlap, so at most one contains the span."""
    c = t.clearance.c
    last = max(end, span.end, span.start + TICK)  # one bound: the store begins to read there
    return false() if span.closed is not None else and_(c.valid_until >= last, c.valid_from <= span.start)


def _format_mark(until: datetime, resource_id: int) -> str:
    return f"{(until - _EPOCH) // TICK}-{resource_id}"


def _select_after(span: UseSpan, after: str) -> Sequence[ColumnElement[bool]]:
    if not after:
        return (_covers(span, span.end),)
    end, dash, number = after.partition("-")
    if not (dash and end.isdecimal() and number.isdecimal() and len(after) < 40):
        raise UseUnknown("after: give the `next` of the page before, or leave it out")
    moment, key = _EPOCH + timedelta(microseconds=min(int(end), _LAST)), min(int(number), (1 << 63) - 1)
    c = t.clearance.c
    return _covers(span, moment), or_(c.valid_until > moment, c.resource_id > key)


_LAST = (NO_END - _EPOCH) // TICK
