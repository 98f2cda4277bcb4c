"""A guardian with three children signs once a child and types nothing twice; nobody else comes to a child's form."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.people import register
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.signers import Desk, Visit

BORN = date(2014, 5, 1)
GRETA = "Greta Sample"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(support.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


def next_children(visit: Visit) -> dict[str, str]:
    """The buttons of the last page: link by name."""
    page = visit.client.get("/s/done").text
    return {name: link for link, name in re.findall(r'name="link" value="(\w+)">Sign for ([^<]+)<', page)}


def go_on(visit: Visit, link: str = "") -> int:
    page = visit.client.get("/s/done").text
    fields = {"csrf_token": visit.hidden(page)["csrf_token"], "link": link}
    return visit.client.post("/s/another", data=fields).status_code


def child(services: Services, cast: support.Cast, name: str, email: str) -> tuple[str, str]:
    """A child and the id of their guardian."""
    person = cast.add(name, birth_date=BORN)
    return person, register.add_guardian(services, person, GRETA, "dam:ann", email)


def test_three_letters_in_one_mailbox(services: Services, desk: Desk, cast: support.Cast) -> None:
    """Signed for one, the others of the same mailbox are offered, in any spelling; another mailbox's never."""
    clara, greta = child(services, cast, "Clara", "greta@example.org")
    others = [child(services, cast, name, "Greta@Example.org") for name in ("Dirk", "Elsa")]
    stranger = child(services, cast, "Someone", "other@example.org")
    for person, guardian in (*others, stranger):
        desk.letter(person, guardian)
    visit = desk.letter(clara, greta)
    assert visit.sign("press", signer="", of_age="").status_code == 303
    for left in ({"Dirk", "Elsa"}, {"Elsa"}):
        offered = next_children(visit)
        assert set(offered) == left
        assert go_on(visit, offered[min(left)]) == 303
        page = visit.page()
        assert GRETA in page
        assert "checked" not in page
        assert visit.sign("press", signer="", of_age="").status_code == 303
    assert next_children(visit) == {}
    assert desk.kept()["quitclaim"] == 3


def test_a_link_that_is_not_offered_opens_nothing(services: Services, desk: Desk, cast: support.Cast) -> None:
    """The number of another family's invitation begins no visit; nor does anything after a handed-over link."""
    clara, greta = child(services, cast, "Clara", "greta@example.org")
    stranger = child(services, cast, "Someone", "other@example.org")
    visit, theirs = desk.letter(clara, greta), desk.letter(*stranger)
    assert visit.sign("press", signer="", of_age="").status_code == 303
    with theirs.client.session_transaction("/s/") as session:
        link = session["link"]
    assert go_on(visit, link) == 404
    handed = desk.visit(cast.add("Finn", birth_date=BORN))
    assert handed.sign("press", signer=GRETA, of_age="").status_code == 303
    assert next_children(handed) == {}
    assert go_on(handed) == 404


def test_at_a_shoot_the_guardian_goes_on(services: Services, desk: Desk) -> None:
    """Name and address stand in the next form, the child's do not, and nothing is ticked; who scans anew finds none."""
    modes.decide(services, support.SHOOT, modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("day in May")), "test")
    code = desk.invite(collection_ref=support.SHOOT)
    visit = Visit(desk.app, code)
    said = {"name": "Clara Sample", "birth_date": BORN.isoformat(), "signer": GRETA, "email": "greta@example.org"}
    assert visit.sign("press", **said).status_code == 303
    assert go_on(visit) == 303
    page = visit.page()
    assert f'value="{GRETA}"' in page
    assert 'value="greta@example.org"' in page
    assert "Clara" not in page
    assert "checked" not in page
    visit.client.get(f"/s/{code}")
    assert GRETA not in visit.page()
