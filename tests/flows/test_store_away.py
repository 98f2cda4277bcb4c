"""Pages and programs beside a program that keeps the store, and without a store: what is said, and what is so."""

import html
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.errors import StoreAway
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.self_service import own_page
from plugin.ledger import tables as t
from plugin.ledger.store import engine
from plugin.recognizer.process.examiner import Examiner
from plugin.words.catalogues import LANGUAGES, Words
from sidecar.words import sign_words
from tests import staff, support, visiting
from tests.program import Api

ROOT = Path(__file__).parents[2]


@contextmanager
def held(url: str) -> Iterator[None]:
    """Another process holds the writer's turn."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.lock_holder", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        child.communicate(b"\n", timeout=30)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer waits for a second."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 1)


@pytest.fixture
def services(hasty: None, tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(cast: support.Cast) -> str:
    """Åsa, who agreed to something."""
    person = cast.add("Åsa", email="asa@example.org")
    cast.sign(person, recognition=False)
    return person


def in_force(services: Services, person: str) -> int:
    with services.store.read() as conn:
        mine = (t.grant.c.person_id == person) & t.grant.c.ended_at.is_(None)
        return conn.scalar(select(func.count()).where(mine)) or 0


def says(answer: Any, what: str, language: str) -> bool:
    """A page of 503 that says this in that language, and when to come again."""
    w = sign_words.Words(language)
    page = html.unescape(answer.text)
    return (
        answer.status_code == 503
        and int(answer.headers["Retry-After"]) > 0
        and w(what) in page
        and w(f"{what}_title") in page
        and f'lang="{language}"' in page
    )


def test_pages_that_are_read_do_not_wait_for_a_writer(services: Services, asa: str, clock: ManualClock) -> None:
    """A person's page, the staff's, what a program asks and the front: that they were used is noted later."""
    browser = visiting.visit(services, asa)
    assert browser.get("/s/me").status_code == 200
    office = staff.signed_in(staff.app(services), clock, "officer")
    program = Api(services, browser)
    clock.advance(timedelta(minutes=5))
    with held(services.store.url):
        for path in ("/s/me", "/s/me/stop/all", "/s/me?lang=nl", "/s/me/photos", "/"):
            assert browser.get(path).status_code == 200, path
        assert office.get("/console/").status_code == 200
        assert program.ask("GET", "/people").status_code == 200


def test_a_withdrawal_that_waits_in_vain_says_that_nothing_was_changed(services: Services, asa: str) -> None:
    """In both languages, with a 503; the same button does it once the store is free."""
    browser = visiting.visit(services, asa)
    shown = browser.get("/s/me/stop/all").text
    form = {"csrf_token": visiting.token(shown), "how": "withdraw"}
    before = in_force(services, asa)
    for language in LANGUAGES:
        browser.get(f"/s/me?lang={language}")
        with held(services.store.url):
            assert says(browser.post("/s/me/stop/all", data=form), "away", language)
        assert in_force(services, asa) == before > 0
    assert browser.post("/s/me/stop/all", data=form).status_code == 303
    assert in_force(services, asa) == 0


def test_what_was_done_is_not_called_undone(services: Services, asa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is taken right after a withdrawal: the answer is the usual one. Lost on the way: look, it says."""
    browser, stop = visiting.visit(services, asa), own_page.end_uses
    form = {"csrf_token": visiting.token(browser.get("/s/me/stop/all").text), "how": "withdraw"}
    with ExitStack() as later:

        def stop_and_lose(*given: Any) -> int:
            ended = stop(*given)
            later.enter_context(held(services.store.url))
            return ended

        monkeypatch.setattr(own_page, "end_uses", stop_and_lose)
        assert browser.post("/s/me/stop/all", data=form).status_code == 303
        assert in_force(services, asa) == 0

    def lose(*_: Any) -> int:
        raise StoreAway("the store does not answer", unsure=True)

    monkeypatch.setattr(own_page, "end_uses", lose)
    assert says(browser.post("/s/me/stop/all", data=form), "unsure", "en")


def test_a_visit_begins_and_ends_or_says_that_it_did_not(services: Services, asa: str) -> None:
    """A link that cannot be opened now opens later; a visit that cannot be ended now is told to be open."""
    link = visiting.link_of(services, asa).token
    browser = visiting.fresh(visiting.app_of(services))
    with held(services.store.url):
        assert says(browser.get(f"/s/{link}"), "away", "en")
    assert browser.get(f"/s/{link}").status_code == 303
    form = {"csrf_token": visiting.token(browser.get("/s/me").text)}
    with held(services.store.url):
        assert says(browser.post("/s/me/leave", data=form), "away", "en")
    assert browser.get("/s/me").status_code == 200
    assert browser.post("/s/me/leave", data=form).status_code == 200
    assert browser.get("/s/me").status_code != 200


def test_programs_and_the_staff_are_told_to_come_again(services: Services, asa: str, clock: ManualClock) -> None:
    """A problem of 503 and a page of it, both with Retry-After; nothing is withdrawn."""
    app = staff.app(services)
    program = Api(services, app.test_client())
    before = in_force(services, asa)
    for language in LANGUAGES:
        office = staff.signed_in(app, clock, "officer", language)
        where, sure = f"/console/people/{asa}/withdraw", {"asked_by": "person", "sure": "yes", "all": "yes"}
        sure |= {"csrf_token": visiting.token(office.get(f"/console/people/{asa}").text)}
        with held(services.store.url):
            told = office.post(where, data=sure)
            answer = program.ask("POST", f"/people/{asa}/withdrawal", {"grants": "all"})
        w = Words("console", language)
        assert (told.status_code, int(told.headers["Retry-After"]) > 0) == (503, True)
        assert w["wrong_away"] in html.unescape(told.text)
        assert w["wrong_away_text"] in html.unescape(told.text)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert answer.content_type == "application/problem+json"
        assert in_force(services, asa) == before > 0


def test_a_program_whose_request_took_effect_is_told_so(
    services: Services, asa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its answer could not be kept under the key; with the key again it is told to look."""
    program, stop = Api(services, visiting.app_of(services).test_client()), withdrawal.stop
    ask = partial(program.ask, "POST", f"/people/{asa}/withdrawal", {"grants": "all"}, headers={"Idempotency-Key": "k"})
    with ExitStack() as later:

        def stop_and_lose(*given: Any) -> int:
            ended = stop(*given)
            later.enter_context(held(services.store.url))
            return ended

        monkeypatch.setattr(withdrawal, "stop", stop_and_lose)
        assert (ask().status_code, in_force(services, asa)) == (200, 0)
    again = ask()
    assert again.status_code == 409
    assert "look whether it took effect" in again.text


@pytest.mark.embedded
def test_a_store_that_is_gone_is_a_page(services: Services, asa: str) -> None:
    """Whose visit it is cannot be asked: it is said in words, the cookie stays, and the page is back with the store."""
    browser = visiting.visit(services, asa)
    assert browser.get("/s/me").status_code == 200
    file = Path(services.store.url.removeprefix("sqlite:///"))
    services.store.checkpoint()
    services.store.close()
    file.rename(file.with_suffix(".away"))
    assert says(browser.get("/s/me"), "away", "en")
    assert browser.get("/").status_code == 503
    file.with_suffix(".away").rename(file)
    assert browser.get("/s/me").status_code == 200
