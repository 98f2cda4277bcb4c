"""Quitclaims: what a person agreed to; record one that was signed elsewhere, withdraw, restrict."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal
from uuid import uuid4

from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from plugin.errors import UseUnknown
from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.clearance import cleared_photos
from plugin.flows.common import overdue
from plugin.flows.common.services import Services
from plugin.flows.consent import recording, withdrawal
from plugin.flows.review import already_done
from plugin.flows.views.people import person_file
from plugin.quitclaim.consent.lifecycle import Signing, StopMode
from plugin.quitclaim.consent.model import Grant, GrantKind, Quitclaim
from plugin.words.catalogues import Language
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, fill, json_response
from sidecar.web.request_models import EndResult, Id, Moment, PersonPath, RequestModel, Word

Act = Literal["withdraw", "restrict"]
MAX_BODY_BYTES = 16 << 20
"""Of a body: scans of signed forms."""


class Publication(RequestModel):
    """A use that the person agrees to."""

    purpose: Word
    channel: Word


class EvidenceFile(RequestModel):
    """What proves the signature: a scan, a PDF, in base64. Kept sealed."""

    name: Word
    content: Annotated[
        str, StringConstraints(min_length=4, max_length=MAX_BODY_BYTES, pattern=r"^[A-Za-z0-9+/]+={0,2}$")
    ]


class SignedQuitclaim(RequestModel):
    """A quitclaim that was signed. `valid_from` is the signature unless it says otherwise."""

    recognition: bool
    publications: Annotated[tuple[Publication, ...], Field(max_length=200)]
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    signed_at: Moment
    text_version: Word
    text_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    language: Language
    method: Word = "paper"
    guardians: Annotated[tuple[Id, ...], Field(max_length=4)] = ()
    evidence: Annotated[tuple[EvidenceFile, ...], Field(min_length=1, max_length=20)]


class GrantChoice(RequestModel):
    """The grants that are meant, by id, or "all"."""

    grants: Literal["all"] | Annotated[tuple[Id, ...], Field(min_length=1, max_length=1000)]


class QuitclaimCreated(BaseModel):
    """The version that was made."""

    id: str
    version: int
    grants: list[str]


class GrantLine(BaseModel):
    """A grant, and when it really is in force; both null where it never is."""

    id: str
    kind: str
    purpose: str | None
    channel: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    ended: str | None


class QuitclaimVersion(BaseModel):
    """A version of what a person agreed to."""

    id: str
    version: int
    text_version: str
    method: str
    signed_at: datetime
    superseded_at: datetime | None
    grants: list[GrantLine]


class QuitclaimVersions(BaseModel):
    """All of a person's versions, oldest first."""

    items: list[QuitclaimVersion]


def routes(services: Services) -> Routes:
    """The routes of quitclaims."""
    api = Routes("quitclaims", "What people agreed to")

    @api.add("GET", "/people/<person_id>/quitclaims", Route(TokenScope.QUITCLAIMS_READ), QuitclaimVersions)
    def quitclaims_list(path: PersonPath) -> Response:
        """Every version, with when each grant really is in force."""
        standing = person_file.look(services, path.person_id, caller().actor)
        real = {grant.id: (start, end) for grant, start, end in standing.windows()}
        return json_response(QuitclaimVersions(items=[_to_version(claim, real) for claim in standing.quitclaims]))

    large = Route(TokenScope.QUITCLAIMS_WRITE, changes=True, most=MAX_BODY_BYTES)

    @api.add("POST", "/people/<person_id>/quitclaims", large, QuitclaimCreated, 201)
    def quitclaim_record(path: PersonPath, body: SignedQuitclaim) -> Response:
        """Record a signed quitclaim as the person's next version; it supersedes the one before."""
        proof = [recording.SignatureEvidence(one.name, _decode(one)) for one in body.evidence]
        claim = recording.record(services, path.person_id, _to_signing(services, body), proof, caller().actor)
        made = QuitclaimCreated(id=claim.id, version=claim.version, grants=[grant.id for grant in claim.grants])
        return json_response(made, 201)

    @api.add("POST", "/people/<person_id>/withdrawal", Route(TokenScope.QUITCLAIMS_WRITE, changes=True), EndResult)
    def quitclaim_withdraw(path: PersonPath, body: GrantChoice) -> Response:
        """End grants at once: no match and no clearance from this answer on; the tags are taken out by a job."""
        return json_response(_end_grants(services, path.person_id, body, "withdraw"))

    @api.add("POST", "/people/<person_id>/restriction", Route(TokenScope.QUITCLAIMS_WRITE, changes=True), EndResult)
    def quitclaim_restrict(path: PersonPath, body: GrantChoice) -> Response:
        """Stop matching and clearance that rest on the grants, keep the evidence (GDPR Art. 18)."""
        return json_response(_end_grants(services, path.person_id, body, "restrict"))

    return api


def _end_grants(services: Services, person_id: str, body: GrantChoice, act: Act) -> EndResult:
    """What ended, or since when it was over. Raises NotFound, and NothingDone where there was nothing to end."""
    count = withdrawal.stop(services, person_id, StopMode(act), _chosen_ids(body), caller().actor)
    before = None if count else already_done.find_ended_at(services, person_id, _chosen_ids(body), act)
    finished = not overdue.is_pending(services, person_id)
    return EndResult(id=person_id, count=count, ended_before=before, finished=finished)


def _chosen_ids(which: GrantChoice) -> set[str] | None:
    return None if which.grants == "all" else set(which.grants)


def _decode(evidence: EvidenceFile) -> bytes:
    try:
        return base64.b64decode(evidence.content, validate=True)
    except binascii.Error:
        raise UseUnknown("evidence: the content is not base64") from None


def _to_signing(services: Services, body: SignedQuitclaim) -> Signing:
    uses = dict.fromkeys((one.purpose, one.channel) for one in body.publications)
    for use in uses:
        cleared_photos.refuse_unknown(services, *use)
    start = body.valid_from or body.signed_at
    lines: list[tuple[GrantKind, str | None, str | None]] = []
    lines += [(GrantKind.RECOGNITION, None, None)] if body.recognition else []
    lines += [(GrantKind.PUBLICATION, *use) for use in uses]
    grants = tuple(Grant(uuid4().hex, *line, start, body.valid_until) for line in lines)
    text = body.text_version, body.text_sha256, body.language, body.method
    return Signing(*text, not body.guardians, body.guardians, body.signed_at, grants)


def _to_version(claim: Quitclaim, real: dict[str, tuple[datetime, datetime | None]]) -> QuitclaimVersion:
    grants = [_to_grant_line(grant, real.get(grant.id)) for grant in claim.grants]
    return fill(QuitclaimVersion, claim, grants=grants)


def _to_grant_line(grant: Grant, real: tuple[datetime, datetime | None] | None) -> GrantLine:
    start, end = real or (None, None)
    ended = grant.ended_kind.value if grant.ended_kind else None
    return fill(GrantLine, grant, kind=grant.kind.value, valid_from=start, valid_until=end, ended=ended)
