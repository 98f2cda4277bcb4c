"""What waits for somebody appears by itself, is seen by whoever may act, and goes away when it is done."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select, update

from plugin.clock import ManualClock
from plugin.errors import WriteRefused
from plugin.flows.access.staff_sessions import Role
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import serving_engine
from plugin.flows.people import register
from plugin.flows.photos import scan_queue
from plugin.flows.review import names_by_hand
from plugin.flows.schedule import calendar
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingCount, WaitingKind
from plugin.hooks.dam import Resource, Write
from plugin.ledger import tables as t
from plugin.recognizer.engines.registry import EngineSource
from plugin.recognizer.process.examiner import Examiner
from plugin.words.catalogues import LANGUAGES, Words
from sidecar.commands.demo import samples
from sidecar.console.home import OFFICER_KINDS
from sidecar.doctor import checks
from sidecar.doctor.finding import Finding
from sidecar.words import staff_words
from tests import staff, support
from tests.crowd import A, Crowd
from tests.dams import Through

REF = "shoot/one.jpg"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(services: Services, cast: support.Cast, photos: Path) -> str:
    """Åsa, named by hand on a photograph, who agrees to nothing any more."""
    asa = cast.add("Åsa", birth_date=date(1990, 5, 1))
    cast.sign(asa, recognition=False)
    support.put(photos, REF, samples.B_STANDING, (300, 400))
    services.dam.write(REF, [Write("Åsa", True, services.dam.places)], None)
    for path in photos.joinpath("shoot").iterdir():
        support.settle(path)
    calendar.poll_dam(services)
    cast.work()
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    return asa


def _waits(services: Services) -> dict[WaitingKind, int]:
    return {one.kind: one.count for one in waiting_list.list_counts(services)}


def _doctor(services: Services, clock: ManualClock, kind: WaitingKind) -> Finding | None:
    found = checks.run_checks(services.config, clock)
    return next((one for one in found if one.code == kind.value), None)


# ---- each kind: there, and gone ------------------------------------------------------------------


class Refusing(Through):
    """The folder, which refuses every new name for good while told to."""

    refusing = True

    def write(self, ref: str, writes: "list[Write]", released: bool | None) -> Resource:  # type: ignore[override]
        if self.refusing and any(write.add for write in writes):
            raise WriteRefused("the file is of a kind that cannot be written unharmed")
        return self.inner.write(ref, writes, released)


def test_a_write_that_failed_for_good(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """It is listed with its reason; written later, it is gone; and so it is when the person ended."""
    dam: list[Refusing] = []

    def wrap(inner: Through) -> Refusing:
        dam.append(Refusing(inner))
        return dam[0]

    with support.opened(support.configuration(tmp_path), clock, examiner, wrap) as services:  # type: ignore[arg-type]
        cast = support.Cast(services)
        photos = services.config.path(services.config.folder.path)
        (photos / support.SHOOT).mkdir()
        asa = cast.add("Åsa", birth_date=date(1990, 5, 1))
        cast.sign(asa)
        cast.enrol(asa)
        cast.open_collection()
        Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0]]))
        calendar.poll_dam(services)
        cast.work()
        assert _waits(services) == {WaitingKind.FAILED_WRITES: 1}
        (one,) = waiting_list.list_items(services, WaitingKind.FAILED_WRITES)
        assert (one.ref, one.name, one.person_id) == (REF, "Åsa", asa)
        assert "cannot be written unharmed" in one.why
        assert not _found(services, clock, WaitingKind.FAILED_WRITES).ok
        dam[0].refusing = False
        with services.store.write() as tx:  # somebody has it examined again
            tx.execute(update(t.face).values(state="unmatched", person_id=None))
        scan_queue.enqueue(services, [REF])
        cast.work()
        assert (cast.names_on(REF), _waits(services)) == ({"Åsa"}, {})


def _found(services: Services, clock: ManualClock, kind: WaitingKind) -> Finding:
    found = _doctor(services, clock, kind)
    assert found is not None
    return found


def test_a_job_that_was_given_up(services: Services) -> None:
    """Until somebody has it tried again."""
    with services.store.write() as tx:
        job = services.queue.put(tx, "gone", "nothing.jpg")
        tx.execute(update(t.job).values(state="dead", finished_at=tx.now, error="DamError"))
    assert _waits(services) == {WaitingKind.DEAD_JOBS: 1}
    services.queue.revive(job)
    assert _waits(services) == {}


def test_a_ruling_that_is_lost(services: Services, cast: support.Cast) -> None:
    """As long as nobody set one where the photographs are."""
    cast.open_collection()
    with services.store.write() as tx:
        tx.execute(update(t.collection).values(lost_at=tx.now))
    assert _waits(services) == {WaitingKind.LOST_RULINGS: 1}
    (one,) = waiting_list.list_items(services, WaitingKind.LOST_RULINGS)
    assert (one.ref, one.why, one.by) == ("shoot", "auto", "test")
    with services.store.write() as tx:
        tx.execute(update(t.collection).values(lost_at=None))
    assert _waits(services) == {}


@pytest.mark.parametrize("said", ["born", "of age", "ended", "never signed"])
def test_somebody_of_unknown_age(services: Services, cast: support.Cast, clock: ManualClock, said: str) -> None:
    """Listed, no failure, until an age is known or nothing is in force."""
    bo = cast.add("Bo", birth_date=None)
    with services.store.write() as tx:
        tx.execute(update(t.person).values(birth_date=None, of_age_at=None))
    assert _waits(services) == {}  # nobody is asked about who agreed to nothing
    if said == "never signed":
        return
    cast.sign(bo, recognition=False)
    assert _waits(services) == {WaitingKind.UNKNOWN_AGE: 1}
    finding = _found(services, clock, WaitingKind.UNKNOWN_AGE)
    assert (finding.ok, finding.waits, finding.count) == (True, True, 1)
    with services.store.write() as tx:
        if said == "born":
            tx.execute(update(t.person).values(birth_date=date(1990, 5, 1)))
        elif said == "of age":
            tx.execute(update(t.person).values(of_age_at=tx.now, of_age_by="cli:ann"))
    if said == "ended":
        withdrawal.withdraw(services, bo, None, "test")
    assert _waits(services) == {}


def test_a_token_without_an_end(services: Services) -> None:
    """Until it is revoked; one that ends is not listed."""
    with services.store.write() as tx:
        bare = {"scopes": [], "created_at": tx.now, "created_by": "cli:ann", "tools": []}
        later = tx.now + timedelta(days=1)
        tx.execute(insert(t.api_token).values(id="a", label="CMS", secret_sha256="a", **bare))
        tx.execute(insert(t.api_token).values(id="b", label="AI", secret_sha256="b", expires_at=later, **bare))
    assert _waits(services) == {WaitingKind.ENDLESS_TOKENS: 1}
    assert [one.name for one in waiting_list.list_items(services, WaitingKind.ENDLESS_TOKENS)] == ["CMS"]
    with services.store.write() as tx:
        tx.execute(update(t.api_token).values(revoked_at=tx.now))
    assert _waits(services) == {}


def test_a_young_person_whom_nobody_can_ask(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    """From the days of warning before the birthday, until there is an address of their own."""
    clara = cast.add("Clara", birth_date=date(2010, 6, 20), guardians=("Guardian Sample",))
    with services.store.read() as conn:
        guardian = str(conn.scalar(select(t.guardian.c.id)))
    cast.sign(clara, recognition=False, guardians=(guardian,), lasts=timedelta(days=3000))
    cast.work()
    assert _waits(services) == {}
    clock.set(datetime(2026, 6, 15, 12, tzinfo=UTC))
    assert _waits(services) == {WaitingKind.COME_OF_AGE: 1}
    (one,) = waiting_list.list_items(services, WaitingKind.COME_OF_AGE)
    assert (one.person_id, one.name) == (clara, "Clara")
    assert one.at is not None
    assert one.at.date() == date(2026, 6, 19)  # midnight here
    finding = _found(services, clock, WaitingKind.COME_OF_AGE)
    assert not finding.ok
    register.change_address(services, clara, "clara@example.org", "cli:ann")
    assert _waits(services) == {}


def test_a_name_that_came_back(services: Services, cast: support.Cast, photos: Path) -> None:
    """Until it is off again; whose it was is not said, for they may be erased."""
    support.put(photos, REF, samples.B_STANDING, (300, 400))
    calendar.poll_dam(services)
    cast.work()
    with services.store.write() as tx:
        one = tx.connection.scalar(select(t.resource.c.id))
        came = {"node": "Bo", "node_key": "bo", "origin": "returned", "places": ["iptc"], "created_at": tx.now}
        tx.execute(insert(t.tag).values(resource_id=one, **came))
    assert _waits(services) == {WaitingKind.RETURNED_NAMES: 1}
    (item,) = waiting_list.list_items(services, WaitingKind.RETURNED_NAMES)
    assert (item.ref, item.name) == (REF, "")
    with services.store.write() as tx:
        tx.execute(delete(t.tag))
    assert _waits(services) == {}


def _set(services: Services, person_id: str, **values: object) -> None:
    with services.store.write() as tx:
        tx.execute(
            insert(t.reference_set).values(
                **{
                    "id": "s",
                    "person_id": person_id,
                    "came_by": "link",
                    "added_at": tx.now,
                    "added_by": "person",
                    "invited_by": "dam:ann",
                }
                | values
            )
        )


def test_pictures_that_came_by_a_link(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    """They wait until an account vouches for them, or refuses them; those near somebody are another task."""
    asa, bo = (cast.add(name, birth_date=date(1990, 5, 1)) for name in ("Åsa", "Bo"))
    _set(services, asa)
    with services.store.write() as tx:
        serving = services.faces.engine_id
        serving_engine.put(tx, "serving", EngineSource(serving, support.ENGINE))
    assert _waits(services) == {WaitingKind.DECLARED_SETS: 1}
    for values, kinds in (
        ({"near_id": bo}, {WaitingKind.NEAR_SETS: 1}),
        ({"missed_engine": serving, "missed_why": "refused"}, {WaitingKind.NEAR_SETS: 1, WaitingKind.MISSED_SETS: 1}),
        ({"refused_at": clock.now(), "missed_engine": None}, {}),
        ({"refused_at": None, "ended_at": clock.now()}, {}),
        ({"ended_at": None, "near_id": None, "vouched_at": clock.now(), "vouched_by": "dam:bo"}, {}),
    ):
        with services.store.write() as tx:
            tx.execute(update(t.reference_set).values(**values))
        assert _waits(services) == kinds


@pytest.mark.parametrize(("by", "own"), [("dam:ann", True), ("cli:Ann", True), ("dam:bo", False), ("api:ann", False)])
def test_who_vouches_for_their_own_invitation(
    services: Services, cast: support.Cast, officer: FlaskClient, by: str, own: bool
) -> None:
    """The same name in the DAM and at the command line is one account; with how, and until it is refused."""
    asa = cast.add("Åsa", birth_date=date(1990, 5, 1))
    _set(services, asa, vouched_at=services.clock.now(), vouched_by=by, vouched_how="badge")
    assert _waits(services) == ({WaitingKind.OWN_INVITATIONS: 1} if own else {})
    text = officer.get("/console/officer").text
    assert ("Vouched for by whoever invited" in text, "badge" in text) == (own, own)
    with services.store.write() as tx:
        tx.execute(update(t.reference_set).values(refused_at=tx.now))
    assert _waits(services) == {}


def test_an_address_that_one_account_confirmed(services: Services, cast: support.Cast, officer: FlaskClient) -> None:
    """With its reason, while it is on file; one that another account confirmed is not listed."""
    asa = cast.add("Åsa", birth_date=date(1990, 5, 1))
    with services.store.write() as tx:
        tx.execute(delete(t.address))
        mine = {"person_id": asa, "entered_by": "dam:ann", "entered_at": tx.now, "confirmed_at": tx.now}
        tx.execute(insert(t.address).values(id="a", confirmed_by="dam:bo", confirmed_how="met", **mine))
    assert _waits(services) == {}
    with services.store.write() as tx:
        tx.execute(update(t.address).values(confirmed_by="dam:ann", reason="alone here"))
    assert _waits(services) == {WaitingKind.SELF_CONFIRMED: 1}
    assert "alone here" in officer.get("/console/officer").text
    with services.store.write() as tx:
        tx.execute(update(t.address).values(retired_at=tx.now))
    assert _waits(services) == {}


# ---- where it is shown ---------------------------------------------------------------------------


def test_the_doctor_is_red_while_something_went_wrong_and_says_how_to_mend_it(
    services: Services, cast: support.Cast, asa: str, clock: ManualClock
) -> None:
    """With the number and a command; and nothing of it once it is decided."""
    finding = _found(services, clock, WaitingKind.HAND_NAMES)
    assert (finding.ok, finding.waits, finding.count) == (False, False, 1)
    assert "facelease tags" in finding.mend
    names_by_hand.keep_names(services, [one.tag_id for one in names_by_hand.list_hand_names(services)], "cli:ann")
    assert _doctor(services, clock, WaitingKind.HAND_NAMES) is None
    (said,) = [one.said for one in checks.run_checks(services.config, clock) if one.what == "waiting"]
    assert said.startswith("nothing waits for anybody")


def test_each_role_sees_on_its_first_page_what_it_may_act_on(
    app: Flask, clock: ManualClock, services: Services, cast: support.Cast, asa: str
) -> None:
    """An officer is not asked about names, an editor not about ages, an auditor about nothing; in both languages."""
    with services.store.write() as tx:
        tx.execute(update(t.person).values(birth_date=None, of_age_at=None))
    cast.sign(cast.add("Bo"), recognition=False)
    with services.store.write() as tx:
        tx.execute(update(t.person).values(birth_date=None, of_age_at=None))
    shown = {}
    for role in ("administrator", "officer", "editor", "auditor"):
        text = staff.signed_in(app, clock, role).get("/console/").text
        shown[role] = ("by hand of people who ended" in text.lower(), "people of unknown age" in text.lower())
    assert shown == {
        "administrator": (True, True),
        "officer": (False, True),
        "editor": (True, False),
        "auditor": (False, False),
    }
    assert "handmatige namen" in staff.signed_in(app, clock, "editor", language="nl").get("/console/").text.lower()


def test_an_editor_decides_about_names_by_hand(
    editor: FlaskClient, officer: FlaskClient, services: Services, cast: support.Cast, asa: str
) -> None:
    """From the list: it stands, and later it goes; an officer sees the list and decides nothing there."""
    page = editor.get("/console/names").text
    assert REF in page
    tag = re.search(r'name="tag" value="(\d+)"', page)
    assert tag is not None
    assert 'name="tag"' not in officer.get("/console/names").text
    assert staff.post(officer, "/console/names/remove", tag=tag[1]).status_code == 403
    assert staff.post(editor, "/console/names/keep").status_code == 409
    assert staff.post(editor, "/console/names/keep", tag=tag[1]).status_code == 303
    assert REF not in editor.get("/console/names").text
    assert REF in editor.get("/console/names?list=kept").text
    assert staff.post(editor, "/console/names/remove", tag=tag[1], sure="yes").status_code == 303
    assert (cast.tags(asa), cast.names_on(REF)) == ({}, set())
    assert staff.post(editor, "/console/names/remove", tag=tag[1]).status_code == 404
    with services.store.read() as conn:
        said = conn.execute(
            select(t.audit.c.action, t.audit.c.actor).where(
                t.audit.c.actor == "dam:editor", t.audit.c.action.like("photo:%")
            )
        ).all()
        looks = conn.scalars(select(t.audit.c.details).where(t.audit.c.action == "staff:list:look")).all()
    assert [one for one in looks if "hand_names" in one]
    assert [row.action for row in said] == ["photo:tag:keep", "photo:tag:intend", "photo:tag:remove"]


def test_the_officers_list_names_who_and_when_and_each_look_is_audited(
    officer: FlaskClient, editor: FlaskClient, services: Services, cast: support.Cast
) -> None:
    """It is for officers and administrators alone."""
    cast.sign(cast.add("Bo"), recognition=False)
    with services.store.write() as tx:
        tx.execute(update(t.person).values(birth_date=None, of_age_at=None))
    assert "Bo" in officer.get("/console/officer").text
    assert editor.get("/console/officer").status_code == 403
    with services.store.read() as conn:
        looks = conn.scalars(select(t.audit.c.actor).where(t.audit.c.action == "staff:list:look")).all()
    assert list(looks) == ["dam:officer"]


def test_every_kind_is_counted_worded_and_has_a_page() -> None:
    """In English and Dutch; the officer's page has words for each of its lists."""
    keys = {f"{kind.value}{part}" for kind in WaitingKind for part in ("", ".title", ".mend")}
    for language in LANGUAGES:
        assert set(Words("waiting", language)) == keys
        w = Words("console", language)
        assert [kind for kind in OFFICER_KINDS if f"officer_{kind.value}_text" not in w] == []
        for kind in WaitingKind:
            told = staff_words.waiting(WaitingCount(kind, 7, True, ()), language)
            assert "7" in told.said
            assert told.title
            assert told.mend
            one = staff_words.waiting(WaitingCount(kind, 1, True, ()), language)
            assert "1 " in one.said
    assert {kind for kind, *_ in waiting_list.SOURCES} == set(WaitingKind)
    assert all(roles and Role.AUDITOR not in roles for *_, roles in waiting_list.SOURCES)
