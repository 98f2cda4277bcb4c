"""What the DAM's own search asks, under the panel's secret.

`POST /panel/resourcespace/photographs`: which photographs; `…/marks`: the state of those that a page shows;
`…/comparing`: with how many people a collection would compare. Who may see which photograph is the DAM's to say: it
narrows the list by its own rules, and asks for marks of what it shows.
"""

from datetime import date
from typing import Annotated, Literal, TypeVar

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plugin.errors import EventRefused
from plugin.flows.collections import mode_effect
from plugin.flows.common.services import Services
from plugin.flows.views.dam_search import photo_lists, photo_marks
from plugin.hooks.webhooks.events import EventRef
from sidecar.dam import panel
from sidecar.web import signed_requests

PHOTOGRAPHS = f"{panel.PATH}/photographs"
MARKS = f"{panel.PATH}/marks"
COMPARING = f"{panel.PATH}/comparing"
MOST_MARKS = 1000

T = TypeVar("T", bound=BaseModel)


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ListQuestion(_Question):
    """`waiting`: faces wait; `notcleared` on the one channel; `ending`: cleared now on one of `channels`, and no longer
    on the day `before`."""

    kind: Literal["waiting", "notcleared", "ending"]
    before: date | None = None
    channels: Annotated[tuple[panel.Line, ...], Field(max_length=100)] = ()


class MarksQuestion(_Question):
    """The photographs that a page shows."""

    refs: Annotated[tuple[EventRef, ...], Field(min_length=1, max_length=MOST_MARKS)]


class ComparingQuestion(_Question):
    """A collection for which somebody may choose a mode."""

    collection: EventRef


def create_blueprint(services: Services) -> Blueprint | None:
    """The endpoints; None while no secret is configured. Raises ConfigError for one that cannot be read."""
    known = signed_requests.load_secrets(services.config, "panel")
    if known is None:
        return None
    routes = Blueprint("searches", __name__)
    signed_requests.answer_when_busy(routes)

    @routes.post(PHOTOGRAPHS)
    def find() -> Response:
        _, raw = signed_requests.read_signed(services, known)
        asked = _parse(ListQuestion, raw)
        found = _find(services, asked)
        return jsonify(refs=found.refs, more=found.more)

    @routes.post(MARKS)
    def mark() -> Response:
        _, raw = signed_requests.read_signed(services, known)
        refs = [str(ref) for ref in _parse(MarksQuestion, raw).refs]
        marks = photo_marks.mark_photos(services, refs)
        said = {ref: {"channels": dict(one.channels), "waiting": one.waiting} for ref, one in marks.items()}
        return jsonify(marks=said)

    @routes.post(COMPARING)
    def compare() -> Response:
        _, raw = signed_requests.read_signed(services, known)
        ref = str(_parse(ComparingQuestion, raw).collection)
        people, members = mode_effect.count_comparable(services, ref)
        return jsonify(people=people, members=members)

    return routes


def _find(services: Services, asked: ListQuestion) -> photo_lists.PhotoList:
    if asked.kind == "waiting":
        return photo_lists.list_waiting(services)
    if asked.kind == "notcleared":
        if len(asked.channels) != 1:
            raise EventRefused("not a question of the search: not cleared for which one channel?")
        return photo_lists.list_uncleared(services, asked.channels[0])
    if asked.before is None:
        raise EventRefused("not a question of the search: before which day?")
    return photo_lists.list_ending(services, asked.before, asked.channels)


def _parse(kind: type[T], raw: bytes) -> T:
    try:
        return kind.model_validate_json(raw)
    except (ValidationError, RecursionError) as error:
        wrong = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        where = str(wrong[0]) if wrong and wrong[0] in kind.model_fields else "the body"
        raise EventRefused(f"not a question of the search: {where} is not what it takes") from None
