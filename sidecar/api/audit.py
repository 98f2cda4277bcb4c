"""The audit log: its rows in their order, and its head."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from flask import Response
from pydantic import BaseModel, Field

from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common.services import Services
from plugin.flows.views import audit_view
from plugin.ledger.log.proof import ProofVerdict
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, fill, json_response
from sidecar.web.request_models import PageQuery
from sidecar.words import log_words


class AuditQuery(PageQuery):
    """Rows after a number."""

    after: Annotated[int, Field(ge=0, lt=1 << 62)] = 0  # type: ignore[assignment]  # a number here


class AuditRow(BaseModel):
    """One row; `subject` is a pseudonym of a person, `hash` chains it to the row before."""

    seq: int
    at: datetime
    action: str
    actor: str
    subject: str | None
    resource: int | None
    details: dict[str, Any]
    previous: str
    hash: str


class AuditPage(BaseModel):
    """A page of rows, and the head of the chain as it stood then."""

    items: list[AuditRow]
    next: int | None
    head_seq: int
    head_hash: str


class AuditProof(BaseModel):
    """What holding the log against the signed heads outside the store gave.

    `verdict`: holds, not_proven or broken; `said` says it in sentences, `why` is the reason in a word where it is not
    proven. `rows` from the row after `start_seq` to `last_seq`; of the last, `after` are held by no head yet.
    """

    verdict: ProofVerdict
    said: list[str]
    why: str | None = None
    rows: int | None = None
    start_seq: int | None = None
    last_seq: int | None = None
    last_hash: str | None = None
    heads: int | None = None
    held_seq: int | None = None
    after: int | None = None


def routes(services: Services) -> Routes:
    """The routes of the log."""
    api = Routes("audit", "The chained log of every effect")

    @api.add("GET", "/audit", Route(TokenScope.AUDIT_READ), AuditPage)
    def audit_list(query: AuditQuery) -> Response:
        """A page of the log. Each look at it is a row of it."""
        found, head = audit_view.page(services, query.after, query.limit + 1, caller().actor)
        items = [
            fill(AuditRow, row, subject=row.subject or None, resource=row.resource_id, details=dict(row.details))
            for row in found[: query.limit]
        ]
        more = items[-1].seq if len(found) > query.limit else None
        return json_response(AuditPage(items=items, next=more, head_seq=head.seq, head_hash=head.hash))

    @api.add("GET", "/audit/proof", Route(TokenScope.AUDIT_READ), AuditProof)
    def audit_proof() -> Response:
        """Hold the whole log against its signed heads: seconds, where it is long. Only "holds" is good news."""
        checked = audit_view.verified_for(services, caller().actor)
        return json_response(_make_proof(checked, services.config.site.zone))

    return api


def _make_proof(checked: audit_view.LogCheck, zone: ZoneInfo) -> AuditProof:
    said, found = log_words.sentences(checked, zone), checked.proof
    if found is None:
        return AuditProof(verdict=checked.verdict, said=said)
    held = found.held and found.held.seq
    about = {"verdict": checked.verdict, "said": said, "why": found.why and found.why.lack.value, "held_seq": held}
    last = {"last_seq": found.last.seq, "last_hash": found.last.hash}
    return fill(AuditProof, found, start_seq=found.start.seq, **about, **last)
