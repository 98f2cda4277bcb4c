"""The served description is true: requests made from it, and made to break it, are answered as it says."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from plugin.flows.common.services import Services
from sidecar import api
from sidecar.app import create_app
from tests import support
from tests.api.conftest import Photograph
from tests.program import Api

load_all_checks()
CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
)
_KNOWN: dict[str, Any] = {
    "channel": "website",
    "purpose": "communication",
    "first": "2026-03-05",
    "last": "2026-03-31",
    "ref": "shoot/a.jpg",
    "refs": "shoot/a.jpg",
    "resource": "shoot/a.jpg",
    "grants": "all",
}


@pytest.fixture
def schema(request: pytest.FixtureRequest, services: Services, cast: support.Cast, photograph: Photograph) -> Any:
    """The description as it is served, by an app with somebody in it and no limit of requests."""
    config = services.config.model_copy(
        update={
            "api": services.config.api.model_copy(update={"per_minute": 1_000_000}),
            "server": services.config.server.model_copy(update={"public_url": "https://lease.example.org"}),
        }
    )
    app: Flask = create_app(config, replace(services, config=config))
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False)
    _KNOWN.update(person_id=asa, number=photograph("shoot/a.jpg", asa))
    with app.test_client() as client:
        token = Api(services, client).token
    loaded = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    loaded.config.update(headers={"Authorization": f"Bearer {token}"})
    if request.node.callspec.params["mode"] is GenerationMode.POSITIVE:
        for hook in (map_path_parameters, map_query, map_body):
            loaded.hook(hook)
    return loaded


def _there(name: str, value: Any) -> Any:
    """Most times somebody, or something, that there is, in place of what was made up."""
    if isinstance(value, dict):
        return {key: _there(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_there(name, one) for one in value]
    known = _KNOWN.get(name)
    return known if isinstance(value, str | int) and known is not None and len(str(value)) % 4 else value


def map_path_parameters(context: Any, path_parameters: Any) -> Any:
    """But nobody is erased, so that they stay there."""
    return path_parameters if "erasure" in context.operation.path else _there("", path_parameters)


def map_query(context: Any, query: Any) -> Any:
    """A use that is configured, and days that may be asked for."""
    return {key: value for key, value in _there("", query or {}).items() if key != "after"}


def map_body(context: Any, body: Any) -> Any:
    """A use that is configured, and a photograph that is there."""
    return _there("", body) if isinstance(body, dict) else body


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_the_description_is_true(schema: Any, mode: GenerationMode) -> None:
    """No 500; status, content type, headers and body as described; what breaks the description is refused.
    From requests as described, and from such as break the description."""
    tried: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case: Any) -> None:
            tried[case.call_and_validate(checks=CHECKS).status_code // 100] += 1

        try:
            holds()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, operation.label  # nothing in it that could be wrong
    assert tried[4] > 100 or mode is GenerationMode.POSITIVE
    assert tried[2] > 100 or mode is GenerationMode.NEGATIVE


def test_no_two_models_share_a_name(services: Services) -> None:
    """The description knows a model by its name: two of one name, and one route would be told wrongly."""
    seen: dict[str, Any] = {}
    for part in api._PARTS:
        for name, schema in part.routes(services).blueprint.components_schemas.items():
            assert seen.setdefault(name, schema) == schema, name
    assert len(seen) > 30
