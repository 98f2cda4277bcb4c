"""`/start`: the photographs of the demonstration as they stand this second, and three things to try."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path

from flask import Blueprint, Response, abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from PIL import Image

from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.matching import declared_sets
from plugin.flows.views.photos import photo_panel
from plugin.flows.views.photos.photo_panel import PhotoPanel
from plugin.words.catalogues import Words
from sidecar.commands.demo import sample_editor, samples
from sidecar.commands.demo.welcome import SampleLinks
from sidecar.web.staff_sign_in import SESSION_KEY
from sidecar.words.language_choice import choose_language

PATH = "/start"
_WIDTH = 640  # px, of the pictures on the page
_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Turn(StrEnum):
    """What the two people and the editor have done, for the cards."""

    ASKED = "asked"
    SIGNED = "signed"
    VOUCHED = "vouched"
    ENDED = "ended"


@dataclass(frozen=True)
class SamplePhoto:
    """A photograph: its number on the page, and what FaceLease knows of it; None while it was not examined."""

    number: int
    panel: PhotoPanel | None

    @property
    def unnamed(self) -> int:
        """Faces without a name."""
        return self._count("unmatched")

    @property
    def waiting(self) -> int:
        """Faces of which the editor is asked whose they are."""
        return self._count("suggested")

    def _count(self, state: str) -> int:
        return sum(face.state == state for face in self.panel.faces) if self.panel else 0


@dataclass(frozen=True)
class People:
    """The two sample people, by their names in the store."""

    a: str
    b: str


class _StartPage:
    """What the routes show, of one house."""

    def __init__(self, services: Services, people: People, tried: SampleLinks) -> None:
        self.services, self._people, self._tried = services, people, tried
        self.code = secrets.token_urlsafe(16)
        self.refs = sorted(services.dam.refs(), key=lambda ref: ("nobody" in ref, ref))  # the one without a face last

    def render(self, template: str) -> str:
        here = self.services
        words = Words("demo", choose_language(here.config.site.language, request.args.get("lang", "")))
        shown = [SamplePhoto(number, photo_panel.load_panel(here, ref)) for number, ref in enumerate(self.refs)]
        about = {"photos": shown, "turns": find_turns(here, self._people), "tried": self._tried, "code": self.code}
        return render_template(f"demo/{template}.html", w=words, **about)

    def sign_in(self) -> ResponseReturnValue:
        """Sign in whoever presses the button; the code is on the page alone, so that no other site can send it."""
        if not secrets.compare_digest(request.form.get("code", "").encode(), self.code.encode()):
            abort(403)
        session.clear()
        language = choose_language(self.services.config.site.language, request.form.get("language", ""))
        session[SESSION_KEY] = sample_editor.open_session(self.services, self._tried.password, language)
        return redirect(url_for("console.references"), 303)


def create_blueprint(services: Services, folder: Path, people: People, tried: SampleLinks) -> Blueprint:
    """The page, its pictures, and the editor's way in. For a house that listens on loopback alone."""
    routes, start = Blueprint("start", __name__), _StartPage(services, people, tried)

    @routes.get(PATH)
    def page() -> str:
        return start.render("start")

    @routes.get(f"{PATH}/now")
    def now() -> str:
        """The part that changes; fetched each second."""
        return start.render("now")

    @routes.get(f"{PATH}/photographs/<int:number>.jpg")
    def picture(number: int) -> Response:
        return _jpeg(folder / start.refs[number]) if number < len(start.refs) else abort(404)

    @routes.get(f"{PATH}/portrait-of-B.jpg")
    def portrait() -> Response:
        return _jpeg(samples.portrait(samples.B_STANDING), 1200)

    routes.post("/signin/sample")(start.sign_in)  # under this path the staff's cookie is set
    routes.after_request(_set_policy)
    return routes


def find_turns(services: Services, people: People) -> dict[str, Turn]:
    """How far each card is: of `a` (agreed or ended) and of `b` (asked, signed, vouched for or ended)."""
    at = services.clock.now()
    with services.store.read() as conn:
        a, b = roster.find(conn, people.a), roster.find(conn, people.b)
        standings = roster.load_many(services, conn, (a, b))
        waits = declared_sets.find_waiting(conn, b) is not None
    agreed = {one: standings[one].in_force(at) for one in (a, b)}
    if agreed[b]:
        turn = Turn.SIGNED if waits or not standings[b].recognition(at) else Turn.VOUCHED
    else:
        turn = Turn.ENDED if standings[b].quitclaims else Turn.ASKED
    return {"a": Turn.VOUCHED if agreed[a] else Turn.ENDED, "b": turn}


def _jpeg(path: Path, width: int = _WIDTH) -> Response:
    out = BytesIO()
    with Image.open(path) as picture:
        picture.thumbnail((width, width * 2))
        picture.convert("RGB").save(out, "JPEG", quality=88)
    return Response(out.getvalue(), mimetype="image/jpeg")


def _set_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _CSP
    return response
