"""Sets of reference photographs: each came in one act, and is *declared* until an account vouches for it.

A person has at most one vouched set, and beside it at most one newer declared set. The row outlives its pictures, so
that what a match rested on stays known.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from plugin.flows.common import face_rows
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import InvitationRow, ReferenceSetRow

CHOSEN = "chosen"
Pictures = Literal["none", "declared", "vouched"]
_SET = t.reference_set.c
LIVE = _SET.ended_at.is_(None) & _SET.refused_at.is_(None)
VOUCHED = _SET.vouched_at.is_not(None) & _SET.refused_at.is_(None)


@dataclass(frozen=True)
class PictureSource:
    """How pictures came: chosen by the staff, or by a link, whoever made it; `shoot` is the link's collection."""

    came_by: str = "staff"
    invitation_id: str | None = None
    invited_by: str | None = None
    shoot: str | None = None


def source_of_link(link: InvitationRow) -> PictureSource:
    """The source of pictures that came by this link."""
    return PictureSource("link", link.id, link.created_by, link.collection_ref)


# ---- which set counts ---------------------------------------------------------------------


def list_of(conn: Connection, person_id: str) -> list[ReferenceSetRow]:
    """Every set of the person's, the newest first, also those without pictures any more."""
    mine = select(t.reference_set).where(_SET.person_id == person_id)
    return list(conn.execute(mine.order_by(_SET.added_at.desc(), _SET.id)))


def find_compared(conn: Connection, person_ids: Iterable[str] | None = None) -> dict[str, ReferenceSetRow]:
    """By person the set that may be compared: the vouched one, else the newest declared.

    A set that resembles somebody else enrolled is not compared until the staff has looked at it.
    """
    query = select(t.reference_set).where(LIVE)
    if person_ids is not None:
        query = query.where(_SET.person_id.in_(list(person_ids)))
    found: dict[str, list[ReferenceSetRow]] = {}
    for row in conn.execute(query.order_by(_SET.added_at.desc(), _SET.id)):
        found.setdefault(row.person_id, []).append(row)
    best = {person: _best(rows) for person, rows in found.items()}
    return {person: row for person, row in best.items() if row.vouched_at is not None or row.near_id is None}


def find_current(conn: Connection, person_id: str) -> ReferenceSetRow | None:
    """The set that a face named by hand rests on; None if the person never had one to rely on.

    If its pictures are gone, the last valid one that nobody refused: a match by a declared set stays unknown.
    """
    known = [row for row in list_of(conn, person_id) if row.refused_at is None]
    live = [row for row in known if row.ended_at is None]
    last = max((row.ended_at for row in known if row.ended_at is not None), default=None)
    left = live or [row for row in known if row.ended_at == last]
    return _best(left) if left else None


def _best(rows: Sequence[ReferenceSetRow]) -> ReferenceSetRow:
    return next((row for row in rows if row.vouched_at is not None), rows[0])


def is_vouched(row: ReferenceSetRow | None) -> bool:
    """Whether an account vouched for the set; True for no set at all."""
    return row is None or (row.vouched_at is not None and row.refused_at is None)


def state_of(conn: Connection, person_ids: Iterable[str]) -> dict[str, Pictures]:
    """For each of these people who has a set: whether one of theirs is vouched for."""
    query = select(_SET.person_id, _SET.vouched_at).where(LIVE, _SET.person_id.in_(list(person_ids)))
    found: dict[str, Pictures] = {}
    for row in conn.execute(query):
        if row.vouched_at is not None or row.person_id not in found:
            found[row.person_id] = "declared" if row.vouched_at is None else "vouched"
    return found


def find(conn: Connection, set_id: str | None) -> ReferenceSetRow | None:
    """The set, whether its pictures are there or not."""
    return conn.execute(select(t.reference_set).where(_SET.id == set_id)).first()


def find_vouched(conn: Connection, set_ids: Iterable[str | None]) -> set[str]:
    """Those of these sets that are vouched for."""
    ids = sorted({one for one in set_ids if one is not None})
    return set(conn.scalars(select(_SET.id).where(_SET.id.in_(ids), VOUCHED))) if ids else set()


def is_sound(set_id: ColumnElement[str | None]) -> ColumnElement[bool]:
    """The condition that what `set_id` belongs to rests on no set, or on one that is vouched for."""
    return or_(set_id.is_(None), set_id.in_(select(_SET.id).where(VOUCHED)))


def is_theirs_to_see() -> ColumnElement[bool]:
    """The condition on tag and person under which a name may be shown to that person.

    Not one that rests on unvouched pictures, nor one that matches by spelling alone.
    """
    by_spelling = t.person.c.self_entered & (t.tag.c.origin == "hand") & t.tag.c.set_id.is_(None)
    return is_sound(t.tag.c.set_id) & ~by_spelling


# ---- adding and ending --------------------------------------------------------------------


def add(tx: Tx, person_id: str, actor: str, source: PictureSource) -> str:
    """Add a set, in place of those that it replaces; returns its id. The caller moves the gallery's generation."""
    chosen = source.came_by == "staff"
    for row in list_of(tx.connection, person_id):
        if row.ended_at is None and (chosen or row.vouched_at is None):
            end_set(tx, row)
    set_id = uuid4().hex
    new = insert(t.reference_set).values(id=set_id, person_id=person_id, came_by=source.came_by)
    new = new.values(added_at=tx.now, added_by=actor, invitation_id=source.invitation_id)
    new = new.values(invited_by=source.invited_by)
    new = new.values(mark=_mark(tx.connection, source.shoot) if source.shoot else None)
    if chosen:
        new = new.values(vouched_at=tx.now, vouched_by=actor, vouched_how=CHOSEN)
    tx.execute(new)
    return set_id


def destroy(tx: Tx, row: ReferenceSetRow) -> None:
    """Destroy the pictures and the template; keep the row."""
    tx.execute(update(t.reference_set).where(_SET.id == row.id).values(ended_at=tx.now))
    tx.execute(delete(t.sealed).where(pictures_of(row)))


def end_set(tx: Tx, row: ReferenceSetRow) -> None:
    """As `destroy`, and forget the suggestions made by them."""
    destroy(tx, row)
    face_rows.unname(tx, row.person_id, ("suggested",), t.face.c.set_id == row.id)


def hold(tx: Tx, row: ReferenceSetRow, near: ReferenceSetRow) -> None:
    """Hold a declared set out of the gallery: it resembles the other's person. The first hold stays."""
    this = (_SET.id == row.id) & _SET.vouched_at.is_(None) & _SET.near_id.is_(None) & LIVE
    tx.execute(update(t.reference_set).where(this).values(near_id=near.person_id))


def release_near(tx: Tx, person_id: str) -> list[str]:
    """Release the sets held for resembling this person; returns them."""
    held = (_SET.near_id == person_id) & LIVE & _SET.vouched_at.is_(None)
    ids = list(tx.connection.scalars(select(_SET.id).where(held)))
    tx.execute(update(t.reference_set).where(_SET.id.in_(ids)).values(near_id=None))
    return ids


def miss(tx: Tx, set_id: str, engine: str, why: str) -> None:
    """An engine can make no template of these pictures: `why` is refused, damaged or none."""
    tx.execute(update(t.reference_set).where(_SET.id == set_id).values(missed_engine=engine, missed_why=why))


def forget_missed(tx: Tx, engine: str) -> int:
    """What this engine could make no template of is tried again; returns how many sets that are."""
    missed = update(t.reference_set).where(_SET.missed_engine == engine)
    return tx.execute(missed.values(missed_engine=None, missed_why=None)).rowcount


def release_all(tx: Tx) -> list[str]:
    """Release every declared set that is held, and return all declared ones: another engine compares them."""
    declared = LIVE & _SET.vouched_at.is_(None)
    tx.execute(update(t.reference_set).where(declared, _SET.near_id.is_not(None)).values(near_id=None))
    return list(tx.connection.scalars(select(_SET.id).where(declared).order_by(_SET.added_at, _SET.id)))


def end_all(tx: Tx, person_id: str) -> None:
    """The face key is destroyed, and with it every picture."""
    mine = (_SET.person_id == person_id) & _SET.ended_at.is_(None)
    tx.execute(update(t.reference_set).where(mine).values(ended_at=tx.now))


def pictures_of(row: ReferenceSetRow) -> ColumnElement[bool]:
    """What is sealed of the set; from before there were sets, without a subject, and the set has the person's id."""
    s = t.sealed.c
    mine = s.subject == row.id
    if row.id == row.person_id:
        mine = mine | s.subject.is_(None)
    found: ColumnElement[bool] = (s.person_id == row.person_id) & s.kind.in_(("template", "reference")) & mine
    return found


def _mark(conn: Connection, shoot: str) -> str:
    """Three digits that no other open entry of the shoot has; four where there are so many."""
    links = select(t.invitation.c.id).where(t.invitation.c.collection_ref == shoot)
    open_ = LIVE & _SET.vouched_at.is_(None) & _SET.invitation_id.in_(links)
    taken = set(conn.scalars(select(_SET.mark).where(open_)))
    for first, last in ((100, 1000), (1000, 10000)):
        free = [str(n) for n in range(first, last) if str(n) not in taken]
        if free:
            return secrets.choice(free)
    return secrets.token_hex(4)


def mark_of(conn: Connection, person_id: str, link_id: str) -> str | None:
    """The mark shown to whoever signed by this link, while their pictures wait for vouching."""
    mine = (_SET.person_id == person_id) & (_SET.invitation_id == link_id) & LIVE & _SET.vouched_at.is_(None)
    return conn.scalar(select(_SET.mark).where(mine).order_by(_SET.added_at.desc()).limit(1))
