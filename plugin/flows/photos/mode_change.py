"""A collection's mode changed, or a photograph moved to another mode: remove what is no longer allowed.

A narrower mode removes suggestions. *Never* removes everything that the machine decided, names in the DAM included,
and keeps what an editor confirmed or somebody set by hand. *Off* keeps all names and stops further work.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlalchemy import Connection, select

from plugin.errors import DamError
from plugin.flows.clearance import photo_answers
from plugin.flows.collections import modes
from plugin.flows.common import face_rows
from plugin.flows.common.batches import in_short_writes
from plugin.flows.common.services import Services
from plugin.flows.tags import intents
from plugin.ledger import tables as t
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import TagRow
from plugin.quitclaim.clearance.scope import Mode

PORTION = 200
_BATCH = 3


def handle_mode_change(services: Services, job: ClaimedJob) -> None:
    """The next photographs of the collection, then a job for the rest: a crash repeats one portion at most.

    The job's key is the collection's ref. If the mode changed again, it restarts. A photograph on which the DAM fails
    gets a job of its own and does not block the others.
    """
    mine = t.resource_collection.c
    behind = (mine.collection_ref == job.key) & (mine.resource_id > job.payload.get("after", 0))
    with services.store.read() as conn:
        query = select(mine.resource_id).where(behind).order_by(mine.resource_id).limit(PORTION)
        ids = list(conn.scalars(query))
    _drop_suggestions(services, ids)
    failed = _remove_forbidden(services, ids)
    with services.store.write() as tx:
        changed_again = tx.connection.scalar(select(t.job.c.again).where(t.job.c.id == job.id))
        services.queue.finish(tx, job)
        for ref in _find_refs(tx.connection, failed):
            services.queue.put(tx, "names", ref)
        if len(ids) == PORTION and not changed_again:
            services.queue.put(tx, "remode", job.key, {"after": ids[-1]})


def handle_unheld(services: Services, job: ClaimedJob) -> None:
    """No decision is pending any more: queue the next photographs of the collection (the job's key) that waited, and
    a job for the rest, in one commit."""
    r, mine = t.resource.c, t.resource_collection.c
    query = (
        select(r.id, r.ref, r.matched)
        .join(t.resource_collection, mine.resource_id == r.id)
        .where(mine.collection_ref == job.key, r.deleted_at.is_(None), mine.resource_id > job.payload["after"])
    )
    with services.store.read() as conn:
        rows = conn.execute(query.order_by(mine.resource_id).limit(PORTION)).all()
    with services.store.write() as tx:
        services.queue.finish(tx, job)
        for row in rows:
            if not row.matched:
                services.queue.put(tx, "photo", row.ref, priority=6)
        if len(rows) == PORTION:
            services.queue.put(tx, "unheld", job.key, {"after": rows[-1].id})


def _find_refs(conn: Connection, opened: Iterable[int]) -> list[str]:
    query = select(t.resource.c.ref).join(t.intent, t.intent.c.resource_id == t.resource.c.id)
    return list(conn.scalars(query.where(t.intent.c.id.in_(list(opened))).distinct()))


def _drop_suggestions(services: Services, ids: Sequence[int]) -> None:
    with services.store.read() as conn:
        mine = sorted({face.resource_id for face in face_rows.list_of_many(conn, ids) if face.state == "suggested"})

    def drop(tx: Tx, some: Sequence[int]) -> None:
        for face in face_rows.list_of_many(tx.connection, some):
            if face.state == "suggested":
                scope = modes.scope_of(services, tx.connection, face.resource_id)
                if face.person_id is None or not modes.allows(scope, face.person_id, "suggest"):
                    face_rows.set_state(tx, face.id, "unmatched")

    in_short_writes(services.store, mine, drop, _BATCH)


def remove_forbidden(services: Services, resource_id: int) -> None:
    """Remove the machine's names from the photograph if it lies in a *never* collection.

    Raises DamError if the DAM failed: the removal stays open and is retried with the next comparison.
    """
    for error in _remove_forbidden(services, [resource_id]).values():
        raise error


def _remove_forbidden(services: Services, ids: Sequence[int]) -> dict[int, DamError]:
    """The same for many; returns the intents on which the DAM failed, and why."""
    with services.store.read() as conn:
        asked = _find_forbidden(services, conn, ids)
    opened: list[int] = []

    def forget(tx: Tx, some: Sequence[int]) -> None:
        still = _find_forbidden(services, tx.connection, some)
        opened.extend(intent for one in still for intent in _unname(services, tx, one))
        photo_answers.recompute(services, tx, still)

    in_short_writes(services.store, asked, forget, _BATCH)
    failed = intents.carry_out_many(services, opened) if opened else {}
    photo_answers.recompute_many(services, asked)
    return failed


def _find_forbidden(services: Services, conn: Connection, ids: Sequence[int]) -> list[int]:
    return [one for one in _find_named_by_machine(conn, ids) if modes.scope_of(services, conn, one).mode is Mode.NEVER]


_MACHINE_TAG = (t.tag.c.origin == "machine") & t.tag.c.person_id.is_not(None)


def _find_named_by_machine(conn: Connection, ids: Sequence[int]) -> list[int]:
    """Those of the photographs with a name that only the machine decided, written or about to be.

    Queried by photograph alone: with a condition on the state SQLite would scan all rows of that state.
    """
    seen = face_rows.list_of_many(conn, ids)
    found = {f.resource_id for f in seen if f.state == "suggested" or (f.state == "matched" and not f.decided_by)}
    tags = select(t.tag.c.resource_id, t.tag.c.origin, t.tag.c.person_id).where(t.tag.c.resource_id.in_(ids))
    found |= {tag.resource_id for tag in conn.execute(tags) if tag.origin == "machine" and tag.person_id}
    i = t.intent.c
    written = select(i.resource_id, i.state, i.origin, i.action).where(i.resource_id.in_(ids))
    for row in conn.execute(written):
        if (row.state, row.origin) == ("open", "machine") and row.action != "release":
            found.add(row.resource_id)
    return sorted(found)


def _unname(services: Services, tx: Tx, resource_id: int) -> list[int]:
    """Unname the faces that the machine named; returns the intents to carry out, including those of an earlier try."""
    face_rows.forget_machine_names(tx, resource_id)
    machines = (t.intent.c.state == "open") & (t.intent.c.origin == "machine") & (t.intent.c.action != "release")
    open_ = tx.execute(select(t.intent).where(machines, t.intent.c.resource_id == resource_id)).all()
    removed = {row.person_id for row in open_ if row.action == "remove"}
    tags = tx.execute(select(t.tag).where(_MACHINE_TAG, t.tag.c.resource_id == resource_id)).all()
    return [row.id for row in open_] + [
        _propose_removal(services, tx, tag) for tag in tags if tag.person_id not in removed
    ]


class _NamedTag(TagRow, Protocol):
    person_id: str


def _propose_removal(services: Services, tx: Tx, tag: _NamedTag) -> int:
    where = (tag.resource_id, tag.person_id, tag.node)
    return intents.propose(services, tx, intents.NewIntent(*where, "remove", "machine", frozenset(tag.places)))
