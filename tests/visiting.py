"""Somebody who has followed the link to their own page, as a browser without script would."""

import re
from typing import Any

from flask import Flask, redirect
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

from plugin.flows import links, portal
from plugin.flows.services import Services
from sidecar.app import create_app
from sidecar.sign import visits

PAGE = "/s/me"


def app_of(services: Services) -> Flask:
    """The app of this house, in which a link opens a visit."""
    app = create_app(services.config, services)
    if any(str(rule) == "/s/<token>" for rule in app.url_map.iter_rules()):
        return app

    @app.get("/s/<token>")
    def opened(token: str) -> Response:
        visits.begin(links.opened(services, token))
        return redirect(PAGE, 303)

    return app


def link_of(services: Services, person_id: str, guardian_id: str | None = None) -> links.Made:
    """A link to this person's page."""
    with services.store.write() as tx:
        return portal.page_link(services, tx, person_id, "test", guardian_id)


def visit(services: Services, person_id: str, guardian_id: str | None = None) -> FlaskClient:
    """A browser on the page of this person, come in by a link."""
    return on(services, link_of(services, person_id, guardian_id).token)


def on(services: Services, link: str, app: Flask | None = None) -> FlaskClient:
    """A browser that opened the link of this token."""
    browser = (app or app_of(services)).test_client()
    browser.get(f"/s/{link}")
    return browser


def token(page: str) -> str:
    """What the forms of a page carry against forgery."""
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert found, page
    return found[1]


def send(browser: FlaskClient, path: str, **fields: str) -> Any:
    """Press the button of the form at `path`, with the token of the page that it stands on."""
    return _post(browser, path, browser.get(path).text, fields)


def press(browser: FlaskClient, path: str, **fields: str) -> Any:
    """The same for a button on the page itself."""
    return _post(browser, path, browser.get(PAGE).text, fields)


def _post(browser: FlaskClient, path: str, shown: str, fields: dict[str, str]) -> Any:
    return browser.post(path, data=fields | {"csrf_token": token(shown)}, follow_redirects=True)
