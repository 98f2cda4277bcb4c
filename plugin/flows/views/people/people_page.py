"""A page of the list of people: filtered, sorted, each with what is in force and until when, and how many photographs.

What a filter selects is computed from rows alone, so that it stays fast among many; what a row shows is what the rules
answer. Between an end by the calendar and the sweep that writes it, at most a minute, the two may differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select, tuple_

from plugin.clock import NO_END
from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common import reference_sets, roster
from plugin.flows.common.reference_sets import Pictures
from plugin.flows.common.services import Services
from plugin.flows.views.people import people_filters
from plugin.flows.views.people.people_filters import PeopleFilter
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.intervals import containing, earlier
from plugin.quitclaim.consent.model import Person, Window, name_key
from plugin.quitclaim.consent.standing import Standing

AT_ONCE = 500
"""People of one read for a file of all of them."""


_BETWEEN = "|"


class PeopleOrder(StrEnum):
    """How the list is sorted."""

    NAME = "name"
    END = "end"
    NEWEST = "newest"


@dataclass(frozen=True)
class PeopleQuery:
    """Which people: `text` is a part of the name; `after` is the cursor of the page before, "" for the first."""

    text: str = ""
    filter: PeopleFilter | None = None
    order: PeopleOrder = PeopleOrder.NAME
    after: str = ""


@dataclass(frozen=True)
class PersonRow:
    """A person: when recognition and publication are in force, on which channels, and on how many photographs.

    `recognition` and `publication` are (from, until) around now, None if not in force; `publication` until the first
    of its uses ends. `cursor`: their place in the order of the list.
    """

    person: Person
    cursor: str
    recognition: Window | None
    publication: Window | None
    channels: tuple[str, ...]
    photographs: int
    enrolled: bool
    pictures: Pictures
    minor: bool


@dataclass(frozen=True)
class PeoplePage:
    """The rows, the cursor of the page after ("" for the last), and how many people there are on all pages."""

    rows: Sequence[PersonRow]
    next: str
    total: int


def load_page(services: Services, asked: PeopleQuery, limit: int, staff: Staff | None) -> PeoplePage:
    """At most `limit` of the people whom the account may see."""
    now = services.clock.now()
    with services.store.read() as conn:
        chosen = _select(services, conn, asked, staff, now)
        total = conn.scalar(select(func.count(t.person.c.id)).where(*chosen)) or 0
        rows = conn.execute(_order(asked, now).where(*chosen).limit(limit + 1)).all()
        shown = [(str(row.id), _write_cursor(row.place, row.name_key)) for row in rows[:limit]]
        found = _load_rows(services, conn, shown, staff, now)
    return PeoplePage(found, found[-1].cursor if len(rows) > limit else "", total)


def export(services: Services, asked: PeopleQuery, staff: Staff | None, actor: str) -> list[PersonRow]:
    """All of them, in the order of the list; the log says how many names were handed out."""
    found: list[PersonRow] = []
    place: PeopleQuery | None = asked
    while place is not None:
        page = load_page(services, place, AT_ONCE, staff)
        found += page.rows
        place = PeopleQuery(asked.text, asked.filter, asked.order, page.next) if page.next else None
    with services.store.write() as tx:
        tx.audit(Action.NAMES_EXPORT, actor, rows=len(found), filter=asked.filter.value if asked.filter else "all")
    return found


def _select(
    services: Services, conn: Connection, asked: PeopleQuery, staff: Staff | None, now: datetime
) -> list[ColumnElement[bool]]:
    """Selects the rows of `person` that are asked for."""
    chosen: list[ColumnElement[bool]] = [sight.people(conn, staff)]
    if wanted := name_key(asked.text):
        chosen.append(t.person.c.name_key.contains(wanted, autoescape=True))
    return chosen if asked.filter is None else [*chosen, *people_filters.conditions(services, asked.filter, now)]


def _order(asked: PeopleQuery, now: datetime) -> "Select[str, str, datetime | None]":
    """Id, name key and place of people in order, from after the cursor; from the start where it is of no such order."""
    p = t.person.c
    at, _, name = asked.after.partition(_BETWEEN)
    query = select(p.id, p.name_key, p.created_at.label("place"))
    if asked.order is PeopleOrder.NAME:
        return query.where(p.name_key > name).order_by(p.name_key)
    since = _read_moment(at)
    if asked.order is PeopleOrder.NEWEST:
        query = query if since is None else query.where(tuple_(p.created_at, p.name_key) < (since, name))
        return query.order_by(p.created_at.desc(), p.name_key.desc())
    ends = people_filters.select_ends(now).subquery()
    place = func.coalesce(ends.c.until, literal(NO_END, p.created_at.type))
    query = select(p.id, p.name_key, place.label("place")).outerjoin(ends, ends.c.person_id == p.id)
    query = query if since is None else query.where(tuple_(place, p.name_key) > (since, name))
    return query.order_by(place, p.name_key)


def _read_moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def _write_cursor(place: datetime | None, key: str) -> str:
    return f"{place.isoformat() if place else ''}{_BETWEEN}{key}"


def _load_rows(
    services: Services, conn: Connection, shown: Sequence[tuple[str, str]], staff: Staff | None, now: datetime
) -> list[PersonRow]:
    ids = [person_id for person_id, _ in shown]
    standings = roster.load_many(services, conn, ids)
    pictures, counts = reference_sets.state_of(conn, ids), _count_photographs(conn, ids, staff)
    mine = t.sealed.c.person_id.in_(ids) & (t.sealed.c.kind == "template")
    enrolled = set(conn.scalars(select(t.sealed.c.person_id).where(mine)))
    return [
        PersonRow(
            standings[one].person,
            cursor,
            standings[one].recognition(now),
            *_find_publication(standings[one], now),
            counts.get(one, 0),
            one in enrolled,
            pictures.get(one, "none"),
            standings[one].is_minor(now),
        )
        for one, cursor in shown
    ]


def _find_publication(standing: Standing, now: datetime) -> tuple[Window | None, tuple[str, ...]]:
    """The time in which all that is agreed to now stays agreed to, and the channels."""
    held = {use: containing(windows, now) for use, windows in standing.published().items()}
    alive = {use: window for use, window in held.items() if window is not None}
    if not alive:
        return None, ()
    until = reduce(earlier, (end for _, end in alive.values()))
    return (max(start for start, _ in alive.values()), until), tuple(sorted({channel for _, channel in alive}))


def _count_photographs(conn: Connection, ids: Sequence[str], staff: Staff | None) -> dict[str, int]:
    query = select(t.tag.c.person_id, func.count().label("n")).where(t.tag.c.person_id.in_(ids))
    if staff is not None and staff.collections is not None:
        query = query.where(sight.lies_in(t.tag.c.resource_id, staff.collections))
    return {row.person_id: row.n for row in conn.execute(query.group_by(t.tag.c.person_id))}
