"""Tokens, scopes and problems: who may ask what, and what is told to everybody else."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.errors import ConfigError, NotFound
from plugin.flows.access.programs import api_tokens
from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from sidecar.app import create_app
from tests import support
from tests.program import Api

_OPEN = {"/api/v1/openapi.json"}


def _routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Every method and path of the API, from the URL map, with something in each place of the path."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and rule.rule not in _OPEN:
            path = re.sub(r"<int:[^>]+>", "1", rule.rule)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield method, re.sub(r"<[^>]+>", "x", path).removeprefix("/api/v1")


def _asked(app: Flask, method: str, path: str) -> str:
    """The scope that the description tells for a route."""
    for told, item in app.api_doc["paths"].items():  # type: ignore[attr-defined]
        pattern = "/api/v1" + path
        if re.fullmatch(re.sub(r"{[^}]+}", "[^/]+", told), pattern) and method.lower() in item:
            (security,) = item[method.lower()]["security"]
            (scope,) = security["token"]
            return str(scope)
    raise AssertionError(f"{method} {path} is not described")


def test_every_route_takes_exactly_its_scope(api: Api, app: Flask) -> None:
    """Every route of the URL map under every scope: only the one that the description names gets past 403."""
    bearers = {scope.value: api.made([scope]) for scope in TokenScope}
    routes = sorted(_routes(app))
    assert len(routes) > 20
    for method, path in routes:
        needed = _asked(app, method, path)
        for scope, token in bearers.items():
            status = api.ask(method, path, {}, token=token).status_code
            assert (status != 403) == (scope == needed), (method, path, scope, status)
            assert status != 401


def test_every_route_refuses_whoever_has_no_token(api: Api, app: Flask, clock: ManualClock) -> None:
    """None, a wrong one, a revoked one, one past its end: 401 with WWW-Authenticate, and nothing told apart."""
    revoked, late = (
        api_tokens.create(api.services, "x", list(TokenScope), "test", timedelta(hours=1)) for _ in range(2)
    )
    api_tokens.revoke(api.services, revoked.id, "test")
    clock.advance(timedelta(hours=2))
    said = set()
    for token in ("", "wrong", api.token[:-1], revoked.secret, late.secret, "\u00e9"):
        answer = api.ask("GET", "/people", token=token)
        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        said.add(answer.get_data())
    assert len(said) == 1
    for method, path in _routes(app):
        assert api.client.open("/api/v1" + path, method=method, json={}).status_code == 401, path
    basic = api.client.get("/api/v1/people", headers={"Authorization": f"Basic {api.token}"})
    assert basic.status_code == 401


@pytest.mark.usefixtures("one_minute")
def test_guessing_is_slowed_and_a_token_has_its_rate(services: Services, clock: ManualClock) -> None:
    """After 60 wrong tokens a minute 429; a right one has its own count, whoever guesses beside it."""
    config = services.config.model_copy(update={"api": services.config.api.model_copy(update={"per_minute": 3})})
    app = create_app(config, _with(services, config))
    with app.test_client() as client:
        api = Api(services, client)
        statuses = [api.ask("GET", "/audit").status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert api.ask("GET", "/audit").headers["Retry-After"] == "60"
        wrong = [api.ask("GET", "/audit", token=f"wrong{n}").status_code for n in range(62)]
        assert wrong == [401] * 60 + [429] * 2
        assert api.ask("GET", "/audit", token=api.made([TokenScope.AUDIT_READ])).status_code == 200


def _with(services: Services, config: Any) -> Services:
    return replace(services, config=config)


def test_a_token_is_kept_as_a_hash_and_its_use_is_noted(api: Api, clock: ManualClock) -> None:
    """No column of the store holds the token; `used_at` is there after a use, at most a minute old."""
    api.get("/audit")
    with api.services.store.read() as conn:
        row = conn.execute(select(t.api_token)).one()
    assert api.token not in str(tuple(row))
    assert row.used_at == clock.now()
    assert all("secret_sha256" not in one._fields for one in api_tokens.list_all(api.services))
    clock.advance(timedelta(seconds=30))
    api.get("/audit")
    with api.services.store.read() as conn:
        assert conn.scalar(select(t.api_token.c.used_at)) == row.used_at
    clock.advance(timedelta(seconds=31))
    api.get("/audit")
    with api.services.store.read() as conn:
        assert conn.scalar(select(t.api_token.c.used_at)) == clock.now()


def test_a_token_needs_scopes_that_exist(services: Services) -> None:
    """Neither none nor an invented one; revoking twice says since when it was so; one that never was is not found."""
    for scopes in ([], ["people:everything"]):
        with pytest.raises(ConfigError, match="scopes are"):
            api_tokens.create(services, "x", scopes, "test")
    made = api_tokens.create(services, "x", [TokenScope.GATE_USE], "test")
    assert api_tokens.revoke(services, made.id, "test") is None
    assert api_tokens.revoke(services, made.id, "test") == services.clock.now()
    with pytest.raises(NotFound):
        api_tokens.revoke(services, "none", "test")


@pytest.mark.parametrize(
    ("method", "path", "raw", "kind", "status"),
    [
        ("GET", "/nowhere", b"", "", 404),
        ("GET", "/people/nobody", b"", "", 404),
        ("DELETE", "/people", b"", "", 405),
        ("POST", "/people", b"{", "application/json", 400),
        ("POST", "/people", b"[" * 100_000, "application/json", 400),
        ("POST", "/people", b'"{}"', "application/json", 422),
        ("POST", "/people", b'{"name": "A", "more": 1}', "application/json", 422),
        ("POST", "/people", b'{"name": "a\\u0000b"}', "application/json", 422),
        ("POST", "/people", b'{"name": "\\ud800"}', "application/json", 422),
        ("POST", "/people", b"name=A", "application/x-www-form-urlencoded", 415),
        ("POST", "/people", b'{"name": "' + b"A" * (1 << 20) + b'"}', "application/json", 413),
        ("GET", "/people?limit=0", b"", "", 422),
        ("GET", "/people?more=1", b"", "", 422),
        ("GET", "/clearance?channel=nowhere", b"", "", 422),
        ("GET", "/clearance?channel=website&after=x", b"", "", 422),
        ("GET", "/clearance?channel=website&last=2020-01-01", b"", "", 422),
        ("GET", "/clearance?channel=website&last=9999-12-31", b"", "", 422),
    ],
)
def test_every_refusal_is_a_problem(api: Api, method: str, path: str, raw: bytes, kind: str, status: int) -> None:
    """application/problem+json (RFC 9457) with the status in it, and never a 500."""
    headers = {"Authorization": f"Bearer {api.token}"} | ({"Content-Type": kind} if kind else {})
    answer = api.client.open(f"/api/v1{path}", method=method, data=raw, headers=headers)
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    body = answer.get_json(force=True)
    assert (body["type"], body["status"]) == ("about:blank", status)
    if status == 405:
        assert "GET" in answer.headers["Allow"]


def test_no_cookie_opens_the_api(api: Api, cast: support.Cast) -> None:
    """A browser's cookies are not read, and none is set: there is nothing to forge a request with."""
    answer = api.ask("POST", "/people", {"name": "New"})
    assert answer.status_code == 201
    assert "Set-Cookie" not in answer.headers


def test_a_token_ends_after_a_year_and_those_without_an_end_are_listed(
    api: Api, services: Services, clock: ManualClock
) -> None:
    """Where nobody says otherwise; tokens from before that had an end go on, and are told."""
    made, old = (api_tokens.create(services, label, [TokenScope.AUDIT_READ], "test") for label in ("new", "old"))
    assert api_tokens.list_endless(services) == []
    with services.store.write() as tx:
        tx.execute(update(t.api_token).where(t.api_token.c.id == old.id).values(expires_at=None))
    assert [row.label for row in api_tokens.list_endless(services)] == ["old"]
    clock.advance(timedelta(days=364))
    assert api.ask("GET", "/audit", token=made.secret).status_code == 200
    clock.advance(timedelta(days=1))
    assert api.ask("GET", "/audit", token=made.secret).status_code == 401
    assert api.ask("GET", "/audit", token=old.secret).status_code == 200
    api_tokens.revoke(services, old.id, "test")
    assert api_tokens.list_endless(services) == []


@pytest.mark.usefixtures("one_minute")
def test_guesses_of_one_network_count_together(api: Api) -> None:
    """300 wrong tokens, each from an address of its own in one /64, and in one IPv4's many clothes."""
    for many in (
        [f"2001:db8:1:2::{n:x}" for n in range(300)],
        ["192.0.2.9", "::ffff:192.0.2.9", "2002:c000:0209::1"] * 40,
    ):
        said = [_guess(api, n, address) for n, address in enumerate(many)]
        assert said == [401] * 60 + [429] * (len(many) - 60)
    assert _guess(api, 0, "2001:db8:1:3::1") == 401
    assert api.ask("GET", "/audit").status_code == 200


def _guess(api: Api, n: int, address: str) -> int:
    headers = {"Authorization": f"Bearer wrong{n}"}
    return api.client.get("/api/v1/audit", headers=headers, environ_overrides={"REMOTE_ADDR": address}).status_code
