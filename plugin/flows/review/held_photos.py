"""What waits for a decision because a ruling moved: lost rulings, and photographs that came from under one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, or_, select

from plugin.flows.collections import modes, photo_places
from plugin.flows.common.services import Services
from plugin.hooks.dam import NamedCollections
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import CollectionRow
from plugin.quitclaim.clearance.scope import COMPARING, Mode, Scope, combine, narrow


class _Candidate(Protocol):
    id: int
    ref: str
    file_version: str
    placed_at: datetime | None


def list_lost_rulings(conn: Connection) -> Sequence[CollectionRow]:
    """Rulings that could not be followed."""
    c = t.collection.c
    return conn.execute(select(t.collection).where(c.lost_at.is_not(None)).order_by(c.lost_at, c.ref)).all()


def list_held(services: Services, conn: Connection, ref: str | None = None) -> list[str]:
    """The photographs (of one collection, or all) that wait for a decision before they are compared: they came from
    under a stricter ruling, or a ruling around them is lost.

    As `modes.scope_of` for one, but in few queries for all, because the console's first page counts them.
    """
    rc = t.resource_collection.c
    query = (
        select(t.resource.c.id, t.resource.c.ref, t.resource.c.file_version, t.resource.c.placed_at)
        .join(t.resource_collection, rc.resource_id == t.resource.c.id)
        .join(t.collection, t.collection.c.ref == rc.collection_ref)
        .where(t.collection.c.mode.in_([mode.value for mode in COMPARING]), t.resource.c.deleted_at.is_(None))
        .where(_may_be_held())
        .distinct()
        .order_by(t.resource.c.ref)
    )
    if ref is not None:
        query = query.where(t.resource.c.id.in_(select(rc.resource_id).where(rc.collection_ref == ref)))
    rows = conn.execute(query).all()
    return _HeldPhotos(services, conn, rows).refs() if rows else []


class _HeldPhotos:
    """Decides for many photographs at once."""

    def __init__(self, services: Services, conn: Connection, rows: Sequence[_Candidate]) -> None:
        self._services = services
        self._rows = rows
        self._places = photo_places.RuledPlaces(conn, {row.file_version for row in rows})
        self._hidden = set(conn.scalars(select(t.resource_hidden.c.resource_id)))
        known = conn.execute(select(t.collection)).all()
        self._rulings = {row.ref: row for row in known}
        self._rules = {rule.ref: rule for rule in modes.list_rules(conn, None)}
        self._lost = {ref for row in known if row.lost_at is not None for ref in (row.ref, row.lost_below) if ref}
        self._scopes: dict[frozenset[str], Scope] = {}

    def refs(self) -> list[str]:
        return [row.ref for row in self._rows if self._waits(row)]

    def _waits(self, row: _Candidate) -> bool:
        mine = self._places.ruled(row.id)
        alone = self._scope(mine)
        if not alone.compares:
            return False
        above = self._services.dam.lies_in(row.ref)
        if row.id in self._hidden or self._lost & {*above, *mine}:
            return alone.mode is not Mode.DETECT
        others = self._places.elsewhere(row.id, row.file_version, row.placed_at)
        return any(
            narrow(alone, self._scope(place.refs)) != alone
            for place in others
            if not photo_places.is_decided_after(
                [self._rulings[one] for one in mine], row.placed_at, next(iter(above), ""), place
            )
        )

    def _scope(self, refs: frozenset[str]) -> Scope:
        if refs not in self._scopes:
            rules = [self._rules[one] for one in refs if one in self._rules]
            self._scopes[refs] = combine(rules, self._services.today())
        return self._scopes[refs]


def _may_be_held() -> ColumnElement[bool]:
    """Selects the few candidates."""
    r, twin = t.resource.c, t.resource.alias()
    lost_ones = t.collection.alias()
    around = (
        select(t.resource_collection.c.resource_id)
        .join(
            lost_ones,
            or_(
                lost_ones.c.ref == t.resource_collection.c.collection_ref,
                lost_ones.c.lost_below == t.resource_collection.c.collection_ref,
            ),
        )
        .where(lost_ones.c.lost_at.is_not(None))
    )
    return or_(
        r.file_version.in_(select(t.former_place.c.file_version)),
        select(twin.c.id)
        .where(twin.c.file_version == r.file_version, twin.c.id != r.id, twin.c.deleted_at.is_(None))
        .exists(),
        r.id.in_(around),
    )


def count_held(services: Services) -> int:
    """How many photographs wait."""
    with services.store.read() as conn:
        return len(list_held(services, conn)) if isinstance(services.dam, NamedCollections) else 0
