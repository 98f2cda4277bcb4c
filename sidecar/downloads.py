"""`POST /gate/resourcespace`: may these photographs be downloaded for a use? And how many could be today.

The plugin asks, server to server, when somebody downloads; it shows what we answer and decides nothing.
"""

from typing import Annotated, Any, TypeVar

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plugin.errors import EventRefused
from plugin.flows import downloads
from plugin.flows.services import Services
from plugin.hooks.events import Ref
from plugin.quitclaim import wording as reasons
from sidecar import signed, wording
from sidecar.panel import Line

PATH = "/gate/resourcespace"
MOST = 1000

T = TypeVar("T", bound=BaseModel)
Channels = Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Question(_Asked):
    """Which photographs, on which channels, for whom; `insisted`: they were warned, and want them all the same."""

    refs: Annotated[tuple[Ref, ...], Field(min_length=1, max_length=MOST)]
    channels: Channels
    user: Line
    insisted: bool = False
    language: Line = ""


class Counting(_Asked):
    """On which channels."""

    channels: Channels


def blueprint(services: Services) -> Blueprint | None:
    """The endpoints, under the panel's secret; None while there is none."""
    known = signed.secrets(services.config, "panel")
    if known is None:
        return None
    routes = Blueprint("downloads", __name__)
    signed.answer_when_busy(routes)

    @routes.post(PATH)
    def asked() -> Response:
        _, raw = signed.body(services, known)
        question = _parsed(Question, raw)
        verdicts = downloads.ask(services, [str(ref) for ref in question.refs], question.channels)
        downloads.note(services, verdicts, question.insisted, f"dam:{question.user}")
        return jsonify(answers={ref: _said(services, one, question) for ref, one in verdicts.items()})

    @routes.post(f"{PATH}/count")
    def counted() -> Response:
        _, raw = signed.body(services, known)
        channels = _parsed(Counting, raw).channels
        return jsonify(open={channel: downloads.count_open(services, channel) for channel in channels})

    return routes


def _parsed(kind: type[T], raw: bytes) -> T:
    try:
        return kind.model_validate_json(raw)
    except (ValidationError, RecursionError) as error:
        wrong = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        where = str(wrong[0]) if wrong and wrong[0] in kind.model_fields else "the body"
        raise EventRefused(f"not a question of the download page: {where} is not what it takes") from None


def _said(services: Services, verdict: downloads.Verdict, question: Question) -> dict[str, Any]:
    language = wording.chosen(question.language, services.config.site.language)
    zone = services.config.site.zone
    lines = [reasons.render(why, language, zone) for answer in verdict.against for why in answer.reasons]
    return {"open": verdict.open, "why": list(dict.fromkeys(lines))}
