"""What the DAM's own search asks: lists of photographs, and the state of those that a page shows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from plugin.clock import ManualClock
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.flows.views.dam_search import photo_lists
from plugin.quitclaim.clearance.answers import ClearanceStatus, IntendedUse
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.commands.demo import samples
from sidecar.dam import searches
from tests import sender, support
from tests.sender import SECRET, Sender


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house whose panel has a secret."""
    webhooks = {"panel_secret_file": sender.secret_file(tmp_path / "panel.secret", SECRET)}
    (tmp_path / "photos" / "shoot").mkdir(parents=True)
    with support.opened(support.configuration(tmp_path, webhooks=webhooks), clock, examiner) as open_:
        yield open_


@pytest.fixture
def asa(cast: support.Cast) -> str:
    """The id of Åsa."""
    return cast.add("Åsa")


@pytest.fixture
def refs(services: Services, cast: support.Cast, photos: Path, asa: str) -> dict[str, str]:
    """Åsa alone, and beside a stranger, both suggested. She agreed to the website until 1 June, not to the press."""
    cast.sign(asa, until=datetime(2026, 5, 31, 22, tzinfo=UTC))
    cast.enrol(asa)
    cast.open_collection(mode=Mode.SUGGEST)
    both = support.together(photos, "shoot/both.jpg", samples.A_STANDING, samples.B_STANDING)
    alone = support.together(photos, "shoot/alone.jpg", samples.A_STANDING)
    calendar.poll_dam(services)
    cast.work()
    return {"both": both, "alone": alone}


def confirm(services: Services, ref: str) -> None:
    """An editor confirms the face."""
    face_decisions.confirm(services, support.find_face(services, ref), "dam:jo", how="met")


def ask(services: Services, clock: ManualClock, path: str, **question: Any) -> Any:
    app = create_app(services.config, services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.test_client() as client:
        answer = Sender(client, clock, path=path).ask(**question)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def found(services: Services, clock: ManualClock, **question: Any) -> set[str]:
    said = ask(services, clock, searches.PHOTOGRAPHS, **question)
    assert said["more"] is False
    return set(said["refs"])


def test_faces_that_wait(services: Services, clock: ManualClock, refs: dict[str, str]) -> None:
    """A suggestion and a face without a name; not one on which somebody has decided."""
    assert found(services, clock, kind="waiting") == set(refs.values())
    confirm(services, refs["alone"])
    assert found(services, clock, kind="waiting") == {refs["both"]}


def test_what_is_not_cleared_and_what_ends(
    services: Services, clock: ManualClock, refs: dict[str, str], asa: str
) -> None:
    """By channel, by the last day, and at once after a withdrawal; each agrees with the answer of the panel."""
    confirm(services, refs["alone"])
    assert found(services, clock, kind="notcleared", channels=["website"]) == {refs["both"]}
    assert found(services, clock, kind="notcleared", channels=["press"]) == set(refs.values())
    assert found(services, clock, kind="ending", before="2026-06-01") == {refs["alone"]}
    assert found(services, clock, kind="ending", before="2026-05-31") == set()
    assert found(services, clock, kind="ending", before="2026-06-01", channels=["press"]) == set()
    for channel in services.config.clearance.channels:
        use = IntendedUse(services.config.clearance.purposes[0], channel)
        answers = photo_answers.answer_photos(services, list(refs.values()), [use])
        shut = {ref for ref, one in answers.items() if one[use].status is not ClearanceStatus.CLEARED}
        assert found(services, clock, kind="notcleared", channels=[channel]) == shut
    withdrawal.withdraw(services, asa, None, "person")
    assert found(services, clock, kind="ending", before="2026-06-01") == set()
    assert found(services, clock, kind="notcleared", channels=["website"]) == set(refs.values())


def test_a_photograph_of_nobody_is_no_task(
    services: Services, clock: ManualClock, cast: support.Cast, photos: Path
) -> None:
    """Examined whole and empty, it is neither uncleared nor waiting."""
    cast.open_collection(mode=Mode.DETECT)
    wall = photos / "shoot" / "wall.jpg"
    Image.new("RGB", (800, 600), "#8899aa").save(wall)
    support.settle(wall)
    calendar.poll_dam(services)
    cast.work()
    marks = ask(services, clock, searches.MARKS, refs=["shoot/wall.jpg"])["marks"]
    assert marks["shoot/wall.jpg"]["channels"]["website"] == "no_person_found"
    assert found(services, clock, kind="notcleared", channels=["website"]) == set()


def test_marks_say_what_the_panel_says(services: Services, clock: ManualClock, refs: dict[str, str]) -> None:
    """By channel, with the number of faces that wait; of a photograph that we do not know, nothing."""
    confirm(services, refs["alone"])
    marks = ask(services, clock, searches.MARKS, refs=[*refs.values(), "999999"])["marks"]
    assert set(marks) == set(refs.values())
    assert (marks[refs["alone"]]["channels"]["website"], marks[refs["alone"]]["waiting"]) == ("cleared", 0)
    assert (marks[refs["both"]]["channels"]["website"], marks[refs["both"]]["waiting"]) == ("unknown", 2)


def test_a_list_has_an_end(services: Services, refs: dict[str, str]) -> None:
    """Cut, it says that there is more."""
    assert len(refs) == 2
    one = photo_lists.list_waiting(services, most=1)
    assert (len(one.refs), one.more) == (1, True)
    assert photo_lists.list_uncleared(services, "press", most=1).more
    assert not photo_lists.list_waiting(services, most=2).more


@pytest.mark.parametrize(
    "question",
    [
        {"kind": "ending"},
        {"kind": "notcleared"},
        {"kind": "notcleared", "channels": ["no such"]},
        {"kind": "waiting'; DROP TABLE face; --"},
        {"kind": "ending", "before": "2026-13-01"},
        {"kind": "ending", "before": "0001-01-01", "channels": ["website\n"]},
    ],
)
def test_what_is_no_question_is_refused(services: Services, clock: ManualClock, question: dict[str, Any]) -> None:
    """With a problem of 4xx, signed; nothing is listed."""
    app = create_app(services.config, services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.test_client() as client:
        answer = Sender(client, clock, path=searches.PHOTOGRAPHS).ask(**question)
    assert 400 <= answer.status_code < 500
    assert answer.content_type == "application/problem+json"


def test_with_how_many_a_collection_would_compare(
    services: Services, clock: ManualClock, cast: support.Cast, asa: str
) -> None:
    """Those who may be compared now; nobody whose agreement is over, and of a shoot those who signed up for it."""
    told = {"people": 0, "members": 0}
    assert ask(services, clock, searches.COMPARING, collection="shoot") == told
    cast.sign(asa)
    cast.enrol(asa)
    cast.sign(cast.add("Bo Unpictured"))
    assert ask(services, clock, searches.COMPARING, collection="shoot") == told | {"people": 1}
    withdrawal.withdraw(services, asa, None, "person")
    assert ask(services, clock, searches.COMPARING, collection="shoot") == told
