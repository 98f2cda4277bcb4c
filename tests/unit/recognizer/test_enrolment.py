"""Reference photographs: a template from good ones, a reason for each that does not serve."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from pydantic import ValidationError

from plugin.config import MatchingSection, RecognizerSection
from plugin.errors import EnrolmentRefused
from plugin.recognizer.engines.card import CardReferences, shipped_cards
from plugin.recognizer.engines.engine import Detections, Engine
from plugin.recognizer.examination.examination import Pipeline, SeenPicture
from plugin.recognizer.examination.quality import build_enrolment, find_main_face
from plugin.recognizer.pictures.decode import Decoded
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples

Change = Callable[[Image.Image], Image.Image]


def changed(sha: str, change: Change) -> bytes:
    """A portrait after `change`, as a JPEG."""
    with Image.open(samples.portrait(sha)) as image:
        made = change(image.convert("RGB"))
    file = io.BytesIO()
    made.save(file, "JPEG", quality=92)
    return file.getvalue()


def good() -> list[Path | bytes]:
    """Three photographs of person A."""
    return [samples.portrait(sha) for sha in (samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING)]


def beside(image: Image.Image) -> Image.Image:
    """The same picture twice, side by side."""
    page = Image.new("RGB", (image.width * 2, image.height))
    page.paste(image, (0, 0))
    page.paste(image, (image.width, 0))
    return page


def test_a_template_is_the_normalised_mean(pipeline: Pipeline) -> None:
    """Three photographs give a vector of length one that is near each of them, and no remark."""
    made = build_enrolment(pipeline, good())
    assert made.template.shape == (128,)
    assert np.linalg.norm(made.template) == pytest.approx(1, abs=1e-5)
    assert made.notes == ("", "", "")
    assert made.engine == pipeline.engine.id
    for source in good():
        seen = pipeline.see(source)
        vector = pipeline.engine.encoder.encode(seen.decoded.pixels, seen.faces)[0]
        assert np.linalg.norm(vector - made.template) < 0.3


def test_mirror_images_enrol_the_same(pipeline: Pipeline) -> None:
    """With the mirror image averaged in, a mirrored photograph gives nearly the same template."""
    plain = build_enrolment(pipeline, [samples.portrait(samples.A_FRONT)]).template
    flipped = build_enrolment(
        pipeline, [changed(samples.A_FRONT, lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT))]
    ).template
    assert np.linalg.norm(plain - flipped) < 0.12


def test_one_photograph_is_accepted_with_advice(pipeline: Pipeline) -> None:
    """One is enough, and it says that three are better."""
    assert "3 or more" in build_enrolment(pipeline, good()[:1]).notes[0]


def test_the_price_of_few_photographs_is_that_of_the_card(pipeline: Pipeline) -> None:
    """In figures for one and two; the same photograph three times is one; none is said of three."""
    missed = pipeline.engine.card.references.missed
    assert missed is not None
    one, two, three = (f"{share * 100:.1f} %" for share in missed)
    front = good()[0]
    said = f"with one, {one} of the photographs that show the person are missed; with three, {three}"
    assert build_enrolment(pipeline, [front]).notes[0].endswith(said)
    assert build_enrolment(pipeline, [front] * 3).notes[0].endswith(said)
    assert f"with two, {two} " in build_enrolment(pipeline, good()[:2]).notes[0]


def test_where_one_photograph_serves_the_note_says_so(engine: Engine) -> None:
    """By the card: with figures where they were measured, else as advice."""

    def note(references: CardReferences) -> str:
        card = engine.card.model_copy(update={"references": references})
        pipeline = Pipeline(replace(engine, card=card), RecognizerSection(), MatchingSection())
        return build_enrolment(pipeline, good()[:1]).notes[0]

    measured: dict[str, object] = {"missed": (0.038, 0.022, 0.017), "source": "people whom nobody calibrated on"}
    assert note(CardReferences.model_validate(measured | {"one_serves": True})).startswith(
        "1 photograph will do with this engine, and 3 or"
    )
    assert note(CardReferences.model_validate(measured)).startswith(
        "3 or more photographs are needed with this engine: with one, 3.8 %"
    )
    assert note(CardReferences()) == "3 or more photographs give a steadier template"


def test_the_document_says_what_the_cards_say() -> None:
    """For each engine that was measured: what one, two and three photographs miss, and whether one serves."""
    text = Path("docs/engines.md").read_text()
    for name, card in shipped_cards().items():
        if card.references.missed is not None:
            shares = " | ".join(f"{share * 100:.1f} %" for share in card.references.missed)
            assert f"| `{name}` | {shares} | {'yes' if card.references.one_serves else 'no'}" in text


@pytest.mark.parametrize("wrong", [{"one_serves": True}, {"missed": (0.1, 0.1, 0.1)}, {"missed": (0.1, 0.1)}])
def test_a_card_that_names_no_price_cannot_say_that_one_serves(wrong: dict[str, object]) -> None:
    """Nor give figures without saying on whom they were measured."""
    with pytest.raises(ValidationError):
        CardReferences.model_validate(wrong)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda i: Image.new("RGB", (400, 400), "grey"), "no face"),
        (beside, "more than one face"),
        (lambda i: i.resize((120, 150)), "px wide"),
        (lambda i: ImageEnhance.Brightness(i).enhance(0.08), "dark"),
        (lambda i: i.filter(ImageFilter.GaussianBlur(22)), "blurred"),
    ],
)
def test_a_photograph_that_does_not_serve_is_named(pipeline: Pipeline, change: Change, reason: str) -> None:
    """Which photograph and why, and nothing is enrolled from the others."""
    with pytest.raises(EnrolmentRefused) as refused:
        build_enrolment(pipeline, [*good()[:2], changed(samples.A_FRONT, change)])
    assert len(refused.value.reasons) == 1
    assert refused.value.reasons[0].startswith("photograph 3: ")
    assert reason in refused.value.reasons[0]


def test_another_person_among_the_photographs_is_noticed(pipeline: Pipeline) -> None:
    """The one who is unlike the rest is named."""
    with pytest.raises(EnrolmentRefused) as refused:
        build_enrolment(pipeline, [*good(), samples.portrait(samples.B_STANDING)])
    assert refused.value.reasons[-1].startswith("photograph 4: does not look like")


def test_a_new_template_must_look_like_the_previous(pipeline: Pipeline) -> None:
    """Renewal with another person's photographs is refused, with one's own it is not."""
    before = build_enrolment(pipeline, good()[:2]).template
    assert build_enrolment(pipeline, good()[2:], previous=before).template.shape == (128,)
    with pytest.raises(EnrolmentRefused, match="enrolled before"):
        build_enrolment(pipeline, [samples.portrait(samples.B_STANDING)], previous=before)


def test_what_lies_between_two_heads_is_not_the_main_face() -> None:
    """A third detection, larger and more central than the person's, of which the detector is not certain."""
    boxes = np.array([[135, 17, 98, 132], [76, 67, 83, 123], [104, 42, 95, 128]], np.float32)
    decoded = Decoded(np.zeros((250, 250, 3), np.uint8), 250, 250, 1.0)
    for score, main in ((0.79, 1), (0.99, 2)):
        scores = np.array([1, 1, score], np.float32)
        assert find_main_face(SeenPicture(decoded, Detections(boxes, np.zeros((3, 5, 2), "f4"), scores), 250)) == main


def test_nothing_to_enrol_from_is_refused(pipeline: Pipeline) -> None:
    """No photograph, and every unreadable one, has its reason."""
    with pytest.raises(EnrolmentRefused):
        build_enrolment(pipeline, [])
    with pytest.raises(EnrolmentRefused) as refused:
        build_enrolment(pipeline, [b"", b"text"])
    assert [reason[:13] for reason in refused.value.reasons] == ["photograph 1:", "photograph 2:"]


def test_the_child_enrols_as_this_process_does(pipeline: Pipeline, examiner: Examiner) -> None:
    """Through a child, by path and by bytes, the template is the same to the bit; refusals too."""
    expected = build_enrolment(pipeline, good())
    path_and_bytes = [Path(str(p)).read_bytes() if i else p for i, p in enumerate(good())]
    got = examiner.enrol(path_and_bytes, previous=expected.template)
    assert np.array_equal(got.template, expected.template)
    assert (got.notes, got.engine) == (expected.notes, expected.engine)
    with pytest.raises(EnrolmentRefused) as refused:
        examiner.enrol([b"text"])
    assert len(refused.value.reasons) == 1


def test_ordinary_sharpness_and_light_are_enough(pipeline: Pipeline) -> None:
    """A slightly soft, slightly dark photograph still enrols: the limits refuse the hopeless only."""
    soft = changed(samples.A_FRONT, lambda i: i.filter(ImageFilter.GaussianBlur(3)))
    dim = changed(samples.A_SPEECH, lambda i: ImageEnhance.Brightness(i).enhance(0.4))
    assert build_enrolment(pipeline, [soft, dim]).template.shape == (128,)
