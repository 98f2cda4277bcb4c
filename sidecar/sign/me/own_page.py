"""`/s/me`: the page of a person in the photographs, or of a child to its guardian. No account, no script.

The visitor is looked up at each request; a form says what is to be done, never to whom.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as Answer

from plugin.errors import ConfigError, ConsentError, DamError, Forgotten, NotFound, PictureError
from plugin.flows.access import links
from plugin.flows.common.services import Services
from plugin.flows.mail.papers import receipt_pdf
from plugin.flows.people import data_export, register
from plugin.flows.rights import erasure_requests
from plugin.flows.self_service import own_page, own_photos
from plugin.flows.self_service.own_page import Visitor
from plugin.hooks.files import file_kinds
from plugin.quitclaim.consent.lifecycle import StopMode
from sidecar.sign import form_input, pages, visits
from sidecar.sign.me import open_links
from sidecar.sign.me.own_page_rows import RowFormatter
from sidecar.web import rate_limits
from sidecar.web.input_checks import parse_number
from sidecar.words.own_page_words import Words

PATH = "/s/me"
ALL = "all"
PAGES, PICTURES = "120/minute", "600/minute"
"""How often one visit may ask, at most."""

_MOST = {"picture": PICTURES, "receipt": rate_limits.RECEIPT_LIMIT, "reference": rate_limits.RECEIPT_LIMIT}
_EXTENSIONS = {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}
_CHILD, _LOOKED, _SAID = "child", "looked", "said"


def create_blueprint(services: Services, limiter: Limiter) -> Blueprint:
    """The routes of the page."""
    routes = Blueprint("me", __name__, url_prefix=PATH)
    pages.prepare(routes, services)
    views = _Pages(services)
    for rule, name, view, methods in views.rules():
        limited = limiter.limit(_MOST.get(name, PAGES), key_func=rate_limits.by_visit)(view)
        routes.add_url_rule(rule, name, limited, methods=methods)
    for kind, handler in views.handlers():
        routes.register_error_handler(kind, handler)
    routes.context_processor(lambda: open_links.make_template_values(services))
    return routes


class _Pages:
    def __init__(self, services: Services) -> None:
        self._services = services

    def rules(self) -> list[tuple[str, str, Callable[..., Any], list[str]]]:
        """Path, name, view, methods."""
        get, post, both = ["GET"], ["POST"], ["GET", "POST"]
        return [
            ("", "page", self.page, get),
            ("/photos", "photos", self.photos, get),
            ("/photos/<int:photo>/picture", "picture", self.picture, get),
            ("/photos/<int:photo>/not-me", "not_me", self.not_me, both),
            ("/stop/<grant>", "stop", self.stop, both),
            ("/object", "object", self.object_, both),
            ("/forget", "forget", self.forget, both),
            ("/anew", "anew", self.anew, post),
            ("/export", "export", self.export, post),
            ("/references/<int:number>", "reference", self.reference, post),
            ("/receipt/<quitclaim>.<any(json, pdf):kind>", "receipt", self.receipt, get),
            ("/child", "child", self.child, post),
            ("/ways-in/close", "close_way", lambda: open_links.close_way(self._services, self._who()), post),
            ("/leave", "leave", self.leave, post),
        ]

    def _who(self) -> Visitor:
        link = visits.require_link(self._services, {links.LinkKind.PAGE})
        try:
            who = own_page.find_visitor(self._services, link.id, session.get(_CHILD))
        except NotFound:  # a child that has come of age, or was parted from this guardian, since
            session.pop(_CHILD, None)
            who = own_page.find_visitor(self._services, link.id)
        seen = session.get(_LOOKED, [])
        if who.person_id not in seen:
            own_page.note_look(self._services, who)
            session[_LOOKED] = [*seen, who.person_id]
        g.about, g.visitor = who.person_id, who
        if request.endpoint != "me.child" and request.form.get("about", who.person_id) != who.person_id:
            raise ConsentError("this page was about another child than is shown now: load it again")
        return who

    def _words(self, who: Visitor | None = None) -> Words:
        language = pages.visitor_language(self._services, who.language if who else None)
        return Words(language, who is not None and who.guardian_id is not None)

    def _show(
        self, template: str, words: Words, more: Mapping[str, Any] = {}, status: int = 200, **values: Any
    ) -> Response:
        values |= {"w": words, "site": self._services.config.site.name, **more}
        body = render_template(f"me/{template}.html", **values)
        return Response(body, status, content_type="text/html; charset=utf-8")

    def _confirm(
        self, who: Visitor, words: Words, title: str, says: list[str], button: str, more: Mapping[str, Any] = {}
    ) -> Response:
        name = self._name(who)
        return self._show("confirm", words, more, title=title, says=says, button=button, name=name)

    def _back(self, said: str, **values: str) -> Answer:
        """Redirect to the page, which shows the message `said` once."""
        session[_SAID] = [said, values]
        return redirect(url_for("me.page"), 303)

    def page(self) -> Response:
        who = self._who()
        words = self._words(who)
        shown, view = RowFormatter(self._services, words), own_page.load_page(self._services, who)
        said = session.pop(_SAID, None)
        message = words(said[0], **said[1]) if said else ""
        now, past = ([shown.row(line) for line in lines] for lines in (view.now, view.past))
        cards = [shown.card(photo) for photo in view.album.photos]
        about = {"view": view, "who": who, "day": shown.day}
        return self._show("page", words, about, said=message, now=now, past=past, cards=cards)

    def photos(self) -> Response:
        who = self._who()
        words = self._words(who)
        shown, after = RowFormatter(self._services, words), parse_number(request.args.get("after")) or None
        with self._services.store.read() as conn:
            found = own_photos.list_photos(self._services, conn, who.person_id, after)
        cards = [shown.card(photo) for photo in found.photos]
        return self._show("photos", words, album=found, cards=cards, name=self._name(who))

    def picture(self, photo: int) -> Response:
        who = self._who()
        try:
            body = own_photos.render_photo(self._services, who.person_id, photo)
        except (DamError, PictureError):
            raise NotFound("the picture cannot be had now") from None
        return Response(body, content_type="image/jpeg")

    def _name(self, who: Visitor) -> str:
        with self._services.store.read() as conn:
            return register.own_name_of(conn, who.person_id)

    def stop(self, grant: str) -> Answer:
        who = self._who()
        words = self._words(who)
        line = None if grant == ALL else own_page.find_line(self._services, who, grant)
        if request.method == "POST":
            how = form_input.read_how()
            ended = own_page.end_uses(self._services, who, how, None if line is None else {line.grant_id})
            return self._back("done_stop" if ended else "done_nothing")
        what = RowFormatter(self._services, words).what(line) if line else ""
        says = [words("stop_says", what=what) if line else words("stop_all_says")]
        if line is None or line.purpose is None:
            says.append(words("stop_recognition"))
        says.append(words("stop_reach"))
        title = words("sure_stop" if line else "sure_all")
        buttons = {"how": StopMode.WITHDRAW.value, "instead": StopMode.RESTRICT.value}
        return self._confirm(who, words, title, says, words("do_withdraw"), buttons)

    def not_me(self, photo: int) -> Answer:
        who = self._who()
        words, shown = self._words(who), self._photo(who, photo)
        if request.method == "POST":
            try:
                own_page.disown(self._services, who, photo)
            except DamError:
                return self._back("done_not_me_later")
            return self._back("done_not_me")
        title = words("sure_not_me", name=self._name(who))
        return self._confirm(who, words, title, [words("not_me_says")], words("do_not_me"), {"photo": shown})

    def _photo(self, who: Visitor, photo: int) -> own_photos.OwnPhoto:
        with self._services.store.read() as conn:
            return own_photos.find_photo(self._services, conn, who.person_id, photo)

    def object_(self) -> Answer:
        who = self._who()
        words = self._words(who)
        if request.method == "POST":
            own_page.object_to_recognition(self._services, who)
            return self._back("done_object")
        says = [words("object_says")]
        return self._confirm(who, words, words("sure_object"), says, words("do_object"))

    def forget(self) -> Answer:
        who = self._who()
        words, shown = self._words(who), RowFormatter(self._services, self._words(who))
        if request.method == "POST":
            asked = own_page.request_erasure(self._services, who)
            if asked.at_once:
                session.clear()
                said = f"{words('forgotten')} {words('forget_number', number=asked.number)}"
                return self._show("closed", words, title=words("forgotten_title"), says=said)
            return self._back("done_forget", date=shown.day(asked.due_on), number=asked.number)
        at_once = self._services.config.requests.erasure == "at once"
        due = shown.day(erasure_requests.due_day(self._services))
        how = "forget_says_now" if at_once else "forget_says_list"
        name, site = self._name(who), self._services.config.site.name
        says = [words("forget_says"), words(how, site=site, date=due)]
        title, button = words("sure_forget", name=name), words("do_forget", name=name)
        return self._confirm(who, words, title, says, button)

    def anew(self) -> Answer:
        made = own_page.make_renewal_link(self._services, self._who())
        return redirect(f"{request.script_root}/s/{made.token}", 303)

    def export(self) -> Response:
        body = data_export.to_json(own_page.export_own_data(self._services, self._who()))
        return _make_attachment(body, "application/json", "facelease.json")

    def reference(self, number: int) -> Response:
        """A reference photograph as it was uploaded, as a download: never rendered on a page."""
        body = own_page.open_reference(self._services, self._who(), number)
        return _make_attachment(body, "application/octet-stream", f"photograph-{number}{_file_extension(body)}")

    def receipt(self, quitclaim: str, kind: str) -> Response:
        """What was signed, to keep."""
        who = self._who()
        kept = own_page.find_receipt(self._services, who, quitclaim)
        if kind == "json":
            return _make_attachment(kept.json, "application/json", "receipt.json")
        try:
            return _make_attachment(
                receipt_pdf.render_pdf(kept, kept.tree["language"]), "application/pdf", "receipt.pdf"
            )
        except ConfigError:
            return pages.render_message(self._services, "pdf_missing", 503)

    def child(self) -> Answer:
        """Go to another child of the same guardian."""
        who = self._who()
        wanted = request.form.get("child", "")
        if wanted not in who.children:
            raise NotFound("no such child is yours")
        session[_CHILD] = wanted
        return redirect(url_for("me.page"), 303)

    def leave(self) -> Response:
        words = self._words()
        session.clear()
        return self._show("closed", words, title=words("left_title"), says=words("left"))

    def handlers(self) -> list[tuple[type[Exception], Callable[[Any], Response]]]:
        """Error handlers."""
        return [
            (Forgotten, self._forgotten),
            (NotFound, self._missing),
            (CSRFError, self._forged),
            (ConsentError, self._refused),
        ]

    def _forgotten(self, _: Forgotten) -> Response:
        words = self._words()
        session.clear()
        return self._show("closed", words, status=410, title=words("forgotten_title"), says=words("forgotten"))

    def _missing(self, _: NotFound) -> Response:
        return self._closed(404, "missing_title", "missing")

    def _forged(self, _: CSRFError) -> Response:
        return self._closed(400, "refused_title", "refused_csrf")

    def _refused(self, _: ConsentError) -> Response:
        return self._closed(409, "refused_title", "refused")

    def _closed(self, status: int, title: str, says: str) -> Response:
        words = self._words()
        return self._show("closed", words, status=status, title=words(title), says=words(says), home=True)


def _file_extension(body: bytes) -> str:
    """The extension for a file's content; "" where the first bytes are of no known kind."""
    return _EXTENSIONS.get(file_kinds.sniff(body[:64], ""), "")


def _make_attachment(body: bytes | str, kind: str, name: str) -> Response:
    return Response(body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
