"""Forms (quitclaim templates): what people are asked; each version is kept as it was signed."""

from datetime import datetime
from typing import Any

from flask import Response
from pydantic import BaseModel

from plugin.flows.access.api_tokens import Scope
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, answer
from sidecar.web.request_models import Closed, Empty, Id, Word


class Form(BaseModel):
    """A version of a form; `retired_at`: no new invitation asks for it."""

    id: str
    name: str
    version: int
    sha256: str
    created_at: datetime
    retired_at: datetime | None


class Forms(BaseModel):
    """Every version, by name, the newest first."""

    items: list[Form]


class Whole(Form):
    """A version with all that it says."""

    body: dict[str, Any]


class New(Closed):
    """A form as `facelease form show` prints it; it becomes the next version of its name."""

    body: dict[str, Any]


class FormPath(Closed):
    """Which version."""

    form_id: Id


class NamePath(Closed):
    """Which form, by its name."""

    name: Word


class Retired(BaseModel):
    """The form that nobody is asked for any more; `ended_before`: since when that was so already."""

    name: str
    ended_before: datetime | None = None


def routes(services: Services) -> Routes:
    """The routes of forms."""
    api = Routes("forms", "What people are asked")

    @api.add("GET", "/forms", Route(Scope.FORMS_READ), Forms)
    def forms_list(query: Empty) -> Response:
        """Every version of every form."""
        return answer(Forms(items=[Form(**_about(one)) for one in form_store.listed(services)]))

    @api.add("GET", "/forms/<form_id>", Route(Scope.FORMS_READ), Whole)
    def form_show(path: FormPath) -> Response:
        """One version, with all that it says."""
        found = form_store.load(services, path.form_id)
        return answer(Whole(**_about(found), body=found.form.body()))

    @api.add("POST", "/forms", Route(Scope.FORMS_WRITE, changes=True), Form, 201)
    def form_add(body: New) -> Response:
        """Keep a form as the next version of its name, and retire the one before."""
        return answer(Form(**_about(form_store.add(services, body.body, caller().actor))), 201)

    @api.add("POST", "/forms/<name>/retirement", Route(Scope.FORMS_WRITE, changes=True), Retired)
    def form_retire(path: NamePath, body: Empty) -> Response:
        """No new invitation asks for the form; links that are out keep asking it."""
        before = form_store.retire(services, path.name, caller().actor)
        return answer(Retired(name=path.name, ended_before=before))

    return api


def _about(one: form_store.Stored) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.form.name, "version": one.form.version, "sha256": one.sha256,
        "created_at": one.created_at, "retired_at": one.retired_at,
    }  # fmt: skip
