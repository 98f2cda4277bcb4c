"""What the pages of the people in the photographs share: their policy, language, template and error pages."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

from plugin.errors import FaceLeaseError, LinkRefused, StoreAway
from plugin.flows.common.services import Services
from plugin.flows.signing import lost_links
from plugin.words.catalogues import LANGUAGES
from sidecar.sign import visits
from sidecar.web import store_unavailable
from sidecar.words import language_choice
from sidecar.words.sign_words import Words

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_GONE = frozenset({"expired", "used", "revoked"})
_ENDS = frozenset({"closed", "no_done", *_GONE})  # after these nothing that was filled in stays in the browser
_LEADS = frozenset({"refused", "missing", "ended"})  # the pages that lead to a letter with a new link


def prepare(part: Blueprint, services: Services) -> None:
    """Give a blueprint under /s its policy, and pages for what goes wrong."""

    def explain(status: int, what: str) -> Callable[[Exception], Response]:
        return lambda _: render_message(services, what, status)

    def http(error: HTTPException) -> Response:
        known = {413: "large", 429: "slow"}.get(error.code or 500, "missing")
        return render_message(services, known if (error.code or 500) < 500 else "failed", error.code or 500)

    part.before_request(read_language)
    part.after_request(_set_headers)
    part.register_error_handler(LinkRefused, lambda error: show_refused(services, error))
    part.register_error_handler(CSRFError, explain(400, "ended"))
    for kind in (HTTPException, InternalServerError):  # the app's own answer to the latter is for programs
        part.register_error_handler(kind, http)
    part.register_error_handler(FaceLeaseError, explain(500, "failed"))
    part.register_error_handler(StoreAway, lambda error: show_store_away(services, error))


def _set_headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def show_refused(services: Services, error: LinkRefused) -> Response:
    """The page of a link that is not valid: why, as far as its holder may know, and how to get a new one."""
    gone = error.why in _GONE
    token = str((request.view_args or {}).get("token", "")) if gone else ""
    return render_message(services, "refused", 410 if gone else 404, error.why if gone else "unknown", token)


def show_store_away(services: Services, error: StoreAway) -> Response:
    """The page while the store is unavailable: whether something may have been changed."""
    g.unanswered = True
    unsure = store_unavailable.may_have_written(services, error)
    return store_unavailable.retry_later(render_message(services, "unsure" if unsure else "away", 503))


def render_message(services: Services, what: str, status: int, more: str = "", over: str = "") -> Response:
    """A page of a sentence or two; `over`: the token of a link that opened once, for which a letter may be asked."""
    w = Words(visitor_language(services))
    lines = [w(more), w("ask")] if more else [w(what)]
    writes = lost_links.can_write(services)
    letter = {"over": over if writes else "", "lost": writes and what in _LEADS}
    ended = bool({what, more} & _ENDS)
    title = w(f"{what}_title")
    return render_page(services, "sign/message.html", status, title=title, lines=lines, ended=ended, **letter)


def visitor_language(services: Services, otherwise: str | None = None) -> str:
    """The language of this visitor: chosen, else of their link, else of their browser, else of the site."""
    return visits.find_language(otherwise or language_choice.choose_language(services.config.site.language))


def read_language() -> None:
    """`?lang=` on any page chooses the language of the visit."""
    choose_language(request.args.get("lang", ""))


def choose_language(wanted: str) -> bool:
    """Show this visitor pages in `wanted` from now on; whether it is a language of ours."""
    if wanted in LANGUAGES:
        visits.set_language(wanted)
    return wanted in LANGUAGES


def render_page(services: Services, template: str, status: int = 200, **values: Any) -> Response:
    """A page in the visitor's language."""
    w = Words(values.pop("language", None) or visitor_language(services))
    return make_response(render_template(template, w=w, site=services.config.site.name, **values), status)
