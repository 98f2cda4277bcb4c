"""No write to the DAM without an intent: stored before the call, closed after it, undone if need be.

A call whose outcome is not known (the process died, the DAM timed out) is repeated or undone, never
assumed away: every write is a difference against what shall be, so repeating one does no harm.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from plugin.errors import ResourceGone, WriteRefused
from plugin.flows import faces, modes, roster
from plugin.flows.services import Services
from plugin.hooks.dam import Box, Resource, Write
from plugin.ledger import tables as t
from plugin.ledger.audit import Action
from plugin.ledger.store import Tx, inserted
from plugin.quitclaim.model import name_key

SYSTEM = "system"


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


def propose(services: Services, tx: Tx, proposal: Proposal, actor: str = SYSTEM) -> int:
    """Store the intent and its audit row in the caller's transaction; returns the intent's id."""
    result = tx.execute(
        insert(t.intent).values(
            resource_id=proposal.resource_id, person_id=proposal.person_id, face_id=proposal.face_id,
            node=proposal.node, action=proposal.action, origin=proposal.origin,
            places=sorted(proposal.places), state="open",
            generation=tx.generation(), created_at=tx.now,
        )
    )  # fmt: skip
    key = inserted(result)
    tx.audit(
        Action.TAG_INTEND, actor, subject=roster.subject(services, tx.connection, proposal.person_id),
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

    Returns the intent's last state: done, undone, failed or void. Raises DamError when the DAM did
    not do it: the intent stays open and the job comes again.
    """
    undoing = False
    while True:
        row = _open_intent(services, intent_id)
        if row is None:
            return _state(services, intent_id)
        with services.store.read() as conn:
            undoing = undoing or not _wanted(services, conn, row)
            write, released = _write(services, conn, row, undoing)
        try:
            resource = services.dam.write(row.ref, [write] if write else [], released)
        except ResourceGone:
            return _close(services, row, "void", actor)
        except WriteRefused as error:
            if row.action == "add" and not undoing:
                return _close(services, row, "failed", actor, str(error))
            raise
        if _land(services, row, actor, undoing, released, _stands(resource, row)):
            return _state(services, intent_id)
        undoing = True


def recover(services: Services, where: Any) -> None:
    """Carry out every open intent that `where` selects: what a killed process left."""
    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.intent.c.id).where(t.intent.c.state == "open", where)))
    for intent_id in ids:
        carry_out(services, intent_id)


def stranded(services: Services) -> list[str]:
    """Resources on which a process died between an intent and its outcome: it had a lease's time to finish."""
    old = services.clock.now() - timedelta(seconds=services.config.jobs.lease_seconds)
    query = (
        select(t.resource.c.ref)
        .join(t.intent, t.intent.c.resource_id == t.resource.c.id)
        .where(t.intent.c.state == "open", t.intent.c.created_at <= old)
        .distinct()
    )
    with services.store.read() as conn:
        return list(conn.scalars(query))


def _open_intent(services: Services, intent_id: int) -> Row[Any] | None:
    query = (
        select(t.intent, t.resource.c.ref, t.face.c.left, t.face.c.top, t.face.c.width, t.face.c.height)
        .join(t.resource, t.resource.c.id == t.intent.c.resource_id)
        .outerjoin(t.face, t.face.c.id == t.intent.c.face_id)
        .where(t.intent.c.id == intent_id, t.intent.c.state == "open")
    )
    with services.store.read() as conn:
        return conn.execute(query).first()


def _state(services: Services, intent_id: int) -> str:
    with services.store.read() as conn:
        return conn.scalar(select(t.intent.c.state).where(t.intent.c.id == intent_id)) or "void"


def _write(services: Services, conn: Any, row: Row[Any], undoing: bool) -> tuple[Write | None, bool | None]:
    add = row.action == "add" and not undoing
    released = release(
        services, conn, row.resource_id, {row.person_id: add} if row.action != "release" else {}
    )
    if row.action == "release":
        return None, released
    box: Box | None = None if row.left is None else (row.left, row.top, row.width, row.height)
    return Write(row.node, add, frozenset(row.places), box), released


def release(services: Services, conn: Any, resource_id: int, change: dict[str, bool]) -> bool | None:
    """Whether everybody whom we tagged on the resource has a publication grant; None if nobody is tagged.

    `change` adds (True) or leaves out (False) people whose write is on its way.
    """
    query = select(t.tag.c.person_id).where(
        t.tag.c.resource_id == resource_id, t.tag.c.origin != "hand", t.tag.c.person_id.is_not(None)
    )
    tagged = (set(conn.scalars(query)) | set(change)) - {who for who, stays in change.items() if not stays}
    if not tagged:
        return None
    now = services.clock.now()
    standings = roster.load_many(conn, tagged)
    return all(roster.any_publication(services, standing, now) for standing in standings.values())


def _wanted(services: Services, conn: Any, row: Row[Any]) -> bool:
    """Whether the tag may still be put there: asked before the call and again in the transaction after it."""
    if row.action != "add":
        return True
    standing = roster.load_many(conn, [row.person_id]).get(row.person_id)
    if standing is None:
        return False
    if row.face_id is not None:
        face = conn.execute(select(t.face).where(t.face.c.id == row.face_id)).first()
        if face is None or face.state != "matched" or face.person_id != row.person_id:
            return False
    now = services.clock.now()
    if row.origin == "machine":
        scope = modes.scope_of(services, conn, row.resource_id)
        return roster.recognition(services, standing, now) is not None and modes.allows(
            scope, row.person_id, "auto"
        )
    return roster.in_force(services, standing, now)


def _stands(resource: Resource, row: Row[Any]) -> frozenset[str]:
    """Where the name stands after our write, of the places that we meant: a file may have no room for it."""
    wanted = name_key(row.node)
    there = frozenset[str]().union(*(n.places for n in resource.names if name_key(n.node) == wanted))
    return there & frozenset(row.places)


def _land(
    services: Services,
    row: Row[Any],
    actor: str,
    undoing: bool,
    released: bool | None,
    places: frozenset[str],
) -> bool:
    """Record the outcome; False when what was written has lost its ground and must be undone."""
    with services.store.write() as tx:
        state = tx.connection.scalar(select(t.intent.c.state).where(t.intent.c.id == row.id))
        if state != "open":
            return not _came_late(services, tx, row, actor, undoing, state)
        stated = update(t.resource).where(t.resource.c.id == row.resource_id).values(released=released)
        tx.execute(stated)
        if not undoing and not _wanted(services, tx.connection, row):
            return False
        if row.action == "add" and not undoing:
            _keep_tag(tx, row, places)
        elif row.action != "release":
            _drop_tag(tx, row)
            _unmatch(tx, row)
        _finish(services, tx, row, "undone" if undoing else "done", actor)
    return True


def _came_late(
    services: Services, tx: Tx, row: Row[Any], actor: str, undoing: bool, state: str | None
) -> bool:
    """Whether our name was put on after another process had taken it off again: opened anew, to be undone."""
    if row.action != "add" or undoing or state is None:
        return False
    mine = (t.tag.c.resource_id == row.resource_id) & (t.tag.c.node_key == name_key(row.node))
    if state == "done" and tx.execute(select(t.tag.c.id).where(mine)).first() is not None:
        return False
    tx.execute(update(t.intent).where(t.intent.c.id == row.id).values(state="open", finished_at=None))
    tx.audit(
        Action.TAG_INTEND, actor, subject=roster.subject(services, tx.connection, row.person_id),
        resource_id=row.resource_id, intent=row.id, change="remove", origin=row.origin,
    )  # fmt: skip
    return True


def _unmatch(tx: Tx, row: Row[Any]) -> None:
    """The face of a tag that was not to be: nobody decided on it, so that it may be looked at again."""
    if row.action == "add":
        faces.free(
            tx, row.person_id, ("matched",), (t.face.c.id == row.face_id) & t.face.c.decided_by.is_(None)
        )


def _keep_tag(tx: Tx, row: Row[Any], ours: frozenset[str]) -> None:
    mine = (t.tag.c.resource_id == row.resource_id) & (t.tag.c.node_key == name_key(row.node))
    there = tx.execute(select(t.tag).where(mine)).first()
    if there is None:
        tx.execute(
            insert(t.tag).values(
                resource_id=row.resource_id, node=row.node, node_key=name_key(row.node),
                person_id=row.person_id, origin=row.origin, places=sorted(ours), created_at=tx.now,
            )
        )  # fmt: skip
    else:
        places = sorted(set(there.places) | ours)
        origin = "confirmed" if "confirmed" in {there.origin, row.origin} else row.origin
        tx.execute(update(t.tag).where(mine).values(person_id=row.person_id, origin=origin, places=places))


def _drop_tag(tx: Tx, row: Row[Any]) -> None:
    """Forget our tag; where the name also stands by hand elsewhere on the resource, the next look tells."""
    tx.execute(
        delete(t.tag).where(
            t.tag.c.resource_id == row.resource_id, t.tag.c.node_key == name_key(row.node),
            (t.tag.c.origin != "hand") | (row.origin == "hand"),
        )
    )  # fmt: skip


_SAID = {
    ("add", "done"): Action.TAG_WRITE,
    ("add", "undone"): Action.TAG_UNDO,
    ("remove", "done"): Action.TAG_REMOVE,
    ("release", "done"): Action.RELEASE_WRITE,
}


def _finish(
    services: Services, tx: Tx, row: Row[Any], state: str, actor: str, error: str | None = None
) -> None:
    values = {"state": state, "finished_at": tx.now, "error": error}
    tx.execute(update(t.intent).where(t.intent.c.id == row.id).values(**values))
    tx.audit(
        _SAID.get((row.action, state), Action.TAG_FAIL), actor,
        subject=roster.subject(services, tx.connection, row.person_id),
        resource_id=row.resource_id, intent=row.id, origin=row.origin,
    )  # fmt: skip


def _close(services: Services, row: Row[Any], state: str, actor: str, error: str | None = None) -> str:
    with services.store.write() as tx:
        if tx.connection.scalar(select(t.intent.c.state).where(t.intent.c.id == row.id)) == "open":
            if state == "void":
                _drop_tag(tx, row)
                _unmatch(tx, row)
            _finish(services, tx, row, state, actor, error)
    return state


def open_for(conn: Any, person_id: str) -> Iterable[int]:
    """The person's intents whose outcome is not known."""
    query = select(t.intent.c.id).where(t.intent.c.person_id == person_id, t.intent.c.state == "open")
    return list(conn.scalars(query))
