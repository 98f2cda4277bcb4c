"""After signing: the receipt, the link to one's own page, or the link for the other guardian."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Response, redirect, request, session, url_for
from flask_limiter import Limiter
from werkzeug.wrappers import Response as Answer

from plugin.errors import ConfigError, LinkRefused, NotFound
from plugin.flows.access import links
from plugin.flows.access.links import LinkKind
from plugin.flows.common.services import Services
from plugin.flows.consent import quitclaim_rows
from plugin.flows.mail.papers import receipt_pdf, receipt_words, receipts
from plugin.flows.signing import signature_strength
from plugin.flows.signing.inviting import siblings
from plugin.flows.signing.inviting.siblings import Sibling
from plugin.flows.signing.submission import SigningResult
from sidecar.sign import form_input, keep_links, pages, visits
from sidecar.sign.sessions import SIGN
from sidecar.web import rate_limits
from sidecar.words.sign_words import Words

_DONE = "done"
AGAIN = "again"  # of the session: the quitclaim that the same guardian signed for another child before
_KINDS = {"json": "application/json", "pdf": "application/pdf"}


def redirect_done(services: Services, signed: SigningResult) -> Answer:
    """Begin a visit by the new page or key, keep in it what the last page shows, and redirect there."""
    opener, by = signed.page or signed.key, visits.require_link_id()
    visits.follow(opener.id if opener is not None else by)
    visits.set_language(signed.language)
    other = None if signed.mailed else signed.other
    made = {"key": signed.key, "page": signed.page, "other": other}
    tokens = {name: link.token if link else "" for name, link in made.items()}
    about = {
        "by": by,
        "draft": form_input.read_text("draft")[:32],
        "photographs": signed.photographs,
        "mailed": signed.mailed,
        "mark": signed.mark,
    }
    session[_DONE] = {"quitclaim": signed.quitclaim_id, **about, **tokens}
    return redirect(url_for("sign.done"), 303)


def add_routes(part: Blueprint, services: Services, limiter: Limiter) -> None:
    """The routes of what comes after signing, and a friendly page for all that is not there."""

    def done() -> Response:
        return _render_done(services, _load_done(services))

    def receipt(kind: str) -> Response:
        return _send_receipt(services, _load_done(services), kind)

    def calendar() -> Response:
        return _send_calendar(services, _load_done(services))

    def another() -> Answer:
        return _begin_another(services, _load_done(services))

    def leave() -> Response:
        spoken = pages.visitor_language(services)
        session.clear()
        visits.set_language(spoken)
        return pages.render_message(services, "closed", 200)

    def nothing(rest: str = "") -> Response:
        return pages.render_message(services, "missing", 404)

    part.add_url_rule("/done", "done", done)
    papers = limiter.limit(rate_limits.RECEIPT_LIMIT, key_func=rate_limits.by_visit)(receipt)
    part.add_url_rule("/receipt.<any(json, pdf):kind>", "receipt", papers)
    part.add_url_rule("/key.ics", "calendar", limiter.limit(rate_limits.RECEIPT_LIMIT)(calendar))
    part.add_url_rule("/another", "another", another, methods=["POST"])
    part.add_url_rule("/leave", "leave", leave, methods=["POST"])
    part.add_url_rule("/", "nothing", nothing)
    part.add_url_rule("/<path:rest>", "nothing", nothing)


def _load_done(services: Services) -> Mapping[str, Any]:
    """What was signed in this visit. Raises LinkRefused where nothing was, or where the visit's link is not valid."""
    done = session.get(_DONE)
    if not isinstance(done, dict):
        links.find_usable(services, visits.require_link_id())  # says why, where it is the link that is over
        raise LinkRefused("unknown")
    visits.require_link(services, {LinkKind.PAGE, LinkKind.KEY})
    return done


def _render_done(services: Services, done: Mapping[str, Any]) -> Response:
    waiting = done["quitclaim"] is None
    w = Words(pages.visitor_language(services))
    tokens = {name: done[name] for name in ("key", "page", "other")}
    shown: dict[str, Any] = {name: token and _link_to_keep(services, token) for name, token in tokens.items()}
    return pages.render_page(
        services,
        "sign/done.html",
        title=w("waiting_title" if waiting else "done_title"),
        waiting=waiting,
        **shown,
        code=keep_links.draw_code(shown["key"]),
        photographs=done["photographs"],
        mark=done.get("mark"),
        draft=done.get("draft", ""),
        others=_list_others(services, done),
        recognised=not waiting and quitclaim_rows.has_recognition(services, done["quitclaim"]),
        mailed=not waiting and signature_strength.is_receipt_mailed(services, done["quitclaim"]),
    )


def _link_to_keep(services: Services, token: str) -> str:
    """The link to keep; without `server.public_url` under the address of this request, which only this browser sees."""
    base = services.config.server.public_url or request.url_root.rstrip("/")
    return f"{base}{SIGN}/{token}"


def _list_others(services: Services, done: Mapping[str, Any]) -> tuple[bool, list[Sibling]]:
    """For whom the guardian who signed may sign next: whether for anybody, at a shoot; else those who were asked."""
    by = str(done.get("by", ""))
    if not by or not done["quitclaim"] or not siblings.find_signer(services, done["quitclaim"]):
        return False, []
    try:
        link = links.find_usable(services, by)
    except LinkRefused:  # used up: it was one child's
        return False, siblings.list_siblings(services, by)
    return link.kind == LinkKind.SHOOT.value, []


def _begin_another(services: Services, done: Mapping[str, Any]) -> Answer:
    """A new visit for the next child, in which the guardian's name and address need not be typed again."""
    at_shoot, others = _list_others(services, done)
    wanted = request.form.get("link", "")
    if not (at_shoot or wanted in {one.link_id for one in others}):
        raise LinkRefused("unknown")
    spoken = pages.visitor_language(services)
    visits.begin(links.find_usable(services, str(done["by"]) if at_shoot else wanted))
    visits.set_language(spoken)
    session[AGAIN] = done["quitclaim"]
    return redirect(url_for("sign.form"), 303)


def _send_calendar(services: Services, done: Mapping[str, Any]) -> Response:
    """The last day of what was signed, with the key; it names nobody."""
    receipt = _load_receipt(services, done)
    w, site = Words(pages.visitor_language(services)), services.config.site.name
    last = date.fromisoformat(receipt.tree["last_day"])
    said = w("calendar_title", site=site), f"{w('calendar_text')} {_link_to_keep(services, done['key'])}"
    body = keep_links.make_calendar(
        done["quitclaim"], last, *said, _link_to_keep(services, done["key"]), services.clock.now()
    )
    answer = Response(body, content_type="text/calendar; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{w("calendar_file")}.ics"'
    return answer


def _load_receipt(services: Services, done: Mapping[str, Any]) -> receipts.Receipt:
    """The receipt of what was signed in this visit. Raises LinkRefused, NotFound."""
    if done["quitclaim"] is None:
        raise LinkRefused("unknown")
    with services.store.read() as conn:
        return receipts.load(services, conn, done["quitclaim"])


def _render_pdf(services: Services, done: Mapping[str, Any], receipt: receipts.Receipt, language: str) -> bytes:
    with services.store.read() as conn:
        signatures = receipt_pdf.load_signatures(services, conn, done["quitclaim"])
    return receipt_pdf.render_pdf(receipt, language, signatures, _link_to_keep(services, done["key"]))


def _send_receipt(services: Services, done: Mapping[str, Any], kind: str) -> Response:
    try:
        receipt = _load_receipt(services, done)
    except NotFound:
        return pages.render_message(services, "missing", 404)
    language = str(receipt.tree["language"])
    try:
        body = receipt.json if kind == "json" else _render_pdf(services, done, receipt, language)
    except ConfigError:
        return pages.render_message(services, "pdf_missing", 503)
    name = receipt_words.of(language)["file"]
    answer = Response(body, content_type=_KINDS[kind])
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer
