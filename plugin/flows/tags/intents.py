"""No write to the DAM without an intent: stored before the call, closed after it, undone if need be.

A call whose outcome is not known (the process died, the DAM timed out) is repeated or undone, never
assumed away: every write is a difference against what shall be, so repeating one does no harm.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, select

from plugin.errors import DamError, ResourceGone, WriteRefused
from plugin.flows.common import closed_house, face_rows, roster
from plugin.flows.common.batches import chunked, in_short_writes
from plugin.flows.common.services import Services
from plugin.flows.tags import intent_outcomes, intent_rows, release_statement, returned_names
from plugin.flows.tags.release_statement import Change
from plugin.hooks.dam import Dam, KeepsLog, Names, Resource, Task, Write
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import IntentRow
from plugin.quitclaim.consent.model import name_key

SYSTEM = "system"
CHUNK = 20  # intents or outcomes of one transaction: others wait for it


@dataclass(frozen=True)
class NewIntent:
    """A name to be written on, or removed from, one resource."""

    resource_id: int
    person_id: str
    node: str
    action: str  # add, remove, release
    origin: str  # machine, confirmed, hand
    places: frozenset[str]
    face_id: int | None = None
    set_id: str | None = None  # the reference set that the name rests on


def propose(services: Services, tx: Tx, proposal: NewIntent, actor: str = SYSTEM) -> int:
    """Store the intent and its audit row in the caller's transaction; returns the intent's id."""
    return propose_many(services, tx, [proposal], actor)[0]


def propose_many(services: Services, tx: Tx, proposals: Sequence[NewIntent], actor: str = SYSTEM) -> Sequence[int]:
    """The same for many; returns their ids, in the order of the proposals."""
    if not proposals:
        return []
    keys = intent_rows.enter(tx, [asdict(one) | {"places": sorted(one.places)} for one in proposals])
    for key, one in zip(keys, proposals, strict=True):
        tx.audit(
            Action.TAG_INTEND,
            actor,
            subject=roster.subject(services, tx, one.person_id),
            resource_id=one.resource_id,
            intent=key,
            change=one.action,
            origin=one.origin,
        )
    return keys


def places_without(services: Services, resource: Resource, node: str) -> frozenset[str]:
    """The places in which `node` is not on `resource`: what we write there is ours."""
    wanted = name_key(node)
    there = frozenset[str]().union(*(named.places for named in resource.names if name_key(named.node) == wanted))
    return services.dam.places - there


def carry_out(services: Services, intent_id: int, actor: str = SYSTEM) -> str:
    """Make the DAM as the intent says, or as it was if the grant has ended since.

    Returns the intent's last state: done, undone, failed or void; open if a name waits for the house to be opened.
    Raises DamError if the DAM did not do it: the intent stays open and the job is retried.
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
        plans = _make_plans(services, pending, undoing)
        position = log_position(services.dam) if any(plan.takes_off for plan in plans) else None
        answers = services.dam.write_many([plan.task for plan in plans]) if plans else {}
        written = _Written(answers, position, actor)
        alike = all(plan.row.action == "remove" for plan in plans)
        in_short_writes(services.store, plans, partial(_settle_some, services, written), CHUNK if alike else 5)
        returned_names.remember_written(services, [plan.row.ref for plan in plans])
        failed |= written.failed
        undoing |= set(written.again)
        met = {plan.row.id for plan in plans}
        pending = [] if not plans else [i for i in pending if i not in met] + written.again
    return failed


def log_position(dam: Dam) -> int | None:
    """How far the DAM's log goes before names are taken off; not known where it does not answer."""
    try:
        return dam.position() if isinstance(dam, KeepsLog) else None
    except DamError:
        return None


class _OpenIntent(IntentRow, face_rows.Sides, Protocol):
    """With the ref of the resource, and the box of the face, if there is one."""

    ref: str


@dataclass(frozen=True)
class _Plan:
    """One intent, and what is to be written for it now: the opposite where it has lost its ground."""

    row: _OpenIntent
    task: Task
    undoing: bool

    @property
    def takes_off(self) -> bool:
        """Whether a name goes."""
        return self.row.action == "remove" or self.undoing


@dataclass(frozen=True)
class _Written:
    """What the DAM answered, by ref, and of its log the position before. Of the intents: `failed` stay open, and why;
    `again` have to be undone."""

    answers: Mapping[str, Names | DamError]
    position: int | None
    actor: str
    failed: dict[int, DamError] = field(default_factory=dict)
    again: list[int] = field(default_factory=list)


def _make_plans(services: Services, ids: Sequence[int], undoing: set[int]) -> list[_Plan]:
    """For the intents that are open, one a resource: a second one of the same resource waits for the first.

    In a closed house no name is put on.
    """
    rows: dict[str, _OpenIntent] = {}
    with services.store.read() as conn:
        for some in chunked(ids, CHUNK):
            for row in _list_open_intents(conn, some):
                rows.setdefault(row.ref, row)
        closed = closed_house.find_reason_in(services, conn) is not None
        chosen: list[tuple[_OpenIntent, bool]] = []
        for row in rows.values():
            undo = row.id in undoing or not intent_outcomes.is_wanted(services, conn, row)
            if not closed or row.action != "add" or undo:
                chosen.append((row, undo))
        changes = {row.resource_id: _change(row, undo) for row, undo in chosen}
        released = release_statement.of_many(services, conn, changes)
    return [_Plan(row, _task(row, undo, released[row.resource_id]), undo) for row, undo in chosen]


def _is_off(plan: _Plan, answer: Names | DamError) -> bool:
    """Whether the name was to go, and does not stand any more."""
    return plan.row.action == "remove" and not isinstance(answer, DamError) and not _find_standing(answer, plan.row)


def _settle_some(services: Services, written: _Written, tx: Tx, some: Sequence[_Plan]) -> None:
    off = [plan for plan in some if _is_off(plan, written.answers[plan.row.ref])]
    taken = [(plan.row, plan.task.released) for plan in off]
    intent_outcomes.take_off(services, tx, taken, written.actor, written.position)
    for plan in some:
        if plan not in off:
            _settle(services, written, tx, plan)


def _settle(services: Services, written: _Written, tx: Tx, plan: _Plan) -> None:
    row, actor = plan.row, written.actor
    answer = written.answers[row.ref]
    if isinstance(answer, ResourceGone):
        intent_outcomes.give_up(services, tx, row, "void", actor)
    elif isinstance(answer, WriteRefused) and row.action == "add" and not plan.undoing:
        intent_outcomes.give_up(services, tx, row, "failed", actor, str(answer))
    elif isinstance(answer, DamError):
        written.failed[row.id] = answer
    elif plan.takes_off and _find_standing(answer, row):
        written.failed[row.id] = DamError("a name that was to go still stands: it is tried again")
    elif not intent_outcomes.record_outcome(
        services, tx, row, actor, plan.undoing, plan.task.released, _find_standing(answer, row), written.position
    ):
        written.again.append(row.id)


def recover(services: Services, where: ColumnElement[bool]) -> None:
    """Carry out every open intent that `where` selects, left by a killed process."""
    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.intent.c.id).where(t.intent.c.state == "open", where)))
    for intent_id in ids:
        carry_out(services, intent_id)


def list_stranded(services: Services) -> list[str]:
    """Resources on which a process died between an intent and its outcome, longer ago than a lease.

    Not those of a person with an open revocation: that job carries out all of them, however long it waits for the
    DAM. If it is dead, removals wait until it is queued again.
    """
    old = services.clock.now() - timedelta(seconds=services.config.jobs.lease_seconds)
    given_up = (t.job.c.state == "dead") & (t.intent.c.action == "remove")
    job, is_open = t.job.c, t.job.c.state.in_(("queued", "running"))
    theirs = job.kind.in_(("revoke", "erase")) & (job.key == t.intent.c.person_id)
    revoked = select(job.id).where(theirs, is_open | given_up)
    query = (
        select(t.resource.c.ref)
        .join(t.intent, t.intent.c.resource_id == t.resource.c.id)
        .where(t.intent.c.state == "open", t.intent.c.created_at <= old, ~revoked.exists())
        .distinct()
    )
    with services.store.read() as conn:
        return list(conn.scalars(query))


def _list_open_intents(conn: Connection, ids: Sequence[int]) -> Sequence[_OpenIntent]:
    query = (
        select(t.intent, t.resource.c.ref, t.face.c.left, t.face.c.top, t.face.c.width, t.face.c.height)
        .join(t.resource, t.resource.c.id == t.intent.c.resource_id)
        .outerjoin(t.face, t.face.c.id == t.intent.c.face_id)
        .where(t.intent.c.id.in_(ids), t.intent.c.state == "open")
        .order_by(t.intent.c.id)
    )
    return conn.execute(query).all()


def _change(row: _OpenIntent, undoing: bool) -> Change:
    """What the write on its way adds to, or takes from, the people who are tagged on the resource."""
    if row.action == "release":
        return Change()
    add = row.action == "add" and not undoing
    return Change({row.person_id: row.set_id}) if add else Change(leaving=frozenset({row.person_id}))


def _task(row: _OpenIntent, undoing: bool, released: bool | None) -> Task:
    if row.action == "release":
        return Task(row.ref, (), released)
    add = row.action == "add" and not undoing
    return Task(row.ref, (Write(row.node, add, frozenset(row.places), face_rows.find_box(row)),), released)


def _find_standing(names: Names, row: _OpenIntent) -> frozenset[str]:
    """Where the name stands after our write, of the places that we meant: a file may have no room for it."""
    wanted = name_key(row.node)
    there = frozenset[str]().union(*(n.places for n in names if name_key(n.node) == wanted))
    return there & frozenset(row.places)


def pending(conn: Connection, resource_ids: Collection[int], action: str) -> dict[tuple[int, str], int]:
    """The intents for `action` on these resources whose outcome is not known, by resource and person."""
    i = t.intent.c
    query = select(i.id, i.resource_id, i.person_id).where(
        i.resource_id.in_(resource_ids), i.action == action, i.state == "open"
    )
    return {(row.resource_id, row.person_id): row.id for row in conn.execute(query.order_by(i.id.desc()))}


def list_open(conn: Connection, person_id: str) -> Sequence[int]:
    """The person's intents whose outcome is not known."""
    query = select(t.intent.c.id).where(t.intent.c.person_id == person_id, t.intent.c.state == "open")
    return conn.scalars(query).all()
