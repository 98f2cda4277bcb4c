"""The spine: a photo arrives, people who agreed are tagged; the lease ends, the tags are gone."""

from datetime import timedelta
from pathlib import Path

from PIL import Image
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from sidecar.commands.demo import samples
from tests import support


def test_who_agreed_is_tagged_and_who_did_not_is_a_box(services: Services, cast: support.Cast, photos: Path) -> None:
    """One photograph of Åsa and a stranger: her name, his box, and no answer for him."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    ref = support.together(photos, "shoot/both.jpg", samples.A_STANDING, samples.B_STANDING)
    calendar.poll_dam(services)
    cast.work()
    assert cast.names_on(ref) == {"Åsa"}
    with services.store.read() as conn:
        states = conn.scalars(select(t.face.c.state).order_by(t.face.c.left)).all()
    assert states == ["matched", "unmatched"]
    assert photo_answers.answer_photo(services, ref, "communication", "website").status is ClearanceStatus.UNKNOWN


def test_a_lease_that_ends_takes_its_tags(
    services: Services, cast: support.Cast, photos: Path, clock: ManualClock
) -> None:
    """After the end: no name in the file or beside it, no key, no clearance; the pixels are untouched."""
    asa = cast.add("Åsa")
    cast.sign(asa, lasts=timedelta(days=10))
    cast.enrol(asa)
    cast.open_collection()
    ref = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    with Image.open(photos / ref) as picture:
        before = picture.tobytes()
    calendar.poll_dam(services)
    cast.work()
    assert cast.names_on(ref) == {"Åsa"}
    assert photo_answers.answer_photo(services, ref, "communication", "website").status is ClearanceStatus.CLEARED
    assert photo_answers.answer_photo(services, ref, "communication", "press").status is ClearanceStatus.BLOCKED
    clock.advance(timedelta(days=10))
    assert calendar.sweep_endings(services) == 2
    assert photo_answers.answer_photo(services, ref, "communication", "website").status is not ClearanceStatus.CLEARED
    cast.work()
    assert cast.names_on(ref) == set()
    assert "Åsa".encode("utf-16-le") not in (photos / ref).read_bytes()
    assert not list((photos / "shoot").glob("*.xmp"))
    with Image.open(photos / ref) as picture:
        assert picture.tobytes() == before
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).where(t.person_key.c.purpose == "face")) == 0


def test_recognition_withdrawn_keeps_what_an_editor_confirmed(
    services: Services, cast: support.Cast, photos: Path
) -> None:
    """Machine tags go with recognition; a confirmed one stays as the editor's own while publication is valid."""
    asa = cast.add("Åsa")
    grants = cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    first = support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    second = support.put(photos, "shoot/two.jpg", samples.A_FRONT)
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        face = conn.scalar(
            select(t.face.c.id)
            .join(t.resource, t.resource.c.id == t.face.c.resource_id)
            .where(t.resource.c.ref == first)
        )
    assert face is not None
    face_decisions.confirm(services, face, "editor")
    withdrawal.withdraw(services, asa, {grants["recognition"]}, "test")
    cast.work()
    assert cast.names_on(first) == {"Åsa"}
    assert cast.names_on(second) == set()
    assert cast.tags(asa) == {first: "hand"}
