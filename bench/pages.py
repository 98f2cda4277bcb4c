"""How fast the staff's pages are, and how large, among 20,000 people and 1,000,000 photographs."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask, url_for
from flask.testing import FlaskClient

from bench.figures import Figure, Workshop
from bench.library import build_library
from plugin.clock import SystemClock
from plugin.flows.common.services import Services
from plugin.flows.views.people import awaited_answers
from plugin.flows.views.people.people_filters import PeopleFilter
from plugin.flows.views.people.people_page import PeopleOrder
from tests import staff

_TRIES = 6
"""Each page so often; the first time fills the store's cache and is not counted."""


def run(workshop: Workshop) -> Iterator[Figure]:
    """`page_p95_ms` of the slowest page of the staff, and `page_kb` of the largest, without pictures.

    Every page that an administrator opens by its address alone, one of those about a person, a photograph or a
    collection, and the list of people in each order and with each filter. Processor time: others work here as well.
    """
    root = workshop.scratch / "pages"
    with build_library(root, workshop.photos, {1000: 1}) as library:
        services = _with_console(library.services, root)
        awaited_answers.note(services)
        browser = staff.signed_in(staff.app(services), SystemClock(), "administrator")
        paths, left = _list_paths(browser.application, library.withdrawing[1000][0])
        asked = {path: _ask(browser, path) for path in paths}
    slowest, largest = max(asked, key=lambda path: asked[path][0]), max(asked, key=lambda path: asked[path][1])
    among = f"{library.people} people, {library.photos} photographs, {len(paths)} addresses, {left} pages not asked for"
    yield Figure("page_p95_ms", round(asked[slowest][0]), remarks=f"{slowest}; {among}; processor time")
    yield Figure("page_kb", round(asked[largest][1], 1), remarks=f"{largest}; without pictures")


def _with_console(services: Services, root: Path) -> Services:
    """The house with a secret for signing in, an address, and groups that have roles."""
    console = staff.configuration(root)
    config = services.config.model_copy(
        update={"server": console.server, "webhooks": console.webhooks, "access": console.access}
    )
    return replace(services, config=config)


def _list_paths(app: Flask, person_id: str) -> tuple[list[str], int]:
    """The addresses, and how many pages are not asked for: pictures, and those about what the library has none of."""
    values: dict[str, Any] = {"person_id": person_id, "photo_id": 1, "ref": "1"}
    pages = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and _is_page(rule.rule)]
    known = [rule for rule in pages if rule.arguments <= values.keys()]
    with app.test_request_context():
        paths = [url_for(rule.endpoint, **{name: values[name] for name in rule.arguments}) for rule in known]
    paths += [f"/console/people?filter={one}&order={order}" for one in PeopleFilter for order in PeopleOrder]
    paths += [f"/console/people?order={order}" for order in PeopleOrder]
    paths += ["/console/people?q=a&order=end", f"/console/people/{person_id}?before=900000"]
    paths += [f"/console/review?list={one}" for one in ("machine", "unmatched", "again")]
    return paths, len(pages) - len(known)


def _is_page(rule: str) -> bool:
    return rule.startswith("/console/") and not rule.endswith(".jpg")


def _ask(browser: FlaskClient, path: str) -> tuple[float, float]:
    """The slowest of some tries, in ms of processor time, and the size in kB."""
    times, size = [], 0
    for _ in range(_TRIES):
        began = time.process_time()
        answer = browser.get(path)
        times.append((time.process_time() - began) * 1000)
        if answer.status_code >= 500:
            raise SystemExit(f"{path} is answered with {answer.status_code}: there is nothing to time")
        size = len(answer.data)
    return max(times[1:]), size / 1000
