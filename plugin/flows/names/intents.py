"""No write to the DAM without an intent: stored before the call, closed after it, undone if need be.

A call whose outcome is not known (the process died, the DAM timed out) is repeated or undone, never
assumed away: every write is a difference against what shall be, so repeating one does no harm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, insert, select

from plugin.errors import DamError, ResourceGone, WriteRefused
from plugin.flows.common import closed_house, reference_sets, roster
from plugin.flows.common.batches import chunked, in_short_writes
from plugin.flows.common.services import Services
from plugin.flows.names import intent_outcomes, returned_names
from plugin.hooks.dam import Box, Names, Resource, Task, Write
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx, inserted_id
from plugin.quitclaim.consent.model import name_key

SYSTEM = "system"
CHUNK = 20  # intents or outcomes of one transaction: others wait for it


@dataclass(frozen=True)
class Proposal:
    """A name to be put on, or taken off, one resource: what the intent stores."""

    resource_id: int
    person_id: str
    node: str
    action: str  # add, remove, release
    origin: str  # machine, confirmed, hand
    places: frozenset[str]
    face_id: int | None = None
    set_id: str | None = None  # the reference set that the name rests on


def propose(services: Services, tx: Tx, proposal: Proposal, actor: str = SYSTEM) -> int:
    """Store the intent and its audit row in the caller's transaction; returns the intent's id."""
    result = tx.execute(
        insert(t.intent).values(
            resource_id=proposal.resource_id, person_id=proposal.person_id, face_id=proposal.face_id,
            node=proposal.node, action=proposal.action, origin=proposal.origin,
            places=sorted(proposal.places), state="open", set_id=proposal.set_id,
            generation=tx.generation(), created_at=tx.now,
        )
    )  # fmt: skip
    key = inserted_id(result)
    tx.audit(
        Action.TAG_INTEND, actor, subject=roster.subject(services, tx, proposal.person_id),
        resource_id=proposal.resource_id, intent=key, change=proposal.action, origin=proposal.origin,
    )  # fmt: skip
    return key


def absent(services: Services, resource: Resource, node: str) -> frozenset[str]:
    """The places in which `node` does not stand on `resource`: what we write there is ours."""
    wanted = name_key(node)
    there = frozenset[str]().union(
        *(named.places for named in resource.names if name_key(named.node) == wanted)
    )
    return services.dam.places - there


def carry_out(services: Services, intent_id: int, actor: str = SYSTEM) -> str:
    """Make the DAM as the intent says, or as it was if the grant has ended since.

    Returns the intent's last state: done, undone, failed or void; open where a name waits for the house to be
    opened. Raises DamError when the DAM did not do it: the intent stays open and the job comes again.
    """
    error = carry_out_many(services, [intent_id], actor).get(intent_id)
    if error is not None:
        raise error
    with services.store.read() as conn:
        return conn.scalar(select(t.intent.c.state).where(t.intent.c.id == intent_id)) or "void"


def carry_out_many(services: Services, intent_ids: Sequence[int], actor: str = SYSTEM) -> dict[int, DamError]:
    """The same for many, in as few calls as the DAM has for them; returns those that stay open, and why."""
    failed: dict[int, DamError] = {}
    pending, undoing = list(intent_ids), set[int]()
    while pending:
        plans = _plans(services, pending, undoing)
        position = _position(services) if any(plan.takes_off for plan in plans) else None
        answers = services.dam.write_many([plan.task for plan in plans]) if plans else {}
        again: list[int] = []

        def settle(tx: Tx, some: Sequence[_Plan], known: Any = (answers, position, again)) -> None:
            for plan in some:
                _settle(services, tx, plan, known[0][plan.row.ref], known[1], actor, failed, known[2])

        in_short_writes(services.store, plans, settle, 5)
        returned_names.remember_written(services, [plan.row.ref for plan in plans])
        undoing |= set(again)
        met = {plan.row.id for plan in plans}
        pending = [] if not plans else [i for i in pending if i not in met] + again
    return failed


def _position(services: Services) -> int | None:
    """How far the DAM's log goes before names are taken off; not known where it does not answer."""
    try:
        return services.dam.position()
    except DamError:
        return None


@dataclass(frozen=True)
class _Plan:
    """One intent, and what is to be written for it now: the opposite where it has lost its ground."""

    row: Row[Any]
    task: Task
    undoing: bool

    @property
    def takes_off(self) -> bool:
        """Whether a name goes."""
        return self.row.action == "remove" or self.undoing


def _plans(services: Services, ids: Sequence[int], undoing: set[int]) -> list[_Plan]:
    """For the intents that are open, one a resource: a second one of the same resource waits for the first.

    In a closed house no name is put on.
    """
    rows: dict[str, Row[Any]] = {}
    plans = []
    with services.store.read() as conn:
        for some in chunked(ids, CHUNK):
            for row in conn.execute(_open_intents(some)):
                rows.setdefault(row.ref, row)
        closed = closed_house.why(services, conn) is not None
        for row in rows.values():
            undo = row.id in undoing or not intent_outcomes.wanted(services, conn, row)
            if closed and row.action == "add" and not undo:
                continue
            plans.append(_Plan(row, _task(services, conn, row, undo), undo))
    return plans


def _settle(
    services: Services, tx: Tx, plan: _Plan, answer: Names | DamError, position: int | None, actor: str,
    failed: dict[int, DamError], again: list[int],
) -> None:  # fmt: skip
    """Record what the DAM answered; into `again` goes what has to be undone, into `failed` what stays open."""
    row = plan.row
    if isinstance(answer, ResourceGone):
        intent_outcomes.close(services, tx, row, "void", actor)
    elif isinstance(answer, WriteRefused) and row.action == "add" and not plan.undoing:
        intent_outcomes.close(services, tx, row, "failed", actor, str(answer))
    elif isinstance(answer, DamError):
        failed[row.id] = answer
    elif plan.takes_off and _stands(answer, row):
        failed[row.id] = DamError("a name that was to go still stands: it is tried again")
    elif not intent_outcomes.land(
        services, tx, row, actor, plan.undoing, plan.task.released, _stands(answer, row), position
    ):
        again.append(row.id)


def recover(services: Services, where: Any) -> None:
    """Carry out every open intent that `where` selects: what a killed process left."""
    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.intent.c.id).where(t.intent.c.state == "open", where)))
    for intent_id in ids:
        carry_out(services, intent_id)


def stranded(services: Services) -> list[str]:
    """Resources on which a process died between an intent and its outcome: it had a lease's time to finish.

    Not those of somebody who is being revoked: that job takes up all of them, however long it waits for the
    DAM. Where it was given up, removals wait until it is asked for again.
    """
    old = services.clock.now() - timedelta(seconds=services.config.jobs.lease_seconds)
    given_up = (t.job.c.state == "dead") & (t.intent.c.action == "remove")
    revoked = select(t.job.c.id).where(
        t.job.c.kind.in_(("revoke", "erase")), t.job.c.key == t.intent.c.person_id,
        t.job.c.state.in_(("queued", "running")) | given_up,
    )  # fmt: skip
    query = (
        select(t.resource.c.ref)
        .join(t.intent, t.intent.c.resource_id == t.resource.c.id)
        .where(t.intent.c.state == "open", t.intent.c.created_at <= old, ~revoked.exists())
        .distinct()
    )
    with services.store.read() as conn:
        return list(conn.scalars(query))


def _open_intents(ids: Sequence[int]) -> Any:
    return (
        select(t.intent, t.resource.c.ref, t.face.c.left, t.face.c.top, t.face.c.width, t.face.c.height)
        .join(t.resource, t.resource.c.id == t.intent.c.resource_id)
        .outerjoin(t.face, t.face.c.id == t.intent.c.face_id)
        .where(t.intent.c.id.in_(ids), t.intent.c.state == "open")
        .order_by(t.intent.c.id)
    )


def _task(services: Services, conn: Any, row: Row[Any], undoing: bool) -> Task:
    add = row.action == "add" and not undoing
    change = {row.person_id: add} if row.action != "release" else {}
    sets = {row.person_id: row.set_id} if add and row.set_id else None
    released = release(services, conn, row.resource_id, change, sets)
    if row.action == "release":
        return Task(row.ref, (), released)
    box: Box | None = None if row.left is None else (row.left, row.top, row.width, row.height)
    return Task(row.ref, (Write(row.node, add, frozenset(row.places), box),), released)


def release(
    services: Services, conn: Any, resource_id: int, change: dict[str, bool],
    sets: Mapping[str, str | None] | None = None,
) -> bool | None:  # fmt: skip
    """Whether everybody whom we tagged on the resource has a publication grant; None if nobody is tagged.

    No, where a name rests on pictures that nobody has vouched for. `change` adds (True) or leaves out
    (False) people whose write is on its way, `sets` says on what those rest.
    """
    query = select(t.tag.c.person_id, t.tag.c.set_id).where(
        t.tag.c.resource_id == resource_id, t.tag.c.origin != "hand", t.tag.c.person_id.is_not(None)
    )
    leaving = {who for who, stays in change.items() if not stays}
    rests = {row.person_id: row.set_id for row in conn.execute(query)} | dict(sets or {})
    tagged = (rests.keys() | change.keys()) - leaving
    if not tagged:
        return None
    resting = {rests[who] for who in tagged if rests.get(who)}
    if resting - reference_sets.vouched_among(conn, resting):
        return False
    if closed_house.why(services, conn) is not None and not conn.scalar(_stated(resource_id)):
        return False  # a closed house says no yes that was not said before
    now = services.clock.now()
    standings = roster.load_many(services, conn, tagged)
    return all(standing.any_publication(now) for standing in standings.values())


def _stated(resource_id: int) -> Any:
    return select(t.resource.c.released).where(t.resource.c.id == resource_id)


def _stands(names: Names, row: Row[Any]) -> frozenset[str]:
    """Where the name stands after our write, of the places that we meant: a file may have no room for it."""
    wanted = name_key(row.node)
    there = frozenset[str]().union(*(n.places for n in names if name_key(n.node) == wanted))
    return there & frozenset(row.places)


def open_for(conn: Any, person_id: str) -> Iterable[int]:
    """The person's intents whose outcome is not known."""
    query = select(t.intent.c.id).where(t.intent.c.person_id == person_id, t.intent.c.state == "open")
    return list(conn.scalars(query))
