"""The staff's page of invitations: what became of each; many from a list; the poster of a shoot."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from openpyxl import Workbook
from sqlalchemy import func, select, update

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.sign import keep_links
from tests import staff, support
from tests.signers import Desk, Visit

PUBLIC = "https://photos.example.org"
STATES = ("pending", "opened", "signed", "refused", "bounced", "withdrawn", "expired")


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console and a mail server's name."""
    mail = {"host": "localhost", "sender": "photos@example.org", "security": "none"}
    config = staff.configuration(tmp_path, mail=mail)
    with support.opened(config, clock, examiner) as open_:
        yield open_


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


def states(client: FlaskClient) -> dict[str, list[str]]:
    """The names under each state."""
    return {
        one: re.findall(
            r'<th scope="row"><a [^>]*>([^<]*)</a></th>', client.get(f"/console/invitations?answer={one}").text
        )
        for one in STATES
    }


def count_mails(services: Services, kind: str) -> int:
    with services.store.read() as conn:
        return int(conn.scalar(select(func.count()).select_from(t.mail).where(t.mail.c.kind == kind)) or 0)


def send_list(client: FlaskClient, body: bytes, name: str = "people.csv") -> str:
    return str(staff.post(client, "/console/invitations/list", file=(BytesIO(body), name)).text)


def confirm(client: FlaskClient, page: str) -> str:
    """Press the button under the rows that were shown."""
    rows = {
        name: [
            found.replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
            for found in re.findall(rf'name="{name}" value="([^"]*)"', page)
        ]
        for name in ("name", "email", "language")
    }
    return str(staff.post(client, "/console/invitations/list", send="yes", **rows).text)


def test_each_state_is_told_apart(
    services: Services, desk: Desk, cast: support.Cast, administrator: FlaskClient
) -> None:
    """Waiting, opened, signed, refused, not delivered, withdrawn, expired: each invitation stands in one."""
    names = dict(zip(STATES, ("Ada", "Bo", "Clara", "Dag", "Eva", "Finn", "Gun"), strict=True))
    desk.invite(cast.add(names["expired"]))
    with services.store.write() as tx:
        tx.execute(update(t.invitation).values(expires_at=tx.now - timedelta(days=1)))
    desk.invite(cast.add(names["pending"]))
    desk.visit(cast.add(names["opened"]))
    assert desk.visit(cast.add(names["signed"])).sign("press").status_code == 303
    visit = desk.visit(cast.add(names["refused"]))
    assert visit.client.post("/s/no", data=visit.hidden()).status_code == 200
    eva = cast.add(names["bounced"], email="eva@example.org")
    desk.invite(eva, by_mail=True)
    with services.store.write() as tx:
        tx.execute(update(t.mail).values(state="failed"))
    finn = cast.add(names["withdrawn"])
    desk.invite(finn)
    with services.store.read() as conn:
        link = conn.scalar(select(t.invitation.c.id).where(t.invitation.c.person_id == finn))
    assert staff.post(administrator, f"/console/invitations/{link}/withdraw").status_code == 303
    assert states(administrator) == {state: [name] for state, name in names.items()}
    assert "Finn" in administrator.get("/console/invitations").text


def test_a_reminder_takes_the_link_s_place(
    services: Services, desk: Desk, cast: support.Cast, administrator: FlaskClient
) -> None:
    """It goes out with a fresh link, once a link; the old one opens nothing; a page or key is no invitation."""
    old = desk.invite(cast.add("Åsa", email="asa@example.org"), by_mail=True)
    page = administrator.get("/console/invitations").text
    path = re.findall(r'action="(/console/invitations/[^"]+/remind)"', page)
    assert len(path) == 1
    assert staff.post(administrator, path[0]).status_code == 303
    assert count_mails(services, "reminder") == 1
    assert Visit(desk.app, old).client.get("/s/form").status_code in (404, 410)
    assert staff.post(administrator, path[0]).status_code == 409
    assert count_mails(services, "reminder") == 1


def test_many_from_a_list_are_shown_then_sent_and_never_twice(
    services: Services, desk: Desk, cast: support.Cast, administrator: FlaskClient
) -> None:
    """Nothing is entered or sent before it was seen; who is known is written to at the address that is known."""
    cast.add("Known", email="known@example.org")
    cast.add("No address")
    rows = ("name;email;language", "New One;new@example.org;nl", "Known;other@example.org;en", "No address;;")
    body = "\n".join((*rows, "New One;x@example.org;", ";y@example.org;", "Bad;not an address;"))
    before = desk.kept()
    page = send_list(administrator, body.encode())
    assert desk.kept() == before
    assert "2 of 6 rows would be invited" in page
    done = confirm(administrator, page)
    assert "2 of 6 rows were invited" in done
    assert count_mails(services, "invite") == 2
    with services.store.read() as conn:
        held = dict(conn.execute(select(t.person.c.display_name, t.person.c.language)).tuples().all())
    assert held["New One"] == "nl"
    assert "0 of 6 rows would be invited" in send_list(administrator, body.encode())
    assert "0 of 6 rows were invited" in confirm(administrator, page)
    assert count_mails(services, "invite") == 2


@pytest.mark.parametrize("cell", ["=HYPERLINK(A1)", "@SUM(A1)", "+1+cmd|'/c calc'!A0", "-1+2"])
def test_a_formula_is_no_name(services: Services, desk: Desk, administrator: FlaskClient, cell: str) -> None:
    """A cell that a spreadsheet would run makes nobody, whatever the file."""
    answer = send_list(administrator, f'name;email\n"{cell}";x@example.org\n'.encode())
    assert "rows would be invited" not in answer or "0 of 1" in answer
    book, out = Workbook(), BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(["name", "email"])
    sheet.append(["=1+1", "x@example.org"])
    book.save(out)
    assert "rows would be invited" not in send_list(administrator, out.getvalue(), "people.xlsx")
    assert desk.kept()["person"] == 0


def test_hostile_names_are_text(services: Services, desk: Desk, administrator: FlaskClient) -> None:
    """A name with markup is shown as it is written, in the list, after it, and on the page of invitations."""
    body = 'name;email\n"<img src=x onerror=alert(1)>";x@example.org\n'
    page = send_list(administrator, body.encode())
    assert "<img" not in page
    confirm(administrator, page)
    assert "<img" not in administrator.get("/console/invitations").text


def test_the_poster_of_a_shoot(services: Services, desk: Desk, administrator: FlaskClient) -> None:
    """It is in English and Dutch, names the organisation, and its code is that of the link."""
    modes.decide(services, "shoot", modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("day in May")), "test")
    page = staff.post(administrator, "/console/collections/one/invite", ref="shoot").text
    assert "Photographs are taken here" in page
    assert "Hier worden foto&#39;s gemaakt" in page
    found = re.search(r"/s/([\w-]{43})", page)
    assert found is not None
    assert Visit(desk.app, found[1]).client.get("/s/form").status_code == 200


def test_the_last_day_as_a_calendar_entry(desk: Desk, cast: support.Cast) -> None:
    """It holds the key and the last day, and names nobody; before a signature there is none."""
    visit = desk.visit(cast.add("Åsa Öberg"))
    assert visit.client.get("/s/key.ics").status_code == 404
    assert visit.sign("press", signer="Åsa Öberg").status_code == 303
    answer = visit.client.get("/s/key.ics")
    text = answer.get_data(as_text=True).replace("\r\n ", "")
    assert answer.mimetype == "text/calendar"
    assert visit.kept_link() in text
    assert "berg" not in text
    assert re.search(r"DTSTART;VALUE=DATE:\d{8}\r\n", text)


def test_hostile_words_in_a_calendar_entry() -> None:
    """What an organisation is called ends no line and begins no property; no line is longer than 75 octets."""
    name = "A;B,C\\D\r\nATTACH:https://bad.example\u2028" + "é" * 100
    made = keep_links.make_calendar("1", date(2027, 1, 2), name, name, PUBLIC, datetime(2026, 1, 1, tzinfo=UTC))
    lines = made.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert not [line for line in lines if line.startswith(b"ATTACH")]
    assert b"A\\;B\\,C\\\\D  ATTACH" in made.replace(b"\r\n ", b"")
    assert made.decode()
