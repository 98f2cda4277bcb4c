"""An editor confirms, corrects, rejects, dismisses and takes back: what it does to the file and to the answer."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.errors import ConsentError, NotFound
from plugin.flows.clearance import cleared_photos, photo_answers
from plugin.flows.common import face_rows
from plugin.flows.common.face_rows import list_of_many
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.names import resources
from plugin.flows.photos import scan_queue
from plugin.flows.review import dismissals, face_decisions
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.crowd import A, B, Crowd

REF = "shoot/one.jpg"


def faces(services: Services) -> list[tuple[int, str, str | None]]:
    """(id, state, person) of the faces on the photograph, left to right, as they count."""
    with services.store.read() as conn:
        rows = list_of_many(conn, list(conn.scalars(select(t.resource.c.id))))
    return [(row.id, row.state, row.person_id) for row in rows]


def answer(services: Services, channel: str = "website") -> ClearanceStatus:
    return photo_answers.answer_photo(services, REF, "communication", channel).status


def stored(services: Services) -> bool:
    """Whether the stored clearance says cleared for the website now."""
    with services.store.read() as conn:
        return cleared_photos.count(conn, cleared_photos.span_now(services, "communication", "website")) > 0


@pytest.fixture
def suggested(services: Services, cast: support.Cast, photos: Path, asa: str, examiner: Examiner) -> int:
    """The face on the photograph, for which Åsa is suggested."""
    cast.open_collection(mode=Mode.SUGGEST)
    Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0]]))
    calendar.poll_dam(services)
    cast.work()
    ((face, state, person),) = faces(services)
    assert (state, person) == ("suggested", asa)
    return face


def test_confirmed(services: Services, cast: support.Cast, suggested: int, asa: str) -> None:
    """The name stands in the file, the tag is confirmed, the photograph is cleared."""
    assert answer(services) is ClearanceStatus.UNKNOWN
    face_decisions.confirm(services, suggested, "editor")
    assert cast.names_on(REF) == {"Åsa"}
    assert cast.tags(asa) == {REF: "confirmed"}
    assert (answer(services), stored(services)) == (ClearanceStatus.CLEARED, True)


def test_rejected(services: Services, cast: support.Cast, suggested: int) -> None:
    """No name, no clearance, and not proposed again."""
    face_decisions.reject(services, suggested, "editor")
    scan_queue.enqueue(services, [REF])
    cast.work()
    assert [state for _, state, _ in faces(services)] == ["rejected"]
    assert cast.names_on(REF) == set()
    assert (answer(services), stored(services)) == (ClearanceStatus.UNKNOWN, False)


def test_a_name_that_goes_meanwhile_leaves_nothing_to_decide(
    services: Services, cast: support.Cast, suggested: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suggestion ends after the editor's page was made: that is said, and nothing is stored."""
    load = face_decisions.load_face

    def late(house: Services, face_id: int) -> tuple[face_decisions.FaceOnPhoto, resources.EnteredResource]:
        found = load(house, face_id)
        with house.store.write() as tx:
            face_rows.set_state(tx, face_id, "unmatched")
        return found

    face_decisions.confirm(services, suggested, "editor")
    monkeypatch.setattr(face_decisions, "load_face", late)
    for act, said in ((face_decisions.undo_decision, "nothing to undo"), (face_decisions.reject, "nothing to reject")):
        with pytest.raises(ConsentError, match=said):
            act(services, suggested, "editor")
    assert cast.names_on(REF) == {"Åsa"}


def test_a_confirmed_face_rejected_after_all(services: Services, cast: support.Cast, suggested: int) -> None:
    """The name goes from the file, and with it the clearance."""
    face_decisions.confirm(services, suggested, "editor")
    face_decisions.reject(services, suggested, "editor")
    assert cast.names_on(REF) == set()
    assert (answer(services), stored(services)) == (ClearanceStatus.UNKNOWN, False)


def test_taken_back(services: Services, cast: support.Cast, suggested: int, asa: str) -> None:
    """After an undo the face is as it was before: suggested, the file without a name."""
    for decide in (face_decisions.confirm, face_decisions.reject):
        decide(services, suggested, "editor")
        face_decisions.undo_decision(services, suggested, "editor")
        cast.work()
        assert faces(services) == [(suggested, "suggested", asa)]
        assert cast.names_on(REF) == set()
        assert not stored(services)
    with pytest.raises(ConsentError, match="nothing to undo"):
        face_decisions.undo_decision(services, suggested, "editor")


def test_dismissed(services: Services, cast: support.Cast, suggested: int) -> None:
    """Where it shows no person the face no longer keeps the photograph; a reason that is none is refused."""
    with pytest.raises(ConsentError, match="no_person, too_small, bystander, objects, other"):
        dismissals.parse_dismissal("  ")
    face_decisions.confirm(services, suggested, "editor")
    dismissals.dismiss(services, suggested, Dismissal.NO_PERSON, "editor", "statue")
    assert cast.names_on(REF) == set()
    assert answer(services) is ClearanceStatus.NO_PERSON_FOUND
    scan_queue.enqueue(services, [REF])
    cast.work()
    assert [state for _, state, _ in faces(services)] == ["dismissed"]


def test_named_and_dismissed_by_a_reason_that_settles_nothing(
    services: Services, cast: support.Cast, suggested: int
) -> None:
    """The name comes off the file; what was cleared is unknown at once, in what is stored as well, and stays so."""
    face_decisions.confirm(services, suggested, "editor")
    assert (answer(services), stored(services)) == (ClearanceStatus.CLEARED, True)
    dismissals.dismiss(services, suggested, Dismissal.OBJECTS, "editor")
    assert cast.names_on(REF) == set()
    assert (answer(services), stored(services)) == (ClearanceStatus.UNKNOWN, False)
    scan_queue.enqueue(services, [REF])
    cast.work()
    assert (answer(services), stored(services)) == (ClearanceStatus.UNKNOWN, False)
    face_decisions.undo_decision(services, suggested, "editor")
    assert [state for _, state, _ in faces(services)] == ["unmatched"]


def test_a_name_by_hand_stays_beside_a_dismissed_face(
    services: Services, cast: support.Cast, photos: Path, suggested: int
) -> None:
    """A face is dismissed as of somebody who objects, and the name stands there by hand: neither clears the other."""
    face_decisions.confirm(services, suggested, "editor")
    with services.store.write() as tx:
        tx.execute(update(t.tag).values(origin="hand"))
    dismissals.dismiss(services, suggested, Dismissal.OBJECTS, "editor")
    assert cast.names_on(REF) == {"Åsa"}
    assert (answer(services), stored(services)) == (ClearanceStatus.UNKNOWN, False)


def test_corrected(
    services: Services, cast: support.Cast, photos: Path, suggested: int, asa: str, examiner: Examiner
) -> None:
    """It is Eva, not Åsa: one name goes, the other comes, and Åsa is not proposed again, in the file saved anew."""
    eva = cast.add("Eva")
    with pytest.raises(ConsentError, match="no grant in force"):
        face_decisions.confirm(services, suggested, "editor", eva)
    cast.sign(eva, recognition=False)
    face_decisions.confirm(services, suggested, "editor")
    face_decisions.confirm(services, suggested, "editor", eva)
    assert cast.names_on(REF) == {"Eva"}
    assert (cast.tags(asa), cast.tags(eva)) == ({}, {REF: "confirmed"})
    Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0]]), quality=60)
    calendar.poll_dam(services)
    cast.work()
    assert [state for _, state, _ in faces(services)] == ["unmatched"]


def test_somebody_is_in_a_photograph_once(
    services: Services, cast: support.Cast, photos: Path, asa: str, examiner: Examiner
) -> None:
    """Named on one face, she cannot be named on another as well."""
    cast.open_collection()
    Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0], B]))
    calendar.poll_dam(services)
    cast.work()
    left, right = faces(services)
    assert left[1:] == ("matched", asa)
    with pytest.raises(ConsentError, match="already"):
        face_decisions.confirm(services, right[0], "editor", asa)


def test_a_machine_tag_confirmed_while_it_is_being_written(
    services: Services, cast: support.Cast, suggested: int, asa: str
) -> None:
    """The machine's own intent lands after the editor's: confirmed it stays."""
    from plugin.flows.names import resources
    from plugin.flows.tags import intents

    face_decisions.confirm(services, suggested, "editor")
    cast.open_collection(mode=Mode.AUTO)
    arrival = resources.enter(services, REF)
    with services.store.write() as tx:
        proposal = intents.NewIntent(arrival.resource_id, asa, "Åsa", "add", "machine", frozenset({"exif"}), suggested)
        late = intents.propose(services, tx, proposal)
    assert intents.carry_out(services, late) == "done"
    assert cast.tags(asa) == {REF: "confirmed"}


def test_a_suggestion_waits_so_many_days(
    services: Services, cast: support.Cast, suggested: int, clock: ManualClock
) -> None:
    """After review.days it goes, with its distance; one decided on stays."""
    clock.advance(timedelta(days=services.config.review.days, seconds=1))
    assert calendar.run_housekeeping(services)["suggestions"] == 1
    assert [state for _, state, _ in faces(services)] == ["unmatched"]
    with services.store.read() as conn:
        assert conn.execute(select(t.face.c.distance)).scalar_one() is None


def test_a_suggestion_goes_with_recognition(services: Services, cast: support.Cast, suggested: int, asa: str) -> None:
    """In the commit that ends it, not in a job after it; confirming by name is still possible while publication is."""
    with services.store.read() as conn:
        recognition = conn.execute(select(t.grant.c.id).where(t.grant.c.kind == "recognition")).scalar_one()
    withdrawal.withdraw(services, asa, {recognition}, "test")
    assert faces(services) == [(suggested, "unmatched", None)]
    with pytest.raises(ConsentError, match="--person"):
        face_decisions.confirm(services, suggested, "editor")
    face_decisions.confirm(services, suggested, "editor", asa)
    assert cast.names_on(REF) == {"Åsa"}


def test_recognition_ends_and_what_rested_on_the_match_alone_is_not_cleared(
    services: Services, cast: support.Cast, photos: Path, asa: str, examiner: Examiner
) -> None:
    """The machine's match clears here; in the commit that ends recognition it does not, before and after the job."""
    cast.open_collection()
    Crowd(examiner).put(photos, REF, Crowd(examiner).row([A[0]]))
    calendar.poll_dam(services)
    cast.work()
    assert (answer(services), stored(services)) == (ClearanceStatus.CLEARED, True)
    with services.store.read() as conn:
        recognition = conn.execute(select(t.grant.c.id).where(t.grant.c.kind == "recognition")).scalar_one()
    withdrawal.withdraw(services, asa, {recognition}, "test")
    assert (answer(services), stored(services)) == (ClearanceStatus.UNKNOWN, False)
    cast.work()
    assert cast.names_on(REF) == set()
    assert (answer(services), stored(services)) == (ClearanceStatus.UNKNOWN, False)


def test_what_is_not_there(services: Services, cast: support.Cast, suggested: int) -> None:
    """A face nobody knows; a face without a candidate."""
    with pytest.raises(NotFound, match="review list"):
        face_decisions.confirm(services, 999, "editor")
    face_decisions.reject(services, suggested, "editor")
    with pytest.raises(ConsentError, match="nothing to reject"):
        face_decisions.reject(services, suggested, "editor")
