"""The staff's pages, over HTTP: what each role sees and does there, on real photographs."""

import html
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

import sidecar
from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.mail import form_store
from plugin.flows.people import data_export, register
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from plugin.words.catalogues import Words
from tests import signers, staff, support
from tests.crowd import A, B, Crowd

REF = "shoot/one.jpg"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(cast: support.Cast) -> str:
    """Åsa, who agreed and enrolled."""
    person = cast.add("Åsa", email="asa@example.org")
    cast.sign(person)
    cast.enrol(person)
    return person


@pytest.fixture
def waiting(services: Services, cast: support.Cast, photos: Path, asa: str, examiner: Examiner) -> list[int]:
    """Two faces on a photograph: one for which Åsa is suggested, one of a stranger."""
    cast.open_collection(mode=Mode.SUGGEST)
    Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0], B]))
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        rows = conn.execute(select(t.face).order_by(t.face.c.left)).all()
    assert [row.state for row in rows] == ["suggested", "unmatched"]
    return [row.id for row in rows]


def states(services: Services) -> list[str]:
    with services.store.read() as conn:
        return list(conn.scalars(select(t.face.c.state).order_by(t.face.c.left)))


def actions(services: Services, actor: str) -> list[str]:
    """What the log says that somebody did, oldest first."""
    with services.store.read() as conn:
        query = select(t.audit.c.action).where(t.audit.c.actor == actor).order_by(t.audit.c.seq)
        return list(conn.scalars(query))


class TestReview:
    """An editor decides on faces in the browser."""

    def test_confirmed_from_the_page(
        self, services: Services, cast: support.Cast, editor: FlaskClient, waiting: list[int], asa: str
    ) -> None:
        """The list leads to the page that asks, one button answers, and the name stands in the file."""
        assert f"/console/review/people/{asa}" in editor.get("/console/review").text
        assert "Is this Åsa?" in editor.get(f"/console/review/people/{asa}").text
        answer = staff.decide(editor, "confirm_chosen", waiting[0], person=asa)
        assert answer.status_code == 303
        after = editor.get(answer.headers["Location"]).text
        assert "1 face confirmed: the name is written." in after
        assert "Nothing waits here." in after
        assert cast.names_on(REF) == {"Åsa"}
        assert "photo:face:confirm" in actions(services, "dam:editor")

    def test_a_proposal_that_changed_meanwhile_is_not_confirmed(
        self, services: Services, cast: support.Cast, editor: FlaskClient, waiting: list[int], asa: str
    ) -> None:
        """Between page and click it became another's: neither name is written, and the page says so."""
        other = cast.add("Bo Other")
        cast.sign(other)
        with services.store.write() as tx:
            tx.execute(t.face.update().where(t.face.c.id == waiting[0]).values(person_id=other))
        answer = staff.decide(editor, "confirm_chosen", waiting[0], person=asa)
        assert (answer.status_code, "left as it is" in answer.text) == (409, True)
        assert cast.names_on(REF) == set()

    def test_undone_from_the_page_after(
        self, services: Services, cast: support.Cast, editor: FlaskClient, waiting: list[int], asa: str
    ) -> None:
        """The page after a decision offers to take it back."""
        answer = staff.decide(editor, "confirm_chosen", waiting[0], person=asa)
        page = editor.get(answer.headers["Location"]).text
        assert re.search(r'action="/console/review/undo" id="undo">', page)
        assert staff.post(editor, "/console/review/undo").status_code == 303
        assert cast.names_on(REF) == set()
        assert staff.post(editor, "/console/review/undo").status_code == 409, "nothing is left to undo"

    def test_not_this_person(self, services: Services, editor: FlaskClient, waiting: list[int], asa: str) -> None:
        """Rejected, and off the list."""
        staff.decide(editor, "reject", waiting[0], person=asa)
        assert states(services) == ["rejected", "unmatched"]
        assert "Nothing waits here." in editor.get("/console/review").text

    def test_left_out_with_a_reason(self, services: Services, editor: FlaskClient, waiting: list[int]) -> None:
        """By a reason of the list, with a note; none, and any other, is refused and nothing changes."""
        for key in ("", "crowd", "No_person", "no_person ", "NO_PERSON", "None"):
            refused = staff.decide(editor, "dismiss", waiting[1], dismissal=key, reason="x")
            assert (refused.status_code, "Choose one of the reasons" in refused.text) == (409, True), key
        assert states(services) == ["suggested", "unmatched"]
        staff.decide(editor, "dismiss", waiting[1], dismissal="no_person", note=" a poster ")
        with services.store.read() as conn:
            stored = conn.scalar(select(t.face.c.reason).where(t.face.c.id == waiting[1]))
            assert services.texts(conn).read(stored, "face.reason") == "a poster"

    def test_named_by_typing(
        self, services: Services, cast: support.Cast, editor: FlaskClient, waiting: list[int]
    ) -> None:
        """A face without a name gets one of somebody who agreed; a name that nobody bears is refused."""
        eva = cast.add("Eva")
        assert staff.decide(editor, "name", waiting[1], who="Nobody").status_code == 404
        assert staff.decide(editor, "name", waiting[1], who="Eva").status_code == 409
        cast.sign(eva, recognition=False)
        assert staff.decide(editor, "name", waiting[1], who="eva").status_code == 303
        assert cast.names_on(REF) == {"Eva"}

    def test_the_pictures(self, editor: FlaskClient, waiting: list[int], photos: Path) -> None:
        """A photograph of at most 900 px and what is around the face, without metadata; none for one replaced."""
        for look, most in (("photo", 900), ("close", 320)):
            answer = editor.get(f"/console/review/{waiting[0]}/{look}.jpg")
            assert (answer.mimetype, answer.headers["Cache-Control"]) == ("image/jpeg", "no-store")
            assert max(support.size_of(answer.data)) <= most
            assert b"Exif" not in answer.data
        support.put(photos, REF, A[1])
        assert editor.get(f"/console/review/{waiting[0]}/photo.jpg").status_code == 404

    def test_more_than_a_page(
        self, services: Services, cast: support.Cast, editor: FlaskClient, photos: Path, examiner: Examiner
    ) -> None:
        """Every face is reached by going on, none twice."""
        cast.open_collection(mode=Mode.DETECT)
        for number in range(3):
            Crowd(examiner).put(photos, f"shoot/{number}.jpg", Crowd(examiner).row([A[0], B, A[1]]))
        calendar.poll_dam(services)
        cast.work()
        seen: list[str] = []
        path = "/console/review?list=unmatched"
        while path:
            page = editor.get(path).text
            seen += re.findall(r'id="face-(\d+)"', page)
            on = re.search(r'href="([^"]+)">Next page', page)
            path = on[1].replace("&amp;", "&") if on else ""
        assert len(seen) == len(set(seen)) == 9

    def test_the_officer_looks_and_decides_nothing(self, officer: FlaskClient, waiting: list[int], asa: str) -> None:
        """Everything to see, no button."""
        page = officer.get(f"/console/review/people/{asa}").text
        assert "Is this Åsa?" in page
        assert "Confirm" not in page
        assert "Yes, this is" not in officer.get(f"/console/review/{waiting[0]}").text
        assert staff.decide(officer, "confirm_chosen", waiting[0], person=asa).status_code == 403


class TestPeople:
    """Who agreed to what, and what the staff does in their name."""

    def test_found_by_a_part_of_the_name(self, cast: support.Cast, editor: FlaskClient) -> None:
        """In any case; percent signs are letters like others."""
        for name in ("Åsa Berg", "Bo Åsberg", "Clara 100% Dag"):
            cast.add(name)
        found = [
            re.findall(r'people/\w{32}">([^<]+)<', editor.get("/console/people", query_string={"q": q}).text)
            for q in ("ÅS", "berg", "100%", "%", "_", "")
        ]
        assert found[0] == found[1] == ["Bo Åsberg", "Åsa Berg"]
        assert found[2] == found[3] == ["Clara 100% Dag"]
        assert (found[4], len(found[5])) == ([], 3)

    def test_more_people_than_a_page(self, cast: support.Cast, editor: FlaskClient) -> None:
        """The next page goes on where this one ended."""
        for number in range(60):
            cast.add(f"Sample {number:02}")
        page = editor.get("/console/people").text
        assert page.count("Sample ") == 50
        on = re.search(r'href="([^"]+)">Next page', page)
        assert on is not None
        assert editor.get(on[1].replace("&amp;", "&")).text.count("Sample ") == 10

    def test_a_look_is_audited(self, services: Services, editor: FlaskClient, asa: str) -> None:
        """The page shows what was signed, and the log that somebody looked."""
        page = editor.get(f"/console/people/{asa}").text
        assert "communication, website" in page
        assert "asa@example.org" in page
        assert "in force" in page
        assert actions(services, "dam:editor")[-1] == "person:record:look"

    def test_each_line_says_what_became_of_it(
        self, services: Services, cast: support.Cast, app: Flask, clock: ManualClock
    ) -> None:
        """Withdrawn, lapsed, replaced and to come are told apart."""
        bo = cast.add("Bo")
        cast.sign(bo, channels=("website", "press"), lasts=timedelta(days=5))
        ids = cast.sign(bo, channels=("website", "press"), lasts=timedelta(days=5))
        clock.advance(timedelta(days=1))
        withdrawal.withdraw(services, bo, [ids["website"]], "test")
        clock.advance(timedelta(days=5))
        cast.sign(bo, channels=("press",), start=clock.now() + timedelta(days=1), recognition=False)
        page = staff.signed_in(app, clock, "officer").get(f"/console/people/{bo}").text
        for words_ in ("ended: withdrawn", "ended: lapsed", "not in force: replaced", "to come"):
            assert words_ in page, words_

    def test_withdrawn_on_their_behalf(
        self, services: Services, cast: support.Cast, officer: FlaskClient, asa: str
    ) -> None:
        """One line or everything, with who asked for it; without that nothing ends."""
        ids = cast.sign(asa, channels=("website", "press"))
        where, sure = f"/console/people/{asa}/withdraw", {"asked_by": "person", "sure": "yes"}
        for fields in ({"grant": ids["press"], "sure": "yes"}, {"asked_by": "person", "sure": "yes"}, {"all": "yes"}):
            assert staff.post(officer, where, **fields).status_code == 409
        assert staff.post(officer, where, grant=ids["press"], **sure).status_code == 303
        assert _ended(services) == {"press": "withdrawn"}
        staff.post(officer, f"/console/people/{asa}/restrict", all="yes", **sure)
        assert _ended(services) == {"press": "withdrawn", "website": "restricted", None: "restricted"}
        done = actions(services, "dam:officer")
        assert done.count("quitclaim:consent:ask") == 2
        assert done.index("quitclaim:consent:ask") < done.index("quitclaim:consent:withdraw")

    def test_someone_elses_lines_are_not_theirs(
        self, services: Services, cast: support.Cast, officer: FlaskClient, asa: str
    ) -> None:
        """A grant of another person under this one's address ends nothing."""
        ids = cast.sign(cast.add("Bo"))
        fields = {"grant": ids["website"], "asked_by": "person", "sure": "yes"}
        assert staff.post(officer, f"/console/people/{asa}/withdraw", **fields).status_code == 404
        assert _ended(services) == {}

    def test_the_export(self, services: Services, officer: FlaskClient, editor: FlaskClient, asa: str) -> None:
        """A file with what is held, for the officer alone, and in the log."""
        answer = staff.post(officer, f"/console/people/{asa}/export")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert json.loads(answer.data)["person"]["display_name"] == "Åsa"
        assert answer.text == data_export.to_json(register.export(services, asa, "test")), "as everywhere"
        assert actions(services, "dam:officer")[-1] == "person:record:export"
        assert staff.post(editor, f"/console/people/{asa}/export").status_code == 403

    def test_the_evidence(self, services: Services, cast: support.Cast, officer: FlaskClient, asa: str) -> None:
        """A file to download, whatever it is, of this person alone; the look is in the log."""
        page = officer.get(f"/console/people/{asa}").text
        (path,) = re.findall(r'action="(/console/people/\w+/evidence/\w+)"', page)
        answer = staff.post(officer, path)
        assert answer.data == support.FORM.body
        assert answer.mimetype == "application/octet-stream"
        assert actions(services, "dam:officer")[-1] == "evidence:file:look"
        bo = cast.add("Bo")
        assert staff.post(officer, path.replace(asa, bo)).status_code == 404


def _ended(services: Services) -> dict[str | None, str]:
    """How the newest lines ended, by channel."""
    with services.store.read() as conn:
        query = (
            select(t.grant.c.channel, t.grant.c.ended_kind)
            .join(t.quitclaim, t.quitclaim.c.id == t.grant.c.quitclaim_id)
            .where(t.quitclaim.c.superseded_at.is_(None), t.grant.c.ended_kind.is_not(None))
        )
        return {row.channel: row.ended_kind for row in conn.execute(query)}


class TestCollections:
    """Where recognition is on is set, and seen, with what makes it lawful."""

    def test_set_from_the_page(self, services: Services, administrator: FlaskClient) -> None:
        """Refused without its basis; with it, it holds and says who set it."""
        where = "/console/collections/one"
        fields = {"ref": "shoot", "mode": "suggest", "basis": "controller", "reference": "DPIA 7", "by": "Jo"}
        refused = staff.post(administrator, where, **fields)
        assert refused.status_code == 409
        assert "a review date" in refused.text
        days = {"decided": "2026-03-01", "review": "2026-09-01"}
        assert staff.post(administrator, where, **fields, **days).status_code == 303
        page = administrator.get(f"{where}?ref=shoot").text
        for text in ("DPIA 7", "Jo, 1 March 2026", "1 September 2026", "dam:administrator", "own documented reading"):
            assert text in page, text
        with services.store.read() as conn:
            assert conn.scalar(select(t.collection.c.mode)) == "suggest"

    def test_past_its_review_date(
        self, services: Services, cast: support.Cast, officer: FlaskClient, clock: ManualClock
    ) -> None:
        """The list and the first page say that less is done than was set."""
        evidence = BasisEvidence("DPIA 7", "Jo", date(2026, 3, 1), date(2026, 4, 1))
        modes.decide(services, "shoot", modes.Ruling(Mode.AUTO, Basis.CONTROLLER, evidence), "test")
        assert "controller&#39;s own reading of the law" in officer.get("/console/").text
        clock.advance(timedelta(days=40))
        again = staff.signed_in(officer.application, clock, "officer")
        assert "today: detect" in again.get("/console/collections").text
        assert "Past their review date" in again.get("/console/").text

    def test_members_of_a_shoot(
        self, services: Services, cast: support.Cast, administrator: FlaskClient, asa: str
    ) -> None:
        """One name a line; a name that nobody bears is refused."""
        fields = {"ref": "shoot", "mode": "auto", "basis": "shoot", "reference": "day in May"}
        post = "/console/collections/one"
        assert staff.post(administrator, post, members="Åsa\nNobody", **fields).status_code == 404
        assert staff.post(administrator, post, members="Åsa\n\n", **fields).status_code == 303
        with services.store.read() as conn:
            assert list(conn.scalars(select(t.shoot_person.c.person_id))) == [asa]

    def test_what_was_decided_before(
        self, services: Services, officer: FlaskClient, administrator: FlaskClient, asa: str
    ) -> None:
        """Every decision stays to be read, with its evidence; and a mode without an effect says so."""
        post = "/console/collections/one"
        asked = {"mode": "suggest", "basis": "all-asked", "by": "Jo"}
        assert staff.post(administrator, post, ref="shoot", reference="list of March", **asked).status_code == 303
        assert staff.post(administrator, post, ref="shoot", mode="never").status_code == 303
        text = officer.get("/console/collections/one?ref=shoot").text
        assert "list of March" in text
        assert text.index("never</td>") < text.index("suggest</td>")  # the newest first
        assert "No photograph lies in this collection" in text
        dutch = staff.signed_in(officer.application, services.clock, "officer", language="nl")
        assert "hier ingesteld" in dutch.get("/console/collections/one?ref=shoot").text

    def test_what_is_not_there(self, administrator: FlaskClient) -> None:
        """A collection that the DAM has not is a page that says so."""
        assert administrator.get("/console/collections/one?ref=../etc").status_code == 404
        set_ = staff.post(administrator, "/console/collections/one", ref="none", mode="off")
        assert set_.status_code == 404
        assert staff.post(administrator, "/console/collections/one", ref="shoot", mode="all").status_code == 409


class TestHome:
    """The first page: what waits, and whether we work."""

    def test_what_waits(self, services: Services, cast: support.Cast, editor: FlaskClient, waiting: list[int]) -> None:
        """Counts, and whose quitclaim ends soon: not one that was renewed."""
        cast.sign(cast.add("Bo"), lasts=timedelta(days=20))
        dag = cast.add("Dag")
        cast.sign(dag, lasts=timedelta(days=20))
        cast.sign(dag, start=services.clock.now() + timedelta(days=15))
        page = editor.get("/console/").text
        assert re.findall(r'class="count">(\d+)<', page) == ["1", "1", "1"]
        assert "Bo</a>" in page
        assert "Dag</a>" not in page

    def test_it_says_when_nothing_works(self, services: Services, editor: FlaskClient) -> None:
        """Without a sweep of a worker the page says that we do not work; after one, that we do."""
        calendar.start_process(services)
        assert "does not work at this moment" in editor.get("/console/").text
        calendar.sweep_endings(services)
        assert "looks after every end by itself" in editor.get("/console/").text

    def test_given_up_jobs_are_for_who_mends(
        self, services: Services, officer: FlaskClient, editor: FlaskClient
    ) -> None:
        """Administrator and officer see what was given up; an editor has other work."""
        with services.store.write() as tx:
            job = services.queue.put(tx, "photo", "shoot/x.jpg")
            dead = {"state": "dead", "finished_at": tx.now, "error": "DamError: it failed"}
            tx.execute(update(t.job).where(t.job.c.id == job).values(**dead))
        shown = officer.get("/console/").text
        assert "it failed" in shown
        assert "DamError" not in shown, "the name of a class says nothing to the staff"
        assert "it failed" not in editor.get("/console/").text


def test_every_word_that_a_page_uses_is_there() -> None:
    """By its name in the templates; that all languages have it, the catalogues' tests say."""
    folder = Path(sidecar.__file__).parent / "templates"
    pages = "".join(page.read_text() for page in [folder / "console_base.html", *folder.glob("console/*.html")])
    used = set(re.findall(r"\bw\.([a-z_]+)|\bw\['([a-z_]+)'\]", pages))
    asked = {one or other for one, other in used} | set(re.findall(r"\bw\.counted\('([a-z_]+)'", pages))
    assert asked - {"lang", "counted"} - Words("console", "en").keys() == set()


def test_a_name_is_text_wherever_it_stands(services: Services, cast: support.Cast, officer: FlaskClient) -> None:
    """Markup in a name is shown, not obeyed."""
    name = '"><b onclick=x>Bo</b>'
    bo = cast.add(name)
    cast.sign(bo, lasts=timedelta(days=3))
    for path in ("/console/", "/console/people", f"/console/people/{bo}"):
        page = officer.get(path).text
        assert "&gt;&lt;b onclick=x&gt;Bo" in page
        assert "<b onclick" not in page


class TestLog:
    """The log for whoever watches."""

    @pytest.fixture
    def auditor(self, app: Flask, clock: ManualClock) -> FlaskClient:
        return staff.signed_in(app, clock, "auditor")

    def test_of_one_act_up_to_a_day(
        self, services: Services, cast: support.Cast, app: Flask, clock: ManualClock
    ) -> None:
        """Rows of the day that was asked for and before, of that act; and the look is a row itself."""
        cast.add("Bo")
        clock.advance(timedelta(days=1))
        cast.add("Dag")
        auditor = staff.signed_in(app, clock, "auditor")
        ask = {"action": "person:record:create"}
        both = auditor.get("/console/log", query_string=ask).text
        one = auditor.get("/console/log", query_string=ask | {"day": "2026-03-02"}).text
        assert (both.count("<code>person:record:create"), one.count("<code>person:record:create")) == (2, 1)
        assert "2 March 2026" in one
        assert actions(services, "dam:auditor").count("audit:log:look") == 2

    def test_page_by_page(self, cast: support.Cast, auditor: FlaskClient) -> None:
        """Going on reaches every row, none twice."""
        for number in range(60):
            cast.add(f"Sample {number}")
        ask = "/console/log?action=person:record:create"
        first = auditor.get(ask).text
        on = re.search(r'href="([^"]+)">Older', first)
        assert on is not None
        second = auditor.get(on[1].replace("&amp;", "&")).text
        numbers = [re.findall(r'data-label="No.">(\d+)<', page) for page in (first, second)]
        assert (len(numbers[0]), len(numbers[1])) == (50, 10)
        assert not set(numbers[0]) & set(numbers[1])

    def test_the_chain(self, services: Services, auditor: FlaskClient) -> None:
        """It holds; without its heads it is not proven; and where somebody changed a row, the page says which."""
        assert "The log: holds." in staff.post(auditor, "/console/log/verify").text
        path = services.config.path(services.config.keys.heads_file)
        whole = path.read_bytes()
        path.unlink()
        page = staff.post(auditor, "/console/log/verify").text
        assert "The log: not proven." in page
        assert "there are no signed heads" in page
        path.write_bytes(whole)
        with services.store.write() as tx:
            tx.execute(update(t.audit).where(t.audit.c.seq == 1).values(actor="somebody else"))
        page = staff.post(auditor, "/console/log/verify").text
        assert "The log: broken." in page
        assert "audit row 1 was changed after it was written" in page

    def test_the_chain_in_dutch(self, services: Services, app: Flask, clock: ManualClock) -> None:
        """The same answers."""
        officer = staff.signed_in(app, clock, "officer", language="nl")
        assert "Het logboek: klopt." in staff.post(officer, "/console/log/verify").text
        services.config.path(services.config.keys.heads_file).unlink()
        page = staff.post(officer, "/console/log/verify").text
        assert "Het logboek: niet bewezen." in page
        assert "er zijn geen ondertekende eindpunten" in page

    def test_the_export_is_all_of_it(self, services: Services, cast: support.Cast, auditor: FlaskClient) -> None:
        """Every row, in order, up to the one that says that it was taken out."""
        cast.add("Bo")
        lines = [json.loads(line) for line in staff.post(auditor, "/console/log/export").text.splitlines()]
        with services.store.read() as conn:
            assert [line["seq"] for line in lines] == list(conn.scalars(select(t.audit.c.seq).order_by("seq")))
        assert lines[-1]["details"] == {"export": True}


class TestWhatEnds:
    """What cannot be taken back says what it ends, in numbers, and is sent a second time by who agrees."""

    def test_nothing_is_done_before_somebody_agrees(
        self, services: Services, administrator: FlaskClient, waiting: list[int]
    ) -> None:
        """The page says how many; what it sends again, with what was chosen, is then done."""
        post, fields = "/console/collections/one", {"ref": "shoot", "mode": "never", "reference": "50 % <b>"}
        asked = staff.post(administrator, post, **fields)
        assert asked.status_code == 200
        assert "1 suggestion goes" in asked.text
        assert "Nothing has been done yet" in asked.text
        assert states(services) == ["suggested", "unmatched"]
        again = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked.text.split("<main")[1]))
        assert {name: html.unescape(text) for name, text in again.items() if name != "csrf_token"} == fields
        assert staff.post(administrator, post, **fields, sure="yes").status_code == 303
        with services.store.read() as conn:
            assert conn.scalar(select(t.collection.c.mode)) == "never"

    def test_each_form_that_ends_something_asks(
        self, services: Services, administrator: FlaskClient, asa: str, clock: ManualClock
    ) -> None:
        """Sessions, a form, an address; in the language of who is asked."""
        form = form_store.add(services, signers.tree(), "test")
        other = staff.signed_in(administrator.application, clock, "editor")
        dutch = staff.signed_in(administrator.application, clock, "administrator", language="nl")
        for path, fields, english, words_nl in (
            ("sessions/end", {"user": "editor"}, "1 session of the staff", "1 sessie van een medewerker"),
            ("sessions/end", {"all": "yes"}, "3 sessions of the staff", "3 sessies van medewerkers"),
            (f"forms/{form.id}/retire", {}, "new invitations that ask", "nieuwe uitnodigingen"),
            (f"people/{asa}/address", {"email": ""}, "no letter reaches them", "geen brief bereikt hen"),
        ):
            assert english in staff.post(administrator, f"/console/{path}", **fields).text
            assert words_nl in staff.post(dutch, f"/console/{path}", **fields).text
        assert other.get("/console/").status_code == 200
        assert form_store.list_versions(services)[0].retired_at is None
        assert staff.post(administrator, f"/console/people/{asa}/address", email="", sure="yes").status_code == 303

    def test_numbers_stand_beside_an_end(
        self, services: Services, officer: FlaskClient, asa: str, waiting: list[int]
    ) -> None:
        """Those that the commands say: at a withdrawal in somebody's name."""
        page = officer.get(f"/console/people/{asa}").text
        assert "1 grant of recognition in force or to come" in page
        assert "reference photographs, and their template, are destroyed" in page
