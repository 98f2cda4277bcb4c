"""The last day of clearance for each channel, as a field of the DAM.

A lease, not an answer (design, rule 7): at most `clearance.horizon_days` ahead, never beyond the earliest grant it
rests on, renewed while it lasts, and emptied when it ends. It is for the first configured purpose. The stored date is
the intent of the write: it commits before the DAM is called.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, true, update

from plugin.errors import DamError, ResourceGone
from plugin.flows.clearance import policy_fingerprint
from plugin.flows.common import valid_clearances
from plugin.flows.common.batches import Failed, chunked, in_short_writes, run_batches
from plugin.flows.common.services import Services
from plugin.hooks.dam import ShowsDates
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import StatementRow
from plugin.quitclaim.consent.intervals import last_whole_day

CHUNK = 500
EVERY = "*"  # the key of the job that writes all that is wished for; one photograph's own job has its ref
_AT_ONCE = 10


def plan_dates(services: Services, tx: Tx, resource_ids: Iterable[int], computed: bool = False) -> None:
    """Store what the DAM should show of these photographs, and queue the write if it differs.

    `computed`: their clearances were computed in this transaction, so they are valid whatever is cut.
    """
    if not isinstance(services.dam, ShowsDates):
        return
    for some in chunked(sorted(set(resource_ids)), CHUNK):
        _plan_some(services, tx, some, computed)


def plan_many(services: Services, resource_ids: Sequence[int]) -> None:
    """The same in as many short transactions as it takes."""
    in_short_writes(services.store, resource_ids, lambda tx, some: plan_dates(services, tx, some), _AT_ONCE)


def _plan_some(services: Services, tx: Tx, ids: Sequence[int], computed: bool) -> None:
    stored = tx.execute(select(t.statement).where(t.statement.c.resource_id.in_(ids)))
    before = {row.resource_id: dict(row.wanted) for row in stored}
    dates = _dates(services, tx.connection, ids, true() if computed else valid_clearances.is_valid(tx.connection))
    changed: dict[int, dict[str, str]] = {}
    for resource_id in ids:
        was = before.get(resource_id, {})
        removed = {channel: "" for channel, day in was.items() if day and channel not in dates[resource_id]}
        wanted = removed | _keep_recent(services, was, dates[resource_id])
        if wanted != was and (was or any(wanted.values())):
            changed[resource_id] = wanted
    _store(tx, changed, before.keys())
    for resource_id, wanted in sorted(changed.items()):
        tx.audit(Action.CLEARANCE_INTEND, "system", resource_id=resource_id, channels=len(wanted))
    if changed:
        services.queue.put(tx, "state", EVERY, priority=2)


def _store(tx: Tx, changed: Mapping[int, dict[str, str]], known: Collection[int]) -> None:
    new = [
        {"resource_id": key, "wanted": wanted, "wanted_at": tx.now, "stated_at": None}
        for key, wanted in changed.items()
        if key not in known
    ]
    if new:
        tx.execute(insert(t.statement), new)
    old = [{"key": key, "wish": wanted} for key, wanted in changed.items() if key in known]
    if old:
        this = t.statement.c.resource_id == bindparam("key")
        tx.execute(
            update(t.statement).where(this).values(wanted=bindparam("wish"), wanted_at=tx.now, stated_at=None), old
        )


def _dates(
    services: Services, conn: Connection, ids: Sequence[int], counts: ColumnElement[bool]
) -> dict[int, dict[str, str]]:
    """By photograph and channel the day in ISO form, or "" if it is not cleared now, or not known to be."""
    cleared, now = services.config.clearance, services.clock.now()
    horizon = now + timedelta(days=cleared.horizon_days)
    c = t.clearance.c
    # The purpose is compared below: by it SQLite would go through the library's index, and not to these photographs.
    query = select(c.resource_id, c.purpose, c.channel, c.valid_until).where(
        t.clearance.c.resource_id.in_(ids), t.clearance.c.valid_from <= now, t.clearance.c.valid_until > now, counts
    )
    found = {key: dict.fromkeys(cleared.channels, "") for key in ids}
    if not policy_fingerprint.is_shared(services, conn):
        return found
    today = services.today()
    for row in conn.execute(query):
        if row.purpose != cleared.purposes[0]:
            continue
        end = last_whole_day(min(row.valid_until, horizon), services.config.site.zone)
        if end >= today and row.channel in found[row.resource_id]:
            found[row.resource_id][row.channel] = end.isoformat()
    return found


def _keep_recent(services: Services, before: dict[str, str], wanted: dict[str, str]) -> dict[str, str]:
    """Moving a date on with the horizon waits until half of the horizon is over."""
    half = (services.today() + timedelta(days=services.config.clearance.horizon_days // 2)).isoformat()
    later = {channel for channel, day in wanted.items() if day > before.get(channel, "") > half}
    return {channel: before[channel] if channel in later else day for channel, day in wanted.items()}


def handle_state(services: Services, job: ClaimedJob) -> None:
    """Write the planned dates: of one photograph, whose ref is the job's key, or of all without an own job. Idempotent.

    A photograph on which the DAM fails while others succeed gets its own job, which is retried without them.
    """
    rows = _list_unwritten(services, job.key)
    alone: list[str] = []
    try:
        run_batches(rows, lambda some: _write(services, some), services.dam.at_once if rows else 1)
    except DamError:
        ids = {row.resource_id for row in rows}
        alone = [row.ref for row in _list_unwritten(services, job.key) if row.resource_id in ids]
        if job.key != EVERY or len(alone) == len(rows):
            raise
    with services.store.write() as tx:
        for ref in alone:
            services.queue.put(tx, "state", ref, priority=2)
        services.queue.finish(tx, job)


class _PlannedDates(StatementRow, Protocol):
    ref: str
    wanted: dict[str, str]
    stated: dict[str, str] | None


def _list_unwritten(services: Services, key: str) -> Sequence[_PlannedDates]:
    """What is planned and not written, of one photograph or of all that have no job of their own."""
    own = select(t.job.c.key).where(t.job.c.kind == "state", t.job.c.state.in_(("queued", "running")))
    which = t.resource.c.ref.not_in(own) if key == EVERY else t.resource.c.ref == key
    query = (
        select(t.statement, t.resource.c.ref)
        .join(t.resource, t.resource.c.id == t.statement.c.resource_id)
        .where(which, t.statement.c.stated_at.is_(None))
        .order_by(t.statement.c.resource_id)
    )
    with services.store.read() as conn:
        return conn.execute(query).all()


def _write(services: Services, rows: Sequence[_PlannedDates]) -> Failed[_PlannedDates]:
    """Call the DAM and record the outcome; returns those on which it failed, and why."""
    if not isinstance(services.dam, ShowsDates):
        return [(row, DamError("the DAM has no fields for dates: ask `facelease clearance`")) for row in rows]
    answers = services.dam.state_many({row.ref: _find_changed(row) for row in rows})
    done = [row for row in rows if answers[row.ref] is None]

    in_short_writes(services.store, done, lambda tx, some: _record_written(services, tx, some))
    return [(row, why) for row in rows if (why := answers[row.ref]) is not None and not isinstance(why, ResourceGone)]


def _find_changed(row: _PlannedDates) -> dict[str, date | None]:
    """The channels with another day than was last written."""
    before = row.stated or {}
    return {
        channel: date.fromisoformat(day) if day else None
        for channel, day in row.wanted.items()
        if day != before.get(channel)
    }


def _record_written(services: Services, tx: Tx, rows: Sequence[_PlannedDates]) -> None:
    s, ids = t.statement.c, [row.resource_id for row in rows]
    there = tx.execute(select(s.resource_id, s.wanted).where(s.resource_id.in_(ids)))
    wanted = {row.resource_id: row.wanted for row in there}
    alike: dict[tuple[str, bool], list[_PlannedDates]] = {}
    for row in rows:
        still = wanted.get(row.resource_id) == row.wanted
        alike.setdefault((json.dumps(row.wanted, sort_keys=True), still), []).append(row)
        tx.audit(Action.CLEARANCE_WRITE, "system", resource_id=row.resource_id)
    for (_, still), some in alike.items():
        these = s.resource_id.in_([row.resource_id for row in some])
        told = {"stated": some[0].wanted, "stated_at": tx.now if still else None}
        tx.execute(update(t.statement).where(these).values(**told))
    if not all(still for _, still in alike):
        services.queue.put(tx, "state", EVERY, priority=2)


@dataclass(frozen=True)
class ShownDates:
    """The last day in the DAM's fields, by channel; `told` is False while another is on its way."""

    days: Mapping[str, str]
    told: bool
    every: int
    """A day that only moves on is rewritten once in so many days."""


def find_shown(services: Services, ref: str) -> ShownDates | None:
    """What the DAM shows of the photograph; None where it has no fields for that."""
    if not isinstance(services.dam, ShowsDates):
        return None
    query = select(t.statement).join(t.resource, t.resource.c.id == t.statement.c.resource_id)
    with services.store.read() as conn:
        row = conn.execute(query.where(t.resource.c.ref == ref)).first()
    horizon = services.config.clearance.horizon_days
    if row is None:
        return ShownDates({}, True, horizon - horizon // 2)
    return ShownDates(dict(row.stated or {}), row.stated_at is not None, horizon - horizon // 2)


def resume(services: Services) -> None:
    """Queue the write of what is planned and not written, also if its job is dead."""
    untold = select(t.statement.c.resource_id).where(t.statement.c.stated_at.is_(None)).limit(1)
    with services.store.write() as tx:
        if tx.execute(untold).first() is not None:
            services.queue.put(tx, "state", EVERY, priority=2)


def renew(services: Services) -> None:
    """Nightly: move the dates on while the grants that they rest on last."""
    if not isinstance(services.dam, ShowsDates):
        return
    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.statement.c.resource_id)))
    plan_many(services, ids)
