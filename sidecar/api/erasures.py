"""Erasures: forget a person everywhere, from this commit on."""

from flask import Response
from pydantic import BaseModel

from plugin.flows import erasure
from plugin.flows.services import Services
from plugin.flows.tokens import Scope
from sidecar.api.guard import caller
from sidecar.api.models import Empty, PersonPath
from sidecar.api.routes import Route, Routes, answer


class Begun(BaseModel):
    """The erasure has begun: no key of the person opens anything; the DAM is cleaned by a job."""

    id: str


def routes(services: Services) -> Routes:
    """The routes of erasures."""
    api = Routes("erasures", "To be forgotten")

    @api.add("POST", "/people/<person_id>/erasure", Route(Scope.ERASURES_WRITE, changes=True), Begun, 202)
    def person_erase(path: PersonPath, body: Empty) -> Response:
        """Forget the person. It cannot be taken back."""
        erasure.begin(services, path.person_id, caller().actor)
        return answer(Begun(id=path.person_id), 202)

    return api
