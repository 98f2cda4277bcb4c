"""Browsers in which accounts of our own sign in, as people do it: page by page."""

import html
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from plugin.clock import ManualClock
from plugin.flows.access.own_accounts import passwords, register
from plugin.flows.access.staff import Role
from plugin.flows.common.services import Services
from sidecar.app import create_app
from tests import staff

PASSWORD = "seven green bicycles"


def weaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing, where a test tries hundreds."""
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", weak)
    monkeypatch.setattr(passwords, "_NOBODYS", weak.hash("nobody"))


@dataclass
class Account:
    """An account and what its owner has: the secret of the app, and the recovery codes."""

    name: str
    password: str = PASSWORD
    secret: str = ""
    codes: list[str] = field(default_factory=list)

    def code(self, clock: ManualClock) -> str:
        """What the app shows now."""
        return pyotp.TOTP(self.secret).at(clock.now())


def app(services: Services) -> Flask:
    """The app, with error pages as people see them."""
    made = create_app(services.config, services)
    made.config["PROPAGATE_EXCEPTIONS"] = False
    return made


def guard_in(page: str) -> str:
    """The CSRF token of a page's form."""
    (guard, *_) = re.findall(r'name="csrf_token" value="([^"]+)"', page)
    return str(guard)


def post(client: FlaskClient, page: str, path: str, address: str = "", **fields: Any) -> TestResponse:
    """Fetch a page, and post a form of it with its guard, from an address."""
    environ = {"REMOTE_ADDR": address or staff.address()}
    guard = guard_in(client.get(page, environ_base=environ).text)
    return client.post(path, data={"csrf_token": guard, **fields}, environ_base=environ)


def try_password(client: FlaskClient, name: str, password: str, address: str = "", **more: str) -> TestResponse:
    """The first step."""
    return post(client, "/console/", "/console/sign-in", address, name=name, password=password, **more)


def try_code(client: FlaskClient, code: str, address: str = "") -> TestResponse:
    """The second step."""
    return post(client, "/console/sign-in/code", "/console/sign-in/code", address, code=code)


def add(services: Services, name: str, role: str, collections: tuple[str, ...] = ()) -> str:
    """Make an account; returns the path of its link."""
    link = register.add(services, name, Role(role), "cli:test", collections)
    return link[link.index("/console/") :]


def join(client: FlaskClient, clock: ManualClock, link: str, name: str, password: str = PASSWORD) -> Account:
    """Open a link, set the password, set up the second factor where it is asked for: signed in afterwards."""
    assert client.get(link).status_code == 303
    answer = post(client, "/console/password", "/console/password", password=password, again=password)
    assert answer.status_code == 303, answer.text
    made = Account(name, password)
    if answer.headers["Location"].endswith("/console/sign-in/code"):
        page = client.get("/console/sign-in/code").text
        found = re.search(r"secret=([A-Z2-7]+)", html.unescape(page))
        assert found
        made.secret = found[1]
        shown = try_code(client, made.code(clock))
        assert shown.status_code == 200, shown.text
        made.codes = re.findall(r"<code>([a-z2-7-]{19})</code>", shown.text)
    return made


def make(services: Services, app: Flask, clock: ManualClock, name: str, role: str) -> Account:
    """An account that is ready to sign in."""
    return join(app.test_client(), clock, add(services, name, role), name)


def sign_in(client: FlaskClient, clock: ManualClock, account: Account, code: str = "") -> TestResponse:
    """Both steps, from an address of their own."""
    answer = try_password(client, account.name, account.password)
    if account.secret and answer.status_code == 303:
        clock.advance(timedelta(minutes=1))
        return try_code(client, code or account.code(clock))
    return answer
