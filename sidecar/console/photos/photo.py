"""`/console/photographs/<id>`: one photograph: who is on it, what may be done with it, and who is to be asked."""

from dataclasses import dataclass
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import NotFound
from plugin.flows.views.photos import photo_history, photo_panel, photo_sight
from plugin.flows.views.photos.photo_panel import NamedPerson, PanelFace
from plugin.hooks.dam import HasPages
from plugin.hooks.picture import Sight
from plugin.quitclaim.clearance.answers import Answer
from plugin.quitclaim.words import dismissal_words, wording
from sidecar.console import page_base
from sidecar.console.invitations import asking
from sidecar.console.page_base import READERS, REVIEWERS, console
from sidecar.web import staff_sign_in
from sidecar.web.staff_sign_in import require


@dataclass(frozen=True)
class SaidAnswer:
    """An answer as the page says it: the colour is never the only sign of it."""

    channel: str
    status: str
    answer: Answer
    why: tuple[str, ...]
    max_px: int | None


@dataclass(frozen=True)
class SaidPerson:
    """A name, and what this person agreed to on each channel."""

    person: NamedPerson
    answers: list[SaidAnswer]

    @property
    def blocks(self) -> bool:
        """Whether asking this person could change an answer."""
        return any(one.status != "cleared" for one in self.answers)


@console.get("/photographs/<int:photo_id>")
@require(*READERS, limited=True)
def photo(photo_id: int) -> ResponseReturnValue:
    """The picture with its boxes, and the answers for the purpose that is asked for."""
    services, me = page_base.house(), page_base.staff()
    seen = photo_sight.find_photo(services, me, photo_id)
    found = photo_panel.load_panel(services, seen.ref, request.args.get("purpose", ""))
    if found is None:  # it went a moment ago
        raise NotFound("there is no such photograph")
    people = [SaidPerson(one, _say_all(one.channels)) for one in found.people]
    about = {"photo": seen, "panel": found, "answers": _say_all(found.channels), "people": people}
    asked = request.args.get("history") == "yes"
    about |= {"history": photo_history.read(services, photo_id, me.actor) if asked else None}
    about |= {"faces": [_say_face(one) for one in found.faces], "small": seen.sight is Sight.SMALL}
    return page_base.render_page("photo", about, _list_choices(seen.ref))


def _list_choices(ref: str) -> dict[str, Any]:
    services, me = page_base.house(), page_base.staff()
    may = {"decides": me.role in REVIEWERS, "enters": staff_sign_in.may_open(me, "console.person_new")}
    dam = services.dam.page_of(ref) if isinstance(services.dam, HasPages) else ""
    asks = {"forms": asking.list_form_names(), "mails": bool(services.config.mail.host)}
    return {**may, **asks, "purposes": services.config.clearance.purposes, "dam": dam}


def _say_all(answers: Any) -> list[SaidAnswer]:
    services, language = page_base.house(), page_base.staff().language
    zone, sizes = services.config.site.zone, services.config.clearance.max_px
    return [
        SaidAnswer(
            channel,
            one.status.value,
            one,
            tuple(dict.fromkeys(wording.render(why, language, zone) for why in one.reasons)),
            sizes.get(channel),
        )
        for channel, one in answers.items()
    ]


def _say_face(face: PanelFace) -> dict[str, Any]:
    """A suggestion is a question to whoever may decide, and no name for anybody else."""
    language, left_out = page_base.staff().language, ""
    if face.state == "dismissed":
        left_out = dismissal_words.dismissal(face.dismissal, face.reason, language)
    named = face.state == "matched" or page_base.staff().role in REVIEWERS
    return {"face": face, "box": face.box, "name": face.person if named else "", "left_out": left_out}
