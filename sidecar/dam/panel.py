"""`POST /panel/resourcespace`: what the DAM's page shows of one photograph, and what an editor decides there.

The plugin's page asks, server to server, after it has checked session, permission and CSRF: the
signature vouches for `user` and `can_edit`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from plugin.errors import EventRefused, NotFound
from plugin.flows.clearance import dam_dates
from plugin.flows.common import dam_events, face_rows
from plugin.flows.common.services import Services
from plugin.flows.review import dismissals, face_decisions, naming
from plugin.flows.signing.inviting import face_pointers
from plugin.flows.views import waiting_list
from plugin.flows.views.photos import photo_panel
from plugin.hooks.webhooks.events import EventRef
from plugin.quitclaim.clearance.answers import Answer, ClearanceStatus, Reason, ReasonCode
from plugin.quitclaim.consent.intervals import last_day
from plugin.quitclaim.words import dismissal_words
from plugin.quitclaim.words import wording as reasons
from plugin.words.catalogues import Words
from sidecar.running.readiness import find_unready
from sidecar.web import problems, signed_requests
from sidecar.words import staff_words
from sidecar.words.language_choice import choose_language

PATH = "/panel/resourcespace"
STATUS = f"{PATH}/status"

_LINE = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, StringConstraints(max_length=200, pattern=_LINE)]


class PanelQuestion(BaseModel):
    """What the page asks: a resource, for whom, and at most one decision on one of its faces.

    `reason` is the key of a dismissal. `dismiss_small` is for all small faces on which nobody has decided, of those
    that the page showed: `face` is the newest of them; `dismiss_rest` for all, small or not. `name`: of `person`.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    ref: EventRef
    user: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_LINE)]
    can_edit: bool
    action: Literal["confirm", "reject", "dismiss", "dismiss_small", "dismiss_rest", "name"] | None = None
    face: Annotated[int, Field(ge=1, lt=1 << 63)] | None = None
    reason: Line = ""
    person: Line = ""
    purpose: Line = ""
    language: Line = ""


class StatusQuestion(BaseModel):
    """What the set-up page asks."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    user: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_LINE)]
    language: Line = ""


def create_blueprint(services: Services) -> Blueprint | None:
    """The endpoint; None while no secret is configured. Raises ConfigError for one that cannot be read."""
    known = signed_requests.load_secrets(services.config, "panel")
    if known is None:
        return None
    routes = Blueprint("panel", __name__)
    signed_requests.answer_when_busy(routes)

    @routes.post(PATH)
    def show() -> Response:
        message, raw = signed_requests.read_signed(services, known)
        question = _parse_question(raw)
        note: dict[str, str] = {}
        if question.action is not None:
            told = _decide(services, message, question)
            if isinstance(told, Response):
                return told
            note = {"note": told} if told else {}
        return jsonify(_describe_photograph(services, question) | note)

    @routes.post(STATUS)
    def status() -> Response:
        """For the plugin's set-up page: numbers in sentences, nobody's name."""
        _, raw = signed_requests.read_signed(services, known)
        try:
            asked = StatusQuestion.model_validate_json(raw)
        except (ValidationError, RecursionError):
            raise EventRefused("not a question of the set-up page") from None
        language = choose_language(services.config.site.language, asked.language)
        waits = [staff_words.waiting(one, language) for one in waiting_list.list_counts(services)]
        lines = [f"{one.title}: {one.said}" for one in waits]
        if find_unready(but="DAM") is not None:  # the DAM is asking this very moment
            lines.insert(0, Words("staff", language)["unready"])
        return jsonify({"lines": lines})

    return routes


def _parse_question(raw: bytes) -> PanelQuestion:
    try:
        question = PanelQuestion.model_validate_json(raw)
    except (ValidationError, RecursionError) as error:
        wrong = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        where = str(wrong[0]) if wrong and wrong[0] in PanelQuestion.model_fields else "the body"
        raise EventRefused(f"not a question of the page: {where} is not what it takes") from None
    if (question.action is None) != (question.face is None):
        raise EventRefused("not a question of the page: an action and a face go together")
    return question


def _decide(services: Services, message: str, question: PanelQuestion) -> Response | str:
    """Carry out the decision; returns a key of the plugin's words where there is something to say of it.

    A problem response where this user may not, or where the request is a replay.
    """
    face, actor = question.face or 0, f"dam:{question.user}"
    if not question.can_edit:
        return problems.respond(403, "Forbidden", "deciding on a face takes the right to edit the resource")
    with services.store.write() as tx:
        if not photo_panel.has_face(tx.connection, str(question.ref), face):
            raise NotFound("this resource has no such face now: load the page again")
        if not dam_events.note_message(tx, f"panel:{message}"):
            return problems.respond(409, "Conflict", "this was carried out already: load the page again")
    acts: dict[str, Callable[[], object]] = {
        "confirm": lambda: face_decisions.confirm(services, face, actor),
        "reject": lambda: face_decisions.reject(services, face, actor),
        "dismiss": lambda: dismissals.dismiss(services, face, dismissals.parse_dismissal(question.reason), actor),
        "dismiss_small": lambda: dismissals.dismiss_small(
            services, str(question.ref), dismissals.parse_dismissal(question.reason), actor, face
        ),
        "dismiss_rest": lambda: dismissals.dismiss_rest(
            services, str(question.ref), dismissals.parse_dismissal(question.reason), actor, face
        ),
        "name": lambda: naming.name_face(services, face, question.person, actor),
    }
    outcome = acts[str(question.action)]()
    return outcome.value if isinstance(outcome, naming.Naming) and outcome is not naming.Naming.DONE else ""


def _describe_photograph(services: Services, question: PanelQuestion) -> dict[str, Any]:
    language = choose_language(services.config.site.language, question.language)
    view = photo_panel.load_panel(services, str(question.ref), question.purpose)
    if view is None:
        why = [reasons.render(Reason(ReasonCode.NOT_EXAMINED), language)]
        return {"state": "unknown", "people": [], "faces": [], "channels": {}, "why": why}
    said, people = _AnswerWords(services, language), []
    for one in view.people:
        who = {"name": one.name, "origin": one.origin, "by": one.by}
        people.append(who | {"channels": said.channels(one.channels)})
    return {
        "state": "ok",
        "purpose": view.purpose,
        "people": people,
        "faces": _describe_faces(services, question, view, language),
        "small": _count_undecided(view.faces, small=True),
        "rest": _count_undecided(view.faces),
        "channels": _add_field_dates(services, question, view, said.sized(view.channels)),
        "why": list(dict.fromkeys(line for one in view.channels.values() for line in said.why(one))),
    }


def _add_field_dates(
    services: Services, question: PanelQuestion, view: photo_panel.PhotoPanel, channels: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Where the DAM's date field of a channel differs from the answer: what it shows, and why."""
    shown = dam_dates.find_shown(services, str(question.ref))
    if shown is None or view.purpose != services.config.clearance.purposes[0]:
        return channels
    for name, said in channels.items():
        until = said["until"] if said["status"] == ClearanceStatus.CLEARED.value else None
        day = shown.days.get(name, "")
        if day != (until or ""):
            renewed = shown.told and until is not None and "" < day < until
            said["field"] = {"day": day, "why": "renewed" if renewed else "waits", "every": shown.every}
    return channels


class _AnswerWords:
    """Answers as the page shows them, in one language."""

    def __init__(self, services: Services, language: str) -> None:
        self._zone = services.config.site.zone
        self._max_px = services.config.clearance.max_px
        self._language = language

    def why(self, answer: Answer) -> list[str]:
        return [reasons.render(reason, self._language, self._zone) for reason in answer.reasons]

    def sized(self, answers: Mapping[str, Answer]) -> dict[str, dict[str, Any]]:
        """The same of the photograph itself, with the longer side of the copies that each holds for."""
        said = self.channels(answers)
        return {channel: one | {"max_px": self._max_px.get(channel)} for channel, one in said.items()}

    def channels(self, answers: Mapping[str, Answer]) -> dict[str, dict[str, Any]]:
        return {
            channel: {"status": one.status.value, "until": self._last_day(one), "why": self.why(one)}
            | ({"asked": False} if _was_never_asked(one) else {})
            for channel, one in answers.items()
        }

    def _last_day(self, answer: Answer) -> str | None:
        """The last day before an exclusive end: an end at midnight belongs to the day before."""
        if answer.until is None:
            return None
        return last_day(answer.until, self._zone).isoformat()


def _was_never_asked(answer: Answer) -> bool:
    """Nothing that anybody signed speaks of this channel: the page tells such channels in one line."""
    return {reason.code for reason in answer.reasons} == {ReasonCode.NEVER_AGREED}


def _count_undecided(faces: Sequence[photo_panel.PanelFace], small: bool = False) -> dict[str, int]:
    """How many faces, or small faces, one act dismisses, and the newest of them."""
    ids = [face.id for face in faces if face.state in face_rows.UNDECIDED and (face.small or not small)]
    return {"count": len(ids), "newest": max(ids, default=0)}


def _describe_faces(
    services: Services, question: PanelQuestion, view: photo_panel.PhotoPanel, language: str
) -> list[dict[str, Any]]:
    """Each face; and for whoever may decide, who was invited from it."""
    pointers = face_pointers.list_pointers(services, str(question.ref)) if question.can_edit else {}
    return [
        _describe_face(face, question.can_edit, language)
        | ({"invited": {"name": one.name, "agreed": one.agreed}} if (one := pointers.get(face.id)) else {})
        for face in view.faces
    ]


def _describe_face(face: photo_panel.PanelFace, can_edit: bool, language: str) -> dict[str, Any]:
    words, left_out = Words("front", language), ""
    if face.state == "dismissed":
        left_out = dismissal_words.dismissal(face.dismissal, face.reason, language)
    # A suggestion is a question to whoever may decide, and no name for anybody else.
    person = face.person if face.state == "matched" or can_edit else ""
    label = ": ".join(part for part in (words[face.state], person or left_out) if part)
    return {
        "id": face.id,
        "box": [round(side, 4) for side in face.box],
        "state": face.state,
        "person": person or None,
        "label": label,
        "again": face.again,
        "small": face.small,
    }
