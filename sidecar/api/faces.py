"""Faces: what waits for a decision, and the decision."""

from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import BaseModel, StringConstraints, model_validator

from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common import face_rows, reference_sets
from plugin.flows.common.services import Services
from plugin.flows.review import already_done, dismissals, face_decisions
from plugin.quitclaim.clearance.dismissal import Dismissal
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, fill, json_response
from sidecar.web.request_models import LINE, EmptyRequest, Id, Number, NumberPath, PageQuery, RefPath, RequestModel

FaceState = Literal["matched", "suggested", "unmatched", "rejected", "dismissed"]
_WRITE = Route(TokenScope.FACES_WRITE, changes=True)


class FacesQuery(PageQuery):
    """Faces in a state, oldest first. `after` is a face's id."""

    state: FaceState = "suggested"
    after: Number | None = None  # type: ignore[assignment]  # a number here


class Face(BaseModel):
    """A face: its box in 0..1 of the upright picture, and who it is taken for.

    `vouched` is false where that rests on pictures which nobody of the staff has vouched for: it clears nothing.
    `width_px` in the picture as detected, `file_px` in the file. `dismissal` is null for a face that was dismissed
    before there was a list: it has to be decided again. `reason` is what was said of a dismissal.
    """

    id: int
    ref: str
    box: tuple[float, float, float, float]
    width_px: int
    file_px: int | None
    state: FaceState
    person_id: str | None
    name: str | None
    distance: float | None
    dismissal: Dismissal | None
    reason: str | None
    vouched: bool


class FacePage(BaseModel):
    """A page of faces."""

    items: list[Face]
    next: int | None


class FaceConfirmation(RequestModel):
    """Who it is, if not the one suggested."""

    person_id: Id | None = None


class FaceDismissal(RequestModel):
    """Why the face need not be named, by the list; `note` is shown with each answer.

    Only `no_person` and `too_small` leave nothing to decide.
    """

    dismissal: Dismissal
    note: Annotated[str, StringConstraints(max_length=200, pattern=LINE)] = ""

    @model_validator(mode="before")
    @classmethod
    def listed(cls, body: Any) -> Any:
        """Who sends a reason in free text, as before there was a list, is told of it."""
        if isinstance(body, dict) and "reason" in body:
            keys = ", ".join(Dismissal)
            raise ValueError(f"`reason` is no more: send `dismissal`, one of {keys}; free text goes into `note`")
        return body


class SmallFacesDismissal(RequestModel):
    """Why none of the small faces need be named."""

    dismissal: Dismissal = Dismissal.TOO_SMALL


class FaceDecision(BaseModel):
    """The face's state now; `vouched` false: the name is written and clears nothing yet.

    `decided_before`: when somebody had decided the same already.
    """

    id: int
    state: FaceState
    vouched: bool = True
    decided_before: datetime | None = None


class SmallFacesDismissed(BaseModel):
    """How many faces were dismissed, and how many of the photograph are left to decide.

    `decided_before`: where none was left, since when that is so.
    """

    ref: str
    count: int
    left: int
    decided_before: datetime | None = None


def routes(services: Services) -> Routes:
    """The routes of faces."""
    api = Routes("faces", "What the machine suggests and a person decides")
    _add_read_routes(api, services)
    _add_decision_routes(api, services)
    _add_dismissal_routes(api, services)
    return api


def _add_read_routes(api: Routes, services: Services) -> None:
    @api.add("GET", "/faces", Route(TokenScope.FACES_READ), FacePage)
    def faces_list(query: FacesQuery) -> Response:
        """A page of faces in a state."""
        with services.store.read() as conn:
            rows = list(face_decisions.list_waiting(conn, query.state, query.after or 0, query.limit + 1))
            vouched = {None, *reference_sets.find_vouched(conn, {row.set_id for row in rows})}
            texts = services.texts(conn)
            items = []
            for row in rows[: query.limit]:
                who = {"name": row.display_name, "vouched": row.set_id in vouched}
                why = {"dismissal": face_rows.dismissal_of(row), "reason": face_rows.reason_of(texts, row) or None}
                items.append(fill(Face, row, box=(row.left, row.top, row.width, row.height), **who, **why))
        return json_response(FacePage(items=items, next=items[-1].id if len(rows) > query.limit else None))


def _add_decision_routes(api: Routes, services: Services) -> None:
    @api.add("POST", "/faces/<int:number>/confirm", _WRITE, FaceDecision)
    def face_confirm(path: NumberPath, body: FaceConfirmation) -> Response:
        """Yes, this is the person."""
        same = {"person_id": body.person_id} if body.person_id else {}
        before = already_done.find_decided_at(services, path.number, "matched", **same)
        face_decisions.confirm(services, path.number, caller().actor, body.person_id)
        vouched = face_decisions.is_sound(services, path.number)
        return json_response(FaceDecision(id=path.number, state="matched", vouched=vouched, decided_before=before))

    @api.add("POST", "/faces/<int:number>/reject", _WRITE, FaceDecision)
    def face_reject(path: NumberPath, body: EmptyRequest) -> Response:
        """Not this person; never proposed again for this face."""
        before = already_done.find_decided_at(services, path.number, "rejected")
        face_decisions.reject(services, path.number, caller().actor)
        return json_response(FaceDecision(id=path.number, state="rejected", decided_before=before))

    @api.add("POST", "/faces/<int:number>/undo", _WRITE, FaceDecision)
    def face_undo(path: NumberPath, body: EmptyRequest) -> Response:
        """Take the last decision back; the photograph is examined again."""
        face_decisions.undo_decision(services, path.number, caller().actor)
        return json_response(FaceDecision(id=path.number, state="unmatched"))


def _add_dismissal_routes(api: Routes, services: Services) -> None:
    @api.add("POST", "/faces/<int:number>/dismiss", _WRITE, FaceDecision)
    def face_dismiss(path: NumberPath, body: FaceDismissal) -> Response:
        """This face need not be named."""
        same = {"dismissal": body.dismissal.value, "reason": body.note.strip()}
        before = already_done.find_decided_at(services, path.number, "dismissed", **same)
        dismissals.dismiss(services, path.number, body.dismissal, caller().actor, body.note)
        return json_response(FaceDecision(id=path.number, state="dismissed", decided_before=before))

    @api.add("POST", "/resources/<path:ref>/small-faces/dismiss", _WRITE, SmallFacesDismissed)
    def faces_dismiss_small(path: RefPath, body: SmallFacesDismissal) -> Response:
        """None of the photograph's small faces on which nobody has decided need be named."""
        done = dismissals.dismiss_small(services, path.ref, body.dismissal, caller().actor)
        dismissed = SmallFacesDismissed(ref=path.ref, count=len(done.faces), left=done.left, decided_before=done.before)
        return json_response(dismissed)
