"""Lists of photographs for the DAM's own search: faces that wait, what is not cleared, what ends soon."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import Connection, and_, exists, select

from plugin.errors import UseUnknown
from plugin.flows.clearance import cleared_photos, policy_fingerprint
from plugin.flows.common import closed_house, valid_clearances
from plugin.flows.common.services import Services
from plugin.flows.review import download_gate
from plugin.flows.views.dam_search import waiting_faces
from plugin.ledger import tables as t

MOST = 5000
"""Photographs in one list: the DAM looks each of them up."""

_ROWS_EACH = 4
"""So many faces, or channels, are read for each photograph that a list may hold."""


@dataclass(frozen=True)
class PhotoList:
    """The refs, in order; `more`: there are others that are not in the list."""

    refs: tuple[str, ...]
    more: bool


def list_waiting(services: Services, most: int = MOST) -> PhotoList:
    """Photographs with a face that needs a decision: suggestions first, the newest of each kind first."""
    found: list[str] = []
    with services.store.read() as conn:
        for condition in waiting_faces.select_each(services, conn):
            query = (
                select(t.resource.c.ref)
                .join(t.face, t.face.c.resource_id == t.resource.c.id)
                .where(condition)
                .order_by(t.face.c.id.desc())
                .limit(_ROWS_EACH * most + 1)
            )
            found += conn.scalars(query)
    return _cut(found, most, _ROWS_EACH * most)


def list_ending(services: Services, before: date, channels: Sequence[str] = (), most: int = MOST) -> PhotoList:
    """Photographs that are cleared now on one of `channels` (none: on any), and there no longer on the day `before`.

    The earliest end first. For the first configured purpose. Nothing in a closed house: there nothing is cleared.
    Raises UseUnknown for a channel that is not configured.
    """
    purpose = services.config.clearance.purposes[0]
    for channel in channels:
        cleared_photos.refuse_unknown(services, purpose, channel)
    with services.store.read() as conn:
        if closed_house.find_reason_in(services, conn) is not None or not policy_fingerprint.is_shared(services, conn):
            return PhotoList((), more=False)
        until = _find_midnight(services, before)
        return _list_ending(services, conn, until, channels or services.config.clearance.channels, most)


def list_uncleared(services: Services, channel: str, most: int = MOST) -> PhotoList:
    """Photographs that are not cleared on the channel now, and in which somebody is, or may be, the newest first.

    That is what is blocked or unknown; one that was examined whole and shows nobody is neither. Raises UseUnknown.
    """
    span = cleared_photos.span_now(services, services.config.clearance.purposes[0], channel)
    nobody = and_(policy_fingerprint.is_examined(services), download_gate.shows_nobody(services.policy_for(channel)))
    c = t.clearance.c
    with services.store.read() as conn:
        cleared = exists().where(c.resource_id == t.resource.c.id, c.purpose == span.purpose, c.channel == channel)
        cleared = cleared.where(c.valid_from <= span.start, c.valid_until > span.start, valid_clearances.is_valid(conn))
        query = select(t.resource.c.ref).where(t.resource.c.deleted_at.is_(None))
        if span.closed is None:
            query = query.where(~cleared, ~nobody)
        refs = list(conn.scalars(query.order_by(t.resource.c.id.desc()).limit(most + 1)))
    return _cut(refs, most, most)


def _find_midnight(services: Services, day: date) -> datetime:
    """When the day begins in the organisation's zone. Raises UseUnknown outside the calendar."""
    try:
        return datetime.combine(day, time(), services.config.site.zone).astimezone(UTC)
    except OverflowError:
        raise UseUnknown("the day is out of the calendar: give one like 2026-03-31") from None


def _list_ending(
    services: Services, conn: Connection, until: datetime, channels: Sequence[str], most: int
) -> PhotoList:
    c, now = t.clearance.c, services.clock.now()
    found: list[tuple[datetime, str]] = []
    for channel in channels:  # each by its own stretch of the index on use and end
        query = (
            select(c.valid_until, t.resource.c.ref)
            .join(t.resource, t.resource.c.id == c.resource_id)
            .where(c.purpose == services.config.clearance.purposes[0], c.channel == channel)
            .where(c.valid_until > now, c.valid_until <= until, c.valid_from <= now, t.resource.c.deleted_at.is_(None))
            .where(valid_clearances.is_valid(conn))
            .order_by(c.valid_until, c.resource_id)
            .limit(most + 1)
        )
        found += [(row.valid_until, row.ref) for row in conn.execute(query)]
    return _cut([ref for _, ref in sorted(found)], most, most)


def _cut(found: Iterable[str], most: int, rows: int) -> PhotoList:
    """Each ref once, at most `most`; where as many rows were read as were asked for there may be more."""
    given = list(found)
    refs = list(dict.fromkeys(given))
    return PhotoList(tuple(refs[:most]), more=len(refs) > most or len(given) > rows)
