"""Clearance: one photograph, up to a thousand at once, or all that are cleared for a use."""

from datetime import datetime
from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, Field

from plugin.errors import NotFound
from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.clearance import cleared_photos, photo_answers
from plugin.flows.common import closed_house
from plugin.flows.common.services import Services
from plugin.quitclaim.clearance.answers import Answer, IntendedUse, Reason
from plugin.quitclaim.words import wording
from plugin.words.catalogues import Language
from sidecar.api.routes import Route, Routes, fill, json_response
from sidecar.web.request_models import Day, PageQuery, Ref, RefPath, RequestModel, Word


class ReasonText(BaseModel):
    """A reason: for machines, and in words."""

    code: str
    text: str


class UseAnswer(BaseModel):
    """The answer for a use. Only `cleared` is yes; `until` is null where it is no yes, or has no known end.

    `max_px`: it holds for copies whose longer side is at most that; null: whatever the size.
    """

    purpose: str
    channel: str
    status: Literal["cleared", "blocked", "unknown", "no_person_found"]
    until: datetime | None
    max_px: int | None
    reasons: list[ReasonText]


class PhotoQuery(RequestModel):
    """Which uses: by default the first purpose, on every channel. `day`: default now."""

    purpose: Word | None = None
    channel: Word | None = None
    day: Day | None = None
    language: Language | None = None


class PhotoAnswers(BaseModel):
    """What may be done with a photograph."""

    ref: str
    answers: list[UseAnswer]


class UseBody(RequestModel):
    """A use."""

    purpose: Word
    channel: Word


class ClearanceBatch(RequestModel):
    """Up to 1,000 photographs, for up to 24 uses."""

    refs: Annotated[tuple[Ref, ...], Field(min_length=1, max_length=1000)]
    uses: Annotated[tuple[UseBody, ...], Field(min_length=1, max_length=24)]
    day: Day | None = None
    language: Language | None = None


class BatchAnswers(BaseModel):
    """By photograph, in the order of the question; what the ledger does not know is unknown."""

    items: list[PhotoAnswers]


class ClearedQuery(PageQuery):
    """All that is cleared for a use, from `first` (default: now) through the whole of `last` (default: now)."""

    purpose: Word | None = None
    channel: Word
    first: Day | None = None
    last: Day | None = None
    count: bool = False


class ClearedPhoto(BaseModel):
    """A photograph that is cleared over the whole time, and when that ends."""

    ref: str
    until: datetime | None


class ClearedPage(BaseModel):
    """A page, those that end first in front; `count` where it was asked for; `max_px` as in the other answers.

    `closed`: why nothing is cleared for any use, while FaceLease itself is closed.
    """

    items: list[ClearedPhoto]
    next: str | None
    count: int | None
    max_px: int | None
    closed: str | None = None


Answers = dict[IntendedUse, Answer]


def routes(services: Services) -> Routes:
    """The routes of clearance."""
    api = Routes("clearance", "May this photograph be used?")

    @api.add("GET", "/resources/<path:ref>/clearance", Route(TokenScope.CLEARANCE_READ), PhotoAnswers)
    def clearance_show(path: RefPath, query: PhotoQuery) -> Response:
        """The answers for one photograph, with their reasons."""
        listed = services.config.clearance
        channels = [query.channel] if query.channel else listed.channels
        uses = [IntendedUse(query.purpose or listed.purposes[0], channel) for channel in channels]
        found = photo_answers.answer_photos(services, [path.ref], uses, query.day)
        if path.ref not in found:
            raise NotFound("no such photograph in the ledger: facelease scan enters them")
        return json_response(_answer_photo(services, path.ref, found[path.ref], query.language))

    @api.add("POST", "/clearance:batch", Route(TokenScope.CLEARANCE_READ), BatchAnswers)
    def clearance_batch(body: ClearanceBatch) -> Response:
        """The answers for many photographs and uses in one go."""
        uses = [IntendedUse(one.purpose, one.channel) for one in body.uses]
        found = photo_answers.answer_photos(services, body.refs, uses, body.day)
        unknown = dict.fromkeys(uses, photo_answers.UNKNOWN_PHOTO)
        items = [_answer_photo(services, ref, found.get(ref) or unknown, body.language) for ref in body.refs]
        return json_response(BatchAnswers(items=items))

    @api.add("GET", "/clearance", Route(TokenScope.CLEARANCE_READ), ClearedPage)
    def clearance_list(query: ClearedQuery) -> Response:
        """Every photograph that is cleared for a use, in pages."""
        span = _choose_span(services, query)
        with services.store.read() as conn:
            page = cleared_photos.list_page(conn, span, query.after, query.limit)
            count = cleared_photos.count(conn, span) if query.count else None
        items = [ClearedPhoto(ref=one.ref, until=one.until) for one in page.photos]
        about = {"count": count, "closed": _explain_closed(services, span.closed)}
        return json_response(fill(ClearedPage, span, items=items, next=page.next or None, **about))

    return api


def _choose_span(services: Services, query: ClearedQuery) -> cleared_photos.UseSpan:
    purpose = query.purpose or services.config.clearance.purposes[0]
    last = query.last or query.first
    if last is None:
        return cleared_photos.span_now(services, purpose, query.channel)
    return cleared_photos.span_until(services, purpose, query.channel, last, query.first)


def _explain_closed(services: Services, why: str | None) -> str | None:
    site = services.config.site
    return why and wording.render(closed_house.make_answer(why).reasons[0], site.language, site.zone)


def _answer_photo(services: Services, ref: str, answers: Answers, language: str | None) -> PhotoAnswers:
    sizes, found = services.config.clearance.max_px, []
    for use, one in answers.items():
        about = {"status": one.status.value, "until": one.until, "max_px": sizes.get(use.channel)}
        reasons = render_reasons(services, one.reasons, language)
        found.append(fill(UseAnswer, use, reasons=reasons, **about))
    return PhotoAnswers(ref=ref, answers=found)


def render_reasons(services: Services, found: tuple[Reason, ...], language: str | None) -> list[ReasonText]:
    """Reasons as the API says them; in the site's language unless another is asked for."""
    site = services.config.site
    words = language or site.language
    return [ReasonText(code=one.code.value, text=wording.render(one, words, site.zone)) for one in found]
