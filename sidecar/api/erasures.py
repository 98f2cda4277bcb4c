"""Erasures: what people ask for, the officer's decision, and to forget a person everywhere, from that commit on."""

from dataclasses import replace
from datetime import date, datetime

from flask import Response
from pydantic import BaseModel

from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common.services import Services
from plugin.flows.rights import erasure, erasure_register, erasure_requests
from plugin.words.catalogues import Language
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, fill, json_response
from sidecar.web.request_models import EmptyRequest, Id, Line, PersonPath, RequestModel


class ErasureStarted(BaseModel):
    """The erasure has begun: no key of the person opens anything; the DAM is cleaned by a job. `number` is the
    certificate's: tell it to the person."""

    id: str
    number: str


class ErasureRequest(BaseModel):
    """A request that waits for a decision."""

    id: str
    person_id: str
    name: str
    asked_at: datetime
    asked_by: str
    due_on: date
    overdue: bool
    number: str


class ErasureRequests(BaseModel):
    """The officer's list, the most urgent first."""

    items: list[ErasureRequest]


class RequestDecision(RequestModel):
    """Forget, or refuse for a reason, which the person reads."""

    forget: bool
    reason: Line = ""


class RequestDecided(BaseModel):
    """What was decided; `finished` is false while the DAM is still to be cleaned: a job does it. `number` is the
    certificate's, where somebody is forgotten."""

    id: str
    forget: bool
    finished: bool
    number: str | None = None


class ErasureCertificate(BaseModel):
    """A certificate, in sentences. `finished_at` is null while the erasure goes on."""

    number: str
    asked_at: datetime
    finished_at: datetime | None
    looked: list[str]
    reached: list[str]
    not_reached: list[str]
    conditions: list[str]
    text: str


class CertificatePath(RequestModel):
    """Which certificate."""

    certificate: Id


class CertificateQuery(RequestModel):
    """In which language."""

    language: Language = "en"


class RequestPath(RequestModel):
    """Which request."""

    request_id: Id


def routes(services: Services) -> Routes:
    """The routes of erasures."""
    api = Routes("erasures", "To be forgotten")

    @api.add("POST", "/people/<person_id>/erasure", Route(TokenScope.ERASURES_WRITE, changes=True), ErasureStarted, 202)
    def person_erase(path: PersonPath, body: EmptyRequest) -> Response:
        """Forget the person. It cannot be taken back."""
        number = erasure.begin(services, path.person_id, caller().actor, tell=True)
        return json_response(ErasureStarted(id=path.person_id, number=number), 202)

    @api.add("GET", "/erasures", Route(TokenScope.ERASURES_READ), ErasureRequests)
    def erasures_list(query: EmptyRequest) -> Response:
        """What people have asked for and nobody has decided on."""
        items = [fill(ErasureRequest, one) for one in erasure_requests.list_waiting(services)]
        return json_response(ErasureRequests(items=items))

    @api.add("POST", "/erasures/<request_id>/decision", Route(TokenScope.ERASURES_WRITE, changes=True), RequestDecided)
    def erasure_decide(path: RequestPath, body: RequestDecision) -> Response:
        """Carry the request out, or refuse it."""
        number = erasure_requests.decide(services, path.request_id, body.forget, caller().actor, body.reason)
        decided = RequestDecided(id=path.request_id, forget=body.forget, finished=not body.forget, number=number)
        return json_response(decided)

    _add_certificate_routes(services, api)
    return api


def _add_certificate_routes(services: Services, api: Routes) -> None:
    @api.add("GET", "/certificates/<certificate>", Route(TokenScope.ERASURES_READ), ErasureCertificate)
    def certificate_read(path: CertificatePath, query: CertificateQuery) -> Response:
        """What an erasure looked at, reached and did not reach."""
        made = erasure_register.read_certificate(services, path.certificate, caller().actor)
        made = replace(made, language=query.language)
        return json_response(fill(ErasureCertificate, made, text=made.text()))
