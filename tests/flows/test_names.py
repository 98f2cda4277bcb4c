"""Names that others wrote: linked by a decision, never taken off, and an editor's removal is a rejection."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.errors import NameTaken
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.names import dam_names
from plugin.flows.people import register
from plugin.hooks.dam import Write
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.recognizer.process.examiner import Examiner
from tests import another_program, support
from tests.crowd import A, B, Crowd
from tests.flows.test_tagging import look

REF = "shoot/one.jpg"


@pytest.fixture
def crowd(examiner: Examiner) -> Crowd:
    """Makes pictures."""
    return Crowd(examiner)


def by_hand(services: Services, photos: Path, ref: str, name: str, add: bool = True) -> None:
    """What another program does: a name put on or taken off, in every place, without a word to us."""
    services.dam.write(ref, [Write(name, add, services.dam.places)], None)
    for path in (photos / ref, photos / (ref + ".xmp")):
        if path.exists():
            support.settle(path)


def tagged(services: Services, cast: support.Cast, photos: Path, crowd: Crowd) -> str:
    """Åsa, with the machine's tag on the photograph."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    crowd.put(photos, REF, crowd.row([A[0]]))
    look(services, cast)
    assert cast.tags(asa) == {REF: "machine"}
    return asa


def test_a_name_by_hand_is_proposed_and_adopted(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd
) -> None:
    """Nobody owns it: it blocks, and is listed for linking; adopted by a decision, the tag by hand is Bo's."""
    crowd.put(photos, REF, crowd.row([B]))
    by_hand(services, photos, REF, "Bo")
    look(services, cast)
    with services.store.read() as conn:
        assert dam_names.list_unlinked(conn) == [("Bo", 1)]
    assert photo_answers.answer_photo(services, REF, "communication", "website").status is ClearanceStatus.BLOCKED
    with pytest.raises(NameTaken, match="--adopt"):
        cast.add("Bo")
    bo = register.add(services, register.Newcomer("Bo"), "test", adopt=True)
    assert cast.tags(bo) == {REF: "hand"}
    with services.store.read() as conn:
        assert dam_names.list_unlinked(conn) == []


def test_a_tag_by_hand_outlives_every_grant(services: Services, cast: support.Cast, photos: Path, crowd: Crowd) -> None:
    """It is listed for the editor, and it blocks; it does not go."""
    from plugin.flows.consent import tag_revocation

    asa = cast.add("Åsa")
    cast.sign(asa)
    crowd.put(photos, REF, crowd.row([A[0]]))
    by_hand(services, photos, REF, "Åsa")
    look(services, cast)
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    assert cast.names_on(REF) == {"Åsa"}
    assert tag_revocation.list_by_hand(services, asa) == [REF]


def test_our_tag_removed_by_an_editor_is_a_rejection(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd
) -> None:
    """Gone from the file: the face is rejected, and neither a second look nor a re-encoded file brings it back."""
    asa = tagged(services, cast, photos, crowd)
    by_hand(services, photos, REF, "Åsa", add=False)
    look(services, cast, REF)
    assert (cast.names_on(REF), cast.tags(asa)) == (set(), {})
    crowd.put(photos, REF, crowd.row([A[0]]), quality=60)
    look(services, cast, REF)
    assert (cast.names_on(REF), cast.tags(asa)) == (set(), {})
    with services.store.read() as conn:
        assert conn.execute(select(t.face.c.state)).scalar_one() == "unmatched"


def test_a_name_by_hand_that_an_editor_removed_is_not_put_back_by_the_machine(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd
) -> None:
    """Whoever took it off meant it: the machine suggests at most, and does not write."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    crowd.put(photos, REF, crowd.row([A[0]]))
    by_hand(services, photos, REF, "Åsa")
    look(services, cast)
    by_hand(services, photos, REF, "Åsa", add=False)
    look(services, cast)
    cast.enrol(asa)
    cast.open_collection()
    look(services, cast, REF)
    assert cast.names_on(REF) == set()
    with services.store.read() as conn:
        assert conn.execute(select(t.face.c.state)).scalar_one() == "suggested"


def test_removed_and_turned_at_once(services: Services, cast: support.Cast, photos: Path, crowd: Crowd) -> None:
    """An editor mirrors the picture and takes our tag off before we look: the face is not proposed again."""
    from PIL import Image

    asa = tagged(services, cast, photos, crowd)
    by_hand(services, photos, REF, "Åsa", add=False)
    crowd.put(photos, REF, crowd.row([A[0]]).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    look(services, cast, REF)
    assert (cast.names_on(REF), cast.tags(asa)) == (set(), {})
    with services.store.read() as conn:
        assert conn.execute(select(t.face.c.state)).scalar_one() == "unmatched"


def test_a_copy_carries_our_tag_as_ours(services: Services, cast: support.Cast, photos: Path, crowd: Crowd) -> None:
    """A tagged photograph is copied with its sidecar; the person withdraws: both are without the name."""
    asa = tagged(services, cast, photos, crowd)
    for suffix in ("", ".xmp"):
        if (photos / (REF + suffix)).exists():
            shutil.copyfile(photos / (REF + suffix), photos / ("shoot/copy.jpg" + suffix))
            support.settle(photos / ("shoot/copy.jpg" + suffix))
    look(services, cast)
    assert cast.tags(asa) == {REF: "machine", "shoot/copy.jpg": "machine"}
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    assert (cast.names_on(REF), cast.names_on("shoot/copy.jpg")) == (set(), set())


def test_a_twin_tagged_by_hand_stays_so(services: Services, cast: support.Cast, photos: Path, crowd: Crowd) -> None:
    """The same picture twice, ours on one and an editor's on the other: the withdrawal takes ours alone."""
    asa = tagged(services, cast, photos, crowd)
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    shutil.copyfile(photos / REF, photos / "shoot/twin.jpg")
    support.settle(photos / "shoot/twin.jpg")
    look(services, cast)
    another_program.name(photos / "shoot/twin.jpg", "Åsa")
    look(services, cast)
    assert cast.names_on("shoot/twin.jpg") == {"Åsa"}
    assert cast.tags(asa) == {"shoot/twin.jpg": "hand"}


def test_a_name_by_hand_beside_ours_stays_when_ours_goes(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd
) -> None:
    """An editor's name in one place, ours in the others: what we wrote goes, what was there stays as by hand."""
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    crowd.put(photos, REF, crowd.row([A[0]]))
    services.dam.write(REF, [Write("Åsa", True, frozenset({"exif"}))], None)
    support.settle(photos / REF)
    look(services, cast)
    assert len(services.dam.look(REF).names[0].places) > 1
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    (named,) = services.dam.look(REF).names
    assert (named.node, named.places) == ("Åsa", frozenset({"exif"}))
    assert cast.tags(asa) == {REF: "hand"}
