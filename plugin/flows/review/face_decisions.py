"""An editor confirms, corrects or rejects a face, and may undo each decision (dismissals: see `dismissals`)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, Executable, delete, select

from plugin.errors import ConsentError, NotFound, ProposalChanged
from plugin.flows.clearance import photo_answers
from plugin.flows.common import closed_house, face_rows, narrowed_modes, reference_sets, roster
from plugin.flows.common.services import Services
from plugin.flows.matching import vouching
from plugin.flows.names import resources
from plugin.flows.names.resources import EnteredResource
from plugin.flows.people import resemblance
from plugin.flows.people.resemblance import NONE_OPEN, OpenTemplates
from plugin.flows.photos import tagging
from plugin.flows.tags import intents, tag_rows
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import FaceRow


class FaceOnPhoto(FaceRow, Protocol):
    """A face with the ref of its resource."""

    ref: str


class WaitingFace(FaceOnPhoto, Protocol):
    """The same with the name of its person, and of a suggestion how near it was, the limits, and why it is no more."""

    display_name: str | None
    created_at: datetime
    distance: float | None
    thresholds: dict[str, object] | None


def list_waiting(
    conn: Connection, state: str = "suggested", after: int = 0, limit: int = 100, *only: ColumnElement[bool]
) -> Iterator[WaitingFace]:
    """One page of faces in `state` with their resource and person, oldest first, after face `after`; `only` filters.

    Their reasons are sealed: `Services.texts` opens them.
    """
    shown = narrowed_modes.may_be_shown(conn) if state == "suggested" else []
    query = (
        select(t.face, t.resource.c.ref, t.person.c.display_name)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .outerjoin(t.person, t.person.c.id == t.face.c.person_id)
        .where(
            t.face.c.state == state,
            t.face.c.id > after,
            t.resource.c.deleted_at.is_(None),
            ~face_rows.is_cut(),
            *shown,
            *only,
        )
        .order_by(t.face.c.id)
        .limit(limit)
    )
    yield from conn.execute(query)


def find_face(services: Services, face_id: int) -> FaceOnPhoto:
    """One face with the `ref` of its resource, as the ledger has it. Raises NotFound."""
    with services.store.read() as conn:
        found = conn.execute(_select_face(conn, face_id)).first()
    if found is None:
        raise NotFound(f"no face {face_id}: facelease review list shows them")
    return found


def is_sound(services: Services, face_id: int) -> bool:
    """Whether the face's name rests on vouched reference pictures, or on none. Raises NotFound."""
    face = find_face(services, face_id)
    with services.store.read() as conn:
        return face.set_id is None or face.set_id in reference_sets.find_vouched(conn, [face.set_id])


def confirm(
    services: Services,
    face_id: int,
    actor: str,
    person_id: str | None = None,
    how: str | None = None,
    *,
    proposed: bool = False,
    act: str | None = None,
) -> str:
    """Name a face: the person suggested or matched, or `person_id` to correct it. Returns the person's id.

    `proposed`: only if the face waits for exactly that; else ProposalChanged. `act`: of which this decision is a part.

    `how` the account knows them by sight (vouching.BY_SIGHT) vouches for the pictures that the name rests
    on; without it a name that rests on declared ones clears nothing. Raises NotFound, and ConsentError
    where the person has no grant in force: we write no such name. HouseClosed where nobody knows.
    """
    face, arrival = load_face(services, face_id)
    chosen = person_id or face.person_id
    if chosen is None:
        raise ConsentError("nobody is suggested for this face: say who it is, with --person")
    opened: list[int] = []
    others = resemblance.open_templates(services) if how is not None else NONE_OPEN
    with services.store.write() as tx:
        face = _find_nameable(services, tx, face_id, chosen, proposed)
        opened += _correct(services, tx, face, chosen, actor)
        rests = _choose_set(services, tx, face, chosen, actor, how, others)
        decided = {"decided_by": actor, "decided_at": tx.now, "act": act}
        face_rows.set_state(tx, face_id, "matched", chosen, engine=face.engine, set_id=rests, **decided)
        _withdraw_rejections(tx, face, chosen)
        opened += _confirm_tag(services, tx, arrival, chosen, face_id, actor, rests)
        note_decision(services, tx, Action.FACE_CONFIRM, face, chosen, actor)
    finish_decision(services, face.resource_id, opened, actor)
    return chosen


def _find_nameable(services: Services, tx: Tx, face_id: int, person_id: str, proposed: bool) -> FaceOnPhoto:
    """The face, if it may bear the name now. Raises as `confirm`."""
    closed_house.refuse_in(services, tx.connection)
    face = find_face_in(tx, face_id)
    if proposed and not _is_proposed(face, person_id):
        raise ProposalChanged("this face is not proposed as this person any more: look at it again")
    if not roster.load(services, tx.connection, person_id).in_force(tx.now):
        raise ConsentError("this person has no grant in force, so their name is not written: ask them first")
    _refuse_second_face(tx, face, person_id)
    return face


def _correct(services: Services, tx: Tx, face: FaceRow, person_id: str, actor: str) -> list[int]:
    """Whoever was proposed or named before, if another, is not on the face; the intents that take their name off."""
    if face.person_id is None or face.person_id == person_id:
        return []
    box = face_rows.box_of(face)
    face_rows.add_rejection(tx, face.resource_id, face.person_id, face.file_version, box, actor)
    return unname(services, tx, face, actor)


def _is_proposed(face: FaceRow, person_id: str) -> bool:
    """Whether it waits for somebody to say that it is this person: suggested, or named by the machine alone."""
    return face.person_id == person_id and face.state in ("suggested", "matched") and face.decided_by is None


def _choose_set(
    services: Services, tx: Tx, face: FaceRow, person_id: str, actor: str, how: str | None, others: OpenTemplates
) -> str | None:
    """The reference set on which the name rests: that of the suggestion, or the person's own if named by hand.

    If the set of the suggestion is not vouched for and another of the person's is, the face is named by hand.
    """
    suggested = reference_sets.find(tx.connection, face.set_id) if face.person_id == person_id else None
    current = reference_sets.find_current(tx.connection, person_id)
    by_hand = current is not None and reference_sets.is_vouched(current)
    rests = suggested if suggested is not None and not by_hand else current
    if how is None or rests is None or reference_sets.is_vouched(rests):
        return None if rests is None else str(rests.id)
    by_engine = suggested is not None and face.decided_by is None
    return vouching.vouch_in(services, tx, rests, how, actor, matched=by_engine, others=others)


def reject(services: Services, face_id: int, actor: str, person_id: str | None = None, act: str | None = None) -> None:
    """ "Not this person": remembered for the face; our tag for it is removed.

    `person_id`: who that was when somebody looked; ProposalChanged if the face is another's since.
    """
    load_face(services, face_id)
    with services.store.write() as tx:
        face = find_face_in(tx, face_id)
        if face.person_id is None:
            raise ConsentError("nobody is suggested or named for this face: there is nothing to reject")
        if person_id is not None and face.person_id != person_id:
            raise ProposalChanged("this face is not proposed as this person any more: look at it again")
        opened = unname(services, tx, face, actor)
        face_rows.set_state(tx, face_id, "rejected", decided_by=actor, decided_at=tx.now, act=act)
        box = face_rows.box_of(face)
        face_rows.add_rejection(tx, face.resource_id, face.person_id, face.file_version, box, actor)
        note_decision(services, tx, Action.FACE_REJECT, face, face.person_id, actor)
    finish_decision(services, face.resource_id, opened, actor)


def undo_decision(services: Services, face_id: int, actor: str, act: str | None = None) -> None:
    """Undo the last decision on a face; the photograph is examined again.

    `act`: of which it has to be a part still; ProposalChanged where it was decided anew since.
    """
    _, arrival = load_face(services, face_id)
    with services.store.write() as tx:
        face = find_face_in(tx, face_id)
        if face.decided_by is None:
            raise ConsentError("nobody has decided on this face: there is nothing to undo")
        if act is not None and face.act != act:
            raise ProposalChanged("somebody has decided on this face since: look at it again")
        opened = unname(services, tx, face, actor) if face.person_id else []
        face_rows.set_state(tx, face_id, "unmatched")
        tx.execute(delete(t.rejection).where(*_this_box(face), t.rejection.c.by == face.decided_by))
        note_decision(services, tx, Action.FACE_UNDO, face, face.person_id, actor)
        services.queue.put(tx, "photo", arrival.resource.ref)
    finish_decision(services, face.resource_id, opened, actor)


def load_face(services: Services, face_id: int) -> tuple[FaceOnPhoto, EnteredResource]:
    """The face, and its resource as the DAM has it now."""
    known = find_face(services, face_id)
    return known, resources.enter(services, known.ref)


def _select_face(conn: Connection, face_id: int) -> Executable:
    return (
        select(*face_rows.select_columns(conn), t.resource.c.ref)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .where(t.face.c.id == face_id)
    )


def find_face_in(tx: Tx, face_id: int) -> FaceOnPhoto:
    """The face inside the transaction. Raises NotFound if it is gone since."""
    face = tx.execute(_select_face(tx.connection, face_id)).first()
    if face is None:
        raise NotFound(f"face {face_id} is gone: the photograph was replaced or examined anew meanwhile")
    return face


def _refuse_second_face(tx: Tx, face: FaceRow, person_id: str) -> None:
    other = face_rows.find_other_match(tx, face.resource_id, person_id, face.id)
    if other is not None:
        raise ConsentError(f"this person is named on face {other} of the photograph already: reject that one first")


def _confirm_tag(
    services: Services, tx: Tx, arrival: EnteredResource, person_id: str, face_id: int, actor: str, rests: str | None
) -> list[int]:
    """The tag becomes *confirmed*: the existing one, or one to be written."""
    mine = (t.tag.c.resource_id == arrival.resource_id) & (t.tag.c.person_id == person_id)
    if tx.execute(select(t.tag.c.id).where(mine)).first() is not None:
        tag_rows.change(tx, mine, t.tag.c.origin == "machine", origin="confirmed")
        # A tag that somebody set in the DAM rests on no pictures, whatever the face rests on.
        ours = (t.tag.c.origin != "hand") | t.tag.c.set_id.is_not(None)
        tag_rows.change(tx, mine, ours, set_id=rests)
        return []
    intent = tagging.propose_tag(services, tx, arrival, person_id, "confirmed", face_id, actor, rests)
    return [] if intent is None else [intent]


def unname(services: Services, tx: Tx, face: FaceRow, actor: str) -> list[int]:
    """The intent that takes our tag of the face's person off the resource."""
    tag = tx.execute(
        select(t.tag).where(
            t.tag.c.resource_id == face.resource_id, t.tag.c.person_id == face.person_id, t.tag.c.origin != "hand"
        )
    ).first()
    if tag is None or face.state != "matched":
        return []
    places = frozenset(tag.places)
    proposal = intents.NewIntent(face.resource_id, tag.person_id, tag.node, "remove", tag.origin, places, face.id)
    return [intents.propose(services, tx, proposal, actor)]


def _this_box(face: FaceRow) -> list[ColumnElement[bool]]:
    r = t.rejection.c
    box = (r.left == face.left) & (r.top == face.top) & (r.width == face.width) & (r.height == face.height)
    return [r.resource_id == face.resource_id, box]


def _withdraw_rejections(tx: Tx, face: FaceRow, person_id: str) -> None:
    """Naming the person after all withdraws "not this person"."""
    mine = t.rejection.c
    tx.execute(delete(t.rejection).where(mine.resource_id == face.resource_id, mine.person_id == person_id))


def note_decision(
    services: Services, tx: Tx, action: Action, face: FaceRow, person_id: str | None, actor: str, **also: str
) -> None:
    """Audit a decision on a face; `also`: further details."""
    subject = roster.subject(services, tx, person_id) if person_id else None
    tx.audit(action, actor, subject=subject, resource_id=face.resource_id, face=face.id, **also)


def finish_decision(services: Services, resource_id: int, opened: list[int], actor: str) -> None:
    """Carry out the intents of a decision, and recompute the photograph's clearances."""
    for intent_id in opened:
        intents.carry_out(services, intent_id, actor)
    with services.store.write() as tx:
        photo_answers.recompute(services, tx, [resource_id])
