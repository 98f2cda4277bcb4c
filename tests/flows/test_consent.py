"""Consent from signature to end: minors, restriction, objection, renewal, and what a restart carries out."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, select

from plugin.clock import ManualClock
from plugin.errors import ConsentError
from plugin.flows.clearance import photo_answers
from plugin.flows.common import closed_house, roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.people import register
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.ledger.log.endings import MISSING, Ending
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.quitclaim.consent.lifecycle import StopMode
from sidecar.commands.demo import samples
from tests import support

DAY = timedelta(days=1)


def _template(services: Services, person_id: str) -> list[bytes]:
    with services.store.read() as conn:
        return [services.vault.open(conn, found) for found in services.vault.find(conn, person_id, "template")]


def _guardian(services: Services, person_id: str) -> str:
    with services.store.read() as conn:
        return str(register.guardians_of(services, conn, person_id)[0]["id"])


@pytest.fixture
def counted() -> Iterator[Callable[[], int]]:
    """How many statements the stores were asked for since the test began."""
    statements: list[str] = []

    def executed(_conn: object, _cursor: object, said: str, *_: object) -> None:
        statements.append(said)

    event.listen(Engine, "before_cursor_execute", executed)
    yield lambda: len(statements)
    event.remove(Engine, "before_cursor_execute", executed)


def _website(services: Services, ref: str) -> ClearanceStatus:
    return photo_answers.answer_photo(services, ref, "communication", "website").status


def test_a_minor_from_the_guardians_signature_to_the_birthday(
    services: Services, cast: support.Cast, photos: Path, clock: ManualClock
) -> None:
    """Clara is only suggested, whoever allows more; on her birthday all lapses, and she signs herself."""
    clara = cast.add("Clara", birth_date=date(2010, 3, 20), guardians=("Her guardian",))
    with pytest.raises(ConsentError, match="guardian"):
        cast.sign(clara)
    cast.sign(clara, guardians=(_guardian(services, clara),))
    cast.enrol(clara)
    cast.open_collection()
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        face = conn.execute(select(t.face)).one()
    assert (face.state, face.person_id) == ("suggested", clara)
    assert cast.names_on(ref) == set()
    from plugin.flows.review import face_decisions

    face_decisions.confirm(services, face.id, "editor")
    assert cast.names_on(ref) == {"Clara"}
    assert _website(services, ref) is ClearanceStatus.CLEARED
    clock.set(clock.now().replace(day=19, hour=22, minute=59))
    calendar.sweep_endings(services)
    assert _template(services, clara)
    clock.advance(timedelta(minutes=1))  # midnight in Amsterdam
    assert _website(services, ref) is not ClearanceStatus.CLEARED
    calendar.sweep_endings(services)
    cast.work()
    assert not _template(services, clara)
    assert cast.names_on(ref) == set()
    with pytest.raises(ConsentError):
        cast.sign(clara, guardians=(_guardian(services, clara),))
    cast.sign(clara)
    cast.enrol(clara)
    assert _template(services, clara)


def test_restriction_stops_use_and_keeps_the_evidence(services: Services, cast: support.Cast, photos: Path) -> None:
    """Restricted (GDPR Art. 18): no template, no tag, no clearance, but what was signed is kept."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    assert withdrawal.stop(services, asa, StopMode.RESTRICT, None, "test") == 2
    assert _website(services, ref) is not ClearanceStatus.CLEARED
    cast.work()
    assert cast.names_on(ref) == set()
    assert not _template(services, asa)
    with services.store.read() as conn:
        (found,) = services.vault.find(conn, asa, "evidence")
        assert support.FORM.body in services.vault.open(conn, found)
        kinds = set(conn.scalars(select(t.grant.c.ended_kind)))
    assert kinds == {"restricted"}


def test_an_objection_holds_whatever_a_guardian_signs_and_survives_the_store(
    services: Services, cast: support.Cast
) -> None:
    """A child's own objection ends recognition at once; ended.log brings it back where the store lost it."""
    clara = cast.add("Clara", birth_date=date(2014, 5, 1), guardians=("Her guardian",))
    guardian = _guardian(services, clara)
    cast.sign(clara, guardians=(guardian,))
    cast.enrol(clara)
    assert withdrawal.object_to_recognition(services, clara, "test") == 1
    assert not _template(services, clara)
    with pytest.raises(ConsentError, match="objected"):
        cast.sign(clara, guardians=(guardian,))
    with services.store.write() as tx:  # an older copy of the store, which does not know of it
        tx.execute(t.person.update().values(objected_at=None))
    calendar.start_process(services)
    with pytest.raises(ConsentError, match="objected"):
        cast.sign(clara, guardians=(guardian,))


def test_an_objection_before_any_grant_is_remembered_too(services: Services, cast: support.Cast) -> None:
    """Nothing ends, and yet it counts: also after the store has lost it."""
    clara = cast.add("Clara", birth_date=date(2014, 5, 1), guardians=("Her guardian",))
    assert withdrawal.object_to_recognition(services, clara, "test") == 0
    with services.store.write() as tx:
        tx.execute(t.person.update().values(objected_at=None))
    assert calendar.start_process(services) == 1
    with pytest.raises(ConsentError, match="objected"):
        cast.sign(clara, guardians=(_guardian(services, clara),))


def test_a_renewal_without_a_gap_keeps_the_template(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    """Renewed in time, from the day the old one ends: the same template, before, at and after the change."""
    asa = cast.add("Åsa")
    end = clock.now() + 10 * DAY
    cast.sign(asa, until=end)
    cast.enrol(asa)
    before = _template(services, asa)
    clock.advance(3 * DAY)
    cast.sign(asa, start=end, lasts=30 * DAY)
    for _ in range(3):
        clock.advance(5 * DAY)
        calendar.sweep_endings(services)
        assert _template(services, asa) == before
    clock.advance(30 * DAY)
    calendar.sweep_endings(services)
    assert not _template(services, asa)


def test_after_a_gap_nobody_noticed_the_old_template_is_gone_and_a_new_one_stays(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Down across a gap between two grants: the template of the first is not carried into the second."""
    asa, bo = cast.add("Åsa"), cast.add("Bo")
    for who in (asa, bo):
        cast.sign(who, lasts=2 * DAY)
        cast.enrol(who)
        cast.sign(who, start=clock.now() + 5 * DAY, lasts=30 * DAY)
    clock.advance(6 * DAY)
    cast.enrol(bo)  # by somebody who was quicker than the sweep
    calendar.start_process(services)
    assert not _template(services, asa)
    assert _template(services, bo)
    calendar.sweep_endings(services)
    assert _template(services, bo)


def test_a_shortened_renewal_ends_on_its_own_day(
    services: Services, cast: support.Cast, photos: Path, clock: ManualClock
) -> None:
    """A year, replaced by three days: after three days nothing is left, in the file or in the store."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    template = _template(services, asa)
    cast.sign(asa, lasts=3 * DAY)
    cast.work()
    assert _template(services, asa) == template
    assert cast.names_on(ref) == {"Åsa"}
    with services.store.read() as conn:
        last = conn.scalar(select(func.max(t.clearance.c.valid_until)))
    assert last == clock.now() + 3 * DAY
    clock.advance(3 * DAY)
    assert _website(services, ref) is not ClearanceStatus.CLEARED
    calendar.sweep_endings(services)
    cast.work()
    assert not _template(services, asa)
    assert cast.names_on(ref) == set()


def test_enrolment_before_the_grant_begins_is_refused(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """A grant to come keeps no template; from its first moment on it does."""
    asa = cast.add("Åsa")
    cast.sign(asa, start=clock.now() + DAY)
    with pytest.raises(ConsentError, match="no recognition grant"):
        cast.enrol(asa)
    with services.store.read() as conn:
        assert not services.vault.has_key(conn, asa, "face")
    clock.advance(DAY)
    cast.enrol(asa)
    assert _template(services, asa)


def test_a_line_without_its_commit_ends_the_grant_at_the_next_start(
    services: Services, cast: support.Cast, photos: Path
) -> None:
    """Killed between ended.log and the commit: the next start ends it, destroys the key, and the tags go."""
    asa = cast.add("Åsa")
    ids = cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    for grant in ids.values():
        services.ended.write(Ending(asa, grant, services.clock.now(), "withdrawn"))
    assert _website(services, ref) is ClearanceStatus.CLEARED
    assert calendar.start_process(services) == 2
    assert not _template(services, asa)
    assert _website(services, ref) is not ClearanceStatus.CLEARED
    cast.work()
    assert cast.names_on(ref) == set()
    assert calendar.start_process(services) == 0, "told twice, done once"


def test_where_ended_log_cannot_be_read_it_ends_and_the_house_is_closed(
    services: Services, cast: support.Cast, tmp_path: Path
) -> None:
    """Nobody is kept from withdrawing; what can be known of the others is another matter."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    services.ended.path.unlink(missing_ok=True)
    services.ended.path.mkdir()
    assert closed_house.find_reason(services) == MISSING
    withdrawal.withdraw(services, asa, None, "test")
    assert not _template(services, asa)
    with services.store.read() as conn:
        standing = roster.load(services, conn, asa)
        assert conn.scalar(select(func.count()).where(t.job.c.kind == "revoke")) == 1
    assert standing.recognition(services.clock.now()) is None
    assert closed_house.find_reason(services) == MISSING


def test_who_comes_back_after_the_evidence_term_signs_anew(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """The record key goes with the evidence two years after the last grant; a new form makes a new one."""
    asa = cast.add("Åsa")
    cast.sign(asa, lasts=DAY)
    clock.advance(700 * DAY)
    calendar.sweep_endings(services)
    calendar.run_housekeeping(services)
    with services.store.read() as conn:
        assert services.vault.find(conn, asa, "evidence")
    clock.advance(40 * DAY)
    calendar.run_housekeeping(services)
    with services.store.read() as conn:
        assert not services.vault.has_key(conn, asa, "record")
        assert conn.scalar(select(func.count()).where(t.sealed.c.person_id == asa)) == 0
    cast.sign(asa)
    with services.store.read() as conn:
        assert len(services.vault.find(conn, asa, "evidence")) == 1


def test_the_reference_to_a_person_is_unwrapped_once_a_write(
    services: Services, cast: support.Cast, counted: Callable[[], int]
) -> None:
    """However often the log refers to them; not once their key is destroyed, and nothing outlives the write."""
    asa = cast.add("Åsa")
    with services.store.write() as tx:
        first = roster.subject(services, tx, asa)
        before = counted()
        assert [roster.subject(services, tx, asa) for _ in range(3)] == [first] * 3
        assert counted() == before
        services.vault.destroy_key(tx, asa, "record")
        assert roster.subject(services, tx, asa) is None
    bo = cast.add("Bo")
    with contextlib.suppress(RuntimeError), services.store.write() as cut:
        assert roster.subject(services, cut, bo)
        raise RuntimeError("power cut")
    assert first
    assert (tx.subjects, cut.subjects) == ({}, {})
