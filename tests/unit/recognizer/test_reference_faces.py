"""The faces of a reference photograph with bystanders: which may be chosen, and that a cut-out shows nobody else."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from plugin.recognizer.engines.engine import Floats
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.examination.messages import ReferencePicture
from plugin.recognizer.examination.quality import build_enrolment
from plugin.recognizer.examination.reference_faces import CUT_PX, MOST_FACES, list_reference_faces
from plugin.recognizer.pictures.decode import Limits
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests.crowd import Crowd, jpeg

A, B = samples.A_FRONT, samples.B_STANDING
Listed = Callable[[Image.Image], ReferencePicture]


@pytest.fixture
def crowd(examiner: Examiner) -> Crowd:
    return Crowd(examiner)


@pytest.fixture
def listed(pipeline: Pipeline) -> Listed:
    """The faces that may be chosen on a picture."""
    return lambda picture: list_reference_faces(pipeline, jpeg(picture, 95), Limits())


def template(pipeline: Pipeline, picture: bytes) -> Floats:
    """Of a photograph of one person; refused if there is another face to choose."""
    return build_enrolment(pipeline, [picture]).template


def away(one: Floats, other: Floats) -> float:
    return float(np.linalg.norm(one - other))


def beside(crowd: Crowd, sizes: dict[str, int], gap: int = 0) -> Image.Image:
    """Heads of these widths side by side, on grey."""
    heads = [crowd.head(prefix, size) for prefix, size in sizes.items()]
    page = Image.new("RGB", (sum(h.width + gap for h in heads), max(h.height for h in heads)), (120, 120, 120))
    place = 0
    for head in heads:
        page.paste(head, (place, 0))
        place += head.width + gap
    return page


def test_a_photograph_of_one_person_asks_nothing(pipeline: Pipeline) -> None:
    """There is one face, which is the one that is offered."""
    found = list_reference_faces(pipeline, samples.portrait(A), Limits())
    assert (found.reason, found.alone, found.clear, found.offered, len(found.faces)) == ("", True, True, 0, 1)


def test_each_face_is_cut_out_alone(pipeline: Pipeline, crowd: Crowd, listed: Listed) -> None:
    """From left to right, the largest offered; each cut-out gives its own person's template and shows no one else."""
    page = beside(crowd, {B: 300, A: 400})
    found = listed(page)
    assert (found.reason, found.alone, found.clear, found.offered) == ("", False, False, 1)
    own = [template(pipeline, jpeg(crowd.head(prefix, 400), 95)) for prefix in (B, A)]
    for place, face in enumerate(found.faces):
        mine = template(pipeline, face.cut)
        assert away(mine, own[place]) < 0.15
        assert away(mine, own[1 - place]) > pipeline.engine.card.distances.unlike
        assert len(pipeline.see(face.cut).faces) == 1
        with Image.open(io.BytesIO(face.cut)) as cut:
            assert max(cut.size) <= CUT_PX
            assert not cut.getexif()


def test_a_cut_out_is_its_own_only_face_when_it_is_looked_at_again(
    pipeline: Pipeline, crowd: Crowd, listed: Listed
) -> None:
    """What was chosen once is not asked again, and encodes to the same."""
    chosen = listed(crowd.row([A, B, samples.A_SPEECH], 260)).faces[1].cut
    again = list_reference_faces(pipeline, chosen, Limits())
    assert (again.reason, again.alone, again.clear, len(again.faces)) == ("", True, True, 1)
    assert np.array_equal(template(pipeline, chosen), template(pipeline, chosen))
    assert away(template(pipeline, chosen), template(pipeline, again.faces[0].cut)) < 0.1


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_a_turned_photograph_has_the_same_faces(crowd: Crowd, pipeline: Pipeline, turn: int) -> None:
    """Left to right is that of the upright picture, whatever way the camera was held."""
    page = beside(crowd, {B: 300, A: 400})
    exif = Image.Exif()
    exif[0x0112] = turn
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[turn]
    body = io.BytesIO()
    page.transpose(back).save(body, "PNG", exif=exif)
    with Image.open(body) as stored:
        assert ImageOps.exif_transpose(stored).tobytes() == page.tobytes()
    upright = io.BytesIO()
    page.save(upright, "PNG")
    turned, straight = (list_reference_faces(pipeline, one.getvalue(), Limits()) for one in (body, upright))
    assert turned == straight


def test_a_face_below_the_limit_is_covered_and_not_offered(pipeline: Pipeline, crowd: Crowd, listed: Listed) -> None:
    """A figure in the background is nobody's choice, and is not kept."""
    found = listed(beside(crowd, {A: 400, B: 64}))
    assert (found.reason, found.alone, found.clear, len(found.faces)) == ("", False, True, 1)
    assert len(pipeline.see(found.faces[0].cut).faces) == 1


@pytest.mark.parametrize("size", [300, 420])
def test_a_face_that_does_not_serve_may_still_be_meant(crowd: Crowd, listed: Listed, size: int) -> None:
    """Nobody is enrolled silently because the one in front is in the dark, or the one beside them: it is asked."""
    page = beside(crowd, {B: 360, A: size})
    other = page.crop((360, 0, 360 + size, page.height))
    page.paste(ImageEnhance.Brightness(other).enhance(0.15), (360, 0))
    found = listed(page)
    assert (found.reason, found.alone, found.clear, len(found.faces)) == ("", False, False, 1)
    assert found.faces[0].box[0] < 0.4


def test_a_poster_behind_is_offered_but_not_first(crowd: Crowd, listed: Listed) -> None:
    """A picture in the picture is a face like another: the larger is offered."""
    found = listed(beside(crowd, {samples.A_STANDING: 120, A: 400}))
    assert len(found.faces) == 2
    assert found.offered == 1


def test_where_none_serves_it_is_said_why(listed: Listed, crowd: Crowd) -> None:
    """Too small to be encoded, all of them; a picture of nobody; no picture."""
    assert "px wide" in listed(beside(crowd, {A: 60, B: 56}, gap=20)).reason
    assert "no face" in listed(Image.new("RGB", (400, 400), "grey")).reason


def test_no_picture_has_a_reason_and_no_faces(pipeline: Pipeline) -> None:
    """An empty file, text, and a picture that ends early."""
    cut_short = samples.portrait(A).read_bytes()[:9000]
    for body in (b"", b"text", cut_short):
        found = list_reference_faces(pipeline, body, Limits())
        assert found.reason
        assert found.faces == ()


def test_of_a_crowd_the_largest_may_be_chosen(pipeline: Pipeline, crowd: Crowd, listed: Listed) -> None:
    """Thirty people: each can be, and each cut-out has its own face alone."""
    rows = [crowd.row([A, B, samples.A_SPEECH, samples.A_STANDING, B, A], 130) for _ in range(5)]
    page = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for place, row in enumerate(rows):
        page.paste(row, (0, place * row.height))
    found = listed(page)
    assert 28 <= len(found.faces) <= 30 <= MOST_FACES
    middles = [face.box[0] + face.box[2] / 2 for face in found.faces]
    assert middles == sorted(middles)
    for face in found.faces[::6]:
        assert len(pipeline.see(face.cut).faces) == 1


def test_the_child_lists_as_this_process_does(pipeline: Pipeline, crowd: Crowd, examiner: Examiner) -> None:
    """Boxes and cut-outs come through the pipe unchanged; no vector does."""
    body = jpeg(beside(crowd, {B: 300, A: 400}), 95)
    assert examiner.list_faces(body) == list_reference_faces(pipeline, body, Limits())
    assert examiner.list_faces(b"text").reason
