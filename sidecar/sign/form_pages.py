"""`/s`: opening a link, the form, the photographs and the code on it, and the pages after signing.

A GET changes nothing but the visitor's cookie: mail programs open links before people do.
"""

import secrets
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request, session
from flask_limiter import Limiter
from werkzeug.wrappers import Response as Answer

from plugin.errors import (
    ConfigError,
    ConsentError,
    EnrolmentRefused,
    ExaminationFailed,
    LinkRefused,
    MailError,
    MailRefused,
    SigningRefused,
    TooMany,
)
from plugin.flows.access import email_codes, links
from plugin.flows.access.links import LinkKind
from plugin.flows.common.services import Services
from plugin.flows.mail import delivery
from plugin.flows.matching.reference_choice import FaceNotChosen
from plugin.flows.signing import form_validation, sign_form, signing_request
from plugin.flows.signing.inviting import siblings
from plugin.flows.signing.signing_request import SigningRequest
from plugin.quitclaim.words import wording
from sidecar.sign import done_pages, form_input, lost_pages, pages, sent_pictures, visits
from sidecar.sign.sessions import SIGN
from sidecar.web import rate_limits, uploads
from sidecar.words import language_choice
from sidecar.words.sign_words import Words, numbered

_ANCHORS = {"choices": "choices-title", "form": "content", "signature": "signature"}


def create_blueprint(services: Services, limiter: Limiter) -> Blueprint:
    """The routes of the pages on which people sign."""
    part = Blueprint("sign", __name__, url_prefix=SIGN)
    pages.prepare(part, services)
    part.url_value_preprocessor(_raise_body_limit)
    views = _FormPages(services)

    def route(rule: str, name: str, view: Callable[..., Any], methods: str, *most: tuple[str, Any]) -> None:
        for amount, by in most:
            view = limiter.limit(amount, key_func=by)(view)
        part.add_url_rule(rule, name, view, methods=methods.split())

    here, visit = rate_limits.by_address, rate_limits.by_visit
    shared = ("60/minute", rate_limits.by_token_here), ("300/minute", rate_limits.by_token)
    route("/<token>", "open", views.open, "GET", ("120/minute", here), *shared)
    route("/form", "form", views.form, "GET POST", ("120/minute", here), ("40/minute", visit))
    route("/photo", "photo", views.photo, "POST", ("120/minute", here), ("30/minute", visit))
    route("/code", "code", views.code, "POST", ("20/minute", here), ("10/minute", visit))
    route("/no", "decline", views.decline, "POST", ("60/minute", here))
    lost_pages.add_routes(part, services, limiter)
    done_pages.add_routes(part, services, limiter)
    return part


def _raise_body_limit(endpoint: str | None, values: object) -> None:
    """Raise the limit of the body for photographs, for visitors who opened a link."""
    if "link" in session and endpoint in {"sign.form", "sign.photo"}:
        request.max_content_length = uploads.PHOTO_BYTES if endpoint == "sign.photo" else uploads.FORM_BYTES
        request.max_form_memory_size = uploads.FIELD_BYTES


class _FormPages:
    def __init__(self, services: Services) -> None:
        self._services = services

    def open(self, token: str) -> Answer:
        """A visit begins: with the form, or with one's own page."""
        link = links.find_open(self._services, token)
        visits.begin(link)
        pages.read_language()
        return redirect({LinkKind.PAGE: "me", LinkKind.KEY: "key"}.get(LinkKind(link.kind), "form"), 303)

    def form(self) -> Answer:
        """The form, empty; or as it was filled in, signed or not."""
        if request.method == "POST":
            return self._sent()
        asked = self._asked()
        if asked.from_day is not None:
            return self._early(asked)
        return self._show(asked)

    def _asked(self) -> SigningRequest:
        link = visits.require_link(self._services, visits.SIGNING_KINDS)
        language = visits.find_language(language_choice.choose_language(link.language))
        return signing_request.load_request(self._services, link, language)

    def _early(self, asked: SigningRequest) -> Response:
        w = Words(asked.language)
        day = wording.day(asked.from_day or self._services.today(), asked.language)
        title = w("early_title", day=day)
        return pages.render_page(
            self._services, "sign/message.html", language=asked.language, title=title, lines=[w("early")]
        )

    def _sent(self) -> Answer:
        try:
            return self._known() or self._signed()
        except LinkRefused:  # the same form, sent twice at once, may have used the link up meanwhile
            if (before := self._known()) is None:
                raise
            return before

    def _known(self) -> Answer | None:
        before = sign_form.find_earlier_result(self._services, visits.require_link_id(), form_input.read_nonce())
        return None if before is None else done_pages.redirect_done(self._services, before)

    def _signed(self) -> Answer:
        asked = self._asked()
        if form_input.read_text("send_code"):
            return self._coded(asked)
        if pages.choose_language(form_input.read_text("lang")):  # without a script: the same, in another language
            return self._show(self._asked(), filled=True)
        try:
            done = sign_form.sign(self._services, asked.link_id, form_input.read_form(asked.language))
        except SigningRefused as error:
            return self._again(asked, [*error.problems])
        except FaceNotChosen as error:
            return self._ask_which(asked, error)
        except EnrolmentRefused as error:
            return self._again(asked, (), self._of_photographs(error, asked.language))
        except ExaminationFailed:
            return self._again(asked, [("photographs", "failed")])
        except ConsentError:
            return self._again(asked, [("form", "refused")])
        return done_pages.redirect_done(self._services, done)

    def _ask_which(self, asked: SigningRequest, error: FaceNotChosen) -> Response:
        """The faces of photographs with several, each cut out. The answer is a cut-out: nothing is kept till then."""
        shown = sent_pictures.describe(error.pictures, form_input.list_photograph_names())
        return pages.render_page(
            self._services,
            "sign/which_face.html",
            422,
            language=asked.language,
            pictures=shown,
            answers=form_input.list_answers(),
        )

    def _of_photographs(self, error: EnrolmentRefused, language: str) -> list[tuple[str, str]]:
        w = Words(language)
        names = dict(enumerate(form_input.list_photograph_names(), 1))
        said = []
        for n, why in map(numbered, error.reasons):
            name = names.get(n)
            said.append(w("photo_called" if name else "photo", n=n, name=name, said=w.photograph(why)))
        return [("photographs", one) for one in said]

    def _coded(self, asked: SigningRequest) -> Response:
        """Without a script: the code is sent, and the form is shown as it was."""
        fault = self._send_code(asked, form_input.read_text("email"))
        if fault:
            return self._again(asked, [fault])
        return self._show(asked, said=Words(asked.language)("code_sent"), filled=True)

    def _again(self, asked: SigningRequest, wrong: Any, told: list[tuple[str, str]] | None = None) -> Response:
        floor = self._services.ages.recognition_from
        w = Words(asked.language)
        problems = [(where, w.fault(where, fault, floor)) for where, fault in wrong]
        return self._show(asked, 422, problems=[*problems, *(told or [])], filled=True)

    def _show(
        self, asked: SigningRequest, status: int = 200, problems: Any = (), said: str = "", filled: bool = False
    ) -> Response:
        nonce = form_input.read_nonce() if filled else ""
        return pages.render_page(
            self._services, "sign/form.html", status, language=asked.language, asked=asked, problems=problems,
            said=said, typed=form_input.read_typed() if filled else self._fill_known(asked),
            ticked=form_input.read_choices() if filled else (),
            nonce=nonce or secrets.token_hex(16), age=self._services.ages.age, anchors=_ANCHORS,
            masked=_mask(asked.known_email) if asked.delivered else "", first_guardian=asked.first_guardian,
            pictures=self._keep_pictures(asked) if filled else [], most=form_validation.MOST_PHOTOGRAPHS,
            draft=form_input.name_draft(asked), mails=bool(self._services.config.mail.host),
            fewer=self._explain_fewer(asked.language),
        )  # fmt: skip

    def _keep_pictures(self, asked: SigningRequest) -> list[sent_pictures.SentPicture]:
        """What was sent of photographs, to be sent again: the faces cut out of it. A script keeps them itself."""
        if not (asked.sheet.photographs and form_input.read_text("recognition")) or form_input.read_text("in_page"):
            return []
        return sent_pictures.keep(self._services, form_input.read_photographs(), form_input.list_photograph_names())

    def _explain_fewer(self, language: str) -> str:
        """What one photograph costs, with this engine; "" if nobody measured it."""
        about = self._services.faces.card.references
        if about.missed is None:
            return ""
        one, three = (wording.percent(share, language) for share in (about.missed[0], about.missed[-1]))
        w = Words(language)
        return w("one_serves", one=one, three=three) if about.one_serves else w("one_is_few", one=one, three=three)

    def _fill_known(self, asked: SigningRequest) -> dict[str, str]:
        """What need not be typed: one's own name, which the page says anyway; a guardian's, for the next child."""
        if asked.shoot:
            before = session.get(done_pages.AGAIN)
            return siblings.find_signer(self._services, before) if isinstance(before, str) else {}
        return {} if asked.minor or asked.asks_age else {"signer": asked.called}

    def photo(self) -> Response:
        """One photograph is looked at and forgotten: will it do? It is not encoded, and nothing is stored."""
        asked = self._asked()
        file = request.files.get("photograph")
        body = uploads.read_upload(file) if file and asked.sheet.photographs else b""
        seen = self._services.faces.list_faces(body)
        w = Words(asked.language)
        kept = sent_pictures.find_faces(self._services, seen)
        said = w.photograph(seen.reason) if seen.reason else w("good" if seen.clear else "good_choose")
        offered = seen.offered if len(kept) > 1 else 0
        return jsonify(good=not seen.reason, words=said, faces=kept, offered=offered)

    def code(self) -> Response:
        """A code is sent to the address that was typed, or that is known."""
        asked = self._asked()
        fault = self._send_code(asked, form_input.read_text("email"))
        w = Words(asked.language)
        return jsonify(sent=fault is None, words=w.fault(*fault, 0) if fault else w("code_sent"))

    def _send_code(self, asked: SigningRequest, typed: str) -> form_validation.Fault | None:
        address = asked.known_email or typed.strip()
        if not address or not form_validation.is_email(address):
            return "email", "unreadable" if address else "needed"
        services = self._services

        def post(mail_id: str, to: str, code: str) -> None:
            delivery.send_now(services, mail_id, "code", to, asked.language, code=code)

        try:
            if asked.stored.form.code_by_mail:
                email_codes.send(services, asked.link_id, address, post, rate_limits.by_address())
        except TooMany:
            return "email", "too-many"
        except MailRefused:
            return "email", "refused"
        except (MailError, ConfigError):
            return "email", "later"
        return None

    def decline(self) -> Response:
        """No to everything."""
        asked = self._asked()
        sign_form.decline(self._services, asked.link_id)
        session.clear()
        visits.set_language(asked.language)
        return pages.render_message(self._services, "no_done", 200)


def _mask(address: str) -> str:
    """An address that its owner knows again, and nobody else reads."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}" if name else ""
