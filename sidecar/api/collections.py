"""Collections: where recognition is on, how far, and on what basis."""

from datetime import date, datetime
from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, Field

from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.collections import mode_effect, modes, ruling_history
from plugin.flows.common.services import Services
from plugin.flows.views.collections import collection_list
from plugin.flows.views.collections.collection_list import RuledCollection
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, fill, json_response
from sidecar.web.request_models import Day, EmptyRequest, Id, Line, RefPath, RequestModel
from sidecar.words import staff_words


class Collection(BaseModel):
    """A collection; `mode` as it was set, `today` as it stands now that its basis may be past."""

    ref: str
    title: str
    mode: Mode
    today: Mode
    basis: Basis | None
    reference: str | None
    decided_by: str | None
    review_date: date | None


class Collections(BaseModel):
    """Those that the DAM has, and what is set for them; off where nothing is."""

    items: list[Collection]


class ModeNote(BaseModel):
    """Why the mode has no effect as things are: a code, and a sentence in English."""

    code: str
    said: str


class CollectionChanged(Collection):
    """The collection as it stands now; `no_effect` is empty where the mode acts on something."""

    no_effect: list[ModeNote]


class RulingRecord(BaseModel):
    """What was decided, by whom and when. `why`: set here, heard from the DAM, followed or lost when it moved."""

    ref: str
    moved_from: str | None
    mode: Mode
    basis: Basis | None
    reference: str | None
    decided_by: str | None
    decided: date | None
    review_date: date | None
    members: int
    set_by: str
    set_at: datetime
    why: Literal["set", "heard", "followed", "lost"]


class RulingHistory(BaseModel):
    """Every decision about a collection, oldest first; none where it was never anything but off."""

    items: list[RulingRecord]


class NewRuling(RequestModel):
    """The mode, and what makes it lawful; `members` signed up for a shoot."""

    mode: Mode
    basis: Basis | None = None
    reference: Line = ""
    decided_by: Line = ""
    decided: Day | None = None
    review_date: Day | None = None
    members: Annotated[tuple[Id, ...], Field(max_length=5000)] = ()


def routes(services: Services) -> Routes:
    """The routes of collections."""
    api = Routes("collections", "Where recognition is on")

    @api.add("GET", "/collections", Route(TokenScope.COLLECTIONS_READ), Collections)
    def collections_list(query: EmptyRequest) -> Response:
        """Every collection of the DAM with its mode."""
        return json_response(Collections(items=[_collection(one) for one in collection_list.every(services)]))

    @api.add("PUT", "/collections/<path:ref>", Route(TokenScope.COLLECTIONS_WRITE, changes=True), CollectionChanged)
    def collection_set(path: RefPath, body: NewRuling) -> Response:
        """Set the mode of a collection; the answer says where that has no effect."""
        evidence = BasisEvidence(body.reference, body.decided_by, body.decided, body.review_date)
        ruling = modes.Ruling(body.mode, body.basis, evidence, body.members)
        modes.decide(services, path.ref, ruling, caller().actor)
        set_ = next(one for one in collection_list.every(services) if one.ref == path.ref)
        reasons = mode_effect.explain(services, path.ref)
        notes = [ModeNote(code=one.code.value, said=staff_words.without_effect(one)) for one in reasons]
        return json_response(CollectionChanged(**_collection(set_).model_dump(), no_effect=notes))

    @api.add("GET", "/collections/<path:ref>/history", Route(TokenScope.COLLECTIONS_READ), RulingHistory)
    def collection_history(path: RefPath, query: EmptyRequest) -> Response:
        """What was decided about a collection, and when; members of shoots by number alone."""
        with services.store.read() as conn:
            rows = ruling_history.list_rulings(services, conn, path.ref)
        return json_response(RulingHistory(items=[_to_record(row) for row in rows]))

    return api


def _to_record(row: ruling_history.PastRuling) -> RulingRecord:
    absent = {"moved_from": row.moved_from, "basis": row.basis, "reference": row.reference, "decided_by": row.by}
    return fill(RulingRecord, row, why=row.why.value, **{key: value or None for key, value in absent.items()})


def _collection(one: RuledCollection) -> Collection:
    basis = Basis(one.basis) if one.basis else None
    return fill(Collection, one, basis=basis, reference=one.reference or None, decided_by=one.by or None)
