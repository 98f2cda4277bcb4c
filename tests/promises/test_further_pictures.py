"""U1, part one: files that hold more than their main picture shows are never examined whole; ordinary ones are."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from plugin.clock import ManualClock
from plugin.config import Config, RecognizerSection
from plugin.flows.clearance import photo_answers
from plugin.flows.photos import scan_queue
from plugin.flows.schedule import calendar
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.engines.registry import open_engine
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.examination.messages import ExaminationRequest
from plugin.recognizer.matching.gallery import Gallery
from plugin.recognizer.pictures.partial_reasons import Partly
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import further, support
from tests.support import SHOOT, Cast, settle

Promise = Callable[[str, str], None]
REQUEST = ExaminationRequest(datetime(2026, 3, 2, tzinfo=UTC), compare=False)
NOBODY = Gallery([], 1.0)
KINDS = dict([*further.jpegs(), *further.others()])
CODES = {
    "mp4 behind": {Partly.FILM},
    "film behind heif": {Partly.FILM},
    "wav behind": {Partly.SOUND},
    "zip behind": {Partly.BEHIND},
    "mpo": {Partly.OTHER_PICTURE},
    "exif thumbnail": {Partly.OTHER_PICTURE},
    "apng": {Partly.FRAMES},
    "tiff pages": {Partly.PAGES},
    "tiff layers": {Partly.LAYERS},
    "psd behind": {Partly.UNREAD_PICTURE},
    "on black only": {Partly.TRANSPARENT},
}


def portrait(prefix: str, part: tuple[int, int, int, int] | None = None) -> Image.Image:
    """A sample portrait without what its file says."""
    with Image.open(samples.portrait(prefix)) as image:
        return image.convert("RGB").resize((400, 400), box=part)


def beside(*faces: Image.Image) -> Image.Image:
    """Two places beside each other, one of them perhaps empty."""
    page = Image.new("RGB", (2 * faces[0].width, faces[0].height), (120, 110, 100))
    for place, face in enumerate(faces):
        page.paste(face, (place * face.width, 0))
    return page


ONE, OTHER = samples.A_FRONT, samples.B_STANDING


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """The default engine, in this process."""
    config = Config(recognizer=RecognizerSection(cache=str(Path(".cache/models").resolve())))
    return Pipeline(
        open_engine(config.recognizer, config.path(config.recognizer.cache)), config.recognizer, config.matching
    )


@pytest.fixture(scope="module")
def scenes() -> tuple[Image.Image, Image.Image]:
    """Somebody alone, and the same photograph with somebody beside them."""
    one, other = portrait(ONE), portrait(OTHER, (115, 0, 970, 855))
    for image in (one, other):
        image.info.clear()
    return beside(one), beside(one, other)


def face_of(pipeline: Pipeline, picture: Image.Image) -> tuple[int, int, int, int]:
    """Where the first face is."""
    x, y, w, h = pipeline.see(further.saved(picture, "PNG")).faces.boxes[0]
    return int(x), int(y), int(x + w), int(y + h)


@pytest.mark.promise
def test_a_file_that_holds_more_than_was_looked_at_is_never_whole(
    pipeline: Pipeline, scenes: tuple[Image.Image, Image.Image], promise: Promise
) -> None:
    """Each kind of further picture, film, sound and remainder, one by one."""
    main, other = scenes
    assert len(pipeline.see(further.saved(main)).faces) == 1
    assert len(pipeline.see(further.saved(other)).faces) == 2
    notes = {name: pipeline.examine(make(main, other), REQUEST, NOBODY).note for name, make in KINDS.items()}
    missed = [name for name, note in notes.items() if not note]
    promise("U1", f"kinds of further pictures {len(notes)}: examined whole {len(missed)}")
    assert not missed
    assert len(notes) >= 80
    assert all(codes <= set(notes[name].split()) for name, codes in CODES.items())


@pytest.mark.promise
def test_a_face_made_unknown_is_known_by_no_thumbnail(
    pipeline: Pipeline, scenes: tuple[Image.Image, Image.Image], promise: Promise
) -> None:
    """Blurred, in blocks, barred, replaced: the thumbnail of before shows who it was, at each size."""
    main, other = scenes
    face = face_of(pipeline, main)
    makers: tuple[further.Maker, ...] = (
        lambda m, t: further.saved(m, exif=further.exif(further.saved(t))),
        lambda m, t: further.saved(m, "MPO", save_all=True, append_images=[t.copy()]),
    )
    missed = count = 0
    for how in ("blurred", "pixels", "barred", "replaced"):
        changed = further.retouched(main, face, how, other.crop((450, 0, 750, 350)))
        for side in (160, 240, 320):
            for make in makers:
                count += 1
                missed += pipeline.examine(make(changed, further.small(main, side)), REQUEST, NOBODY).whole
    promise("U1", f"faces made unknown, known by a thumbnail {count}: examined whole {missed}")
    assert not missed


@pytest.mark.promise
def test_an_ordinary_file_stays_whole(
    pipeline: Pipeline, scenes: tuple[Image.Image, Image.Image], promise: Promise
) -> None:
    """Thumbnails, previews, gain maps, padding and what cameras write: nothing of it is anybody else."""
    notes = {
        (name, place): pipeline.examine(make(scene), REQUEST, NOBODY).note
        for place, scene in enumerate(scenes)
        for name, make in further.ordinary()
    }
    partly = {what: note for what, note in notes.items() if note}
    promise("U1", f"ordinary files whole {len(notes) - len(partly)} of {len(notes)}")
    assert not partly


@pytest.mark.promise
def test_no_such_photograph_is_cleared(
    examiner: Examiner, scenes: tuple[Image.Image, Image.Image], tmp_path: Path, promise: Promise
) -> None:
    """Through a real house: a person who signed is on the photograph, somebody else is in its file."""
    main, other = scenes
    chosen = [*random.Random(3).sample(sorted(KINDS), 6), "exif thumbnail", "tiff preview first", "mp4 behind"]
    clock = ManualClock(datetime(2026, 3, 2, 12, tzinfo=UTC))
    folder = tmp_path / "photos" / SHOOT
    folder.mkdir(parents=True)
    with support.opened(support.configuration(tmp_path), clock, examiner) as services:
        cast = Cast(services)
        person = cast.add("Åsa Sample")
        cast.sign(person)
        cast.enrol(person)
        cast.open_collection(SHOOT, Mode.AUTO)
        files = {name: KINDS[name](main, other) for name in chosen} | {"ordinary": further.saved(main)}
        refs = {}
        for number, (name, data) in enumerate(files.items()):
            path = folder / f"{number}.{_ending(data)}"
            path.write_bytes(data)
            settle(path)
            refs[name] = f"{SHOOT}/{path.name}"
        calendar.poll_dam(services)
        cast.work()
        scan_queue.enqueue(services, list(scan_queue.list_due(services, (), False)))
        cast.work()
        answers = {
            name: photo_answers.answer_photo(services, ref, "communication", "website").status.value
            for name, ref in refs.items()
        }
    assert answers.pop("ordinary") == "cleared"
    cleared = [name for name, answer in answers.items() if answer == "cleared"]
    promise("U1", f"files that hold more, through a house: cleared {len(cleared)} of {len(answers)}")
    assert not cleared


def _ending(data: bytes) -> str:
    for start, ending in (
        (b"\xff\xd8", "jpg"),
        (b"\x89PNG", "png"),
        (b"GIF8", "gif"),
        (b"RIFF", "webp"),
        (b"BM", "bmp"),
    ):
        if data.startswith(start):
            return ending
    return "tif" if data[:2] in (b"II", b"MM") else "heic"
