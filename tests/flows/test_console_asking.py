"""The staff's pages for asking people, for what they ask for, and for what is cleared."""

import os
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.rights import erasure, erasure_requests
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from tests import signers, staff, support
from tests.crowd import A, Crowd


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console and a mail server's name."""
    mail = {"host": "localhost", "sender": "photos@example.org", "security": "none"}
    with support.opened(staff.configuration(tmp_path, mail=mail), clock, examiner) as open_:
        yield open_


def sample(**changes: str) -> str:
    """The sample form's file, for the channels of the tests' house."""
    text = re.sub(r"channels = \[[^\]]*\]", 'channels = ["website", "press"]', form_store.read_sample(), count=1)
    text = re.sub(r'\[\[uses\]\]\npurpose = "commercial".*?\n\n', "", text, flags=re.DOTALL)
    for key, value in changes.items():
        text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", text, count=1)
    return text


class TestForms:
    """What people are asked is composed, kept by version, and retired."""

    def test_kept_from_a_file_or_from_the_page(self, services: Services, administrator: FlaskClient) -> None:
        """A file and what is typed make versions of one name; each is shown as who is asked sees it."""
        file = (BytesIO(sample().encode()), "form.toml")
        assert staff.post(administrator, "/console/forms", file=file).status_code == 303
        assert staff.post(administrator, "/console/forms", text=sample(officer='"dpo@example.org"')).status_code == 303
        assert [(one.form.version, one.retired_at is None) for one in form_store.list_versions(services)] == [
            (2, True),
            (1, False),
        ]
        newest = form_store.find_in_use(services)
        page = administrator.get(f"/console/forms/{newest.id}").text
        assert "dpo@example.org" in page
        assert "Er is vooraf niets aangevinkt" in page
        assert newest.sha256 in page

    def test_all_that_is_missing_is_said_and_nothing_typed_is_lost(
        self, services: Services, administrator: FlaskClient
    ) -> None:
        """Each fault on a line of its own, with the text still there to be mended."""
        wrong = sample(officer='""').replace('"website", "press"', '"website", "billboards"')
        answer = staff.post(administrator, "/console/forms", text=wrong)
        assert answer.status_code == 422
        assert "officer: " in answer.text
        assert "billboards" in answer.text.split("<textarea")[1]
        assert form_store.list_versions(services) == []

    @pytest.mark.parametrize("text", ["", "{", "[1", '{"a": ' * 2000, "[[[", "\x01", "a = 1\n" * 50_000])
    def test_what_is_no_form_is_refused(self, administrator: FlaskClient, text: str) -> None:
        """Whatever is uploaded, the answer says that it is none."""
        assert staff.post(administrator, "/console/forms", text=text).status_code in (409, 413, 422)
        body = (BytesIO(text.encode() + b"\xff"), "x")
        assert staff.post(administrator, "/console/forms", file=body).status_code in (409, 413, 422)

    def test_retired(self, services: Services, administrator: FlaskClient) -> None:
        """No invitation asks for it after."""
        form = form_store.add(services, signers.tree(), "test")
        assert staff.post(administrator, f"/console/forms/{form.id}/retire", sure="yes").status_code == 303
        assert "retired on" in administrator.get("/console/forms").text
        assert staff.post(administrator, f"/console/forms/{form.id}/retire").status_code == 303
        assert "It was so already: nothing is changed." in administrator.get("/console/forms").text


class TestInviting:
    """Somebody is entered and asked to sign."""

    @pytest.fixture(autouse=True)
    def form(self, services: Services) -> None:
        form_store.add(services, signers.tree(), "test")

    def enter(self, editor: FlaskClient, **fields: str) -> str:
        """Enter a person on the page; the path of theirs."""
        answer = staff.post(editor, "/console/people/new", **fields)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])

    def test_entered_and_invited_by_link(self, services: Services, app: Flask, editor: FlaskClient) -> None:
        """The link is shown once, as text and as a code, opens the form, and is not in the store."""
        path = self.enter(editor, name="Eva", language="nl")
        answer = staff.post(editor, f"{path}/invite", how="link")
        (address,) = re.findall(r'value="(http://localhost/s/[\w-]+)"', answer.text)
        assert 'class="qr"' in answer.text
        form = signers.Visit(app, address.rsplit("/", 1)[1]).page()
        assert '<html lang="nl"' in form
        assert "Mogen wij" in form
        assert address not in editor.get(path).text
        assert "Invited on 2 March 2026" in editor.get(path).text

    def test_invited_by_mail(self, services: Services, editor: FlaskClient) -> None:
        """Only where an address is known, and then a letter waits to be sent."""
        without = self.enter(editor, name="Bo")
        assert "Send by e-mail" not in editor.get(without).text
        assert staff.post(editor, f"{without}/invite", how="mail").status_code == 409
        path = self.enter(editor, name="Eva", email="eva@example.org")
        assert "Send by e-mail" in editor.get(path).text
        assert staff.post(editor, f"{path}/invite", how="mail").status_code == 303
        with services.store.read() as conn:
            assert list(conn.scalars(select(t.mail.c.kind))) == ["invite"]

    def test_a_name_that_is_taken(self, services: Services, editor: FlaskClient) -> None:
        """Refused, with what to do; a minor comes with guardians."""
        self.enter(editor, name="Eva")
        refused = staff.post(editor, "/console/people/new", name="eva")
        assert refused.status_code == 409
        assert "somebody else" in refused.text
        clara = self.enter(editor, name="Clara", birth="2016-05-04", guardians="Sample guardian\n")
        page = editor.get(clara).text
        assert "Sample guardian" in page
        assert "4 May 2016" in page
        assert staff.post(editor, "/console/people/new", name="Dag", birth="yesterday").status_code == 409

    def test_the_code_of_a_shoot(self, services: Services, administrator: FlaskClient) -> None:
        """Where the basis is a shoot, one code is made for everybody."""
        refused = staff.post(administrator, "/console/collections/one/invite", ref="shoot")
        assert refused.status_code == 409
        ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("day in May"))
        modes.decide(services, "shoot", ruling, "test")
        assert "Make the code" in administrator.get("/console/collections/one?ref=shoot").text
        shown = staff.post(administrator, "/console/collections/one/invite", ref="shoot")
        assert 'class="qr"' in shown.text


class TestRequests:
    """Who asks to be forgotten waits for the officer."""

    @pytest.fixture
    def asked(self, services: Services, cast: support.Cast) -> str:
        """Åsa's request."""
        person = cast.add("Åsa")
        cast.sign(person)
        with services.store.write() as tx:
            return erasure_requests.request_in(
                services, tx, person, "person", erasure_requests.read_filed(services, person)
            ).id

    def test_on_the_list_with_its_term(self, officer: FlaskClient, editor: FlaskClient, asked: str) -> None:
        """On the officer's first page and list; an editor is not told."""
        for path in ("/console/", "/console/requests"):
            page = officer.get(path).text
            assert "Åsa" in page
            assert "decide by 1 April 2026" in page
        assert "Åsa" not in editor.get("/console/").text

    def test_carried_out(self, services: Services, cast: support.Cast, officer: FlaskClient, asked: str) -> None:
        """Not by one slip of the hand; then nothing of the person is left."""
        where = f"/console/requests/{asked}/grant"
        assert staff.post(officer, where).status_code == 409
        begun = staff.post(officer, where, sure="yes")
        assert begun.status_code == 303
        assert "NOT FINISHED" in officer.get(begun.location).text
        cast.work()
        number = begun.location.rsplit("/", 1)[1]
        found = officer.get(f"/console/requests/certificate?number={number.lower()}", follow_redirects=True).text
        assert "Looked at" in found
        assert "NOT FINISHED" not in found
        assert officer.get("/console/requests/certificate/2026-9999-XX").status_code == 404
        with services.store.read() as conn:
            assert conn.execute(select(t.person)).all() == []
        assert staff.post(officer, where, sure="yes").status_code == 404

    def test_certificates_are_the_officers_and_lie_open_to_nobody(
        self, services: Services, cast: support.Cast, app: Flask, clock: ManualClock
    ) -> None:
        """Whatever the umask; a number that is none is a page that is not there."""
        officer, editor, auditor = (staff.signed_in(app, clock, role) for role in ("officer", "editor", "auditor"))
        before = os.umask(0)
        try:
            made = erasure.erase(services, cast.add("Ann Sample"), "test")
        finally:
            os.umask(before)
        folder = services.config.path("{data}/certificates")
        assert [path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())] == [0, 0, 0]
        where = f"/console/requests/certificate/{made.number}"
        assert [client.get(where).status_code for client in (officer, editor, auditor)] == [200, 403, 403]
        for number in ("", "../../keys/master", "%2e%2e", "2026-0001", made.number + ".json"):
            answer = officer.get(
                "/console/requests/certificate", query_string={"number": number}, follow_redirects=True
            )
            assert answer.status_code == 404, number

    def test_refused_for_a_reason(self, services: Services, officer: FlaskClient, asked: str) -> None:
        """Without one it is not; with one it leaves the list and the person stays."""
        where = f"/console/requests/{asked}/refuse"
        assert staff.post(officer, where, reason=" ").status_code == 409
        assert staff.post(officer, where, reason="a contract runs").status_code == 303
        assert "Nothing waits here." in officer.get("/console/requests").text
        with services.store.read() as conn:
            assert conn.scalar(select(t.request.c.outcome)) == "refused"


def test_everything_cleared_until_a_day(
    services: Services, cast: support.Cast, photos: Path, examiner: Examiner, editor: FlaskClient
) -> None:
    """Counted and listed through the last day of the grants, and not a day longer; other channels apart."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    Crowd(examiner).put(photos, "shoot/one.jpg", Crowd(examiner).row([A[0]]))
    calendar.poll_dam(services)
    cast.work()

    def ask(**query: str) -> str:
        return editor.get("/console/clearance", query_string=query).text

    assert "Cleared photographs: 1" in ask(channel="website")
    assert "shoot/one.jpg" in ask(channel="website", until="2027-03-01")
    assert "Cleared photographs: 0" in ask(channel="website", until="2027-03-02")
    assert "Cleared photographs: 0" in ask(channel="press")
    for wrong in ({"channel": "moon"}, {"until": "2020-01-01"}, {"after": "x"}):
        assert editor.get("/console/clearance", query_string=wrong).status_code in (409, 422)
