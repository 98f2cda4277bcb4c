"""The ledger's faces: a box and a state; the same face again where the boxes overlap by half."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, and_, case, delete, exists, insert, or_, select, true, update
from sqlalchemy.sql import FromClause

from plugin.hooks.dam import Box
from plugin.ledger import tables as t
from plugin.ledger.keys.free_text import TextSealer
from plugin.ledger.store.store import Tx, inserted_id
from plugin.ledger.tables.rows import FaceRow
from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.recognizer.examination.messages import FoundFace
from plugin.recognizer.pictures.boxes import SAME_FACE, overlap

REASON = "face.reason"
"""To what is said of a dismissal is sealed."""

DECIDED = frozenset({"matched", "rejected", "dismissed"})


def list_of(conn: Connection, resource_id: int) -> list[FaceRow]:
    """All faces of a resource, left to right."""
    return list_of_many(conn, [resource_id])


def list_of_many(conn: Connection, resource_ids: Sequence[int]) -> list[FaceRow]:
    """All faces of these resources, each one's left to right; a face whose name is cut has none."""
    query = select(*select_columns(conn)).where(t.face.c.resource_id.in_(resource_ids))
    return list(conn.execute(query.order_by(t.face.c.resource_id, t.face.c.left, t.face.c.id)))


def find(conn: Connection, face_id: int) -> FaceRow | None:
    """The face, with cuts applied; None if it is gone."""
    return conn.execute(select(*select_columns(conn)).where(t.face.c.id == face_id)).first()


UNDECIDED = ("unmatched", "rejected")
"""States of a face on which nobody has decided, or only that it is not who was suggested."""
_UNNAMED = {"state": "unmatched", "person_id": None, "distance": None, "thresholds": None, "set_id": None}
_BARE = _UNNAMED | {"decided_by": None, "decided_at": None}
_OF_A_STATE = ("distance", "thresholds", "reason", "dismissal", "decided_by", "decided_at", "set_id", "act")
_SIDES = ("left", "top", "width", "height")


def select_columns(conn: Connection) -> list[ColumnElement[object]]:
    """A face's columns with cuts applied: what an end has cut is unmatched; a job updates the row later (rule 46)."""
    every: list[ColumnElement[object]] = list(t.face.c)
    if not has_open_cuts(conn):
        return every
    bare = {
        name: case((is_cut(), value), else_=t.face.c[name]) if value else case((~is_cut(), t.face.c[name]))
        for name, value in _BARE.items()
    }
    return [bare[column.name].label(column.name) if column.name in bare else column for column in t.face.c]


def has_open_cuts(conn: Connection) -> bool:
    """Whether there are cuts that are not applied to the rows yet."""
    return conn.execute(select(t.cut.c.id).limit(1)).first() is not None


def is_cut(face: FromClause = t.face) -> ColumnElement[bool]:
    """Selects faces whose name has been cut."""
    return exists().where(t.cut.c.person_id == face.c.person_id, is_cut_by(face))


def is_cut_by(face: FromClause) -> ColumnElement[bool]:
    """Whether the row of `cut`, of the face's person, takes the face's name.

    An end of recognition cuts what the machine alone named by pictures that ended with it, or by none; not what it
    has named since by new ones. A refusal cuts all that rests on the set.
    """
    f, cut, sets = face.c, t.cut.c, t.reference_set.c
    ended = f.set_id.is_(None) | exists().where(sets.id == f.set_id, sets.ended_at <= cut.cut_at).correlate(face, t.cut)
    alone = and_(cut.set_id.is_(None), is_by_machine(face), ended)
    rests = and_(cut.set_id == f.set_id, f.state.in_(("matched", "suggested")))
    return and_(cut.purpose.is_(None), or_(alone, rests))


def unname_cut(tx: Tx, resource_ids: Sequence[int]) -> int:
    """Apply the cuts to the rows of these resources; returns how many faces changed."""
    here = t.face.c.resource_id.in_(resource_ids)
    return tx.execute(update(t.face).where(here, is_cut()).values(_BARE)).rowcount


def reason_of(texts: TextSealer, row: FaceRow) -> str:
    """The note on a dismissal; "" for none, or one that cannot be opened any more."""
    return texts.read(row.reason, REASON, row.person_id)


def dismissal_of(row: FaceRow) -> Dismissal | None:
    """The reason of a dismissal; None if not dismissed, or dismissed before reasons were a list."""
    return Dismissal(row.dismissal) if row.dismissal in set(Dismissal) else None


def box_of(row: FaceRow) -> Box:
    """The face's box, in 0..1 of the upright original."""
    return (row.left, row.top, row.width, row.height)


class Sides(Protocol):
    """The sides of a box in a row that may have none."""

    left: float | None
    top: float | None
    width: float | None
    height: float | None


def find_box(row: Sides) -> Box | None:
    """The box; None where there is none, or a side of it cannot be read."""
    if row.left is None or row.top is None or row.width is None or row.height is None:
        return None
    return (row.left, row.top, row.width, row.height)


def list_rejections(conn: Connection, resource_id: int, file_version: str) -> tuple[list[tuple[Box, str]], set[str]]:
    """What may not be proposed again: (box, person) pairs, and people who may only be suggested.

    Where the pixels changed since, a box is compared in its four rotations, mirrored too, and the
    rejection also holds for (resource, person): suggest at most.
    """
    pairs: list[tuple[Box, str]] = []
    capped: set[str] = set()
    for row in conn.execute(select(t.rejection).where(t.rejection.c.resource_id == resource_id)):
        box = find_box(row)
        if box is not None and row.file_version == file_version:
            pairs.append((box, row.person_id))
            continue
        capped.add(row.person_id)
        if box is not None:
            pairs += [(turned, row.person_id) for turned in (*rotations(box), *rotations(_mirrored(box)))]
    return pairs, capped


def _mirrored(box: Box) -> Box:
    left, top, width, height = box
    return (1 - left - width, top, width, height)


def rotations(box: Box) -> list[Box]:
    """The box as it lies when the picture is turned by 0, 90, 180 and 270 degrees clockwise."""
    left, top, width, height = box
    return [
        box,
        (1 - top - height, left, height, width),
        (1 - left - width, 1 - top - height, width, height),
        (top, 1 - left - width, height, width),
    ]


def merge(
    tx: Tx, resource_id: int, file_version: str, found: Sequence[FoundFace], engine: str
) -> list[tuple[int, FoundFace]]:
    """Store what was found; returns (face id, found) for each face that nobody has decided on.

    A face that somebody or something decided on keeps its decision as long as the pixels are the
    same; of a replaced file nothing is kept but the rejections, which then hold for the resource.
    """
    before = list_of(tx.connection, resource_id)
    if any(row.file_version != file_version for row in before):
        tx.execute(delete(t.face).where(t.face.c.resource_id == resource_id))
        before = []
    open_: list[tuple[int, FoundFace]] = []
    left_over = list(before)
    for face in found:
        same = max(left_over, key=lambda row: overlap(box_of(row), face.box), default=None)
        if same is None or overlap(box_of(same), face.box) < SAME_FACE:
            open_.append((_insert(tx, resource_id, file_version, face, engine), face))
            continue
        left_over.remove(same)
        sizes = {"width_px": max(same.width_px, face.width_px), "file_px": face.file_px}
        tx.execute(update(t.face).where(t.face.c.id == same.id).values(**sizes))
        if same.state not in {"matched", "dismissed"}:  # a rejected face may turn out to be somebody else
            open_.append((same.id, face))
    gone = [row.id for row in left_over if row.state not in DECIDED]
    if gone:
        tx.execute(delete(t.face).where(t.face.c.id.in_(gone)))
    return open_


def _insert(tx: Tx, resource_id: int, file_version: str, face: FoundFace, engine: str) -> int:
    new = insert(t.face).values(dict(zip(_SIDES, face.box, strict=True)))
    new = new.values(resource_id=resource_id, file_version=file_version, width_px=face.width_px, file_px=face.file_px)
    return inserted_id(tx.execute(new.values(state="unmatched", engine=engine, created_at=tx.now)))


def set_state(tx: Tx, face_id: int, state: str, person_id: str | None = None, **values: object) -> None:
    """Set a face's state and clear what belonged to the previous one."""
    values = dict.fromkeys(_OF_A_STATE) | values | {"state": state, "person_id": person_id}
    tx.execute(update(t.face).where(t.face.c.id == face_id).values(values))


def reject(tx: Tx, resource_id: int, person_id: str, file_version: str, by: str) -> None:
    """Somebody took the name off: this face is never theirs, and on this resource nobody proposes it unasked."""
    theirs = (t.face.c.resource_id == resource_id) & (t.face.c.person_id == person_id)
    query = select(t.face).where(theirs, t.face.c.state.in_(("matched", "suggested")))
    matched = tx.execute(query).all()
    for face in matched:
        add_rejection(tx, resource_id, person_id, face.file_version, box_of(face), by)
        set_state(tx, face.id, "rejected", decided_by=by, decided_at=tx.now)
    add_rejection(tx, resource_id, person_id, file_version, None, by)


def add_rejection(tx: Tx, resource_id: int, person_id: str, file_version: str, box: Box | None, by: str) -> None:
    """Store one rejection. Idempotent."""
    what: dict[str, object] = {"resource_id": resource_id, "person_id": person_id, "file_version": file_version}
    what |= zip(_SIDES, box or (None,) * 4, strict=True)
    same = [t.rejection.c[column].is_not_distinct_from(value) for column, value in what.items()]
    if tx.execute(select(t.rejection.c.id).where(*same)).first() is None:
        tx.execute(insert(t.rejection).values(by=by, at=tx.now, **what))


def find_other_match(tx: Tx, resource_id: int, person_id: str, face_id: int) -> int | None:
    """Another face of the photograph that is matched to the person: a person is on it at most once."""
    f = t.face.c
    matched = (f.resource_id == resource_id) & (f.person_id == person_id) & (f.state == "matched")
    return tx.connection.scalar(select(f.id).where(matched, f.id != face_id, ~is_cut()))


def unname(tx: Tx, person_id: str, states: Iterable[str] | None, *where: ColumnElement[bool]) -> int:
    """Take the person off every face in `states` (None: any) that `where` selects; returns how many there were."""
    chosen = true() if states is None else t.face.c.state.in_(tuple(states))
    unnamed = update(t.face).where(t.face.c.person_id == person_id, chosen, *where).values(_UNNAMED)
    return tx.execute(unnamed).rowcount


def drop(tx: Tx, resource_id: int, but: str | None = None) -> int:
    """Forget the faces of a resource, but those of this version of its file; returns how many there were."""
    old = true() if but is None else t.face.c.file_version != but
    return tx.execute(delete(t.face).where(t.face.c.resource_id == resource_id, old)).rowcount


def forget_suggestions(tx: Tx, resource_id: int) -> None:
    """Unname the faces that were only suggested."""
    suggested = (t.face.c.resource_id == resource_id) & (t.face.c.state == "suggested")
    tx.execute(update(t.face).where(suggested).values(_UNNAMED))


def is_by_machine(face: FromClause = t.face) -> ColumnElement[bool]:
    """Selects faces that the machine named or proposed and nobody decided on."""
    named = and_(face.c.state == "matched", face.c.decided_by.is_(None))
    return or_(named, face.c.state == "suggested")


def forget_machine_names(tx: Tx, resource_id: int) -> None:
    """Unname the faces that the machine named or proposed; keep those that somebody decided on."""
    tx.execute(update(t.face).where(t.face.c.resource_id == resource_id, is_by_machine()).values(_UNNAMED))
