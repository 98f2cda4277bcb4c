"""`POST /api/v1/gate`: may this tool have this photograph, for this use?"""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, Field

from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common.services import Services
from plugin.flows.review import tool_gate
from plugin.quitclaim.clearance.answers import IntendedUse, Reason, ReasonCode
from plugin.words.catalogues import Language, Words
from sidecar.api.clearance import ReasonText, render_reasons
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, fill, json_response
from sidecar.web.request_models import Day, Line, Px, Ref, RequestModel, Word


class Tool(RequestModel):
    """What asks: its kind (such as cms or ai), its name, and what it would conclude from the picture.

    A kind that the token may not claim is taken for an AI tool, as is every tool that infers anything.
    """

    kind: Word
    name: Line = ""
    inference: Annotated[tuple[Word, ...], Field(max_length=50)] = ()


class GateQuestion(RequestModel):
    """Which photograph, for which use, by which tool; `day`: default now.

    `longest_px`: the longer side, in px, of what will be delivered. Without it a channel that states a largest size is
    judged at that size, and the answer's `max_px` says so: scale to it before the picture is used.
    """

    resource: Ref
    purpose: Word
    channel: Word
    tool: Tool
    day: Day | None = None
    longest_px: Px | None = None
    language: Language | None = None


class GateDecision(BaseModel):
    """Only `allow` is yes, no longer than `until` (null is no known end), and for copies no larger than `max_px`.

    `max_px` is null where the answer rests on no size.
    """

    decision: Literal["allow", "refuse", "unknown"]
    why: Literal["cleared", "no_person", "not_cleared", "not_known", "ai_not_allowed", "emotion_inference"]
    until: datetime | None
    max_px: int | None
    reasons: list[ReasonText]


def routes(services: Services) -> Routes:
    """The route of the gate."""
    api = Routes("gate", "May this tool have this photograph?")

    @api.add("POST", "/gate", Route(TokenScope.GATE_USE), GateDecision)
    def gate_ask(body: GateQuestion) -> Response:
        """Ask before each use; what is not allowed is logged. Emotion inference is refused whoever asks."""
        tool, use = body.tool, IntendedUse(body.purpose, body.channel)
        about = tool.kind, tool.name, tool.inference, body.day, caller().tools, body.longest_px
        verdict = tool_gate.judge_tool_use(services, tool_gate.GateQuestion(body.resource, use, *about), caller().actor)
        language = body.language or services.config.site.language
        hidden = tuple(_hide_names(one, language) for one in verdict.reasons)
        answer = {"decision": verdict.verdict.value, "why": verdict.why.value}
        reasons = render_reasons(services, hidden, language)
        return json_response(fill(GateDecision, verdict, reasons=reasons, **answer))

    return api


_DISMISSED = {ReasonCode.FACE_DISMISSED, ReasonCode.FACE_DISMISSED_BEFORE}
_TYPED = _DISMISSED | {ReasonCode.FACE_SET_ASIDE, ReasonCode.FACE_NOT_SMALL}


def _hide_names(reason: Reason, language: str) -> Reason:
    """A tool needs to know that somebody did not agree, and not who; nor what an editor typed of a face."""
    hidden = {"name": Words("reason", language)["somebody_unnamed"]} | ({"why": ""} if reason.code in _TYPED else {})
    return replace(reason, values=tuple((key, hidden.get(key, value)) for key, value in reason.values))
