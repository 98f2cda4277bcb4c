"""The DAM's side of signing in, and a client of the console that is signed in."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from plugin.clock import Clock
from plugin.config import Config
from plugin.errors import DamError
from plugin.flows.common.services import Services
from plugin.hooks.dam import Accounts
from sidecar.app import create_app
from tests import sender, support

PATH = "/signin/resourcespace"
AUDIENCE = "http://localhost"
SECRET, OTHER = sender.SECRET, sender.OTHER
GROUPS = {"administrator": 1, "officer": 2, "editor": 3, "auditor": 4}
ACCESS = {"administrators": [1], "officers": [2], "editors": [3], "auditors": [4]}


def configuration(root: Path, **tables: Any) -> Config:
    """A house with a console: an address, a secret for signing in, and a group for each role."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "photos" / support.SHOOT).mkdir(parents=True, exist_ok=True)
    file = sender.secret_file(root / "signin.secret", SECRET)
    mine: dict[str, Any] = {
        "server": {"public_url": AUDIENCE},
        "webhooks": {"signin_secret_file": file},
        "access": ACCESS,
    }
    return support.configuration(root, **{**mine, **tables})


class WithAccounts:
    """A folder beside which a DAM has accounts, whose groups it tells: the hand-over's, until they change there."""

    def __init__(self, folder: Any) -> None:
        self._folder = folder
        self.accounts: dict[str, tuple[int, ...] | None] = {}
        self.silent = False
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._folder, name)

    def groups(self, user: str) -> tuple[int, ...] | None:
        """As ResourceSpace answers: of an account that was never heard of, nothing."""
        self.asked += 1
        if self.silent:
            raise DamError("the DAM does not answer")
        return self.accounts.get(user, _HANDED_OVER.get(user))


_HANDED_OVER: dict[str, tuple[int, ...]] = {}
"""What the DAM said of each account when it signed in last."""


def with_accounts(services: Services) -> Services:
    """The same house, whose DAM has accounts."""
    return services if isinstance(services.dam, Accounts) else replace(services, dam=WithAccounts(services.dam))


def app(services: Services) -> Flask:
    """The app, which answers an error with a page as it does for people."""
    made = create_app(services.config, with_accounts(services))
    made.config["PROPAGATE_EXCEPTIONS"] = False
    return made


def dam_of(client: FlaskClient) -> WithAccounts:
    """The DAM behind the app of this browser."""
    found = client.application.extensions["facelease"].dam
    assert isinstance(found, WithAccounts)
    return found


def accounts_of(client: FlaskClient) -> dict[str, tuple[int, ...] | None]:
    """What this DAM says of accounts from now on."""
    return dam_of(client).accounts


class Dam:
    """Makes hand-overs as the plugin's page does; not with our code, so that both are tested."""

    def __init__(self, clock: Clock, secret: str = SECRET, audience: str = AUDIENCE) -> None:
        self.clock, self.secret, self.audience = clock, secret, audience

    def form(self, **change: Any) -> dict[str, str]:
        """The two fields of the form; `change` puts other values into the payload."""
        told = {
            "v": 1,
            "user": "jan",
            "groups": [3],
            "language": "en",
            "nonce": uuid4().hex,
            "audience": self.audience,
            "issued": int(self.clock.now().timestamp()),
        } | change
        if isinstance(told["user"], str) and isinstance(told["groups"], list):
            _HANDED_OVER[told["user"]] = tuple(told["groups"])
        payload = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()
        return {"payload": payload, "signature": self.sign(payload)}

    def sign(self, payload: str) -> str:
        """The signature of a payload, under our secret."""
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        made = hmac.new(key, b"facelease-signin." + payload.encode(), hashlib.sha256)
        return base64.b64encode(made.digest()).decode()

    def sign_in(self, client: FlaskClient, address: str = "127.0.0.1", **change: Any) -> TestResponse:
        """Post a hand-over, from an address."""
        return client.post(PATH, data=self.form(**change), environ_base={"REMOTE_ADDR": address})


def addresses() -> Iterator[str]:
    """Addresses of this machine, each another: one alone may not sign in as often as a test does."""
    return (f"127.{a}.{b}.{c}" for a in range(1, 250) for b in range(250) for c in range(1, 250))


_ADDRESSES = addresses()


def address() -> str:
    """One that was not used before in this run."""
    return next(_ADDRESSES)


def signed_in(app: Flask, clock: Clock, role: str, language: str = "en") -> FlaskClient:
    """A browser in which somebody with this role is signed in."""
    client = app.test_client()
    answer = Dam(clock).sign_in(client, user=role, groups=[GROUPS[role]], language=language, address=address())
    assert answer.status_code == 303, answer.text
    return client


def cookie_of(client: FlaskClient) -> str:
    """The staff's cookie as the browser holds it."""
    cookie = client.get_cookie("facelease_staff", path="/console")
    assert cookie is not None
    return cookie.value


def token_of(client: FlaskClient) -> str:
    """What the cookie holds."""
    with client.session_transaction("/console/") as session:
        return str(session["staff"])


def post(client: FlaskClient, path: str, **fields: Any) -> TestResponse:
    """Post a form of the console as a page does, with the guard that stands in it."""
    page = client.get("/console/").text
    (guard, *_) = re.findall(r'name="csrf_token" value="([^"]+)"', page)
    return client.post(path, data={"csrf_token": guard, **fields})


def decide(client: FlaskClient, act: str, *faces: int, person: str = "", **fields: Any) -> TestResponse:
    """An editor's act on faces that a page of the review showed, for which this person was proposed."""
    shown = [f"{face}:{person}" for face in faces]
    return post(client, "/console/review/decide", act=act, shown=shown, face=[*map(str, faces)], **fields)
