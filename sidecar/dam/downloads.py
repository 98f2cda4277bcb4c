"""`POST /gate/resourcespace`: may these photographs be downloaded? `…/deliveries` records one, `…/count` counts.

The plugin asks, server to server, when somebody downloads; it shows the answer and decides nothing.
"""

from typing import Annotated, Any, TypeVar

from flask import Blueprint, Response, jsonify
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from plugin.errors import EventRefused
from plugin.flows.common.services import Services
from plugin.flows.review import download_gate
from plugin.hooks.webhooks.events import EventRef
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.quitclaim.words import wording as reasons
from sidecar.dam.panel import Line
from sidecar.web import signed_requests
from sidecar.web.request_models import Px
from sidecar.words.language_choice import choose_language

PATH = "/gate/resourcespace"
MAX_PHOTOGRAPHS = 1000

T = TypeVar("T", bound=BaseModel)
Channels = Annotated[tuple[Line, ...], Field(min_length=1, max_length=100)]
Numbers = Annotated[tuple[Annotated[int, Field(ge=1, le=2**63)], ...], Field(max_length=MAX_PHOTOGRAPHS)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DownloadQuestion(_Message):
    """Which photographs, on which channels. An answer is no delivery: what happened is told afterwards.

    `longest_px`: by photograph, the longer side of the file that would be sent, where it shows the whole picture;
    what is not said is judged as the original.
    """

    refs: Annotated[tuple[EventRef, ...], Field(min_length=1, max_length=MAX_PHOTOGRAPHS)]
    channels: Channels
    longest_px: Annotated[dict[Line, Px], Field(max_length=MAX_PHOTOGRAPHS)] = Field(default_factory=dict)
    language: Line = ""


class DeliveryReport(_Message):
    """What happened at a delivery, for the log; without a `user` it was somebody outside."""

    at: AwareDatetime
    channels: Channels
    user: Line
    said: download_gate.DeliveryAnswer
    happened: download_gate.DeliveryOutcome
    file: download_gate.DeliveredFile
    sent: Numbers
    held: Numbers


class CountQuestion(_Message):
    """On which channels."""

    channels: Channels


def create_blueprint(services: Services) -> Blueprint | None:
    """The endpoints, under the panel's secret; None while there is none."""
    known = signed_requests.load_secrets(services.config, "panel")
    if known is None:
        return None
    routes = Blueprint("downloads", __name__)
    signed_requests.answer_when_busy(routes)

    @routes.post(PATH)
    def check() -> Response:
        _, raw = signed_requests.read_signed(services, known)
        question = _parse(DownloadQuestion, raw)
        refs = [str(ref) for ref in question.refs]
        verdicts = download_gate.judge_downloads(services, refs, question.channels, question.longest_px)
        answers = {ref: _describe_verdict(services, one, question.language) for ref, one in verdicts.items()}
        return jsonify(answers=answers, max_px=download_gate.find_date_sizes(services))

    @routes.post(f"{PATH}/deliveries")
    def record() -> tuple[Response, int]:
        message, raw = signed_requests.read_signed(services, known)
        one = _parse(DeliveryReport, raw)
        actor = f"dam:{one.user}" if one.user else "share"
        kept = download_gate.Delivery(one.at, one.channels, one.said, one.happened, one.file, one.sent, one.held)
        fresh = download_gate.record_delivery(services, message, kept, actor)
        return jsonify(status="accepted" if fresh else "known"), 202

    @routes.post(f"{PATH}/count")
    def count() -> Response:
        _, raw = signed_requests.read_signed(services, known)
        channels = _parse(CountQuestion, raw).channels
        return jsonify(open={channel: download_gate.count_open(services, channel) for channel in channels})

    return routes


def _parse(kind: type[T], raw: bytes) -> T:
    try:
        return kind.model_validate_json(raw)
    except (ValidationError, RecursionError) as error:
        wrong = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
        where = str(wrong[0]) if wrong and wrong[0] in kind.model_fields else "the body"
        raise EventRefused(f"not a question of the download page: {where} is not what it takes") from None


def _describe_verdict(services: Services, verdict: download_gate.DownloadVerdict, wanted: str) -> dict[str, Any]:
    language = choose_language(services.config.site.language, wanted)
    zone = services.config.site.zone
    lines = [reasons.render(why, language, zone) for answer in verdict.against for why in answer.reasons]
    blocked = any(answer.status is ClearanceStatus.BLOCKED for answer in verdict.against)
    state = "open" if verdict.open else "blocked" if blocked else "unknown"
    return {"open": verdict.open, "state": state, "why": list(dict.fromkeys(lines))}
