"""The API in process: a client with a token of every scope."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from flask import Flask

from plugin.flows.common.services import Services
from sidecar.app import create_app
from tests import program
from tests.program import Api

Photograph = Callable[..., int]


@pytest.fixture
def app(services: Services) -> Flask:
    """The app on an open house; what it answers is held against its own description."""
    app = create_app(services.config, services)
    app.validate_response = True  # type: ignore[attr-defined]
    return app


@pytest.fixture
def api(services: Services, app: Flask) -> Iterator[Api]:
    """A program with a token of every scope."""
    with app.test_client() as client:
        yield Api(services, client)


@pytest.fixture
def photograph(services: Services) -> Photograph:
    """`photograph("a.jpg", person, ...)`: one on which exactly these people are named and confirmed."""
    return partial(program.photograph, services)
