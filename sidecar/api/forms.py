"""Forms (quitclaim templates): what people are asked; each version is kept as it was signed."""

from datetime import datetime
from typing import Any

from flask import Response
from pydantic import BaseModel

from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from sidecar.api.guard import caller
from sidecar.api.routes import Route, Routes, json_response
from sidecar.web.request_models import EmptyRequest, Id, RequestModel, Word


class FormVersion(BaseModel):
    """A version of a form; `retired_at`: no new invitation asks for it."""

    id: str
    name: str
    version: int
    sha256: str
    created_at: datetime
    retired_at: datetime | None


class FormVersions(BaseModel):
    """Every version, by name, the newest first."""

    items: list[FormVersion]


class WholeFormVersion(FormVersion):
    """A version with all that it says."""

    body: dict[str, Any]


class NewForm(RequestModel):
    """A form as `facelease form show` prints it; it becomes the next version of its name."""

    body: dict[str, Any]


class FormPath(RequestModel):
    """Which version."""

    form_id: Id


class FormNamePath(RequestModel):
    """Which form, by its name."""

    name: Word


class FormRetired(BaseModel):
    """The form that nobody is asked for any more; `ended_before`: since when that was so already."""

    name: str
    ended_before: datetime | None = None


def routes(services: Services) -> Routes:
    """The routes of forms."""
    api = Routes("forms", "What people are asked")

    @api.add("GET", "/forms", Route(TokenScope.FORMS_READ), FormVersions)
    def forms_list(query: EmptyRequest) -> Response:
        """Every version of every form."""
        items = [FormVersion(**_describe(one)) for one in form_store.list_versions(services)]
        return json_response(FormVersions(items=items))

    @api.add("GET", "/forms/<form_id>", Route(TokenScope.FORMS_READ), WholeFormVersion)
    def form_show(path: FormPath) -> Response:
        """One version, with all that it says."""
        found = form_store.load(services, path.form_id)
        return json_response(WholeFormVersion(**_describe(found), body=found.form.body()))

    @api.add("POST", "/forms", Route(TokenScope.FORMS_WRITE, changes=True), FormVersion, 201)
    def form_add(body: NewForm) -> Response:
        """Keep a form as the next version of its name, and retire the one before."""
        return json_response(FormVersion(**_describe(form_store.add(services, body.body, caller().actor))), 201)

    @api.add("POST", "/forms/<name>/retirement", Route(TokenScope.FORMS_WRITE, changes=True), FormRetired)
    def form_retire(path: FormNamePath, body: EmptyRequest) -> Response:
        """No new invitation asks for the form; links that are out keep asking it."""
        before = form_store.retire(services, path.name, caller().actor)
        return json_response(FormRetired(name=path.name, ended_before=before))

    return api


def _describe(one: form_store.StoredForm) -> dict[str, Any]:
    times = {"created_at": one.created_at, "retired_at": one.retired_at}
    return {"id": one.id, "name": one.form.name, "version": one.form.version, "sha256": one.sha256} | times
