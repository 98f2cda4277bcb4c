"""R1 over HTTP: from the answer to a withdrawal on, no program is told "cleared" or "allow"."""

import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from sidecar.app import create_app
from tests.program import Api, photograph

_USE = {"purpose": "communication", "channel": "website"}
_SCAN = [{"name": "form.txt", "content": b64encode(b"a signed form: sample").decode()}]


def _signed(clock: ManualClock, *channels: str) -> dict[str, Any]:
    now = clock.now()
    return {
        "recognition": True,
        "publications": [{"purpose": "communication", "channel": one} for one in channels],
        "signed_at": now.isoformat(),
        "valid_until": (now + timedelta(days=365)).isoformat(),
        "text_version": "1",
        "language": "en",
        "evidence": _SCAN,
    }


def _yes(api: Api, ref: str) -> list[bool]:
    """Whether each way of asking says yes now."""
    one = api.get(f"/resources/{ref}/clearance?channel=website")["answers"][0]["status"]
    batch = api.post("/clearance:batch", {"refs": [ref], "uses": [_USE]})["items"][0]["answers"][0]["status"]
    gate = api.post("/gate", {"resource": ref, "tool": {"kind": "cms"}, **_USE})["decision"]
    listed = [item["ref"] for item in api.get("/clearance?channel=website&limit=500")["items"]]
    return [one == "cleared", batch == "cleared", gate == "allow", ref in listed]


@contextmanager
def _asking(app: Flask, api: Api, ref: str) -> Iterator[list[bool]]:
    """Another program asks without a pause; what it was told to questions that it put after the answer."""
    said: list[bool] = []
    answered, stop = threading.Event(), threading.Event()

    def ask() -> None:
        with app.test_client() as client:
            other = api.beside(client)
            while not stop.is_set():
                late = answered.is_set()
                told = _yes(other, ref)
                if late:
                    said.extend(told)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield said
        answered.set()
        said.extend(_yes(api, ref))
    finally:
        stop.set()
        thread.join()


Act = Callable[[str, list[str]], object]


def _ways(api: Api, clock: ManualClock) -> dict[str, Act]:
    def post(what: str, body: Callable[[list[str]], dict[str, Any]]) -> Act:
        return lambda who, grants: api.post(f"/people/{who}/{what}", body(grants))

    return {
        "all withdrawn": post("withdrawal", lambda _: {"grants": "all"}),
        "publication withdrawn": post("withdrawal", lambda grants: {"grants": grants[1:2]}),
        "all restricted": post("restriction", lambda _: {"grants": "all"}),
        "a narrower quitclaim": post("quitclaims", lambda _: _signed(clock, "press")),
        "erased": post("erasure", lambda _: {}),
        "expired": lambda *_: clock.advance(timedelta(days=365)),
    }


@pytest.mark.promise
def test_no_program_is_told_yes_after_the_answer(
    services: Services, clock: ManualClock, promise: Callable[[str, str], None], full: bool
) -> None:
    """However the grant ends, by one photograph, by batch, by the gate, by the list of all: no question put after
    the answer is told yes, though another program asks without a pause meanwhile."""
    config = services.config.model_copy(
        update={"api": services.config.api.model_copy(update={"per_minute": 1_000_000})}
    )
    services = replace(services, config=config)
    app = create_app(config, services)
    after: list[bool] = []
    with app.test_client() as client:
        api = Api(services, client)
        ways = _ways(api, clock)
        for round_ in range(20 if full else 2):
            for number, act in enumerate(ways.values()):
                who = api.post("/people", {"name": f"Åsa {round_} {number}"})["id"]
                ref = f"shoot/{round_}-{number}.jpg"
                photograph(services, ref, who)
                grants = api.post(f"/people/{who}/quitclaims", _signed(clock, "website", "press"))["grants"]
                photograph(services, f"{ref}.too", who)  # stored as cleared
                assert all(_yes(api, f"{ref}.too"))
                with _asking(app, api, f"{ref}.too") as said:
                    act(who, grants)
                after += said
    promise("R1", f'over HTTP "cleared" or "allow" after the answer {sum(after)} of {len(after)} ({len(ways)} ways)')
    assert sum(after) == 0
    assert len(after) >= 4 * 2 * len(ways)
