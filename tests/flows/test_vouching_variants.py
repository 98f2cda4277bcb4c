"""What an account that knows a face says, and of what: of the face that it names, not of pictures it has not seen."""

import random
from pathlib import Path

import pytest

from plugin.flows.common import reference_sets
from plugin.flows.common.reference_sets import PictureSource
from plugin.flows.common.services import Services
from plugin.flows.matching import gallery
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.crowd import A, B, Crowd
from tests.support import find_face

EDITOR = "dam:editor"


@pytest.fixture
def mallory(services: Services, cast: support.Cast, photos: Path, examiner: Examiner) -> str:
    """She was invited by a link, and sent three pictures of somebody else; there is a photograph of each alone."""
    cast.open_collection(mode=Mode.AUTO)
    crowd, who = Crowd(examiner), cast.add("Mallory Sample")
    cast.sign(who)
    bodies = [samples.portrait(prefix).read_bytes() for prefix in A]
    with services.store.write() as tx:
        source = PictureSource("link", "link", "dam:inviter")
        gallery.enrol_in(services, tx, who, services.faces.enrol(bodies), bodies, "person", source)
    crowd.put(photos, "shoot/other.jpg", crowd.row([A[0]], cell=240, chance=random.Random(1)))
    crowd.put(photos, "shoot/herself.jpg", crowd.row([B], cell=240, chance=random.Random(2)))
    calendar.poll_dam(services)
    cast.work()
    return who


def declared(services: Services, person_id: str) -> bool:
    with services.store.read() as conn:
        return not any(reference_sets.is_vouched(row) for row in reference_sets.list_of(conn, person_id))


@pytest.mark.parametrize("before", ["unmatched", "typed first"])
def test_who_names_her_own_face_vouches_for_no_pictures_of_another(
    services: Services, mallory: str, cast: support.Cast, before: str
) -> None:
    """ "I know Mallory by sight" on her own photograph says nothing of the pictures that she sent."""
    herself = find_face(services, "shoot/herself.jpg")
    if before == "typed first":
        face_decisions.confirm(services, herself, EDITOR, mallory)
    face_decisions.confirm(services, herself, EDITOR, mallory, "met")
    cast.work()
    assert declared(services, mallory)
    assert face_decisions.is_sound(services, herself), "the name itself is the account's own knowledge"
    other = face_decisions.find_face(services, find_face(services, "shoot/other.jpg"))
    assert other.state == "suggested"


def test_who_knows_the_face_that_the_pictures_found_vouches_for_them(services: Services, mallory: str) -> None:
    face_decisions.confirm(services, find_face(services, "shoot/other.jpg"), EDITOR, None, "met")
    assert not declared(services, mallory)
