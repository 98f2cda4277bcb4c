"""The review as a light table: keys for 100 faces by a practised hand in a browser; the server's time for an act."""

import random
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

from flask.testing import FlaskClient
from playwright.sync_api import sync_playwright
from sqlalchemy import select, update
from werkzeug.serving import make_server

from bench.figures import Figure, Workshop
from bench.library import Library, build_library
from bench.write_cases import FilelessDam
from plugin.clock import SystemClock
from plugin.flows.common.services import Services
from plugin.hooks.dam import Named, Resource
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from tests import practised_hand, proposals, staff, support
from tests.processes import free_port

_FACES, _WRONG = 100, 6
_ACTS = 40  # of each kind
_WORD = re.compile(r'name="csrf_token" value="([^"]+)"')


def run(workshop: Workshop) -> Iterator[Figure]:
    """`keys_per_100_faces`, and `review_act_p95_ms`."""
    yield _count_keys(workshop)
    yield from _time_acts(workshop)


# ---- the keys -----------------------------------------------------------------------------


def _count_keys(workshop: Workshop) -> Figure:
    """100 faces proposed for one person, of which a few are somebody else, with an eye that knows which."""
    port, root = free_port(), workshop.scratch / "light-table"
    config = staff.configuration(root, server={"public_url": f"http://127.0.0.1:{port}"})
    bootstrap.init(config)
    with bootstrap.open_house(config) as services:
        cast = support.Cast(services)
        person = cast.add("Sample person")
        cast.sign(person)
        cast.open_collection(mode=Mode.SUGGEST)
        picture = support.put(root, "picture.jpg", samples.A_STANDING, size=(240, 320))
        ids = proposals.propose(services, root / picture, person, _FACES)
        wrong = set(random.Random(1).sample(ids, _WRONG))
        services = replace(services, dam=_Dam(services))  # else most of the time would be that of writing files
        server = make_server("127.0.0.1", port, staff.app(services), threaded=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            began = time.perf_counter()
            keys = _drive(services, person, wrong)
            took = time.perf_counter() - began
        finally:
            server.shutdown()
            thread.join()
        states = proposals.states(services, ids)
    if states != {one: "rejected" if one in wrong else "matched" for one in ids}:
        raise SystemExit("the hand at the keys did not decide what it meant to: there is nothing to count")
    remarks = f"{_WRONG} of {_FACES} are wrong; {took:.0f} s in all; no name is written into a file"
    return Figure("keys_per_100_faces", keys, remarks=remarks)


def _drive(services: Services, person: str, wrong: set[int]) -> int:
    address = services.config.server.public_url
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(base_url=address, viewport={"width": 1280, "height": 900})
        client = staff.app(services).test_client()
        staff.Dam(SystemClock(), audience=address).sign_in(client, user="editor")
        cookie = staff.cookie_of(client)
        page.context.add_cookies([{"name": "facelease_staff", "value": cookie, "url": f"{address}/console/"}])
        page.goto(f"/console/review/people/{person}")
        hand = practised_hand.Hand(page)
        while page.locator(".tile").count():
            hand.decide(wrong)
        browser.close()
        return hand.keys


# ---- the time of an act -------------------------------------------------------------------


class _Dam(FilelessDam):
    """A DAM whose photographs have no files, with the names that the store knows on them, and accounts."""

    def __init__(self, services: Services) -> None:
        super().__init__(services.dam)
        self._store = services.store

    def look(self, ref: str) -> Resource:
        """What the store has of it."""
        with self._store.read() as conn:
            row = conn.execute(select(t.resource).where(t.resource.c.ref == ref)).one()
            tags = conn.execute(select(t.tag).where(t.tag.c.resource_id == row.id)).all()
        return Resource(ref, row.file_version, (), tuple(Named(tag.node, frozenset({"xmp"})) for tag in tags))


def _time_acts(workshop: Workshop) -> Iterator[Figure]:
    root = workshop.scratch / "light-acts"
    with build_library(root, workshop.photos, {}) as library:
        services = _with_console(library, root)
        people, faces = _propose(services)
        client = staff.signed_in(staff.app(services), SystemClock(), "editor")
        took = _act(client, people, faces)
    worst = {name: _p95(times) for name, times in took.items()}
    acts = [one for name, times in took.items() if name in _COUNTED for one in times]
    said = ", ".join(f"{name} {ms:.0f}" for name, ms in worst.items())
    remarks = (
        f"p95 in ms: {said}; {library.photos} photographs, {library.people} people, SQLite; the DAM's time is not in it"
    )
    yield Figure("review_act_p95_ms", round(_p95(acts), 1), remarks=remarks)


_COUNTED = ("confirm", "reject", "name", "dismiss", "undo", "one of a batch")


def _with_console(library: Library, root: Path) -> Services:
    settings = staff.configuration(Path(tempfile.mkdtemp(dir=root)))
    mine = {"server": settings.server, "webhooks": settings.webhooks, "access": settings.access}
    config = library.services.config.model_copy(update=mine)
    return replace(library.services, config=config, dam=_Dam(library.services))


def _propose(services: Services) -> tuple[list[str], list[tuple[int, str]]]:
    """Unnamed faces are proposed for people who agreed to something and are not on the photograph."""
    count, chance = _ACTS * 8, random.Random(2)
    with services.store.write() as tx:
        people = list(tx.connection.scalars(select(t.grant.c.person_id).distinct().limit(2000)))
        unnamed = select(t.face.c.id, t.face.c.resource_id).where(t.face.c.state == "unmatched")
        rows = tx.execute(unnamed.order_by(t.face.c.id).limit(count)).all()
        faces = [(row.id, chance.choice(people)) for row in rows]
        for face, person in faces:
            values = {"state": "suggested", "person_id": person, "distance": 0.33, "thresholds": proposals.LIMITS}
            tx.execute(update(t.face).where(t.face.c.id == face).values(**values))
    return people, faces


def _act(client: FlaskClient, people: list[str], faces: list[tuple[int, str]]) -> dict[str, list[float]]:
    """Milliseconds, by what was done."""
    token = _WORD.search(client.get("/console/").text)
    assert token is not None
    left, took = iter(faces), dict[str, list[float]]()

    def send(name: str, path: str, parts: int = 1, **fields: Any) -> None:
        body = {"csrf_token": token[1], **fields}
        began = time.perf_counter()
        answer = client.post(path, data=body, headers={"Accept": "application/json"})
        took.setdefault(name, []).append((time.perf_counter() - began) * 1000 / parts)
        assert answer.status_code == 200, answer.text
        assert {one["what"] for one in (answer.json or {})["faces"]} <= {"done", "plain"}, answer.text

    def decide(name: str, act: str, parts: int = 1, **fields: Any) -> None:
        some = [next(left) for _ in range(parts)]
        shown = [f"{face}:{person}" for face, person in some]
        chosen = [str(face) for face, _ in some]
        send(name, "/console/review/decide", parts, act=act, shown=shown, face=chosen, **fields)

    for number in range(_ACTS):
        decide("confirm", "confirm_chosen")
        decide("reject", "reject")
        decide("dismiss", "dismiss", dismissal="bystander")
        decide("name", "name", who=people[number])
        send("undo", "/console/review/undo")
    for _ in range(4):
        decide("one of a batch", "confirm_chosen", 20)
    _read(client, people, took)
    return took


def _read(client: FlaskClient, people: list[str], took: dict[str, list[float]]) -> None:
    pages = {
        "list": "/console/review",
        "machine list": "/console/review?list=machine",
        "person": f"/console/review/people/{people[0]}",
        "unnamed": "/console/review?list=unmatched",
        "picker": f"/console/review/people.json?q={people[0][:3]}",
    }
    for name, path in pages.items():
        for _ in range(10):
            began = time.perf_counter()
            answer = client.get(path)
            took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.text


def _p95(times: list[float]) -> float:
    ranked = sorted(times)
    return ranked[min(len(ranked) - 1, int(len(ranked) * 0.95))]
