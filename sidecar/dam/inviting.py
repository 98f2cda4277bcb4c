"""`POST /panel/resourcespace/invite`: an editor enters somebody, and invites them, from a photograph's page; `…/people`
offers names of those who are entered.

The plugin's page has checked session, permission and CSRF. Who may enter people here is what the account's role says:
the DAM is asked for its groups at each request.
"""

from datetime import date
from typing import Annotated

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from plugin.errors import EventRefused, NotFound
from plugin.flows.access import staff_sessions
from plugin.flows.access.staff_sessions import Role
from plugin.flows.common import dam_events
from plugin.flows.common.services import Services
from plugin.flows.people.register import Newcomer
from plugin.flows.signing.inviting import from_photographs
from plugin.flows.views.people import people_list
from plugin.flows.views.photos import photo_panel
from plugin.hooks.webhooks.events import EventRef
from sidecar.dam import panel
from sidecar.web import problems, signed_requests
from sidecar.words.language_choice import choose_language

PATH = f"{panel.PATH}/invite"
PEOPLE = f"{panel.PATH}/people"
_MOST_NAMES = 8
_ROLES = (Role.ADMINISTRATOR, Role.OFFICER, Role.EDITOR)


class NewcomerQuestion(BaseModel):
    """Whom to enter; `face`: the face of this photograph from which they are invited."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: EventRef
    user: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    can_edit: bool
    name: Annotated[panel.Line, StringConstraints(min_length=1)]
    email: panel.Line = ""
    born: date | None = None
    of_age: bool = False
    by_mail: bool = False
    face: Annotated[int, Field(ge=1, lt=1 << 63)] | None = None
    language: panel.Line = ""


class NamesQuestion(BaseModel):
    """What an editor has typed, at least two characters: never the whole list."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    text: Annotated[str, StringConstraints(min_length=2, max_length=100, strip_whitespace=True)]


def create_blueprint(services: Services) -> Blueprint | None:
    """The endpoint; None while no secret is configured. Raises ConfigError for one that cannot be read."""
    known = signed_requests.load_secrets(services.config, "panel")
    if known is None:
        return None
    routes = Blueprint("inviting", __name__)
    signed_requests.answer_when_busy(routes)

    @routes.post(PATH)
    def invite() -> Response:
        message, raw = signed_requests.read_signed(services, known)
        asked = _parse(raw)
        if not asked.can_edit or staff_sessions.find_role(services, asked.user) not in _ROLES:
            return problems.respond(403, "Forbidden", "entering people takes a role in FaceLease that reviews")
        with services.store.write() as tx:
            if asked.face is not None and not photo_panel.has_face(tx.connection, str(asked.ref), asked.face):
                raise NotFound("this resource has no such face now: load the page again")
            if not dam_events.note_message(tx, f"panel:{message}"):
                return problems.respond(409, "Conflict", "this was carried out already: load the page again")
        language = choose_language(services.config.site.language, asked.language)
        newcomer = Newcomer(asked.name, language, asked.born, asked.email, of_age=asked.of_age)
        told = from_photographs.enter_and_invite(services, newcomer, asked.by_mail, f"dam:{asked.user}", asked.face)
        return jsonify(what=told.what.value, address=told.address)

    @routes.post(PEOPLE)
    def people() -> Response:
        """Names that hold what an editor types, for the field beside a face."""
        _, raw = signed_requests.read_signed(services, known)
        try:
            asked = NamesQuestion.model_validate_json(raw)
        except (ValidationError, RecursionError):
            raise EventRefused("not a question of the page: which names?") from None
        found = people_list.search(services, asked.text, limit=_MOST_NAMES)
        names = [{"name": one.person.display_name, "asked": one.recognition or one.publication} for one in found]
        return jsonify(names=names)

    return routes


def _parse(raw: bytes) -> NewcomerQuestion:
    try:
        return NewcomerQuestion.model_validate_json(raw)
    except (ValidationError, RecursionError) as error:
        wrong = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        where = str(wrong[0]) if wrong and wrong[0] in NewcomerQuestion.model_fields else "the body"
        raise EventRefused(f"not a question of the page: {where} is not what it takes") from None
