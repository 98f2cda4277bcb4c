"""Decisions on faces of `/console/review`: many in one request, told in a page or in JSON, undone by act."""

from collections.abc import Callable, Sequence
from typing import NoReturn

from flask import jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError, DamError, NotFound, NothingDone
from plugin.flows.access import sight
from plugin.flows.review import dismissals, face_acts
from plugin.flows.review.face_acts import DECIDED, FaceOutcome, Shown, What
from plugin.flows.views.review import name_picker
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.page_base import REVIEWERS, console
from sidecar.console.review import face_forms
from sidecar.web.input_checks import parse_number
from sidecar.web.staff_sign_in import require


@console.post("/review/decide")
@require(*REVIEWERS, limited=True)
def review_decide() -> ResponseReturnValue:
    """Carry out one act: on the faces that were chosen; `confirm` on all others, `confirm_chosen` on those alone."""
    act = request.form.get("act", "")
    if act not in _ACTS:
        raise NotFound("there is no such act")
    chosen, others = face_forms.read_faces()
    faces = others if act == "confirm" else chosen
    if not faces:
        raise NothingDone("no face was chosen: choose those that are meant")
    return _answer("confirm" if act == "confirm_chosen" else act, _ACTS[act](faces))


@console.post("/review/undo")
@require(*REVIEWERS, limited=True)
def review_undo() -> ResponseReturnValue:
    """Undo the last act of this session that is not undone yet."""
    outcomes = face_acts.undo_last(page_base.house(), page_base.staff())
    if not outcomes:
        raise NothingDone("there is nothing to undo: this session has decided on nothing that stands")
    return _answer("undo", outcomes)


@console.post("/review/photographs/<int:photo_id>/small")
@require(*REVIEWERS, limited=True)
def review_small(photo_id: int) -> ResponseReturnValue:
    """Leave out all small faces of a photograph, of those that the page counted."""
    newest = parse_number(request.form.get("newest"))
    found = face_acts.dismiss_small(page_base.house(), page_base.staff(), photo_id, newest)
    return _answer("small", [FaceOutcome(one, What.DONE) for one in found.faces])


@console.get("/review/people.json")
@require(*REVIEWERS, limited=True)
def review_names() -> ResponseReturnValue:
    """People whose names fit what was typed, for whoever names a face."""
    found = name_picker.find_people(page_base.house(), page_base.staff(), request.args.get("q", "")[:200])
    return jsonify(
        [
            {
                "id": one.person_id,
                "name": one.name,
                "in_force": one.in_force,
                "portrait": url_for("console.portrait", person_id=one.person_id),
            }
            for one in found
        ]
    )


def _answer(act: str, outcomes: Sequence[FaceOutcome]) -> ResponseReturnValue:
    """In JSON what came of each; else back to the page, or where nothing at all was decided, why."""
    words = Words("light table", page_base.staff().language)
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        with page_base.house().store.read() as conn:
            undoable = face_acts.count_undoable(conn, page_base.staff())
        faces = [{"face": one.face_id, "what": one.what.value} for one in outcomes]
        return jsonify(faces=faces, said=face_forms.describe(words, act, outcomes), undoable=undoable)
    if len(outcomes) == 1 and outcomes[0].what not in DECIDED:
        _refuse(outcomes[0], words)
    face_forms.keep_news(act, outcomes)
    return redirect(face_forms.find_back(), 303)


def _refuse(outcome: FaceOutcome, words: Words) -> NoReturn:
    """Of a single face a page says why nothing was decided."""
    if outcome.what is What.GONE:
        raise NotFound(f"face {outcome.face_id} is gone: the photograph was replaced or examined anew meanwhile")
    if outcome.what is What.AWAY:
        raise DamError("the DAM does not answer")
    raise ConsentError(outcome.said or words.counted(f"came_{outcome.what.value}", 1) % {"n": 1})


def _confirm(faces: Sequence[Shown]) -> list[FaceOutcome]:
    return face_acts.confirm(page_base.house(), page_base.staff(), faces, face_forms.read_known())


def _name(faces: Sequence[Shown]) -> list[FaceOutcome]:
    services, staff = page_base.house(), page_base.staff()
    with services.store.read() as conn:
        person_id = sight.find_person(services, conn, staff, request.form.get("who", ""))
    return face_acts.name(services, staff, faces, person_id, face_forms.read_known())


def _reject(faces: Sequence[Shown]) -> list[FaceOutcome]:
    return face_acts.reject(page_base.house(), page_base.staff(), faces)


def _dismiss(faces: Sequence[Shown]) -> list[FaceOutcome]:
    """The note is kept as it was typed, in whatever language."""
    dismissal, note = dismissals.parse_dismissal(request.form.get("dismissal", "")), request.form.get("note", "")
    return face_acts.dismiss(page_base.house(), page_base.staff(), faces, dismissal, note)


_ACTS: dict[str, Callable[[Sequence[Shown]], list[FaceOutcome]]] = {
    "confirm": _confirm,
    "confirm_chosen": _confirm,
    "name": _name,
    "reject": _reject,
    "dismiss": _dismiss,
}
