"""Reference pictures: resemblance, proposals by photographs, a shoot's live list, names of who entered themselves."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.clearance import photo_answers
from plugin.flows.collections import modes
from plugin.flows.common import reference_sets
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.common.reference_sets import PictureSource
from plugin.flows.common.services import Services
from plugin.flows.matching import declared_sets, gallery, vouching
from plugin.flows.people import register
from plugin.flows.photos import scan_queue
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.flows.self_service import own_page
from plugin.flows.views.review import face_preview
from plugin.hooks.dam import Write
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.tables.rows import ReferenceSetRow
from plugin.quitclaim.clearance.answers import ClearanceStatus, ReasonCode
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import staff, support, visiting
from tests.crowd import A, B, Crowd
from tests.signers import Desk, Visit

REF = "shoot/one.jpg"
EDITOR = "dam:editor"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def crowd(examiner: Examiner) -> Crowd:
    return Crowd(examiner)


def pictures(*prefixes: str) -> list[bytes]:
    return [samples.portrait(prefix).read_bytes() for prefix in prefixes]


def declare(services: Services, person_id: str, *prefixes: str, link: str = "link", by: str = "dam:inviter") -> str:
    """These pictures come by a link that somebody made."""
    bodies = pictures(*prefixes)
    enrolment = services.faces.enrol(bodies)
    with services.store.write() as tx:
        return gallery.enrol_in(services, tx, person_id, enrolment, bodies, "person", PictureSource("link", link, by))


def row_of(services: Services, set_id: str) -> ReferenceSetRow:
    with services.store.read() as conn:
        row = reference_sets.find(conn, set_id)
    assert row is not None
    return row


def compared(services: Services) -> set[str]:
    gallery.refresh(services)
    return set(services.faces.enrolled)


def signed(cast: support.Cast, name: str) -> str:
    person = cast.add(name)
    cast.sign(person)
    return person


class TestResemblance:
    """A declared face near somebody enrolled is a task, never a suggestion."""

    def test_held_until_somebody_looked(self, services: Services, cast: support.Cast) -> None:
        """Near somebody vouched for: the sender's alone is held; refused, the other goes on as before."""
        asa, mallory = signed(cast, "Åsa Sample"), signed(cast, "Mallory Sample")
        cast.enrol(asa, A[0])
        held = declare(services, mallory, A[1])
        assert row_of(services, held).near_id == asa
        assert compared(services) == {asa}
        with services.store.read() as conn:
            (task,) = declared_sets.list_near(conn)
            assert (task.near, len(declared_sets.list_declared(conn))) == ("Åsa Sample", 1)
        vouching.refuse(services, held, EDITOR)
        assert compared(services) == {asa}

    def test_twins_are_vouched_for(self, services: Services, cast: support.Cast) -> None:
        """Both are compared then, and neither automatically."""
        asa, bea = signed(cast, "Åsa Sample"), signed(cast, "Bea Sample")
        cast.enrol(asa, A[0])
        held = declare(services, bea, A[1])
        vouching.vouch(services, held, "badge", EDITOR)
        assert row_of(services, held).near_id is None
        assert compared(services) == {asa, bea}

    def test_of_two_declared_both_are_held(self, services: Services, cast: support.Cast) -> None:
        """Which of them shows who it says, is for the staff: the one that is left goes on when the other is gone."""
        asa, mallory = signed(cast, "Åsa Sample"), signed(cast, "Mallory Sample")
        first = declare(services, asa, A[0])
        assert compared(services) == {asa}
        second = declare(services, mallory, A[1])
        assert (row_of(services, first).near_id, row_of(services, second).near_id) == (mallory, asa)
        assert compared(services) == set()
        vouching.refuse(services, second, EDITOR)
        assert row_of(services, first).near_id is None
        assert compared(services) == {asa}

    def test_from_the_other_side(self, services: Services, cast: support.Cast) -> None:
        """Whoever the staff enrols near a declared one holds that one; so does one that is vouched for later."""
        asa, mallory = signed(cast, "Åsa Sample"), signed(cast, "Mallory Sample")
        first = declare(services, mallory, A[1])
        cast.enrol(asa, A[0])
        assert row_of(services, first).near_id == asa
        assert compared(services) == {asa}
        declare(services, mallory, B)
        assert compared(services) == {asa, mallory}, "what resembles nobody is compared"

    def test_templates_of_another_engine_are_not_compared(
        self, services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A new engine measures otherwise; and a set that was vouched for stays before a declared one of any engine."""
        asa, mallory, enrol = signed(cast, "Åsa Sample"), signed(cast, "Mallory Sample"), Recogniser.enrol
        with monkeypatch.context() as changed:
            changed.setattr(Recogniser, "enrol", lambda own, bodies: replace(enrol(own, bodies), engine="another/1"))
            cast.enrol(asa, A[0])
        later = declare(services, mallory, A[1])
        assert row_of(services, later).near_id is None
        declare(services, asa, B)
        assert compared(services) == {mallory}

    def test_the_sender_is_told_nothing(self, services: Services, cast: support.Cast) -> None:
        """Neither the page nor the export of whoever sent it differs from somebody's who resembles nobody."""
        asa, bea = signed(cast, "Åsa Sample"), signed(cast, "Bea Sample")
        told = []
        cast.enrol(asa, A[0])
        for person, prefix in ((signed(cast, "Mallory Sample"), A[1]), (bea, B)):
            declare(services, person, prefix)
            held = own_page.export_own_data(services, own_page.Visitor("link", person, None, "en"))
            told.append([sorted(row) for row in held["reference_sets"]])
            assert asa not in str(held)
        assert told[0] == told[1] == [["added_at", "ended_at"]]


class TestPhotographs:
    """Named by hand, alone on them, before the link was made."""

    def scene(
        self,
        services: Services,
        cast: support.Cast,
        photos: Path,
        crowd: Crowd,
        clock: ManualClock,
        name: str,
        *heads: str,
    ) -> str:
        """A photograph that bore the name long before pictures came by a link; returns the person."""
        person = cast.add(name)
        cast.sign(person)
        cast.open_collection(mode=Mode.SUGGEST)
        crowd.put(photos, REF, crowd.row(heads))
        services.dam.write(REF, [Write(name, True, services.dam.places)], None)
        support.settle(photos / REF)
        calendar.poll_dam(services)
        cast.work()
        clock.advance(timedelta(days=1))
        return person

    def sends(self, services: Services, cast: support.Cast, person: str, *prefixes: str) -> str:
        """By a real link, signed on its page."""
        with services.store.read() as conn:
            before = {row.id for row in reference_sets.list_of(conn, person)}
        desk = Desk(services)
        answer = desk.visit(person).sign("recognition", "website", photographs=pictures(*prefixes))
        assert answer.status_code == 303, answer.text
        scan_queue.enqueue(services, [REF])
        cast.work()
        with services.store.read() as conn:
            (made,) = [row.id for row in reference_sets.list_of(conn, person) if row.id not in before]
        return str(made)

    def test_proposed_and_confirmed(
        self, services: Services, cast: support.Cast, photos: Path, crowd: Crowd, clock: ManualClock, app: Flask
    ) -> None:
        """Many at once on one page; each is looked at again when it is confirmed."""
        person = self.scene(services, cast, photos, crowd, clock, "Åsa Sample", A[0])
        set_id = self.sends(services, cast, person, A[1])
        editor = staff.signed_in(app, clock, "editor")
        page = editor.get("/console/references").text
        assert f'name="set" value="{set_id}"' in page
        assert "checked" not in page, "nothing is ticked before somebody ticks it"
        staff.post(editor, "/console/references/photographs", set=set_id)
        row = row_of(services, set_id)
        assert (row.vouched_how, row.vouched_by) == ("photographs", EDITOR)
        assert vouching.confirm_proposals(services, [set_id, "nothing"], EDITOR) == 0

    def test_not_with_somebody_else_on_it(
        self, services: Services, cast: support.Cast, photos: Path, crowd: Crowd, clock: ManualClock
    ) -> None:
        """A second face: which of the two bears the name is not known."""
        person = self.scene(services, cast, photos, crowd, clock, "Åsa Sample", A[0], B)
        set_id = self.sends(services, cast, person, A[1])
        assert vouching.confirm_proposals(services, [set_id], EDITOR) == 0
        with services.store.read() as conn:
            assert declared_sets.list_proposals(conn) == []

    def test_not_what_was_named_afterwards_or_by_us(
        self, services: Services, cast: support.Cast, photos: Path, crowd: Crowd, clock: ManualClock
    ) -> None:
        """Named after the link was made, or by confirming a match on these very pictures, it proves nothing."""
        person = self.scene(services, cast, photos, crowd, clock, "Mallory Sample", A[0])
        set_id = self.sends(services, cast, person, A[1])
        with services.store.write() as tx:
            tx.execute(t.tag.update().values(created_at=tx.now + timedelta(seconds=1)))
        assert vouching.confirm_proposals(services, [set_id], EDITOR) == 0
        with services.store.write() as tx:
            tx.execute(t.tag.update().values(created_at=tx.now - timedelta(days=9), places=["xmp"]))
        assert vouching.confirm_proposals(services, [set_id], EDITOR) == 0, "ours once, though by hand by now"

    def test_not_a_face_that_the_engine_did_not_find(
        self, services: Services, cast: support.Cast, photos: Path, crowd: Crowd, clock: ManualClock
    ) -> None:
        """An editor who names it says who is on it, not that these pictures show the same."""
        person = self.scene(services, cast, photos, crowd, clock, "Åsa Sample", A[0])
        set_id = self.sends(services, cast, person, B)
        with services.store.read() as conn:
            face = conn.scalar(select(t.face.c.id)) or 0
        face_decisions.confirm(services, face, EDITOR, person)
        assert vouching.confirm_proposals(services, [set_id], EDITOR) == 0
        assert photo_answers.answer_photo(services, REF, "communication", "website").status is ClearanceStatus.UNKNOWN


class TestShoot:
    """Sign-up at a shoot: the live list, the mark, and who is seen with the phone."""

    @pytest.fixture
    def code(self, services: Services) -> str:
        ruling = modes.Ruling(Mode.AUTO, Basis.SHOOT, BasisEvidence("spring shoot", "the photographer"))
        modes.decide(services, support.SHOOT, ruling, "test")
        return Desk(services).invite(collection_ref=support.SHOOT)

    def sign(self, services: Services, code: str, name: str, *prefixes: str) -> str:
        """Somebody signs up; returns the last page."""
        guest = Visit(visiting.app_of(services), code)
        answer = guest.sign("recognition", "website", name=name, typed=name, photographs=pictures(*prefixes))
        assert answer.status_code == 303, answer.text
        return guest.client.get("/s/done").text

    def test_the_same_mark_on_phone_and_list(self, services: Services, code: str, editor: FlaskClient) -> None:
        """Three digits, another for each who waits; whoever sees person and phone taps the entry."""
        shown = [self.sign(services, code, name, one) for name, one in (("Åsa Sample", A[0]), ("Bo Sample", B))]
        marks = [re.search(r'class="mark"><strong>(\d{3})<', page) for page in shown]
        assert all(marks)
        assert len({found[1] for found in marks if found}) == 2
        page = editor.get(f"/console/shoot?ref={support.SHOOT}").text
        assert 'http-equiv="refresh"' in page
        assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/may_i.js">']  # that of the box in the head
        for found, name in zip(marks, ("Åsa Sample", "Bo Sample"), strict=True):
            assert found
            assert f"{found[1]}" in page
            assert name in page
        with services.store.read() as conn:
            entry = next(row for row in declared_sets.list_of_shoot(conn, support.SHOOT) if row.name == "Åsa Sample")
        answer = staff.post(editor, f"/console/shoot/{entry.id}/seen", ref=support.SHOOT)
        assert answer.status_code == 303
        assert row_of(services, entry.id).vouched_how == "met"
        assert "Åsa Sample" not in editor.get(f"/console/shoot?ref={support.SHOOT}").text
        with services.store.read() as conn:
            assert register.own_name_of(conn, entry.person_id) == "Åsa Sample"
            known = conn.scalar(select(t.person.c.self_entered).where(t.person.c.id == entry.person_id))
        assert known is False

    def test_a_mark_is_taken_once(self, services: Services, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Among all that wait at the shoot; where every number of three digits is taken, four."""
        monkeypatch.setattr("secrets.choice", lambda free: free[0])
        pages = [self.sign(services, code, f"Guest {n} Sample", B) for n in range(2)]
        assert [re.findall(r"<strong>(\d+)</strong>", page) for page in pages] == [["100"], ["101"]]

    def test_the_names_of_who_entered_themselves(
        self, services: Services, cast: support.Cast, photos: Path, crowd: Crowd, code: str
    ) -> None:
        """A name in the DAM that is theirs by spelling alone is nobody's and blocks; known, it is theirs."""
        self.sign(services, code, "Rita Sample", B)
        crowd.put(photos, REF, crowd.row([A[0]]))
        services.dam.write(REF, [Write("Rita Sample", True, services.dam.places)], None)
        support.settle(photos / REF)
        calendar.poll_dam(services)
        cast.work()
        with services.store.read() as conn:
            rita = conn.scalar(select(t.person.c.id).where(t.person.c.name_key == "rita sample")) or ""
            assert conn.scalar(select(t.tag.c.person_id)) is None
        answer = photo_answers.answer_photo(services, REF, "communication", "website")
        assert (answer.status, answer.reasons[0].code) == (ClearanceStatus.BLOCKED, ReasonCode.NAME_NOT_LINKED)
        held = own_page.export_own_data(services, own_page.Visitor("link", rita, None, "en"))
        assert held["photographs"] == []
        with services.store.read() as conn:
            waits = declared_sets.find_waiting(conn, rita)
        assert waits
        vouching.vouch(services, waits.id, "met", EDITOR)
        cast.work()
        assert cast.tags(rita) == {REF: "hand"}

    def test_known_by_pictures_that_the_staff_chose(self, services: Services, cast: support.Cast, code: str) -> None:
        """Whoever has pictures of somebody knows them."""
        self.sign(services, code, "Rita Sample", B)
        with services.store.read() as conn:
            rita = conn.scalar(select(t.person.c.id)) or ""
        cast.enrol(rita, A[0])
        with services.store.read() as conn:
            assert conn.scalar(select(t.person.c.self_entered)) is False
            assert [row.came_by for row in reference_sets.list_of(conn, rita) if row.ended_at is None] == ["staff"]

    def test_linked_before_by_spelling_alone(
        self, services: Services, cast: support.Cast, photos: Path, crowd: Crowd
    ) -> None:
        """What an older version linked counts for nobody either."""
        rita = signed(cast, "Rita Sample")
        crowd.put(photos, REF, crowd.row([A[0]]))
        services.dam.write(REF, [Write("Rita Sample", True, services.dam.places)], None)
        support.settle(photos / REF)
        calendar.poll_dam(services)
        cast.work()
        assert cast.tags(rita) == {REF: "hand"}
        with services.store.write() as tx:
            tx.execute(t.person.update().values(self_entered=True))
            photo_answers.recompute(services, tx, [1])
        answer = photo_answers.answer_photo(services, REF, "communication", "website")
        assert answer.reasons[0].code is ReasonCode.NAME_NOT_LINKED
        held = own_page.export_own_data(services, own_page.Visitor("link", rita, None, "en"))
        assert held["photographs"] == []

    def test_they_read_the_name_that_they_gave(self, services: Services, cast: support.Cast, code: str) -> None:
        """Never one that was made to differ, which would say that somebody is known."""
        cast.add("Rita Sample")
        done = self.sign(services, code, "Rita Sample", B)
        assert "Rita Sample 2" not in done
        with services.store.read() as conn:
            rita = conn.scalar(select(t.person.c.id).where(t.person.c.display_name == "Rita Sample 2")) or ""
            assert register.own_name_of(conn, rita) == "Rita Sample"
        who = own_page.Visitor("link", rita, None, "en", (rita,))
        assert own_page.load_page(services, who).name == "Rita Sample"
        assert "Rita Sample 2" not in str(own_page.export_own_data(services, who)["person"])


class TestPages:
    """What the staff sees and says."""

    def test_the_question_stands_apart_and_unticked(
        self, services: Services, cast: support.Cast, photos: Path, crowd: Crowd, editor: FlaskClient
    ) -> None:
        """Only where nobody has vouched; confirmed without an answer it clears nothing, and the page says so."""
        asa = signed(cast, "Åsa Sample")
        cast.open_collection(mode=Mode.SUGGEST)
        declare(services, asa, A[1])
        crowd.put(photos, REF, crowd.row([A[0]]))
        calendar.poll_dam(services)
        cast.work()
        page = editor.get(f"/console/review/people/{asa}").text
        assert "Do you know Åsa Sample by sight?" in page
        assert 'name="known"' in page
        assert [one for one in re.findall(r"<input[^>]*\bchecked\b[^>]*>", page) if 'id="keys-on"' not in one] == []
        with services.store.read() as conn:
            face = conn.scalar(select(t.face.c.id)) or 0
        answer = staff.decide(editor, "confirm_chosen", face, person=asa, known="no")
        assert "clears nothing until somebody" in editor.get(answer.headers["Location"]).text
        assert photo_answers.answer_photo(services, REF, "communication", "website").status is ClearanceStatus.UNKNOWN
        staff.post(editor, "/console/review/undo")
        cast.work()  # found by the pictures once more: of a face that they did not find nothing is said of them
        answer = staff.decide(editor, "name", face, who="Åsa Sample", known="badge")
        assert "Confirmed" not in answer.text
        assert photo_answers.answer_photo(services, REF, "communication", "website").status is ClearanceStatus.CLEARED
        with services.store.read() as conn:
            assert declared_sets.list_declared(conn) == []

    def test_not_asked_where_somebody_has_vouched(
        self, services: Services, cast: support.Cast, photos: Path, crowd: Crowd, editor: FlaskClient
    ) -> None:
        asa = signed(cast, "Åsa Sample")
        cast.open_collection(mode=Mode.SUGGEST)
        cast.enrol(asa)
        crowd.put(photos, REF, crowd.row([A[0]]))
        calendar.poll_dam(services)
        cast.work()
        page = editor.get(f"/console/review/people/{asa}").text
        assert "Is this Åsa Sample?" in page
        assert "by sight" not in page

    def test_a_persons_page_shows_them_and_each_look_is_audited(
        self, services: Services, cast: support.Cast, officer: FlaskClient
    ) -> None:
        """Small, without metadata; vouched for there, or refused with a tick."""
        asa = signed(cast, "Åsa Sample")
        set_id = declare(services, asa, A[0], A[1])
        page = officer.get(f"/console/people/{asa}").text
        found = re.findall(rf"/console/references/{set_id}/\d\.jpg", page)
        assert len(found) == 2
        picture = officer.get(found[0])
        assert (picture.status_code, picture.data[:2]) == (200, b"\xff\xd8")
        assert max(support.size_of(picture.data)) <= face_preview.CLOSE_PX
        assert officer.get(f"/console/references/{set_id}/2.jpg").status_code == 404
        with services.store.read() as conn:
            looks = select(func.count()).where(t.audit.c.action == Action.REFERENCE_LOOK.value)
            assert conn.scalar(looks) == 1
        assert staff.post(officer, f"/console/references/{set_id}/refuse", person=asa).status_code == 409
        assert staff.post(officer, f"/console/references/{set_id}/vouch", how="photographs").status_code == 409
        staff.post(officer, f"/console/references/{set_id}/refuse", person=asa, sure="yes")
        assert officer.get(found[0]).status_code == 404
        assert "refused: not this person" in officer.get(f"/console/people/{asa}").text

    def test_who_vouched_for_their_own_invitation(
        self, services: Services, cast: support.Cast, officer: FlaskClient, editor: FlaskClient
    ) -> None:
        """Listed for the officer, whether they came by the DAM or the command line; and for nobody else."""
        asa, bo = signed(cast, "Åsa Sample"), signed(cast, "Bo Sample")
        vouching.vouch(services, declare(services, asa, A[0], by="cli:editor"), "met", EDITOR)
        vouching.vouch(services, declare(services, bo, B, by="dam:somebody"), "met", EDITOR)
        page = officer.get("/console/references").text
        assert "Vouched for by whoever made the link" in page
        assert ("Åsa Sample" in page, "Bo Sample" in page) == (True, False)
        assert "Vouched for by whoever" not in editor.get("/console/references").text
