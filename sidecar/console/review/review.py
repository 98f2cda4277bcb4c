"""`/console/review`: which faces wait, on their photographs, and what somebody decides about each."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue

from plugin.flows.access import sight
from plugin.flows.common import face_rows, reference_sets
from plugin.flows.matching import vouching
from plugin.flows.review import dismissals, face_decisions
from plugin.flows.views.review import face_preview, unnamed_faces
from plugin.quitclaim.clearance.dismissal import Dismissal, is_small
from sidecar.console import page_base
from sidecar.console.page_base import READERS, REVIEWERS, console
from sidecar.web.input_checks import parse_number
from sidecar.web.staff_sign_in import require

PAGE_PHOTOGRAPHS = 6
"""Photographs a page: each is decoded to be shown."""

_Rows = Callable[[Any, int, int], Iterable[Any]]
_LISTS: dict[str, _Rows] = {
    "suggested": lambda conn, after, most: face_decisions.list_waiting(conn, "suggested", after, most, _seen()),
    "machine": lambda conn, after, most: face_decisions.list_unconfirmed(conn, most, after, _seen()),
    "unmatched": lambda conn, after, most: unnamed_faces.list_unnamed(page_base.house(), conn, after, most, _seen()),
    "again": lambda conn, after, most: dismissals.list_waiting(page_base.house(), conn, after, most, _seen()),
}


@console.get("/review", endpoint="review")
@require(*READERS, limited=True)
def review_list() -> ResponseReturnValue:
    """One page of the faces on the list that was chosen."""
    name = _read_list()
    with page_base.house().store.read() as conn:
        found = list(_LISTS[name](conn, page_base.read_number("after"), PAGE_PHOTOGRAPHS + 1))
        rows, more = page_base.split_page(found, PAGE_PHOTOGRAPHS)
        known = {None, *reference_sets.find_vouched(conn, {row.set_id for row in rows})}
        photos = {row.resource_id for row in rows}
        small = dismissals.count_small(page_base.house(), conn, photos)
        uncounted = unnamed_faces.count_small_figures(page_base.house(), conn, photos)
        texts = page_base.house().texts(conn)
        said = {row.id: face_rows.reason_of(texts, row) for row in rows}
    px = page_base.house().config.clearance.recognisable_px
    tiny = {row.id for row in rows if is_small(row.file_px, px)}
    unvouched = {row.id for row in rows if row.set_id not in known}
    faces = {"faces": rows, "said_of": said, "small": small, "tiny": tiny, "declared": unvouched}
    paging = {"after": page_base.read_number("after"), "next": rows[-1].id if more else None, "chosen": name}
    choices = {"lists": list(_LISTS), "reasons": list(Dismissal), "ways": vouching.BY_SIGHT}
    decides = page_base.staff().role in REVIEWERS
    return page_base.render_page("review", faces, paging, choices, decides=decides, uncounted=uncounted)


@console.get("/review/<int:face_id>/<any(photo, close):look>.jpg")
@require(*READERS, limited=True)
def review_picture(face_id: int, look: str) -> ResponseReturnValue:
    """The photograph, or what is around the face: made small for this answer, kept nowhere."""
    sight.check_face(page_base.house(), page_base.staff(), face_id)
    return Response(face_preview.render_face(page_base.house(), face_id, look == "close"), mimetype="image/jpeg")


@console.post("/review/<int:face_id>/<any(confirm, name, reject, dismiss, small, undo, together):act>")
@require(*REVIEWERS, limited=True)
def review_decide(face_id: int, act: str) -> ResponseReturnValue:
    """Carry out one decision, and return to the same page of the list."""
    sight.check_face(page_base.house(), page_base.staff(), face_id)
    at: dict[str, Any] = {"list": _read_list(), "after": page_base.read_number("after")}
    if act == "small":
        some = _dismiss_small(face_id)
        undo = (some.faces[0], "together") if some.faces else None
        return page_base.redirect_done("done_small", "review", undo, (len(some.faces), some.left), **at)
    _ACTS[act](face_id)
    plain = act in {"confirm", "name"} and not face_decisions.is_sound(page_base.house(), face_id)
    said = "done_plain" if plain else f"done_{act}"
    undo = None if said.endswith(("undo", "together")) else (face_id, "undo")
    return page_base.redirect_done(said, "review", undo, **at)


def _seen() -> Any:
    return sight.photographs(page_base.staff())


def _read_list() -> str:
    name = request.args.get("list", "")
    return name if name in _LISTS else "suggested"


def _confirm(face_id: int) -> None:
    """Confirm the person that the page showed: the suggestion may have changed since."""
    shown = request.form.get("person") or None
    if shown is not None:
        sight.check_person(page_base.house(), page_base.staff(), shown)
    face_decisions.confirm(page_base.house(), face_id, page_base.staff().actor, shown, _read_known())


def _name(face_id: int) -> None:
    services = page_base.house()
    with services.store.read() as conn:
        person_id = sight.find_person(services, conn, page_base.staff(), request.form.get("person", ""))
    face_decisions.confirm(services, face_id, page_base.staff().actor, person_id, _read_known())


def _read_known() -> str | None:
    """How the person is known by sight, if the reviewer ticked that."""
    how = request.form.get("known", "")
    return how if how in vouching.BY_SIGHT else None


def _reject(face_id: int) -> None:
    face_decisions.reject(page_base.house(), face_id, page_base.staff().actor)


def _dismiss(face_id: int) -> None:
    """The note is kept as it was typed, in whatever language."""
    dismissal, note = dismissals.parse_dismissal(request.form.get("dismissal", "")), request.form.get("note", "")
    dismissals.dismiss(page_base.house(), face_id, dismissal, page_base.staff().actor, note)


def _dismiss_small(face_id: int) -> dismissals.DismissalResult:
    """All small faces of the face's photograph, of those that the page counted."""
    ref = face_decisions.find_face(page_base.house(), face_id).ref
    newest = parse_number(request.form.get("newest"))
    return dismissals.dismiss_small(page_base.house(), ref, Dismissal.TOO_SMALL, page_base.staff().actor, newest)


def _undo(face_id: int) -> None:
    face_decisions.undo_decision(page_base.house(), face_id, page_base.staff().actor)


def _undo_together(face_id: int) -> None:
    dismissals.undo_dismissal(page_base.house(), face_id, page_base.staff().actor)


_ACTS = {"confirm": _confirm, "name": _name, "reject": _reject}
_ACTS |= {"dismiss": _dismiss, "undo": _undo, "together": _undo_together}
