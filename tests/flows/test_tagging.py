"""A photo arrived: what each mode does with it, and what becomes of it when file, folder or mode change."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import piexif
import pytest
from PIL import Image
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.clearance import photo_answers
from plugin.flows.collections import modes
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import gallery
from plugin.flows.photos import scan_queue
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Picture
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.examination.messages import Examination, ExaminationRequest
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.crowd import A, B, Crowd, jpeg

EVIDENCE = BasisEvidence("list of who was asked", "the administrator")


@pytest.fixture
def crowd(examiner: Examiner) -> Crowd:
    """Makes pictures."""
    return Crowd(examiner)


def faces_on(services: Services, ref: str) -> list[str]:
    """The states of a photograph's faces, left to right."""
    query = (
        select(t.face.c.state)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .where(t.resource.c.ref == ref)
        .order_by(t.face.c.left)
    )
    with services.store.read() as conn:
        return list(conn.scalars(query))


def resource(services: Services, ref: str) -> tuple[str, str]:
    """How far a photograph was examined, and why no further."""
    with services.store.read() as conn:
        row = conn.execute(select(t.resource).where(t.resource.c.ref == ref)).one()
    return row.examined, row.examined_reason or ""


def set_mode(services: Services, ref: str, mode: Mode, *members: str) -> None:
    basis = (Basis.SHOOT if members else Basis.ALL_ASKED) if mode in {Mode.SUGGEST, Mode.AUTO} else None
    modes.decide(services, ref, modes.Ruling(mode, basis, EVIDENCE, members), "test")


def look(services: Services, cast: support.Cast, *again: str) -> None:
    """Poll, examine `again` once more, and run the jobs."""
    calendar.poll_dam(services)
    scan_queue.enqueue(services, again)
    cast.work()


@pytest.mark.parametrize(
    ("outer", "inner", "faces", "names"),
    [
        (Mode.OFF, None, [], set()),
        (Mode.DETECT, None, ["unmatched", "unmatched"], set()),
        (Mode.SUGGEST, None, ["suggested", "unmatched"], set()),
        (Mode.AUTO, None, ["matched", "unmatched"], {"Åsa"}),
        (Mode.NEVER, None, [], set()),
        (Mode.AUTO, Mode.OFF, ["matched", "unmatched"], {"Åsa"}),
        (Mode.AUTO, Mode.DETECT, ["matched", "unmatched"], {"Åsa"}),
        (Mode.SUGGEST, Mode.AUTO, ["matched", "unmatched"], {"Åsa"}),
        (Mode.AUTO, Mode.NEVER, [], set()),
        (Mode.NEVER, Mode.AUTO, [], set()),
        (Mode.OFF, Mode.SUGGEST, ["suggested", "unmatched"], set()),
    ],
)
def test_each_mode_and_the_widest_of_nested_ones(
    services: Services,
    cast: support.Cast,
    photos: Path,
    crowd: Crowd,
    asa: str,
    outer: Mode,
    inner: Mode | None,
    faces: list[str],
    names: set[str],
) -> None:
    """A photograph in a folder in a folder: the widest mode holds, and never forbids whatever the other says."""
    (photos / "shoot" / "day").mkdir()
    set_mode(services, "shoot", outer)
    if inner is not None:
        set_mode(services, "shoot/day", inner)
    ref = crowd.put(photos, "shoot/day/one.jpg", crowd.row([A[0], B]))
    look(services, cast)
    assert faces_on(services, ref) == faces
    assert cast.names_on(ref) == names
    if not faces:
        assert resource(services, ref) == ("no", "recognition_off")
        assert photo_answers.answer_photo(services, ref, "communication", "website").status is ClearanceStatus.UNKNOWN


def test_a_shoot_names_only_those_who_signed_up(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """Bo is enrolled too, yet in a shoot of Åsa's alone he is not even compared; out of it she is not suggested."""
    bo = cast.add("Bo")
    cast.sign(bo)
    cast.enrol(bo, samples.B_STANDING)
    set_mode(services, "shoot", Mode.SUGGEST, "Åsa")
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0], B]))
    look(services, cast)
    assert faces_on(services, ref) == ["suggested", "unmatched"]
    set_mode(services, "shoot", Mode.SUGGEST, "Bo")
    cast.work()
    assert faces_on(services, ref) == ["unmatched", "unmatched"]


class Interrupted(Recogniser):
    """The recogniser; after each examination, before anything of it is stored, something happens once."""

    def __init__(self, examiner: Examiner, act: Callable[[], None]) -> None:
        super().__init__(examiner)
        self._act: Callable[[], None] | None = act

    def examine(self, picture: Picture, request: ExaminationRequest) -> Examination:
        found = super().examine(picture, request)
        act, self._act = self._act, None
        if act is not None:
            act()
        return found


def interrupted(services: Services, examiner: Examiner, act: Callable[[], None]) -> support.Cast:
    from dataclasses import replace

    return support.Cast(replace(services, faces=Interrupted(examiner, act)))


def test_a_collection_switched_off_while_it_is_examined(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str, examiner: Examiner
) -> None:
    """Between the match and its commit the collection is switched off: nothing lands."""
    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    calendar.poll_dam(services)
    interrupted(services, examiner, lambda: set_mode(services, "shoot", Mode.OFF)).work()
    assert faces_on(services, ref) == []
    assert cast.names_on(ref) == set()


def test_a_gallery_that_moves_while_a_photograph_is_examined(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str, examiner: Examiner
) -> None:
    """Another thread has opened the new gallery already: what was matched with the old one lands all the same never."""
    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    calendar.poll_dam(services)

    def withdrawn() -> None:
        withdrawal.withdraw(services, asa, None, "test")
        gallery.refresh(moving.services)

    moving = interrupted(services, examiner, withdrawn)
    moving.work()
    assert faces_on(services, ref) == ["unmatched"]
    assert cast.names_on(ref) == set()


def test_a_face_confirmed_meanwhile_is_not_doubled(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str, examiner: Examiner
) -> None:
    """While the left face is being matched, an editor says that the right one is Åsa: she is there once."""
    set_mode(services, "shoot", Mode.DETECT)
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0], B]))
    look(services, cast)
    set_mode(services, "shoot", Mode.AUTO)
    cast.work()
    with services.store.read() as conn:
        right = conn.execute(select(t.face.c.id).order_by(t.face.c.left.desc())).scalars().first()
    assert right is not None
    scan_queue.enqueue(services, [ref])
    interrupted(services, examiner, lambda: _confirm(services, right, asa)).work()
    assert faces_on(services, ref) == ["unmatched", "matched"]


def _confirm(services: Services, face: int, person: str) -> None:
    face_decisions.confirm(services, face, "editor", person)


def test_a_broken_photograph_says_why_and_is_not_cleared(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """Cut off in the middle of its header: examined no, with a reason; the one beside it is tagged."""
    cast.open_collection()
    crowd.put(photos, "shoot/bad.jpg", crowd.row([A[0]]))
    (photos / "shoot/bad.jpg").write_bytes((photos / "shoot/bad.jpg").read_bytes()[:200])
    support.settle(photos / "shoot/bad.jpg")
    good = crowd.put(photos, "shoot/good.jpg", crowd.row([A[0]]))
    look(services, cast)
    examined, reason = resource(services, "shoot/bad.jpg")
    assert examined == "no"
    assert reason
    assert (
        photo_answers.answer_photo(services, "shoot/bad.jpg", "communication", "website").status
        is ClearanceStatus.UNKNOWN
    )
    assert cast.names_on(good) == {"Åsa"}


def test_an_animated_file_is_examined_partly_and_never_cleared(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """Who is on its other pictures nobody knows."""
    cast.open_collection()
    frames = [crowd.row([prefix]) for prefix in (A[0], B)]
    frames[0].save(photos / "shoot/two.gif", save_all=True, append_images=frames[1:], duration=200)
    support.settle(photos / "shoot/two.gif")
    look(services, cast)
    assert resource(services, "shoot/two.gif")[0] == "partly"
    assert (
        photo_answers.answer_photo(services, "shoot/two.gif", "communication", "website").status
        is ClearanceStatus.UNKNOWN
    )


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_replaced_file(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str, confirmed: bool
) -> None:
    """Another picture under the same name: the machine's tag goes with the face, what an editor confirmed stays."""
    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.png.jpg", crowd.row([A[0]]))
    look(services, cast)
    if confirmed:
        with services.store.read() as conn:
            face = conn.scalar(select(t.face.c.id))
        assert face is not None
        face_decisions.confirm(services, face, "editor")
    tagged = piexif.load((photos / ref).read_bytes())
    new = BytesIO()
    crowd.row([B]).save(new, "JPEG", exif=piexif.dump(tagged))
    (photos / ref).write_bytes(new.getvalue())
    support.settle(photos / ref)
    look(services, cast)
    assert faces_on(services, ref) == ["unmatched"]
    assert cast.names_on(ref) == ({"Åsa"} if confirmed else set())
    assert photo_answers.answer_photo(services, ref, "communication", "website").status is ClearanceStatus.UNKNOWN


def test_a_replaced_file_in_a_collection_that_was_switched_off(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """Nobody may look at the new picture, so the machine's word on the old one goes."""
    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    look(services, cast)
    set_mode(services, "shoot", Mode.OFF)
    exif = piexif.dump(piexif.load((photos / ref).read_bytes()))
    new = BytesIO()
    crowd.row([B]).save(new, "JPEG", exif=exif)
    (photos / ref).write_bytes(new.getvalue())
    support.settle(photos / ref)
    look(services, cast)
    assert (faces_on(services, ref), cast.names_on(ref)) == ([], set())


def test_a_moved_photograph_keeps_what_was_decided(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """The same rejection at its new place; moved to where recognition is off, its suggestion goes."""
    cast.open_collection(mode=Mode.SUGGEST)
    one = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    two = crowd.put(photos, "shoot/two.jpg", crowd.row([A[1]]))
    look(services, cast)
    with services.store.read() as conn:
        face = conn.scalar(
            select(t.face.c.id).join(t.resource, t.resource.c.id == t.face.c.resource_id).where(t.resource.c.ref == one)
        )
    assert face is not None
    face_decisions.reject(services, face, "editor")
    (photos / one).rename(photos / "shoot/moved.jpg")
    (photos / "elsewhere").mkdir()
    (photos / two).rename(photos / "elsewhere/two.jpg")
    look(services, cast, "shoot/moved.jpg")
    assert faces_on(services, "shoot/moved.jpg") == ["rejected"]
    assert faces_on(services, "elsewhere/two.jpg") == ["unmatched"]


def test_a_photograph_that_was_looked_for_before_its_move_was_told(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """A job finds the old path empty before the poll tells where it went: the rejection holds all the same."""
    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    look(services, cast)
    with services.store.read() as conn:
        face = conn.scalar(select(t.face.c.id))
    assert face is not None
    face_decisions.reject(services, face, "editor")
    (photos / ref).rename(photos / "shoot/new.jpg")
    beside = photos / (ref + ".xmp")
    if beside.exists():
        beside.rename(photos / "shoot/new.jpg.xmp")
    scan_queue.enqueue(services, [ref])
    cast.work()
    look(services, cast)
    assert cast.names_on("shoot/new.jpg") == set()
    assert "matched" not in faces_on(services, "shoot/new.jpg")


def test_a_deleted_photograph_is_forgotten_and_our_tag_comes_back_as_ours(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """Restored from a copy with our tag in it, after the person withdrew: the tag goes again."""
    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    crowd.put(photos, "shoot/other.jpg", crowd.row([B]))
    look(services, cast)
    kept = {path.name: path.read_bytes() for path in (photos / "shoot").iterdir() if path.name.startswith("one")}
    for name in kept:
        (photos / "shoot" / name).unlink()
    look(services, cast)
    assert faces_on(services, ref) == []
    withdrawal.withdraw(services, asa, None, "test")
    cast.work()
    for name, body in kept.items():
        (photos / "shoot" / name).write_bytes(body)
        support.settle(photos / "shoot" / name)
    look(services, cast)
    assert cast.names_on(ref) == set()


def test_boxes_are_of_the_upright_picture(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """A file that lies on its side, with the orientation that says so; turned by an editor it is examined anew."""
    cast.open_collection()
    picture = crowd.row([B, A[0]], 260)
    exif = piexif.dump({"0th": {piexif.ImageIFD.Orientation: 6}})
    lying = BytesIO()
    piexif.insert(exif, jpeg(picture.transpose(Image.Transpose.ROTATE_90)), lying)
    (photos / "shoot/lying.jpg").write_bytes(lying.getvalue())
    support.settle(photos / "shoot/lying.jpg")
    look(services, cast)
    assert faces_on(services, "shoot/lying.jpg") == ["unmatched", "matched"]
    with services.store.read() as conn:
        before = conn.execute(select(t.resource.c.file_version)).scalar_one()
    data = (photos / "shoot/lying.jpg").read_bytes()
    tree = piexif.load(data)
    tree["0th"][piexif.ImageIFD.Orientation] = 8
    turned = BytesIO()
    piexif.insert(piexif.dump(tree), data, turned)
    (photos / "shoot/lying.jpg").write_bytes(turned.getvalue())
    support.settle(photos / "shoot/lying.jpg")
    look(services, cast)
    with services.store.read() as conn:
        assert conn.execute(select(t.resource.c.file_version)).scalar_one() != before
    assert "matched" not in faces_on(services, "shoot/lying.jpg")  # upside down nobody is recognised


def test_a_child_is_suggested_and_never_named_by_the_machine(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, clock: ManualClock
) -> None:
    """Clara is twelve, her guardian signed."""
    from plugin.flows.people import register

    clara = cast.add("Clara", birth_date=(clock.now() - timedelta(days=12 * 366)).date(), guardians=("Guardian",))
    with services.store.read() as conn:
        guardian = str(register.guardians_of(services, conn, clara)[0]["id"])
    cast.sign(clara, guardians=(guardian,))
    cast.enrol(clara)
    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    look(services, cast)
    assert faces_on(services, ref) == ["suggested"]
    assert cast.names_on(ref) == set()


def test_people_who_look_alike_are_only_suggested(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """Eva cannot be told from Åsa: neither is named without an editor."""
    eva = cast.add("Eva")
    cast.sign(eva)
    cast.enrol(eva, samples.A_STANDING)
    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    look(services, cast)
    assert faces_on(services, ref) == ["suggested"]
    assert cast.names_on(ref) == set()


def test_a_tag_written_while_another_job_was_looking_is_not_taken_for_removed(
    services: Services, cast: support.Cast, photos: Path, crowd: Crowd, asa: str
) -> None:
    """What one look saw is older than what was written since: no rejection, and the tag stays ours."""
    from plugin.flows.names import dam_names, resources

    cast.open_collection()
    ref = crowd.put(photos, "shoot/one.jpg", crowd.row([A[0]]))
    calendar.poll_dam(services)
    with services.store.read() as conn:
        settled = dam_names.list_settled(conn, ref)
    seen = services.dam.look(ref)
    cast.work()
    resources.register(services, seen, settled)
    assert cast.tags(asa) == {ref: "machine"}
    with services.store.read() as conn:
        assert conn.execute(select(t.rejection)).all() == []
