"""A request under an idempotency key takes effect once, however often and from however many it comes."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.people import register
from plugin.flows.schedule import retention
from plugin.ledger import tables as t
from tests.program import Api

KEY = {"Idempotency-Key": "order-1"}


def _people(services: Services) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.person)) or 0


def test_the_same_request_is_answered_again_and_done_once(api: Api) -> None:
    """Same status, same body, one effect; the repeated answer says that it is one."""
    first = api.ask("POST", "/people", {"name": "Åsa"}, headers=KEY)
    again = api.ask("POST", "/people", {"name": "Åsa"}, headers=KEY)
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert first.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert _people(api.services) == 1


def test_another_request_under_the_same_key_is_refused(api: Api) -> None:
    """Another body, another path: 422. Another token has keys of its own."""
    api.post("/people", {"name": "Åsa"}, headers=KEY)
    assert api.ask("POST", "/people", {"name": "Bo"}, headers=KEY).status_code == 422
    assert api.ask("POST", "/people/x/erasure", {}, headers=KEY).status_code == 422
    other = api.made(["people:write"])
    assert api.ask("POST", "/people", {"name": "Bo"}, token=other, headers=KEY).status_code == 201
    assert _people(api.services) == 2


def test_what_was_refused_may_be_asked_again(api: Api) -> None:
    """Nothing was done, so nothing is kept: mended, the same key may be used."""
    assert api.ask("POST", "/people", {"name": ""}, headers=KEY).status_code == 422
    assert api.ask("POST", "/people", {"name": "Åsa"}, headers=KEY).status_code == 201


def test_eight_at_once_are_one(api: Api, app: Flask) -> None:
    """Eight threads with one key and one request, over and over: one effect a key, though the act itself may be
    repeated; the others are told to wait, or are given the same answer."""
    clara = api.post("/people", {"name": "Clara"})["id"]

    def post(key: int) -> tuple[int, Any]:
        with app.test_client() as client:
            header = {"Idempotency-Key": f"k{key}"}
            answer = api.beside(client).ask("POST", f"/people/{clara}/guardians", {"name": "G"}, headers=header)
            return answer.status_code, answer.json and answer.json.get("id")

    rounds = 12
    statuses: Counter[int] = Counter()
    with ThreadPoolExecutor(8) as pool:
        for key in range(rounds):
            found = list(pool.map(post, [key] * 8))
            statuses.update(status for status, _ in found)
            assert len({made for status, made in found if status == 201}) == 1
    assert set(statuses) <= {201, 409}
    assert statuses[201] >= rounds
    with api.services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.guardian)) == rounds


def test_a_request_that_was_cut_off_is_not_done_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process died before it could answer: 409 until the key is forgotten, for nobody knows what was done."""

    def die(*_: object, **__: object) -> str:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(register, "add", die)
        api.client.application.config["PROPAGATE_EXCEPTIONS"] = False
        assert api.ask("POST", "/people", {"name": "Åsa"}, headers=KEY).status_code == 500
    answer = api.ask("POST", "/people", {"name": "Åsa"}, headers=KEY)
    assert answer.status_code == 409
    assert "Retry-After" in answer.headers
    assert _people(api.services) == 0


def test_keys_are_kept_a_day(api: Api, clock: ManualClock) -> None:
    """Housekeeping forgets them after 24 hours, and one past that counts as new even before."""
    api.post("/people", {"name": "Åsa"}, headers=KEY)
    clock.advance(timedelta(hours=23, minutes=59))
    assert api.ask("POST", "/people", {"name": "Åsa"}, headers=KEY).status_code == 201
    assert retention.expire_all(api.services)["answers"] == 0
    clock.advance(timedelta(minutes=2))
    assert api.ask("POST", "/people", {"name": "Åsa"}, headers=KEY).status_code == 409  # the name is taken
    clock.advance(timedelta(days=2))
    api.post("/people", {"name": "Bo"}, headers=KEY)
    clock.advance(timedelta(days=2))
    assert retention.expire_all(api.services)["answers"] == 1


def test_no_answer_that_is_kept_holds_personal_data(api: Api) -> None:
    """Of people and quitclaims only ids are kept under a key, and these sealed: no answer stands there in plain."""
    asa = api.post("/people", {"name": "Unmistakable", "email": "u@example.org"}, headers=KEY)["id"]
    api.post(f"/people/{asa}/guardians", {"name": "Unmistakable too"}, headers={"Idempotency-Key": "2"})
    with api.services.store.read() as conn:
        stored = list(conn.scalars(select(t.idempotency.c.body)))
        texts = api.services.texts(conn)
        kept = str([texts.read(body, "idempotency.body") for body in stored])
    assert asa not in str(stored)
    assert asa in kept
    assert "nmistakable" not in kept
