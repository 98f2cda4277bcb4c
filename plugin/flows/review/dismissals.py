"""Dismiss faces that need no name, by a reason of the list: one by one, or all small ones of a photograph."""

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from plugin.errors import ConsentError, NotFound, NothingDone, ProposalChanged
from plugin.flows.clearance import photo_answers
from plugin.flows.common import face_rows
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.flows.review import face_decisions
from plugin.flows.review.face_decisions import WaitingFace
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import FaceRow
from plugin.quitclaim.clearance.dismissal import LARGE, SETTLING, Dismissal, is_small
from plugin.words.plurals import pluralize

_MAX_CHARACTERS = 200

_MAX_LOG_CHARACTERS = 200  # characters of a text in the log's details
_STANDS_OUT = 0.05
"""Of the photograph's width: a face so wide is a person in front, not a small figure, however small the file is."""


@dataclass(frozen=True)
class DismissalResult:
    """The faces that one act dismissed, and how many of the photograph are left to decide: large, suggested, or new.

    `before`: if there was none to dismiss, when the last one had been dismissed.
    """

    faces: tuple[int, ...]
    left: int
    before: datetime | None = None


@dataclass(frozen=True)
class SmallFaces:
    """How many small faces of a photograph are undecided, and the newest of them."""

    count: int = 0
    newest: int = 0


def parse_dismissal(key: str) -> Dismissal:
    """The reason with exactly this key. Raises ConsentError, which lists the keys."""
    if key not in set(Dismissal):
        raise ConsentError(f"a dismissal needs one of these reasons: {', '.join(Dismissal)}")
    return Dismissal(key)


def dismiss(
    services: Services, face_id: int, dismissal: Dismissal, actor: str, said: str = "", act: str | None = None
) -> None:
    """The face needs no name; `said` is shown with each answer. A name that it had is removed.

    Raises NotFound, and ConsentError if it is called too small but is not, or if its size is unknown.
    """
    said = said.strip()
    if len(said) > _MAX_CHARACTERS:
        raise ConsentError(f"what is said of a dismissal has at most {_MAX_CHARACTERS} characters: say it shorter")
    face_decisions.load_face(services, face_id)
    with services.store.write() as tx:
        face = face_decisions.find_face_in(tx, face_id)
        if dismissal is Dismissal.TOO_SMALL:
            _refuse_large(services, face)
        opened = face_decisions.unname(services, tx, face, actor) if face.person_id else []
        sealed = free_text.seal_text(tx, services.vault, said, face_rows.REASON) if said else None
        _store(tx, face_id, dismissal, actor, sealed, act)
        face_decisions.note_decision(services, tx, Action.FACE_DISMISS, face, None, actor, dismissal=dismissal.value)
        photo_answers.recompute(services, tx, [face.resource_id])
    face_decisions.finish_decision(services, face.resource_id, opened, actor)


def dismiss_small(
    services: Services, ref: str, dismissal: Dismissal, actor: str, newest: int | None = None, act: str | None = None
) -> DismissalResult:
    """Dismiss all small undecided faces of the photograph in one act.

    Small is what TOO_SMALL allows, except people in front in a small file; named, suggested and dismissed faces are
    left. `newest`: the newest face on the page of the decision; later ones are left to decide. Raises NotFound, and
    NothingDone if there is and was none.
    """
    return _dismiss_many(services, ref, dismissal, actor, newest, lambda row: _is_small(services, row), act)


def dismiss_rest(
    services: Services, ref: str, dismissal: Dismissal, actor: str, newest: int | None = None
) -> DismissalResult:
    """Dismiss all faces of the photograph on which nobody has decided and for whom nobody is suggested, in one act.

    Raises as `dismiss_small`, and ConsentError if they are called too small and one of them is not.
    """
    if dismissal is Dismissal.TOO_SMALL:
        raise ConsentError("which of them are too small is not for one act to say: dismiss the small ones")
    return _dismiss_many(services, ref, dismissal, actor, newest, lambda row: row.state in face_rows.UNDECIDED)


def _dismiss_many(
    services: Services,
    ref: str,
    dismissal: Dismissal,
    actor: str,
    newest: int | None,
    fits: Callable[[FaceRow], bool],
    act: str | None = None,
) -> DismissalResult:
    if resources.find_number(services, ref) < 0:
        raise NotFound(f"no photograph {ref!r} in the ledger: facelease scan enters them")
    arrival = resources.enter(services, ref)
    with services.store.write() as tx:
        mine = [row for row in face_rows.list_of(tx.connection, arrival.resource_id) if _is_current(tx, row)]
        some = [row for row in mine if fits(row) and (newest is None or row.id <= newest)]
        left = len([row for row in mine if is_waiting(services, row)]) - len(some)
        if not some:
            return DismissalResult((), left, _find_last(mine, dismissal, left))
        for face in some:
            _store(tx, face.id, dismissal, actor, act=act)
        for numbers in _wrap_numbers([face.id for face in some]):
            about = {"faces": numbers, "dismissal": dismissal.value}
            tx.audit(Action.FACE_DISMISS, actor, None, arrival.resource_id, **about)
        photo_answers.recompute(services, tx, [arrival.resource_id])
    return DismissalResult(tuple(face.id for face in some), left)


def undo_dismissal(services: Services, face_id: int, actor: str, part_of: str | None = None) -> int:
    """Undo the act that dismissed the face, with every face that it dismissed; returns how many.

    `part_of`: the act at the light table that this has to be; ProposalChanged where the face was decided anew since.
    """
    face, arrival = face_decisions.load_face(services, face_id)
    with services.store.write() as tx:
        face = face_decisions.find_face_in(tx, face_id)
        if face.state != "dismissed" or face.decided_by is None:
            raise ConsentError("nobody has dismissed this face: there is nothing to undo")
        if part_of is not None and face.act != part_of:
            raise ProposalChanged("somebody has decided on this face since: look at it again")
        act = (face.decided_by, face.decided_at)
        seen = face_rows.list_of(tx.connection, face.resource_id)
        dismissed = [row for row in seen if row.state == "dismissed"]
        same = [row.id for row in dismissed if (row.decided_by, row.decided_at) == act]
        for number in same:
            face_rows.set_state(tx, number, "unmatched")
        for numbers in _wrap_numbers(same):
            tx.audit(Action.FACE_UNDO, actor, resource_id=face.resource_id, faces=numbers)
        services.queue.put(tx, "photo", arrival.resource.ref)
        photo_answers.recompute(services, tx, [face.resource_id])
    return len(same)


def _wrap_numbers(numbers: Iterable[int]) -> Iterator[str]:
    """The numbers, split so that each part fits one audit row."""
    for line in textwrap.wrap(", ".join(map(str, numbers)), _MAX_LOG_CHARACTERS):
        yield line.rstrip(",")


def count_small(services: Services, conn: Connection, resource_ids: Iterable[int]) -> dict[int, SmallFaces]:
    """What `dismiss_small` would dismiss, for each of these photographs that has any."""
    f, px = t.face.c, services.config.clearance.recognisable_px
    figure = (f.file_px < _large_from(services)) & or_(f.width < _STANDS_OUT, f.file_px < px)
    query = (
        select(f.resource_id, func.count().label("number"), func.max(f.id).label("newest"))
        .join(t.resource, t.resource.c.id == f.resource_id)
        .where(f.resource_id.in_(list(resource_ids)), f.file_version == t.resource.c.file_version)
        .where(figure, f.state.in_(face_rows.UNDECIDED))
        .group_by(f.resource_id)
    )
    return {row.resource_id: SmallFaces(row.number, row.newest) for row in conn.execute(query)}


def list_waiting(
    services: Services, conn: Connection, after: int = 0, limit: int = 100, *only: ColumnElement[bool]
) -> Iterator[WaitingFace]:
    """One page of dismissed faces that need another decision, after face `after`.

    Columns as `face_decisions.list_waiting`.

    They were dismissed before there was a list, or as too small although they are not, or their size is unknown.
    """
    query = (
        select(t.face, t.resource.c.ref, t.person.c.display_name)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .outerjoin(t.person, t.person.c.id == t.face.c.person_id)
        .where(_needs_decision(services), t.face.c.id > after, t.resource.c.deleted_at.is_(None), *only)
        .order_by(t.face.c.id)
        .limit(limit)
    )
    yield from conn.execute(query)


def count_waiting(services: Services, *only: ColumnElement[bool]) -> int:
    """How many `waiting` lists in all."""
    query = (
        select(func.count())
        .select_from(t.face)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .where(_needs_decision(services), t.resource.c.deleted_at.is_(None), *only)
    )
    with services.store.read() as conn:
        return conn.scalar(query) or 0


def is_waiting(services: Services, face: FaceRow) -> bool:
    """Whether the face needs a decision, whatever its size; a dismissed one if `list_waiting` lists it."""
    if face.state != "dismissed":
        return face.state in (*face_rows.UNDECIDED, "suggested")
    dismissal, px = face_rows.dismissal_of(face), services.config.clearance.recognisable_px
    return dismissal is None or (dismissal is Dismissal.TOO_SMALL and not is_small(face.file_px, px))


def is_settled(recognisable_px: int) -> ColumnElement[bool]:
    """`quitclaim.dismissal.settles` as SQL; never null."""
    f, by = t.face.c, func.coalesce(t.face.c.dismissal, "")
    small = and_(by == Dismissal.TOO_SMALL.value, f.file_px.is_not(None), f.file_px < LARGE * recognisable_px)
    return and_(f.state == "dismissed", or_(by == Dismissal.NO_PERSON.value, small))


def is_set_aside() -> ColumnElement[bool]:
    """Selects dismissed faces with a reason that settles nothing: the photograph stays unknown."""
    settling = [one.value for one in SETTLING]
    return and_(t.face.c.state == "dismissed", func.coalesce(t.face.c.dismissal, "").not_in(settling))


def _needs_decision(services: Services) -> ColumnElement[bool]:
    f, by = t.face.c, func.coalesce(t.face.c.dismissal, "")
    large = or_(f.file_px.is_(None), f.file_px >= _large_from(services))
    listed = [one.value for one in Dismissal]
    return and_(f.state == "dismissed", or_(by.not_in(listed), and_(by == Dismissal.TOO_SMALL.value, large)))


def _large_from(services: Services) -> int:
    """From this width in the file on a face is not small."""
    return LARGE * services.config.clearance.recognisable_px


def _store(
    tx: Tx, face_id: int, dismissal: Dismissal, actor: str, sealed: str | None = None, act: str | None = None
) -> None:
    why = {"reason": sealed, "dismissal": dismissal.value}
    face_rows.set_state(tx, face_id, "dismissed", None, **why, decided_by=actor, decided_at=tx.now, act=act)


def _refuse_large(services: Services, face: FaceRow) -> None:
    if face.file_px is None:
        raise ConsentError(
            "how wide this face is in the file is not known before the photograph is examined again: "
            "it cannot be called too small until then"
        )
    if not is_small(face.file_px, services.config.clearance.recognisable_px):
        raise ConsentError(
            f"this face is {face.file_px} px wide in the file, and from {_large_from(services)} px on none is too "
            "small to be recognised: choose another reason"
        )


def _is_current(tx: Tx, face: FaceRow) -> bool:
    """Whether the face was seen on the file as it is now."""
    version = select(t.resource.c.file_version).where(t.resource.c.id == face.resource_id)
    return bool(tx.connection.scalar(version) == face.file_version)


def _is_small(services: Services, face: FaceRow) -> bool:
    px, wide = services.config.clearance.recognisable_px, face.file_px
    figure = wide is not None and is_small(wide, px) and (face.width < _STANDS_OUT or wide < px)
    return face.state in face_rows.UNDECIDED and figure


def _find_last(mine: Iterable[FaceRow], dismissal: Dismissal, left: int) -> datetime:
    """When the last face was dismissed so. Raises NothingDone where none was."""
    at = [row.decided_at for row in mine if row.decided_at and face_rows.dismissal_of(row) is dismissal]
    if not at:
        others = pluralize(left, "other does", "others do")
        raise NothingDone(f"no small face of this photograph waits to be decided ({others}): nothing was dismissed")
    return max(at)
