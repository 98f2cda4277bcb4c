"""L5: one person once in a photo; a pair that was rejected is never proposed again."""

import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import piexif
import pytest
from PIL import Image
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.matching import gallery
from plugin.flows.photos import scan_queue
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from tests import support
from tests.crowd import A, B, Crowd, jpeg

_ENGINES: tuple[dict[str, object], ...] = ({"detect_px": 480}, {"engine": "classic"})


def _pairs(services: Services, ref: str) -> list[str]:
    """The people matched or suggested on a photograph, one entry a face."""
    query = (
        select(t.face.c.person_id)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .where(t.resource.c.ref == ref, t.face.c.state.in_(("matched", "suggested")))
    )
    with services.store.read() as conn:
        return list(conn.scalars(query))


def _proposed(services: Services, ref: str, state: tuple[str, ...] = ("matched", "suggested")) -> list[int]:
    query = (
        select(t.face.c.id)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .where(t.resource.c.ref == ref, t.face.c.state.in_(state))
        .order_by(t.face.c.left)
    )
    with services.store.read() as conn:
        return list(conn.scalars(query))


def _turned(data: bytes, orientation: int) -> bytes:
    """The JPEG with another EXIF orientation, the picture's own bytes as they were."""
    exif = piexif.dump({"0th": {piexif.ImageIFD.Orientation: orientation}})
    out = BytesIO()
    piexif.insert(exif, data, out)
    return out.getvalue()


def _again(services: Services, cast: support.Cast, refs: list[str]) -> None:
    calendar.poll_dam(services)
    scan_queue.enqueue(services, refs)
    cast.work(threads=2)


@pytest.mark.promise
def test_one_person_once_and_no_rejected_pair_again(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, full: bool, promise: Callable[[str, str], None]
) -> None:
    """Crowds in which the same person seems to stand several times: one of them is named. Whoever an editor
    then rejects on a face is not proposed for it again: not by a second look, at another preview size, by
    another engine, in the file saved anew, turned by EXIF or in its pixels, or mirrored."""
    count, chance = (40 if full else 4), random.Random(5)
    crowd, photos = Crowd(examiner), tmp_path / "photos"
    config = bootstrap.resolve_models(support.configuration(tmp_path))
    pictures = {}
    for n in range(count):
        heads = chance.sample([*A, B], k=3) if n % 2 else [A[n % 3], B]
        picture = crowd.row(heads, 260, chance, tilt=45 * (n % 2))  # tilted, so that it is found turned too
        pictures[crowd.put(photos, f"shoot/{n}.jpg", picture)] = picture
    refs = sorted(pictures)
    control = crowd.row([A[0], B], 260, tilt=45)  # nobody rejects anything on it: the looks do propose
    pictures[crowd.put(photos, "shoot/control.jpg", control)] = control
    doubles = named = proposals = looks = controls = 0

    def tally(services: Services) -> None:
        nonlocal doubles, looks
        for ref in refs:
            people = _pairs(services, ref)
            doubles += len(people) - len(set(people))
            looks += 1

    def rejected(services: Services) -> None:
        """Nobody else is enrolled, so whatever is proposed now on a photograph was rejected on it before."""
        nonlocal proposals
        proposals += sum(len(_proposed(services, ref)) for ref in refs)

    with support.opened(config, clock, examiner) as services:
        cast = support.Cast(services)
        asa = cast.add("Åsa")
        cast.sign(asa)
        cast.enrol(asa)
        cast.open_collection()
        _again(services, cast, [*pictures])
        tally(services)
        named = sum(len(_proposed(services, ref)) for ref in refs)
        assert named == count
        for _ in range(3):  # every face of A is offered once, and rejected
            for face in [face for ref in refs for face in _proposed(services, ref)]:
                face_decisions.reject(services, face, "editor")
            _again(services, cast, refs)
            tally(services)
        rejected(services)
        for change in _changes(photos, pictures):
            change()
            _again(services, cast, [*pictures])
            tally(services)
            rejected(services)
            controls += len(_proposed(services, "shoot/control.jpg"))
        assert controls == len(_changes(photos, pictures))
    for number, section in enumerate(_ENGINES):
        other = config.model_copy(update={"recognizer": config.recognizer.model_copy(update=section)})
        with Examiner.from_config(other) as second, support.opened(other, clock, second) as services:
            cast = support.Cast(services)
            if "engine" in section:
                gallery.enrol(services, asa, [samples.portrait(p).read_bytes() for p in A[:2]], "test")
            fresh = crowd.put(photos, f"shoot/fresh{number}.jpg", crowd.row([A[0], B], 260))
            _again(services, cast, [*refs, fresh])
            tally(services)
            rejected(services)
            assert len(_proposed(services, fresh)) == 1
    promise("L5", f"photos {count}, looks {looks}: doubles {doubles}; re-proposals {proposals}")
    assert (doubles, proposals) == (0, 0)


def _changes(photos: Path, pictures: dict[str, Image.Image]) -> list[Callable[[], None]]:
    """What an editor's programs do to the files, one after the other."""

    def saved(change: Callable[[Image.Image], Image.Image], quality: int = 90) -> Callable[[], None]:
        def act() -> None:
            for ref, picture in pictures.items():
                (photos / ref).write_bytes(jpeg(change(picture), quality))
                support.settle(photos / ref)

        return act

    def by_exif(orientation: int) -> Callable[[], None]:
        def act() -> None:
            for ref in pictures:
                (photos / ref).write_bytes(_turned((photos / ref).read_bytes(), orientation))
                support.settle(photos / ref)

        return act

    turn = Image.Transpose
    return [
        saved(lambda picture: picture, quality=70),
        by_exif(6),
        by_exif(1),
        by_exif(2),
        saved(lambda picture: picture.transpose(turn.FLIP_LEFT_RIGHT)),
        saved(lambda picture: picture.transpose(turn.ROTATE_270)),
        saved(lambda picture: picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))),
        saved(lambda picture: picture),
    ]
