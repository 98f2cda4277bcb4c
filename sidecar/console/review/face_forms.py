"""What the forms of the review send, and what the page after one of them says."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from flask import current_app, request, session, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer

from plugin.flows.matching import vouching
from plugin.flows.review.face_acts import FaceOutcome, Shown
from plugin.words.catalogues import Words
from sidecar.console import page_base, refusals
from sidecar.web.input_checks import parse_number

LISTS = ("suggested", "machine", "unmatched", "again", "photo")
_NEWS = "review_news"  # of the session: what came of the last act, by what and how many
_REFERENCES_SECONDS = 600


def read_list() -> str:
    """Which list the page is of."""
    name = request.values.get("list", "")
    return name if name in LISTS else "suggested"


def find_back() -> str:
    """The address of the page that the form stood on: its table, from the same face on."""
    form = request.form
    at: dict[str, Any] = {"list": form.get("list") or None, "after": form.get("after") or None}
    if person_id := form.get("of_person"):
        return url_for("console.review_person", person_id=person_id, **at)
    if photo_id := parse_number(form.get("of_photo")):
        return url_for("console.review_photo", photo_id=photo_id)
    return url_for("console.review", shoot=form.get("shoot") or None, **at)


def read_faces() -> tuple[list[Shown], list[Shown]]:
    """The faces that were chosen on the page, and all others that it showed; each with who was proposed."""
    shown = [_parse(one) for one in request.form.getlist("shown")]
    chosen = {parse_number(one) for one in request.form.getlist("face")}
    faces = [one for one in shown if one.face_id]
    return [one for one in faces if one.face_id in chosen], [one for one in faces if one.face_id not in chosen]


def _parse(text: str) -> Shown:
    number, _, person_id = text.partition(":")
    return Shown(parse_number(number), person_id or None)


def read_known() -> str | None:
    """How the account knows the person by sight, if it says so."""
    how = request.form.get("known", "")
    return how if how in vouching.BY_SIGHT else None


def keep_news(act: str, outcomes: Iterable[FaceOutcome]) -> None:
    """What the next page says of an act."""
    session[_NEWS] = (act, list(Counter(one.what.value for one in outcomes).items()), _list_refusals(outcomes))


def take_news(words: Words) -> list[str]:
    """What `keep_news` left, in sentences, and forget it."""
    act, counts, refused = session.pop(_NEWS, None) or ("", [], [])
    return say(words, act, counts, refused)


def describe(words: Words, act: str, outcomes: Sequence[FaceOutcome]) -> list[str]:
    """What came of an act, in sentences."""
    counts = list(Counter(one.what.value for one in outcomes).items())
    return say(words, act, counts, _list_refusals(outcomes))


def say(words: Words, act: str, counts: Iterable[tuple[str, int]], refused: Iterable[str]) -> list[str]:
    """A sentence for each kind of outcome, with how many faces, and those that say why some were refused."""
    said = [
        words.counted(f"{act}_done" if what == "done" else f"came_{what}", number) % {"n": number}
        for what, number in counts
    ]
    return said + [refusals.told(one, words.lang)[0] for one in refused]


def _list_refusals(outcomes: Iterable[FaceOutcome]) -> list[str]:
    return list(dict.fromkeys(one.said for one in outcomes if one.said))


def sign_references(set_id: str) -> str:
    """A mark by which the pictures of a page that was audited are shown without a row each; for this session."""
    return str(_signer().dumps([set_id, page_base.staff().id]))


def is_signed(set_id: str, mark: str) -> bool:
    """Whether `sign_references` made the mark for this set and this session, a moment ago."""
    try:
        told: Any = _signer().loads(mark, max_age=_REFERENCES_SECONDS)
    except BadSignature:
        return False
    return bool(told == [set_id, page_base.staff().id])


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="references of a page")
