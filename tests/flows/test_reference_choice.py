"""A reference photograph with bystanders: it is asked whose face is meant, and nobody else's is kept."""

import re
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from sqlalchemy import func, select

from plugin.errors import EnrolmentRefused
from plugin.flows.common.services import Services
from plugin.flows.matching import gallery
from plugin.flows.matching.reference_choice import FaceNotChosen
from plugin.ledger import tables as t
from plugin.recognizer.engines.card import shipped_cards
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from sidecar.commands import common
from sidecar.sign import form_input
from tests import support
from tests.crowd import A, B, Crowd, jpeg
from tests.signers import Desk, Visit

Told = Callable[..., Result]
MISSED = shipped_cards()["retinaface-dlib"].references.missed or (0.0, 0.0, 0.0)


@pytest.fixture
def group(examiner: Examiner) -> bytes:
    """Sample person B, then A, who is larger."""
    crowd = Crowd(examiner)
    page = Image.new("RGB", (700, 440), (120, 120, 120))
    page.paste(crowd.head(B, 300), (0, 0))
    page.paste(crowd.head(A[0], 400), (300, 0))
    return jpeg(page, 95)


@pytest.fixture
def alone(examiner: Examiner) -> bytes:
    """Sample person A alone."""
    return jpeg(Crowd(examiner).head(A[1], 400), 95)


@pytest.fixture
def asa(cast: support.Cast) -> str:
    """Åsa, who agreed to be recognised."""
    person = cast.add("Åsa")
    cast.sign(person)
    return person


def kept(services: Services, person_id: str, kind: str = "reference") -> list[bytes]:
    """What is sealed of somebody, opened."""
    with services.store.read() as conn:
        return [services.vault.open(conn, one) for one in services.vault.find(conn, person_id, kind)]


def nothing_is_kept(services: Services) -> bool:
    with services.store.read() as conn:
        return not conn.scalar(
            select(func.count()).select_from(t.sealed).where(t.sealed.c.kind.in_(("reference", "template")))
        )


def away(services: Services, one: bytes, other: bytes) -> float:
    """The distance of the templates of two photographs of one person each."""
    first, second = (services.faces.enrol([picture]).template for picture in (one, other))
    return float(np.linalg.norm(first - second))


def test_without_a_choice_nothing_is_kept(services: Services, asa: str, group: bytes, alone: bytes) -> None:
    """The error names the photograph, and holds the faces for whoever asks."""
    with pytest.raises(FaceNotChosen, match=r"group\.jpg: 2 faces to choose from, say which is meant \(the"):
        gallery.enrol(services, asa, [alone, group], "test", ["alone.jpg", "group.jpg"])
    assert nothing_is_kept(services)


def test_only_the_chosen_face_is_kept_and_encodes_to_the_same_later(
    services: Services, asa: str, group: bytes, alone: bytes
) -> None:
    """The photograph of one person is kept as it came; of the other the face alone. Both encode anew to the same."""
    made = gallery.enrol(services, asa, [alone, group], "test", chosen={1: 2})
    pictures = sorted(kept(services, asa), key=lambda body: body != alone)
    assert pictures[0] == alone
    assert pictures[1] != group
    seen = services.faces.list_faces(pictures[1])
    assert (seen.alone, len(seen.faces)) == (True, 1)
    assert away(services, pictures[1], alone) < services.faces.card.distances.look_alike
    again = services.faces.enrol(pictures)
    assert np.allclose(again.template, made.template, atol=1e-6)
    (template,) = kept(services, asa, "template")
    assert np.allclose(np.frombuffer(template, "<f4"), again.template, atol=1e-6)


def test_the_smaller_may_be_meant(services: Services, asa: str, group: bytes, alone: bytes) -> None:
    """The largest is offered, not taken."""
    gallery.enrol(services, asa, [group], "test", chosen={0: 1})
    assert away(services, kept(services, asa)[0], alone) > services.faces.card.distances.look_alike


@pytest.mark.parametrize("number", [0, 3, -1, 999])
def test_a_number_that_is_on_no_face_is_refused(services: Services, asa: str, group: bytes, number: int) -> None:
    """It says how many there are; nothing is kept."""
    with pytest.raises(EnrolmentRefused, match=r"photograph 1: there is no face .* on it: 2 faces can be chosen"):
        gallery.enrol(services, asa, [group], "test", chosen={0: number})
    assert nothing_is_kept(services)


def test_two_choices_that_show_two_people_are_refused(services: Services, asa: str, group: bytes) -> None:
    """The same photograph twice, with another face each time: they are not one person."""
    with pytest.raises(EnrolmentRefused, match="does not look like the person on the other"):
        gallery.enrol(services, asa, [group, group], "test", chosen={0: 1, 1: 2})
    assert nothing_is_kept(services)


# ---- the command line ---------------------------------------------------------------------------


class Terminal(BytesIO):
    """Where somebody sits and types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def enrol(services: Services, asa: str, tmp_path: Path, group: bytes, alone: bytes) -> Told:
    """`person enrol Åsa` with these arguments, and a terminal where somebody answers if `answers` is given."""
    (tmp_path / "group=1.jpg").write_bytes(group)
    (tmp_path / "alone.jpg").write_bytes(alone)

    def call(*words: str, answers: str | None = None) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            shell = common.Shell(services.config, services.clock)
            typed = None if answers is None else Terminal(answers.encode())
            return CliRunner().invoke(cli.commands["person"], ["enrol", "Åsa", *words], obj=shell, input=typed)

    return call


def test_at_a_terminal_it_asks(services: Services, enrol: Told, asa: str, alone: bytes) -> None:
    """The faces are listed from left to right; the largest is offered, another may be said, a wrong number not."""
    done = enrol("group=1.jpg", "alone.jpg", answers="\n")
    assert done.exit_code == 0, done.output + done.stderr
    asked = done.stderr.splitlines()
    assert asked[0] == "Several faces on group=1.jpg; those that serve, from left to right:"
    assert re.fullmatch(r"  1 \(\d+ px wide, 2\d% from the left, 3\d% down\)", asked[1])
    assert re.fullmatch(r"  2 \(\d+ px wide, 7\d% from the left, 5\d% down, the largest\)", asked[2])
    assert "[2]" in asked[3]
    assert away(services, *kept(services, asa)) < services.faces.card.distances.look_alike
    done = enrol("group=1.jpg", "--yes", answers="0\n3\none\n1\n")
    assert done.exit_code == 0
    assert done.stderr.count("[2]") == 4
    assert away(services, kept(services, asa)[0], alone) > services.faces.card.distances.look_alike


def test_where_nobody_can_answer_it_says_what_to_add(services: Services, enrol: Told, asa: str, alone: bytes) -> None:
    """Exit code 2, nothing done; what it says to add works, and the note says what few photographs cost."""
    done = enrol("group=1.jpg", "alone.jpg")
    assert done.exit_code == 2
    assert "nothing was done" in done.stderr
    assert '--face "group=1.jpg=2"' in done.stderr
    assert nothing_is_kept(services)
    done = enrol("group=1.jpg", "alone.jpg", "--face", "group=1.jpg=2")
    assert done.exit_code == 0
    assert f"3 or more photographs are needed with this engine: with two, {MISSED[1] * 100:.1f} %" in done.output
    assert away(services, *kept(services, asa)) < services.faces.card.distances.look_alike


@pytest.mark.parametrize(
    ("choice", "code", "said"),
    [
        ("group=1.jpg=0", 1, "there is no face 0 on it"),
        ("group=1.jpg=3", 1, "there is no face 3 on it"),
        ("group=1.jpg=two", 2, "give PHOTO=NUMBER"),
        ("group=1.jpg=-1", 2, "give PHOTO=NUMBER"),
        ("group=1.jpg=²", 2, "give PHOTO=NUMBER"),
        ("another.jpg=1", 2, "give PHOTO=NUMBER"),
        ("2", 2, "give PHOTO=NUMBER"),
    ],
)
def test_a_choice_that_says_nothing_is_refused(
    services: Services, enrol: Told, choice: str, code: int, said: str
) -> None:
    """A number that is none, or of another photograph: nothing is done."""
    done = enrol("group=1.jpg", "--face", choice)
    assert done.exit_code == code, done.output
    assert said in f"{done.stderr} {done.exception}"
    assert nothing_is_kept(services)


# ---- the page on which people sign --------------------------------------------------------------


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


def answers(page: str) -> dict[str, Any]:
    """What the page that asks would send: every hidden field, and what is preselected."""
    sent: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page):
        sent.setdefault(name, []).append(value)
    for name, value in re.findall(r'<input type="radio" name="([^"]+)" value="([^"]*)" checked>', page):
        sent[name] = [value]
    return sent


def offered(page: str, photograph: int) -> list[str]:
    """The faces of a photograph, as values of the choice."""
    return re.findall(rf'<input type="radio" name="face-{photograph}" value="([^"]*)"', page)


def send(visit: Visit, fields: dict[str, Any], files: Sequence[bytes] = ()) -> Any:
    photographs = [(BytesIO(body), "again.jpg") for body in files]
    data = {**fields, "photographs": photographs}
    return visit.client.post("/s/form", data=data, content_type="multipart/form-data")


def test_whoever_signs_chooses_the_face(desk: Desk, asa: str, group: bytes, alone: bytes) -> None:
    """Nothing that was filled in is lost, nothing is kept before the choice, and nobody else's face after it."""
    services, visit, before = desk.services, desk.visit(asa), desk.kept()
    asked = visit.sign("press", "recognition", photographs=[alone, group], code="123456")
    page = asked.get_data(as_text=True)
    assert asked.status_code == 422
    assert "Photograph 2 (1.jpg)" in page
    assert "Photograph 1" not in page
    assert len(offered(page, 2)) == 3
    assert desk.kept() == before
    fields = answers(page)
    assert fields["choice"] == ["communication:press"]
    assert (fields["typed"], fields["signer"], fields["code"]) == (["Åsa Öberg"], ["Åsa Öberg"], ["123456"])
    assert send(visit, fields).status_code == 303
    pictures = kept(services, asa)
    assert len(pictures) == 2
    assert all(services.faces.list_faces(body).alone for body in pictures)
    assert away(services, *pictures) < services.faces.card.distances.look_alike


def test_who_is_not_on_the_photograph_leaves_it_out(desk: Desk, asa: str, group: bytes) -> None:
    """It is signed without photographs."""
    visit = desk.visit(asa)
    fields = answers(visit.sign("press", "recognition", photographs=[group]).get_data(as_text=True))
    assert send(visit, fields | {"face-1": [""]}).status_code == 303
    assert nothing_is_kept_of(desk, asa)


def nothing_is_kept_of(desk: Desk, person_id: str) -> bool:
    return not kept(desk.services, person_id) and not kept(desk.services, person_id, "template")


def test_an_answer_of_ones_own_making_is_looked_at_like_a_file(
    desk: Desk, asa: str, group: bytes, alone: bytes
) -> None:
    """A whole photograph in the place of a face is asked about again; text, a number, a picture of nobody refused."""
    visit = desk.visit(asa)
    fields = answers(visit.sign("press", "recognition", photographs=[group]).get_data(as_text=True))
    blank = jpeg(Image.new("RGB", (300, 300), "white"))
    for made, said in (
        (form_input.write_face(group), "Which face is meant?"),
        ("2", "cannot be read as a photograph"),
        ("data:image/jpeg;base64,%%", "cannot be read as a photograph"),
        (form_input.write_face(b"text"), "cannot be read as a photograph"),
        (form_input.write_face(blank), "We see no face"),
    ):
        answer = send(visit, fields | {"face-1": [made]})
        assert (answer.status_code, said in answer.get_data(as_text=True)) == (422, True), said
        assert nothing_is_kept_of(desk, asa)
    six = {f"face-{n}": [form_input.write_face(alone)] for n in range(6)}
    assert "Five photographs at most" in send(visit, fields | six).get_data(as_text=True)
    assert send(visit, {**fields, "recognition": []}).status_code == 422  # a face without the grant
    assert nothing_is_kept_of(desk, asa)


def test_more_than_the_fields_hold_is_refused(desk: Desk, asa: str, group: bytes) -> None:
    """A field that is no file is bounded: a megabyte holds a face, whatever is on it."""
    visit = desk.visit(asa)
    fields = answers(visit.sign("press", "recognition", photographs=[group]).get_data(as_text=True))
    assert send(visit, fields | {"face-1": ["data:image/jpeg;base64," + "A" * (1 << 20)]}).status_code == 413


def test_a_photograph_is_said_to_show_several(desk: Desk, asa: str, group: bytes) -> None:
    """As it is chosen, before anything is signed: it will do, and which face is meant is asked at once, of each."""
    visit = desk.visit(asa)
    file, token = {"photograph": (BytesIO(group), "a.jpg")}, {"X-CSRFToken": visit.hidden()["csrf_token"]}
    answer = visit.client.post("/s/photo", data=file, headers=token).get_json()
    assert answer["good"]
    assert "choose the face that is meant" in answer["words"]
    assert len(set(answer["faces"])) > 1


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "with one it is missed on {0:.1f} % of the photographs that show it, with three on {1:.1f} %"),
        ("nl", "met één wordt het gemist op {0:.1f} % van de foto"),
    ],
)
def test_the_price_of_one_photograph_is_said(desk: Desk, cast: support.Cast, language: str, said: str) -> None:
    """In figures, before anything is chosen."""
    expected = said.format(MISSED[0] * 100, MISSED[2] * 100)
    if language == "nl":
        expected = expected.replace(".", ",")
    assert expected in desk.visit(cast.add("Bo", language=language)).page()
