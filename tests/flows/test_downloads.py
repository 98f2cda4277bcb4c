"""At a download: what is cleared, or shows nobody, goes out; all else stays, with its reasons, and is logged."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import ConsentError
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.review import download_gate
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus, IntendedUse
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.commands.demo import samples
from sidecar.dam.downloads import MAX_PHOTOGRAPHS, PATH
from tests import sender, support
from tests.sender import SECRET, Sender


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house that the DAM may ask."""
    webhooks = {"panel_secret_file": sender.secret_file(tmp_path / "panel.secret", SECRET)}
    (tmp_path / "photos" / "shoot").mkdir(parents=True)
    config = support.configuration(tmp_path, webhooks=webhooks)
    with support.opened(config, clock, examiner) as open_:
        yield open_


@pytest.fixture
def library(services: Services, cast: support.Cast) -> dict[str, str]:
    """Åsa alone, Åsa beside a stranger, a wall, and a picture that nobody examined: refs by what they show."""
    photos = services.config.path(services.config.folder.path)
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa)
    cast.open_collection()
    wall = photos / "shoot/wall.jpg"
    Image.new("RGB", (640, 480), (90, 110, 130)).save(wall)
    support.settle(wall)
    refs = {
        "asa": support.put(photos, "shoot/asa.jpg", samples.A_STANDING),
        "both": support.together(photos, "shoot/both.jpg", samples.A_FRONT, samples.B_STANDING),
        "wall": "shoot/wall.jpg",
        "off": support.put(photos, "elsewhere/asa.jpg", samples.A_SPEECH),
    }
    calendar.poll_dam(services)
    cast.work()
    return refs | {"person": asa}


def test_only_the_cleared_and_the_empty_go_out(services: Services, library: dict[str, str]) -> None:
    """A stranger, a channel that nobody agreed to, a picture not examined, one not known: each stays."""
    asked = [library[name] for name in ("asa", "both", "wall", "off")] + ["shoot/nowhere.jpg"]
    found = download_gate.judge_downloads(services, asked, ["website"])
    assert [found[ref].open for ref in asked] == [True, False, True, False, False]
    assert all(found[ref].against for ref in asked if not found[ref].open)
    everywhere = download_gate.judge_downloads(services, asked, ["website", "press"])
    assert [everywhere[ref].open for ref in asked] == [False, False, True, False, False]
    with pytest.raises(ConsentError, match="not configured"):
        download_gate.judge_downloads(services, asked, ["television"])


def test_the_count_is_that_of_the_answers(
    services: Services, cast: support.Cast, library: dict[str, str], clock: ManualClock
) -> None:
    """What could go out today is counted as each photograph answers, before and after a withdrawal."""
    refs = [library[name] for name in ("asa", "both", "wall", "off")]

    def both_ways(channel: str) -> tuple[int, int]:
        told = photo_answers.answer_photos(services, refs, [IntendedUse("communication", channel)])
        yes = [a for one in told.values() for a in one.values()]
        return download_gate.count_open(services, channel), sum(
            a.status in {ClearanceStatus.CLEARED, ClearanceStatus.NO_PERSON_FOUND} for a in yes
        )

    assert both_ways("website") == (2, 2)
    assert both_ways("press") == (1, 1)
    withdrawal.withdraw(services, library["person"], None, "test")
    assert both_ways("website")[0] == both_ways("website")[1]
    cast.work()
    clock.advance(timedelta(seconds=1))
    assert both_ways("website")[0] == both_ways("website")[1]


@pytest.fixture
def gate(services: Services, clock: ManualClock) -> Iterator[Sender]:
    """The plugin's side of the download."""
    app = create_app(services.config, services)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.test_client() as client:
        yield Sender(client, clock, path=PATH)


def _deliveries(services: Services) -> list[dict[str, Any]]:
    with services.store.read() as conn:
        found = conn.execute(select(t.audit).where(t.audit.c.action == "gate:delivery:note").order_by(t.audit.c.seq))
        return [json.loads(row.details) | {"actor": row.actor, "photo": row.resource_id} for row in found]


def test_the_dam_is_answered_in_words(gate: Sender, services: Services, library: dict[str, str]) -> None:
    """In the user's language, with a state that names nobody; an answer is no delivery, and no row."""
    asked: dict[str, Any] = {"refs": [library["asa"], library["both"]], "channels": ["website"], "language": "nl-NL"}
    told = gate.ask(**asked).get_json()["answers"]
    assert told[library["asa"]] == {"open": True, "state": "open", "why": []}
    assert (told[library["both"]]["open"], told[library["both"]]["state"]) == (False, "unknown")
    assert any("gezicht" in line for line in told[library["both"]]["why"])
    press = gate.ask(**asked | {"channels": ["press"]}).get_json()["answers"]
    assert press[library["asa"]]["state"] == "blocked"
    assert _deliveries(services) == []


TOLD: dict[str, Any] = {
    "at": "2026-03-02T11:59:00Z",
    "channels": ["website", "press"],
    "user": "jo",
    "said": "refused",
    "happened": "stopped",
    "file": "main",
    "sent": [],
    "held": [7],
}


def test_what_was_delivered_is_logged_once(gate: Sender, services: Services) -> None:
    """Channels, photographs, what was said and what happened; the same message again writes nothing."""
    telling = Sender(gate.client, gate.clock, path=f"{PATH}/deliveries")
    assert telling.ask("fld_1", **TOLD).get_json() == {"status": "accepted"}
    assert telling.ask("fld_1", **TOLD).get_json() == {"status": "known"}
    archive = {"file": "archive", "user": "", "happened": "delivered", "said": "silent-refused"}
    telling.ask("fld_2", **TOLD | archive | {"sent": [1, 2, 3, 9], "held": [5], "channels": ["a name"]})
    one, two = _deliveries(services)
    assert one == {
        "at": "2026-03-02T11:59:00+00:00",
        "channels": "website, press",
        "said": "refused",
        "happened": "stopped",
        "file": "main",
        "photographs": 0,
        "resources": "",
        "left_out": 1,
        "resources_left_out": "7",
        "actor": "dam:jo",
        "photo": None,
    }
    assert (two["actor"], two["resources"], two["resources_left_out"]) == ("share", "1-3, 9", "5")
    assert two["channels"] == "?"  # what is no channel of ours may be anything


def test_a_delivery_of_another_form_is_refused(gate: Sender, services: Services) -> None:
    """No free text, no word of its own, no number that is none; and nothing is written."""
    telling = Sender(gate.client, gate.clock, path=f"{PATH}/deliveries")
    wrong: tuple[dict[str, Any], ...] = (
        {"said": "Bo Sample"},
        {"happened": "maybe"},
        {"file": "portrait of Bo"},
        {"sent": ["Bo"]},
        {"held": [0]},
        {"at": "today"},
        {"comment": "for Bo"},
        {"sent": list(range(1, MAX_PHOTOGRAPHS + 2))},
        {"channels": []},
        {"user": "a\nb"},
    )
    for bad in wrong:
        assert telling.ask(**TOLD | bad).status_code == 422, bad
    assert _deliveries(services) == []


def test_what_is_not_a_question_is_refused(gate: Sender, library: dict[str, str]) -> None:
    """Too many, none, another channel, more than asked for: a 4xx that says which part, and never a 500."""
    good: dict[str, Any] = {"refs": [library["wall"]], "channels": ["website"]}
    assert gate.ask(**good).status_code == 200
    for bad in (
        good | {"refs": list(range(1, MAX_PHOTOGRAPHS + 2))},
        good | {"refs": []},
        good | {"channels": []},
        good | {"refs": "1"},
        good | {"more": 1},
        {"refs": [1]},
        good | {"refs": [{}]},
        good | {"language": "a\nb"},
    ):
        answer = gate.ask(**bad)
        assert answer.status_code == 422, bad
        assert answer.content_type == "application/problem+json"
    assert gate.ask(**good | {"channels": ["television"]}).status_code == 422
    body = b'{"refs": [1], "channels": ["website"]}'
    assert gate.raw(body, {}).status_code == 401
    counting = Sender(gate.client, gate.clock, path=f"{PATH}/count")
    assert counting.ask(channels=["website", "press"]).get_json() == {"open": {"website": 2, "press": 1}}
    assert counting.ask(channels=[]).status_code == 422
