"""The outcome of an intent, recorded in the caller's transaction, which checks once more that it is allowed."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, true, tuple_, update

from plugin.flows.collections import modes
from plugin.flows.common import face_rows, reference_sets, roster, valid_clearances
from plugin.flows.common.services import Services
from plugin.flows.tags import intent_rows, removed_names, tag_rows
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import IntentRow
from plugin.quitclaim.consent.model import name_key


def is_wanted(services: Services, conn: Connection, row: IntentRow) -> bool:
    """Whether the tag may still be written: checked before the call and again in the transaction after it."""
    if row.action != "add":
        return True
    standing = roster.load_many(services, conn, [row.person_id]).get(row.person_id)
    if standing is None:
        return False
    if row.face_id is not None:
        face = face_rows.find(conn, row.face_id)
        if face is None or face.state != "matched" or face.person_id != row.person_id:
            return False
    rests = reference_sets.find(conn, row.set_id)
    if rests is not None and rests.refused_at is not None:
        return False
    now = services.clock.now()
    if row.origin == "machine":
        if not reference_sets.is_vouched(rests):
            return False
        scope = modes.scope_of(services, conn, row.resource_id)
        return standing.recognition(now) is not None and modes.allows(scope, row.person_id, "auto")
    return bool(standing.in_force(now))


def record_outcome(
    services: Services,
    tx: Tx,
    row: IntentRow,
    actor: str,
    undoing: bool,
    released: bool | None,
    places: frozenset[str],
    position: int | None = None,
) -> bool:
    """Record the outcome; False if what was written is not allowed any more and must be undone.

    `position`: of the DAM's log before the call, so that a name that comes back is known as ours.
    """
    state = tx.connection.scalar(select(t.intent.c.state).where(t.intent.c.id == row.id))
    if state != "open":
        return not _reopen_late(services, tx, row, actor, undoing, state)
    valid_clearances.apply_cuts(tx, [row.resource_id])
    tx.execute(update(t.resource).where(t.resource.c.id == row.resource_id).values(released=released))
    if not undoing and not is_wanted(services, tx.connection, row):
        return False
    if row.action == "add" and not undoing:
        _keep_tag(tx, row, places)
        removed_names.forget(services, tx, row.resource_id, row.node)
    elif row.action != "release":
        _drop_tags(tx, [row])
        removed_names.note(services, tx, row.resource_id, row.node, row.places, position)
        _unmatch(tx, row)
    _finish_many(services, tx, [row], "undone" if undoing else "done", actor)
    return True


def take_off(
    services: Services, tx: Tx, taken: Sequence[tuple[IntentRow, bool | None]], actor: str, position: int | None = None
) -> None:
    """Record of intents to remove that the names are off, each with the release statement that was written.

    Those that another process has closed meanwhile stay as they are.
    """
    i, keys = t.intent.c, [row.id for row, _ in taken]
    open_ = set(tx.connection.scalars(select(i.id).where(i.id.in_(keys), i.state == "open"))) if keys else ()
    rows = [row for row, _ in taken if row.id in open_]
    if not rows:
        return
    valid_clearances.apply_cuts(tx, [row.resource_id for row in rows])
    for said in {released for _, released in taken}:
        ids = [row.resource_id for row, released in taken if row.id in open_ and released is said]
        tx.execute(update(t.resource).where(t.resource.c.id.in_(ids)).values(released=said))
    _drop_tags(tx, rows)
    removed_names.note_many(services, tx, [(row.resource_id, row.node, row.places) for row in rows], position)
    _finish_many(services, tx, rows, "done", actor)


def _reopen_late(services: Services, tx: Tx, row: IntentRow, actor: str, undoing: bool, state: str | None) -> bool:
    """Whether our name was written after another process had removed it: then the intent is reopened, to be undone."""
    if row.action != "add" or undoing or state is None:
        return False
    mine = (t.tag.c.resource_id == row.resource_id) & (t.tag.c.node_key == name_key(row.node))
    if state == "done" and tx.execute(select(t.tag.c.id).where(mine)).first() is not None:
        return False
    intent_rows.reopen(tx, row.id)
    tx.audit(
        Action.TAG_INTEND,
        actor,
        subject=roster.subject(services, tx, row.person_id),
        resource_id=row.resource_id,
        intent=row.id,
        change="remove",
        origin=row.origin,
    )
    return True


def _unmatch(tx: Tx, row: IntentRow) -> None:
    """Free the face of a tag that is not allowed: nobody decided on it, so it may be matched again."""
    if row.action == "add":
        face_rows.unname(tx, row.person_id, ("matched",), (t.face.c.id == row.face_id) & t.face.c.decided_by.is_(None))


def _keep_tag(tx: Tx, row: IntentRow, ours: frozenset[str]) -> None:
    mine = (t.tag.c.resource_id == row.resource_id) & (t.tag.c.node_key == name_key(row.node))
    there = tx.execute(select(t.tag).where(mine)).first()
    if there is None:
        tag_rows.enter(tx, row.resource_id, row.node, row.origin, ours, person_id=row.person_id, set_id=row.set_id)
    else:
        places = sorted(set(there.places) | ours)
        origin = "confirmed" if "confirmed" in {there.origin, row.origin} else row.origin
        rests = row.set_id or there.set_id
        values = {"person_id": row.person_id, "origin": origin, "places": places, "set_id": rests}
        tag_rows.change(tx, mine, **values)


def _drop_tags(tx: Tx, rows: Sequence[IntentRow]) -> None:
    """Forget our tags; where the name also stands by hand elsewhere on the resource, the next look tells."""
    tag = t.tag.c
    for by_hand in (True, False):
        mine = [(row.resource_id, name_key(row.node)) for row in rows if (row.origin == "hand") is by_hand]
        if mine:
            ours = tuple_(tag.resource_id, tag.node_key).in_(mine)
            tag_rows.drop(tx, ours, true() if by_hand else tag.origin != "hand")


_SAID = {
    ("add", "done"): Action.TAG_WRITE,
    ("add", "undone"): Action.TAG_UNDO,
    ("remove", "done"): Action.TAG_REMOVE,
    ("release", "done"): Action.RELEASE_WRITE,
}


def _finish_many(
    services: Services, tx: Tx, rows: Sequence[IntentRow], state: str, actor: str, error: str | None = None
) -> None:
    intent_rows.close(tx, [row.id for row in rows], state, error)
    for row in rows:
        tx.audit(
            _SAID.get((row.action, state), Action.TAG_FAIL),
            actor,
            subject=roster.subject(services, tx, row.person_id),
            resource_id=row.resource_id,
            intent=row.id,
            origin=row.origin,
        )


def give_up(services: Services, tx: Tx, row: IntentRow, state: str, actor: str, error: str | None = None) -> None:
    """Close an intent without a write: `void` if the resource is gone, `failed` if the DAM refused."""
    if tx.connection.scalar(select(t.intent.c.state).where(t.intent.c.id == row.id)) != "open":
        return
    if state == "void":
        valid_clearances.apply_cuts(tx, [row.resource_id])
        _drop_tags(tx, [row])
        _unmatch(tx, row)
    _finish_many(services, tx, [row], state, actor, error)
