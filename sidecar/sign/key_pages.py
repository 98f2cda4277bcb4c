"""`/s/key`: what was signed in one visit, to whoever holds its key: read it, and end any of it. No account, no script.

It says no name, shows no photograph, and leads to no other version and to no form.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as Answer

from plugin.errors import ConfigError, Forgotten, NotFound
from plugin.flows.access.links import LinkKind
from plugin.flows.common.services import Services
from plugin.flows.mail.papers import receipt_pdf
from plugin.flows.signing import key_links, lost_links
from plugin.flows.signing.key_links import Holder
from plugin.quitclaim.consent.lifecycle import StopMode
from sidecar.sign import form_input, pages, visits
from sidecar.sign.me.own_page_rows import RowFormatter
from sidecar.web import rate_limits
from sidecar.words.own_page_words import Words

PATH = "/s/key"
ALL = "all"
_LOOKED, _SAID = "key_looked", "key_said"
_TAKEN = "key_taken"
_PAGES = "120/minute"


def create_blueprint(services: Services, limiter: Limiter) -> Blueprint:
    """The routes of the page."""
    routes = Blueprint("key", __name__, url_prefix=PATH)
    pages.prepare(routes, services)
    views = _Pages(services)
    for rule, name, view, methods, most in (
        ("", "page", views.page, ["GET"], _PAGES),
        ("/stop/<grant>", "stop", views.stop, ["GET", "POST"], _PAGES),
        ("/receipt.<any(json, pdf):kind>", "receipt", views.receipt, ["GET"], rate_limits.RECEIPT_LIMIT),
        ("/leave", "leave", views.leave, ["POST"], _PAGES),
    ):
        limited: Callable[..., Any] = limiter.limit(most, key_func=rate_limits.by_visit)(view)
        routes.add_url_rule(rule, name, limited, methods=methods)
    routes.register_error_handler(NotFound, views.missing)
    routes.register_error_handler(Forgotten, views.forgotten)
    routes.register_error_handler(CSRFError, views.forged)
    return routes


class _Pages:
    def __init__(self, services: Services) -> None:
        self._services = services

    def _who(self) -> Holder:
        who = key_links.find_holder(self._services, visits.require_link(self._services, {LinkKind.KEY}).id)
        if not session.get(_LOOKED):
            key_links.note_look(self._services, who)
            session[_LOOKED] = True
        g.about = ""
        return who

    def _words(self, who: Holder | None = None) -> Words:
        return Words(pages.visitor_language(self._services, who.language if who else None))

    def _show(self, template: str, words: Words, status: int = 200, **values: Any) -> Response:
        site = self._services.config.site.name
        body = render_template(f"me/{template}.html", w=words, site=site, **values)
        return Response(body, status, content_type="text/html; charset=utf-8")

    def page(self) -> Response:
        """The text, the choices as they stand, the receipt."""
        who = self._who()
        words, view = self._words(who), key_links.load_page(self._services, who)
        shown, said = RowFormatter(self._services, words), session.pop(_SAID, "")
        rows = [shown.row(line) for line in view.lines]
        message, writes = words(said) if said else "", lost_links.can_write(self._services)
        return self._show("key", words, view=view, rows=rows, day=shown.day(view.day), said=message, writes=writes)

    def stop(self, grant: str) -> Answer:
        """One use, or all of it: asked once more, then over."""
        who = self._who()
        words = self._words(who)
        line = None if grant == ALL else key_links.find_line(self._services, who, grant)
        waiting = key_links.load_page(self._services, who).waiting
        if request.method == "POST":
            grants = None if line is None else {line.grant_id}
            ended = key_links.end_uses(self._services, who, form_input.read_how(), grants)
            session[_SAID] = _TAKEN if waiting else "done_key" if ended else "done_nothing"
            return redirect(url_for("key.page"), 303)
        if waiting:
            title, says = words("key_sure_back"), [words("key_back_says")]
            return self._show("key_confirm", words, title=title, says=says, how=StopMode, waiting=True)
        what = RowFormatter(self._services, words).what(line) if line else ""
        says = [words("stop_says", what=what) if line else words("key_stop_says")]
        says += [words("stop_recognition")] if line is None or line.purpose is None else []
        title = words("sure_stop" if line else "key_sure_all")
        return self._show("key_confirm", words, title=title, says=[*says, words("stop_reach")], how=StopMode)

    def receipt(self, kind: str) -> Response:
        """The receipt of this version alone."""
        kept = key_links.find_receipt(self._services, self._who())
        try:
            body = kept.json if kind == "json" else receipt_pdf.render_pdf(kept, kept.tree["language"])
        except ConfigError:
            return pages.render_message(self._services, "pdf_missing", 503)
        headers = {"Content-Disposition": f'attachment; filename="receipt.{kind}"'}
        return Response(body, content_type=f"application/{kind}", headers=headers)

    def leave(self) -> Response:
        """Close the page on this device."""
        words = self._words()
        session.clear()
        return self._show("closed", words, title=words("left_title"), says=words("key_left"))

    def missing(self, _: Exception) -> Response:
        """The quitclaim does not exist: revoked before it took effect; or a grant that is not of this key."""
        words = self._words()
        if session.pop(_SAID, "") == _TAKEN:
            return self._show("closed", words, title=words("key_taken_title"), says=words("key_taken"))
        return self._show("closed", words, 404, title=words("missing_title"), says=words("key_missing"))

    def forgotten(self, _: Exception) -> Response:
        """Nothing is left."""
        words = self._words()
        session.clear()
        return self._show("closed", words, 410, title=words("forgotten_title"), says=words("forgotten"))

    def forged(self, _: Exception) -> Response:
        """A form from elsewhere."""
        words = self._words()
        return self._show("closed", words, 400, title=words("refused_title"), says=words("refused_csrf"))
