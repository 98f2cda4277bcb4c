"""One act of an editor on many faces: each is decided for itself, what came of each is told, and all are undone as one.

An act is named by the session in which it was done and by its moment, so that a session can undo what it did, the
latest first, and nothing else.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select

from plugin.errors import ConsentError, DamError, NotFound, PictureError, ProposalChanged, ResourceGone
from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common import reference_sets
from plugin.flows.common.services import Services
from plugin.flows.review import dismissals, face_decisions
from plugin.flows.review.dismissals import DismissalResult
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.dismissal import Dismissal

MOST_FACES = 500
"""Faces in one act."""
MOST_UNDONE = 50
"""Acts that a session may undo, the latest first."""
_SESSION_DIGITS, _MOMENT_DIGITS = 16, 17
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class What(StrEnum):
    """What came of one face."""

    DONE = "done"
    PLAIN = "plain"  # named, and it clears nothing: nobody has vouched for the pictures that the name rests on
    LATER = "later"  # decided; the DAM did not answer, and is asked again
    CHANGED = "changed"  # somebody decided on it meanwhile, or it is proposed as somebody else
    GONE = "gone"  # no such face any more, or not for this account
    REFUSED = "refused"  # see the sentence
    AWAY = "away"  # the DAM does not answer: nothing was decided


DECIDED = (What.DONE, What.PLAIN, What.LATER)


@dataclass(frozen=True)
class FaceOutcome:
    """What came of one face; `said` why it was refused."""

    face_id: int
    what: What
    said: str = ""


@dataclass(frozen=True)
class Shown:
    """A face as the page showed it: who was proposed, if anybody."""

    face_id: int
    person_id: str | None = None


def confirm(services: Services, staff: Staff, faces: Sequence[Shown], how: str | None = None) -> list[FaceOutcome]:
    """Confirm each as whom the page showed; one that is not proposed so any more is left as it is.

    `how` the account knows them by sight, if it says so.
    """

    def act(one: Shown, name: str) -> None:
        if one.person_id is None:
            raise ProposalChanged("nobody is proposed for this face: say who it is")
        face_decisions.confirm(services, one.face_id, staff.actor, one.person_id, how, proposed=True, act=name)

    return _each(services, staff, faces, act)


def name(
    services: Services, staff: Staff, faces: Sequence[Shown], person_id: str, how: str | None = None
) -> list[FaceOutcome]:
    """Name each as this person, whoever was proposed."""

    def act(one: Shown, name: str) -> None:
        face_decisions.confirm(services, one.face_id, staff.actor, person_id, how, act=name)

    return _each(services, staff, faces, act)


def reject(services: Services, staff: Staff, faces: Sequence[Shown]) -> list[FaceOutcome]:
    """ "Not this person": none of them is whom the page showed."""

    def act(one: Shown, name: str) -> None:
        face_decisions.reject(services, one.face_id, staff.actor, one.person_id, name)

    return _each(services, staff, faces, act)


def dismiss(
    services: Services, staff: Staff, faces: Sequence[Shown], dismissal: Dismissal, note: str = ""
) -> list[FaceOutcome]:
    """None of them needs a name, for this reason."""

    def act(one: Shown, name: str) -> None:
        dismissals.dismiss(services, one.face_id, dismissal, staff.actor, note, name)

    return _each(services, staff, faces, act)


def dismiss_small(services: Services, staff: Staff, photo_id: int, newest: int) -> DismissalResult:
    """Leave out all small faces of a photograph, but those newer than `newest`. Raises NotFound, NothingDone."""
    with services.store.read() as conn:
        photo = select(t.resource.c.ref).where(t.resource.c.id == photo_id, sight.photographs(staff))
        ref, act = conn.scalar(photo), _name_act(services, conn, staff)
    if ref is None:
        raise NotFound("there is no such photograph")
    return dismissals.dismiss_small(services, ref, Dismissal.TOO_SMALL, staff.actor, newest, act)


def undo_last(services: Services, staff: Staff) -> list[FaceOutcome]:
    """Undo what this session did last and did not undo yet: all faces of that act; none where there is no such act.

    A face on which somebody has decided since stays as it is.
    """
    with services.store.read() as conn:
        acts, f = _list_acts(conn, staff), t.face.c
        if not acts:
            return []
        faces = list(conn.scalars(select(f.id).where(f.act == acts[0], f.decided_by == staff.actor).order_by(f.id)))

    def act(one: Shown, name: str) -> None:
        face = face_decisions.find_face(services, one.face_id)
        if face.state == "dismissed":
            dismissals.undo_dismissal(services, one.face_id, staff.actor, name)
        elif face.act == name or face.state != "unmatched":  # else it was undone with another of its photograph
            face_decisions.undo_decision(services, one.face_id, staff.actor, name)

    return [_try(services, Shown(one), act, acts[0], undone=True) for one in faces]


def count_undoable(conn: Connection, staff: Staff) -> int:
    """How many acts this session may undo."""
    return len(_list_acts(conn, staff))


def _list_acts(conn: Connection, staff: Staff) -> list[str]:
    """The session's acts, the latest first, of which a face is as it was decided."""
    act, mine = t.face.c.act, staff.id[:_SESSION_DIGITS]
    query = select(act).where(act.is_not(None), act >= mine, act < f"{mine}g").distinct()
    return list(conn.scalars(query.order_by(act.desc()).limit(MOST_UNDONE)))


def _name_act(services: Services, conn: Connection, staff: Staff) -> str:
    """By the session and the moment, after every act of the session that there is, whatever the clock says."""
    moment = (services.clock.now() - _EPOCH) // timedelta(microseconds=1)
    last = next(iter(_list_acts(conn, staff)), "")
    at = max(moment, int(last[_SESSION_DIGITS:] or 0) + 1)
    return f"{staff.id[:_SESSION_DIGITS]}{at:0{_MOMENT_DIGITS}d}"


_Decide = Callable[[Shown, str], None]


def _each(services: Services, staff: Staff, faces: Sequence[Shown], decide: _Decide) -> list[FaceOutcome]:
    if len(faces) > MOST_FACES:
        raise ConsentError(f"one act decides on at most {MOST_FACES} faces")
    with services.store.read() as conn:
        seen = _find_seen(conn, staff, {one.face_id for one in faces})
        act = _name_act(services, conn, staff)
    outcomes: list[FaceOutcome] = []
    away = False
    for one in dict.fromkeys(faces):
        if one.face_id not in seen:
            outcomes.append(FaceOutcome(one.face_id, What.GONE))
        elif away:
            outcomes.append(FaceOutcome(one.face_id, What.AWAY))
        else:
            outcomes.append(_try(services, one, decide, act))
            away = outcomes[-1].what in (What.AWAY, What.LATER)
    return _tell_plain(services, outcomes)


def _try(services: Services, one: Shown, decide: _Decide, act: str, *, undone: bool = False) -> FaceOutcome:
    try:
        decide(one, act)
    except ProposalChanged:
        return FaceOutcome(one.face_id, What.CHANGED)
    except (NotFound, ResourceGone):
        return FaceOutcome(one.face_id, What.GONE)
    except (ConsentError, PictureError) as error:
        return FaceOutcome(one.face_id, What.REFUSED, str(error))
    except DamError:
        landed = _is_part(services, one, act) is not undone
        return FaceOutcome(one.face_id, What.LATER if landed else What.AWAY)
    return FaceOutcome(one.face_id, What.DONE)


def _is_part(services: Services, one: Shown, act: str) -> bool:
    with services.store.read() as conn:
        return conn.scalar(select(t.face.c.act).where(t.face.c.id == one.face_id)) == act


def _find_seen(conn: Connection, staff: Staff, face_ids: Collection[int]) -> set[int]:
    """Those of these faces that there are, on photographs that the account may see."""
    f, r = t.face.c, t.resource.c
    query = select(f.id).join(t.resource, r.id == f.resource_id)
    return set(conn.scalars(query.where(f.id.in_(face_ids), r.deleted_at.is_(None), sight.photographs(staff))))


def _tell_plain(services: Services, outcomes: list[FaceOutcome]) -> list[FaceOutcome]:
    """A name that rests on pictures for which nobody has vouched clears nothing: say so."""
    f, done = t.face.c, [one.face_id for one in outcomes if one.what is What.DONE]
    with services.store.read() as conn:
        unsound = ~reference_sets.is_sound(f.set_id)
        plain = set(conn.scalars(select(f.id).where(f.id.in_(done), f.state == "matched", unsound)))
    return [replace(one, what=What.PLAIN) if one.face_id in plain else one for one in outcomes]
