"""The list of people: filters, orders, pages, and the file that a spreadsheet opens."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.flows.access import links
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.people import register
from plugin.flows.signing import sign_form
from plugin.flows.views.people import people_page
from plugin.flows.views.people.people_filters import PeopleFilter
from plugin.flows.views.people.people_page import PeopleOrder, PeopleQuery
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import signers, staff, support


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def people(services: Services, cast: support.Cast, clock: ManualClock) -> dict[str, str]:
    """Åsa (valid), Bo (withdrawn), Clara (a minor), Dag (ends soon), Eva (never asked), Fay (asked), Gus (refused)."""
    desk = signers.Desk(services)
    ids = {name: cast.add(name) for name in ("Åsa", "Bo", "Dag", "Eva", "Fay", "Gus")}
    ids["Clara"] = cast.add("Clara", birth_date=date(2015, 5, 5), guardians=("Carl",))
    (carl,) = (str(one["id"]) for one in _guardians(services, ids["Clara"]))
    cast.sign(ids["Åsa"], channels=("website", "press"))
    cast.enrol(ids["Åsa"])
    cast.sign(ids["Bo"])
    withdrawal.withdraw(services, ids["Bo"], None, "test")
    cast.sign(ids["Clara"], guardians=(carl,), recognition=False)
    cast.sign(ids["Dag"], lasts=timedelta(days=30))
    desk.invite(ids["Fay"])
    sign_form.decline(services, links.find_open(services, desk.invite(ids["Gus"])).id)
    return ids


def _guardians(services: Services, person_id: str) -> list[dict[str, str]]:
    with services.store.read() as conn:
        return list(register.guardians_of(services, conn, person_id))


def shown(browser: FlaskClient, **query: str) -> list[str]:
    """The names of a page, in its order."""
    page = browser.get("/console/people", query_string=query).text
    return [unescape(one) for one in re.findall(r'people/\w{32}">([^<]+)</a>', page)]


SELECTED = {
    "ending": ["Dag"],
    "minors": ["Clara"],
    "asked": ["Fay"],
    "refused": ["Gus"],
    "withdrawn": ["Bo"],
    "never_asked": ["Eva"],
    "no_recognition": ["Bo", "Clara", "Eva", "Fay", "Gus"],
    "not_vouched": [],
}


def test_each_filter_selects_its_people(
    services: Services, cast: support.Cast, editor: FlaskClient, people: dict[str, str]
) -> None:
    """And a part of the name narrows it further; an unknown filter shows everybody."""
    assert {one: shown(editor, filter=one) for one in PeopleFilter} == SELECTED
    assert shown(editor, filter="no_recognition", q="a") == ["Clara", "Eva", "Fay"]
    assert len(shown(editor, filter="nonsense")) == len(people)
    with services.store.write() as tx:
        tx.execute(update(t.reference_set).values(vouched_at=None))
    assert shown(editor, filter="not_vouched") == ["Åsa"]
    cast.sign(people["Bo"])
    cast.sign(people["Gus"])
    assert shown(editor, filter="withdrawn") == shown(editor, filter="refused") == []


def test_each_row_says_what_is_in_force(editor: FlaskClient, people: dict[str, str]) -> None:
    """Recognition and channels with their last day; a child is marked."""
    page = editor.get("/console/people").text
    rows = {unescape(row[1]): row[0] for row in re.findall(r'(people/\w{32}">([^<]+)</a>.*?</tr>)', page, re.DOTALL)}
    assert "press, website" in rows["Åsa"].lower()
    assert rows["Åsa"].count("until ") == 2
    assert "until " not in rows["Bo"]
    assert "minor" in rows["Clara"]
    assert "7 people" in page


@pytest.mark.parametrize("order", list(PeopleOrder))
def test_every_page_of_every_order(
    services: Services, cast: support.Cast, clock: ManualClock, people: dict[str, str], order: PeopleOrder
) -> None:
    """Each person once, in order, whatever the size of the page; people of one moment too."""
    for number in range(5):
        cast.add(f"Sample {number}")
    clock.advance(timedelta(minutes=1))
    cast.add("Later")
    for size in (1, 3, 50):
        found: list[str] = []
        asked: PeopleQuery | None = PeopleQuery(order=order)
        while asked is not None:
            page = people_page.load_page(services, asked, size, None)
            found += [one.person.display_name for one in page.rows]
            assert page.total == len(people) + 6
            asked = PeopleQuery(order=order, after=page.next) if page.next else None
        assert len(found) == len(set(found)) == len(people) + 6
        first = {PeopleOrder.NAME: "Bo", PeopleOrder.END: "Dag", PeopleOrder.NEWEST: "Later"}
        assert found[0] == first[order]


@pytest.mark.parametrize(
    "after", ["x", "|", "2026-01-01|", "9999-99-99T00|z", "|" * 900, "0001-01-01T00:00:00+14:00|a"]
)
def test_no_cursor_breaks_the_page(editor: FlaskClient, people: dict[str, str], after: str) -> None:
    """What somebody typed into the address is no error of ours."""
    for order in PeopleOrder:
        assert editor.get("/console/people", query_string={"order": order, "after": after}).status_code == 200


def test_the_file_runs_nothing_and_is_in_the_log(services: Services, cast: support.Cast, editor: FlaskClient) -> None:
    """Cells that begin with = + - @ are text; the log has the number of names, and no name."""
    names = ["=1+1", "+31 6 Anna", "-cmd|' /C calc'!A0", "@SUM(1)", 'a,=1 "b"']
    for name in names:
        cast.add(name)
    answer = staff.post(editor, "/console/people/export?order=name&filter=never_asked")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(rows) == 1 + len(names)
    assert not [cell for row in rows for cell in row if re.match(r"\s*[=+\-@]", cell)]
    with services.store.read() as conn:
        row = conn.execute(select(t.audit).order_by(t.audit.c.seq.desc()).limit(1)).one()
    assert (row.action, row.actor) == ("person:names:export", "dam:editor")
    assert row.details == '{"filter":"never_asked","rows":5}'
    assert staff.post(editor, "/console/people/export?q=Anna").data.count(b"\r\n") == 2


def test_the_file_goes_over_all_pages(services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are, in the order of the list."""
    monkeypatch.setattr(people_page, "AT_ONCE", 4)
    for number in range(11):
        cast.add(f"Sample {number:02}")
    found = people_page.export(services, PeopleQuery("sample"), None, "test")
    assert [one.person.display_name for one in found] == [f"Sample {number:02}" for number in range(11)]
