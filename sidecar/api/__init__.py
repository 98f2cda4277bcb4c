"""`/api/v1`: JSON for programs, under tokens with scopes; described by itself at `/api/v1/openapi.json`."""

from importlib.metadata import version
from typing import Any

from flask import Response, jsonify
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError

from plugin.flows.common.services import Services
from sidecar.api import audit, clearance, collections, erasures, faces, forms, gate, invitations, people, quitclaims
from sidecar.api.guard import Guard
from sidecar.api.routes import PREFIX
from sidecar.sign import sessions
from sidecar.web import problems

_PARTS = (people, quitclaims, forms, invitations, clearance, gate, collections, faces, erasures, audit)
_ABOUT = "A token of `facelease token add`; the scope that a route asks for stands with it."
_TOKEN: dict[str, Any] = {"token": {"type": "http", "scheme": "bearer", "description": _ABOUT}}


def create_openapi_app(name: str) -> OpenAPI:
    """The Flask app that keeps the description of the routes given to `register`."""
    info = Info(title="FaceLease", version=version("facelease"), description=__doc__)
    return OpenAPI(name, info=info, security_schemes=_TOKEN, doc_ui=False, validation_error_callback=_describe_invalid)


def register_routes(app: OpenAPI, services: Services) -> None:
    """Put every route of the API into the app."""
    guard = Guard(services)
    for part in _PARTS:
        routes = part.routes(services)
        guard.over(routes)
        sessions.exempt_csrf(app, routes.blueprint)  # a token in a header
        app.register_api(routes.blueprint)

    @app.get(f"{PREFIX}/openapi.json", doc_ui=False)
    def describe() -> Response:
        document = app.api_doc
        paths = {path: item for path, item in document["paths"].items() if path.startswith(PREFIX)}
        return jsonify(document | {"paths": paths})


def _describe_invalid(error: ValidationError) -> Response:
    """What is wrong where; not the value, which may be anything."""
    wrong = [
        f"{'.'.join(str(part) for part in one['loc']) or 'the body'}: {one['msg']}"
        for one in error.errors(include_url=False, include_context=False, include_input=False)[:10]
    ]
    return problems.respond(422, "Unprocessable Content", "; ".join(wrong))
