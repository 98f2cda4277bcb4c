"""Erasures: what people ask for, the officer's decision, and to forget a person everywhere, from that commit on."""

from datetime import date, datetime

from flask import Response
from pydantic import BaseModel

from plugin.flows import erasure, requests
from plugin.flows.services import Services
from plugin.flows.tokens import Scope
from sidecar.api.guard import caller
from sidecar.api.models import Closed, Empty, Id, Line, PersonPath
from sidecar.api.routes import Route, Routes, answer


class Begun(BaseModel):
    """The erasure has begun: no key of the person opens anything; the DAM is cleaned by a job."""

    id: str


class Asked(BaseModel):
    """A request that waits for a decision."""

    id: str
    person_id: str
    name: str
    asked_at: datetime
    asked_by: str
    due_on: date
    overdue: bool


class Waiting(BaseModel):
    """The officer's list, the most urgent first."""

    items: list[Asked]


class RequestDecision(Closed):
    """Forget, or refuse for a reason, which the person reads."""

    forget: bool
    reason: Line = ""


class RequestDecided(BaseModel):
    """What was decided; `finished` is false while the DAM is still to be cleaned: a job does it."""

    id: str
    forget: bool
    finished: bool


class RequestPath(Closed):
    """Which request."""

    request_id: Id


def routes(services: Services) -> Routes:
    """The routes of erasures."""
    api = Routes("erasures", "To be forgotten")

    @api.add("POST", "/people/<person_id>/erasure", Route(Scope.ERASURES_WRITE, changes=True), Begun, 202)
    def person_erase(path: PersonPath, body: Empty) -> Response:
        """Forget the person. It cannot be taken back."""
        erasure.begin(services, path.person_id, caller().actor)
        return answer(Begun(id=path.person_id), 202)

    @api.add("GET", "/erasures", Route(Scope.ERASURES_READ), Waiting)
    def erasures_list(query: Empty) -> Response:
        """What people have asked for and nobody has decided on."""
        items = [
            Asked(
                id=one.id, person_id=one.person_id, name=one.name, asked_at=one.asked_at, asked_by=one.asked_by,
                due_on=one.due_on, overdue=one.overdue,
            )
            for one in requests.open(services)
        ]  # fmt: skip
        return answer(Waiting(items=items))

    @api.add(
        "POST", "/erasures/<request_id>/decision", Route(Scope.ERASURES_WRITE, changes=True), RequestDecided
    )
    def erasure_decide(path: RequestPath, body: RequestDecision) -> Response:
        """Carry the request out, or refuse it."""
        requests.decide(services, path.request_id, body.forget, caller().actor, body.reason)
        return answer(RequestDecided(id=path.request_id, forget=body.forget, finished=not body.forget))

    return api
