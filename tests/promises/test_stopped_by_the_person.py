"""R1 by the person's own hand: stopped on their page, over HTTP, and in that second no answer is "cleared"."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.flows.clearance import cleared_photos, photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.schedule import calendar
from plugin.hooks.resourcespace import fields
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import sender, support
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_state import SUPER
from tests.sender import PANEL, Sender
from tests.visiting import PAGE, app_of, fresh, link_of, on, send

Promise = Callable[[str, str], None]
Grants = dict[str, str]

WAYS: dict[str, Callable[[Grants, int], tuple[str, dict[str, str]]]] = {
    "everything withdrawn": lambda _, __: ("/stop/all", {"how": "withdraw"}),
    "this use withdrawn": lambda ids, _: (f"/stop/{ids['website']}", {"how": "withdraw"}),
    "everything restricted": lambda _, __: ("/stop/all", {"how": "restrict"}),
    "this use restricted": lambda ids, _: (f"/stop/{ids['website']}", {"how": "restrict"}),
    "that is not me": lambda _, photo: (f"/photos/{photo}/not-me", {}),
    "forgotten at once": lambda _, __: ("/forget", {}),
}
"""What a person can press: the address under their page, and what its form says."""


def _configuration(root: Path, double: Double) -> Config:
    account = double.library.add_user("FaceLease", SUPER)
    (root / "data" / "keys").mkdir(parents=True)
    sender.secret_file(root / "data" / "keys" / "dam.key", account.key)
    secret = sender.secret_file(root / "panel.secret", sender.SECRET)
    return support.configuration(
        root,
        dam={"kind": "resourcespace"},
        webhooks={"panel_secret_file": secret},
        resourcespace={"url": double.url, "user": account.name, "calls_per_second": 1000.0, "seconds": 5.0},
        requests={"erasure": "at once"},
    )


@pytest.fixture
def double() -> Iterator[Double]:
    with Double(plugin=True) as one:
        yield one


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, double: Double) -> Iterator[Services]:
    """A house on a server with our plugin and a date field a channel."""
    with support.opened(_configuration(tmp_path, double), clock, examiner) as open_:
        assert isinstance(open_.dam, ResourceSpaceDam)
        open_.dam.make_fields()
        calendar.poll_dam(open_)
        yield open_


class Asked:
    """The question of a photograph's clearance for the website, over HTTP, in the store, and computed."""

    def __init__(self, services: Services, app: Flask, ref: str) -> None:
        self._services, self._ref = services, ref
        self._panel = Sender(fresh(app), services.clock, path=PANEL)

    def __call__(self) -> bool:
        """Whether any of the three says "cleared"."""
        answer = self._panel.ask(ref=int(self._ref), user="editor", can_edit=False, purpose="communication")
        channels = (answer.json or {}).get("channels", {})
        told = channels.get("website", {}).get("status") == "cleared"
        span = cleared_photos.span_now(self._services, "communication", "website")
        with self._services.store.read() as conn:
            stored = {row.ref for row in cleared_photos.list_page(conn, span).photos}
        computed = photo_answers.answer_photo(self._services, self._ref, "communication", "website").status.value
        return told or computed == "cleared" or self._ref in stored


@contextmanager
def _without_a_pause(ask: Asked) -> Iterator[list[tuple[bool, bool]]]:
    """Another thread asks all the time: (whether the page had answered before, cleared)."""
    said: list[tuple[bool, bool]] = []
    stop, answered = threading.Event(), threading.Event()

    def run() -> None:
        while not stop.is_set():
            after = answered.is_set()
            said.append((after, ask()))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield said
        answered.set()
        mark = len(said)
        while len(said) < mark + 3 and thread.is_alive():
            time.sleep(0.005)
    finally:
        stop.set()
        thread.join()


def _field(double: Double, ref: str) -> str:
    """What the server's own date field says for the website."""
    library = double.library
    name = fields.build_short_name("website")
    number = next(key for key, field in library.fields.items() if field["name"] == name)
    return str(library.photos[int(ref)].texts.get(number, ""))


def _photo(services: Services, double: Double, number: int) -> tuple[str, int]:
    """A portrait uploaded to the server's collection, found and tagged; its ref, and its number in the ledger."""
    image = support.put(services.config.path("{data}"), f"{number}.jpg", samples.A_STANDING, (420 + number, 560))
    ref = double.photo(services.config.path("{data}").joinpath(image).read_bytes())
    next(one for one in double.library.shelves.values() if one.name == "shoot").resources.append(ref)
    calendar.poll_dam(services)
    calendar.begin_comparison(services)
    support.Cast(services).work()
    with services.store.read() as conn:
        return str(ref), conn.scalar(select(t.resource.c.id).where(t.resource.c.ref == str(ref))) or -1


@pytest.mark.promise
def test_what_is_stopped_on_the_page_is_cleared_no_more(
    services: Services, cast: support.Cast, double: Double, full: bool, promise: Promise
) -> None:
    """However it is stopped there: from the answer of the page on nothing says "cleared", not over HTTP, not
    from the store, not computed; and the date in the DAM's own field is gone when the job has run. While no
    job runs it stays, but never further ahead than the horizon."""
    shelf = double.library.collect("shoot", 2)
    cast.open_collection(str(shelf.ref))
    app, after, slowest, ahead = app_of(services), [], 0.0, timedelta(0)
    stale = []
    for round_ in range(5 if full else 1):
        for number, (way, act) in enumerate(WAYS.items()):
            who = cast.add(f"Åsa {round_} {number}")
            grants = cast.sign(who, channels=("website",))
            cast.enrol(who, samples.A_FRONT)
            ref, photo = _photo(services, double, round_ * len(WAYS) + number)
            ask = Asked(services, app, ref)
            assert ask(), way
            until = date.fromisoformat(_field(double, ref)[:10])
            path, form = act(grants, photo)
            browser = on(services, link_of(services, who).token, app)
            with _without_a_pause(ask) as said:
                answer = send(browser, f"{PAGE}{path}", **form)
                began = time.monotonic()
                assert answer.status_code == 200, way
                after.append(ask())
            after += [yes for answered, yes in said if answered]
            if _field(double, ref):
                ahead = max(ahead, until - services.today())
            cast.work()
            slowest = max(slowest, time.monotonic() - began)
            stale += [way] if _field(double, ref) else []
            after.append(ask())
            if way != "forgotten at once":
                withdrawal.withdraw(services, who, None, "test")
            cast.work()
    promise(
        "R1",
        f'"cleared" after the page answered {sum(after)} of {len(after)} ({len(WAYS)} ways on the page, asked over '
        f"HTTP, stored and computed); stale field: up {slowest:.1f} s, down <= {ahead.days} days "
        f"(horizon {services.config.clearance.horizon_days})",
    )
    assert sum(after) == 0
    assert stale == []
    assert ahead <= timedelta(days=services.config.clearance.horizon_days)
