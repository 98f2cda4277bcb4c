"""Somebody who has followed the link to their own page, as a browser without script would."""

import re
from itertools import count
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from plugin.flows.access import links
from plugin.flows.common.services import Services
from plugin.flows.mail import page_links
from plugin.flows.people import addresses, contacts, recognitions
from sidecar.app import create_app

PAGE = "/s/me"


def app_of(services: Services) -> Flask:
    """The app of this house; nobody is told to wait."""
    app = create_app(services.config, services)
    for limiter in app.extensions["limiter"]:
        limiter.enabled = False
    return app


def confirm(services: Services, person_id: str, guardian_id: str | None = None) -> None:
    """Let the address on file, or one that is entered for it, be known to be theirs."""
    with services.store.write() as tx:
        if not contacts.address_of(services, tx.connection, person_id, guardian_id):
            addresses.enter(services, tx, person_id, "sample@example.org", "dam:ann", guardian_id=guardian_id)
    recognitions.recognise(services, person_id, guardian_id, "met", "dam:olga", officer=True)


def link_of(services: Services, person_id: str, guardian_id: str | None = None) -> links.MadeLink:
    """A link to this person's page, as a letter to a confirmed address brings it."""
    confirm(services, person_id, guardian_id)
    with services.store.write() as tx:
        made = page_links.make(services, tx, person_id, "test", guardian_id)
    assert made is not None
    return made


def visit(services: Services, person_id: str, guardian_id: str | None = None) -> FlaskClient:
    """A browser on the page of this person, come in by a link."""
    return on(services, link_of(services, person_id, guardian_id).token)


def on(services: Services, link: str, app: Flask | None = None) -> FlaskClient:
    """A browser that opened the link of this token."""
    browser = fresh(app or app_of(services))
    browser.get(f"/s/{link}")
    return browser


_addresses = count(1)


def fresh(app: Flask) -> FlaskClient:
    """A browser that nobody has counted yet: it has an address of its own."""
    browser, number = app.test_client(), next(_addresses)
    browser.environ_base["REMOTE_ADDR"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
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
