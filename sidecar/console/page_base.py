"""What the staff's pages share: the blueprint and its access check, the page template, filters, error pages."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError

from plugin.errors import FaceLeaseError, StoreAway
from plugin.flows.access.staff_sessions import Role, Staff
from plugin.flows.common import closed_house
from plugin.flows.common.services import Services
from plugin.quitclaim.words import wording
from plugin.words import catalogues
from plugin.words.catalogues import Words
from sidecar.console import refusals
from sidecar.web import doors, input_checks, problems, staff_sign_in, store_unavailable
from sidecar.words.language_choice import choose_language

PAGE_ROWS = 50
"""How many rows a list shows at once."""

EVERYBODY = (Role.ADMINISTRATOR, Role.OFFICER, Role.EDITOR, Role.AUDITOR)
REVIEWERS = (Role.ADMINISTRATOR, Role.EDITOR)
READERS = (Role.ADMINISTRATOR, Role.OFFICER, Role.EDITOR)
OFFICERS = (Role.ADMINISTRATOR, Role.OFFICER)
WATCHERS = (Role.ADMINISTRATOR, Role.OFFICER, Role.AUDITOR)
ADMINISTRATORS = (Role.ADMINISTRATOR,)

_DAILY = ("home", "review", "references", "names", "people", "invitations", "collections", "requests", "officer")
_MENU = (*_DAILY, "forms", "clearance", "log", "jobs", "sessions", "staff")
_SAID = "said"  # of the session: which sentence the next page says, a key of the words, and the numbers in it

console = Blueprint("console", __name__, url_prefix="/console")
console.before_request(staff_sign_in.check_access)


def house() -> Services:
    """The services of this app."""
    return cast(Services, current_app.extensions["facelease"])


def staff() -> Staff:
    """Who is signed in."""
    return cast(Staff, g.staff)


def render_page(template: str, *parts: Mapping[str, Any], status: int = 200, **values: Any) -> tuple[str, int]:
    """A page in the account's language, with the menu of its role and the message of `redirect_done`.

    The template sees `values` and every item of `parts`.
    """
    me = staff()
    menu = [name for name in _MENU if staff_sign_in.may_open(me, f"console.{name}")]
    frame = {"w": Words("console", me.language), "me": me, "menu": menu, "here": _find_section()}
    frame |= {"site": house().config.site.name, "closed": _explain_closed(me.language)}
    frame |= {"collection_words": Words("collections page", me.language)}
    frame |= {"photo_words": Words("photo page", me.language), "asks": staff_sign_in.may_open(me, "console.photo_find")}
    frame |= {"said": _take_message(me.language)}
    for part in (frame, *parts):
        values |= part
    return render_template(f"console/{template}.html", **values), status


def _take_message(language: str) -> str | None:
    """The message that `redirect_done` left, and forget it."""
    key, numbers = session.pop(_SAID, None) or (None, ())
    if key is None:
        return None
    sentence = Words("console", language)[key]
    return sentence % tuple(numbers) if numbers else sentence


def _explain_closed(language: str) -> str | None:
    """Why the house is closed, in one sentence; None where it is open."""
    services = house()
    found = closed_house.find_reason(services)
    if found is None:
        return None
    return wording.render(closed_house.make_answer(found).reasons[0], language, services.config.site.zone)


def redirect_done(said: str, endpoint: str, numbers: Sequence[int] = (), **args: Any) -> ResponseReturnValue:
    """Redirect to a page that shows the message `said` (a key of the words) with these numbers."""
    session[_SAID] = (said, tuple(numbers))
    return redirect(url_for(f"console.{endpoint}", **args), 303)


def split_page(rows: Sequence[Any], size: int) -> tuple[list[Any], bool]:
    """The first `size` rows, and whether there are more: ask for one row more than a page shows."""
    return list(rows[:size]), len(rows) > size


def read_number(name: str) -> int:
    """A whole number of the query string, 0 where there is none."""
    return input_checks.parse_number(request.args.get(name))


def read_day(name: str) -> date | None:
    """A day of the form; None for an empty or impossible one."""
    try:
        return date.fromisoformat(request.values.get(name, ""))
    except ValueError:
        return None


@console.app_template_filter("day")
def format_day(value: datetime | date | None) -> str:
    """The day in the site's zone, in the page's language."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(house().config.site.zone).date()
    return wording.day(value, staff().language)


@console.app_template_filter("last_day")
def format_last_day(value: datetime | None) -> str:
    """The last day before an exclusive end: an end at midnight belongs to the day before."""
    return "" if value is None else format_day(value - timedelta(microseconds=1))


def format_iso_last_day(value: datetime) -> str:
    """As `format_last_day`, for a program or a spreadsheet: 2027-03-01."""
    return (value - timedelta(microseconds=1)).astimezone(house().config.site.zone).date().isoformat()


@console.app_template_filter("moment")
def format_moment(value: datetime | None) -> str:
    """The day and the time in the site's zone."""
    return "" if value is None else f"{format_day(value)}, {format_clock(value)}"


@console.app_template_filter("term")
def format_term(value: str) -> str:
    """A purpose or a channel in the page's language; one that the organisation added, as it is configured."""
    return wording.term(value, staff().language) or value


@console.app_template_filter("thousands")
def format_number(value: int) -> str:
    """A number with the thousands separator of the page's language."""
    return wording.thousands(value, staff().language)


@console.app_template_filter("language")
def language_name(value: str) -> str:
    """What a language is called in the page's."""
    return catalogues.name(value, staff().language)


@console.app_template_filter("clock")
def format_clock(value: datetime) -> str:
    """The time in the site's zone."""
    return f"{value.astimezone(house().config.site.zone):%H:%M}"


def _find_section() -> str:
    """The menu entry of this page."""
    parts = request.path.removeprefix(str(console.url_prefix)).strip("/").split("/")
    return parts[0] or "home"


@console.after_request
def _set_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = staff_sign_in.CSP
    return response


@console.errorhandler(FaceLeaseError)
def _show_refusal(error: FaceLeaseError) -> ResponseReturnValue:
    """A page with the sentence of an error that the caller can mend."""
    status = problems.find_status(error)
    return _show_error(status, str(error) if status < 500 or status == 502 else "")


@console.errorhandler(StoreAway)
def _show_store_away(error: StoreAway) -> ResponseReturnValue:
    unsure = store_unavailable.may_have_written(house(), error)
    html, _ = _show_error(503, "", "wrong_unsure" if unsure else "wrong_away")
    return store_unavailable.retry_later(Response(html))


@console.errorhandler(HTTPException)
@console.errorhandler(InternalServerError)  # the app's own answer to it is for programs
def _show_http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code == 401:
        return doors.render(house(), 401)
    return _show_error(error.code or 500, "")


def _show_error(status: int, said: str, kind: str = "") -> tuple[str, int]:
    known: Staff | None = g.get("staff")
    w = Words("console", known.language if known else choose_language(house().config.site.language))
    kind = kind or (f"wrong_{status}" if f"wrong_{status}" in w else "wrong")
    if g.get("unasked"):
        kind = "wrong_unasked" if g.unasked == "dam" else "wrong_unasked_provider"
    back = url_for("console.home") if known else ""
    sentence, spoken = refusals.told(said, w.lang)
    said_ = {"title": w[kind], "text": w[f"{kind}_text"], "sentence": sentence, "spoken": spoken}
    html = render_template("console/notice.html", w=w, back=back, **said_)
    return html, status
