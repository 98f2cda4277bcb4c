"""The panel in the DAM: what it shows of a photograph, to whom, and what an editor may decide there."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.review import face_decisions
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Write
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.commands.demo import samples
from sidecar.dam import inviting
from tests import sender, support
from tests.sender import OTHER, PANEL, SECRET, Sender


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house whose panel and events have secrets of their own."""
    webhooks = {
        "events_secret_file": sender.secret_file(tmp_path / "events.secret", OTHER),
        "panel_secret_file": sender.secret_file(tmp_path / "panel.secret", SECRET),
    }
    (tmp_path / "photos" / "shoot").mkdir(parents=True)
    config = support.configuration(tmp_path, webhooks=webhooks)
    with support.opened(config, clock, examiner) as open_:
        yield open_


@pytest.fixture
def page(services: Services, clock: ManualClock) -> Iterator[Sender]:
    """The plugin's page."""
    app = create_app(services.config, services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.test_client() as client:
        yield Sender(client, clock, path=PANEL)


@pytest.fixture
def both(services: Services, cast: support.Cast, photos: Path) -> str:
    """Åsa beside a stranger, suggested; she agreed to the website until 1 June, and not to the press."""
    asa = cast.add("Åsa")
    cast.sign(asa, until=datetime(2026, 6, 1, tzinfo=UTC) - timedelta(hours=2))
    cast.enrol(asa)
    cast.open_collection(mode=Mode.SUGGEST)
    ref = support.together(photos, "shoot/both.jpg", samples.A_STANDING, samples.B_STANDING)
    calendar.poll_dam(services)
    cast.work()
    return ref


def shown(page: Sender, ref: str, **more: Any) -> dict[str, Any]:
    question: dict[str, Any] = {"ref": ref, "user": "jo", "can_edit": True}
    answer = page.ask(**question | more)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body = answer.get_json()
    assert isinstance(body, dict)
    return body


def decide(page: Sender, ref: str, action: str, face: int, **more: Any) -> int:
    question: dict[str, Any] = {"ref": ref, "user": "jo", "can_edit": True, "action": action, "face": face}
    answer = page.ask(**question | more)
    if answer.status_code >= 400:
        assert answer.content_type == "application/problem+json"
    return answer.status_code


def test_a_photograph_that_we_do_not_know_is_unknown(page: Sender) -> None:
    """No people, no faces, and the reason in words; never an error and never a yes."""
    body = shown(page, "999")
    assert body == {
        "state": "unknown",
        "people": [],
        "faces": [],
        "channels": {},
        "why": ["the photo has not been examined"],
    }


def test_it_shows_who_is_named_by_whom_and_until_when(page: Sender, both: str) -> None:
    """A suggestion becomes a name by an editor's word; each channel with its last day; the stranger is a box."""
    before = shown(page, both)
    assert before["people"] == []
    assert [face["state"] for face in before["faces"]] == ["suggested", "unmatched"]
    assert before["faces"][0]["person"] == "Åsa"
    assert before["faces"][0]["label"] == "suggested: Åsa"
    after = page.ask(ref=both, user="jo", can_edit=True, action="confirm", face=before["faces"][0]["id"]).get_json()
    (asa,) = after["people"]
    assert (asa["name"], asa["origin"], asa["by"]) == ("Åsa", "confirmed", "dam:jo")
    assert asa["channels"]["website"] == {"status": "cleared", "until": "2026-05-31", "why": []}
    assert asa["channels"]["press"]["status"] == "blocked"
    assert asa["channels"]["press"]["until"] is None
    assert after["channels"]["website"]["status"] == "unknown"
    stranger = after["faces"][1]
    assert (stranger["state"], stranger["person"], stranger["label"]) == ("unmatched", None, "unnamed")
    left, top, width, height = stranger["box"]
    assert 0.5 < left < left + width <= 1
    assert 0 <= top < top + height <= 1


def test_reasons_come_in_the_users_language(page: Sender, both: str) -> None:
    """By the question first, then the header, then the house; a language that we do not have is English."""
    dutch = shown(page, both, language="nl_NL")
    english = shown(page, both, language="en")
    assert "een gezicht heeft nog geen naam" in dutch["why"]
    assert dutch["faces"][1]["label"] == "zonder naam"
    assert "a face is not named yet" in english["why"]
    assert shown(page, both, language="fr")["why"] == english["why"]
    body = json.dumps({"ref": both, "user": "jo", "can_edit": False}).encode()
    by_header = page.raw(body, page.headers(body) | {"Accept-Language": "nl"})
    assert by_header.get_json()["why"] == dutch["why"]


def test_who_may_not_edit_sees_no_suggested_name_and_decides_nothing(
    page: Sender, services: Services, both: str
) -> None:
    """A suggestion is a question to an editor; 403 for a decision, and nothing has changed."""
    face = shown(page, both)["faces"][0]["id"]
    seen = shown(page, both, can_edit=False)
    assert (seen["faces"][0]["state"], seen["faces"][0]["person"]) == ("suggested", None)
    assert "Åsa" not in json.dumps(seen, ensure_ascii=False)
    for action in ("confirm", "reject", "dismiss"):
        assert decide(page, both, action, face, can_edit=False, reason="bystander") == 403
    assert [face["state"] for face in shown(page, both)["faces"]] == ["suggested", "unmatched"]


def test_the_three_decisions_are_the_editors_own(
    page: Sender, services: Services, cast: support.Cast, both: str
) -> None:
    """Confirm, reject and dismiss reach the file and the audit log under the DAM's user."""
    first, second = (face["id"] for face in shown(page, both)["faces"])
    assert decide(page, both, "confirm", first) == 200
    assert cast.names_on(both) == {"Åsa"}
    assert decide(page, both, "reject", first, user="kim") == 200
    assert cast.names_on(both) == set()
    assert decide(page, both, "dismiss", second) == 409  # without a reason
    for key in ("crowd", "Bystander", " bystander", "BYSTANDER"):
        assert decide(page, both, "dismiss", second, reason=key) == 409  # by no reason of the list
    assert decide(page, both, "dismiss", second, reason="bystander") == 200
    body = shown(page, both)
    assert [face["state"] for face in body["faces"]] == ["rejected", "dismissed"]
    assert body["faces"][1]["label"] == "left out: a bystander"
    with services.store.read() as conn:
        said = conn.execute(select(t.audit.c.action, t.audit.c.actor).where(t.audit.c.actor.like("dam:%")))
        rows = {(row.action, row.actor) for row in said}
    assert {
        ("photo:face:confirm", "dam:jo"),
        ("photo:face:reject", "dam:kim"),
        ("photo:face:dismiss", "dam:jo"),
    } <= rows


def test_a_face_of_another_photograph_is_not_touched(
    page: Sender, services: Services, cast: support.Cast, photos: Path, both: str
) -> None:
    """The right to edit is that of the resource asked about: its faces and no others, 404."""
    other = support.put(photos, "shoot/other.jpg", samples.B_STANDING, (300, 400))
    calendar.poll_dam(services)
    cast.work()
    foreign = shown(page, other)["faces"][0]["id"]
    assert decide(page, both, "dismiss", foreign, reason="bystander") == 404
    assert decide(page, both, "dismiss", 999_999, reason="bystander") == 404
    assert shown(page, other)["faces"][0]["state"] == "unmatched"


def test_a_captured_decision_cannot_be_repeated(page: Sender, services: Services, both: str) -> None:
    """Somebody took it back; the same signed request within its five minutes does not bring it about again.
    Another request that says the same is a new decision."""
    face = shown(page, both)["faces"][1]["id"]
    question = {"ref": both, "user": "jo", "can_edit": True, "action": "dismiss", "face": face, "reason": "bystander"}
    body = json.dumps(question).encode()
    headers = page.headers(body)
    assert page.raw(body, headers).status_code == 200
    face_decisions.undo_decision(services, face, "kim")
    assert page.raw(body, headers).status_code == 409
    assert shown(page, both)["faces"][1]["state"] == "unmatched"
    assert page.raw(body, page.headers(body)).status_code == 200


def test_an_ended_lease_shows_at_once(
    page: Sender, services: Services, cast: support.Cast, both: str, clock: ManualClock
) -> None:
    """Computed from the clock: the day after the last one the person's channel is blocked, with the end in words."""
    assert decide(page, both, "confirm", shown(page, both)["faces"][0]["id"]) == 200
    clock.set(datetime(2026, 5, 31, 22, 0, tzinfo=UTC))
    (asa,) = shown(page, both, language="nl")["people"]
    assert asa["channels"]["website"]["status"] == "blocked"
    assert asa["channels"]["website"]["until"] is None
    (why,) = asa["channels"]["website"]["why"]
    assert "eindigde op 1 juni 2026" in why


def test_a_name_by_hand_that_belongs_to_nobody_blocks_and_says_so(
    page: Sender, services: Services, cast: support.Cast, both: str
) -> None:
    """Somebody wrote it in the DAM: *hand*, no channel open, and the reason is that no quitclaim is known."""
    services.dam.write(both, [Write("Bo", True, services.dam.places)], None)
    with services.store.write() as tx:
        services.queue.put(tx, "names", both)
    cast.work()
    (bo,) = shown(page, both)["people"]
    assert (bo["name"], bo["origin"], bo["by"]) == ("Bo", "hand", "")
    assert {one["status"] for one in bo["channels"].values()} == {"blocked"}
    assert "no quitclaim is known" in bo["channels"]["press"]["why"][0]


def test_a_confirmed_name_outlives_recognition_as_hand_and_blocks_after_the_last_grant(
    page: Sender, services: Services, cast: support.Cast, both: str
) -> None:
    """Recognition withdrawn: the editor's knowledge stays; everything withdrawn: blocked in the same moment."""
    assert decide(page, both, "confirm", shown(page, both)["faces"][0]["id"]) == 200
    with services.store.read() as conn:
        asa = conn.scalar(select(t.person.c.id))
        grants = conn.scalars(select(t.grant.c.id).where(t.grant.c.kind == "recognition")).all()
    assert asa is not None
    withdrawal.withdraw(services, asa, set(grants), "test")
    cast.work()
    (named,) = shown(page, both)["people"]
    assert named["origin"] == "hand"
    assert named["channels"]["website"]["status"] == "cleared"
    withdrawal.withdraw(services, asa, None, "test")
    (named,) = shown(page, both)["people"]
    assert named["channels"]["website"]["status"] == "blocked"


@pytest.mark.parametrize(
    "change",
    [
        {"ref": None},
        {"ref": True},
        {"user": ""},
        {"user": "a\nb"},
        {"user": "x" * 101},
        {"can_edit": 1},
        {"can_edit": "true"},
        {"action": "erase", "face": 1},
        {"action": "confirm"},
        {"face": 1},
        {"action": "confirm", "face": "1"},
        {"action": "confirm", "face": 0},
        {"reason": "a\x00b"},
        {"reason": "x" * 201},
        {"unknown": 1},
    ],
)
def test_a_question_that_is_none_is_a_422(page: Sender, change: dict[str, Any]) -> None:
    """Each part is of its type and no other is there; the answer names the part and quotes nothing."""
    question: dict[str, Any] = {"ref": 1, "user": "Canary", "can_edit": True}
    answer = page.ask(**question | change)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert "Canary" not in answer.get_data(as_text=True)


def test_a_purpose_that_is_not_configured_is_a_409(page: Sender, both: str) -> None:
    """It says which there are."""
    answer = page.ask(ref=both, user="jo", can_edit=False, purpose="satire")
    assert answer.status_code == 409
    assert "communication" in answer.get_json(force=True)["detail"]


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
KEYS = ("ref", "user", "can_edit", "action", "face", "reason", "purpose", "language")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.dictionaries(st.sampled_from(KEYS) | st.text(), ANY) | ANY)
def test_whatever_the_page_signs_is_never_a_500(page: Sender, content: object) -> None:
    """Any JSON, properly signed: an answer or a 4xx."""
    body = json.dumps(content).encode()
    assert page.raw(body, page.headers(body)).status_code in {200, 409, 422, 404, 403}


def test_the_secret_of_events_opens_no_panel(page: Sender, both: str) -> None:
    """Who may tell of an event may not ask who is in a picture, nor the other way round."""
    page.secret = OTHER
    assert page.ask(ref=both, user="jo", can_edit=True).status_code == 401
    page.secret, page.path = SECRET, sender.EVENTS
    assert page.tell("resource.created", 1).status_code == 401


def test_an_unnamed_face_is_named_by_hand(page: Sender, both: str, cast: support.Cast) -> None:
    """Somebody who is entered and has agreed; else the page says why not, and nothing has changed."""
    cast.add("Bo Never")
    bo = cast.add("Bo Asked")
    cast.sign(bo)
    faces = shown(page, both)["faces"]
    first, stranger = faces[0]["id"], faces[1]["id"]
    act: dict[str, Any] = {"action": "name", "face": stranger}
    assert shown(page, both, **act, person="Nobody")["note"] == "no_such_person"
    assert shown(page, both, **act, person="Bo Never")["note"] == "nothing_in_force"
    assert shown(page, both)["people"] == []
    after = shown(page, both, **act, person=" bo asked ")
    assert "note" not in after
    assert [(one["name"], one["origin"]) for one in after["people"]] == [("Bo Asked", "confirmed")]
    assert shown(page, both, action="name", face=first, person="Bo Asked")["note"] == "named_already"
    assert page.ask(ref=both, user="jo", can_edit=False, **act, person="Bo Asked").status_code == 403


def test_the_rest_is_left_out_in_one_act(page: Sender, both: str) -> None:
    """Every face without a name and without a suggestion; never as too small."""
    before = shown(page, both)
    assert before["rest"] == {"count": 1, "newest": before["faces"][1]["id"]}
    newest = before["rest"]["newest"]
    assert decide(page, both, "dismiss_rest", newest, reason="too_small") == 409
    after = shown(page, both, action="dismiss_rest", face=newest, reason="bystander")
    assert [face["state"] for face in after["faces"]] == ["suggested", "dismissed"]
    assert after["rest"]["count"] == 0


def test_channels_of_which_nobody_spoke_are_marked(page: Sender, both: str) -> None:
    """The page tells them in one line; what was agreed to and has ended stays a line of its own."""
    before = shown(page, both)
    after = shown(page, both, action="confirm", face=before["faces"][0]["id"])
    channels = after["people"][0]["channels"]
    assert channels["press"]["asked"] is False
    assert "asked" not in channels["website"]


def test_names_are_offered_while_one_types(page: Sender, cast: support.Cast) -> None:
    """At most eight that hold the text, from two characters on; and who has agreed to nothing is marked."""
    for number in range(10):
        cast.add(f"Sample {number}")
    cast.sign(cast.add("Sample Asked"))
    page.path = inviting.PEOPLE
    told = page.ask(text="sample").get_json()["names"]
    assert len(told) == 8
    assert page.ask(text="sample ask").get_json()["names"] == [{"name": "Sample Asked", "asked": True}]
    assert page.ask(text="sample 1").get_json()["names"] == [{"name": "Sample 1", "asked": False}]
    for text in ("", "s", " s ", "%", 7, "x" * 101):
        assert page.ask(text=text).status_code == 422
