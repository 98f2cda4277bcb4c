"""`/console/sign-in`: the password of an account of ours, and then the code of its second factor."""

from datetime import datetime
from typing import Any

import segno
from flask import make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from plugin.errors import GuessRefused
from plugin.flows.access.own_accounts import second_factor, sign_in
from plugin.flows.access.own_accounts.sign_in import Proof, Step
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.door import known_browser
from sidecar.console.page_base import console
from sidecar.web import doors
from sidecar.web.staff_sign_in import SESSION_KEY, open_to_all
from sidecar.words.language_choice import choose_language

_PROOF, _ONWARD, _SECRET = "proof", "onward", "secret"


@console.post("/sign-in")
@open_to_all
def sign_in_password() -> ResponseReturnValue:
    """The first step; a wrong password and an unknown name get one answer."""
    services, name, onward = page_base.house(), request.form.get("name", ""), request.form.get("onward", "")
    origin = known_browser.find_origin(services, name)
    try:
        proof = sign_in.check_password(services, name, request.form.get("password", ""), origin)
    except GuessRefused as error:
        return answer_late(doors.render(services, 429, name, "too_often", onward), error)
    if proof is None:
        return doors.render(services, 422, name, "wrong_password", onward)
    return begin(proof, onward)


@console.get("/sign-in")
@open_to_all
def sign_in_again() -> ResponseReturnValue:
    """Whoever reloads is led to the doors."""
    return redirect(url_for("console.home"), 303)


def begin(proof: Proof, onward: str = "") -> ResponseReturnValue:
    """Go on after the password: to the second factor, or in."""
    session.clear()  # against session fixation
    keep_proof(proof)
    session[_ONWARD] = doors.check_onward(onward)
    if sign_in.find_step(page_base.house(), proof) is Step.NOTHING:
        return sign_in_finish()
    return redirect(url_for("console.sign_in_code"), 303)


@console.get("/sign-in/code")
@open_to_all
def sign_in_code() -> ResponseReturnValue:
    """Asks for a code; of an account that has no second factor yet, shows the secret to set it up with."""
    return _ask("")


@console.post("/sign-in/code")
@open_to_all
def sign_in_finish() -> ResponseReturnValue:
    """The second step, which opens the session."""
    services, proof = page_base.house(), read_proof()
    step = sign_in.find_step(services, proof) if proof else None
    if proof is None or step is None:
        return doors.render(services, 422, proof.name if proof else "", "once_more")
    code, language = request.form.get("code", ""), choose_language(services.config.site.language)
    origin = known_browser.find_origin(services, proof.name)
    try:
        if step is Step.ENROL:
            return _finish_enrolment(proof, code, language)
        token = sign_in.finish(services, proof, code, origin, language)
    except GuessRefused as error:
        return answer_late(_ask("too_often", 429), error)
    if token is None:
        return _ask("wrong_code", 422)
    onward = doors.check_onward(session.get(_ONWARD, ""))
    _enter(proof, token)
    return redirect(f"{request.script_root}{onward}", 303)


def _finish_enrolment(proof: Proof, code: str, language: str) -> ResponseReturnValue:
    services, secret = page_base.house(), session.get(_SECRET, "")
    origin = known_browser.find_origin(services, proof.name)
    made = sign_in.enrol(services, proof, secret, code, origin, language) if secret else None
    if made is None:
        return _ask("wrong_code", 422)
    token, codes = made
    _enter(proof, token)
    return render_door("codes", codes=codes, onward=url_for("console.home"))


def _enter(proof: Proof, token: str) -> None:
    session.clear()  # against session fixation
    session[SESSION_KEY] = token
    known_browser.remember(page_base.house(), proof.name)


def _ask(wrong: str, status: int = 200) -> ResponseReturnValue:
    services, proof = page_base.house(), read_proof()
    step = sign_in.find_step(services, proof) if proof else None
    if proof is None or step in (None, Step.NOTHING):
        return redirect(url_for("console.home"), 303)
    if step is Step.CODE:
        return render_door("code", status, wrong=wrong)
    secret = session.setdefault(_SECRET, second_factor.make_secret())
    address = second_factor.build_address(services, proof.name, secret)
    code = segno.make(address, error="m").svg_inline(border=4, svgclass="qr", lineclass=None, omitsize=True)
    grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    shown = {"secret": grouped, "qr": Markup(code)}  # noqa: S704 - made by segno
    return render_door("enrol", status, wrong=wrong, address=address, **shown)


def keep_proof(proof: Proof) -> None:
    """Let the browser hold the proof, in its signed cookie."""
    session[_PROOF] = [proof.name, proof.at.isoformat(), proof.mark]


def read_proof() -> Proof | None:
    """What `keep_proof` kept; None where there is none."""
    match session.get(_PROOF):
        case [str(name), str(at), str(mark)]:
            return Proof(name, datetime.fromisoformat(at), mark)
    return None


def render_door(template: str, status: int = 200, **values: Any) -> tuple[str, int]:
    """A page of the door, in the language of the browser."""
    services = page_base.house()
    language = choose_language(services.config.site.language)
    words = {"w": Words("console", language), "d": Words("door", language), "site": services.config.site.name}
    return render_template(f"console/door/{template}.html", **words, **values), status


def answer_late(page: ResponseReturnValue, error: GuessRefused) -> ResponseReturnValue:
    """The page, with the time after which another try is looked at."""
    answer = make_response(page)
    answer.headers["Retry-After"] = str(error.seconds)
    return answer
