"""How a route is described: its scope, what it answers, and whether it changes something."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.operation import Operation
from flask_openapi3.models.parameter import Parameter
from flask_openapi3.models.tag import Tag
from flask_openapi3.utils import parse_rule
from pydantic import BaseModel

from plugin.flows.access.programs.api_tokens import TokenScope

PREFIX = "/api/v1"
View = Callable[..., Response]
Decorator = Callable[[View], View]
T = TypeVar("T", bound=BaseModel)

_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT},
}
_PROBLEMS = {
    400: "The body is not JSON",
    401: "No token, or one that is not known",
    403: "The token has not the scope",
    404: "Not found",
    409: "It breaks a rule, or the same request is being carried out",
    413: "The body is too large",
    415: "The body is not application/json",
    422: "The request is not what the route takes",
    429: "Too many requests, or the queue is full: see Retry-After",
    502: "The DAM does not answer",
    503: "The store does not answer: try again",
}

_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request within 24 hours is answered again, without a second effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


@dataclass(frozen=True)
class Route:
    """What the guard asks of a request. `most`: bytes of a body; `once`: what an answer given again leaves out."""

    scope: TokenScope
    changes: bool = False
    most: int = 1 << 20
    once: frozenset[str] = frozenset()


class Routes:
    """The routes of one resource."""

    def __init__(self, name: str, about: str) -> None:
        tag = Tag(name=name, description=about)
        said: dict[Any, Any] = {
            status: {"description": words, "content": {"application/problem+json": {"schema": _PROBLEM}}}
            for status, words in _PROBLEMS.items()
        }
        self.blueprint = APIBlueprint(f"api_{name}", __name__, url_prefix=PREFIX, abp_tags=[tag], abp_responses=said)
        self.known: dict[str, Route] = {}
        """By endpoint."""

    def add(self, method: str, rule: str, route: Route, model: type[BaseModel], status: int = 200) -> Decorator:
        """Make a view the answer to `method` on `rule`; its docstring is what the description says of it."""

        def add(view: View) -> View:
            self.known[f"{self.blueprint.name}.{view.__name__}"] = route
            make: Callable[..., Any] = getattr(self.blueprint, method.lower())
            security = [{"token": [route.scope.value]}]
            made: View = make(rule, security=security, responses={status: model}, merge_slashes=False)(view)
            if route.changes:
                self._once(method, rule)
            return made

        return add

    def _once(self, method: str, rule: str) -> None:
        """Describe the header that `idempotency` reads."""
        item = self.blueprint.paths[parse_rule(rule, url_prefix=PREFIX)]
        operation: Operation = getattr(item, method.lower())
        operation.parameters = [*(operation.parameters or []), Parameter(**_KEY)]


def fill(model: type[T], source: object, **others: Any) -> T:
    """A model with `others`; every other field is the attribute of that name of `source`."""
    names = model.model_fields.keys() - others.keys()
    return model(**{name: getattr(source, name) for name in names}, **others)


def json_response(model: BaseModel, status: int = 200) -> Response:
    """The model as JSON."""
    return Response(model.model_dump_json(), status, content_type="application/json")
